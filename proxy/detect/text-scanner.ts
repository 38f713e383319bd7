import { DETECTOR_KINDS, type DetectorKind } from '../../kernel/policy.ts';
import { ACCESS_KEY_TRIGGERS, accessKeyAround } from './access-key.ts';
import { digitsEnd, isDigit, isHex, isLetter, runEnd, SIGN } from './characters.ts';
import { emailAddressAround } from './email-address.ts';
import type { Findings } from './findings.ts';
import { ibanEnd } from './iban.ts';
import { ipv4End, ipv6Around } from './ip-address.ts';
import { jsonWebTokenEnd } from './json-web-token.ts';
import { paymentCardEnd } from './payment-card.ts';
import { phoneNumberEnd } from './phone-number.ts';
import { privateKeyEnd } from './private-key.ts';
import { socialSecurityNumberEnd } from './social-security-number.ts';
import type { Value } from './value.ts';

/** What a byte means to the scan. */
const NOTHING = 0;
const DIGIT = 1;
/** May stand inside of a number that is written in groups. */
const SEPARATOR = 2;
/** Calls a matcher, as `TRIGGERS` says. */
const TRIGGER = 3;

/** `J` ends the `eyJ` of a token. */
const TOKEN_BYTE = 0x4a;

const SEPARATORS = Buffer.from(' -./()');

/** Fewest digits of a number of each kind. */
const FEWEST_DIGITS: Partial<Readonly<Record<DetectorKind, number>>> = { PaymentCard: 14, SocialSecurityNumber: 9, PhoneNumber: 8 };

/** `x` begins bytes in hexadecimal, after a backslash. */
const HEX_BYTE = 0x78;
/** Digits of the shortest that is found, an address of mail. */
const SHORTEST_HEX = 12;

const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Finds all kinds in one pass over a text: a table says which bytes could be a part of something, and only there is looked closer.
 * Texts without any such byte cost a table look-up for each of theirs.
 */
export class TextScanner {
  readonly #wants: Readonly<Record<DetectorKind, boolean>>;
  readonly #classes = new Uint8Array(256);
  readonly #fewest: number;
  /**
   * Where the last ones found in this value end.
   * INVARIANT: inside of them nobody looks again, or a value of nothing but beginnings would take time that grows with the square of its length.
   */
  #privateKeyTo = 0;
  #accessKeyTo = 0;

