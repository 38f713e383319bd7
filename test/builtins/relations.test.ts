import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM_RELATIONS, systemRelation } from '../../proxy/catalog/builtin/relations.ts';
import { HIDDEN_SETTINGS } from '../../proxy/catalog/builtin/setting-names.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

type Row = { readonly name: string; readonly columns: readonly (readonly [string, string])[] };

const RELATIONS = `
  SELECT nspname || '.' || relname AS name, json_agg(json_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
  WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v', 'm', 'f', 'p') GROUP BY 1`;

const servers: TestPostgres[] = [];
const found: Row[] = [];
const columnsOf = (name: string): readonly string[] =>
  found.filter((row) => row.name === name).flatMap(({ columns }) => columns.map(([column]) => column));

/** What an agent is shown of a relation, written as a scope would be. */
const scopeOf = ({ name, columns }: Row): string | undefined => {
  const relation = SYSTEM_RELATIONS.get(name);
  if (relation?.type !== 'Scoped') return undefined;
  const list = columns.map(([column, type]) => (relation.hide.includes(column) ? `NULL::${type} AS ${column}` : column));
  return `SELECT ${list.join(', ')} FROM ${name} WHERE ${relation.where ?? 'true'}`;
};

const scoped = async (server: TestPostgres, name: string, rest: string): Promise<Record<string, unknown>[]> => {
  const [row] = ((await server.sql(RELATIONS)) as Row[]).filter((each) => each.name === name);
  return server.sql(`SELECT * FROM (${row === undefined ? '' : scopeOf(row)}) AS seen ${rest}`);
};

beforeAll(async () => {
  for (const version of POSTGRES_VERSIONS) {
    const server = await startPostgres({ version, settings: { 'app.secret': 'x', cluster_name: 'airlock' } });
    servers.push(server);
    found.push(...((await server.sql(RELATIONS)) as Row[]));
  }
}, 60_000);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

describe('SYSTEM_RELATIONS', () => {
  it('knows every relation of PostgreSQL 14 to 18', () => {
    expect(found.length).toBeGreaterThan(1000);
    expect(found.filter(({ name }) => !SYSTEM_RELATIONS.has(name)).map(({ name }) => name)).toEqual([]);
  });

  it('names nothing that no version has', () => {
    const names = new Set(found.map(({ name }) => name));
    expect([...SYSTEM_RELATIONS.keys()].filter((name) => !names.has(name))).toEqual([]);
  });

  it('hides only columns that a version has', () => {
    const wrong = [...SYSTEM_RELATIONS].flatMap(([name, relation]) =>
      relation.type === 'Scoped'
        ? relation.hide.filter((column) => !columnsOf(name).includes(column)).map((column) => `${name}.${column}`)
        : [],
    );
    expect(wrong).toEqual([]);
  });

  it.each(POSTGRES_VERSIONS)('makes scopes that PostgreSQL %i runs, whatever the search_path', async (version) => {
    const server = servers.find((each) => each.version === version) as TestPostgres;
    const scopes = ((await server.sql(RELATIONS)) as Row[]).flatMap((row) => scopeOf(row) ?? []);
    const younger = version < 16 ? ['pg_catalog.pg_stat_io'] : [];
    const expected = [...SYSTEM_RELATIONS].filter(([name, { type }]) => type === 'Scoped' && !younger.includes(name));
    expect(scopes).toHaveLength(expected.length);
    for (const scope of scopes) await server.sql(`SET search_path = ''; ${scope}`);
  });

  it.each(POSTGRES_VERSIONS)('shows all settings of PostgreSQL %i but paths, commands and custom ones', async (version) => {
    const server = servers.find((each) => each.version === version) as TestPostgres;
    const every = (await server.sql('SELECT name FROM pg_settings')).map(({ name }) => String(name));
    const seen = (await scoped(server, 'pg_catalog.pg_settings', '')).map(({ name }) => String(name));
    expect(every.filter((name) => !seen.includes(name)).sort()).toEqual(
      every.filter((name) => HIDDEN_SETTINGS.includes(name) || name.includes('.')).sort(),
    );
    expect(seen).toContain('TimeZone');
    expect(seen).not.toContain('data_directory');
  });

  it('keeps function bodies, texts of queries, view definitions and values of defaults from the agent', async () => {
    const server = servers.at(-1) as TestPostgres;
    await server.sql(`
      CREATE TABLE held (id int); INSERT INTO held VALUES (1); ALTER TABLE held ADD COLUMN key text DEFAULT 'raw-key';
      ALTER TABLE held ALTER COLUMN key DROP DEFAULT;
      CREATE VIEW seen_through AS SELECT 'raw-view' AS v;
      CREATE FUNCTION told() RETURNS text LANGUAGE sql SET search_path = rawpath AS $$ SELECT 'raw-body' $$;
      CREATE ROLE settled; ALTER ROLE settled SET application_name = 'raw-role'`);
    const names = found.filter((row) => row.columns.length > 0 && scopeOf(row) !== undefined).map(({ name }) => name);
    for (const name of new Set(names)) {
      const rows = await scoped(server, name, '');
      expect(JSON.stringify(rows)).not.toMatch(/raw-key|raw-view|raw-body|rawpath|raw-role/);
    }
    const raw = await server.sql(
      "SELECT attmissingval::text AS value FROM pg_attribute WHERE attname = 'key' AND attrelid = 'held'::regclass",
    );
    expect(raw).toEqual([{ value: '{raw-key}' }]);
  });

  it('shows of locks and connections only those of the own session', async () => {
    const server = servers.at(-1) as TestPostgres;
    expect(await scoped(server, 'pg_catalog.pg_stat_ssl', '')).toHaveLength(1);
    const [count] = await scoped(server, 'pg_catalog.pg_locks', 'WHERE pid <> pg_backend_pid()');
    expect(count).toBeUndefined();
  });

  it.each([
    ['pg_catalog', 'pg_class', { type: 'Open' }],
    ['pg_catalog', 'pg_stats', { type: 'Refused' }],
    ['pg_catalog', 'pg_authid', { type: 'Refused' }],
    ['information_schema', 'columns', { type: 'Open' }],
    ['information_schema', 'user_mapping_options', { type: 'Refused' }],
    ['public', 'pg_class', undefined],
    ['pg_catalog', 'pg_new', undefined],
  ])('says of %s.%s: %j', (schema, name, expected) => {
    expect(systemRelation(schema, name)).toEqual(expected);
  });
});
