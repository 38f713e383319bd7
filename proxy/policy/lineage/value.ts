/**
 * What an expression of a view's definition is made of: columns of what stands in its FROM clauses.
 */
import type { CatalogRelation } from '../../catalog/catalog.ts';

/** A column of one entry of FROM. */
export type Leaf = {
  /** The entry: a relation that is named twice has two. */
  readonly item: number;
  /** Undefined: what the definition makes itself, from constants or by a function. */
  readonly relation: CatalogRelation | undefined;
  readonly column: string;
  /** Of what a function makes that may read by itself: the columns that it is called with. */
  readonly calledWith?: readonly Leaf[];
};

export type Value = {
  /** It is, in each row, one of `same` as it stands there, or something that no column has a part in. */
  readonly plain: boolean;
  readonly same: readonly Leaf[];
  /** It is the one of `same` in each row, and compares like it. */
  readonly only: boolean;
  /** What else it depends on. */
  readonly by: readonly Leaf[];
  /** It depends on something that its columns do not show: a function that reads. */
  readonly unknown?: string;
};

export const leafKey = ({ item, column }: Leaf): string => `${item}.${column}`;

const distinct = (leaves: readonly Leaf[]): readonly Leaf[] =>
  leaves.length < 2 ? leaves : [...new Map(leaves.map((leaf) => [leafKey(leaf), leaf])).values()];

export const CONSTANT: Value = { plain: true, same: [], only: false, by: [] };

export const columnValue = (leaf: Leaf): Value => ({ plain: true, same: [leaf], only: true, by: [] });

export const leavesOf = ({ same, by }: Value): readonly Leaf[] => [...same, ...by];

const reasonOf = (values: readonly Value[]): { readonly unknown?: string } => {
  const unknown = values.find((value) => value.unknown !== undefined)?.unknown;
  return unknown === undefined ? {} : { unknown };
};

/** Something that is computed from these. */
export const derived = (values: readonly Value[], unknown?: string): Value => {
  const by = distinct(values.flatMap(leavesOf));
  const reason = unknown === undefined ? reasonOf(values) : { unknown };
  // What no column has a part in is as good as a constant.
  return { plain: by.length === 0, same: [], only: false, by, ...reason };
};

/** One of these, unaltered. */
export const either = (values: readonly Value[]): Value => {
  if (!values.every(({ plain }) => plain)) return derived(values);
  const same = distinct(values.flatMap((value) => value.same));
  const only = same.length === 1 && values.every((value) => value.only);
  return { plain: true, same, only, by: distinct(values.flatMap(({ by }) => by)), ...reasonOf(values) };
};

/** What else it depends on, if that is anything. */
export const dependingOn = (value: Value, leaves: readonly Leaf[]): Value =>
  leaves.length === 0 ? value : derived([value, { ...CONSTANT, by: leaves }]);

/** Do both say the same of a column? */
export const isAlike = (one: Value, other: Value): boolean => {
  const keys = ({ same, by }: Value): string => `${same.map(leafKey).sort().join()} ${by.map(leafKey).sort().join()}`;
  return one.unknown === other.unknown && keys(one) === keys(other);
};
