import { describe, expect, it } from 'vitest';
import { type AccessPolicy, NO_LIMITS, type RelationGrant } from '../../kernel/policy.ts';
import { mayBeMade, wantedNames } from './policy-names.ts';

const CUSTOMERS: RelationGrant = {
  schema: 'public',
  name: 'customers',
  select: {
    columns: ['id'],
    masks: [
      { column: 'email', mask: { type: 'Hash', key: new Uint8Array([1, 2, 3]) } },
      { column: 'name', mask: { type: 'Expression', expression: 'upper(name)' } },
      { column: 'city', mask: { type: 'Constant', value: 'x' } },
    ],
  },
  insert: undefined,
  update: undefined,
  delete: false,
  where: 'id > 0',
};

const POLICY: AccessPolicy = {
  key: 'agents/reading',
  connection: 'data/shop',
  mode: 'Enforce',
  agents: [],
  notBefore: undefined,
  notAfter: undefined,
  relations: [CUSTOMERS],
  functions: [{ schema: 'public', name: 'f' }],
  extensions: [],
  settings: ['work_mem'],
  rules: [
    { name: 'a', action: 'Deny', match: match({ relations: [{ schema: 'public', name: 'orders' }] }) },
    { name: 'b', action: 'Allow', match: match({ schemas: ['later'], relations: [{ schema: 'public', name: 'new' }] }) },
  ],
  detect: [],
  limits: NO_LIMITS,
  notices: 'Forward',
};

function match(said: Partial<AccessPolicy['rules'][number]['match']>): AccessPolicy['rules'][number]['match'] {
  return { statements: undefined, relations: undefined, withoutWhere: undefined, rowsReturnedOver: undefined, ...said };
}

describe('wantedNames()', () => {
  it('are all that policies name, each once, and no key of a mask', () => {
    const customers = { schema: 'public', name: 'customers' };
    expect(wantedNames([POLICY, POLICY])).toEqual({
      relations: [customers, { schema: 'public', name: 'orders' }],
      functions: [{ schema: 'public', name: 'f' }],
      expressions: [
        { relation: customers, sql: 'id > 0', column: undefined },
        { relation: customers, sql: 'upper(name)', column: 'name' },
      ],
      constants: [{ relation: customers, column: 'city', value: 'x' }],
      lists: new Set(['settings']),
    });
  });
});

describe('mayBeMade()', () => {
  it.each([
    [true, 'later', 'anything'],
    [true, 'public', 'new'],
    [false, 'public', 'orders'],
  ])('is %s for %s.%s', (expected, schema, name) => {
    expect(mayBeMade(POLICY, { schema, name })).toBe(expected);
  });
});
