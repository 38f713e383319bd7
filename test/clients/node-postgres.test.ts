import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { CANARY, eventually, type Shop, sqlstateOf, startShop } from './shop.ts';

/** Statements on what is granted in the clear, with their parameters. */
const CLEAR: readonly (readonly [string, readonly unknown[]])[] = [
  ['SELECT id, name, city, born, tags, profile, photo, balance, joined FROM customers WHERE id = $1', [3]],
  ['SELECT id FROM customers WHERE id = ANY($1) ORDER BY id', [[1, 5, 9]]],
  ['SELECT id FROM customers WHERE born BETWEEN $1 AND $2 ORDER BY id', ['1980-01-05', '1980-01-08']],
  ['SELECT id FROM customers WHERE joined < $1 ORDER BY id', [new Date('2026-01-01T16:00:00Z')]],
  ['SELECT $1::jsonb AS document, $2::bytea AS bytes, $3::text[] AS texts', [{ a: [1, 'ü'] }, Buffer.from([0, 255]), ['x', null, '"']]],
  ['SELECT id FROM customers WHERE profile @> $1', [{ n: 4 }]],
  ['SELECT $1::int4 + $2::int8 AS sum, $3::float8 AS f, $4::bool AS b, $5::text AS t', [1, '9007199254740993', 1.5, true, null]],
  ['SELECT city, count(*)::int AS n, sum(balance) AS total FROM customers GROUP BY city ORDER BY city', []],
  ["SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.region = 'eu' AND o.id < $1 ORDER BY 1", [9]],
  ['WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT array_agg(i) AS all FROM n', [5]],
  ['SELECT * FROM bonn ORDER BY id LIMIT $1 OFFSET $2', [3, 2]],
];

