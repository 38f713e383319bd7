import { isDigit, isWordStart, digitsEnd, SIGN } from './characters.ts';
import type { Value } from './value.ts';

const OPEN = 0x28;
const CLOSE = 0x29;

/** Digits of an international number, the country's included (ITU-T E.164 allows 15). */
const FEWEST = 8;
const MOST = 15;

/** Where the next digits begin after what may stand between two groups; -1: something else stands there. */
const nextGroup = (bytes: Buffer, at: number, end: number): number => {
  let from = at;
  while (from < end && from - at < 3) {
    const byte = bytes[from];
    if (isDigit(byte)) return from > at ? from : -1;
    if (byte !== SIGN.space && byte !== SIGN.dash && byte !== SIGN.dot && byte !== SIGN.slash && byte !== OPEN && byte !== CLOSE) return -1;
    from += 1;
  }
  return from < end && isDigit(bytes[from]) ? from : -1;
};

const international = (bytes: Buffer, at: number, start: number, end: number): number => {
  if (bytes[at] === 0x30 || !isWordStart(bytes, at - 1, start)) return -1;
  let digits = 0;
  let found = -1;
  for (let from = at; from >= 0; ) {
    const run = digitsEnd(bytes, from, end);
    if (digits + run - from > MOST) break;
    digits += run - from;
    if (digits >= FEWEST) found = run;
    from = nextGroup(bytes, run, end);
  }
  return found;
};

/** Lengths of the groups that were read last, and where each ends. */
const sizes = new Int32Array(6);
const ends = new Int32Array(6);

/** Reads up to six groups from `at`; answers how many there are. */
const readGroups = (bytes: Buffer, at: number, end: number): number => {
  let count = 0;
  for (let index = 0; index < sizes.length; index += 1) sizes[index] = 0;
  for (let from = at; from >= 0 && count < sizes.length; ) {
    const run = digitsEnd(bytes, from, end);
    sizes[count] = run - from;
    ends[count] = run;
    count += 1;
    from = nextGroup(bytes, run, end);
  }
  return count;
};

/** Joins digits more tightly than a space. */
const joins = (byte: number | undefined): boolean => byte === SIGN.dash || byte === SIGN.dot || byte === SIGN.slash || byte === SIGN.colon;

/** A digit that belongs to the same number stands right before or behind. */
const goesOn = ({ bytes, start, end }: Value, at: number, last: number): boolean => {
  const before = at - start >= 2 && joins(bytes[at - 1]) && isDigit(bytes[at - 2]);
  return before || (end - last >= 2 && joins(bytes[last]) && isDigit(bytes[last + 1]));
};

const from2to9 = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x32 && byte <= 0x39;

/** North America: area and exchange begin with 2 to 9, as in (212) 555-0123. Of the groups that were read. */
const northAmerican = (value: Value, at: number): number => {
  const { bytes } = value;
  const trunk = sizes[0] === 1 && bytes[at] === 0x31 ? 1 : 0;
  if (sizes[trunk] !== 3 || sizes[trunk + 1] !== 3 || sizes[trunk + 2] !== 4) return -1;
  const last = ends[trunk + 2] as number;
  const area = (ends[trunk] as number) - 3;
  const exchange = (ends[trunk + 1] as number) - 3;
  return from2to9(bytes[area]) && from2to9(bytes[exchange]) && !goesOn(value, at, last) ? last : -1;
};

/** How many groups are one number that begins with the zero which is dialled inside of a country; 0: they are none. */
const nationalGroups = (count: number): number => {
  if (count >= 5 && sizes.subarray(0, 5).every((size) => size === 2)) return 5;
  const [area = 0, second = 0, third = 0] = sizes;
  if (area < 3 || area > 5) return 0;
  const all = area + second + third;
  if (second >= 3 && second <= 4 && third >= 3 && third <= 4 && all >= 10 && all <= 12) return 3;
  return second >= 6 && second <= 8 && area + second >= 10 && area + second <= 12 ? 2 : 0;
};

/** 020 7946 0958, 0151/23456789, 01 23 45 67 89. Of the groups that were read. */
const national = (value: Value, at: number, count: number): number => {
  const { bytes } = value;
  if (bytes[at] !== 0x30 || bytes[at + 1] === 0x30) return -1;
  const groups = nationalGroups(count);
  const last = groups === 0 ? -1 : (ends[groups - 1] as number);
  return last < 0 || goesOn(value, at, last) ? -1 : last;
};

/** The end of a phone number whose first digit is at `at`, where a run of digits begins that ends at `run`; -1: there is none. */
export const phoneNumberEnd = (value: Value, at: number, run: number): number => {
  const { bytes, start, end } = value;
  if (at > start && bytes[at - 1] === SIGN.plus) return international(bytes, at, start, end);
  // A shorthand: what begins with none of these is none.
  if (bytes[at] !== 0x30 && run - at !== 3 && (run - at !== 1 || bytes[at] !== 0x31)) return -1;
  if (!isWordStart(bytes, at, start)) return -1;
  const count = readGroups(bytes, at, end);
  const american = northAmerican(value, at);
  return american >= 0 ? american : national(value, at, count);
};
