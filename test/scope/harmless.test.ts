/**
 * What is called harmless, on real servers: the operator that PostgreSQL picks is leakproof or one that is argued to be as good,
 * and it does not fail on the extremes of its types.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Catalog, type CatalogColumn, relationKey } from '../../proxy/catalog/catalog.ts';
import { loadCatalog } from '../../proxy/catalog/load-catalog.ts';
import { isHarmless } from '../../proxy/scope/harmless.ts';
import { Grammar } from '../../proxy/sql/grammar.ts';
import { treeOf } from '../../proxy/sql/tree.ts';
import { catalogReader } from '../support/catalog-reader.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';

/** Type, and extreme values of it. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  bool: ['true', 'false'],
  int2: ['-32768', '32767'],
  int4: ['-2147483648', '2147483647'],
  int8: ['-9223372036854775808', '9223372036854775807'],
  numeric: ["'NaN'", '1e400', '-1e400', '1e-400'],
  float4: ["'NaN'", "'Infinity'", "'1e-37'"],
  float8: ["'NaN'", "'-Infinity'", "'1e308'", "'1e-307'"],
  text: ["''", "repeat('é', 3000)"],
  varchar: ["''", "repeat('x', 3000)"],
  'char(8)': ["''", "'a'"],
  name: ["''", "'some'"],
  date: ["'infinity'", "'-infinity'", "'4714-11-24 BC'", "'5874897-12-31'"],
  time: ["'00:00'", "'24:00'"],
  timetz: ["'00:00+15'", "'24:00-15'"],
  timestamp: ["'infinity'", "'4714-11-24 BC'", "'294276-12-31'"],
  timestamptz: ["'-infinity'", "'4714-11-24 BC'", "'294276-12-31'"],
  interval: ["'178000000 years'", "'-178000000 years'"],
  uuid: ["'00000000-0000-0000-0000-000000000000'"],
  bytea: ["''", "'\\xff'"],
  inet: ["'::1/128'", "'10.0.0.0/8'"],
  macaddr: ["'00:00:00:00:00:00'"],
  money: ["'-92233720368547758.08'", "'92233720368547758.07'"],
  oid: ['0', '4294967295'],
  jsonb: ["'{}'"],
  'int4[]': ["'{}'"],
  mood: ["'sad'", "'glad'"],
  code: ["'x'"],
  citext: ["'X'"],
  int4range: ["'(,)'"],
};
const NAMES = ['=', '<>', '<', '>', '<=', '>='];
const ARGUED = /^(numeric_|enum_(eq|ne)$|(date|timestamp|timestamptz)_\w\w_(date|timestamp|timestamptz)$)/;

const columnName = (type: string, side: string): string => `${side}_${type.replaceAll(/\W/g, '_')}`;

describe.each(POSTGRES_VERSIONS)('on PostgreSQL %i, a harmless comparison', (version) => {
  let server: TestPostgres;
  let client: pg.Client;
  let catalog: Catalog;
  const grammar = new Grammar(version);

  beforeAll(async () => {
    server = await startPostgres({ version });
    const columns = ['a', 'b'].flatMap((side) => Object.keys(TYPES).map((type) => `${columnName(type, side)} ${type}`));
    await server.sql(
      `CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'calm', 'glad'); CREATE DOMAIN code AS varchar(9) CHECK (VALUE <> '')`,
    );
    await server.sql(`CREATE TABLE every (${columns.join(', ')})`);
    client = new pg.Client({ connectionString: server.superuserUrl });
    await client.connect();
    catalog = await loadCatalog(catalogReader(client), 'f');
    await client.query('RESET search_path');
    await grammar.load();
  });
  afterAll(async () => {
    await client.end();
    await server.stop('immediate');
  });

  const harmless = (condition: string): boolean => {
    const known = new Map<string, CatalogColumn>();
    for (const column of catalog.relations.get(relationKey('public', 'every'))?.columns ?? []) known.set(column.name, column);
    const columnOf = (fields: readonly string[]) => known.get(fields.at(-1) ?? '');
    const tree = treeOf(treeOf(grammar.parse(`SELECT WHERE ${condition}`)[0]!.node.SelectStmt).whereClause);
    return isHarmless(tree, { columnOf, parameters: new Map(), catalog });
  };

  /** Functions of the operators in a condition, with `!` where they are not leakproof; an error where it cannot be analyzed. */
  const functionsOf = async (condition: string): Promise<readonly string[]> => {
    try {
      await client.query(`CREATE OR REPLACE TEMPORARY VIEW shown AS SELECT (${condition}) AS x FROM public.every`);
    } catch (error) {
      return [`error: ${(error as Error).message}`];
    }
    const { rows } = await client.query<{ name: string; leakproof: boolean }>(`
      SELECT p.proname AS name, p.proleakproof AS leakproof
      FROM pg_rewrite r, regexp_matches(r.ev_action::text, ':opfuncid (\\d+)', 'g') m, pg_proc p
      WHERE r.ev_class = 'pg_temp.shown'::regclass AND p.oid = (SELECT oprcode FROM pg_operator WHERE oid = m[1]::oid) OR
            r.ev_class = 'pg_temp.shown'::regclass AND p.oid = m[1]::oid`);
    return rows.map(({ name, leakproof }) => `${leakproof || ARGUED.test(name) ? '' : '!'}${name}`);
  };

  it('is a leakproof one, or one that is argued', async () => {
    expect(catalog.ordinaryCasts).toBe(true);
    const wrong: string[] = [];
    let found = 0;
    for (const left of Object.keys(TYPES)) {
      for (const right of [...Object.keys(TYPES), undefined]) {
        const name = NAMES[(left.length + (right?.length ?? 0)) % NAMES.length]!;
        for (const operator of ['=', name]) {
          const literal = `${TYPES[left]![0]!.startsWith("'") ? TYPES[left]![0]! : `'${TYPES[left]![0]!}'`}`;
          const condition = `${columnName(left, 'a')} ${operator} ${right === undefined ? literal : columnName(right, 'b')}`;
          if (!harmless(condition)) continue;
          found += 1;
          const functions = await functionsOf(condition);
          if (functions.length !== 1 || /^(!|error)/.test(functions[0]!)) wrong.push(`${condition}: ${functions.join()}`);
        }
      }
    }
    expect(wrong.filter((text) => !/: error: operator does not exist/.test(text))).toEqual([]);
    expect(found).toBeGreaterThan(100);
  });

  it('does not fail, whatever the values', async () => {
    await client.query('TRUNCATE public.every');
    for (const [type, values] of Object.entries(TYPES)) {
      for (const value of values) {
        const names = `${columnName(type, 'a')}, ${columnName(type, 'b')}`;
        await client.query(`INSERT INTO public.every (${names}) VALUES ((${value})::${type}, (${value})::${type})`);
      }
    }
    const conditions = Object.keys(TYPES).flatMap((left) =>
      Object.keys(TYPES).flatMap((right) => NAMES.map((name) => `a.${columnName(left, 'a')} ${name} b.${columnName(right, 'b')}`)),
    );
    const chosen = conditions.filter(harmless);
    await client.query(
      `SELECT ${chosen.map((condition) => `count(*) FILTER (WHERE ${condition})`).join(', ')} FROM public.every a, public.every b`,
    );
    expect(chosen.length).toBeGreaterThan(300);
  });
});
