import { describe, expect, it } from 'vitest';
import type { Rule, RuleMatch } from '../../../kernel/policy.ts';
import { catalogOf, column, contextOf, grant, grantsOf, policy, relation } from '../../../test/support/small-catalog.ts';
import { relationKey } from '../../catalog/catalog.ts';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import { decide } from '../decide.ts';
import { judgeRules, refusedByKind } from './judge-rules.ts';
import type { RuleVerdict } from './rules.ts';

const grammar = new Grammar(18);

const RELATIONS = [
  relation('users', [column('id', 'int4', { notNull: true }), column('name'), column('ssn')]),
  relation('orders', [column('id', 'int4', { notNull: true }), column('user_id', 'int4'), column('total', 'int4')]),
  relation('items', [column('order_id', 'int4'), column('line', 'int4')], { primaryKey: ['order_id', 'line'] }),
  relation('log', [column('text')], { primaryKey: [] }),
];

const ofKind = (name: string, kind: string, behind: string): ReturnType<typeof relation> =>
  relation(name, [column('id', 'int4')], {
    kind,
    primaryKey: [],
    reaches: RELATIONS.filter((each) => each.name === behind).map(({ oid }) => oid),
  });
RELATIONS.push(ofKind('orders_view', 'v', 'orders'));
RELATIONS.push(ofKind('outer_view', 'v', 'orders_view'), ofKind('orders_copy', 'm', 'orders'));

const catalog = catalogOf({
  relations: new Map(RELATIONS.map((each) => [relationKey(each.schema, each.name), each])),
  relationsByOid: new Map(RELATIONS.map((each) => [each.oid, each])),
});

const RELATION_GRANTS = RELATIONS.map(({ name }) => grant(name, { insert: { columns: '*' }, update: { columns: '*' }, delete: true }));

type Said = Partial<RuleMatch>;

