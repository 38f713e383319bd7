import { describe, expect, it } from 'vitest';
import { DETECTOR_KINDS, type DetectorKind } from '../../kernel/policy.ts';
import type { CellForm } from './cell-form.ts';
import { TextScanner } from './text-scanner.ts';
import { ValueInspector } from './value-inspector.ts';

const inspector = new ValueInspector(new TextScanner(new Set(DETECTOR_KINDS)));

/** What was found in a value, and the value as it is masked. */
const inspected = (
  value: string | Buffer,
  form: CellForm = 'Text',
  social = false,
): { readonly kinds: DetectorKind[]; readonly masked: Buffer } => {
  // In the middle of other bytes that would count, were they looked at.
  const masked = Buffer.concat([Buffer.from('4@9'), Buffer.from(value as string), Buffer.from('1.de')]);
  const kinds: DetectorKind[] = [];
  inspector.inspect({ bytes: masked, start: 3, end: masked.length - 4, social }, form, (kind) => {
    kinds.push(kind);
    return true;
  });
  expect([masked.toString('latin1', 0, 3), masked.toString('latin1', masked.length - 4)]).toEqual(['4@9', '1.de']);
  return { kinds, masked: masked.subarray(3, -4) };
};

const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/IBAAKCAQ==\n-----END RSA PRIVATE KEY-----';
const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P';

describe('ValueInspector finds and masks', () => {
  it.each<[DetectorKind, string, string]>([
    ['PaymentCard', '4111111111111111', '****************'],
    ['PaymentCard', 'card 4111 1111 1111 1111, ok', 'card **** **** **** ****, ok'],
    ['PaymentCard', '5500-0000-0000-0004', '****-****-****-****'],
    ['PaymentCard', '2221000000000009', '****************'],
    ['PaymentCard', '3782 822463 10005', '**** ****** *****'],
    ['PaymentCard', '30569309025904', '**************'],
    ['PaymentCard', '6011111111111117', '****************'],
    ['PaymentCard', '3530111333300000', '****************'],
    ['PaymentCard', 'x4111111111111111x', 'x****************x'],
    ['PaymentCard', '4111 1111 1111 1111 12/29 123', '**** **** **** **** 12/29 123'],
    ['PaymentCard', 'a\\n4111111111111111', 'a\\n****************'],
    ['PaymentCard', '{"card":4111111111111111}', '{"card":1111111111111111}'],
    ['PaymentCard', '{"card": "4111111111111111"}', '{"card": "****************"}'],
    ['PaymentCard', '{4111111111111111,7}', '{1111111111111111,7}'],
    ['PaymentCard', '(1,4111111111111111,x)', '(1,1111111111111111,x)'],
    ['SocialSecurityNumber', '536-22-1234', '***-**-****'],
    ['SocialSecurityNumber', '(536 22 1234)', '(*** ** ****)'],
    ['SocialSecurityNumber', 'SSN: 536221234', 'SSN: *********'],
    ['Iban', 'DE89370400440532013000', '**********************'],
    ['Iban', 'pay GB82 WEST 1234 5698 7654 32 now', 'pay **** **** **** **** **** ** now'],
    ['Iban', 'no9386011117947', '***************'],
    ['EmailAddress', 'John.O+x@mail.example.co.uk', '****.*+*@****.*******.**.**'],
    ['EmailAddress', '<a@b.de>.', '<*@*.**>.'],
    ['EmailAddress', '"x\\nann@b.com"', '"x\\n***@*.***"'],
    ['EmailAddress', '"\\u00e9ann@b.com"', '"\\u00e9***@*.***"'],
    ['EmailAddress', 'josé@müller.de', '***·@*·****.**'],
    ['PrivateKey', '-----BEGIN PRIVATE KEY-----\\é', '*'.repeat(10) + ' ******* ' + '*'.repeat(8) + '\\·'],
    ['EmailAddress', '\\éa@b.de', '\\·*@*.**'],
    ['EmailAddress', 'a@b.de.5', '*@*.**.5'],
    ['PhoneNumber', '+49 151 23456789', '+** *** ********'],
    ['PhoneNumber', '+1 (212) 555-0123', '+* (***) ***-****'],
    ['PhoneNumber', 'call (212) 555-0123!', 'call (***) ***-****!'],
    ['PhoneNumber', '212-555-0123', '***-***-****'],
    ['PhoneNumber', '020 7946 0958', '*** **** ****'],
    ['PhoneNumber', '01 23 45 67 89', '** ** ** ** **'],
    ['PhoneNumber', '0151/23456789', '****/********'],
    ['IpAddress', '203.0.113.77', '***.*.***.**'],
    ['IpAddress', 'from 10.1.2.3:443', 'from **.*.*.*:443'],
    ['IpAddress', '2001:db8::8a2e:370:7334', '****:***::****:***:****'],
    ['IpAddress', '[fe80::1]', '[****::*]'],
    ['IpAddress', '::ffff:192.0.2.128', '::****:***.*.*.***'],
    ['JsonWebToken', `Bearer ${TOKEN}!`, `Bearer ${'*'.repeat(TOKEN.length)}!`],
    ['AccessKey', 'AKIAIOSFODNN7EXAMPLE', '*'.repeat(20)],
    ['AccessKey', 'key=AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY', `key=${'*'.repeat(39)}`],
    ['AccessKey', `ghp_${'a1B2'.repeat(9)}`, '*'.repeat(40)],
    ['AccessKey', 'xoxb-123456789012-abcdefABCDEF', '*'.repeat(30)],
    ['AccessKey', `sk_live_${'a1'.repeat(12)}`, '*'.repeat(32)],
    ['AccessKey', `sk-proj-${'aB3_'.repeat(10)}`, '*'.repeat(48)],
    ['AccessKey', `AccountKey=${'aB+/'.repeat(21)}ab==;x`, `AccountKey=${'*'.repeat(88)};x`],
    ['AccessKey', `aws_secret_access_key = ${'aB+/'.repeat(10)}`, `aws_secret_access_key = ${'*'.repeat(40)}`],
    ['PrivateKey', PEM, PEM.replaceAll(/[^\n ]/g, '*')],
    ['PrivateKey', JSON.stringify({ k: PEM }), `{"k":"${PEM.replaceAll(/[^\n ]/g, '*').replaceAll('\n', '\\n')}"}`],
    ['PrivateKey', 'x -----BEGIN PRIVATE KEY-----\nMIIEow', 'x ********** ******* ********\n******'],
  ])('%s in %s', (kind, value, expected) => {
    const { kinds, masked } = inspected(value);
    expect([masked.toString(), kinds]).toEqual([expected, [kind]]);
    expect([masked.length, Array.from(masked.toString()).length]).toEqual([Buffer.byteLength(value), Array.from(value).length]);
  });
});

