import { isAlphanumeric, isEscaped, isHex, isLetter, SIGN } from './characters.ts';

const LOCAL = new Uint8Array(256);
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-')) LOCAL[byte] = 1;
// Letters beyond ASCII.
LOCAL.fill(1, 0x80);

/** Octets of a local part and of a domain (RFC 5321, 4.5.3.1). */
const LONGEST_LOCAL = 64;
const LONGEST_DOMAIN = 255;

/** Past what belongs to an escape of JSON or of an array: `\n`, `\u00e9`. */
const pastEscape = (bytes: Buffer, at: number, start: number): number => {
  if (at === start || (bytes[at] as number) >= 0x80 || !isEscaped(bytes, at, start)) return at;
  const isUnicode = bytes[at] === 0x75 && isHex(bytes[at + 1]) && isHex(bytes[at + 2]) && isHex(bytes[at + 3]) && isHex(bytes[at + 4]);
  return at + (isUnicode ? 5 : 1);
};

const localStart = (bytes: Buffer, at: number, start: number): number => {
  const least = Math.max(start, at - LONGEST_LOCAL);
  let from = at;
  while (from > least && LOCAL[bytes[from - 1] as number] === 1) from -= 1;
  // In the middle of a character.
  while (from < at && ((bytes[from] as number) & 0xc0) === 0x80) from += 1;
  return pastEscape(bytes, from, start);
};

const isDomain = (byte: number): boolean => isAlphanumeric(byte) || byte === SIGN.dash || byte === SIGN.dot || byte >= 0x80;

const domainEnd = (bytes: Buffer, at: number, end: number): number => {
  const most = Math.min(end, at + LONGEST_DOMAIN);
  let to = at;
  while (to < most && isDomain(bytes[to] as number) && !(bytes[to] === SIGN.dot && bytes[to - 1] === SIGN.dot)) to += 1;
  while (to > at && (bytes[to - 1] === SIGN.dot || bytes[to - 1] === SIGN.dash)) to -= 1;
  while (to < end && ((bytes[to] as number) & 0xc0) === 0x80) to += 1;
  return to;
};

/** The first and the last byte (exclusive) of the address around the `@` at `at`; undefined: there is none. */
export const emailAddressAround = (bytes: Buffer, at: number, start: number, end: number): readonly [number, number] | undefined => {
  const first = localStart(bytes, at, start);
  if (first >= at || bytes[at + 1] === SIGN.dot) return undefined;
  // What ends in no top-level domain may go on behind the address: `a@b.de.5`.
  for (let last = domainEnd(bytes, at + 1, end); last > at + 1; ) {
    let top = last;
    while (top > at + 1 && bytes[top - 1] !== SIGN.dot) top -= 1;
    if (top <= at + 2) return undefined;
    // It has two letters at least, and none begins with a digit.
    if (last - top >= 2 && (isLetter(bytes[top]) || (bytes[top] as number) >= 0x80)) return [first, last];
    last = top - 1;
  }
  return undefined;
};
