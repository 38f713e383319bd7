/**
 * Which conditions of a write may stand beside the row filter of its target: those that can neither fail nor tell whatever row they are
 * asked about. PostgreSQL finds indexes and joins by them. The others are only evaluated on rows that the filter has let through.
 */
import type { Catalog, CatalogColumn, CatalogRelation } from '../catalog/catalog.ts';
import type { FromItem, RelationReference, Write } from '../sql/analysis.ts';
import { parameterTypes } from '../sql/parameter-types.ts';
import { isTree, type Tree } from '../sql/tree.ts';
import { conjuncts, rejectsNull } from './condition-forms.ts';
import { conditionText, qualified } from './condition-text.ts';
import { isHarmlessFilter } from './harmless-filter.ts';
import { isHarmless } from './harmless.ts';
import { quoteIdentifier } from './quote.ts';
import type { Scope } from './scope.ts';
import { isStored } from './sight.ts';
import type { OpenConditions, TargetScope } from './target.ts';

export type WrittenStatement = {
  /** As it was parsed. */
  readonly tree: Tree;
  /** EXPLAIN tells how many rows each condition may find, hidden ones among them, and ANALYZE how many it has. */
  readonly explains: boolean;
  /** Oids of the types that the client declares for parameters; undefined where that is not known. */
  readonly declared: readonly number[] | undefined;
  readonly scopes: ReadonlyMap<RelationReference, Scope>;
  readonly catalog: Catalog;
};

/** A column as it is stored and may be read; undefined for a mask and for what is in doubt. */
type Columns = (name: string) => CatalogColumn | undefined;

const stored = (relation: CatalogRelation, isShown: (name: string) => boolean): Columns => {
  const columns = new Map(relation.columns.map((column) => [column.name, column]));
  return (name) => (isStored(relation) && isShown(name) ? columns.get(name) : undefined);
};

const columnsOf = (item: FromItem, target: TargetScope, { scopes }: WrittenStatement): Columns | undefined => {
  if (item.type === 'Target') {
    const { columns } = target.views.get(item.name ?? '') ?? { columns: new Map() };
    return stored(target.relation, (name) => columns.get(name)?.masked === false);
  }
  const scope = item.reference === undefined || item.columnAliases || item.covered ? undefined : scopes.get(item.reference);
  if (scope?.type === 'Bare') return stored(scope.relation, () => true);
  return scope?.type === 'Scoped'
    ? stored(scope.relation, (name) => scope.columns.includes(name) && !scope.masked.includes(name))
    : undefined;
};

/** What brings conditions of its own into the same plan. */
const CONDITIONAL = new Set(['JoinExpr', 'RangeSubselect', 'RangeFunction']);

/**
 * Does the statement have conditions that are not guarded, as those of ON? PostgreSQL puts equals in the place of equals: with
 * `o.id = a.x` beside the filter, `a.x = 1 / b.y` of ON would be asked as `o.id = 1 / b.y`, also of hidden rows.
 */
const hasOtherConditions = (tree: Tree): boolean => {
  const pending: unknown[] = [tree];
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) for (const each of value) pending.push(each);
    else if (isTree(value)) {
      for (const key of Object.keys(value)) {
        if (CONDITIONAL.has(key)) return true;
        if (key !== 'A_Const') pending.push(value[key]);
      }
    }
  }
  return false;
};

/** The conditions of `write` that are harmless; none where the filter itself is not. */
export const openConditions = (write: Write, target: TargetScope, statement: WrittenStatement): OpenConditions => {
  const { reach } = write;
  const { filter, relation } = target;
  if (reach?.condition === undefined || filter === undefined || statement.explains) return [];
  if (!isHarmlessFilter({ condition: filter }, relation, statement.catalog)) return [];
  const { items } = reach.level;
  const named = (fields: readonly string[]): FromItem | undefined => {
    // A name alone could be another item's.
    if (fields.length === 1) return items.length === 1 ? items[0] : undefined;
    const found = items.filter((item) => item.name === fields[0]);
    return fields.length === 2 && found.length === 1 ? found[0] : undefined;
  };
  const onlyTarget = hasOtherConditions(statement.tree);
  const columnOf = (fields: readonly string[]): CatalogColumn | undefined => {
    const item = named(fields);
    return item === undefined || (onlyTarget && item.type !== 'Target')
      ? undefined
      : columnsOf(item, target, statement)?.(fields.at(-1) ?? '');
  };
  const { catalog, tree, declared } = statement;
  const parameters = parameterTypes(tree, declared, (name) => catalog.userTypes.has(name));
  const all = conjuncts(reach.condition);
  const harmless = all.filter((condition) => isHarmless(condition, { columnOf, parameters, catalog }));
  if (harmless.length === all.length) return 'All';
  // Only these are written out as they are read.
  return harmless
    .filter(rejectsNull)
    .map((condition) => conditionText(qualified(condition, (fields) => [quoteIdentifier(named(fields)?.name ?? ''), fields.at(-1) ?? ''])));
};
