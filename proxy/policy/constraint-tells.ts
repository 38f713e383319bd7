/**
 * Which constraints of the database tell of rows and columns that the agent may not see, when it writes certain columns.
 */
import type { RelationGrant } from '../../kernel/policy.ts';
import { type Catalog, type CatalogConstraint, type CatalogRelation, relationKey } from '../catalog/catalog.ts';
import { comparedColumns, heldColumns } from '../sql/check-condition.ts';
import type { Tree } from '../sql/tree.ts';
import type { Grants } from './grants.ts';

export type ConstraintContext = {
  readonly catalog: Catalog;
  readonly relations: Grants['relations'];
  /** The expression of a CHECK, parsed; undefined where it cannot be. */
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

const tellsOf = (
  constraint: CatalogConstraint,
  sight: Sight,
  { assigned, context }: { readonly assigned: Assigned; readonly context: ConstraintContext },
): Tells | undefined => {
  const { columns, other } = constraint;
  const touched = columns.filter((column) => assigned.inserted.has(column) || assigned.updated.has(column));
  const far = other && sightOf(grantOf(context.catalog.relationsByOid.get(other.relation), context.relations));
  const [column] = touched;
  switch (constraint.type) {
    case 'Unique':
    case 'Exclusion': {
      if (column === undefined || !isHidden(columns, sight)) return undefined;
      return { constraint, column, with: constraint.compared.filter((each) => !sight.shows(each)) };
    }
    case 'ForeignKey':
      return column !== undefined && other !== undefined && far !== undefined && isHidden(other.columns, far)
        ? { constraint, column: '', with: [] }
        : undefined;
    case 'Referenced': {
      const keeps =
        other !== undefined &&
        ((assigned.deletes && other.deletes) || (other.updates && columns.some((each) => assigned.updated.has(each))));
      return keeps && far !== undefined && isHidden(other.columns, far) ? { constraint, column: '', with: [] } : undefined;
    }
    case 'Check': {
      // What an INSERT leaves out has its default, which is nobody's secret.
      const set = columns.filter((each) => assigned.updated.has(each));
      const hidden = columns.filter((each) => !sight.shows(each) && !assigned.updated.has(each));
      if (set.length === 0 || hidden.length === 0 || constraint.expression === undefined) return undefined;
      const condition = context.parse(constraint.expression);
      const all = new Set(columns);
      const { related, compared } = condition === undefined ? { related: all, compared: all } : comparedColumns(condition, new Set(set));
      if (!hidden.some((each) => related.has(each))) return undefined;
      return { constraint, column: set.find((each) => related.has(each)) ?? '', with: hidden.filter((each) => compared.has(each)) };
    }
  }
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
      (constraint) => tellsOf(constraint, sight, { assigned, context }) ?? [],
    );
  });
};

/** Does it have stored generated columns of hidden columns and of changed ones? Whether they can be computed tells. */
export const computesHidden = (relation: CatalogRelation, grant: RelationGrant, updated: ReadonlySet<string>): boolean =>
  relation.columns.some(({ madeOf = [], virtual }) => {
    const kept = madeOf.filter((column) => !updated.has(column));
    return !virtual && kept.length < madeOf.length && kept.some((column) => !shown(grant, column));
  });
