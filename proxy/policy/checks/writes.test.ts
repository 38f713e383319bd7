import { beforeAll, describe, expect, it } from 'vitest';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import type { RelationGrant } from '../../../kernel/policy.ts';
import { contextOf, grant, grantsOf, policy, relation } from '../../../test/support/small-catalog.ts';
import { catalogWith, columnsFrom } from '../../../test/support/small-views.ts';
import type { CatalogRelation } from '../../catalog/catalog.ts';
import { decide } from '../decide.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const insertOnly = { ...grant('orders'), select: undefined, insert: { columns: '*' } } as const;

describe('a relation that is granted for writing alone', () => {
  it.each(['INSERT INTO orders (id) VALUES (1)', 'COPY orders FROM STDIN'])('is written by %s', (sql) => {
    const [statement] = grammar.parse(sql);
    const grants = grantsOf(policy({ relations: [insertOnly] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    expect(decide(analyze(statement, Buffer.from(sql)), contextOf({ grants })).reasons).toEqual([]);
  });
});

describe('a relation of which some columns are granted for insert', () => {
  const refused = 'permission denied to insert column "total" of relation "orders"';
  it.each([
    ['INSERT INTO orders VALUES (1, 2)', []],
    ['INSERT INTO orders VALUES (1, 2, 3)', [refused]],
    ['INSERT INTO orders VALUES ((ROW(1, 2, 3)).*)', [refused]],
    ['INSERT INTO orders VALUES (1, 2), ((ROW(1, 2)).*)', [refused]],
    ['INSERT INTO orders (id, user_id, total) VALUES (1, 2, DEFAULT)', []],
    ['INSERT INTO orders (id, total, user_id) VALUES ((ROW(1, 2)).*, DEFAULT)', [refused]],
    ['INSERT INTO orders SELECT 1, (ROW(2, 3)).*', [refused]],
    ['MERGE INTO orders o USING (SELECT 1, 2, 3) s ON false WHEN NOT MATCHED THEN INSERT VALUES (s.*)', [refused]],
    ['MERGE INTO orders o USING (SELECT 1, 2, 3) s ON false WHEN NOT MATCHED THEN INSERT VALUES ((s).*)', [refused]],
  ])('%s', (sql, expected) => {
    const [statement] = grammar.parse(sql);
    const orders = { ...grant('orders'), insert: { columns: ['id', 'user_id'] } };
    const grants = grantsOf(policy({ relations: [orders] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    const { reasons } = decide(analyze(statement, Buffer.from(sql)), contextOf({ grants }));
    expect(reasons.map(({ failure: { message } }) => message)).toEqual(expected);
  });
});

describe('WHERE of COPY FROM, where a column is masked and another one not granted', () => {
  const users = {
    ...grant('users', { select: { columns: ['id', 'name'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
    insert: { columns: '*' },
  } as const;
  const hidden = (column: string): string => `permission denied for column "${column}" of relation "public.users"`;
  const whole = 'permission denied for a whole row of relation "public.users"';
  it.each([
    ["id > 1 AND lower(users.name) = 'x'", []],
    ["ssn = 'x'", [hidden('ssn')]],
    ["public.users.ssn = 'x'", [hidden('ssn')]],
    ['settings IS NULL', [hidden('settings')]],
    ['users IS NULL', [whole]],
    ['(users).ssn IS NULL', [whole]],
    ['users.* IS NULL', [whole]],
    ['pg_sleep(1) IS NULL', ['permission denied for function pg_sleep']],
    ['EXISTS (SELECT FROM orders WHERE total > id)', []],
    ["EXISTS (SELECT FROM orders WHERE ssn = 'x')", [hidden('ssn')]],
    ['EXISTS (SELECT FROM secrets)', ['permission denied for relation "secrets"']],
  ])('%s', (condition, expected) => {
    const sql = `COPY users FROM STDIN WHERE ${condition}`;
    const [statement] = grammar.parse(sql);
    const grants = grantsOf(policy({ relations: [users, grant('orders')] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    const { reasons } = decide(analyze(statement, Buffer.from(sql)), contextOf({ grants }));
    expect(reasons.map(({ failure: { message } }) => message)).toEqual(expected);
  });
});

describe('what may be written', () => {
  const ALL = { insert: { columns: '*' }, update: { columns: '*' }, delete: true } as const;
  const USERS = relation('users', columnsFrom('id:int4 name ssn'));
  const ORDERS = relation('orders', columnsFrom('id:int4 total:int4'));
  const LOG = relation('log', columnsFrom('id:int4'));
  const of = (name: string, kind: string, behind: readonly CatalogRelation[], rest: Partial<CatalogRelation> = {}): CatalogRelation =>
    relation(name, columnsFrom('id:int4 name'), { kind, reaches: behind.map(({ oid }) => oid), ...rest });
  const ORDER_VIEW = of('order_view', 'v', [ORDERS]);
  const RELATIONS = [
    USERS,
    ORDERS,
    LOG,
    relation('notes', columnsFrom('id:int4 body')),
    relation('twice', columnsFrom('id:int4')),
    of('user_view', 'v', [USERS]),
    ORDER_VIEW,
    of('upon', 'v', [ORDER_VIEW]),
    of('log_view', 'v', [LOG]),
    of('diverted', 'v', [LOG], { diverts: true }),
    of('diverted_table', 'r', [], { diverts: true }),
    of('changed', 'v', [USERS], { changed: true }),
    of('foreign_table', 'f', []),
    of('parent', 'p', [USERS]),
    of('secrets', 'r', []),
  ];
  const CATALOG = catalogWith(RELATIONS);
  const masks = [{ column: 'ssn', mask: { type: 'Redact' } }] as const;
  const GRANTS: readonly RelationGrant[] = [
    grant('users', { ...ALL, select: { columns: ['id', 'name'], masks } }),
    grant('orders', { insert: { columns: '*' }, update: { columns: ['total'] } }),
    grant('notes', { ...ALL, where: 'id = 1' }),
    ...['user_view', 'order_view', 'upon', 'log_view', 'diverted', 'diverted_table', 'changed', 'foreign_table', 'parent'].map((name) =>
      grant(name, ALL),
    ),
    grant('secrets', { select: undefined, insert: { columns: ['id'] }, update: { columns: ['id'] } }),
  ];
  const refusals = (sql: string, own?: RelationGrant, serverMajor = 18): readonly string[] => {
    const grants = grantsOf(
      policy({ relations: own === undefined ? GRANTS : [...GRANTS.filter(({ name }) => name !== own.name), own] }),
      policy({ key: 'b', relations: [grant('twice', ALL)] }),
      policy({ key: 'c', relations: [grant('twice', ALL)] }),
    )!;
    const { reasons } = decide(
      analyze(grammar.parse(sql)[0]!, Buffer.from(sql)),
      contextOf({ catalog: { ...CATALOG, serverMajor }, grants }),
    );
    return reasons.map(({ failure: { message, fields } }) => {
      const isPlain = fields.detail === undefined || ['not-understood', 'statement-refused'].includes(fields.code);
      return isPlain ? message : `${message}: ${fields.detail}`;
    });
  };
  const denied = (name: string, detail: string) => `permission denied for relation "${name}": ${detail}`;
  const beneath = (base: string) => `Writing it would write public.${base}, which the policy does not grant whole for that.`;
  const hidden = (base: string) => `Writing it would write public.${base}, of which the policy hides a part.`;
  const DIVERTED = 'Rules or INSTEAD OF triggers make something else of what is written to it; `beneath: Ignore` lets them.';
  const NO_TABLE = 'It is not a table: writing it can be granted only where it is granted whole, without masks and row filter.';
  const GUESS = 'More than one policy grants it, and which of them holds would be a guess: b, c.';

  it.each([
    ['INSERT INTO order_view VALUES (1)', []],
    ['UPDATE order_view SET id = 1', [denied('order_view', beneath('orders'))]],
    ['DELETE FROM order_view', [denied('order_view', beneath('orders'))]],
    ['INSERT INTO upon VALUES (1)', []],
    ['UPDATE public.upon SET id = 1', [denied('public.upon', beneath('orders'))]],
    ['INSERT INTO log_view VALUES (1)', []],
    ['DELETE FROM log_view', []],
    ['INSERT INTO user_view VALUES (1)', [denied('user_view', hidden('users'))]],
    ['INSERT INTO diverted VALUES (1)', [denied('diverted', DIVERTED)]],
    ['INSERT INTO diverted_table VALUES (1)', []],
    ['INSERT INTO parent VALUES (1)', [denied('parent', hidden('users'))]],
    ['INSERT INTO foreign_table VALUES (1)', []],
    [
      'INSERT INTO changed VALUES (1)',
      [denied('changed', 'It was made or changed by this transaction, and shows public.users, of which the policy hides a part.')],
    ],
    ['INSERT INTO twice VALUES (1)', [denied('twice', GUESS)]],
    ['INSERT INTO nothing VALUES (1)', ['relation "nothing" does not exist']],
    ['INSERT INTO other.public.users VALUES (1)', ['a reference to database "other" is not supported through pg-airlock']],
    ['INSERT INTO shop.public.log_view VALUES (1)', []],
    [
      'INSERT INTO log VALUES (1)',
      ['permission denied to insert on relation "log": No policy in force grants insert on it to this agent.'],
    ],
    ['DELETE FROM secrets', ['permission denied to delete on relation "secrets": No policy in force grants delete on it to this agent.']],
    [
      'UPDATE secrets SET name = $1',
      ['permission denied to update column "name" of relation "secrets": No policy in force grants update on it to this agent.'],
    ],
    ['UPDATE secrets SET id = 1', []],
    [
      'UPDATE orders SET total = 1, id = 2',
      ['permission denied to update column "id" of relation "orders": No policy in force grants update on it to this agent.'],
    ],
    [
      'INSERT INTO orders VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1',
      ['permission denied to update column "id" of relation "orders": No policy in force grants update on it to this agent.'],
    ],
    ['MERGE INTO orders USING notes ON false WHEN MATCHED THEN DO NOTHING', []],
    [
      'MERGE INTO log USING orders ON false WHEN MATCHED THEN DO NOTHING',
      ['permission denied to update on relation "log": No policy in force grants update on it to this agent.'],
    ],
    [
      'MERGE INTO secrets USING orders ON false WHEN MATCHED THEN UPDATE SET id = 1',
      [denied('secrets', 'No policy in force grants it to this agent.')],
    ],
    [
      'MERGE INTO orders USING notes ON false WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)',
      ['permission denied to delete on relation "orders": No policy in force grants delete on it to this agent.'],
    ],
    ['COPY notes FROM STDIN', ['permission denied for COPY FROM into a relation with a row filter']],
    ['COPY users FROM STDIN', []],
    ['DELETE FROM notes WHERE CURRENT OF c', ['permission denied for WHERE CURRENT OF on a relation with a row filter']],
    ['DELETE FROM users WHERE CURRENT OF c', []],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });

  it.each<readonly [string, RelationGrant, readonly string[]]>([
    ['UPDATE order_view SET id = 1', grant('order_view', { ...ALL, beneath: 'Ignore' }), []],
    ['INSERT INTO diverted VALUES (1)', grant('diverted', { ...ALL, beneath: 'Ignore' }), []],
    ['INSERT INTO parent VALUES (1)', grant('parent', { ...ALL, beneath: 'Ignore' }), []],
    ['INSERT INTO user_view VALUES (1)', grant('user_view', { ...ALL, beneath: 'Ignore' }), []],
    ['INSERT INTO parent VALUES (1)', grant('parent', { ...ALL, select: undefined }), [denied('parent', hidden('users'))]],
    ['INSERT INTO parent VALUES (1)', grant('parent', { ...ALL, select: { columns: ['id'], masks: [] } }), []],
    ['INSERT INTO parent VALUES (1)', grant('parent', { ...ALL, where: 'id = 1' }), []],
    ['INSERT INTO log_view VALUES (1)', grant('log_view', { ...ALL, where: 'id = 1' }), [denied('log_view', NO_TABLE)]],
    [
      'INSERT INTO log_view VALUES (1)',
      grant('log_view', { ...ALL, select: { columns: ['id'], masks: [] } }),
      [denied('log_view', NO_TABLE)],
    ],
    ['INSERT INTO log_view VALUES (1)', grant('log_view', { ...ALL, select: undefined }), []],
    ['INSERT INTO foreign_table VALUES (1)', grant('foreign_table', { ...ALL, where: 'id = 1' }), [denied('foreign_table', NO_TABLE)]],
    ['INSERT INTO order_view VALUES (1)', grant('orders', { insert: { columns: ['id'] } }), [denied('order_view', beneath('orders'))]],
    ['DELETE FROM order_view', grant('orders', { delete: true }), []],
    [
      'INSERT INTO order_view VALUES (1)',
      grant('orders', { select: { columns: ['id'], masks: [] }, insert: { columns: '*' } }),
      [denied('order_view', hidden('orders'))],
    ],
  ])('%s, by a grant of another form: %#', (sql, own, expected) => {
    expect(refusals(sql, own)).toEqual(expected);
  });

  it('has what a MERGE makes checked only by a server that can', () => {
    const merge = (action: string) => `MERGE INTO notes USING orders ON false WHEN ${action}`;
    const REFUSED = ['permission denied for MERGE into a relation with a row filter'];
    expect(refusals(merge('MATCHED THEN UPDATE SET id = 1'), undefined, 16)).toEqual(REFUSED);
    expect(refusals(merge('NOT MATCHED THEN INSERT VALUES (1)'), undefined, 15)).toEqual(REFUSED);
    expect(refusals(merge('MATCHED THEN DELETE'), undefined, 16)).toEqual([]);
    expect(refusals(merge('MATCHED THEN UPDATE SET id = 1'), undefined, 17)).toEqual([]);
    expect(refusals('MERGE INTO users USING orders ON false WHEN MATCHED THEN UPDATE SET id = 1', undefined, 15)).toEqual([]);
    expect(refusals('UPDATE notes SET id = 1', undefined, 15)).toEqual([]);
  });

  it.each([
    ['(id) DO NOTHING', undefined, []],
    ['(ssn) DO NOTHING', undefined, ['permission denied for column "ssn" of relation "public.users"']],
    ['(id, ssn) DO UPDATE SET name = $1', undefined, ['permission denied for column "ssn" of relation "public.users"']],
    ['ON CONSTRAINT c DO NOTHING', undefined, []],
    [
      'ON CONSTRAINT c DO UPDATE SET name = $1',
      undefined,
      ['ON CONFLICT ON CONSTRAINT of "users", of which the policy hides a part, is not supported through pg-airlock'],
    ],
    ['DO NOTHING', undefined, []],
    ['(id) DO NOTHING', grant('users', { ...ALL, select: undefined }), ['permission denied for column "id" of relation "public.users"']],
    ['(ssn) DO NOTHING', grant('users', ALL), []],
    ['ON CONSTRAINT c DO UPDATE SET name = $1', grant('users', ALL), []],
    ['(name) DO NOTHING', grant('users', { ...ALL, select: { columns: '*', masks } }), []],
    [
      '(ssn) DO NOTHING',
      grant('users', { ...ALL, select: { columns: '*', masks } }),
      ['permission denied for column "ssn" of relation "public.users"'],
    ],
    [
      '(name) DO NOTHING',
      grant('users', { ...ALL, select: { columns: ['id'], masks: [] } }),
      ['permission denied for column "name" of relation "public.users"'],
    ],
  ] as const)('finds conflicts by readable columns alone: %s %#', (clause, own, expected) => {
    const found = refusals(`INSERT INTO users VALUES (1) ON CONFLICT ${clause}`, own);
    expect(found.map((each) => each.split(': ')[0])).toEqual(expected);
  });

  it.each([
    ['SELECT 1 FROM orders FOR UPDATE', []],
    ['SELECT 1 FROM log_view FOR SHARE', []],
    ['SELECT 1 FROM secrets FOR SHARE', [denied('secrets', 'No policy in force grants it to this agent.')]],
    ['SELECT 1 FROM pg_class FOR SHARE', ['relation "pg_class" does not exist']],
  ])('locks what may be updated: %s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });

  it('locks nothing that may only be read', () => {
    const LOCK =
      'permission denied to lock on relation "orders": No policy in force grants update, which locking rows needs, on it to this agent.';
    const own = grant('orders', { insert: { columns: '*' } });
    expect(refusals('SELECT 1 FROM orders FOR UPDATE', own)).toEqual([LOCK]);
    expect(refusals('SELECT 1 FROM orders o, users u FOR UPDATE OF u', own)).toEqual([]);
    expect(refusals('SELECT 1 FROM orders, users FOR UPDATE OF orders', own)).toEqual([LOCK]);
    expect(refusals('SELECT 1 FROM (SELECT 1 FROM orders) o FOR UPDATE', own)).toEqual([LOCK]);
    expect(refusals('SELECT 1 FROM orders', own)).toEqual([]);
  });
});
