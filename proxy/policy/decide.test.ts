import { describe, expect, it } from 'vitest';
import { catalogOf, contextOf, grant, grantsOf, policy } from '../../test/support/small-catalog.ts';
import { decisionOf, reasonsOf } from '../../test/support/small-decisions.ts';
import type { DecisionContext } from './decision.ts';
import type { PreparedByText } from './judgement.ts';

const DENIED = '42501';

describe('decide() on relations', () => {
  it.each([
    ['SELECT * FROM users', []],
    ['SELECT * FROM public.orders o, shop.public.users', []],
    ['SELECT * FROM secrets', [`${DENIED} relation-refused: permission denied for relation "secrets"`]],
    ['SELECT * FROM hr.users', [`${DENIED} relation-refused: permission denied for relation "hr.users"`]],
    ['SELECT * FROM nothing', ['42P01 relation-unknown: relation "nothing" does not exist']],
    ['SELECT * FROM "Users"', ['42P01 relation-unknown: relation "Users" does not exist']],
    ['SELECT * FROM other.public.users', ['0A000 not-understood: a reference to database "other" is not supported through pg-airlock']],
    ['SELECT * FROM pg_class, pg_catalog.pg_class', []],
    ['SELECT * FROM pg_authid', [`${DENIED} relation-refused: permission denied for relation "pg_authid"`]],
    ['SELECT * FROM pg_toast.pg_toast_1', ['42P01 relation-unknown: relation "pg_toast.pg_toast_1" does not exist']],
  ])('%s', (sql, expected) => {
    expect(reasonsOf(sql)).toEqual(expected);
  });

  it('resolves under the search_path, pg_catalog first unless it is listed', () => {
    const schemaOf = (searchPath: readonly string[], name: string) =>
      decisionOf(
        `SELECT FROM ${name}`,
        contextOf({ grants: grantsOf(policy({ mode: 'Audit' }))!, state: { ...contextOf().state, searchPath } }),
      ).relations.map(({ relation }) => relation.schema);
    expect(schemaOf(['hr', 'public'], 'users')).toEqual(['hr']);
    expect(schemaOf(['public', 'hr'], 'users')).toEqual(['public']);
    expect(schemaOf(['public'], 'pg_class')).toEqual(['pg_catalog']);
    expect(schemaOf([], 'users')).toEqual([]);
  });

  it('refuses what two policies grant, and names them', () => {
    const context = contextOf({ grants: grantsOf(policy(), policy({ key: 'b', relations: [grant('users')] }))! });
    expect(decisionOf('SELECT FROM users', context).reasons.map(({ failure }) => failure.fields.detail)).toEqual([
      'More than one policy grants it, and which masks hold would be a guess: shop/readers, b.',
    ]);
  });

  it('refuses a view that the open transaction made or changed and that shows a relation which is not whole, for it was not traced', () => {
    const catalog = catalogOf();
    const users = catalog.relations.get('public\u0000users')!;
    const decided = (changed: boolean) => {
      const view = { ...users, oid: 99, name: 'view', kind: 'v', reaches: [users.oid], changed };
      return decisionOf(
        'SELECT FROM view',
        contextOf({
          catalog: {
            ...catalog,
            relations: new Map([...catalog.relations, ['public\u0000view', view]]),
            relationsByOid: new Map([...catalog.relationsByOid, [99, view]]),
          },
          grants: grantsOf(policy({ relations: [...policy().relations, grant('view')] }))!,
        }),
      ).reasons.map(({ failure }) => failure.fields.detail);
    };
    expect(decided(true)).toEqual([
      'It was made or changed by this transaction, and shows public.users, of which the policy hides a part.',
    ]);
    expect(decided(false)).toEqual([]);
  });

  it('lets mode Audit read a relation that is not granted, but none that shows a masked one', () => {
    const catalog = catalogOf();
    const users = catalog.relations.get('public\u0000users')!;
    const view = { ...users, oid: 99, name: 'view', kind: 'v', reaches: [users.oid] };
    const context = contextOf({
      catalog: {
        ...catalog,
        relations: new Map([...catalog.relations, ['public\u0000view', view]]),
        relationsByOid: new Map([...catalog.relationsByOid, [99, view]]),
      },
      grants: grantsOf(policy({ mode: 'Audit' }))!,
    });
    expect(decisionOf('SELECT FROM secrets, view, pg_authid', context).reasons.map(({ auditable }) => auditable)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

it.each([
  ['WITH tree AS (SELECT 1 UNION ALL SELECT * FROM tree) SELECT * FROM tree', true],
  ['WITH one AS (SELECT * FROM tree), tree AS (SELECT 1) SELECT * FROM one', true],
  ['WITH tree AS (SELECT 1) SELECT * FROM public.tree', false],
  ['SELECT * FROM (WITH tree AS (SELECT 1) SELECT * FROM tree) t, tree', false],
])('decide() tells of a WITH item that is not in sight: %s', (sql, told) => {
  const [reason] = decisionOf(sql).reasons;
  expect(reason?.failure.fields).toMatchObject({
    code: 'relation-unknown',
    detail: told ? 'There is a WITH item named "tree", but it cannot be referenced from this part of the query.' : undefined,
    hint: told ? 'Use WITH RECURSIVE, or re-order the WITH items to remove forward references.' : undefined,
  });
});

describe('decide() on fields, which call functions', () => {
  const field = (name: string): readonly string[] => [`${DENIED} function-refused: permission denied for function ${name}`];
  it.each([
    ['SELECT users.contact FROM users', field('contact')],
    ['SELECT public.users.contact FROM public.users', field('contact')],
    ['SELECT (u).contact FROM users u', field('contact')],
    ['SELECT (u.id).purge FROM users u', field('purge')],
    ['SELECT id FROM orders TABLESAMPLE foobar (1)', ['42704 function-unknown: tablesample method foobar does not exist']],
    ['SELECT x.purge FROM generate_series(1, 2) x', [`42883 function-unknown: function generate_series does not exist`, ...field('purge')]],
    ['SELECT (x).pg_sleep FROM users', field('pg_sleep')],
    ['SELECT users.name, (u).ssn FROM users, users u', []],
    ['SELECT x.contact FROM (SELECT 1 AS contact) x', []],
    ['WITH x AS (SELECT 1 AS contact) SELECT x.contact FROM x', []],
    ['SELECT x.anything FROM (SELECT 1) x', field('anything')],
    ['SELECT x.contact FROM users x, (SELECT 1 AS contact) y', field('contact')],
    // The inner x is out of sight, so x is the outer relation.
    ['SELECT (SELECT x.contact FROM ((SELECT 1) x JOIN orders o ON true) AS j) FROM users x', field('contact')],
    ['SELECT (SELECT q.contact FROM (SELECT 1) q, (SELECT x.contact) AS y) FROM users x', field('contact')],
    ['SELECT nowhere.contact FROM users', field('contact')],
    ['SELECT x.contact FROM users x(contact)', field('contact')],
  ])('%s', (sql, expected) => {
    expect(reasonsOf(sql)).toEqual(expected);
  });
});

describe('decide() on operators and casts', () => {
  const operator = (name: string): readonly string[] => [`${DENIED} operator-refused: permission denied for operator ${name}`];
  it.each([
    ['SELECT 1 + 2', []],
    ['SELECT 1 <<< 2', operator('<<<')],
    ['SELECT 1 OPERATOR(public.<<<) ANY (ARRAY[2])', operator('<<<')],
    ['SELECT 1 OPERATOR(hr.<<<) 2', []],
    ['SELECT 1 FROM users ORDER BY id USING <<<', operator('<<<')],
    ['SELECT 1 = 2', []],
    [`SELECT 'a'::mood = 'b'`, operator('=')],
    [`SELECT CASE 'a'::mood WHEN 'b' THEN 1 END`, operator('=')],
    [`SELECT 'a'::mood IN (SELECT 'b')`, operator('=')],
    [`SELECT 'a'::hr.mood = 'b'`, []],
  ])('%s', (sql, expected) => {
    expect(reasonsOf(sql)).toEqual(expected);
  });

  it('counts types that columns hold', () => {
    const catalog = catalogOf();
    const oid = catalog.relations.get('public\u0000orders')!.oid;
    expect(
      reasonsOf('SELECT id = 1 FROM orders', contextOf({ catalog: catalogOf({ columnTypes: new Map([[oid, ['public.mood']]]) }) })),
    ).toEqual(operator('='));
  });

  it.each([
    ['a domain whose check calls a function', `SELECT 'a'::mood`, ['public.mood', undefined], true],
    ['a cast from a type that is not in reach', 'SELECT 1::mood', ['public.mood', 'hr.other'], false],
    ['a cast of a type in reach to one of PostgreSQL', `SELECT ('a'::mood)::int4`, ['pg_catalog.int4', 'public.mood'], true],
    ['a cast between two types of PostgreSQL', `SELECT 'a'::int4`, ['pg_catalog.int4', undefined], false],
  ] as const)('%s', (_, sql, [target, source], refused) => {
    const conversion = { source, function: { schema: 'public', name: 'purge' }, extension: undefined };
    const context = contextOf({ catalog: catalogOf({ operators: new Map(), conversions: new Map([[target, [conversion]]]) }) });
    expect(reasonsOf(sql, context)).toEqual(refused ? [`${DENIED} function-refused: permission denied for function public.purge`] : []);
  });
});

describe('decide() on prepared statements and cursors', () => {
  const prepared = (rest: Partial<PreparedByText>): DecisionContext => {
    const known: PreparedByText = {
      revision: 'r1',
      keyed: false,
      unfenced: false,
      withholdErrors: false,
      relations: [],
      masked: [],
      filtered: [],
      policies: [],
      terms: { watches: [], hidesResult: false },
      ...rest,
    };
    return contextOf({ state: { searchPath: [], prepared: () => known, cursor: () => known } });
  };
  it.each([
    ['EXECUTE p', contextOf(), ['26000 statement-unknown: prepared statement "p" does not exist']],
    ['EXPLAIN EXECUTE p', contextOf(), ['26000 statement-unknown: prepared statement "p" does not exist']],
    ['EXECUTE p', prepared({ keyed: true }), []],
    ['EXPLAIN EXECUTE p', prepared({}), []],
    [
      'EXPLAIN EXECUTE p',
      prepared({ keyed: true }),
      [`${DENIED} statement-refused: permission denied for EXPLAIN EXECUTE of a statement with a keyed mask`],
    ],
    ['EXECUTE p', prepared({ revision: 'r0' }), ['55000 stale-statement: prepared statement "p" was made under an earlier policy']],
    ['FETCH c', prepared({ revision: 'r0' }), ['55000 stale-statement: cursor "c" was made under an earlier policy']],
    ['FETCH c', prepared({}), []],
    ['FETCH nothing', contextOf(), []],
    [
      'EXPLAIN EXECUTE p',
      prepared({ filtered: ['public.users'] }),
      [`${DENIED} statement-refused: permission denied for EXPLAIN EXECUTE of a statement with a row filter`],
    ],
    [
      'EXPLAIN ANALYZE EXECUTE p',
      prepared({ unfenced: true }),
      [`${DENIED} statement-refused: permission denied for EXPLAIN ANALYZE EXECUTE of a statement that hides rows or columns`],
    ],
    ['EXPLAIN EXECUTE p', prepared({ unfenced: true }), []],
    ['EXPLAIN ANALYZE EXECUTE p', prepared({}), []],
  ])('%s', (sql, context, expected) => {
    expect(reasonsOf(sql, context)).toEqual(expected);
  });
});

describe('decide() says what a statement does to the session', () => {
  it.each([
    ['SELECT 1', { type: 'None' }],
    ['PREPARE p AS SELECT 1', { type: 'Prepare', name: 'p' }],
    ['EXECUTE p', { type: 'Execute', name: 'p' }],
    ['EXPLAIN EXECUTE p', { type: 'Execute', name: 'p' }],
    ['EXPLAIN SELECT 1', { type: 'None' }],
    ['DEALLOCATE p', { type: 'Deallocate', name: 'p' }],
    ['DECLARE c CURSOR FOR SELECT 1', { type: 'Declare', name: 'c' }],
    ['FETCH c', { type: 'Fetch', name: 'c' }],
    ['CLOSE c', { type: 'CloseCursor', name: 'c' }],
    ['COMMIT AND CHAIN', { type: 'Transaction', action: 'Commit', name: undefined, chain: true }],
    ['SAVEPOINT s', { type: 'Transaction', action: 'Savepoint', name: 's', chain: false }],
    ['RESET ALL', { type: 'ResetAll' }],
    ['DISCARD ALL', { type: 'DiscardAll' }],
    ['DISCARD PLANS', { type: 'None' }],
  ])('%s', (sql, effect) => {
    expect(decisionOf(sql).effect).toEqual(effect);
  });

  it('and whether it is an EXPLAIN', () => {
    expect(['EXPLAIN SELECT 1', 'SELECT 1', 'EXECUTE p'].map((sql) => decisionOf(sql).explain)).toEqual([true, false, false]);
  });
});

describe('decide() refuses', () => {
  it('functions of an extension that no policy names', () => {
    const context = contextOf({ grants: grantsOf(policy({ extensions: [] }))! });
    expect(reasonsOf('SELECT similarity(1)', context)).toEqual([`${DENIED} function-refused: permission denied for function similarity`]);
  });

  it('outside of mode Audit for good what is not granted', () => {
    expect(decisionOf('SELECT FROM secrets').reasons.map(({ auditable }) => auditable)).toEqual([false]);
  });

  it.each([
    "SELECT set_config('search_path', 'public', false) FROM users",
    "SELECT set_config('search_path', 'public', false), set_config('search_path', 'public', true)",
  ])('a path that may be set or not, or twice: %s', (sql) => {
    expect(reasonsOf(sql)).toEqual([`${DENIED} setting-refused: permission denied to set parameter "search_path"`]);
  });
});

describe('decide() guards', () => {
  const guardsOf = (sql: string): readonly string[] => decisionOf(sql).guards.map(({ use, type }) => `${use.name} ${type}`);

  it('calls that would reveal, and settings shown by name; nothing else', () => {
    expect(guardsOf('SELECT pg_catalog.pg_get_viewdef(1), lower(name) FROM users')).toEqual(['pg_get_viewdef Silent']);
    expect(guardsOf('SELECT current_setting(name) FROM users')).toEqual(['current_setting ShownSettings']);
    expect(guardsOf("SELECT current_setting('jit')")).toEqual([]);
  });

  it('nothing in what is defined: the definition would keep the guard', () => {
    const sql = 'CREATE VIEW public.v AS SELECT pg_catalog.pg_get_viewdef(1)';
    expect(guardsOf(sql)).toEqual([]);
    expect(decisionOf(sql).reasons.map(({ failure, auditable }) => [failure.message, auditable])).toContainEqual([
      'permission denied for function pg_get_viewdef',
      false,
    ]);
  });
});

describe('decide() on writing', () => {
  const users = grant('users', { select: undefined, insert: { columns: ['name'] } });
  const context = contextOf({ grants: grantsOf(policy({ relations: [users] }))! });

  it.each([
    ['INSERT INTO users (name) VALUES ($1)', []],
    ['INSERT INTO users (id, name) VALUES (DEFAULT, $1)', []],
    [
      'INSERT INTO users (id, name) VALUES (1, $1)',
      [`${DENIED} column-write-refused: permission denied to insert column "id" of relation "users"`],
    ],
    [
      'MERGE INTO users USING orders ON true WHEN NOT MATCHED THEN INSERT (name) VALUES ($1)',
      [
        `${DENIED} relation-refused: permission denied for relation "orders"`,
        `${DENIED} relation-refused: permission denied for relation "users"`,
      ],
    ],
  ])('lets a relation be written that may not be read: %s', (sql, expected) => {
    expect(reasonsOf(sql, context)).toEqual(expected);
  });
});

it.each([
  'SELECT pg_sleep(1)',
  'SELECT public.purge(1)',
  'SELECT (u).purge FROM users u',
  'SELECT u.contact FROM users u',
  'SELECT 1 <<< 2',
  "SELECT 'a'::mood",
  'SET role = x',
  'SHOW data_directory',
  "SELECT current_setting('data_directory')",
  'SELECT set_config(name, ssn, true) FROM users',
  'SELECT * FROM nothing',
  'SELECT * FROM other.public.users',
  'SELECT * FROM pg_authid',
  'INSERT INTO secrets VALUES (1)',
  'INSERT INTO orders (total) VALUES (1)',
  'UPDATE orders SET id = 1',
  'UPDATE orders SET total = orders.id',
  'SELECT 1 FROM users FOR UPDATE',
  'CREATE TABLE users_of (u users)',
  'DROP TABLE orders',
  'DROP TABLE nothing',
  'EXECUTE p',
])('decide() lets no mode Audit pass %s', (sql) => {
  const conversion = { source: undefined, function: { schema: 'public', name: 'purge' }, extension: undefined };
  const orders = { ...grant('orders'), select: undefined, update: { columns: ['total'] }, insert: { columns: ['id'] } };
  const context = contextOf({
    catalog: catalogOf({ conversions: new Map([['public.mood', [conversion]]]) }),
    grants: grantsOf(policy({ mode: 'Audit', relations: [grant('users'), orders] }))!,
  });
  const { reasons } = decisionOf(sql, context);
  expect(reasons.map(({ auditable }) => auditable)).toEqual(reasons.map(() => false));
  expect(reasons).not.toEqual([]);
});