describe('ValueInspector lets be', () => {
  it.each([
    'nothing at all',
    '4111111111111112',
    '1111111111111117',
    '41111111111111110000',
    '0.4111111111111111',
    '4006381333931',
    '2026-11-21 21:18:16.123456+00',
    '20261121211816',
    '550e8400-e29b-41d4-a716-446655440000',
    '000-12-3456',
    '666-12-3456',
    '900-12-3456',
    '123456789',
    '1-536-22-1234',
    'DE00370400440532013000',
    'XX89370400440532013000',
    'DE89370400440532013000X',
    'user@localhost',
    '@handle and a @ b.com',
    'npm i @scope/x',
    '12:34:56',
    'std::cafe',
    'a::b',
    'aa:bb:cc:dd:ee:ff',
    '127.0.0.1',
    '0.0.0.0',
    '1.2.3.4.5',
    'v1.2.3.4',
    '256.1.1.1',
    '2026-555-1234',
    '123 456 7890',
    '1234567890',
    '+1234',
    '12.50 13.75 14.25',
    'eyJ is how they begin. eyJhbGciOiJIUzI1NiJ9.x',
    'AKIAIOSFODNN7EXAMPLEX',
    'task-assessment-of-the-whole-organisation-and-more',
    'sk-learn',
    '-----BEGIN CERTIFICATE-----\nMIIEow\n-----END CERTIFICATE-----',
    '-----',
  ])('%s', (value) => {
    const { kinds, masked } = inspected(value);
    expect([masked.toString(), kinds]).toEqual([value, []]);
  });
});

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const sized = (value: string | Buffer): Buffer => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value as string)]);
const int8 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

/** A text of 52 bytes, whose length is the digit `4` in binary. */
const LONG = `111111111111111 ${'x'.repeat(37)}`.slice(0, 52);

describe('ValueInspector and values that are made to take long', () => {
  it.each([
    'eyJ',
    'eyJ-',
    'sk-',
    '-AIza',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN ',
    'a@',
    '1:',
    '1.',
    '12 ',
    'DE89 ',
    '\\\\x',
    'AKIA',
    '+1',
    '(',
    '\\\\',
  ])('takes time in proportion to its length: %s', (part) => {
    // With the square of it this would be hours.
    const value = Buffer.from(part.repeat(400_000 / part.length));
    const bytes = Buffer.from(value);
    inspector.inspect({ bytes, start: 0, end: bytes.length, social: false }, 'Text', () => true);
    expect(bytes.length).toBe(value.length);
  });

  it('lists no parts of a value that is made of millions', () => {
    const bytes = Buffer.concat([int32(500_000), Buffer.alloc(4_000_000, 0xff)]);
    const before = Buffer.from(bytes);
    inspector.inspect({ bytes, start: 0, end: bytes.length, social: false }, 'Binary', () => true);
    expect(bytes.equals(before)).toBe(true);
  });
});

