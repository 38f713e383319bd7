/**
 * Grouping by a primary key and naming the relation's other columns is what people write, and a sub-select has no key.
 * The columns that the query names are added to its GROUP BY: they depend on the key, so the groups stay the same.
 */
import type { Analysis, ColumnUse, GroupItem, QueryLevel, RelationReference } from '../sql/analysis.ts';
import { quoteIdentifier } from './quote.ts';
import type { ScopedRelation } from './scope.ts';

export type GroupAddition = {
  /** Byte offset of the GROUP BY item after which the columns go. */
  readonly after: number;
  readonly item: GroupItem;
  readonly text: string;
};

type Column = { readonly qualifier: string | undefined; readonly name: string };

const asColumn = (fields: readonly string[]): Column => ({ qualifier: fields.at(-2), name: fields.at(-1) ?? '' });

/** What a GROUP BY item groups by: a column, directly, by ordinal or by the name of a select list entry. */
const groupedColumn = (item: GroupItem, level: QueryLevel): Column | undefined => {
  if (item.type === 'Column') {
    const renamed = item.fields.length === 1 ? level.targets.find((target) => target.name === item.fields[0])?.column : undefined;
    return asColumn(renamed ?? item.fields);
  }
  const target = level.targets[item.ordinal - 1]?.column;
  return target === undefined || target.at(-1) === '' ? undefined : asColumn(target);
};

/** The additions for one level; nothing where no scoped relation is grouped by its whole key. */
const additionsAt = (
  level: QueryLevel,
  scopes: ReadonlyMap<RelationReference, ScopedRelation>,
  uses: readonly ColumnUse[],
): readonly GroupAddition[] => {
  const items = level.groupBy ?? [];
  const last = items.at(-1);
  if (last === undefined) return [];
  const grouped = items.map((item) => groupedColumn(item, level)).filter((column) => column !== undefined);
  const scoped = level.items.flatMap((item) => {
    const scope = item.reference === undefined ? undefined : scopes.get(item.reference);
    return scope === undefined || item.columnAliases || item.name === undefined ? [] : [{ name: item.name, scope }];
  });
  const additions: string[] = [];
  for (const { name, scope } of scoped) {
    const visible = new Set(scope.columns);
    const mine = (column: Column): boolean =>
      column.qualifier === name ||
      (column.qualifier === undefined && visible.has(column.name) && scoped.filter((other) => other.scope.columns.includes(column.name)).length === 1);
    const key = scope.relation.primaryKey;
    const own = new Set(grouped.filter(mine).map((column) => column.name));
    if (key.length === 0 || !key.every((column) => own.has(column))) continue;
    for (const use of uses) {
      if (!within(use.level, level)) continue;
      const column = asColumn(use.fields);
      if (use.star && use.level === level && (use.fields.length === 0 || use.fields.at(-1) === name)) {
        for (const each of scope.columns) own.has(each) || additions.push(`${quoteIdentifier(name)}.${quoteIdentifier(each)}`);
      } else if (!use.star && mine(column) && visible.has(column.name) && !own.has(column.name)) {
        additions.push(`${quoteIdentifier(name)}.${quoteIdentifier(column.name)}`);
      }
    }
  }
  const text = [...new Set(additions)].join(', ');
  return text === '' ? [] : [{ after: last.location, item: last, text }];
};

const within = (level: QueryLevel, outer: QueryLevel): boolean => {
  for (let at: QueryLevel | undefined = level; at !== undefined; at = at.parent) if (at === outer) return true;
  return false;
};

export const groupAdditions = (
  analysis: Analysis,
  scopes: ReadonlyMap<RelationReference, ScopedRelation>,
): readonly GroupAddition[] => analysis.levels.flatMap((level) => additionsAt(level, scopes, analysis.columns));
