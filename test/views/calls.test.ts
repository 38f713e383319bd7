/** What views call without a name, as operators and casts, and what that makes of their columns. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const DEFINITIONS: Readonly<Record<string, string>> = {
  operator: 'SELECT id, id ## 1 AS x FROM orders',
  prefix: 'SELECT id, ## id AS x FROM orders',
  operator_any: `SELECT id, id === ANY (ARRAY[1, 2]) AS x FROM orders`,
  operator_all: 'SELECT id, id === ALL (SELECT 1) AS x FROM orders',
  operator_without_columns: 'SELECT id, 1 ## 1 AS x FROM orders',
  operator_of_system_function: `SELECT id, ~> '/etc/hostname' AS x FROM orders`,
  explicit_cast: 'SELECT id, h::text AS x FROM things',
  implicit_cast: 'SELECT id, upper(h) AS x FROM things',
  assignment_cast: 'SELECT id, h::ticket AS x FROM things',
  case_equal: `SELECT id, CASE h WHEN ROW(1)::handle THEN 'yes' ELSE 'no' END AS x FROM things`,
  null_if: 'SELECT id, NULLIF(h, ROW(2)::handle) IS NULL AS x FROM things',
  distinct_from: 'SELECT id, h IS DISTINCT FROM ROW(1)::handle AS x FROM things',
  in_list: 'SELECT id, h IN (ROW(1)::handle) AS x FROM things',
  aggregate: 'SELECT 1 AS id, every_ssn(id) AS x FROM orders',
  window_aggregate: 'SELECT id, every_ssn(id) OVER () AS x FROM orders',
  array_cast: 'SELECT id, ARRAY[h]::text[] AS x FROM things',
  using_equal: 'SELECT a.id, b.id AS x FROM things a JOIN things b USING (h)',
  equal_to_call: 'SELECT o.id, o.note AS x FROM orders o WHERE o.note = ssn_of(o.id)',
  equal_to_operator: 'SELECT o.id, o.note AS x FROM orders o WHERE o.note = (o.id ## 1)',
  equal_by_join: 'SELECT o.id, o.note AS x FROM orders o JOIN LATERAL ssn_of(o.id) AS s(ssn) ON o.note = s.ssn',
  equal_within_call: 'SELECT o.id, o.note AS x FROM orders o, customers c WHERE alike(c.ssn, o.note)',
};

/** Called, and nothing comes of it. */
const SHOWN: Readonly<Record<string, string>> = {
  only_called: 'SELECT o.id, o.note AS x FROM orders o WHERE alike(o.note, o.note)',
  counted: 'SELECT 1 AS id, count(*) AS x FROM orders o WHERE alike(o.note, o.note)',
  checked: `SELECT id, note::short AS x FROM orders`,
  fuzzy: `SELECT id, label AS x FROM labels WHERE label = 'ONE' GROUP BY id, label ORDER BY label`,
  similar: `SELECT id, note % 'a' AS x FROM orders`,
  called_without_columns: 'SELECT o.id, o.note AS x FROM orders o WHERE o.id = one()',
};

const ALL = { ...DEFINITIONS, ...SHOWN };
const NAMES = Object.keys(ALL);

