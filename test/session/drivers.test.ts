import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import postgresJs from 'postgres';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { type Airlock, startAirlock } from './airlock.ts';

let postgres: TestPostgres;
let airlock: Airlock;

beforeAll(async () => {
  postgres = await startPostgres();
  airlock = await startAirlock(postgres);
  airlock.knobs.refused.push('/* NO */');
});
afterAll(async () => {
  await airlock.close();
  await postgres.stop();
});

describe('node-postgres', () => {
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port: airlock.port, user: 'ann', database: 'shop', password: 'x' });
    await client.connect();
    return client;
  };

  it('queries, prepares, fails and goes on', async () => {
    const client = await connect();
    expect((await client.query('SELECT $1::int AS n', [5])).rows).toEqual([{ n: 5 }]);
    for (const id of [1, 2]) {
      expect((await client.query({ name: 'p', text: 'SELECT $1::int AS n', values: [id] })).rows).toEqual([{ n: id }]);
    }
    await expect(client.query('SELECT $1::int /* NO */', [5])).rejects.toMatchObject({ code: '42501', hint: 'Try something else.' });
    await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
    expect((await client.query('SELECT 1 AS a; SELECT 2 AS b')) as unknown as { rows: unknown[] }[]).toMatchObject([
      { rows: [{ a: 1 }] },
      { rows: [{ b: 2 }] },
    ]);
    await client.end();
  });

  it('reads with cursors and copies both ways', async () => {
    const client = await connect();
    const cursor = client.query(new Cursor('SELECT i FROM generate_series(1, 25) i'));
    expect((await cursor.read(10)).length).toBe(10);
    expect((await cursor.read(100)).length).toBe(15);
    await cursor.close();
    await client.query('CREATE TEMP TABLE c (a int)');
    await pipeline(Readable.from(['1\n', '2\n', '3\n']), client.query(copyFrom('COPY c FROM STDIN')));
    const out: Buffer[] = [];
    for await (const chunk of client.query(copyTo('COPY c TO STDOUT'))) out.push(chunk as Buffer);
    expect(Buffer.concat(out).toString()).toBe('1\n2\n3\n');
    await client.end();
  });
});

describe('postgres.js', () => {
  it('pipelines, and rolls back what is refused', async () => {
    const sql = postgresJs({ host: '127.0.0.1', port: airlock.port, user: 'ann', database: 'shop', password: 'x', max: 1 });
    const many = await Promise.all(Array.from({ length: 50 }, (_, index) => sql`SELECT ${index}::int AS n`));
    expect(many.map(([row]) => row?.['n'] as number)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    await sql`CREATE TABLE IF NOT EXISTS d (a int)`;
    await expect(
      sql.begin(async (transaction) => {
        await transaction`INSERT INTO d VALUES (1)`;
        await transaction`SELECT 1 /* NO */`;
      }),
    ).rejects.toMatchObject({ code: '42501' });
    expect(await sql`SELECT count(*)::int AS n FROM d`).toEqual([{ n: 0 }]);
    await sql.end();
  });
});
