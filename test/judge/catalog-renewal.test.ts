import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CatalogStore } from '../../proxy/catalog/catalog-store.ts';
import { relationKey } from '../../proxy/catalog/catalog.ts';
import { catalogReader } from '../support/catalog-reader.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

let server: TestPostgres;
let store: CatalogStore;
let opened = 0;
const failures: unknown[] = [];
beforeAll(async () => {
  server = await startPostgres();
  store = new CatalogStore({
    open: async () => {
      opened += 1;
      const client = new pg.Client({ connectionString: server.superuserUrl });
      await client.connect();
      const query = async <Row extends object>(sql: string) => (await client.query<Row>(sql)).rows;
      return { query, queryAll: catalogReader(client), end: () => client.end() };
    },
    onFailure: (failure) => failures.push(failure),
    interval: 600_000,
  });
  await store.ensure();
});
afterAll(async () => {
  await store.stop();
  await server.stop('immediate');
});

/** The catalog after a change that it was told of, and how many sessions it took to read it. */
const after = async (sql: string) => {
  const before = opened;
  await server.sql(sql);
  store.changed();
  await store.renewed();
  return { catalog: store.current(), sessions: opened - before };
};

it('is read again in the session that it was read in, but for what only a new session sees', async () => {
  const made = await after('CREATE DOMAIN code AS text; CREATE TABLE one (id int, code code)');
  expect(made.catalog.relations.get(relationKey('public', 'one'))?.columns.map(({ name, castTo }) => [name, castTo])).toEqual([
    ['id', 'integer'],
    ['code', 'text'],
  ]);
  await store.probe('SELECT 1');
  expect((await after("CREATE TYPE mood AS ENUM ('calm'); CREATE TABLE two (mood mood)")).sessions).toBe(0);
  // Types are qualified, whatever the search_path of the role.
  expect(store.current().relations.get(relationKey('public', 'two'))?.columns[0]?.castTo).toBe('public.mood');
  expect(store.current().defaultSearchPath).toEqual(['public']);
  await server.sql('CREATE SCHEMA other');
  const set = await after('ALTER ROLE postgres SET search_path = other, public');
  expect([set.sessions, set.catalog.defaultSearchPath]).toEqual([1, ['other', 'public']]);
  expect((await after('CREATE TABLE other.three (id int)')).sessions).toBe(0);
  const reset = await after('ALTER ROLE postgres RESET ALL');
  expect([reset.sessions, reset.catalog.defaultSearchPath, failures]).toEqual([1, ['public'], []]);
});
