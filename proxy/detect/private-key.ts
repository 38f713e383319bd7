import { standsAt } from './characters.ts';

const BEGIN = Buffer.from('-----BEGIN ');
const END = Buffer.from('-----END ');
const DASHES = Buffer.from('-----');
const PRIVATE_KEY = 'PRIVATE KEY';

/** Longest label, as `ENCRYPTED PRIVATE KEY` or `PGP PRIVATE KEY BLOCK` (RFC 7468, RFC 9580). */
const LONGEST_LABEL = 64;

/** The end of a key in PEM whose dashes begin at `at`; -1: there is none. One that is cut off ends with the value. */
export const privateKeyEnd = (bytes: Buffer, at: number, start: number, end: number): number => {
  if (at + BEGIN.length > end || !standsAt(bytes, at, start, BEGIN)) return -1;
  const value = bytes.subarray(0, end);
  const label = bytes.subarray(0, Math.min(end, at + LONGEST_LABEL)).indexOf(DASHES, at + BEGIN.length);
  if (label < 0 || !value.toString('latin1', at, label).includes(PRIVATE_KEY)) return -1;
  const closing = value.indexOf(END, label);
  if (closing < 0) return end;
  const last = value.indexOf(DASHES, closing + END.length);
  return last < 0 ? end : last + DASHES.length;
};