const rule = (name: string, match: Said, action: Rule['action'] = 'Deny'): Rule => ({
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

const judge = async (sql: string, ...policies: readonly (readonly Rule[])[]): Promise<RuleVerdict> => {
  if (!grammar.ready) await grammar.load();
  const bytes = Buffer.from(sql);
  const [statement] = grammar.parse(sql);
  const grants = grantsOf(
    ...policies.map((rules, index) => policy({ key: `shop/p${index}`, relations: index === 0 ? RELATION_GRANTS : [], rules })),
  )!;
  const context = contextOf({ catalog, grants });
  const analysis = analyze(statement!, bytes);
  return judgeRules(statement!.node, analysis, decide(analysis, context), context);
};

const matches = async (sql: string, match: Said): Promise<boolean> => (await judge(sql, [rule('r', match)])).reasons.length > 0;

const ORDERS = [{ schema: 'public', name: 'orders' }];
const SSN = [{ relation: { schema: 'public', name: 'users' }, column: 'ssn' }];

describe('a rule matches', () => {
  it.each<readonly [string, Said]>([
    ['SELECT 1', { statements: ['Select'] }],
    ['WITH d AS (DELETE FROM log RETURNING text) SELECT * FROM d', { statements: ['Delete'] }],
    ['EXPLAIN DELETE FROM log', { statements: ['Delete'] }],
    ['EXPLAIN SELECT 1', { statements: ['Explain'] }],
    ['PREPARE p AS UPDATE log SET text = $1', { statements: ['Update'] }],
    ['DECLARE c CURSOR FOR SELECT 1', { statements: ['Select'] }],
    ['COPY orders TO STDOUT', { statements: ['Copy'] }],
    ['COPY orders TO STDOUT', { statements: ['CopyTo'] }],
    ['COPY orders TO STDOUT', { statements: ['Select'], relations: ORDERS }],
    ['COPY orders FROM STDIN', { statements: ['CopyFrom'] }],
    ['COPY orders FROM STDIN', { statements: ['Insert'] }],
    ['COPY (SELECT 1) TO STDOUT', { statements: ['Select'] }],
    ['SELECT * FROM orders FOR UPDATE', { statements: ['SelectForUpdate'] }],
    ['WITH o AS (SELECT * FROM orders FOR SHARE) SELECT * FROM o', { statements: ['SelectForUpdate'] }],
    ['MERGE INTO orders o USING items i ON o.id = i.order_id WHEN MATCHED THEN DELETE', { statements: ['Delete'] }],
    ['INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1', { statements: ['Update'] }],

    ['UPDATE orders SET total = 1', { withoutWhere: true }],
    ['UPDATE orders SET total = 1 WHERE 1 = 1', { statements: ['Update'], withoutWhere: true }],
    ['DELETE FROM orders o WHERE o.id = id', { withoutWhere: true, relations: ORDERS }],
    ['DELETE FROM orders WHERE id IS NOT NULL', { withoutWhere: true }],
    ["DELETE FROM orders WHERE true = 't'", { withoutWhere: true }],
    ["DELETE FROM orders WHERE '10' < '9'", { withoutWhere: true }],
    ["DELETE FROM orders WHERE NOT ('1' = '1.0')", { withoutWhere: true }],
    ['DELETE FROM orders WHERE 9007199254740993 <> 9007199254740992', { withoutWhere: true }],
    [`DELETE FROM orders WHERE 'f'::"char"::int::bool`, { withoutWhere: true }],
    ['UPDATE orders SET total = 1 FROM items i WHERE i.line = 1', { withoutWhere: true }],
    ['WITH d AS (DELETE FROM orders RETURNING id) SELECT 1 FROM users WHERE id = 1', { withoutWhere: true, statements: ['Delete'] }],
    ['MERGE INTO orders o USING items i ON true WHEN MATCHED THEN DELETE', { withoutWhere: true, statements: ['Delete'] }],
    ['SELECT * FROM orders', { withoutWhere: true }],
    ['TABLE orders', { withoutWhere: true }],
    ['SELECT * FROM orders LIMIT 5', { withoutWhere: true }],
    ['SELECT * FROM (SELECT * FROM orders) AS o', { withoutWhere: true }],
    ['WITH o AS (SELECT * FROM orders) SELECT * FROM o', { withoutWhere: true }],
    ['SELECT 1 UNION SELECT id FROM orders', { withoutWhere: true }],
    ...[
      'WITH orders AS (SELECT * FROM orders) SELECT * FROM orders',
      'SELECT 1 UNION (WITH o AS (SELECT id FROM orders) SELECT id FROM o)',
      'SELECT (WITH o AS (SELECT id FROM orders) SELECT max(id) FROM o)',
      'INSERT INTO log WITH o AS (SELECT * FROM orders) SELECT id FROM o',
      'WITH o AS (SELECT * FROM orders), i AS (INSERT INTO log SELECT id FROM o) SELECT 1',
    ].map((sql) => [sql, { statements: ['Select'], withoutWhere: true, relations: ORDERS }] satisfies readonly [string, Said]),
    ['UPDATE orders SET total = 1 WHERE CASE WHEN true THEN true ELSE id = 1 END', { withoutWhere: true }],
    ['UPDATE orders SET total = 1 WHERE CASE WHEN false THEN id = 1 ELSE true END', { withoutWhere: true }],
    [
      'MERGE INTO orders o USING items i ON o.id = 1 WHEN NOT MATCHED BY SOURCE THEN DELETE',
      { withoutWhere: true, statements: ['Delete'] },
    ],
    ['MERGE INTO orders o USING items i ON o.id = 1 WHEN NOT MATCHED BY SOURCE THEN DELETE', { withoutKey: true }],
    [
      'MERGE INTO orders o USING items i ON o.id = 1 WHEN NOT MATCHED BY SOURCE AND total = 4 THEN UPDATE SET total = 1',
      { withoutKey: true },
    ],
    ['SELECT * FROM (SELECT * FROM orders FOR UPDATE) AS o WHERE id = 5', { statements: ['SelectForUpdate'], withoutKey: true }],
    ['SELECT 1 WHERE EXISTS (SELECT FROM orders FOR SHARE)', { statements: ['SelectForUpdate'] }],
    ['UPDATE log SET text = (SELECT id FROM orders FOR UPDATE)::text', { statements: ['SelectForUpdate'] }],
    ['DELETE FROM log USING (SELECT FROM orders FOR UPDATE) AS o', { statements: ['SelectForUpdate'] }],
    ['(SELECT id FROM orders FOR UPDATE) UNION ALL SELECT 1', { statements: ['SelectForUpdate'] }],
    [
      'SELECT * FROM orders o, (SELECT * FROM orders) AS s WHERE o.id = 5 FOR UPDATE',
      { statements: ['SelectForUpdate'], withoutKey: true },
    ],
    [
      'SELECT * FROM orders o, (SELECT * FROM orders) AS s WHERE o.id = 5 FOR UPDATE OF o, s',
      { statements: ['SelectForUpdate'], withoutKey: true },
    ],
    ['SELECT ARRAY(SELECT id FROM orders)', { withoutWhere: true }],
    ['COPY orders TO STDOUT', { withoutWhere: true }],
    [
      `WITH c0 AS (SELECT 1 AS x), ${Array.from({ length: 40 }, (_, i) => `c${i + 1} AS (SELECT 1 AS x FROM c${i}, c${i} d)`).join()} SELECT * FROM c40, orders`,
      { withoutWhere: true },
    ],

    ['UPDATE orders SET total = 1 WHERE total = 5', { withoutKey: true }],
    ['UPDATE orders SET total = 1', { withoutKey: true }],
    ['UPDATE orders SET total = 1 WHERE id = ANY ($1)', { withoutKey: true }],
    ['UPDATE orders SET total = 1 WHERE id IN (1,2,3,4,5,6,7,8,9,10,11)', { withoutKey: true }],
    ['DELETE FROM items WHERE order_id = 4', { withoutKey: true }],
    ['DELETE FROM log WHERE text = $1', { withoutKey: true }],
    ['SELECT * FROM orders AS o (x, id) WHERE id = 5', { withoutKey: true }],
    ['SELECT * FROM (orders CROSS JOIN (SELECT 1) AS s) AS j (x, id) WHERE id = 5', { withoutKey: true }],
    ['SELECT s.* FROM orders, (SELECT * FROM orders) AS s WHERE orders.id = 5', { withoutKey: true }],
    ['WITH s AS (SELECT * FROM orders) SELECT s.* FROM orders, s WHERE orders.id = 5', { withoutKey: true }],
    ['SELECT * FROM orders WHERE total = 5 FOR UPDATE', { statements: ['SelectForUpdate'], withoutKey: true }],

    ...['generate_series(1, 9)', '1 + pg_catalog.unnest(ARRAY[1, 2])', '(ARRAY[1, 2]).unnest', 'CAST(several() AS int)'].map(
      (value) => [`INSERT INTO orders (id) VALUES (${value})`, { fromQuery: true }] satisfies readonly [string, Said],
    ),
    ['INSERT INTO orders (id) SELECT id FROM users', { fromQuery: true }],
    ['INSERT INTO orders (id) SELECT 1', { fromQuery: true }],
    ['INSERT INTO orders TABLE orders', { fromQuery: true }],
    ['INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1', { upsert: true }],

    ['SELECT 1 FROM users u JOIN orders o ON o.user_id = u.id', { relations: ORDERS }],
    ['SELECT 1 WHERE EXISTS (SELECT 1 FROM public.orders)', { relations: ORDERS }],
    ['INSERT INTO orders (id) VALUES (1)', { relations: ORDERS }],
    ['SELECT 1 FROM outer_view', { relations: ORDERS }],
    ['DELETE FROM orders_view', { relations: ORDERS }],
    ['UPDATE outer_view SET id = 1', { statements: ['Update'], withoutWhere: true, relations: ORDERS }],
    ['UPDATE outer_view SET id = 1 WHERE id = 2', { statements: ['Update'], withoutKey: true, relations: ORDERS }],
    ['SELECT 1 FROM orders', { schemas: ['public'] }],
    ['SELECT lower(name) FROM users', { functions: [{ schema: 'pg_catalog', name: 'lower' }] }],
    ['SELECT granted(1)', { functions: [{ schema: 'public', name: 'granted' }] }],
    ['SELECT public.granted(1)', { functions: [{ schema: 'public', name: 'granted' }] }],
    ['SELECT 1 <<< 2', { functions: [{ schema: 'public', name: 'purge' }] }],
    ['SELECT users.granted FROM users', { functions: [{ schema: 'public', name: 'granted' }] }],
    ['SELECT (users).granted FROM users', { functions: [{ schema: 'public', name: 'granted' }] }],
    ['SELECT (5::bigint).lower', { functions: [{ schema: 'pg_catalog', name: 'lower' }] }],
    ['UPDATE users SET name = users.granted', { functions: [{ schema: 'public', name: 'granted' }] }],

    ['SELECT ssn FROM users', { columns: SSN }],
    ['SELECT 1 FROM users u WHERE u.ssn = $1', { columns: SSN }],
    ['SELECT * FROM users', { columns: SSN }],
    ['SELECT u.* FROM users u', { columns: SSN }],
    ['SELECT u FROM users u', { columns: SSN }],
    ['SELECT row_to_json(users) FROM users', { columns: SSN }],
    ['SELECT (SELECT ssn) FROM users', { columns: SSN }],
    ['SELECT 1 FROM users JOIN (SELECT 1 AS ssn) x USING (ssn)', { columns: SSN }],
    ['SELECT 1 FROM users NATURAL JOIN orders', { columns: SSN }],
    ['SELECT c FROM users AS u (a, b, c)', { columns: SSN }],
    ['COPY users TO STDOUT', { columns: SSN }],
    ['COPY users (id, ssn) TO STDOUT', { columns: SSN }],
    ['UPDATE users SET ssn = $1 WHERE id = 1', { columns: SSN }],
    ['INSERT INTO users (id, ssn) VALUES (1, 2)', { columns: SSN }],
    ['INSERT INTO users VALUES (1, 2, 3)', { columns: SSN }],
    ['INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET ssn = 3', { columns: SSN }],
    ['UPDATE users SET name = ssn', { columns: SSN }],
    ['DELETE FROM users WHERE ssn = $1', { columns: SSN }],
    ['DELETE FROM users AS u RETURNING u.ssn', { columns: SSN }],
    ['UPDATE users SET name = $1 RETURNING *', { columns: SSN }],
    ['UPDATE users SET name = $1 RETURNING old.ssn', { columns: SSN }],
    ['UPDATE users SET name = $1 RETURNING users', { columns: SSN }],
    ['WITH u AS (DELETE FROM users RETURNING *) SELECT 1', { columns: SSN }],
    ['INSERT INTO users (id) VALUES (1) RETURNING ssn', { columns: SSN }],
    ['INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = users.ssn', { columns: SSN }],
    ['MERGE INTO users u USING orders o ON u.ssn = o.total::text WHEN MATCHED THEN DELETE', { columns: SSN }],

    ['DELETE FROM orders', { time: { timeZone: 'UTC', days: ['Thu'], from: undefined, to: undefined, outside: false } }],
  ])('%s', async (sql, match) => {
    expect(await matches(sql, match)).toBe(true);
  });
});

describe('a rule does not match', () => {
  it.each<readonly [string, Said]>([
    ['SELECT 1', { statements: ['Delete'] }],
    ['SELECT 1', { withoutWhere: true }],
    ['SELECT * FROM generate_series(1, 2)', { withoutWhere: true }],
    ['SELECT * FROM orders WHERE id = 1', { withoutWhere: true }],
    ['SELECT * FROM (SELECT * FROM orders) o WHERE id = 1', { withoutWhere: true }],
    ['SELECT * FROM (SELECT * FROM orders WHERE id = 1) o', { withoutWhere: true }],
    ['WITH o AS (SELECT * FROM orders WHERE id = 1) SELECT * FROM o', { withoutWhere: true }],
    ['SELECT * FROM (WITH o AS (SELECT * FROM orders WHERE id = 1) SELECT * FROM o) x', { withoutWhere: true }],
    ['WITH d AS (DELETE FROM orders WHERE id = 1 RETURNING id) SELECT * FROM d', { withoutWhere: true }],
    ['INSERT INTO log WITH o AS (SELECT * FROM orders WHERE id = 1) SELECT id FROM o', { withoutWhere: true }],
    ['SELECT * FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > 3', { withoutWhere: true }],
    ['UPDATE orders SET total = 1 WHERE total > 3', { withoutWhere: true }],
    ["UPDATE orders SET total = 1 WHERE id -> 'a' IS NOT NULL", { withoutWhere: true }],
    ['UPDATE orders SET total = 1 FROM items i WHERE i.order_id = orders.id', { withoutWhere: true }],
    ['UPDATE log SET text = 1', { statements: ['Update'], withoutWhere: true, relations: ORDERS }],
    ['INSERT INTO orders (id) VALUES (1)', { withoutWhere: true }],
    ['SELECT id FROM users', { statements: ['Update'], withoutWhere: true }],
    ['SELECT * FROM orders AS o WHERE o.id = 5', { withoutKey: true }],
    ['UPDATE orders SET total = 1 WHERE id = $1', { withoutKey: true }],
    ['UPDATE orders o SET total = 1 WHERE o.id = 5 AND total = 4', { withoutKey: true }],
    ['UPDATE orders SET total = 1 WHERE id IN (1,2,3,4,5,6,7,8,9,10)', { withoutKey: true }],
    ['DELETE FROM items WHERE order_id = 4 AND line = 1', { withoutKey: true }],
    ['MERGE INTO orders o USING items i ON o.id = 1 WHEN NOT MATCHED BY SOURCE AND o.id = 4 THEN DELETE', { withoutKey: true }],
    ['MERGE INTO orders o USING items i ON o.id = 1 WHEN NOT MATCHED BY SOURCE THEN DO NOTHING', { withoutKey: true }],
    ['SELECT * FROM (SELECT * FROM orders WHERE id = 5 FOR UPDATE) AS o', { statements: ['SelectForUpdate'], withoutKey: true }],
    ['SELECT * FROM orders o, (SELECT 1) AS s WHERE o.id = 5 FOR UPDATE OF o', { statements: ['SelectForUpdate'], withoutKey: true }],
    ['UPDATE orders SET total = 1 WHERE CASE WHEN total > 4 THEN true ELSE id = 1 END', { withoutWhere: true }],
    ['UPDATE orders SET total = 1 WHERE CASE total WHEN 4 THEN true END', { withoutWhere: true }],
    ['INSERT INTO orders (id) VALUES (1), (2)', { fromQuery: true }],
    ['INSERT INTO orders DEFAULT VALUES', { fromQuery: true }],
    ['INSERT INTO orders (id) VALUES (granted(1) + length($1)), ((SELECT max(n) FROM generate_series(1, 9) n))', { fromQuery: true }],
    ['INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING', { upsert: true }],
    ['INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1', { statements: ['Update'], withoutWhere: true }],
    ['SELECT 1 FROM users', { relations: ORDERS }],
    ['SELECT 1 FROM orders_copy', { relations: ORDERS }],
    ['DELETE FROM orders', { relations: [{ schema: 'public', name: 'orders_view' }] }],
    ['WITH orders AS (SELECT 1) SELECT * FROM orders', { relations: ORDERS }],
    ['SELECT id, name FROM users', { columns: SSN }],
    ['SELECT count(*) FROM users', { columns: SSN }],
    ['SELECT o.* FROM users u JOIN orders o ON o.user_id = u.id', { columns: SSN }],
    ['COPY users (id) TO STDOUT', { columns: SSN }],
    ['SELECT ssn FROM (SELECT 1 AS ssn) x', { columns: SSN }],
    ['UPDATE users SET name = $1 WHERE id = 1 RETURNING id', { columns: SSN }],
    ['INSERT INTO users (id) VALUES (1) RETURNING id', { columns: SSN }],
    ['UPDATE orders SET total = 1 RETURNING *', { columns: SSN }],
    ['SELECT 1 FROM users WHERE id = 1', { functions: [{ schema: 'public', name: 'purge' }] }],
    ['SELECT users.name, x.name FROM users, (SELECT 1 AS name) AS x', { functions: [{ schema: 'pg_catalog', name: 'name' }] }],
    ['SELECT 1', { functions: [{ schema: 'pg_catalog', name: 'lower' }] }],
    ['SELECT hr.granted(1)', { functions: [{ schema: 'public', name: 'granted' }] }],
    ['DELETE FROM orders', { time: { timeZone: 'UTC', days: ['Fri'], from: undefined, to: undefined, outside: false } }],
    ['SELECT 1', { statements: ['Select'], relations: ORDERS }],
  ])('%s', async (sql, match) => {
    expect(await matches(sql, match)).toBe(false);
  });
});

describe('judgeRules()', () => {
  it('tells the rule, the fact and the way out', async () => {
    const { reasons } = await judge('UPDATE orders SET total = 1', [
      rule('no-mass-change', { statements: ['Update'], withoutWhere: true }),
    ]);
    expect(reasons.map(({ failure, auditable }) => [failure.fields, auditable])).toEqual([
      [
        {
          severity: 'ERROR',
          sqlstate: '42501',
          code: 'rule-refused',
          message: 'permission denied by rule "no-mass-change"',
          detail:
            'The statement is UPDATE and has no WHERE clause that leaves a row out. Rule "no-mass-change" of policy shop/p0 refuses that.',
          hint: 'Add a WHERE clause that names the rows that are meant.',
        },
        true,
      ],
    ]);
  });

  it.each([
    [false, 'The statement comes within Thu 07:00 to 19:30 (UTC).', 'Run it outside Thu 07:00 to 19:30 (UTC).'],
    [true, 'The statement comes outside Thu 07:00 to 19:30 (UTC).', 'Run it within Thu 07:00 to 19:30 (UTC).'],
  ])('says when to come again; outside: %s', async (outside, fact, hint) => {
    // Thursday 00:00, and within a window the same day's.
    const window = outside ? { from: 420, to: 1170 } : { from: 0, to: 1170 };
    const { reasons } = await judge('DELETE FROM orders', [
      rule('hours', { time: { timeZone: 'UTC', days: ['Thu'], ...window, outside } }),
    ]);
    const text = (sentence: string): string => (outside ? sentence : sentence.replace('07:00', '00:00'));
    expect(reasons.map(({ failure }) => failure.fields)).toMatchObject([{ detail: expect.stringContaining(text(fact)), hint: text(hint) }]);
  });

  it('asks for an approval where the rule says so', async () => {
    const { reasons } = await judge('DELETE FROM items WHERE line = 1', [rule('by-key', { withoutKey: true }, 'RequireApproval')]);
    expect(reasons.map(({ failure }) => failure.fields)).toMatchObject([
      { code: 'approval-required', detail: expect.stringContaining('does not name its rows by their primary key') },
    ]);
  });

  it('lets the first rule that matches decide', async () => {
    const audit = rule('watch', { relations: ORDERS }, 'Audit');
    const deny = rule('no', { statements: ['Select'] });
    expect(await judge('SELECT 1 FROM orders', [audit, deny])).toMatchObject({ reasons: [], rules: ['watch'] });
    expect(await judge('SELECT 1 FROM orders', [deny, audit])).toMatchObject({ reasons: [{}], rules: ['no'] });
    expect(await judge('SELECT 1 FROM users', [audit, deny])).toMatchObject({ reasons: [{}], rules: ['no'] });
  });

  it('lets no policy take back what another refuses', async () => {
    const audit = rule('watch', { relations: ORDERS }, 'Audit');
    const deny = rule('no', { statements: ['Select'] });
    const verdict = await judge('SELECT 1 FROM orders', [audit], [deny]);
    expect([verdict.reasons.length, verdict.rules, verdict.decisive?.rule]).toEqual([1, ['no', 'watch'], 'no']);
  });

  it('hands on what is counted and estimated, and asks the next rule', async () => {
    const counted = rule('rows', { relations: ORDERS, rowsReturnedOver: 10 });
    const bytes = rule('bytes', { bytesReturnedOver: 1000 }, 'Audit');
    const estimated = rule('plan', { rowsEstimatedOver: 5 });
    const affected = rule('other', { statements: ['Update'], rowsAffectedOver: 1 });
    const verdict = await judge('SELECT 1 FROM orders', [counted, bytes, estimated, affected, rule('last', {}, 'Audit'), counted]);
    expect(verdict).toEqual({
      reasons: [],
      rules: ['last'],
      watches: [
        { rule: 'rows', policy: 'shop/p0', action: 'Deny', counts: 'RowsReturned', over: 10 },
        { rule: 'bytes', policy: 'shop/p0', action: 'Audit', counts: 'BytesReturned', over: 1000 },
      ],
      estimates: [{ rule: 'plan', policy: 'shop/p0', action: 'Deny', over: 5, fact: '' }],
      decisive: { rule: 'last', policy: 'shop/p0', action: 'Audit', fact: 'The statement is one.' },
    });
  });

  it('names the rule also for what is refused by its form', async () => {
    if (!grammar.ready) await grammar.load();
    const rules = [rule('no-rights', { statements: ['Grant', 'Revoke'] }), rule('no-ddl', { statements: ['Create', 'Alter', 'Drop'] })];
    const grants = grantsOf(policy({ rules }))!;
    const said = ['GRANT SELECT ON a TO b', 'DROP TABLE a', 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', 'VACUUM'].map(
      (sql) => refusedByKind(grammar.parse(sql)[0]!.node, grants)?.message,
    );
    expect(said).toEqual([
      'permission denied by rule "no-rights"',
      'permission denied by rule "no-ddl"',
      'permission denied by rule "no-ddl"',
      undefined,
    ]);
  });
});
