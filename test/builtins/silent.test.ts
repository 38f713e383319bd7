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
  ALTER ROLE shop_app IN DATABASE shop SET app.key = '${SECRET}';
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
    shop = await startShop({ postgres: { version }, setup: SETUP });
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
    await client.query('SET synchronize_seqscans TO off; SET row_security = off');
    await client.query('BEGIN; LOCK TABLE public.customers, ONLY orders IN ACCESS SHARE MODE NOWAIT');
    const held = await rows('SELECT relation::regclass::text, mode FROM pg_locks WHERE relation IS NOT NULL AND granted ORDER BY 1, 2');
    expect(held.filter(([relation]) => relation === 'customers' || relation === 'orders')).toEqual([
      ['customers', 'AccessShareLock'],
      ['orders', 'AccessShareLock'],
    ]);
    await client.query('ROLLBACK; RESET row_security');
  });
});
