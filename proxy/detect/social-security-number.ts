import { isDigit, digitsEnd, SIGN } from './characters.ts';
import type { Value } from './value.ts';

const valueOf = (bytes: Buffer, at: number, width: number): number => {
  let value = 0;
  for (let index = 0; index < width; index += 1) value = value * 10 + (bytes[at + index] as number) - 0x30;
  return value;
};

/** Areas and numbers that are never given out (Social Security Administration, "High Group List"). */
const isGivenOut = (area: number, group: number, serial: number): boolean =>
  area !== 0 && area !== 666 && area < 900 && group !== 0 && serial !== 0;

/** Whether these nine ASCII digits could be one. */
export const isSocialSecurityNumber = (digits: string): boolean =>
  /^\d{9}$/.test(digits) && isGivenOut(Number(digits.slice(0, 3)), Number(digits.slice(3, 5)), Number(digits.slice(5)));

/** What says that nine digits are meant as one. */
export const SAYS_SOCIAL = /ssn|social[ _-]?sec/i;

/** How far before nine digits such a word may stand, in bytes. */
const CONTEXT = 32;

const isAnnounced = (bytes: Buffer, at: number, start: number): boolean =>
  SAYS_SOCIAL.test(bytes.toString('latin1', Math.max(start, at - CONTEXT), at));

/**
 * The end of a number whose first digit is at `at`, where a run of digits begins that ends at `run`; -1: there is none. Nine digits
 * without dashes are one where `social`, or where the text before says so.
 */
export const socialSecurityNumberEnd = ({ bytes, start, end, social }: Value, at: number, run: number): number => {
  const length = run - at;
  if (length === 9) {
    const given = isGivenOut(valueOf(bytes, at, 3), valueOf(bytes, at + 3, 2), valueOf(bytes, at + 5, 4));
    return given && (social || isAnnounced(bytes, at, start)) ? run : -1;
  }
  const separator = bytes[run];
  if (length !== 3 || end - at < 11 || (separator !== SIGN.dash && separator !== SIGN.space) || bytes[at + 6] !== separator) return -1;
  if (at - start >= 2 && bytes[at - 1] === separator && isDigit(bytes[at - 2])) return -1;
  if (digitsEnd(bytes, at + 4, end) !== at + 6 || digitsEnd(bytes, at + 7, end) !== at + 11) return -1;
  if (bytes[at + 11] === SIGN.dash && at + 12 < end && isDigit(bytes[at + 12])) return -1;
  return isGivenOut(valueOf(bytes, at, 3), valueOf(bytes, at + 4, 2), valueOf(bytes, at + 7, 4)) ? at + 11 : -1;
};
