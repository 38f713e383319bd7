/**
 * What of a relation an agent may see, whatever it is granted by its own name: what its policies say of everything that is beneath it.
 */
import type { ColumnMask, Mask, RelationGrant } from '../../../kernel/policy.ts';
import type { CatalogRelation } from '../../catalog/catalog.ts';

export type ColumnSight = {
  /** A policy grants what is beneath, and not this column. */
  readonly hidden: boolean;
  readonly mask: Mask | undefined;
  /** What it comes from, for people: `public.customers.ssn`. */
  readonly from?: string;
};

export type Seen = {
  /** Columns that are not listed are clear. */
  readonly columns: ReadonlyMap<string, ColumnSight>;
  readonly where: string | undefined;
  /** Why nothing of it can be read. */
  readonly problem?: string;
};

export const CLEAR: ColumnSight = { hidden: false, mask: undefined };

export const ALL_SEEN: Seen = { columns: new Map(), where: undefined };

export const NULL_MASK: Mask = { type: 'Null' };

export const isClear = ({ hidden, mask }: ColumnSight): boolean => !hidden && mask === undefined;

export const displayName = ({ schema, name }: Pick<CatalogRelation, 'schema' | 'name'>): string => `${schema}.${name}`;

const maskText = (mask: Mask): string => JSON.stringify(mask);

/** The one mask that all of them are; NULL where they differ, since nothing says which of them shows less. */
export const strictest = (masks: readonly Mask[]): Mask | undefined => {
  const [first] = masks;
  if (first === undefined) return undefined;
  return masks.every((mask) => maskText(mask) === maskText(first)) ? first : NULL_MASK;
};

/** What two policies on the same rows come to. */
export const stricter = (one: ColumnSight, other: ColumnSight): ColumnSight => {
  const mask = strictest([one.mask, other.mask].filter((each) => each !== undefined));
  const from = one.from ?? other.from;
  return { hidden: one.hidden || other.hidden, mask, ...(from !== undefined && { from }) };
};

/** Both conditions. A comment at the end of one ends with its line. */
export const bothConditions = (conditions: readonly string[]): string | undefined => {
  const different = [...new Set(conditions)];
  return different.length < 2 ? different[0] : different.map((each) => `(${each}\n)`).join(' AND ');
};

/** What a grant by itself says of one column. */
export const sightByGrant = (grant: RelationGrant, relation: CatalogRelation, name: string): ColumnSight => {
  const from = `${displayName(relation)}.${name}`;
  const { select } = grant;
  if (select === undefined) return { hidden: true, mask: undefined, from };
  const mask = maskOf(select.masks, name);
  if (mask !== undefined) return { hidden: false, mask, from };
  if (select.columns !== '*') return select.columns.includes(name) ? CLEAR : { hidden: true, mask: undefined, from };
  // `*` names no column: a generated one shows what it is made of, a renamed one what it was.
  const column = relation.columns.find((each) => each.name === name);
  const sources = [...(column?.madeOf ?? []), ...(column?.formerly ?? [])];
  const source = sources.find((each) => maskOf(select.masks, each) !== undefined);
  return source === undefined ? CLEAR : { hidden: false, mask: NULL_MASK, from: `${displayName(relation)}.${source}` };
};

const maskOf = (masks: readonly ColumnMask[], name: string): Mask | undefined => masks.find(({ column }) => column === name)?.mask;

/** What of a grant is not there; undefined where all is. */
export const grantProblem = ({ select }: RelationGrant, relation: CatalogRelation): string | undefined => {
  const named = [
    ...(select?.masks ?? []).map(({ column }) => column),
    ...(select === undefined || select.columns === '*' ? [] : select.columns),
  ];
  const missing = named.find((name) => !relation.columns.some((column) => column.name === name));
  return missing === undefined ? undefined : `column "${missing}" does not exist in ${displayName(relation)}`;
};
