import { describe, expect, it } from 'vitest';
import { send, types } from '../support/raw-client.ts';
import { airlock, codes, decisions, errors, open, postgres, REFUSAL, useAirlock, values } from './use-airlock.ts';

useAirlock();

describe('names', () => {
  it('are shared between Parse and PREPARE, and end with Close, DEALLOCATE and the transaction', async () => {
    const client = await open();
    await client.query('PREPARE a AS SELECT 41');
    expect(values(await client.exchange(send.bind('', 'a'), send.execute(), send.sync()))).toEqual(['41']);
    await client.query('DEALLOCATE a');
    expect(codes(await client.exchange(send.bind('', 'a'), send.sync()))).toEqual(['26000']);
    await client.exchange(send.parse('b', 'SELECT 42'), send.sync());
    expect(values(await client.query('EXECUTE b'))).toEqual(['42']);
    expect(codes(await client.exchange(send.parse('b', 'SELECT 43'), send.sync()))).toEqual(['42P05']);
    expect(values(await client.exchange(send.bind('', 'b'), send.execute(), send.sync()))).toEqual(['42']);
    await client.query('DEALLOCATE ALL');
    expect(codes(await client.exchange(send.bind('', 'b'), send.sync()))).toEqual(['26000']);
    await client.query('BEGIN');
    await client.exchange(send.parse('', 'SELECT id FROM t'), send.bind('p', ''), send.execute('p', 1), send.sync());
    expect(types(await client.exchange(send.execute('p', 1), send.sync()))).toBe('D s Z');
    await client.query('COMMIT');
    expect(codes(await client.exchange(send.execute('p', 1), send.sync()))).toEqual(['34000']);
  });

  it.each([
    ['one that fails as it runs', 'SELECT 1 / (id - 50) FROM t'],
    ['one that has nothing to say', 'SAVEPOINT a'],
    ['one that fails, with no rows', 'ROLLBACK TO nothing'],
    ['several', 'SELECT 1; ROLLBACK TO nothing'],
  ])('of portals: the unnamed one ends with a Query, as %s', async (_what, sql) => {
    // What PostgreSQL leaves of it would crash it in time: nothing reaches the portal.
    const client = await open();
    for (const used of [send.execute('', 1), send.describe('P')]) {
      await client.query('BEGIN');
      await client.exchange(send.parse('', 'SELECT id FROM t'), send.bind('', ''), send.execute('', 1), send.sync());
      client.write(send.query(sql), used, send.sync(), send.query('ROLLBACK'));
      await client.until('Z');
      expect(errors(await client.until('Z'))).toEqual([{ S: 'ERROR', C: '34000', M: 'portal "" does not exist' }]);
      await client.until('Z');
    }
  });

  it('of portals: the unnamed one stays where a Query has nothing in it', async () => {
    const client = await open();
    await client.query('BEGIN');
    await client.exchange(send.parse('', 'SELECT id FROM t ORDER BY id'), send.bind('', ''), send.execute('', 1), send.sync());
    await client.query('');
    expect(values(await client.exchange(send.execute('', 1), send.sync()))).toEqual(['2']);
    await client.query('COMMIT');
  });

  it('outlive the transaction of their text, which a deferred constraint fails at its end', async () => {
    await postgres.sql('CREATE TABLE IF NOT EXISTS deferred (id int, t int REFERENCES t DEFERRABLE INITIALLY DEFERRED)');
    const client = await open();
    await client.query('PREPARE gone AS SELECT 1');
    expect(types(await client.query('INSERT INTO deferred VALUES (1, -1); PREPARE kept AS SELECT 43'))).toBe('C E Z');
    expect(values(await client.exchange(send.bind('', 'kept'), send.execute(), send.sync()))).toEqual(['43']);
    expect(types(await client.query('INSERT INTO deferred VALUES (1, -1); DEALLOCATE gone'))).toBe('C E Z');
    await client.query('PREPARE gone AS SELECT 2');
    expect(values(await client.exchange(send.bind('', 'gone'), send.execute(), send.sync()))).toEqual(['2']);
    // A PREPARE that fails by itself has made nothing.
    expect(types(await client.query('INSERT INTO deferred VALUES (1, 1); PREPARE none AS SELECT 1 / no_column'))).toBe('C E Z');
    expect(codes(await client.exchange(send.bind('', 'none'), send.sync()))).toEqual(['26000']);
  });

  it('are not believed before the server confirms them', async () => {
    const client = await open();
    await client.exchange(send.parse('s', 'SELECT 1'), send.sync());
    // The first pipeline fails before it makes `s` anew, which the second one must not overlook.
    client.write(
      send.parse('x', 'syntax error'),
      send.close('S', 's'),
      send.parse('s', 'SELECT 2'),
      send.sync(),
      send.bind('', 's'),
      send.execute(),
      send.sync(),
    );
    expect(types(await client.until('Z'))).toBe('E Z');
    expect(values(await client.until('Z'))).toEqual(['1']);
    expect(decisions().findLast(({ via }) => via === 'Execute')?.sql).toBe('SELECT 1');
  });

  it('follow the search_path through pipelines and rollbacks', async () => {
    const client = await open();
    client.write(
      send.query('BEGIN'),
      send.query('SET search_path = other'),
      send.query('SELECT * FROM t'),
      send.query('ROLLBACK'),
      send.query('SELECT 1'),
    );
    for (let count = 0; count < 5; count += 1) await client.until('Z');
    expect(airlock.knobs.paths.at(-1)).toEqual(['public']);
    expect(airlock.knobs.paths).toContainEqual(['other']);
  });

  it('do not take a search_path for set while it may still be rolled back', async () => {
    const client = await open();
    client.write(send.query('SET search_path = other; SELECT 1/0'), send.query('SELECT 2'));
    expect(codes(await client.until('Z'))).toEqual(['22012']);
    expect(values(await client.until('Z'))).toEqual(['2']);
    expect(airlock.knobs.paths).toEqual([['public'], ['other'], ['public']]);
  });

  it('do not take a search_path for set where a Sync that came with the statement ends its transaction', async () => {
    const client = await open();
    client.write(send.parse('', 'SET search_path = other'), send.bind('', ''), send.execute(), send.flush());
    await client.until('C');
    // An error rolls back what the Sync would have committed.
    client.write(send.parse('', 'syntax error'), send.sync(), send.parse('', 'SELECT 2'), send.sync());
    expect(codes(await client.until('Z'))).toEqual(['42601']);
    expect(types(await client.until('Z'))).toBe('1 Z');
    expect(airlock.knobs.paths.at(-1)).toEqual(['public']);
  });

  it('take the search_path of the startup message', async () => {
    const client = await open({ options: '-c search_path=other' });
    expect(values(await client.query('SHOW search_path'))).toEqual(['other']);
    expect(airlock.knobs.paths).toEqual([['other']]);
  });
});