const SCHEMA = `
CREATE EXTENSION citext; CREATE EXTENSION pg_trgm;
CREATE TABLE customers (id int PRIMARY KEY, ssn text); INSERT INTO customers VALUES (1, 'zsecretz');
CREATE TABLE orders (id int, note text); INSERT INTO orders VALUES (1, 'zsecretz');
CREATE TABLE labels (id int, label citext); INSERT INTO labels VALUES (1, 'one');
CREATE FUNCTION one() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION ssn_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.customers WHERE id = $1';
CREATE FUNCTION ssn_of(int, int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.customers WHERE id = $1';
CREATE FUNCTION alike(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR ## (LEFTARG = int, RIGHTARG = int, FUNCTION = ssn_of);
CREATE OPERATOR ## (RIGHTARG = int, FUNCTION = ssn_of);
CREATE FUNCTION has_ssn(int, int) RETURNS bool LANGUAGE sql STABLE AS $$SELECT ssn LIKE 'z%' FROM public.customers$$;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = has_ssn);
CREATE OPERATOR ~> (RIGHTARG = text, FUNCTION = pg_catalog.pg_read_file);
CREATE TYPE handle AS (n int);
CREATE TYPE ticket AS (code text);
CREATE TABLE things (id int, h handle); INSERT INTO things VALUES (1, ROW(1));
CREATE FUNCTION text_of(handle) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.customers WHERE id = ($1).n';
CREATE FUNCTION ticket_of(handle) RETURNS ticket LANGUAGE sql STABLE AS 'SELECT ROW(ssn)::public.ticket FROM public.customers WHERE id = ($1).n';
CREATE CAST (handle AS text) WITH FUNCTION text_of(handle) AS IMPLICIT;
CREATE CAST (handle AS ticket) WITH FUNCTION ticket_of(handle) AS ASSIGNMENT;
CREATE FUNCTION same(handle, handle) RETURNS bool LANGUAGE sql STABLE AS $$SELECT ssn LIKE 'z%' FROM public.customers$$;
CREATE FUNCTION other(handle, handle) RETURNS bool LANGUAGE sql STABLE AS 'SELECT NOT public.same($1, $2)';
CREATE OPERATOR = (LEFTARG = handle, RIGHTARG = handle, FUNCTION = same, NEGATOR = <>);
CREATE OPERATOR <> (LEFTARG = handle, RIGHTARG = handle, FUNCTION = other, NEGATOR = =);
CREATE FUNCTION add_ssn(text, int) RETURNS text LANGUAGE sql STABLE AS $$SELECT COALESCE($1, '') || ssn FROM public.customers WHERE id = $2$$;
CREATE AGGREGATE every_ssn(int) (SFUNC = add_ssn, STYPE = text);
CREATE DOMAIN short AS text CHECK (alike(VALUE, VALUE));
${NAMES.map((name) => `CREATE VIEW v_${name} AS ${ALL[name]};\nCREATE VIEW v_${name}_2 AS SELECT id, x FROM v_${name};`).join('\n')}
`;

const grant = (name: string): string => `    - { name: public.${name}, select: { columns: ['*'] } }`;

const POLICY = `
    - { name: public.customers, select: { columns: [id], masks: [{ column: ssn, mask: { type: Redact } }] } }
    - { name: public.orders, select: { columns: ['*'] } }
${NAMES.flatMap((name) => [`v_${name}`, `v_${name}_2`].map(grant)).join('\n')}
`;
const GRANTED = ['ssn_of', 'alike', 'has_ssn', 'text_of', 'ticket_of', 'same', 'every_ssn', 'one'].map(
  (name) => `{ name: public.${name} }`,
);

describe.each([18, 14] as const)('what views call on PostgreSQL %i', (version) => {
  let world: World;
  beforeAll(async () => {
    const functions = `  functions: [${[...GRANTED, '{ name: pg_catalog.pg_read_file }'].join(', ')}]\n`;
    const writer = POLICY.replace(
      `public.orders, select: { columns: ['*'] }`,
      `public.orders, select: { columns: ['*'] }, update: { columns: [note] }`,
    );
    world = await startWorld({ version, schema: SCHEMA, policies: { ann: POLICY, bob: POLICY + functions, eve: writer } });
  }, 120_000);
  afterAll(() => world.stop());

  it.each(Object.keys(DEFINITIONS))('is as masked where it may read: %s', async (name) => {
    for (const view of [`v_${name}`, `v_${name}_2`]) {
      expect([view, await world.ask('ann', `SELECT x FROM ${view}`)]).toEqual([view, [[null]]]);
    }
  });

  it.each(Object.keys(SHOWN))('is shown where nothing comes of it: %s', async (name) => {
    const direct = await world.postgres.sql(`SELECT x::text FROM v_${name}`);
    expect(direct.length).toBe(1);
    for (const view of [`v_${name}`, `v_${name}_2`]) {
      expect(await world.ask('ann', `SELECT x::text FROM ${view}`)).toEqual([[direct[0]!.x]]);
    }
  });

  it.each(Object.keys(DEFINITIONS).filter((name) => name !== 'equal_within_call'))(
    'is shown where the function is granted: %s',
    async (name) => {
      const [direct] = await world.postgres.sql(`SELECT x::text FROM v_${name}`);
      expect(await world.ask('bob', `SELECT x::text FROM v_${name}`)).toEqual([[direct!.x]]);
    },
  );

  it('shows no rows by what is compared with a column that the agent may write', async () => {
    for (const name of ['equal_to_call', 'equal_to_operator', 'equal_by_join', 'equal_within_call']) {
      expect(await world.ask('eve', `SELECT id FROM v_${name}`)).toContain('compares with what the agent may write or set');
    }
    expect(await world.ask('eve', 'SELECT x FROM v_only_called')).toEqual([['zsecretz']]);
  });
});
