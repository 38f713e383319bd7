import { isAlphanumeric, isUrlSafe, isWordStart, runEnd, SIGN, standsAt } from './characters.ts';

/** What `{"` is in base64: headers and payloads begin so. */
const OBJECT = Buffer.from('eyJ');

/** A header holds the algorithm at least: `{"alg":""}`. */
const SHORTEST_HEADER = 13;
const SHORTEST_PART = 2;

/** Parts of a token that is signed, and of one that is encrypted (RFC 7515, 7516). */
const ENCRYPTED_PARTS = 5;

/** INVARIANT: not in the middle of such characters, or `eyJ-eyJ-eyJ` would take time that grows with the square of its length. */
const begins = (bytes: Buffer, at: number, start: number): boolean =>
  isWordStart(bytes, at, start) && (at === start || isAlphanumeric(bytes[at - 1]) || !isUrlSafe(bytes[at - 1]));

/** The end of a token whose `eyJ` begins at `at`; -1: there is none. */
export const jsonWebTokenEnd = (bytes: Buffer, at: number, start: number, end: number): number => {
  if (!standsAt(bytes, at, start, OBJECT) || !begins(bytes, at, start)) return -1;
  const header = runEnd(bytes, at, end, isUrlSafe);
  if (header - at < SHORTEST_HEADER || header >= end || bytes[header] !== SIGN.dot) return -1;
  const signed = header + 4 <= end && standsAt(bytes, header + 1, start, OBJECT);
  let last = header;
  let parts = 1;
  while (parts < ENCRYPTED_PARTS && last < end && bytes[last] === SIGN.dot) {
    last = runEnd(bytes, last + 1, end, isUrlSafe);
    parts += 1;
  }
  if (signed) return last - header > SHORTEST_PART ? last : -1;
  return parts === ENCRYPTED_PARTS ? last : -1;
};
