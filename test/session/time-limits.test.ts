import { describe, expect, it } from 'vitest';
import type { Limits } from '../../kernel/policy.ts';
import { type RawClient, send, types } from '../support/raw-client.ts';
import { airlock, codes, errors, eventually, open, postgres, useAirlock, values } from './use-airlock.ts';

useAirlock();

const limit = (limits: Partial<Limits>): void => {
  airlock.knobs.limits = { ...airlock.knobs.limits, ...limits };
};
const pidOf = async (client: RawClient): Promise<string> => values(await client.query('SELECT pg_backend_pid()'))[0] ?? '';
/** What the server says of the session; undefined: it is gone. */
const stateOf = async (pid: string): Promise<string | undefined> => {
  const [row] = await postgres.sql(`SELECT state FROM pg_stat_activity WHERE pid = ${pid}`);
  return row?.['state']?.toString();
};
const gone = (pid: string): Promise<void> => eventually(async () => (await stateOf(pid)) === undefined);
const last = async (client: RawClient): Promise<Record<string, string> | undefined> => {
  await client.waitClosed();
  return errors(client.frames).at(-1);
};

const TOO_LONG = {
  S: 'ERROR',
  C: '57014',
  M: 'canceling statement due to statement timeout',
  H: 'Ask for less at once: a narrower WHERE, an aggregate, a join with its condition; and read the result as it comes.',
};
// In the select list: in FROM the server would write all of it to its disk first.
const ENDLESS = "SELECT lpad(generate_series(1, 100000000)::text, 1000, 'x')";

describe('a statement that takes too long', () => {
  it('is canceled by the server, and the error names the limit', async () => {
    limit({ statementTimeout: 200 });
    const client = await open({ statement_timeout: '200' });
    const frames = await client.query('SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b');
    expect(errors(frames)).toEqual([{ ...TOO_LONG, D: 'The policy allows a statement 200 ms (limits.statementTimeout).' }]);
    expect(await stateOf(await pidOf(client))).toBe('idle');
  });

  it('is told in the words of the server where the agent set less itself', async () => {
    limit({ statementTimeout: 60_000 });
    const client = await open({ statement_timeout: '50' });
    expect(errors(await client.query('SELECT pg_sleep(60)'))).toEqual([
      { S: 'ERROR', C: '57014', M: 'canceling statement due to statement timeout' },
    ]);
  });

  it('is canceled by us where the server has no such limit', async () => {
    limit({ statementTimeout: 1000 });
    const client = await open();
    const frames = await client.exchange(send.parse('', 'SELECT pg_sleep(60)'), send.bind('', ''), send.execute(), send.sync());
    expect(types(frames)).toBe('1 2 E Z');
    expect(errors(frames)).toEqual([{ ...TOO_LONG, D: 'The policy allows a statement 1 s (limits.statementTimeout).' }]);
    expect(await stateOf(await pidOf(client))).toBe('idle');
  });

  it('is one of several in a text or a pipeline, each with its own time', async () => {
    limit({ statementTimeout: 1000 });
    const client = await open();
    const slow = 'SELECT pg_sleep(0.8);';
    expect(codes(await client.query(slow.repeat(4)))).toEqual([]);
    const messages = [
      send.parse('s', 'SELECT pg_sleep(0.8)'),
      ...Array.from({ length: 4 }, () => [send.bind('', 's'), send.execute()]).flat(),
    ];
    expect(codes(await client.exchange(...messages, send.sync()))).toEqual([]);
  });

  it('ends the session where the server does not take the cancel request', async () => {
    limit({ statementTimeout: 100 });
    const client = await open();
    const pid = await pidOf(client);
    client.write(
      send.query('DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$'),
    );
    expect(await last(client)).toEqual({ ...TOO_LONG, S: 'FATAL', D: 'The policy allows a statement 100 ms (limits.statementTimeout).' });
    await postgres.sql(`SELECT pg_terminate_backend(${pid})`);
  });

  it('is stopped though the client does not read', async () => {
    limit({ statementTimeout: 200 });
    const client = await open();
    const pid = await pidOf(client);
    const before = client.frames.length;
    client.socket.pause();
    client.write(send.query(ENDLESS));
    await eventually(async () => (await stateOf(pid)) === 'idle');
    client.socket.resume();
    const frames = await client.until('Z');
    expect(errors(frames)).toEqual([{ ...TOO_LONG, D: 'The policy allows a statement 200 ms (limits.statementTimeout).' }]);
    const rows = client.frames.slice(before).filter(({ type }) => type === 'D');
    expect(rows.every(({ body }) => body.length === 1006)).toBe(true);
    expect(values(await client.query('SELECT 1'))).toEqual(['1']);
  });

  it('is stopped though the client does not send its COPY', async () => {
    limit({ statementTimeout: 200 });
    const client = await open();
    client.write(send.query('COPY t FROM STDIN'), send.copyData('1001\tkept back\n'));
    const frames = await client.until('Z');
    expect(types(frames)).toBe('G E Z');
    expect(errors(frames)).toEqual([{ ...TOO_LONG, D: 'The policy allows a statement 200 ms (limits.statementTimeout).' }]);
    client.write(send.copyData('1002\ttoo late\n'), send.copyDone());
    expect(values(await client.query('SELECT count(*) FROM t WHERE id > 1000'))).toEqual(['0']);
  });

  it('succeeds where it was over before it could be canceled, and nothing of it was thrown away', async () => {
    limit({ statementTimeout: 100 });
    const client = await open();
    // The server sleeps on: the cancel is caught, and what follows is quick.
    const sql =
      'DO $$ BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN INSERT INTO t VALUES (2001, pg_backend_pid()::text); END $$';
    expect(types(await client.query(sql))).toBe('C Z');
    expect(values(await client.query('SELECT count(*) FROM t WHERE id = 2001'))).toEqual(['1']);
    await client.query('DELETE FROM t WHERE id = 2001');
  });
});

