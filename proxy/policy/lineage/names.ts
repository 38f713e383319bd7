/**
 * Which value a name means within a view's definition, by SQL's rules.
 */
import { CONSTANT, derived, either, type Value } from './value.ts';

export type Output = { readonly name: string; readonly value: Value };

/** An entry of FROM. `rest`: what its columns of other names are, where not all are known. */
export type Item = { readonly name: string | undefined; readonly outputs: readonly Output[]; readonly rest?: Value };

/** What an expression sees: its own FROM clause, then those around it. `merged`: what USING made one of. */
export type Names = {
  readonly items: readonly Item[];
  readonly merged: ReadonlyMap<string, Value>;
  readonly outer: Names | undefined;
};

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** All of an entry as one value. */
export const wholeRow = ({ outputs, rest }: Item): Value =>
  derived([...outputs.map(({ value }) => value), ...(rest === undefined ? [] : [rest])]);

const ofItem = (item: Item, name: string): Value | undefined => {
  const found = item.outputs.filter((output) => output.name === name);
  return found.length > 0 ? either(found.map(({ value }) => value)) : item.rest;
};

const qualified = (table: string, name: string, names: Names): Value | undefined => {
  for (let level: Names | undefined = names; level !== undefined; level = level.outer) {
    const item = level.items.find((each) => each.name === table);
    if (item !== undefined) return ofItem(item, name) ?? (SYSTEM_COLUMNS.has(name) ? CONSTANT : undefined);
  }
  return undefined;
};

/** What the name means; undefined for one that is not known. */
export const valueOfName = (fields: readonly string[], names: Names): Value | undefined => {
  const [table = '', name] = fields.slice(-2);
  if (name !== undefined) return qualified(table, name, names);
  for (let level: Names | undefined = names; level !== undefined; level = level.outer) {
    const merged = level.merged.get(table);
    if (merged !== undefined) return merged;
    const found = level.items.flatMap((item) => item.outputs.filter((output) => output.name === table).map(({ value }) => value));
    if (found.length > 0) return either(found);
    const whole = level.items.find((item) => item.name === table);
    if (whole !== undefined) return wholeRow(whole);
    const open = level.items.flatMap(({ rest }) => rest ?? []);
    if (open.length > 0) return derived(open);
    if (SYSTEM_COLUMNS.has(table)) return CONSTANT;
  }
  return undefined;
};

/** What `table.*` or `*` stands for. */
export const rowOfName = (table: string | undefined, names: Names): readonly Item[] | undefined => {
  if (table === undefined) return names.items;
  for (let level: Names | undefined = names; level !== undefined; level = level.outer) {
    const item = level.items.find((each) => each.name === table);
    if (item !== undefined) return [item];
  }
  return undefined;
};

/** The entry under another name, and with other names for its first columns. */
export const calledBy = (item: Item, alias: string | undefined, columns: readonly string[]): Item => ({
  ...item,
  name: alias ?? item.name,
  outputs: [
    ...item.outputs.map((output, index) => ({ ...output, name: columns[index] ?? output.name })),
    ...(item.rest === undefined ? [] : columns.slice(item.outputs.length).map((name) => ({ name, value: item.rest! }))),
  ],
});
