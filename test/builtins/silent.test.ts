import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, sqlstateOf, startShop } from '../clients/shop.ts';

const SECRET = 'a condition that nobody granted';
const SETUP = `
  CREATE VIEW told AS SELECT id FROM customers WHERE city <> '${SECRET}';
  CREATE FUNCTION known() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '${SECRET}' $$;
  CREATE FUNCTION parsed() RETURNS text LANGUAGE sql IMMUTABLE RETURN '${SECRET}';
  CREATE RULE silence AS ON UPDATE TO secrets WHERE new.token = '${SECRET}' DO INSTEAD NOTHING;
  CREATE SEQUENCE steps; SELECT nextval('steps');
  ALTER ROLE shop_app IN DATABASE shop SET app.key = '${SECRET}'; ALTER ROLE shop_app IN DATABASE shop SET app.tenant = 'ours';
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_app; GRANT ALL ON SEQUENCE steps TO shop_app`;

/** What would tell, and answers NULL, in every place that an expression can have. */
const NOTHING = [
  "SELECT pg_get_viewdef('told')",
  "SELECT pg_get_viewdef('told'::regclass, 40)",
  'SELECT pg_catalog . "pg_get_viewdef" /* ( */ ( -- )\n \'told\' , true )',
  "SELECT x FROM pg_get_viewdef('told') AS x",
  "SELECT x FROM customers c, LATERAL pg_get_viewdef(('told'::regclass::oid::int8 + c.id * 0)::oid, true) x LIMIT 1",
  "SELECT min(pg_get_viewdef(oid)) FROM pg_class WHERE relname = 'told'",
  "SELECT max(x) OVER (ORDER BY pg_get_viewdef('told')) FROM (SELECT pg_get_viewdef('told') AS x) q",
  "SELECT nullif(pg_get_functiondef('known'::regproc), '')",
  "SELECT pg_get_functiondef((SELECT 'known'::regproc)::oid)",
  "SELECT pg_get_function_sqlbody('parsed'::regproc)",
  "SELECT pg_get_ruledef(r.oid, true) FROM pg_rewrite r WHERE rulename = 'silence'",
  "SELECT pg_get_ruledef(length(pg_get_viewdef('told'))::oid)",
  "SELECT pg_sequence_last_value('steps')",
  "SELECT pg_relation_filepath('customers')",
  'SELECT pg_tablespace_location(1663)',
  'SELECT pg_blocking_pids(pg_backend_pid())',
  "SELECT current_setting(n) FROM (VALUES ('Data_Directory'), ('app.key')) AS v (n) LIMIT 1",
  "SELECT current_setting(v.n, true) FROM (VALUES ('app.key')) AS v (n)",
  "SELECT definition FROM pg_rules WHERE rulename = 'silence'",
  'SELECT setconfig FROM pg_db_role_setting LIMIT 1',
];

