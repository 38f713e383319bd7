/**
 * Rules about definitions: what no grant opens, a rule with action `Allow` does, unless another refuses it.
 */
import { definitionUnopened } from '../../../kernel/policy-failure.ts';
import type { RuleMatch } from '../../../kernel/policy.ts';
import type { Definition } from '../../sql/definition.ts';
import type { ResolvedUse } from '../checks/definitions.ts';
import type { Decision } from '../decision.ts';
import type { GrantedRule, Grants } from '../grants.ts';
import type { StatementFacts } from './facts.ts';
import { applyRules, type RuleVerdict } from './rules.ts';

/** What the definition acts on: all but what a foreign key refers to. */
const acted = (uses: readonly ResolvedUse[]): readonly ResolvedUse[] => uses.filter(({ use }) => use.act !== 'Refer');

/** Facts with the objects of a definition in them. */
export const withObjects = (facts: StatementFacts, uses: readonly ResolvedUse[]): StatementFacts => ({
  ...facts,
  relations: [
    ...new Set([
      ...facts.relations,
      ...uses.flatMap(({ relation, dependents }) => [...(relation === undefined ? [] : [relation]), ...dependents]),
    ]),
  ],
  objects: [...new Set(acted(uses).map(({ object }) => object))],
  schemas: [...new Set(uses.map(({ schema }) => schema))],
});

const opens = (match: RuleMatch, { object, schema, name, relation, dependents }: ResolvedUse): boolean => {
  if (match.objects !== undefined && !match.objects.includes(object)) return false;
  const places = [{ schema, name: object === 'Index' && relation !== undefined ? relation.name : name }, ...dependents];
  return places.every((place) => {
    if (match.schemas !== undefined && !match.schemas.includes(place.schema)) return false;
    const isNamed = match.relations?.some((each) => each.schema === place.schema && each.name === place.name);
    return match.relations === undefined || isNamed === true;
  });
};

/** INVARIANT: a rule opens a definition only where it speaks of every object that it acts on. */
const isOpenedBy = ({ rule }: GrantedRule, definition: Definition, uses: readonly ResolvedUse[]): boolean =>
  rule.action === 'Allow' &&
  rule.match.statements?.includes(definition.verb) === true &&
  uses.length > 0 &&
  acted(uses).every((use) => opens(rule.match, use));

/** Rules of a policy up to the one that opens the definition: what comes later is not asked. */
const asked = (
  grants: Grants,
  isOpening: (rule: GrantedRule) => boolean,
): { readonly rules: readonly GrantedRule[]; readonly opening: readonly GrantedRule[] } => {
  const rules: GrantedRule[] = [];
  const opening: GrantedRule[] = [];
  for (const granted of grants.rules) {
    if (opening.some(({ policy }) => policy === granted.policy)) continue;
    if (isOpening(granted)) opening.push(granted);
    else rules.push(granted);
  }
  return { rules, opening };
};

/** What the rules say of a definition. */
export const judgeDefinition = (
  { definition, label, uses }: NonNullable<Decision['definition']>,
  facts: StatementFacts,
  grants: Grants,
): RuleVerdict => {
  const { rules, opening } = asked(grants, (granted) => isOpenedBy(granted, definition, uses));
  const verdict = applyRules({ ...grants, rules }, withObjects(facts, uses), false);
  if (verdict.reasons.length > 0) return verdict;
  const [first] = opening;
  if (first === undefined) {
    const places = [
      ...new Set(acted(uses).map(({ object, schema, name }) => (object === 'Schema' ? `schema ${schema}` : `${schema}.${name}`))),
    ];
    const reason = { failure: definitionUnopened(label, places.slice(0, 5).join(', ')), location: 0, auditable: false };
    return { ...verdict, reasons: [reason] };
  }
  const decisive = verdict.decisive ?? {
    rule: first.rule.name,
    policy: first.policy,
    action: 'Allow' as const,
    fact: `The rule opens ${label}.`,
  };
  return { ...verdict, rules: [...verdict.rules, first.rule.name], decisive };
};
