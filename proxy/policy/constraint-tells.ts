/**
 * Which constraints of the database tell of rows and columns that the agent may not see, when it writes certain columns.
 */
import type { RelationGrant } from '../../kernel/policy.ts';
import { type Catalog, type CatalogConstraint, type CatalogRelation, relationKey } from '../catalog/catalog.ts';
import { comparedColumns, heldColumns } from '../sql/check-condition.ts';
import { columnsIn, expressionsIn, isCertain } from '../sql/computed-expression.ts';
import type { Tree } from '../sql/tree.ts';
import type { Grants } from './grants.ts';

export type ConstraintContext = {
  readonly catalog: Catalog;
  readonly relations: Grants['relations'];
  /** The expression of a CHECK, or what is computed, parsed; undefined where it cannot be. */
  readonly parse: (expression: string) => Tree | undefined;
};

/** What of a relation the agent sees. */
type Sight = {
  readonly shows: (column: string) => boolean;
  /** Can there be hidden rows that agree with visible ones in these columns? */
  readonly hidesRows: (columns: readonly string[]) => boolean;
};

const NOTHING_SEEN: Sight = { shows: () => false, hidesRows: () => true };

const shown = ({ select }: RelationGrant, column: string): boolean =>
  select !== undefined &&
  (select.columns === '*' || select.columns.includes(column)) &&
  !select.masks.some((entry) => entry.column === column);

/** `filter`: parsed, where that is known. */
const sightOf = (grant: RelationGrant | undefined, filter?: Tree): Sight => {
  if (grant === undefined) return NOTHING_SEEN;
  const held = filter === undefined ? new Set<string>() : heldColumns(filter);
  return {
    shows: (column) => shown(grant, column),
    // All rows with the value that the filter holds a column to are the agent's own.
    hidesRows: (columns) => grant.where !== undefined && !columns.some((column) => held.has(column)),
  };
};

const grantOf = (relation: CatalogRelation | undefined, relations: Grants['relations']): RelationGrant | undefined =>
  relation && relations.get(relationKey(relation.schema, relation.name))?.grant;

const isHidden = (columns: readonly string[], { shows, hidesRows }: Sight): boolean => !columns.every(shows) || hidesRows(columns);

/** Partitions, inheritance children and parents, and what a view shows: rows that are written here may be stored there. */
const storesOf = ({ oid }: CatalogRelation, { relationsByOid }: Catalog): readonly CatalogRelation[] => {
  const found = new Set<number>();
  const pending = [oid];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const relation = relationsByOid.get(next);
    if (relation === undefined || found.has(next)) continue;
    found.add(next);
    const { kind, reaches } = relation;
    pending.push(...reaches.filter((each) => kind === 'v' || relationsByOid.get(each)?.kind !== 'v'));
  }
  return [...found].flatMap((each) => relationsByOid.get(each) ?? []).filter(({ kind }) => kind === 'r' || kind === 'p');
};

/** Columns that new rows are given, and that are changed. */
export type Assigned = { readonly inserted: ReadonlySet<string>; readonly updated: ReadonlySet<string>; readonly deletes: boolean };

/** A constraint that tells; `with`: hidden columns that it compares with an assigned one. */
export type Tells = {
  readonly constraint: CatalogConstraint;
  /** The assigned one; nothing where it does not count which. */
  readonly column: string;
  readonly with: readonly string[];
};

type TellsContext = {
  readonly store: CatalogRelation;
  readonly sight: Sight;
  readonly assigned: Assigned;
  readonly context: ConstraintContext;
};

const tellsOf = (constraint: CatalogConstraint, { store, sight, assigned, context }: TellsContext): Tells | undefined => {
  const { columns, other } = constraint;
  const { madeOf, isChanged, hiddenIn } = changesOf(store, sight, assigned);
  const touched = columns.filter((column) =>
    [column, ...madeOf(column)].some((each) => assigned.inserted.has(each) || assigned.updated.has(each)),
  );
  const far = other && sightOf(grantOf(context.catalog.relationsByOid.get(other.relation), context.relations));
  // What is generated of a hidden column and a changed one compares the two.
  const made = touched.filter((column) => isChanged(column) && madeOf(column).length > 0).flatMap(hiddenIn);
  const [column] = touched;
  switch (constraint.type) {
    case 'Unique':
    case 'Exclusion': {
      if (column === undefined || !isHidden(columns, sight)) return undefined;
      return { constraint, column, with: [...constraint.compared.filter((each) => !sight.shows(each)), ...made] };
    }
    case 'ForeignKey':
      return column !== undefined && other !== undefined && far !== undefined && (made.length > 0 || isHidden(other.columns, far))
        ? { constraint, column: made.length > 0 ? column : '', with: made }
        : undefined;
    case 'Referenced': {
      const keeps = other !== undefined && ((assigned.deletes && other.deletes) || (other.updates && columns.some(isChanged)));
      return keeps && far !== undefined && isHidden(other.columns, far) ? { constraint, column: '', with: [] } : undefined;
    }
    case 'Check': {
      // What an INSERT leaves out has its default, which is nobody's secret.
      const set = columns.filter(isChanged);
      if (set.length === 0 || constraint.expression === undefined) return undefined;
      const condition = context.parse(constraint.expression);
      const all = new Set(columns);
      const { related, compared } = condition === undefined ? { related: all, compared: all } : comparedColumns(condition, new Set(set));
      if (!columns.some((each) => related.has(each) && hiddenIn(each).length > 0)) return undefined;
      return {
        constraint,
        column: set.find((each) => related.has(each)) ?? '',
        with: columns.filter((each) => compared.has(each)).flatMap(hiddenIn),
      };
    }
    case 'Computed':
      return computedTells(constraint, store, { sight, isChanged, hiddenIn, parse: context.parse });
  }
};

