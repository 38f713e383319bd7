/**
 * Which column a name means, by SQL's rules, as far as that is certain.
 */
import type { CatalogColumn, CatalogRelation } from '../catalog/catalog.ts';
import type { RelationReference } from '../sql/analysis.ts';
import { listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import type { Scope } from './scope.ts';

/**
 * What a name stands for: a column as it is stored, of `reference` where it comes from there without a detour; or something else,
 * an expression as a mask or a column of a view, that nothing is known of.
 */
export type Meaning = { readonly column: CatalogColumn; readonly reference: RelationReference | undefined } | 'Other';

/** A column of a row: its name, where that is known. */
export type Output = { readonly name: string | undefined; readonly meaning: Meaning };

/** What a query or a relation gives. `exact`: these are all its columns, in order. */
export type Row = { readonly outputs: readonly Output[]; readonly exact: boolean };

export const UNKNOWN_ROW: Row = { outputs: [], exact: false };

/** An entry of FROM. */
export type SightItem = { readonly name: string | undefined; readonly row: Row };

/** What an expression sees: items of its own FROM clause, then those of the queries around it. */
export type Sight = {
  readonly items: readonly SightItem[];
  /** Names of columns that USING or NATURAL made one of. */
  readonly merged: ReadonlySet<string>;
  readonly outer: Sight | undefined;
};

/** The kinds of relations that hold their columns themselves: what a view shows may be an expression. */
const STORED = new Set(['r', 'p', 'm']);

/** Does the relation hold its rows and columns itself? */
export const isStored = ({ kind, schema }: CatalogRelation): boolean =>
  STORED.has(kind) && schema !== 'pg_catalog' && schema !== 'information_schema';

/** The columns that a scope shows. */
export const rowOf = (scope: Scope, reference: RelationReference): Row => {
  if (scope.type === 'Unusable' || scope.relation.unlisted === true) return UNKNOWN_ROW;
  const { relation } = scope;
  // What the session itself defines may be of other types and collations than it seems.
  const stored = isStored(relation) && relation.changed !== true;
  const scoped = scope.type === 'Scoped' ? scope : undefined;
  const masked = new Set(scoped?.masked);
  const shown = new Set(scoped?.columns ?? relation.columns.map(({ name }) => name));
  const outputs = relation.columns
    .filter(({ name }) => shown.has(name))
    .map((column): Output => ({ name: column.name, meaning: stored && !masked.has(column.name) ? { column, reference } : 'Other' }));
  return { outputs, exact: true };
};

/** The row under the names of `AS t (a, b)`. */
export const renamed = (row: Row, alias: Tree): Row => {
  const names = namesOf(alias.colnames);
  if (names.length === 0) return row;
  if (!row.exact) return UNKNOWN_ROW;
  return { ...row, outputs: row.outputs.map((output, index) => ({ ...output, name: names[index] ?? output.name })) };
};

const fromNowhere = (meaning: Meaning): Meaning => (meaning === 'Other' ? meaning : { column: meaning.column, reference: undefined });

/** The row as a sub-query hands it on: where it came from does not count any more. */
export const detached = ({ outputs, exact }: Row): Row => ({
  exact,
  outputs: outputs.map(({ name, meaning }) => ({ name, meaning: fromNowhere(meaning) })),
});

const isAlike = (one: Meaning, other: Meaning): boolean =>
  one !== 'Other' &&
  other !== 'Other' &&
  one.column.baseType === other.column.baseType &&
  one.column.baseTypeSchema === other.column.baseTypeSchema &&
  one.column.collation === other.column.collation;

/** What UNION and its like make of two rows. */
export const united = (left: Row, right: Row): Row => {
  if (!left.exact || !right.exact || left.outputs.length !== right.outputs.length) return UNKNOWN_ROW;
  return detached({
    exact: true,
    outputs: left.outputs.map(({ name, meaning }, index) => ({
      name,
      meaning: isAlike(meaning, right.outputs[index]!.meaning) ? meaning : 'Other',
    })),
  });
};

const named = ({ row }: SightItem, name: string): readonly Meaning[] =>
  row.outputs.filter((output) => output.name === name).map(({ meaning }) => meaning);

/** Does every column of the row have a name that is known? Only then it is certain that a name is not among them. */
const isComplete = ({ row }: SightItem): boolean => row.exact && row.outputs.every(({ name }) => name !== undefined);

/** What the name means; undefined where that is not certain. More than one part: the last two are a row and its column. */
export const meaningOf = (fields: readonly string[], sight: Sight): Meaning | undefined => {
  const [first, second] = fields;
  if (first === undefined || fields.length > 2) return undefined;
  for (let level: Sight | undefined = sight; level !== undefined; level = level.outer) {
    if (second !== undefined) {
      const items = level.items.filter(({ name }) => name === first);
      if (items.length === 0) continue;
      const found = named(items[0]!, second);
      return items.length === 1 && found.length === 1 ? found[0] : undefined;
    }
    const found = level.items.flatMap((item) => named(item, first));
    if (level.merged.has(first)) return found.length > 1 ? found.reduce(merged) : undefined;
    if (found.length > 0) return found.length === 1 ? found[0] : undefined;
    if (!level.items.every(isComplete)) return undefined;
  }
  return undefined;
};

const merged = (one: Meaning, other: Meaning): Meaning => (isAlike(one, other) ? fromNowhere(one) : 'Other');

/** Names of a reference; none where it has a star. */
export const fieldsOf = (columnRef: Tree): readonly string[] => {
  const parts = listOf(columnRef.fields);
  return parts.every((part) => part.String !== undefined) ? namesOf(columnRef.fields) : [];
};

/** What a select list gives. */
export const selected = (targets: readonly Tree[], sight: Sight): Row => {
  const outputs: Output[] = [];
  let exact = true;
  for (const wrapped of targets) {
    const [, target] = unwrap(wrapped);
    const [tag, value] = unwrap(treeOf(target.val));
    const name = stringOf(target.name);
    if (tag !== 'ColumnRef') {
      outputs.push({ name, meaning: 'Other' });
      continue;
    }
    const fields = fieldsOf(value);
    if (fields.length > 0) {
      outputs.push({ name: name ?? fields.at(-1), meaning: meaningOf(fields, sight) ?? 'Other' });
      continue;
    }
    const qualifier = namesOf(value.fields).filter((part) => part !== '');
    const items = qualifier.length === 0 ? sight.items : sight.items.filter((item) => item.name === qualifier.at(-1));
    // USING gives its columns once, and first.
    if (items.length === 0 || qualifier.length > 1 || sight.merged.size > 0 || !items.every(({ row }) => row.exact)) exact = false;
    else for (const { row } of items) outputs.push(...row.outputs);
  }
  return detached({ outputs, exact });
};
