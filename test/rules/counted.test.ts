import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import postgresJs from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readChain } from '../audit/read-chain.ts';
import { programVersion, runProgram } from '../clients/program.ts';
import { eventually } from '../clients/shop.ts';
import { send, types } from '../support/raw-client.ts';
import { type Items, startItems } from './use-items.ts';

const psql = programVersion('psql');

const errorOf = async (asked: PromiseLike<unknown>): Promise<unknown> => {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) return error;
    const { code, message, detail, hint } = error as pg.DatabaseError;
    return { code, message, detail, hint };
  }
};
const REFUSED = {
  code: '42501',
  message: 'permission denied by rule "few-changes"',
  detail: 'The statement affected more than 10 rows, and was undone. Rule "few-changes" of policy default/reading refuses that.',
  hint: 'Narrow the WHERE, so that fewer rows are affected.',
};
const about = (rule: string): object => ({ code: '42501', message: expect.stringContaining(`rule "${rule}"`) });

describe.each([14, 18] as const)('rules that count, on PostgreSQL %d', (version) => {
  let items: Items;
  beforeAll(async () => {
    items = await startItems(version);
  });
  afterAll(() => items.shop.stop());

  it('let node-postgres change a few rows at once, and undo more', async () => {
    const client = await items.connect();
    expect((await client.query("UPDATE items SET label = 'pg' WHERE id <= 10")).rowCount).toBe(10);
    expect(await errorOf(client.query("UPDATE items SET label = 'pg'"))).toEqual(REFUSED);
    expect(await errorOf(client.query('UPDATE items SET label = $1 WHERE id > $2', ['pg', 5]))).toEqual(REFUSED);
    expect(await errorOf(client.query('DELETE FROM items WHERE id <= 100 RETURNING id'))).toEqual(REFUSED);
    expect(await errorOf(client.query("INSERT INTO items SELECT i, 'pg' FROM generate_series(2000, 2010) i"))).toEqual(REFUSED);
    const returning = await client.query('UPDATE items SET label = $1 WHERE id <= 3 RETURNING id', ['pg']);
    expect(returning.rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(await items.labelled('pg')).toBe(10);
    await client.end();
  });

  it('fail the transaction that node-postgres has open, and leave it as PostgreSQL would', async () => {
    const client = await items.connect();
    await client.query('BEGIN');
    await client.query("UPDATE items SET label = 'tx' WHERE id <= 4");
    expect(await errorOf(client.query("UPDATE items SET label = 'tx'"))).toEqual(REFUSED);
    expect(await errorOf(client.query('SELECT 1'))).toMatchObject({ code: '25P02' });
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK');
    expect(await items.labelled('tx')).toBe(0);
    await client.query('BEGIN; SAVEPOINT a');
    expect(await errorOf(client.query("UPDATE items SET label = 'tx'"))).toEqual(REFUSED);
    await client.query('ROLLBACK TO a');
    await client.query("UPDATE items SET label = 'tx' WHERE id = 7");
    expect((await client.query('COMMIT')).command).toBe('COMMIT');
    expect(await items.labelled('tx')).toBe(1);
    await client.end();
  });

  it('hold for cursors, COPY and statements prepared by SQL', async () => {
    const client = await items.connect();
    const cursor = client.query(new Cursor("UPDATE items SET label = 'cursor' WHERE id <= 100 RETURNING id"));
    expect(await errorOf(cursor.read(5))).toEqual(REFUSED);
    await cursor.close();
    const copy = (rows: number): Promise<void> =>
      pipeline(
        Readable.from(Array.from({ length: rows }, (_, index) => `${index}\tcopy\n`)),
        client.query(copyFrom('COPY loads FROM STDIN')),
      );
    expect(await errorOf(copy(11))).toMatchObject(about('few-changes'));
    expect(await errorOf(copy(10))).toBeUndefined();
    await client.query("PREPARE up (int) AS UPDATE items SET label = 'prepared' WHERE id <= $1");
    expect(await errorOf(client.query('EXECUTE up(11)'))).toEqual(REFUSED);
    expect((await client.query('EXECUTE up(2)')).rowCount).toBe(2);
    expect([await items.labelled('cursor'), await items.labelled('copy', 'loads'), await items.labelled('prepared')]).toEqual([0, 10, 2]);
    await client.end();
  });

  it('count every command that changes rows', async () => {
    const client = await items.connect();
    const commands = [
      "INSERT INTO items (id, label) SELECT i, 'all' FROM generate_series(1, 11) i ON CONFLICT (id) DO UPDATE SET label = 'all'",
      "COPY (UPDATE items SET label = 'all' WHERE id <= 11 RETURNING id) TO STDOUT",
      "WITH few AS (SELECT 11 AS n) UPDATE items SET label = 'all' FROM few WHERE id <= n",
      ...(version < 15 ? [] : ["MERGE INTO items i USING (SELECT 11 AS n) f ON i.id <= f.n WHEN MATCHED THEN UPDATE SET label = 'all'"]),
    ];
    for (const sql of commands) {
      expect([sql, await errorOf(client.query(sql))]).toEqual([sql, REFUSED]);
      expect([sql, await errorOf(client.query(sql.replaceAll('11', '3')))]).toEqual([sql, undefined]);
    }
    expect(await items.labelled('all')).toBe(3);
    await client.end();
  });

  it('refuse what cannot be counted, and say what to do', async () => {
    const client = await items.connect();
    for (const [sql, hint] of [
      ["SELECT 1; UPDATE items SET label = 'x' WHERE id = 1", 'Send the statements one by one, in a transaction if they belong together.'],
      ['EXPLAIN ANALYZE DELETE FROM items', 'Leave ANALYZE out.'],
      [
        'WITH d AS (DELETE FROM items RETURNING id) SELECT count(*) FROM d',
        'Send each INSERT, UPDATE, DELETE and MERGE as a statement of its own, in a transaction if they belong together.',
      ],
    ]) {
      expect(await errorOf(client.query(sql ?? ''))).toMatchObject({ ...about('few-changes'), hint });
    }
    expect((await client.query('EXPLAIN DELETE FROM items')).rows.length).toBeGreaterThan(0);
    expect(await items.labelled('x')).toBe(0);
    await client.end();
  });

  it('say the same to postgres.js, in a pipeline and in a transaction', async () => {
    const sql = postgresJs(items.shop.url, { max: 1, onnotice: () => undefined });
    const asked = [
      sql`UPDATE items SET label = 'js' WHERE id = 20`,
      sql`UPDATE items SET label = 'js'`,
      sql`UPDATE items SET label = ${'js'} WHERE id = 21`,
      sql`SELECT count(*)::int AS n FROM items WHERE label = 'js'`,
    ];
    const settled = await Promise.allSettled(asked);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await asked[3]).toEqual([{ n: 2 }]);
    const transaction = sql.begin(async (inside) => {
      await inside`UPDATE items SET label = 'js' WHERE id = 22`;
      await inside`UPDATE items SET label = 'js'`;
    });
    expect(await errorOf(transaction)).toMatchObject({ code: '42501' });
    expect(await items.labelled('js')).toBe(2);
    await sql.end();
  });

  it.skipIf(psql === undefined)('say the same to psql', async () => {
    const input = String.raw`
      UPDATE items SET label = 'psql' WHERE id <= 2;
      UPDATE items SET label = 'psql';
      BEGIN;
      DELETE FROM items;
      SELECT 1;
      COMMIT;
      \copy loads FROM PROGRAM 'seq 5000 5020 | sed "s/$/\tpsql/"'
      \copy loads FROM PROGRAM 'seq 5000 5004 | sed "s/$/\tpsql/"'
      SELECT 'end';`;
    const { stdout, stderr } = await runProgram('psql', ['-XAtq', '-d', items.shop.url], { input });
    expect(stdout.trim()).toBe('end');
    expect(stderr.match(/^ERROR: .*$/gm)).toEqual([
      'ERROR:  permission denied by rule "few-changes"',
      'ERROR:  permission denied by rule "few-changes"',
      'ERROR:  current transaction is aborted, commands ignored until end of transaction block',
      'ERROR:  permission denied by rule "few-changes"',
    ]);
    expect([await items.labelled('psql'), await items.labelled('psql', 'loads')]).toEqual([2, 5]);
  });

  it('end what returns too much, and undo it where it writes', async () => {
    const client = await items.connect();
    expect(await errorOf(client.query('SELECT * FROM items'))).toMatchObject({
      ...about('few-rows'),
      detail: 'The statement returned more than 500 rows. Rule "few-rows" of policy default/reading refuses that.',
    });
    expect((await client.query('SELECT * FROM items LIMIT 500')).rows.length).toBe(500);
    const large = "UPDATE items SET label = 'large' WHERE id <= 9 RETURNING repeat('x', 200000)";
    expect(await errorOf(client.query(large))).toMatchObject(about('few-bytes'));
    expect(await errorOf(client.query('SELECT count(*) FROM items a, items b'))).toMatchObject({
      detail:
        'The statement is SELECT. The planner expects it to handle more than 50000 rows. Rule "no-large-plans" of policy default/reading refuses that.',
    });
    expect(await items.labelled('large')).toBe(0);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it('keep a hundred statements of a pipeline apart', async () => {
    const client = await items.connectRaw();
    const update = (rows: number): Buffer[] => [
      send.parse('', `UPDATE items SET label = 'pipe' WHERE id > 100 AND id <= ${100 + rows}`),
      send.bind('', ''),
      send.execute(),
      send.sync(),
    ];
    client.write(...Array.from({ length: 100 }, (_, index) => update(index % 20)).flat());
    const ends: string[] = [];
    while (ends.length < 100) ends.push(types(await client.until('Z')));
    expect(ends).toEqual(Array.from({ length: 100 }, (_, index) => (index % 20 > 10 ? '1 2 E Z' : '1 2 C Z')));
    expect(await items.labelled('pipe')).toBe(10);
    client.destroy();
  });

  it('are in the audit records and in the metrics', async () => {
    const metrics = async (): Promise<number[]> => {
      const { body } = await items.shop.probe('/metrics');
      return ['few-changes', 'several-changes', 'few-rows'].map((rule) =>
        Number(new RegExp(`^pg_airlock_rules_met_total\\{rule="${rule}"\\} (\\d+)`, 'm').exec(body)?.[1] ?? 0),
      );
    };
    const before = await metrics();
    const client = await items.connect();
    await client.query("UPDATE items SET label = 'audit' WHERE id <= 6");
    expect(await errorOf(client.query("UPDATE items SET label = 'audit' WHERE id <= 11"))).toEqual(REFUSED);
    await client.end();
    await eventually(async () => (await metrics())[1] === (before[1] ?? 0) + 2);
    expect(await metrics()).toEqual([(before[0] ?? 0) + 1, (before[1] ?? 0) + 2, before[2]]);
    const { findings, lines } = await readChain(items.shop.proxy.auditDirectory);
    const records = lines.flatMap((record) => (record.type === 'completion' && record.rules !== undefined ? [record] : []));
    expect(records.slice(-2)).toMatchObject([
      { outcome: 'Completed', rules: ['several-changes'] },
      { outcome: 'Failed', sqlstate: '42501', rules: ['few-changes', 'several-changes'] },
    ]);
    expect(findings).toEqual([]);
  });
});

describe('a proxy that is killed', () => {
  it('leaves nothing committed that was not judged', async () => {
    const items = await startItems(18);
    const clients = await Promise.all(Array.from({ length: 6 }, () => items.connect()));
    let running = true;
    let refused = 0;
    const work = clients.map(async (client, index) => {
      const sql = index % 2 === 0 ? { text: "UPDATE items SET label = 'kill'" } : { text: 'UPDATE items SET label = $1', values: ['kill'] };
      while (running) {
        const error = await errorOf(client.query(sql));
        if ((error as { code?: string } | undefined)?.code !== '42501') return error;
        refused += 1;
      }
      return undefined;
    });
    await eventually(() => refused > 50);
    await items.shop.proxy.kill('SIGKILL');
    running = false;
    await Promise.all(work);
    expect(await items.labelled('kill')).toBe(0);
    await items.shop.stop();
  });
});