describe('a transaction that takes too long', () => {
  const ENDED = {
    S: 'FATAL',
    C: '25P04',
    M: 'terminating connection due to transaction timeout',
    D: 'The policy allows a transaction 300 ms (limits.transactionTimeout); this one is rolled back.',
    H: 'Reconnect, and make transactions shorter: do not wait for anything between BEGIN and COMMIT.',
  };

  it('ends while it is idle, and its locks with it', async () => {
    limit({ transactionTimeout: 300 });
    const client = await open();
    const pid = await pidOf(client);
    await client.query('BEGIN');
    await client.query('LOCK TABLE t');
    expect(await last(client)).toEqual(ENDED);
    await gone(pid);
    expect((await postgres.sql(`SELECT 1 FROM pg_locks WHERE relation = 't'::regclass`)).length).toBe(0);
  });

  it('ends while a statement runs', async () => {
    limit({ transactionTimeout: 300 });
    const client = await open();
    const pid = await pidOf(client);
    client.write(send.query('SELECT pg_sleep(60)'));
    expect(await last(client)).toEqual(ENDED);
    await gone(pid);
  });

  it('ends though it is kept busy, and rolled back to a savepoint', async () => {
    limit({ transactionTimeout: 300 });
    const client = await open();
    await client.query('BEGIN');
    await client.query('SAVEPOINT s');
    const busy = async (): Promise<void> => {
      while (!client.closed) await client.query('ROLLBACK TO s');
    };
    await busy();
    expect(errors(client.frames).at(-1)).toEqual(ENDED);
  });

  it('ends though the client never sends the Sync', async () => {
    limit({ transactionTimeout: 300 });
    const client = await open();
    const pid = await pidOf(client);
    client.write(send.parse('', 'SELECT 1 FROM t WHERE id = 1 FOR UPDATE'), send.bind('', ''), send.execute());
    expect(await last(client)).toEqual(ENDED);
    await gone(pid);
  });

  it('ends though the client neither reads nor says so', async () => {
    limit({ transactionTimeout: 300 });
    const client = await open();
    const pid = await pidOf(client);
    client.socket.pause();
    client.write(send.query(ENDLESS), send.terminate());
    await gone(pid);
    await eventually(() => airlock.sessions.size === 0);
    expect(airlock.records.at(-1)).toMatchObject({ type: 'session-ended', reason: 'transaction-too-long' });
  });

  it('is not one of many short ones, also where they are chained or sent together', async () => {
    limit({ transactionTimeout: 1000 });
    const client = await open();
    const pid = await pidOf(client);
    const short = 'SELECT pg_sleep(0.4)';
    for (let turn = 0; turn < 4; turn += 1) await client.query(short);
    await client.query('BEGIN');
    for (let turn = 0; turn < 4; turn += 1) await client.query(`${short}; COMMIT AND CHAIN`);
    await client.query('COMMIT');
    client.write(...Array.from({ length: 4 }, () => send.query(short)));
    for (let turn = 0; turn < 4; turn += 1) expect(codes(await client.until('Z'))).toEqual([]);
    expect(await pidOf(client)).toBe(pid);
  });
});

describe('a client that does not read', () => {
  it('loses its session, and the server is free', async () => {
    airlock.knobs.sendTimeout = 300;
    const client = await open();
    const pid = await pidOf(client);
    client.socket.pause();
    client.write(send.query(ENDLESS));
    await gone(pid);
    await eventually(() => airlock.sessions.size === 0);
    expect(airlock.records.at(-1)).toMatchObject({ type: 'session-ended', reason: 'client-not-reading' });
  });

  it('is another than one that reads slowly', async () => {
    airlock.knobs.sendTimeout = 2000;
    const client = await open();
    client.write(send.query("SELECT repeat('x', 1000) FROM generate_series(1, 30000)"));
    for (let turn = 0; turn < 40; turn += 1) {
      client.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.socket.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.until('Z')).filter(({ type }) => type === 'D').length).toBe(30_000);
  });
});

describe('an idle session', () => {
  it('ends in a transaction too', async () => {
    limit({ idleTimeout: 200 });
    const client = await open();
    const pid = await pidOf(client);
    await client.query('BEGIN');
    expect(await last(client)).toMatchObject({
      C: '57P05',
      D: 'The policy allows a session to be idle for 200 ms (limits.idleTimeout), in a transaction or outside of one.',
    });
    await gone(pid);
  });

  it('ends where the client leaves its COPY', async () => {
    limit({ idleTimeout: 200 });
    const client = await open();
    const pid = await pidOf(client);
    client.write(send.query('COPY t FROM STDIN'));
    expect(await last(client)).toMatchObject({ C: '57P05' });
    await gone(pid);
  });

  it('is not one that waits for the server', async () => {
    limit({ idleTimeout: 200 });
    const client = await open();
    expect(types(await client.query('SELECT pg_sleep(1)'))).toBe('T D C Z');
  });
});

describe('a limit that comes into force', () => {
  it('holds for sessions that live', async () => {
    const client = await open();
    const pid = await pidOf(client);
    limit({ sessionDuration: 100 });
    expect(await last(client)).toMatchObject({ C: '57P01', D: 'The policy allows a session 100 ms (limits.sessionDuration).' });
    await gone(pid);
  });
});
