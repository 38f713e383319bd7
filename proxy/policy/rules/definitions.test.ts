import { describe, expect, it } from 'vitest';
import type { Rule, RuleMatch } from '../../../kernel/policy.ts';
import { catalogOf, column, contextOf, grant, grantsOf, policy, relation } from '../../../test/support/small-catalog.ts';
import { relationKey } from '../../catalog/catalog.ts';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import { decide } from '../decide.ts';
import { judgeRules } from './judge-rules.ts';

const grammar = new Grammar(18);

const ORDERS = relation('orders', [column('id', 'int4', { notNull: true }), column('total', 'int4'), column('price', 'int4')]);

const catalog = catalogOf({
  schemas: new Set(['public']),
  relations: new Map([[relationKey('public', 'orders'), ORDERS]]),
  relationsByOid: new Map([[ORDERS.oid, ORDERS]]),
});

const rule = (name: string, match: Partial<RuleMatch>, action: Rule['action']): Rule => ({
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

const OPEN = rule('open', { statements: ['Create', 'Alter'] }, 'Allow');

/** The rules that refuse. */
const refusing = async (sql: string, ...rules: readonly Rule[]): Promise<readonly (string | undefined)[]> => {
  if (!grammar.ready) await grammar.load();
  const relations = [grant('orders', { delete: true })];
  const context = contextOf({ catalog, grants: grantsOf(policy({ key: 'shop/p', relations, rules }))! });
  const [statement] = grammar.parse(sql);
  const analysis = analyze(statement!, Buffer.from(sql));
  const { reasons } = judgeRules(statement!.node, analysis, decide(analysis, context), context);
  return reasons.map(({ failure }) => /rule "(.*)"/.exec(failure.message)?.[1]);
};

describe('a rule about a column holds for definitions', () => {
  const TOTAL = rule(
    'total',
    { statements: ['Select'], columns: [{ relation: { schema: 'public', name: 'orders' }, column: 'total' }] },
    'Deny',
  );

  it.each([
    'ALTER TABLE orders RENAME COLUMN total TO other',
    'ALTER TABLE orders RENAME TO other',
    'ALTER TABLE orders ADD COLUMN copy int GENERATED ALWAYS AS (total) STORED',
    'ALTER TABLE orders ALTER COLUMN price TYPE int USING total',
    'ALTER TABLE orders ADD CHECK (total > 5)',
    'CREATE UNIQUE INDEX ON orders (total)',
    'CREATE INDEX ON orders ((1 / total))',
    'CREATE TABLE a (total int REFERENCES orders (total))',
    'CREATE TABLE a AS SELECT total FROM orders',
    'CREATE VIEW a AS SELECT * FROM orders',
  ])('that could show it under another name, or tell of it: %s', async (sql) => {
    expect(await refusing(sql, OPEN, TOTAL)).toEqual(['total']);
  });

  it.each([
    'ALTER TABLE orders ADD COLUMN note text',
    'ALTER TABLE orders ALTER COLUMN price SET DEFAULT 5',
    'CREATE INDEX ON orders (total)',
    'CREATE TABLE a (id int REFERENCES orders)',
    'CREATE TABLE a AS SELECT price FROM orders',
  ])('and for no other: %s', async (sql) => {
    expect(await refusing(sql, OPEN, TOTAL)).toEqual([]);
  });
});

describe('a rule that opens CREATE', () => {
  const KEYLESS = rule('keyless', { statements: ['Delete'], withoutKey: true }, 'Deny');
  const UNREAD = rule('unread', { statements: ['Select'], relations: [{ schema: 'public', name: 'orders' }] }, 'Deny');

  it('does not open what the query reads and changes to rules behind it', async () => {
    const sql = 'CREATE TABLE a AS WITH d AS (DELETE FROM orders RETURNING id) SELECT id FROM d';
    expect(await refusing(sql, OPEN, KEYLESS)).toEqual(['keyless']);
    expect(await refusing('CREATE TABLE a AS SELECT id FROM orders', OPEN, UNREAD)).toEqual(['unread']);
    expect(await refusing('CREATE VIEW a AS SELECT id FROM orders', OPEN, UNREAD)).toEqual(['unread']);
  });

  it('decides on the definition itself before rules behind it', async () => {
    const none = rule('none', { statements: ['Create'] }, 'Deny');
    expect(await refusing('CREATE TABLE a AS SELECT id FROM orders', OPEN, none)).toEqual([]);
    expect(await refusing('CREATE TABLE a (id int)', OPEN, none)).toEqual([]);
  });
});
