import { describe, expect, it } from 'vitest';
import type { Rule, RuleMatch } from '../kernel/policy.ts';
import { catalogOf, policy } from '../test/support/small-catalog.ts';
import type { LintInput } from './lint-finding.ts';
import { shadowedRules, unknownInRules } from './lint-rules.ts';

const rule = (name: string, match: Partial<RuleMatch>, action: Rule['action'] = 'Deny'): Rule => ({
  name,
  match: {
    statements: undefined,
    relations: undefined,
    withoutWhere: undefined,
    rowsReturnedOver: undefined,
    rowsAffectedOver: undefined,
    ...match,
  },
  action,
});

const input = (...rules: readonly Rule[]): LintInput => ({
  bundle: { revision: 'r', connections: new Map(), policies: [policy({ rules })] },
  now: 0,
  databases: new Map([
    ['shop/main', { catalog: catalogOf(), role: { name: 'agent', powers: [] }, complaint: () => undefined, narrowing: () => undefined }],
  ]),
  expression: () => ({ problem: 'unused' }),
});

const ORDERS = [{ schema: 'public', name: 'orders' }];

describe('shadowedRules()', () => {
  it.each([
    [rule('wide', { statements: ['Update', 'Delete'] }), rule('narrow', { statements: ['Delete'], withoutWhere: true }), 1],
    [rule('wide', { statements: ['Delete'] }, 'Audit'), rule('narrow', { statements: ['Delete'], relations: ORDERS }), 1],
    [rule('other', { statements: ['Update'] }), rule('narrow', { statements: ['Delete'] }), 0],
    [rule('narrow', { statements: ['Delete'], withoutWhere: true }), rule('wide', { statements: ['Delete'] }), 0],
    [rule('counts', { statements: ['Delete'], rowsAffectedOver: 5 }), rule('narrow', { statements: ['Delete'] }), 0],
    [rule('open', { statements: ['Create'], schemas: ['app'] }, 'Allow'), rule('deny', { statements: ['Create'], schemas: ['app'] }), 0],
  ])('%j before %j: %d', (earlier, later, count) => {
    expect(shadowedRules(input(earlier, later)).map(({ check }) => check)).toEqual(Array(count).fill('shadowed-rule'));
  });
});

describe('unknownInRules()', () => {
  it('finds names that the database does not have', () => {
    const match = {
      relations: [...ORDERS, { schema: 'public', name: 'ordres' }],
      schemas: ['hr', 'app'],
      functions: [
        { schema: 'pg_catalog', name: 'lower' },
        { schema: 'public', name: 'lowr' },
      ],
      columns: [{ relation: { schema: 'public', name: 'users' }, column: 'snn' }],
    };
    expect(unknownInRules(input(rule('r', match))).map(({ severity, check, path }) => [severity, check, path.slice(4).join('.')])).toEqual([
      ['Error', 'unknown-relation', 'relations.1'],
      ['Error', 'unknown-schema', 'schemas.1'],
      ['Error', 'unknown-function', 'functions.1'],
      ['Error', 'unknown-column', 'columns.0'],
    ]);
  });
});
