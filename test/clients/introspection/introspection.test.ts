import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, startShop } from '../shop.ts';
import { DBEAVER, PGADMIN } from './queries.ts';

/** A folder of queries that a tool sends, one in a file: those which work without the airlock have to work through it. */
const FOLDER = process.env['INTROSPECTION'];
const found =
  FOLDER === undefined ? [] : readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sql'));
const SECRET = 'nobody granted this text';

describe.for([14, 18] as const)('introspection by tools with windows, PostgreSQL %i', (version) => {
  let shop: Shop;
  const clients: pg.Client[] = [];
  beforeAll(async () => {
    const setup = `
      CREATE FUNCTION told() RETURNS text LANGUAGE sql AS $$ SELECT '${SECRET}' $$;
      CREATE VIEW telling AS SELECT '${SECRET}' AS x; CREATE SEQUENCE loose;
      CREATE RULE quiet AS ON UPDATE TO customers WHERE new.name = '${SECRET}' DO INSTEAD NOTHING`;
    shop = await startShop({ postgres: { version }, setup });
    for (const connectionString of [shop.directUrl, shop.url]) {
      const client = new pg.Client({ connectionString });
      clients.push(client);
      await client.connect();
    }
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.end()));
    await shop.stop();
  });

  /** Each side's answer: the rows, or why there are none. */
  const both = (text: string, values: readonly unknown[] = []): Promise<(pg.QueryResult | string)[]> =>
    Promise.all(
      clients.map((client) =>
        client.query(text, [...values]).catch((error: unknown) => `${String((error as { code?: unknown }).code)} ${String(error)}`),
      ),
    );

  it.for([
    ['pgAdmin', PGADMIN],
    ['DBeaver', DBEAVER],
  ] as const)('%s finds as much as without the airlock, without texts', async ([, queries]) => {
    const oids = "SELECT 'public'::regnamespace::oid AS schema, 'customers'::regclass::oid AS relation";
    const { schema, relation } = (await clients[0]?.query<{ schema: number; relation: number }>(oids))?.rows[0] ?? {};
    for (const query of queries) {
      const values = [...(query.includes('$1') ? [schema] : []), ...(query.includes('$2') ? [relation] : [])];
      const [direct, through] = await both(query.includes('$1') ? query : query.replaceAll('$2', '$1'), values);
      const columns = typeof direct === 'string' ? direct : direct?.fields.map(({ name, dataTypeID }) => [name, dataTypeID]);
      expect([query, typeof through === 'string' ? through : through?.fields.map(({ name, dataTypeID }) => [name, dataTypeID])]).toEqual([
        query,
        columns,
      ]);
      expect(JSON.stringify(typeof through === 'string' ? through : through?.rows)).not.toContain(SECRET);
      const hidden = /pg_(show_all_)?settings|pg_stat_activity|setconfig/.test(query);
      const count = (answer: pg.QueryResult | string | undefined): unknown => hidden || typeof answer === 'string' || answer?.rowCount;
      expect([query, count(through)]).toEqual([query, count(direct)]);
    }
  });

  it.runIf(found.length > 0).for(found)('%s works as without the airlock', async (file) => {
    const [direct, through] = await both(readFileSync(join(FOLDER ?? '', file), 'utf8'));
    if (typeof direct === 'string') return;
    const answer = typeof through === 'string' ? through : 'rows';
    // Values of columns stand in it.
    expect(answer).toMatch(/^rows$|permission denied for relation "pg_catalog.pg_stats"/);
  });
});
