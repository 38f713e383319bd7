/** Checks of rules: names that are not there, and rules that an earlier one always decides before. */
import { nearestName } from '../kernel/manifest/nearest-name.ts';
import { type QualifiedName, type Rule, type RuleMatch, TEMPORARY_SCHEMA } from '../kernel/policy.ts';
import { type Catalog, relationKey } from '../proxy/catalog/catalog.ts';
import { type Check, type Finding, inPolicy } from './lint-finding.ts';

const displayed = ({ schema, name }: QualifiedName): string => `${schema}.${name}`;

type Missing = {
  readonly check: string;
  readonly field: string;
  readonly index: number;
  readonly what: string;
  readonly nearest: string | undefined;
};

const missingIn = (match: RuleMatch, catalog: Catalog): readonly Missing[] => {
  const relations = [...catalog.relations.values()].map(displayed);
  const unknownRelation = (name: QualifiedName): boolean => !catalog.relations.has(relationKey(name.schema, name.name));
  const own = [...catalog.functions.values()].flat();
  const unknownFunction = ({ schema, name }: QualifiedName): boolean =>
    schema === 'pg_catalog' ? !catalog.builtinFunctions.has(name) : !own.some((each) => each.schema === schema && each.name === name);
  const found: Missing[] = [];
  for (const [index, name] of (match.relations ?? []).entries()) {
    if (!unknownRelation(name)) continue;
    const what = `relation ${displayed(name)}`;
    found.push({ check: 'unknown-relation', field: 'relations', index, what, nearest: nearestName(displayed(name), relations) });
  }
  for (const [index, schema] of (match.schemas ?? []).entries()) {
    if (schema === TEMPORARY_SCHEMA || catalog.schemas.has(schema)) continue;
    found.push({
      check: 'unknown-schema',
      field: 'schemas',
      index,
      what: `schema ${schema}`,
      nearest: nearestName(schema, [...catalog.schemas]),
    });
  }
  for (const [index, name] of (match.functions ?? []).entries()) {
    if (!unknownFunction(name)) continue;
    const nearest = nearestName(displayed(name), own.map(displayed));
    found.push({ check: 'unknown-function', field: 'functions', index, what: `function ${displayed(name)}`, nearest });
  }
  for (const [index, { relation, column }] of (match.columns ?? []).entries()) {
    const columns = catalog.relations.get(relationKey(relation.schema, relation.name))?.columns.map(({ name }) => name) ?? [];
    if (columns.includes(column)) continue;
    const what = `column ${displayed(relation)}.${column}`;
    found.push({ check: 'unknown-column', field: 'columns', index, what, nearest: nearestName(column, columns) });
  }
  return found;
};

/** Names in rules that the database does not have. What an Allow rule names may be made by its agent. */
export const unknownInRules: Check = ({ bundle, databases }) =>
  bundle.policies.flatMap((policy) => {
    const catalog = databases.get(policy.connection)?.catalog;
    if (catalog === undefined) return [];
    return policy.rules.flatMap((rule, index): readonly Finding[] =>
      missingIn(rule.match, catalog).map((missing) =>
        inPolicy(missing.check, policy, {
          severity: rule.action === 'Allow' ? 'Warning' : 'Error',
          path: ['spec', 'rules', index, 'match', missing.field, missing.index],
          message: `${missing.what} does not exist in database "${catalog.database}", and rule "${rule.name}" never meets it`,
          remedy: missing.nearest === undefined ? 'Correct the name, or remove it.' : `Did you mean "${missing.nearest}"?`,
        }),
      ),
    );
  });

const LISTS = ['statements', 'objects', 'relations', 'schemas', 'functions', 'columns'] as const;
const FLAGS = ['withoutWhere', 'withoutKey', 'fromQuery', 'upsert'] as const;
const LATER = ['rowsEstimatedOver', 'rowsReturnedOver', 'bytesReturnedOver', 'rowsAffectedOver'] as const;

/** Does `earlier` meet every statement that `later` meets? */
const covers = (earlier: RuleMatch, later: RuleMatch): boolean => {
  const isWider = (field: (typeof LISTS)[number]): boolean => {
    const wide: readonly unknown[] | undefined = earlier[field];
    const narrow: readonly unknown[] | undefined = later[field];
    if (wide === undefined) return true;
    const texts = new Set(wide.map((item) => JSON.stringify(item)));
    return narrow?.every((item) => texts.has(JSON.stringify(item))) === true;
  };
  if (LATER.some((field) => earlier[field] !== undefined)) return false;
  if (earlier.time !== undefined && JSON.stringify(earlier.time) !== JSON.stringify(later.time)) return false;
  return LISTS.every(isWider) && FLAGS.every((flag) => earlier[flag] !== true || later[flag] === true);
};

const isShadowedBy = (later: Rule, earlier: Rule): boolean => {
  // Allow asks for every object, the others for any.
  if (later.action === 'Allow' && earlier.action !== 'Allow') return earlier.action !== 'Audit' && covers(earlier.match, later.match);
  return (later.action === 'Allow') === (earlier.action === 'Allow') && covers(earlier.match, later.match);
};

/** Rules that never decide, since an earlier one of the policy meets whatever they meet. */
export const shadowedRules: Check = ({ bundle }) =>
  bundle.policies.flatMap((policy) =>
    policy.rules.flatMap((rule, index): readonly Finding[] => {
      const earlier = policy.rules.slice(0, index).find((other) => isShadowedBy(rule, other));
      if (earlier === undefined) return [];
      return [
        inPolicy('shadowed-rule', policy, {
          severity: 'Warning',
          path: ['spec', 'rules', index],
          message: `rule "${rule.name}" never decides, for rule "${earlier.name}" before it meets all that it meets`,
          remedy: 'Put the narrower rule first, or remove it.',
        }),
      ];
    }),
  );