describe('a changed policy', () => {
  it('judges a prepared statement again, and prepares what it now means', async () => {
    const client = await open();
    await client.exchange(send.parse('s', 'SELECT 1'), send.describe('S', 's'), send.sync());
    airlock.knobs.revision = '2';
    expect(types(await client.exchange(send.bind('', 's'), send.execute(), send.sync()))).toBe('2 D C Z');
    airlock.knobs.revision = '3';
    airlock.knobs.replaced.set('1', '2');
    const frames = await client.exchange(send.bind('', 's'), send.describe('P'), send.execute(), send.sync());
    expect([types(frames), values(frames)]).toEqual(['2 T D C Z', ['2']]);
    expect(values(await client.exchange(send.bind('', 's'), send.execute(), send.sync()))).toEqual(['2']);
    airlock.knobs.revision = '4';
    airlock.knobs.refused.push('SELECT');
    expect(errors(await client.exchange(send.bind('', 's'), send.execute(), send.sync()))).toEqual([REFUSAL]);
  });

  it('refuses to go on with a portal that would be another', async () => {
    const client = await open();
    await client.query('BEGIN');
    await client.exchange(send.parse('', 'SELECT id FROM t'), send.bind('p', ''), send.execute('p', 1), send.sync());
    airlock.knobs.revision = '2';
    expect(types(await client.exchange(send.execute('p', 1), send.sync()))).toBe('D s Z');
    airlock.knobs.revision = '3';
    airlock.knobs.replaced.set('id', 'name');
    expect(codes(await client.exchange(send.execute('p', 1), send.sync()))).toEqual(['55000']);
  });

  it('goes on with what SQL prepared as long as it is the same, and refuses it then', async () => {
    const client = await open();
    await client.query('PREPARE a AS SELECT 1');
    airlock.knobs.revision = '2';
    expect(values(await client.exchange(send.bind('', 'a'), send.execute(), send.sync()))).toEqual(['1']);
    airlock.knobs.revision = '3';
    airlock.knobs.replaced.set('1', '2');
    expect(codes(await client.exchange(send.bind('', 'a'), send.sync()))).toEqual(['55000']);
  });
});
