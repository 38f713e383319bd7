/** Checks of what constraints of the database tell of what a grant hides. */
import type { ColumnList } from '../kernel/policy.ts';
import { type CatalogRelation, relationKey } from '../proxy/catalog/catalog.ts';
import { constraintTells, type Tells } from '../proxy/policy/constraint-tells.ts';
import { soleExpression } from '../proxy/sql/check-condition.ts';
import type { Tree } from '../proxy/sql/tree.ts';
import { type Check, type Finding, type GrantPlace, grantPlaces, inPolicy, type LintInput } from './lint-finding.ts';
import { relationOf } from './lint-grants.ts';

const expressionOf = (input: LintInput, sql: string): Tree | undefined => {
  const parsed = input.expression(sql);
  return 'tree' in parsed ? soleExpression(parsed.tree) : undefined;
};

const names = (list: ColumnList | undefined, { columns }: CatalogRelation): readonly string[] =>
  list === '*' ? columns.map(({ name }) => name) : (list ?? []);

/** What each kind of writing tells; each column that can be changed is changed alone. */
const tellsIn = (input: LintInput, place: GrantPlace, relation: CatalogRelation): readonly (Tells & { readonly verb: string })[] => {
  const { grant, policy, database } = place;
  if (database === undefined) return [];
  const filter = grant.where === undefined ? undefined : expressionOf(input, grant.where);
  const { catalog } = database;
  const relations = new Map(policy.relations.map((each) => [relationKey(each.schema, each.name), { grant: each, policy: policy.key }]));
  const context = { catalog, relations, parse: (sql: string) => expressionOf(input, sql) };
  const none = { inserted: new Set<string>(), updated: new Set<string>(), deletes: false };
  const writes = [
    { verb: 'insert', assigned: { ...none, inserted: new Set(names(grant.insert?.columns, relation)) } },
    ...names(grant.update?.columns, relation).map((column) => ({ verb: 'update', assigned: { ...none, updated: new Set([column]) } })),
    { verb: 'delete', assigned: { ...none, deletes: grant.delete } },
  ];
  return writes.flatMap(({ verb, assigned }) =>
    constraintTells({ relation, grant, filter, assigned }, context).map((tells) => ({ ...tells, verb })),
  );
};

const list = (columns: readonly string[]): string => columns.map((column) => `"${column}"`).join(', ');

/** The sentence of one constraint; undefined where it tells too little to be named. */
const factOf = ({ constraint, column, with: hidden, verb }: Tells & { readonly verb: string }, place: GrantPlace): string | undefined => {
  const { type, name, columns, other } = constraint;
  const guessable = new Set(place.grant.guessable);
  const [compared] = hidden;
  if (compared !== undefined) {
    const how = hidden.every((each) => guessable.has(each)) ? 'whose values can be found by trying' : `so that ${verb} of it is refused`;
    const [what, and] = type === 'Computed' ? [`"${name}" is computed of column`, 'and'] : [`constraint "${name}" compares column`, 'with'];
    return `${what} "${column}" of ${place.name} ${and} hidden column "${compared}", ${how}`;
  }
  const far = other && place.database?.catalog.relationsByOid.get(other.relation);
  switch (type) {
    case 'Unique':
    case 'Exclusion':
      return `an agent that may ${verb} ${place.name} can learn whether hidden rows or values have the same ${list(columns)}: constraint "${name}"`;
    case 'ForeignKey':
      return `an agent that may ${verb} ${place.name} can learn which rows ${far?.schema}.${far?.name} has: foreign key "${name}"`;
    case 'Referenced':
      return `an agent that may ${verb} ${place.name} can learn whether ${far?.schema}.${far?.name} refers to a row: foreign key "${name}"`;
    default:
      return undefined;
  }
};

/** Constraints by which writes tell of what is hidden. */
export const tellingConstraints: Check = (input) =>
  grantPlaces(input).flatMap((place): Finding[] => {
    const relation = relationOf(place);
    if (relation === undefined) return [];
    const remedy =
      'Grant fewer columns for writing, or keep limits.probesPerSession and limits.probesPerHour as low as the work allows; 0 refuses such writes.';
    const found = new Map<string, Finding>();
    for (const tells of tellsIn(input, place, relation)) {
      const message = factOf(tells, place);
      if (message === undefined || found.has(tells.constraint.name)) continue;
      const path = [...place.path, tells.verb];
      found.set(tells.constraint.name, inPolicy('telling-constraint', place.policy, { severity: 'Warning', path, message, remedy }));
    }
    return [...found.values()];
  });

/** Generated columns that the grant names, and that are computed from columns that it hides. */
export const derivedColumns: Check = (input) =>
  grantPlaces(input).flatMap((place): Finding[] => {
    const { grant, policy, path, name } = place;
    const { columns: shown = [], masks = [] } = grant.select ?? {};
    // With '*' they are NULL.
    if (shown === '*') return [];
    const masked = new Set(masks.map(({ column }) => column));
    return (relationOf(place)?.columns ?? []).flatMap((column): Finding[] => {
      const hidden = (column.madeOf ?? []).filter((each) => !shown.includes(each));
      if (!shown.includes(column.name) || masked.has(column.name) || hidden.length === 0) return [];
      const message = `column "${column.name}" of ${name} is shown as it is, and computed from hidden ${list(hidden)}`;
      const remedy = 'Mask it alike, or leave it out.';
      return [inPolicy('derived-column', policy, { severity: 'Warning', path: [...path, 'select'], message, remedy })];
    });
  });
