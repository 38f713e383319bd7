/**
 * Rules about definitions: what no grant opens, a rule with action `Allow` does, unless another refuses it.
 */
import { definitionUnopened } from '../../../kernel/policy-failure.ts';
import { type QualifiedName, type RuleMatch, TEMPORARY_SCHEMA } from '../../../kernel/policy.ts';
import type { Definition } from '../../sql/definition.ts';
import type { Decision, ResolvedUse } from '../decision.ts';
import type { GrantedRule, Grants } from '../grants.ts';
import type { StatementFacts } from './facts.ts';
import { applyRules, type RuleVerdict } from './rules.ts';

/** What the definition acts on: all but what a foreign key refers to. */
const acted = (uses: readonly ResolvedUse[]): readonly ResolvedUse[] => uses.filter(({ use }) => use.act !== 'Refer');

/** Acts that look at rows, or after which a column's values stand under another name. */
const SEES_COLUMNS: ReadonlySet<string> = new Set(['Examine', 'Move', 'Replace', 'Refer']);

/** Does the definition name the column, or let what is in it be seen some other way? */
const sees = (uses: readonly ResolvedUse[], { schema, name }: QualifiedName, column: string): boolean =>
  uses.some(
    ({ use, relation }) =>
      SEES_COLUMNS.has(use.act) &&
      relation?.schema === schema &&
      relation.name === name &&
      (use.act !== 'Refer' || (use.columns ?? relation.primaryKey).includes(column)),
  );

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

/** Rules of a policy up to the one that opens the definition, and those behind it, which are not asked about the definition. */
const asked = (
  grants: Grants,
  isOpening: (rule: GrantedRule) => boolean,
): { readonly rules: readonly GrantedRule[]; readonly opening: readonly GrantedRule[]; readonly later: readonly GrantedRule[] } => {
  const later: GrantedRule[] = [];
  const rules: GrantedRule[] = [];
  const opening: GrantedRule[] = [];
  for (const granted of grants.rules) {
    if (opening.some(({ policy }) => policy === granted.policy)) later.push(granted);
    else if (isOpening(granted)) opening.push(granted);
    else rules.push(granted);
  }
  return { rules, opening, later };
};

/** INVARIANT: a rule that opens CREATE does not speak of what the query reads and changes. */
const ofQuery = (facts: StatementFacts, { verb }: Definition): StatementFacts => ({
  ...facts,
  parts: facts.parts.filter(({ kinds }) => !kinds.includes(verb)),
});

const NO_CONDITION: RuleMatch = {
  statements: undefined,
  relations: undefined,
  withoutWhere: undefined,
  rowsReturnedOver: undefined,
  rowsAffectedOver: undefined,
};

/** Rules about columns that are there, whatever kind of statement they speak of: they hold for what the definition makes of these. */
const aboutColumns = ({ rules }: Grants, uses: readonly ResolvedUse[]): readonly GrantedRule[] =>
  rules.flatMap(({ rule, policy }) => {
    const columns = rule.match.columns?.filter(({ relation, column }) => sees(uses, relation, column)) ?? [];
    if (columns.length === 0 || rule.action === 'Allow' || rule.action === 'Audit') return [];
    return [{ policy, rule: { ...rule, match: { ...NO_CONDITION, columns } } }];
  });

const together = (verdicts: readonly RuleVerdict[]): RuleVerdict => ({
  reasons: verdicts.flatMap(({ reasons }) => reasons),
  rules: verdicts.flatMap(({ rules }) => rules),
  watches: verdicts.flatMap(({ watches }) => watches),
  estimates: verdicts.flatMap(({ estimates }) => estimates),
  decisive: verdicts.find(({ decisive }) => decisive !== undefined)?.decisive,
});

const temporaryHint = ({ verb }: Definition): string =>
  `A rule would have to open temporary tables: match: { statements: [${verb}], schemas: [${TEMPORARY_SCHEMA}] }, action: Allow.`;

/** What the rules say of a definition. */
export const judgeDefinition = (
  { definition, label, uses }: NonNullable<Decision['definition']>,
  facts: StatementFacts,
  grants: Grants,
): RuleVerdict => {
  const { rules, opening, later } = asked(grants, (granted) => isOpenedBy(granted, definition, uses));
  const verdict = together([
    applyRules({ ...grants, rules }, withObjects(facts, uses), false),
    applyRules({ ...grants, rules: aboutColumns(grants, uses) }, { ...facts, names: () => true }, false),
    ...(definition.query === 'None' ? [] : [applyRules({ ...grants, rules: later }, ofQuery(facts, definition), false)]),
  ]);
  if (verdict.reasons.length > 0) return verdict;
  const [first] = opening;
  if (first === undefined) {
    const places = [
      ...new Set(acted(uses).map(({ object, schema, name }) => (object === 'Schema' ? `schema ${schema}` : `${schema}.${name}`))),
    ];
    const isTemporary = uses.some(({ schema }) => schema === TEMPORARY_SCHEMA);
    const failure = definitionUnopened(label, places.slice(0, 5).join(', '), isTemporary ? temporaryHint(definition) : undefined);
    const reason = { failure, location: 0, auditable: false };
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
