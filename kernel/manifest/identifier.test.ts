import { describe, expect, it } from 'vitest';
import { crdSchemas } from '../generated/crd-schemas.ts';
import { parseIdentifier, parseQualifiedName } from './identifier.ts';

describe('parseQualifiedName()', () => {
  it.each([
    ['public.customers', { schema: 'public', name: 'customers' }, false],
    ['Public.Customers', { schema: 'public', name: 'customers' }, true],
    ['public."Old Customers"', { schema: 'public', name: 'Old Customers' }, false],
    ['"a.b"."c""d"', { schema: 'a.b', name: 'c"d' }, false],
    ['_x.a$1', { schema: '_x', name: 'a$1' }, false],
    ['straße.ÄRGER', { schema: 'straße', name: 'Ärger' }, true],
    ['public.order', { schema: 'public', name: 'order' }, false],
  ])('reads %s as PostgreSQL does', (text, name, folded) => {
    expect(parseQualifiedName(text)).toEqual({ type: 'Name', name, folded });
  });

  it.each([
    ['customers', '"customers" is not of the form schema.name'],
    ['shop.public.customers', '"shop.public.customers" is not of the form schema.name'],
    ['public.', '"public." is not a name in SQL'],
    ['.customers', '".customers" is not a name in SQL'],
    ['public.old customers', '"public.old customers" is not a name in SQL'],
    ['public.1a', '"public.1a" is not a name in SQL'],
    ['public.""', '"public.\\"\\"" is not a name in SQL'],
    ['public."a', '"public.\\"a" is not a name in SQL'],
    ['public."a"b', '"public.\\"a\\"b" is not a name in SQL'],
    ['U&"a".b', '"U&\\"a\\".b" is not a name in SQL'],
    ['public."a\0"', '"public.\\"a\\u0000\\"" is not a name in SQL'],
    [' public.a', '" public.a" is not a name in SQL'],
    ['', '"" is not a name in SQL'],
    [`public.${'ä'.repeat(32)}`, `the name "${'ä'.repeat(32)}" is longer than 63 bytes`],
  ])('refuses %j', (text, message) => {
    expect(parseQualifiedName(text)).toMatchObject({ type: 'Invalid', message });
  });
});

describe('parseIdentifier()', () => {
  it('folds ASCII capitals only, and only outside quotes', () => {
    expect(parseIdentifier('createdAt')).toEqual({ type: 'Name', name: 'createdat', folded: true });
    expect(parseIdentifier('"createdAt"')).toEqual({ type: 'Name', name: 'createdAt', folded: false });
    expect(parseIdentifier('Ä')).toEqual({ type: 'Name', name: 'Ä', folded: false });
  });

  it('refuses a name of several parts', () => {
    expect(parseIdentifier('c.id')).toMatchObject({ type: 'Invalid', message: '"c.id" has several parts' });
  });
});

describe('the patterns of the CRD', () => {
  const { relations } = crdSchemas.DatabaseAccessPolicy.properties?.['spec']?.properties ?? {};
  const pattern = relations?.items?.properties?.['name']?.pattern ?? '';
  const samples = [
    'a.b',
    'A.B',
    '_.$',
    'a.$',
    'a."b"',
    'a."b""c"',
    'a."b"c"',
    'a."',
    'a.""',
    'a.b.c',
    'a',
    '1.a',
    'a.1',
    'ä.ß',
    'a.b ',
    '😀.a',
    'a.`',
    'a.@b',
    'a.{',
  ];

  it.each(samples)('agree with the parser about %j', (text) => {
    expect(new RegExp(pattern, 'u').test(text)).toBe(parseQualifiedName(text).type === 'Name');
  });
});
