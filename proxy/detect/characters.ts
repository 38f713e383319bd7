/** What the matchers ask of single bytes. A value's bytes from `start` to `end` (exclusive) are a part of a larger buffer. */

const DIGIT = 1;
const UPPER = 2;
const LOWER = 4;
const HEX = 8;
/** `-` and `_`: with letters and digits the alphabet of URL-safe base64. */
const URL_SAFE = 16;
/** `+`, `/` and `=`: with letters and digits the alphabet of base64. */
const BASE64 = 32;

const CLASSES = new Uint8Array(256);
const mark = (characters: string, bit: number): void => {
  for (const byte of Buffer.from(characters)) CLASSES[byte] = (CLASSES[byte] as number) | bit;
};
mark('0123456789', DIGIT | HEX);
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZ', UPPER);
mark('abcdefghijklmnopqrstuvwxyz', LOWER);
mark('abcdefABCDEF', HEX);
mark('-_', URL_SAFE);
mark('+/=', BASE64);

const is =
  (bits: number) =>
  (byte: number | undefined): boolean =>
    ((CLASSES[byte ?? 0] as number) & bits) !== 0;

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
export const isUpper = is(UPPER);
export const isLetter = is(UPPER | LOWER);
export const isAlphanumeric = is(DIGIT | UPPER | LOWER);
export const isHex = is(HEX);
export const isUrlSafe = is(DIGIT | UPPER | LOWER | URL_SAFE);
export const isBase64 = is(DIGIT | UPPER | LOWER | BASE64);

export const SIGN = {
  space: 0x20,
  quote: 0x22,
  plus: 0x2b,
  dash: 0x2d,
  dot: 0x2e,
  slash: 0x2f,
  colon: 0x3a,
  at: 0x40,
  backslash: 0x5c,
} as const;

/** Whether the byte at `at` is escaped: an odd number of backslashes before it. */
export const isEscaped = (bytes: Buffer, at: number, start: number): boolean => {
  let slash = at;
  while (slash > start && bytes[slash - 1] === SIGN.backslash) slash -= 1;
  return (at - slash) % 2 === 1;
};

/** Whether the four bytes before `at` are those of an escaped character of JSON, as in `\u00e9`. */
const followsUnicodeEscape = (bytes: Buffer, at: number, start: number): boolean => {
  if (at - start < 6 || bytes[at - 5] !== 0x75 || !isEscaped(bytes, at - 5, start)) return false;
  return isHex(bytes[at - 4]) && isHex(bytes[at - 3]) && isHex(bytes[at - 2]) && isHex(bytes[at - 1]);
};

/** No letter or digit before `at`, but for those of an escape such as `\n`. */
export const isWordStart = (bytes: Buffer, at: number, start: number): boolean =>
  at === start || !isAlphanumeric(bytes[at - 1]) || isEscaped(bytes, at - 1, start) || followsUnicodeEscape(bytes, at, start);

/** Whether `text` (ASCII) stands at `at`. */
export const standsAt = (bytes: Buffer, at: number, start: number, text: Buffer): boolean => {
  if (at < start) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
};

/** The end of the bytes from `from` that `accepts`. */
export const runEnd = (bytes: Buffer, from: number, end: number, accepts: (byte: number | undefined) => boolean): number => {
  let at = from;
  while (at < end && accepts(bytes[at])) at += 1;
  return at;
};

/** The end of the digits from `from`. */
export const digitsEnd = (bytes: Buffer, from: number, end: number): number => {
  let at = from;
  while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at += 1;
  return at;
};
