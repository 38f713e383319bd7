/**
 * Arrays, rows, hstores and ranges in binary format. Many of these types are made by users, so that an oid says little; but text never
 * holds a NUL, and they all begin with one (ranges apart). What fits to the last byte is one of them.
 */

/** Where a value inside of another begins and ends; `type` 0: not said. */
export type Nested = { readonly type: number; readonly start: number; readonly end: number };

type Range = { readonly start: number; readonly end: number };

const NULL_LENGTH = -1;

/** Reads `count` values with their lengths in front, up to the very end; undefined: they do not fit. */
const values = (bytes: Buffer, range: Range, count: number, typeOf: number | 'Each'): readonly Nested[] | undefined => {
  const found: Nested[] = [];
  let at = range.start;
  for (let left = count; left > 0; left -= 1) {
    let type = typeOf === 'Each' ? 0 : typeOf;
    if (typeOf === 'Each') {
      if (range.end - at < 4) return undefined;
      type = bytes.readUInt32BE(at);
      at += 4;
    }
    if (range.end - at < 4) return undefined;
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length === NULL_LENGTH) continue;
    if (length < 0 || length > range.end - at) return undefined;
    found.push({ type, start: at, end: at + length });
    at += length;
  }
  return at === range.end ? found : undefined;
};

/** `MAXDIM` of PostgreSQL's `array.h`. */
const MOST_DIMENSIONS = 6;

/** `array_send`: dimensions, whether there are NULLs, type, then length and lower bound of each dimension. */
const arrayValues = (bytes: Buffer, { start, end }: Range): readonly Nested[] | undefined => {
  const dimensions = bytes.readInt32BE(start);
  const head = 12 + dimensions * 8;
  if (dimensions < 1 || dimensions > MOST_DIMENSIONS || end - start < head || bytes.readUInt32BE(start + 4) > 1) return undefined;
  let count = 1;
  for (let dimension = 0; dimension < dimensions; dimension += 1) count *= bytes.readInt32BE(start + 12 + dimension * 8);
  return count > end - start ? undefined : values(bytes, { start: start + head, end }, count, bytes.readUInt32BE(start + 8));
};

/** `record_send`: how many columns, then type and value of each. */
const rowValues = (bytes: Buffer, { start, end }: Range): readonly Nested[] | undefined => {
  const count = bytes.readInt32BE(start);
  return count < 1 || count > end - start ? undefined : values(bytes, { start: start + 4, end }, count, 'Each');
};

/** `hstore_send`: how many pairs, then key and value of each. The same as a multirange's ranges, with one for two. */
const listedValues = (bytes: Buffer, { start, end }: Range, perEntry: number): readonly Nested[] | undefined => {
  const count = bytes.readInt32BE(start) * perEntry;
  return count < 1 || count > end - start ? undefined : values(bytes, { start: start + 4, end }, count, 0);
};

/** Bits of `range_send`'s first byte: a bound that is not there has no value. */
const RANGE_EMPTY = 0x01;
const LOWER_INFINITE = 0x08;
const UPPER_INFINITE = 0x10;
const RANGE_BITS = 0x1f;

/** `range_send`: flags, then the bounds that there are. */
const rangeValues = (bytes: Buffer, { start, end }: Range): readonly Nested[] | undefined => {
  const flags = bytes[start] as number;
  if (flags > RANGE_BITS || (flags & RANGE_EMPTY) !== 0) return undefined;
  const bounds = ((flags & LOWER_INFINITE) === 0 ? 1 : 0) + ((flags & UPPER_INFINITE) === 0 ? 1 : 0);
  return bounds === 0 ? undefined : values(bytes, { start: start + 1, end }, bounds, 0);
};

/** The values that a value is made of; undefined: it is not made of others. */
export const nestedValues = (bytes: Buffer, start: number, end: number): readonly Nested[] | undefined => {
  const range = { start, end };
  if (end - start < 5 || (bytes[start] as number) > RANGE_BITS) return undefined;
  const isCounted = bytes[start] === 0;
  return (
    (isCounted
      ? (arrayValues(bytes, range) ?? rowValues(bytes, range) ?? listedValues(bytes, range, 2) ?? listedValues(bytes, range, 1))
      : undefined) ?? rangeValues(bytes, range)
  );
};
