import { isAlphanumeric, isDigit, isHex, isWordStart, runEnd, digitsEnd, SIGN } from './characters.ts';

/** The end of an IPv4 address whose first digit is at `at`, where a run of digits begins; -1: there is none. Those of no host do not count. */
export const ipv4End = (bytes: Buffer, at: number, start: number, end: number): number => {
  // A shorthand for most numbers: no point behind the first part.
  if (bytes[at + 1] !== SIGN.dot && bytes[at + 2] !== SIGN.dot && bytes[at + 3] !== SIGN.dot) return -1;
  if (!isWordStart(bytes, at, start) || (at > start && bytes[at - 1] === SIGN.dot)) return -1;
  let from = at;
  let first = 0;
  let all = 0;
  for (let part = 0; part < 4; part += 1) {
    if (part > 0) {
      if (bytes[from] !== SIGN.dot || from >= end) return -1;
      from += 1;
    }
    const run = digitsEnd(bytes, from, Math.min(end, from + 4));
    const length = run - from;
    if (length === 0 || length > 3 || (length > 1 && bytes[from] === 0x30)) return -1;
    let value = 0;
    for (let digit = from; digit < run; digit += 1) value = value * 10 + (bytes[digit] as number) - 0x30;
    if (value > 255) return -1;
    if (part === 0) first = value;
    all += value;
    from = run;
  }
  const goesOn = from < end && (isAlphanumeric(bytes[from]) || (bytes[from] === SIGN.dot && isDigit(bytes[from + 1]) && from + 1 < end));
  return goesOn || all === 0 || first === 127 || first === 255 ? -1 : from;
};

const LONGEST_IPV6 = 45;

/** Eight groups of up to four hexadecimal digits, of which `::` stands for one or more (RFC 4291, 2.2). */
const isIpv6 = (text: string): boolean => {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const parts = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = parts.at(-1) ?? '';
  const embedded = last.includes('.');
  const hex = embedded ? parts.slice(0, -1) : parts;
  if (!hex.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return false;
  if (embedded && ipv4End(Buffer.from(last), 0, 0, last.length) !== last.length) return false;
  const size = hex.length + (embedded ? 2 : 0);
  return halves.length === 1 ? size === 8 : size < 8;
};

/** So few groups that words could be written so: `a::b`. */
const isTelling = (text: string): boolean => {
  const parts = text.split(/:+/).filter((part) => part !== '');
  return parts.length > 2 || (parts.length === 2 && /\d/.test(text));
};

/** The first and the last byte (exclusive) of an IPv6 address that has its first colon at `at`; undefined: there is none. */
export const ipv6Around = (bytes: Buffer, at: number, start: number, end: number): readonly [number, number] | undefined => {
  let first = at;
  while (first > start && at - first < 5 && isHex(bytes[first - 1])) first -= 1;
  if (first > start && bytes[first - 1] === SIGN.colon) return undefined;
  let last = runEnd(bytes, at, Math.min(end, at + LONGEST_IPV6 + 1), (byte) => isHex(byte) || byte === SIGN.colon || byte === SIGN.dot);
  if (last < end && isAlphanumeric(bytes[last])) return undefined;
  while (bytes[last - 1] === SIGN.dot || (bytes[last - 1] === SIGN.colon && bytes[last - 2] !== SIGN.colon)) last -= 1;
  // A shorthand for most: times and ratios have two colons at most, and none that is doubled.
  if (last - first < 5) return undefined;
  while (first < at && !isWordStart(bytes, first, start)) first += 1;
  if (!isWordStart(bytes, first, start)) return undefined;
  const text = bytes.toString('latin1', first, last);
  return text.includes(':', text.indexOf(':') + 1) && isIpv6(text) && isTelling(text) ? [first, last] : undefined;
};
