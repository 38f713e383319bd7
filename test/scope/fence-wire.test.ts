/** Row filters over the wire: what a client declares, prepares and explains. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionTo, policyFor, trusted, writeObjects } from '../support/manifest-objects.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient, type RawFrame, responseFields, rowValues, send } from '../support/raw-client.ts';

const SCHEMA = `
  CREATE TABLE letters (id int8 PRIMARY KEY, note text, open bool);
  INSERT INTO letters SELECT i, 'note ' || i, true FROM generate_series(1, 200) i;
  INSERT INTO letters SELECT 5000000000 + i, 'hidden', false FROM generate_series(1, 200) i;
  CREATE INDEX ON letters (note); ANALYZE letters;
  CREATE TABLE notes (id int8, body text, secret text);
  INSERT INTO notes SELECT i, 'body', (SELECT string_agg(md5((i * j)::text), '') FROM generate_series(1, 40) j) FROM generate_series(1, 200) i`;

let postgres: TestPostgres;
let proxy: TestProxy;
let manifests: string;
let client: RawClient;
beforeAll(async () => {
  postgres = await startPostgres({ settings: { enable_seqscan: 'off' } });
  await postgres.sql(SCHEMA);
  manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-fence-'));
  await writeObjects(manifests, [
    ...connectionTo('letters', { port: postgres.port, database: 'postgres', login: trusted('postgres') }),
    policyFor('letters', 'letters', {
      subjects: [{ agent: { name: 'reader' } }],
      relations: [
        { name: 'public.letters', where: 'open', select: { columns: ['*'] } },
        { name: 'public.notes', select: { columns: ['id'], masks: [{ column: 'body', mask: { type: 'Redact' } }] } },
      ],
    }),
  ]);
  proxy = await startProxy({ manifests, flags: ['--identity', 'reader'] });
  client = await connectRaw(proxy.port);
  await client.login({ user: 'reader', database: 'postgres' });
});
afterAll(async () => {
  client?.destroy();
  await proxy?.stop();
  await postgres?.stop('immediate');
  await rm(manifests, { recursive: true, force: true });
});

const told = (frames: readonly RawFrame[]): readonly string[] =>
  frames
    .filter(({ type }) => type === 'D' || type === 'E')
    .map((frame) =>
      frame.type === 'E' ? `${responseFields(frame)['C']} ${responseFields(frame)['M']}` : rowValues(frame).map(String).join(),
    );

const ask = async (sql: string, types: readonly number[], ...values: readonly (string | null)[]): Promise<readonly string[]> =>
  told(await client.exchange(send.parse('', sql, types), send.bind('', '', values), send.execute(), send.sync()));

const OID = 26;
const INT8 = 20;

describe('a row filter', () => {
  it('finds what a parameter asks for, of whatever type', async () => {
    const sql = 'SELECT note FROM letters WHERE id = $1';
    for (const types of [[], [0], [INT8], [23], [1700]]) expect(await ask(sql, types, '7')).toEqual(['note 7']);
  });

  it('converts no hidden value to the type that the client declares', async () => {
    // An int8 that meets an oid becomes one, if it is not too large.
    await postgres.sql(
      `DO $$ BEGIN PERFORM 1 FROM letters WHERE id = 7::oid; ASSERT false; EXCEPTION WHEN numeric_value_out_of_range THEN END $$`,
    );
    expect(await ask('SELECT note FROM letters WHERE id = $1', [OID], '7')).toEqual(['note 7']);
    expect(await ask('SELECT note FROM letters WHERE id = $1', [INT8], '7')).toEqual(['note 7']);
    expect(await ask('SELECT $1::oid, note FROM letters WHERE id = $1', [], '7')).toEqual(['7,note 7']);
    await client.query('PREPARE o (oid) AS SELECT note FROM letters WHERE id = $1');
    expect(told(await client.query('EXECUTE o (7)'))).toEqual(['note 7']);
  });

  it('has no counter that tells what an index found', async () => {
    const counters = [
      "SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'letters'",
      "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'letters'",
      "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'letters_pkey'",
      "SELECT heap_blks_hit FROM pg_statio_user_tables WHERE relname = 'letters'",
      "SELECT idx_blks_hit FROM pg_statio_user_indexes WHERE indexrelname = 'letters_pkey'",
      'SELECT tup_fetched FROM pg_stat_database WHERE datname = current_database()',
      'SELECT tup_returned + blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()',
      'SELECT sum(hits) + sum(reads) FROM pg_stat_io',
      'SELECT buffers_alloc FROM pg_stat_bgwriter',
    ];
    for (const sql of counters) expect(told(await client.query(sql))).toEqual(['null']);
    const functions = ["pg_stat_get_xact_tuples_fetched('letters'::regclass)", 'pg_stat_get_db_tuples_fetched(5)', 'pg_stat_get_io()'];
    for (const call of functions) expect(told(await client.query(`SELECT ${call}`))[0]).toMatch(/^42501 /);
  });

  it('is explained with what it removes counted apart from the conditions', async () => {
    const removed = async (sql: string): Promise<readonly string[]> =>
      told(await client.query(sql)).filter((line) => /Removed|Index Cond|^\d/.test(line));
    const analyze = 'EXPLAIN (ANALYZE, TIMING off, SUMMARY off)';
    const [present, absent] = [
      await removed(`${analyze} SELECT id FROM letters WHERE note = 'hidden'`),
      await removed(`${analyze} SELECT id FROM letters WHERE note = 'nobody'`),
    ];
    expect(present).toEqual(absent);
    await client.query("PREPARE h AS SELECT id FROM letters WHERE note = 'hidden'");
    expect(await removed(`${analyze} EXECUTE h`)).toEqual([
      '42501 permission denied for EXPLAIN ANALYZE EXECUTE of a statement that hides rows or columns',
    ]);
    await client.exchange(send.parse('named', "SELECT id FROM letters WHERE note = 'hidden'"), send.sync());
    expect((await removed(`${analyze} EXECUTE named`))[0]).toMatch(/^42501 /);
    expect(told(await client.query('EXPLAIN EXECUTE named'))[0]).toMatch(/^42501 .* row filter/);
  });

  it('is explained without the memory that hidden columns would take', async () => {
    const analyze = 'EXPLAIN (ANALYZE, TIMING off, SUMMARY off, BUFFERS off)';
    const [storage] = told(await client.query(`${analyze} SELECT sum(id) OVER () FROM notes`)).filter((line) => line.includes('Storage'));
    // 200 rows of a number; with what the secrets take it is 270 kB.
    expect(storage).toMatch(/^ *Storage: Memory +Maximum Storage: \d\dkB$/);
    expect(told(await client.query('PREPARE w AS SELECT sum(id) OVER () FROM notes'))).toEqual([]);
    expect(told(await client.query(`${analyze} EXECUTE w`))[0]).toMatch(/^42501 /);
  });
});
