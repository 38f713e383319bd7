import type { DetectorKind } from '../../kernel/policy.ts';
import { isAlphanumeric, isDigit, isHex, SIGN } from './characters.ts';
import type { Value } from './value.ts';

/**
 * How found parts are masked: byte for byte in place, so that lengths inside of arrays, rows and messages hold, and no column's type
 * is overrun. A letter or digit becomes `*`; where a number has to stay a number, each of its digits becomes `1`.
 */
const STAR = 0x2a;
const ONE = 0x31;

/** Of these nothing is kept but what escapes and ends lines. */
const isSecret = (kind: DetectorKind): boolean => kind === 'AccessKey' || kind === 'JsonWebToken' || kind === 'PrivateKey';

/** In place of a character of two, three or four bytes: as many bytes, and one character. */
const WIDE: readonly Buffer[] = [Buffer.from('·'), Buffer.from('•'), Buffer.from('🔒')];

const isSpace = (byte: number | undefined): boolean => byte === SIGN.space || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);

/** How long an escape is whose backslash is at `at`: it is kept, or the text would not be JSON any more. */
const escapeLength = (bytes: Buffer, at: number): number => {
  const next = bytes[at + 1] ?? 0;
  if (next >= 0x80) return 1;
  return next === 0x75 && isHex(bytes[at + 2]) && isHex(bytes[at + 3]) && isHex(bytes[at + 4]) && isHex(bytes[at + 5]) ? 6 : 2;
};

/** Masks the bytes from `first` to `last` (exclusive), which are of this kind. */
export const overwrite = (bytes: Buffer, kind: DetectorKind, first: number, last: number): void => {
  const secret = isSecret(kind);
  let at = first;
  while (at < last) {
    const byte = bytes[at] as number;
    const wide = byte < 0xc2 ? undefined : WIDE[byte < 0xe0 ? 0 : byte < 0xf0 ? 1 : 2];
    if (wide !== undefined && at + wide.length <= last) {
      at += wide.copy(bytes, at);
    } else if (secret && byte === SIGN.backslash) {
      at += escapeLength(bytes, at);
    } else {
      if (isAlphanumeric(byte) || byte >= 0x80 || (secret && !isSpace(byte) && byte !== SIGN.quote)) bytes[at] = STAR;
      at += 1;
    }
  }
};

/** Masks a number that has to stay one. */
export const overwriteDigits = (bytes: Buffer, first: number, last: number): void => {
  for (let at = first; at < last; at += 1) {
    if (isHex(bytes[at])) bytes[at] = ONE;
  }
};

/** What stands before and after a number in JSON, in arrays and in rows as text. */
const BEFORE = Buffer.from(':,[{(');
const AFTER = Buffer.from(',]})');

/** What begins JSON, arrays and rows as text. */
const OPENS = Buffer.from('{[(');

const isOneOf = (bytes: Buffer, byte: number | undefined): boolean => {
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] === byte) return true;
  return false;
};

/** Whether the digits from `first` to `last` (exclusive) are a number in something that a client may read by structure. */
export const isBareNumber = ({ bytes, start, end }: Value, first: number, last: number): boolean => {
  if (!isOneOf(OPENS, bytes[start])) return false;
  for (let at = first; at < last; at += 1) {
    if (!isDigit(bytes[at])) return false;
  }
  let before = first - 1;
  while (before > start && isSpace(bytes[before])) before -= 1;
  let after = last;
  while (after < end - 1 && isSpace(bytes[after])) after += 1;
  return before >= start && after < end && isOneOf(BEFORE, bytes[before]) && isOneOf(AFTER, bytes[after]);
};
