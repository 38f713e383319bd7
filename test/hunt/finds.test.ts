/**
 * What the hunt has found, by name.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRaw, type RawClient, type RawFrame, responseFields, rowValues, send } from '../support/raw-client.ts';
import { type Arena, startArena } from './arena.ts';
import { HUNTER } from './manifests.ts';

const DATABASE = 'hunt_a';

let arena: Arena;
let client: RawClient;
beforeAll(async () => {
  arena = await startArena([DATABASE], false);
  client = await connectRaw(arena.proxy.port);
  await client.login({ user: HUNTER, database: DATABASE });
});
afterAll(async () => {
  client?.destroy();
  await arena?.stop();
});

const run = (sql: string): Promise<RawFrame[]> => client.query(sql);
const extended = (sql: string): Buffer[] => [send.parse('', sql), send.bind('', ''), send.execute()];
const errors = (frames: readonly RawFrame[]): string[] =>
  frames.filter(({ type }) => type === 'E').map((frame) => `${responseFields(frame)['C']} ${responseFields(frame)['M']}`);
const text = (frames: readonly RawFrame[]): string =>
  frames
    .filter(({ type }) => type === 'D')
    .map((frame) => rowValues(frame)[0]?.toString())
    .join('\n');

const WITHHELD = ['22P02 could not compute a value that the policy protects'];

describe('errors of what runs by name', () => {
  it('withholds those of EXECUTE', async () => {
    await run('PREPARE broken_plan AS SELECT ratio FROM broken');
    expect(errors(await run('EXECUTE broken_plan'))).toEqual(WITHHELD);
    expect(errors(await client.exchange(...extended('EXECUTE broken_plan'), send.sync()))).toEqual(WITHHELD);
    expect(errors(await run('EXPLAIN EXECUTE broken_plan'))).toEqual([]);
    expect(errors(await run('PREPARE x AS SELECT ratio FROM broken; EXECUTE x'))).toEqual(WITHHELD);
    expect(errors(await run('EXECUTE nothing'))).toEqual(['26000 prepared statement "nothing" does not exist']);
  });

  it('withholds those of FETCH and MOVE', async () => {
    for (const fetch of ['FETCH c', 'MOVE c', 'FETCH ALL c']) {
      expect(errors(await run(`BEGIN; DECLARE c CURSOR FOR SELECT ratio FROM broken; ${fetch}; COMMIT`))).toEqual(WITHHELD);
      await run('ROLLBACK');
      await run('BEGIN');
      await run('DECLARE c CURSOR FOR SELECT ratio FROM broken');
      expect(errors(await run(fetch))).toEqual(WITHHELD);
      await run('ROLLBACK');
    }
    expect(errors(await run('FETCH nothing'))).toEqual(['34000 cursor "nothing" does not exist']);
  });

  it('withholds those of a cursor WITH HOLD, which come with the end of the transaction', async () => {
    const declare = 'DECLARE held CURSOR WITH HOLD FOR SELECT ratio FROM broken';
    await run('BEGIN');
    await run(declare);
    expect(errors(await run('COMMIT'))).toEqual(WITHHELD);
    expect(errors(await run(declare))).toEqual(WITHHELD);
    expect(errors(await client.exchange(...extended(declare), send.sync()))).toEqual(WITHHELD);
    client.write(...extended(declare), send.query('SELECT 1'));
    // Without a Sync the transaction stays open.
    expect(errors(await client.until('Z'))).toEqual([]);
    expect(errors(await run('COMMIT'))).toEqual(WITHHELD);
  });

  it('tells errors again that are about what the agent wrote', async () => {
    expect(errors(await run("SELECT 'a'::int"))).toEqual(['22P02 invalid input syntax for type integer: "a"']);
    await run('PREPARE harmless AS SELECT $1::int');
    expect(errors(await run("EXECUTE harmless('b')"))).toEqual(['22P02 invalid input syntax for type integer: "b"']);
  });

  it('knows what a name stands for when it runs, not when it was parsed', async () => {
    await run('PREPARE late AS SELECT 1');
    await client.exchange(send.parse('by_name', 'EXECUTE late'), send.parse('explained', 'EXPLAIN (VERBOSE) EXECUTE late'), send.sync());
    await run('DEALLOCATE late');
    await run('PREPARE late AS SELECT ratio FROM broken');
    expect(errors(await client.exchange(send.bind('', 'by_name'), send.execute(), send.sync()))).toEqual(WITHHELD);
    await run('DEALLOCATE late');
    await run('PREPARE late AS SELECT card FROM people');
    const explained = await client.exchange(send.bind('', 'explained'), send.execute(), send.sync());
    expect(errors(explained)).toEqual(['42501 permission denied for EXPLAIN EXECUTE of a statement with a keyed mask']);
  });
});

describe('EXPLAIN', () => {
  it('shows no estimates where they come from statistics of hidden values', async () => {
    for (const sql of [
      'EXPLAIN SELECT ssn FROM people GROUP BY ssn',
      'EXPLAIN ANALYZE SELECT ssn FROM people',
      'EXPLAIN ANALYZE VERBOSE SELECT ssn FROM people',
      'EXPLAIN VERBOSE SELECT ssn FROM people',
      'EXPLAIN (COSTS ON, VERBOSE, COSTS) SELECT ssn FROM people',
      'EXPLAIN (SELECT ssn FROM people)',
      'EXPLAIN ((SELECT ssn FROM people))',
      '/* a */ EXPLAIN -- b\n (VALUES ((SELECT ssn FROM people LIMIT 1)))',
      'EXPLAIN ("costs" true) SELECT ssn FROM people',
      "EXPLAIN SELECT 1 FROM orders WHERE note < 'm'",
      'EXPLAIN SELECT ratio FROM broken',
      'EXPLAIN (FORMAT JSON) SELECT ssn FROM people',
      'EXPLAIN DECLARE c CURSOR FOR SELECT ssn FROM people',
    ]) {
      const frames = await run(sql);
      expect(errors(frames)).toEqual([]);
      expect(text(frames)).toMatch(/Scan|Result/);
      expect(text(frames)).not.toMatch(/cost=|rows=\d+ width|Plan Rows|Cost"/);
    }
    // The plan itself would tell what it was estimated by.
    await run('PREPARE filtered AS SELECT voucher FROM orders');
    expect(errors(await run('EXPLAIN EXECUTE filtered'))[0]).toMatch(/^42501 .* row filter/);
    await run('PREPARE plan AS SELECT name FROM "Mixed Case"');
    expect(text(await run('EXPLAIN EXECUTE plan'))).toMatch(/^Seq Scan on "Mixed Case" r(\n  Disabled: true)?$/);
  });

  it('shows them where nothing is hidden', async () => {
    expect(text(await run('EXPLAIN SELECT * FROM items'))).toMatch(/cost=.* rows=20 width/);
    expect(text(await run('EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM items'))).toMatch(/cost=/);
    expect(text(await run('EXPLAIN SELECT relname FROM pg_class'))).toMatch(/cost=/);
  });
});
