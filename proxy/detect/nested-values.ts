/**
 * Arrays, rows, hstores and ranges in binary format. Many of these types are made by users, so that an oid says little; but text never
 * holds a NUL, and they all begin with one (ranges apart). What fits to the last byte is one of them.
 */

/** Values behind each other up to `end`, each with its length in front. `type` 0: not said; `Each`: in front of each length. */
export type Nested = { readonly at: number; readonly end: number; readonly type: number | 'Each' };

type Range = { readonly start: number; readonly end: number };

const NULL_LENGTH = -1;

/** `count` values up to the very end; undefined: they do not fit. Nothing is listed: a value may be made of millions. */
const values = (bytes: Buffer, { start, end }: Range, count: number, type: Nested['type']): Nested | undefined => {
  const head = type === 'Each' ? 8 : 4;
  let at = start;
  for (let left = count; left > 0; left -= 1) {
    if (end - at < head) return undefined;
    at += head;
    const length = bytes.readInt32BE(at - 4);
    if (length === NULL_LENGTH) continue;
    if (length < 0 || length > end - at) return undefined;
    at += length;
  }
  return at === end ? { at: start, end, type } : undefined;
};

/** Visits values that fit. */
export const visitNested = (
  bytes: Buffer,
  { at: first, end, type }: Nested,
  visit: (type: number, start: number, end: number) => void,
): void => {
  const head = type === 'Each' ? 8 : 4;
  for (let at = first; at < end; ) {
    const own = type === 'Each' ? bytes.readUInt32BE(at) : type;
    at += head;
    const length = Math.max(0, bytes.readInt32BE(at - 4));
    if (length > 0) visit(own, at, at + length);
    at += length;
  }
};

/** `MAXDIM` of PostgreSQL's `array.h`. */
const MOST_DIMENSIONS = 6;

/** `array_send`: dimensions, whether there are NULLs, type, then length and lower bound of each dimension. */
const arrayValues = (bytes: Buffer, { start, end }: Range): Nested | undefined => {
  const dimensions = bytes.readInt32BE(start);
  const head = 12 + dimensions * 8;
  if (dimensions < 1 || dimensions > MOST_DIMENSIONS || end - start < head || bytes.readUInt32BE(start + 4) > 1) return undefined;
  let count = 1;
  for (let dimension = 0; dimension < dimensions; dimension += 1) count *= bytes.readInt32BE(start + 12 + dimension * 8);
  return count > end - start ? undefined : values(bytes, { start: start + head, end }, count, bytes.readUInt32BE(start + 8));
};

/** `record_send`: how many columns, then type and value of each. */
const rowValues = (bytes: Buffer, { start, end }: Range): Nested | undefined => {
  const count = bytes.readInt32BE(start);
  return count < 1 || count > end - start ? undefined : values(bytes, { start: start + 4, end }, count, 'Each');
};

/** `hstore_send`: how many pairs, then key and value of each. The same as a multirange's ranges, with one for two. */
const listedValues = (bytes: Buffer, { start, end }: Range, perEntry: number): Nested | undefined => {
  const count = bytes.readInt32BE(start) * perEntry;
  return count < 1 || count > end - start ? undefined : values(bytes, { start: start + 4, end }, count, 0);
};

/** Bits of `range_send`'s first byte: a bound that is not there has no value. */
const RANGE_EMPTY = 0x01;
const LOWER_INFINITE = 0x08;
const UPPER_INFINITE = 0x10;
const RANGE_BITS = 0x1f;

/** `range_send`: flags, then the bounds that there are. */
const rangeValues = (bytes: Buffer, { start, end }: Range): Nested | undefined => {
  const flags = bytes[start] as number;
  if (flags > RANGE_BITS || (flags & RANGE_EMPTY) !== 0) return undefined;
  const bounds = ((flags & LOWER_INFINITE) === 0 ? 1 : 0) + ((flags & UPPER_INFINITE) === 0 ? 1 : 0);
  return bounds === 0 ? undefined : values(bytes, { start: start + 1, end }, bounds, 0);
};

/** The values that a value is made of; undefined: it is not made of others. */
export const nestedValues = (bytes: Buffer, start: number, end: number): Nested | undefined => {
  const range = { start, end };
  if (end - start < 5 || (bytes[start] as number) > RANGE_BITS) return undefined;
  const isCounted = bytes[start] === 0;
  return (
    (isCounted
      ? (arrayValues(bytes, range) ?? rowValues(bytes, range) ?? listedValues(bytes, range, 2) ?? listedValues(bytes, range, 1))
      : undefined) ?? rangeValues(bytes, range)
  );
};