describe.for(POSTGRES_VERSIONS)('node-postgres, PostgreSQL %i', (version) => {
  let shop: Shop;
  const clients: pg.Client[] = [];
  const open = async (url = shop.url, config: pg.ClientConfig = {}): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url, ...config });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    shop = await startShop({ postgres: { version } });
  });
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.end())));
  afterAll(() => shop.stop());

  it('gets what is granted as it gets it without the airlock', async () => {
    const [through, direct] = [await open(), await open(shop.directUrl)];
    for (const [text, values] of CLEAR) {
      for (const query of [
        { text, values: [...values] },
        { text, values: [...values], binary: true },
        { text, values: [...values], rowMode: 'array' },
      ] as pg.QueryConfig[]) {
        const [ours, theirs] = [await through.query(query), await direct.query(query)];
        expect(theirs.rows.length).toBeGreaterThan(0);
        expect([text, ours.rows, ours.command, ours.rowCount]).toEqual([text, theirs.rows, theirs.command, theirs.rowCount]);
        expect(ours.fields.map(({ name, dataTypeID, dataTypeModifier, format }) => [name, dataTypeID, dataTypeModifier, format])).toEqual(
          theirs.fields.map(({ name, dataTypeID, dataTypeModifier, format }) => [name, dataTypeID, dataTypeModifier, format]),
        );
      }
    }
  });

  it('gets masks in text and binary, and with named statements used again', async () => {
    const client = await open();
    const masked = [{ id: 7, email: '***@example.com', ssn: '***7' }];
    const text = 'SELECT id, email, ssn FROM customers WHERE id = $1';
    expect((await client.query(text, [7])).rows).toEqual(masked);
    expect((await client.query({ text, values: [7], binary: true } as pg.QueryConfig)).rows).toEqual(masked);
    for (const id of [7, 8, 7]) {
      expect((await client.query({ name: 'again', text, values: [id] })).rows).toEqual([{ id, email: '***@example.com', ssn: `***${id}` }]);
    }
    expect((await client.query({ text: 'SELECT c FROM customers c WHERE ssn = $1', values: [`${CANARY}-7`] })).rows).toEqual([]);
    expect((await client.query('SELECT count(*)::int AS n, min(region) AS r FROM orders')).rows).toEqual([{ n: 100, r: 'eu' }]);
  });

  it('gets errors with all their fields, and goes on', async () => {
    const [through, direct] = [await open(), await open(shop.directUrl)];
    const fieldsOf = (client: pg.Client, text: string, values?: unknown[]): Promise<unknown> =>
      client.query(text, values).then(
        () => 'no error',
        (error: unknown) => {
          const { severity, code, message, detail, hint, position } = error as pg.DatabaseError;
          return { severity, code, message, detail, hint, position };
        },
      );
    const failing: [string, unknown[]?][] = [
      ['SELECT 1/0'],
      ['SELECT $1::int', ['x']],
      ['SELECT nme FROM customers'],
      ["SELECT 'ü', nothing FROM customers"],
      ['SELECT id, nothing($1::int) FROM customers', [1]],
      ['SELECT * FROM nowhere'],
      ['SELEC 1'],
      ['SELECT count(*) FROM customers HAVING id = 1'],
      ["SELECT '{'::jsonb"],
    ];
    for (const [text, values] of failing) {
      const [ours, theirs] = [await fieldsOf(through, text, values), await fieldsOf(direct, text, values)];
      const { code, position } = theirs as { code: string; position: string };
      // Which columns there are to be meant instead is not told of those that are not granted, and neither are types of functions.
      expect({ text, ours }).toMatchObject({ text, ours: text.includes('nothing(') ? { code } : { code, position } });
      expect((await through.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    }
    expect(await fieldsOf(through, 'SELECT id, token FROM secrets')).toEqual({
      severity: 'ERROR',
      code: '42501',
      message: 'permission denied for relation "secrets"',
      detail: 'No policy in force grants it to this agent.',
      hint: 'Relations that may be read: public.customers, public.orders, public.bonn.',
      position: '23',
    });
    expect(await fieldsOf(through, 'DELETE FROM orders WHERE id = $1', [1])).toMatchObject({ severity: 'ERROR', code: '42501' });
    expect((await through.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('keeps transactions and savepoints as PostgreSQL does, with a refused statement in them', async () => {
    const client = await open();
    const codeOf = (text: string): Promise<unknown> => client.query(text).then(({ command }) => command, sqlstateOf);
    const run = async (...texts: string[]): Promise<unknown[]> => {
      const ends: unknown[] = [];
      for (const text of texts) ends.push(await codeOf(text));
      return ends;
    };
    expect(await run('BEGIN', 'SELECT 1', 'COMMIT')).toEqual(['BEGIN', 'SELECT', 'COMMIT']);
    expect(await run('BEGIN', 'SELECT * FROM secrets', 'SELECT 1', 'COMMIT', 'SELECT 1')).toEqual([
      'BEGIN',
      '42501',
      '25P02',
      'ROLLBACK',
      'SELECT',
    ]);
    expect(
      await run('BEGIN', 'SAVEPOINT a', 'SELECT * FROM secrets', 'SELECT 1', 'ROLLBACK TO a', 'SELECT 1', 'RELEASE a', 'COMMIT'),
    ).toEqual(['BEGIN', 'SAVEPOINT', '42501', '25P02', 'ROLLBACK', 'SELECT', 'RELEASE', 'COMMIT']);
    expect(await run('BEGIN; SELECT * FROM secrets', 'SELECT 1', 'ROLLBACK')).toEqual(['42501', 'SELECT', 'ROLLBACK']);
    expect(await run('START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY', 'SELECT 1', 'ROLLBACK')).toEqual([
      'START',
      'SELECT',
      'ROLLBACK',
    ]);
  });

  it('reads with cursors, also of several portals in turn', async () => {
    const client = await open();
    const cursor = client.query(new Cursor('SELECT id, ssn FROM customers WHERE id <= $1 ORDER BY id', [25]));
    const first = (await cursor.read(10)) as { id: number; ssn: string }[];
    expect([first.length, first[0]]).toEqual([10, { id: 1, ssn: '***1' }]);
    expect((await cursor.read(100)).length).toBe(15);
    expect(await cursor.read(1)).toEqual([]);
    await cursor.close();
    const early = client.query(new Cursor('SELECT id FROM customers'));
    expect((await early.read(1)).length).toBe(1);
    await early.close();
    const refused = client.query(new Cursor('SELECT * FROM secrets'));
    await expect(refused.read(1)).rejects.toMatchObject({ code: '42501' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('copies out, masked and filtered', async () => {
    const [through, direct] = [await open(), await open(shop.directUrl)];
    const copy = async (client: pg.Client, text: string): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => done(void chunks.push(chunk)) });
      await pipeline(client.query(copyTo(text)), sink);
      return Buffer.concat(chunks);
    };
    for (const text of [
      'COPY (SELECT id, name, tags, photo FROM customers ORDER BY id) TO STDOUT',
      'COPY (TABLE bonn) TO STDOUT (FORMAT binary)',
    ]) {
      const direct1 = await copy(direct, text);
      expect(direct1.length).toBeGreaterThan(500);
      expect([text, (await copy(through, text)).equals(direct1)]).toEqual([text, true]);
    }
    const customers = await copy(through, 'COPY customers (id, ssn, email) TO STDOUT (FORMAT csv)');
    expect(customers.toString().split('\n').slice(0, 2)).toEqual(['1,***1,***@example.com', '2,***2,***@example.com']);
    const orders = await copy(through, 'COPY orders TO STDOUT');
    expect([orders.toString().split('\n').length, orders.includes(CANARY)]).toEqual([101, false]);
    await expect(copy(through, 'COPY secrets TO STDOUT')).rejects.toMatchObject({ code: '42501' });
    await expect(copy(through, "COPY customers TO '/tmp/x'")).rejects.toMatchObject({ code: '42501' });
    expect((await through.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('cancels by a request of its own', async () => {
    const client = await open();
    const running = client.query("SELECT pg_sleep(600), 'node'");
    const told = running.then(() => 'no error', String);
    const active = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%''node''%' AND pid <> pg_backend_pid()`;
    await eventually(async () => (await shop.postgres.sql(active)).length === 1);
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const request = new pg.Client({ connectionString: shop.url });
    const { connection } = request as unknown as {
      connection: {
        connect(port: number, host: string): void;
        cancel(pid: number, key: number): void;
        once(event: string, listener: () => void): void;
      };
    };
    connection.once('connect', () => connection.cancel(processID, secretKey));
    connection.connect(shop.proxy.port, shop.proxy.host);
    expect(await told).toBe('error: canceling statement due to user request');
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});