  constructor(kinds: ReadonlySet<DetectorKind>) {
    this.#wants = Object.fromEntries(DETECTOR_KINDS.map((kind) => [kind, kinds.has(kind)])) as Record<DetectorKind, boolean>;
    this.#fewest = Math.min(...[...kinds].map((kind) => FEWEST_DIGITS[kind] ?? NEVER));
    const mark = (bytes: Iterable<number>, meaning: number): void => {
      for (const byte of bytes) this.#classes[byte] = meaning;
    };
    if (this.#fewest < NEVER || this.#wants.Iban || this.#wants.IpAddress) {
      mark(Buffer.from('0123456789'), DIGIT);
      mark(SEPARATORS, SEPARATOR);
    }
    mark([HEX_BYTE], TRIGGER);
    if (this.#wants.EmailAddress) mark([SIGN.at], TRIGGER);
    if (this.#wants.JsonWebToken) mark([TOKEN_BYTE], TRIGGER);
    if (this.#wants.IpAddress) mark([SIGN.colon], TRIGGER);
    if (this.#wants.AccessKey) mark(ACCESS_KEY_TRIGGERS, TRIGGER);
    if (this.#wants.PrivateKey) mark([SIGN.dash], TRIGGER);
  }

  wants(kind: DetectorKind): boolean {
    return this.#wants[kind];
  }

  /** Adds what is found in the value. */
  scan(value: Value, found: Findings): void {
    const { bytes, start, end } = value;
    this.#privateKeyTo = start;
    this.#accessKeyTo = start;
    const classes = this.#classes;
    let digits = 0;
    let dots = 0;
    let first = 0;
    let last = 0;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] as number;
      const meaning = classes[byte] as number;
      if (meaning === NOTHING) {
        if (digits > 0) {
          if (digits >= this.#fewest || dots >= 3) this.#numbers(value, first, last + 1, found);
          digits = 0;
        }
      } else if (meaning === DIGIT) {
        if (digits === 0) {
          first = at;
          dots = 0;
          if (at - start >= 2 && this.#wants.Iban && isLetter(bytes[at - 1])) this.#iban(value, at, found);
        }
        digits += 1;
        last = at;
      } else {
        if (byte === SIGN.dot) dots += 1;
        if (meaning === TRIGGER) {
          if (digits > 0 && byte !== SIGN.dash && byte !== SIGN.dot) {
            if (digits >= this.#fewest || dots >= 3) this.#numbers(value, first, last + 1, found);
            digits = 0;
          }
          if (byte === HEX_BYTE) at = this.#hex(value, at, found);
          else this.#look(value, at, found);
        }
      }
    }
    if (digits > 0 && (digits >= this.#fewest || dots >= 3)) this.#numbers(value, first, last + 1, found);
  }

  #iban({ bytes, start, end }: Value, at: number, found: Findings): void {
    const last = ibanEnd(bytes, at - 2, start, end);
    if (last >= 0) found.add('Iban', at - 2, last);
  }

  /** Bytes as PostgreSQL writes them, `\\x` and hexadecimal digits, wherever they stand: answers where they end. */
  #hex({ bytes, start, end }: Value, at: number, found: Findings): number {
    if (at === start || bytes[at - 1] !== SIGN.backslash) return at;
    const last = runEnd(bytes, at + 1, end, isHex);
    const even = last - ((last - at - 1) % 2);
    if (even - at - 1 < SHORTEST_HEX) return at;
    found.hexes.push({ start: at + 1, end: even });
    return even - 1;
  }

  /** Looks around the byte at `at`. */
  #look({ bytes, start, end }: Value, at: number, found: Findings): void {
    const wants = this.#wants;
    switch (bytes[at]) {
      case SIGN.at: {
        const range = emailAddressAround(bytes, at, start, end);
        if (range !== undefined) found.add('EmailAddress', range[0], range[1]);
        return;
      }
      case SIGN.colon: {
        const range = ipv6Around(bytes, at, start, end);
        if (range !== undefined) found.add('IpAddress', range[0], range[1]);
        return;
      }
      case TOKEN_BYTE: {
        const last = jsonWebTokenEnd(bytes, at - 2, start, end);
        if (last >= 0) found.add('JsonWebToken', at - 2, last);
        return;
      }
      default: {
        if (wants.PrivateKey && bytes[at] === SIGN.dash && at >= this.#privateKeyTo) {
          const last = privateKeyEnd(bytes, at, start, end);
          if (last >= 0) {
            found.add('PrivateKey', at, last);
            this.#privateKeyTo = last;
          }
        }
        const range = wants.AccessKey && at >= this.#accessKeyTo ? accessKeyAround(bytes, at, start, end) : undefined;
        if (range !== undefined) {
          found.add('AccessKey', range[0], range[1]);
          this.#accessKeyTo = range[1];
        }
      }
    }
  }

  /** Looks for numbers among digits and separators, between digits at `first` and before `last`. */
  #numbers(value: Value, first: number, last: number, found: Findings): void {
    const { bytes, start, end } = value;
    const wants = this.#wants;
    let at = first;
    while (at < last) {
      const run = digitsEnd(bytes, at, last);
      let next = -1;
      if (wants.PaymentCard && (next = paymentCardEnd(value, at, run)) >= 0) found.add('PaymentCard', at, next);
      else if (wants.SocialSecurityNumber && (next = socialSecurityNumberEnd(value, at, run)) >= 0) {
        found.add('SocialSecurityNumber', at, next);
      } else if (wants.IpAddress && (next = ipv4End(bytes, at, start, end)) >= 0) found.add('IpAddress', at, next);
      else if (wants.PhoneNumber && (next = phoneNumberEnd(value, at, run)) >= 0) found.add('PhoneNumber', at, next);
      at = next > run ? next : run;
      while (at < last && !isDigit(bytes[at])) at += 1;
    }
  }
}
