import { isAlphanumeric, isDigit, isLetter, isWordStart, SIGN } from './characters.ts';

/** Length of an IBAN by country (SWIFT's IBAN registry). */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 ' +
    'GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 ' +
    'MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 ' +
    'TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry): [string, number] => [entry.slice(0, 2), Number(entry.slice(2))]),
);

const upper = (byte: number): number => (byte > 0x60 ? byte - 0x20 : byte);

/** Adds one character to the number that ISO 7064 takes modulo 97: a letter counts as 10 to 35. */
const added = (remainder: number, byte: number): number => {
  const value = byte < 0x3a ? byte - 0x30 : upper(byte) - 55;
  return (value > 9 ? remainder * 100 + value : remainder * 10 + value) % 97;
};

/** The end of an IBAN whose first letter is at `at`; -1: there is none. */
export const ibanEnd = (bytes: Buffer, at: number, start: number, end: number): number => {
  if (at < start || at + 4 > end || !isLetter(bytes[at]) || !isLetter(bytes[at + 1])) return -1;
  if (!isDigit(bytes[at + 2]) || !isDigit(bytes[at + 3]) || !isWordStart(bytes, at, start)) return -1;
  const length = LENGTHS.get(String.fromCharCode(upper(bytes[at] as number), upper(bytes[at + 1] as number)));
  if (length === undefined) return -1;
  let remainder = 0;
  let taken = 4;
  let next = at + 4;
  for (; taken < length; next += 1) {
    if (next >= end) return -1;
    const byte = bytes[next] as number;
    if (isAlphanumeric(byte)) {
      remainder = added(remainder, byte);
      taken += 1;
    } else if ((byte !== SIGN.space && byte !== SIGN.dash) || !isAlphanumeric(bytes[next - 1])) return -1;
  }
  if (next < end && isAlphanumeric(bytes[next])) return -1;
  for (let index = 0; index < 4; index += 1) remainder = added(remainder, bytes[at + index] as number);
  return remainder === 1 ? next : -1;
};
