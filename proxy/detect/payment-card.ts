import { isDigit, digitsEnd, SIGN } from './characters.ts';
import type { Value } from './value.ts';

/** Issuer ranges as `[lowest, highest]` of the first digits, and the lengths that their numbers have (ISO/IEC 7812). */
const BRANDS: readonly { readonly first: readonly [number, number]; readonly lengths: readonly number[] }[] = [
  // Visa's 13 digits are no longer issued, and are what article numbers (EAN) look like.
  { first: [4, 4], lengths: [16, 19] },
  { first: [51, 55], lengths: [16] },
  { first: [2221, 2720], lengths: [16] },
  { first: [34, 34], lengths: [15] },
  { first: [37, 37], lengths: [15] },
  { first: [300, 305], lengths: [14, 16] },
  { first: [3095, 3095], lengths: [14, 16] },
  { first: [36, 36], lengths: [14, 16] },
  { first: [38, 39], lengths: [14, 16] },
  { first: [6011, 6011], lengths: [16, 19] },
  { first: [644, 659], lengths: [16, 19] },
  { first: [3528, 3589], lengths: [16, 19] },
  { first: [62, 62], lengths: [16, 17, 18, 19] },
  { first: [2200, 2204], lengths: [16, 19] },
  { first: [508, 508], lengths: [16] },
  { first: [5018, 5018], lengths: [16, 18, 19] },
  { first: [5020, 5020], lengths: [16, 18, 19] },
  { first: [5038, 5038], lengths: [16, 18, 19] },
  { first: [6304, 6304], lengths: [16, 18, 19] },
  { first: [6759, 6763], lengths: [16, 18, 19] },
];

const LONGEST = 19;

/** How numbers are written in groups. */
const GROUPINGS: readonly (readonly number[])[] = [
  [4, 4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
];

const number = new Uint8Array(LONGEST);

/** By the first four digits: a bit for each length that is issued. */
const ISSUED = new Uint32Array(10_000);
for (const { first, lengths } of BRANDS) {
  const [low, high] = first;
  const scale = 10 ** (4 - String(low).length);
  for (let four = low * scale; four < (high + 1) * scale; four += 1) {
    for (const length of lengths) ISSUED[four] = (ISSUED[four] as number) | (1 << length);
  }
}

/** The first four digits of `number`, as a number. */
const prefix = (): number =>
  (number[0] as number) * 1_000 + (number[1] as number) * 100 + (number[2] as number) * 10 + (number[3] as number);

const issued = (length: number): boolean => ((ISSUED[prefix()] as number) & (1 << length)) !== 0;

/** The check digit of ISO/IEC 7812-1 (Luhn). */
const checks = (length: number): boolean => {
  let sum = 0;
  for (let index = 0; index < length; index += 1) {
    const digit = number[length - 1 - index] as number;
    const doubled = digit * 2;
    sum += index % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
};

/** Whether a number of this many digits, which are in `number`, is that of a card. */
const isCard = (length: number): boolean => issued(length) && checks(length);

/** Whether these ASCII digits alone are a card's number. */
export const isCardNumber = (digits: string): boolean => {
  if (digits.length < 14 || digits.length > LONGEST) return false;
  for (let index = 0; index < digits.length; index += 1) number[index] = digits.charCodeAt(index) - 0x30;
  return isCard(digits.length);
};

const contiguous = (bytes: Buffer, at: number, run: number): boolean => {
  for (let index = 0; index < run - at; index += 1) number[index] = (bytes[at + index] as number) - 0x30;
  return isCard(run - at);
};

/** A number after a point is a fraction, unless what is before the point is as long as a card's number. */
const isFraction = (bytes: Buffer, at: number, start: number): boolean => {
  if (at - start < 2 || bytes[at - 1] !== SIGN.dot || !isDigit(bytes[at - 2])) return false;
  let before = at - 1;
  while (before > start && isDigit(bytes[before - 1])) before -= 1;
  return at - 1 - before < 14;
};

/** Digits in groups from `at`: what stands between them, and where the value ends. */
type Groups = { readonly at: number; readonly end: number; readonly separator: number };

/** The end of `grouping` from `at`, where four digits and `separator` stand; -1: it is not written so. */
const grouped = (bytes: Buffer, { at, end, separator }: Groups, grouping: readonly number[]): number => {
  let from = at;
  let length = 0;
  for (let index = 0; index < grouping.length; index += 1) {
    const size = grouping[index] as number;
    if (index > 0) {
      if (bytes[from] !== separator) return -1;
      from += 1;
    }
    const run = digitsEnd(bytes, from, Math.min(end, from + size + 1));
    if (run - from !== size) return -1;
    for (let digit = 0; digit < size; digit += 1) number[length + digit] = (bytes[from + digit] as number) - 0x30;
    length += size;
    from = run;
  }
  return isCard(length) ? from : -1;
};

/** The end of a card's number whose first digit is at `at`, where a run of digits begins that ends at `run`; -1: there is none. */
export const paymentCardEnd = ({ bytes, start, end }: Value, at: number, run: number): number => {
  const length = run - at;
  if (length >= 14 && length <= LONGEST) return !isFraction(bytes, at, start) && contiguous(bytes, at, run) ? run : -1;
  if (length !== 4) return -1;
  const separator = bytes[run];
  if (separator !== SIGN.space && separator !== SIGN.dash && separator !== SIGN.dot) return -1;
  for (let digit = 0; digit < 4; digit += 1) number[digit] = (bytes[at + digit] as number) - 0x30;
  if (ISSUED[prefix()] === 0) return -1;
  for (const grouping of GROUPINGS) {
    const found = grouped(bytes, { at, end, separator }, grouping);
    if (found >= 0) return found;
  }
  return -1;
};
