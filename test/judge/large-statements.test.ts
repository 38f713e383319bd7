import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { oneAgent } from '../support/one-agent.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { grant } from '../support/small-catalog.ts';
import { useJudge } from './use-judge.ts';

const SCHEMA =
  "CREATE TABLE notes (id int PRIMARY KEY, text text); INSERT INTO notes SELECT i, 'note ' || i FROM generate_series(1, 50000) i";
const numbers = (count: number): string => Array.from({ length: count }, (_, index) => index).join(', ');
/** Some 180,000 tokens. */
const LARGE = `SELECT count(*) FROM (VALUES (${numbers(45_000).replaceAll(', ', '), (')})) v (id)`;

describe('a large statement', () => {
  const used = useJudge(SCHEMA, { relations: [grant('notes')] });

  it('gives what it gives without us', async () => {
    const wanted = `SELECT text FROM notes WHERE id IN (${numbers(40_000)}) ORDER BY id`;
    const literal = `SELECT length('${'é'.repeat(4 * 1024 * 1024)}') FROM notes LIMIT 1`;
    for (const sql of [wanted, literal]) expect(await used.through(sql)).toEqual(await used.direct(sql));
    expect(used.faults).toEqual([]);
  });

  it('keeps nobody waiting: what comes after it is judged before', async () => {
    await used.judge('SELECT 1');
    const order: string[] = [];
    const large = used.judge(LARGE).then(({ decision }) => order.push(`large: ${decision}`));
    for (let index = 0; index < 5; index++) order.push(`small: ${(await used.judge(`SELECT ${index}`)).decision}`);
    await large;
    expect(order).toEqual([...Array.from({ length: 5 }, () => 'small: Allow'), 'large: Allow']);
  });
});

const MANIFESTS = (port: number): string =>
  oneAgent(port, '{ name: public.notes, select: { columns: [id, text] }, insert: { columns: [id, text] } }');

describe('a large statement through the proxy', () => {
  let postgres: TestPostgres;
  let proxy: TestProxy;
  let manifests = '';
  const connected = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: proxy.host, port: proxy.port, user: 'agent', database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.sql('CREATE TABLE notes (id int PRIMARY KEY, text text)');
    manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-manifests-'));
    await writeFile(join(manifests, 'all.yaml'), MANIFESTS(postgres.port));
    proxy = await startProxy({ manifests, flags: ['--identity', 'agent'] });
  });
  afterAll(async () => {
    await proxy.stop();
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
  });

  it('writes all its rows, and the proxy ends at once afterwards', async () => {
    const client = await connected();
    const rows = Array.from({ length: 20_000 }, (_, index) => `(${index}, 'note ${index}')`).join(', ');
    expect((await client.query(`INSERT INTO notes (id, text) VALUES ${rows}`)).rowCount).toBe(20_000);
    expect((await client.query('SELECT count(*)::int AS rows, max(text) AS last FROM notes')).rows).toEqual([
      { rows: 20_000, last: 'note 9999' },
    ]);
    await client.end();
    // The thread that judged it is still there.
    expect(await proxy.kill('SIGTERM')).toBe(0);
  });
});
