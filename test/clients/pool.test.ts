import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { type Shop, sqlstateOf, startShop } from './shop.ts';

const CLIENTS = 50;
const STATEMENTS = 2_000;

type Ask = (client: pg.PoolClient, n: number) => Promise<unknown>;

const rowsOf = async (result: Promise<pg.QueryResult>): Promise<unknown> => (await result).rows;
const codeOf = (result: Promise<unknown>): Promise<unknown> => result.then(() => 'no error', sqlstateOf);

/** What a client does, and what has to come of it for each number. */
const MIX: readonly (readonly [Ask, (n: number) => unknown])[] = [
  [
    (client, n) => rowsOf(client.query('SELECT id, ssn FROM customers WHERE id = $1', [1 + (n % 9)])),
    (n) => [{ id: 1 + (n % 9), ssn: `***${1 + (n % 9)}` }],
  ],
  [(client, n) => rowsOf(client.query({ name: 'named', text: 'SELECT $1::int + 1 AS n', values: [n] })), (n) => [{ n: n + 1 }]],
  [(client, n) => rowsOf(client.query(`SELECT ${n} AS n, count(*)::int AS orders FROM orders`)), (n) => [{ n, orders: 100 }]],
  [(client, n) => codeOf(client.query(`SELECT ${n}, token FROM secrets`)), () => '42501'],
  [(client, n) => codeOf(client.query('SELECT token FROM secrets WHERE id = $1', [n])), () => '42501'],
  [(client, n) => codeOf(client.query('SELECT $1::int / 0', [n])), () => '22012'],
  [(client, n) => codeOf(client.query(`SELEC ${n}`)), () => '42601'],
  [
    async (client, n) => {
      await client.query('BEGIN');
      const { rows } = await client.query<{ id: number }>('SELECT id FROM bonn WHERE id = $1', [1 + 2 * (n % 50)]);
      const refused = await codeOf(client.query('SELECT * FROM secrets'));
      const aborted = await codeOf(client.query('SELECT 1'));
      return [rows[0]?.id, refused, aborted, (await client.query('COMMIT')).command];
    },
    (n) => [1 + 2 * (n % 50), '42501', '25P02', 'ROLLBACK'],
  ],
];

describe.for(POSTGRES_VERSIONS)('a pool of 50 clients, PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({ postgres: { version } });
  });
  afterAll(() => shop.stop());

  it('gets the answer of its own statement each time', async () => {
    const pool = new pg.Pool({ connectionString: shop.url, max: CLIENTS });
    pool.on('error', () => undefined);
    const wrong: unknown[] = [];
    await Promise.all(
      Array.from({ length: STATEMENTS }, async (_, n) => {
        const [ask, expected] = MIX[n % MIX.length] as (typeof MIX)[number];
        const client = await pool.connect();
        const got = await ask(client, n).finally(() => client.release());
        if (JSON.stringify(got) !== JSON.stringify(expected(n))) wrong.push([n, got]);
      }),
    );
    expect(wrong).toEqual([]);
    expect(pool.totalCount).toBe(CLIENTS);
    await pool.end();
  });
});