describe('ValueInspector in binary format', () => {
  it('looks into elements of arrays, whatever their lengths look like', () => {
    const text = `4111111111111111 ${LONG.slice(0, 35)}`;
    const value = (content: string): Buffer =>
      Buffer.concat([int32(1), int32(1), int32(25), int32(3), int32(1), sized('a'), int32(-1), sized(content)]);
    expect(inspected(value(text), 'Binary')).toEqual({ kinds: ['PaymentCard'], masked: value(`**************** ${text.slice(17)}`) });
  });

  it('looks into arrays of numbers, and keeps them numbers', () => {
    const value = (content: bigint): Buffer => Buffer.concat([int32(1), int32(0), int32(20), int32(1), int32(1), sized(int8(content))]);
    expect(inspected(value(4111111111111111n), 'Binary')).toEqual({ kinds: ['PaymentCard'], masked: value(1111111111111111n) });
  });

  it('looks into rows inside of arrays, hstores and ranges', () => {
    const row = (content: string): Buffer => Buffer.concat([int32(2), int32(23), sized(int32(7)), int32(25), sized(content)]);
    const rows = (content: string): Buffer => Buffer.concat([int32(1), int32(0), int32(16_999), int32(1), int32(1), sized(row(content))]);
    const hstore = (content: string): Buffer => Buffer.concat([int32(2), sized('k'), sized(content), sized('n'), int32(-1)]);
    const range = (content: string): Buffer => Buffer.concat([Buffer.of(2), sized('a'), sized(content)]);
    for (const value of [row, rows, hstore, range]) {
      expect(inspected(value('a@b.de'), 'Binary')).toEqual({ kinds: ['EmailAddress'], masked: value('*@*.**') });
    }
  });

  it('looks at what is no whole array as at text', () => {
    const value = Buffer.concat([int32(1), int32(0), int32(25), int32(1), int32(1), int32(7), Buffer.from('a@b.de')]);
    expect(inspected(value, 'Binary').kinds).toEqual(['EmailAddress']);
  });

  it('looks at integers, numerics, jsonb, addresses and bytes', () => {
    expect(inspected(int8(4111111111111111n), 'Int8Binary')).toEqual({ kinds: ['PaymentCard'], masked: int8(1111111111111111n) });
    const numeric = (...words: number[]): Buffer => {
      const bytes = Buffer.alloc(8 + words.length * 2);
      bytes.writeUInt16BE(words.length, 0);
      bytes.writeUInt16BE(3, 2);
      for (const [index, word] of words.entries()) bytes.writeUInt16BE(word, 8 + index * 2);
      return bytes;
    };
    expect(inspected(numeric(4111, 1111, 1111, 1111), 'NumericBinary')).toEqual({
      kinds: ['PaymentCard'],
      masked: numeric(1111, 1111, 1111, 1111),
    });
    const jsonb = (content: string): Buffer => Buffer.concat([Buffer.of(1), Buffer.from(content)]);
    expect(inspected(jsonb('4111111111111111'), 'JsonbBinary')).toEqual({ kinds: ['PaymentCard'], masked: jsonb('1111111111111111') });
    expect(inspected(Buffer.of(2, 32, 0, 4, 10, 1, 2, 3), 'AddressBinary')).toEqual({
      kinds: ['IpAddress'],
      masked: Buffer.of(2, 32, 0, 4, 1, 1, 1, 1),
    });
    expect(inspected(Buffer.of(0, 255, 0x61, 0x40, 0x62, 0x2e, 0x64, 0x65, 0), 'Binary').kinds).toEqual(['EmailAddress']);
  });

  it('looks at bytes in hexadecimal, at addresses and numbers as text', () => {
    const hex = (content: string): string => `\\x${Buffer.from(content).toString('hex')}`;
    expect(inspected(hex('ab a@b.de')).masked.toString()).toBe(hex('ab *@*.**'));
    expect(inspected(`{"by": "\\${hex('ab a@b.de')}"}`).masked.toString()).toBe(`{"by": "\\${hex('ab *@*.**')}"}`);
    expect(inspected('10.1.22.3/24', 'AddressText').masked.toString()).toBe('11.1.11.1/24');
    expect(inspected('4111111111111111', 'NumberText').masked.toString()).toBe('1111111111111111');
    expect(inspected('536221234', 'NumberText', true)).toEqual({ kinds: ['SocialSecurityNumber'], masked: Buffer.from('111111111') });
    expect(inspected(int32(536221234), 'Int4Binary', true)).toEqual({ kinds: ['SocialSecurityNumber'], masked: int32(111111111) });
  });
});