describe.for([14, 18] as const)('what would reveal is run with NULL, PostgreSQL %i', (version) => {
  let shop: Shop;
  let client: pg.Client;
  beforeAll(async () => {
    shop = await startShop({ postgres: { version }, setup: SETUP, manifests: { spec: '  settings: [app.tenant]' } });
    client = new pg.Client({ connectionString: shop.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await shop.stop();
  });
  const rows = async (text: string, values?: unknown[]): Promise<unknown[][]> =>
    (await client.query({ text, ...(values === undefined ? {} : { values }), rowMode: 'array' })).rows as unknown[][];

  it('answers NULL wherever it is called', async () => {
    for (const sql of NOTHING) expect([sql, await rows(sql)]).toEqual([sql, [[null]]]);
  });

  it('takes parameters, and keeps names and types of columns', async () => {
    expect(await rows('SELECT pg_get_viewdef($1)', ['told'])).toEqual([[null]]);
    expect(await rows('SELECT pg_tablespace_location($1)', [1663])).toEqual([[null]]);
    const { fields } = await client.query("SELECT pg_get_viewdef('told'), pg_blocking_pids(1), pg_sequence_last_value('steps')");
    expect(fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['pg_get_viewdef', 25],
      ['pg_blocking_pids', 1007],
      ['pg_sequence_last_value', 20],
    ]);
  });

  it('shows settings by name in lists, but those that are hidden', async () => {
    expect(await rows("SELECT current_setting(name) FROM pg_settings WHERE name IN ('work_mem', 'TimeZone') ORDER BY name")).toEqual([
      ['UTC'],
      ['4MB'],
    ]);
    const called = "SELECT s.name FROM pg_catalog.pg_show_all_settings() s WHERE name IN ('work_mem', 'data_directory', 'app.key')";
    expect(await rows(called)).toEqual([['work_mem']]);
    expect(await rows('SELECT count(*) FROM pg_catalog.pg_show_all_settings()')).toEqual(await rows('SELECT count(*) FROM pg_settings'));
  });

  it('shows settings by parameters, but those that are hidden, and sets harmless ones by them', async () => {
    const names = [
      'TimeZone',
      'work_mem',
      'WORK_MEM',
      'data_directory',
      'Data_Directory',
      'app.key',
      'APP.KEY',
      'app.tenant',
      'App.Tenant',
      null,
    ];
    const shown = ['UTC', '4MB', '4MB', null, null, null, null, 'ours', 'ours', null];
    for (const call of ['current_setting($1)', 'current_setting($1::VARCHAR)', 'pg_catalog.current_setting(CAST($1 AS text), true)']) {
      const told: unknown[] = [];
      for (const name of names) told.push((await rows(`SELECT ${call}`, [name]))[0]?.[0]);
      expect([call, told]).toEqual([call, shown]);
    }
    await client.query('PREPARE shown AS SELECT current_setting($1), $1 AS name');
    expect(await rows("EXECUTE shown ('data_directory')")).toEqual([[null, 'data_directory']]);
    expect(await rows("SELECT set_config('TimeZone', $1, false)", ['Europe/Berlin'])).toEqual([['Europe/Berlin']]);
    await client.query('RESET TimeZone');
  });

  it.for([
    "SELECT set_config('role', $1, false)",
    "SELECT set_config('search_path', $1, false)",
    "SELECT set_config('statement_timeout', $1, false)",
    "SELECT set_config('client_min_messages', $1, false)",
    "SELECT set_config($1, 'UTC', false)",
    'SELECT current_setting($1::varchar(3))',
    'SELECT current_setting(lower($1))',
  ])('refuses a parameter in %s', async (sql) => {
    expect(sqlstateOf(await rows(sql, ['on']).catch((thrown: unknown) => thrown))).toBe('42501');
  });

  it.for([
    "SELECT ('told'::regclass).pg_get_viewdef",
    "SELECT pg_get_viewdef(VARIADIC ARRAY['told'])",
    'SELECT pg_catalog.pg_show_all_settings()',
    "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'role'",
    "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'work_mem' OR name = 'role'",
    "SELECT set_config(name, 'x', false) FROM (SELECT 'role' AS name) pg_settings WHERE name = 'application_name'",
    "WITH pg_settings AS (SELECT 'role' AS name) SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'application_name'",
    "SELECT (SELECT set_config(name, 'x', false)) FROM pg_settings WHERE name = 'application_name'",
    'BEGIN; LOCK TABLE secrets IN ACCESS SHARE MODE',
    'BEGIN; LOCK TABLE customers, secrets IN ACCESS SHARE MODE',
    'BEGIN; LOCK TABLE customers IN ROW SHARE MODE',
    'BEGIN; LOCK TABLE customers',
  ])('refuses %s', async (sql) => {
    const error: unknown = await client.query(sql).catch((thrown: unknown) => thrown);
    await client.query('ROLLBACK');
    expect(sqlstateOf(error)).toBe('42501');
  });

  it('lets pg_dump set what it sets, and lock what may be read', async () => {
    const name = "SELECT set_config(name, 'dump', false) FROM pg_settings WHERE name = 'application_name'";
    expect(await rows(name)).toEqual([['dump']]);
    await client.query('SET synchronize_seqscans TO off; SET row_security = on');
    await client.query('BEGIN; LOCK TABLE public.customers, ONLY orders IN ACCESS SHARE MODE NOWAIT');
    const held = await rows('SELECT relation::regclass::text, mode FROM pg_locks WHERE relation IS NOT NULL AND granted ORDER BY 1, 2');
    expect(held.filter(([relation]) => relation === 'customers' || relation === 'orders')).toEqual([
      ['customers', 'AccessShareLock'],
      ['orders', 'AccessShareLock'],
    ]);
    await client.query('ROLLBACK; RESET row_security');
  });
});
