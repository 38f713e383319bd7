import type { DetectorKind } from '../../kernel/policy.ts';
import { integerDigits, numericDigits, overwriteInteger, overwriteNumeric } from './binary-numbers.ts';
import { type CellForm, cellForm } from './cell-form.ts';
import { Findings } from './findings.ts';
import { isBareNumber, overwrite, overwriteDigits } from './overwrite.ts';
import { nestedValues, visitNested } from './nested-values.ts';
import { isCardNumber } from './payment-card.ts';
import { isSocialSecurityNumber } from './social-security-number.ts';
import type { TextScanner } from './text-scanner.ts';
import type { Value } from './value.ts';

/** Told of each find. True: it is to be masked. */
export type Meet = (kind: DetectorKind) => boolean;

const NO_HEXES: Findings['hexes'] = [];

const DIGITS = new Uint8Array(Buffer.from('0123456789abcdef'));

/** Values inside of values inside of values: as deep as anybody looks. */
const DEEPEST = 16;

/** Looks into single values, and masks in place what is to be masked. */
export class ValueInspector {
  readonly #scanner: TextScanner;
  readonly #found = new Findings();

  constructor(scanner: TextScanner) {
    this.#scanner = scanner;
  }

  inspect(value: Value, form: CellForm, meet: Meet): void {
    const { bytes, start, end } = value;
    switch (form) {
      case 'Skip':
        return;
      case 'Text':
        this.#text(value, 'Text', meet);
        return;
      case 'NumberText':
        this.#text(value, 'Number', meet);
        return;
      case 'AddressText':
        this.#text(value, 'Address', meet);
        return;
      case 'JsonbBinary':
        // A byte for the version; `json` has none.
        this.#text(bytes[start] === 1 ? { ...value, start: start + 1 } : value, 'Number', meet);
        return;
      case 'Binary':
        this.#binary(value, meet, 0);
        return;
      case 'Int8Binary':
      case 'Int4Binary':
        if (end - start !== (form === 'Int8Binary' ? 8 : 4)) return;
        if (this.#number(integerDigits(bytes, start, end), value.social, meet)) overwriteInteger(bytes, start, end);
        return;
      case 'NumericBinary':
        if (this.#number(numericDigits(bytes, start, end), value.social, meet)) overwriteNumeric(bytes, start);
        return;
      case 'AddressBinary':
        this.#address(value, meet);
        return;
      default:
        form satisfies never;
    }
  }

  #text(value: Value, stays: 'Text' | 'Number' | 'Address', meet: Meet): void {
    const { bytes, start, end } = value;
    const found = this.#found;
    this.#scanner.scan(value, found);
    if (found.size === 0 && found.hexes.length === 0) return;
    const hexes = found.hexes.length === 0 ? NO_HEXES : found.hexes.splice(0);
    for (let index = 0; index < found.size; index += 1) {
      const kind = found.kinds[index] as DetectorKind;
      if (!meet(kind)) continue;
      const first = found.starts[index] as number;
      const last = found.ends[index] as number;
      const isWhole = first === start && last === end;
      if (stays === 'Address' || (stays === 'Number' && isWhole) || isBareNumber(value, first, last)) {
        overwriteDigits(bytes, first, last);
      } else overwrite(bytes, kind, first, last);
    }
    found.clear();
    for (const hex of hexes) this.#hex(bytes, hex.start, hex.end, meet);
  }

  #binary(value: Value, meet: Meet, depth: number): void {
    const { bytes, start, end } = value;
    const nested = depth < DEEPEST ? nestedValues(bytes, start, end) : undefined;
    if (nested === undefined) {
      this.#text(value, 'Text', meet);
      return;
    }
    visitNested(bytes, nested, (type, from, to) => {
      const form = type === 0 ? 'Binary' : cellForm(type, 1);
      const inner = { ...value, start: from, end: to };
      if (form === 'Binary') this.#binary(inner, meet, depth + 1);
      else this.inspect(inner, form, meet);
    });
  }

  /** Hexadecimal digits: the bytes that they stand for are looked into. */
  #hex(bytes: Buffer, start: number, end: number, meet: Meet): void {
    const content = Buffer.from(bytes.toString('latin1', start, end), 'hex');
    let masked = false;
    this.#text({ bytes: content, start: 0, end: content.length, social: false }, 'Text', (kind) => {
      const masks = meet(kind);
      masked ||= masks;
      return masks;
    });
    if (!masked) return;
    for (let index = 0; index < content.length; index += 1) {
      const byte = content[index] as number;
      bytes[start + index * 2] = DIGITS[byte >> 4] as number;
      bytes[start + index * 2 + 1] = DIGITS[byte & 15] as number;
    }
  }

  #number(digits: string, social: boolean, meet: Meet): boolean {
    if (this.#scanner.wants('PaymentCard') && isCardNumber(digits)) return meet('PaymentCard');
    const isSocial = social && this.#scanner.wants('SocialSecurityNumber') && isSocialSecurityNumber(digits.padStart(9, '0'));
    return isSocial && meet('SocialSecurityNumber');
  }

  /** `network_send`: family, bits, whether it is a cidr, length, address. */
  #address({ bytes, start, end }: Value, meet: Meet): void {
    if (end - start > 4 && bytes[start + 4] !== 127 && this.#scanner.wants('IpAddress') && meet('IpAddress')) bytes.fill(1, start + 4, end);
  }
}
