/**
 * Grouping by a primary key and naming the relation's other columns is what people write, and a sub-select has no key.
 * The columns that the query names are added to its GROUP BY: they depend on the key, so the groups stay the same.
 */
import type { Analysis, ColumnUse, FromItem, GroupItem, QueryLevel, RelationReference } from '../sql/analysis.ts';
import { quoteIdentifier } from './quote.ts';
import type { ScopedRelation } from './scope.ts';

/** How each scoped reference of a statement is known there. */
export type Named = { readonly scope: ScopedRelation; readonly name: string };

export type GroupAddition = {
  /** Byte offset of the GROUP BY item after which the columns go. */
  readonly after: number;
  readonly text: string;
};

type Column = { readonly qualifier: string | undefined; readonly name: string };

const asColumn = (fields: readonly string[]): Column => ({ qualifier: fields.at(-2), name: fields.at(-1) ?? '' });

/** What a GROUP BY item groups by. A name is a column of FROM before it is one of the select list. */
const groupedColumn = (item: GroupItem, level: QueryLevel, isColumn: (name: string) => boolean): Column | undefined => {
  if (item.type === 'Ordinal') {
    const target = level.targets[item.ordinal - 1]?.column;
    return target === undefined || target.at(-1) === '' ? undefined : asColumn(target);
  }
  const [only] = item.fields;
  const renamed =
    item.fields.length === 1 && !isColumn(only ?? '') ? level.targets.find((target) => target.name === only)?.column : undefined;
  return asColumn(renamed ?? item.fields);
};

type Entry = Named & { readonly item: FromItem };

/** One GROUP BY: what it groups by, and every column that its level and those inside of it use. */
type Grouping = {
  readonly grouped: readonly Column[];
  readonly uses: readonly ColumnUse[];
  readonly level: QueryLevel;
  /** Do the level's scopes have this column only once? */
  readonly isUnique: (name: string) => boolean;
};

/** What one relation needs, where the level groups by its whole key. */
const additionsFor = ({ scope, name, item }: Entry, { grouped, uses, level, isUnique }: Grouping): readonly string[] => {
  const columns = new Set(scope.columns);
  const isMine = (column: Column): boolean =>
    columns.has(column.name) && (column.qualifier === undefined ? isUnique(column.name) : column.qualifier === item.name);
  const own = new Set(grouped.filter(isMine).map((column) => column.name));
  const { key } = scope;
  if (key.length === 0 || !key.every((column) => own.has(column))) return [];
  const additions: string[] = [];
  const add = (column: string): void => {
    // What cannot be compared cannot be grouped by; inside of an aggregate it does not have to be.
    if (!own.has(column) && !scope.incomparable.includes(column)) additions.push(`${quoteIdentifier(name)}.${quoteIdentifier(column)}`);
  };
  for (const use of uses) {
    const column = asColumn(use.fields);
    if (use.star) {
      if (use.level === level && (use.fields.length === 0 || column.name === item.name)) for (const each of scope.columns) add(each);
    } else if (isMine(column)) add(column.name);
    else if (use.fields.length === 1 && column.name === item.name) additions.push(`${quoteIdentifier(name)}.*`);
  }
  return additions;
};

const additionsAt = (
  level: QueryLevel,
  uses: readonly ColumnUse[],
  named: ReadonlyMap<RelationReference, Named>,
): readonly GroupAddition[] => {
  const items = level.groupBy ?? [];
  const last = items.at(-1);
  if (last === undefined) return [];
  const entries = level.items.flatMap((item): readonly Entry[] => {
    const found = item.reference === undefined || item.columnAliases ? undefined : named.get(item.reference);
    return found === undefined ? [] : [{ ...found, item }];
  });
  const owners = new Map<string, number>();
  for (const { scope } of entries) for (const column of scope.columns) owners.set(column, (owners.get(column) ?? 0) + 1);
  const grouped = items.map((item) => groupedColumn(item, level, (name) => owners.has(name))).filter((column) => column !== undefined);
  const grouping: Grouping = { grouped, uses, level, isUnique: (name) => owners.get(name) === 1 };
  const additions = entries.flatMap((entry) => additionsFor(entry, grouping));
  return additions.length === 0 ? [] : [{ after: last.location, text: [...new Set(additions)].join(', ') }];
};

/** The columns to add to each GROUP BY of a statement. `named`: its scoped references. */
export const groupAdditions = (analysis: Analysis, named: ReadonlyMap<RelationReference, Named>): readonly GroupAddition[] => {
  const grouping = new Map<QueryLevel, ColumnUse[]>();
  for (const level of analysis.levels) if (level.groupBy !== undefined) grouping.set(level, []);
  if (grouping.size === 0) return [];
  for (const use of analysis.columns) {
    for (let level: QueryLevel | undefined = use.level; level !== undefined; level = level.parent) grouping.get(level)?.push(use);
  }
  return [...grouping].flatMap(([level, uses]) => additionsAt(level, uses, named));
};