/** Types of which `||` makes text, and which comparing cannot fail for. */
const PLAIN_TYPES = new Set(
  'text varchar bpchar name bool int2 int4 int8 numeric float4 float8 uuid date timestamp timestamptz'.split(' '),
);

type Computing = Omit<ReturnType<typeof changesOf>, 'madeOf'> & { readonly sight: Sight; readonly parse: ConstraintContext['parse'] };

/** Whether it can be computed tells of what it is computed of, unless it always can. */
const computedTells = (constraint: CatalogConstraint, store: CatalogRelation, computing: Computing): Tells | undefined => {
  const { sight, isChanged, hiddenIn, parse } = computing;
  const generated = store.columns.find(({ name, madeOf }) => name === constraint.name && madeOf !== undefined);
  // Whoever sees what is made knows as much.
  if (generated !== undefined && sight.shows(generated.name)) return undefined;
  const list = constraint.expression === undefined ? undefined : parse(constraint.expression);
  // Where NULL is an error, a condition within it is told by that.
  const mayBeNull = generated?.notNull === true && /\b(CASE|NULLIF)\b/.test(constraint.expression ?? '');
  const types = new Map(store.columns.map(({ name, baseType }) => [name, baseType]));
  const found = (list === undefined ? [undefined] : expressionsIn(list)).flatMap((expression) => {
    const named = expression === undefined ? [...types.keys()] : [...columnsIn(expression)];
    const column = named.find(isChanged);
    const hidden = named.flatMap(hiddenIn);
    if (column === undefined || hidden.length === 0) return [];
    const certain =
      expression !== undefined && !mayBeNull && isCertain(expression) && named.every((name) => PLAIN_TYPES.has(types.get(name) ?? ''));
    return { column, with: certain ? [] : hidden };
  });
  const worst = found.find((each) => each.with.length > 0) ?? found[0];
  return worst && { constraint, ...worst };
};

/** What a write changes of the rows that are there. */
const changesOf = (store: CatalogRelation, { shows }: Sight, { updated }: Assigned) => {
  const sources = new Map(store.columns.map(({ name, madeOf }) => [name, madeOf ?? []]));
  const madeOf = (column: string): readonly string[] => sources.get(column) ?? [];
  const isChanged = (column: string): boolean => updated.has(column) || madeOf(column).some((each) => updated.has(each));
  /** Columns that are as they were, and hidden, of which the column then says something. */
  const hiddenIn = (column: string): readonly string[] => {
    if (updated.has(column) || shows(column)) return [];
    return isChanged(column) ? madeOf(column).filter((each) => !updated.has(each) && !shows(each)) : [column];
  };
  return { madeOf, isChanged, hiddenIn };
};

/** What of a view's table the agent sees through the view: these columns, and some of its rows. */
const throughView = (grant: RelationGrant | undefined, view: CatalogRelation): Sight => {
  const base = sightOf(grant);
  return {
    shows: (column) => base.shows(column) || view.columns.some(({ name }) => name === column),
    hidesRows: base.hidesRows,
  };
};

export type TellsOf = {
  readonly relation: CatalogRelation;
  readonly grant: RelationGrant;
  /** The row filter, parsed. */
  readonly filter: Tree | undefined;
  readonly assigned: Assigned;
};

/** The constraints that tell where these columns of a relation are written. */
export const constraintTells = ({ relation, grant, filter, assigned }: TellsOf, context: ConstraintContext): readonly Tells[] => {
  const own = sightOf(grant, filter);
  return storesOf(relation, context.catalog).flatMap((store) => {
    const sight = relation.kind === 'v' ? throughView(grantOf(store, context.relations), relation) : own;
    return (context.catalog.constraints.get(store.oid) ?? []).flatMap(
      (constraint) => tellsOf(constraint, { store, sight, assigned, context }) ?? [],
    );
  });
};
