/** Each limit as the client, the server and the metrics see it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, eventually, type Shop, startShop } from '../clients/shop.ts';
import { type RawClient, send, types } from '../support/raw-client.ts';
import { addNeighbour, enter, limitCount, NEIGHBOUR, sample, serverHas, told } from './views.ts';

let shop: Shop;
const clients: RawClient[] = [];

/** Catches the cancel request: an agent may be granted functions that do so, knowingly or not. */
const STUBBORN = `
  CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$
  BEGIN LOOP BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;`;

beforeAll(async () => {
  shop = await startShop({ setup: STUBBORN, flags: ['--send-timeout', '8'] });
  await addNeighbour(shop);
});
afterAll(() => shop.stop());
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await serverHas(shop);
});

const limits = (text: string): Promise<void> =>
  shop.change({ spec: `  limits: { ${text} }`, functions: ['pg_catalog.pg_sleep', 'public.stubborn'] });
const open = async (agent: { readonly name: string; readonly password: string } = AGENT): Promise<RawClient> => {
  const client = await enter(shop, agent);
  clients.push(client);
  if (told(client.frames) !== undefined) throw new Error(JSON.stringify(told(client.frames)));
  return client;
};
const ended = async (client: RawClient): Promise<ReturnType<typeof told>> => {
  await client.waitClosed(20_000);
  return told(client.frames);
};

/** Ten thousand million rows, of which nobody needs any. */
const CARTESIAN = 'SELECT count(*) FROM customers a, customers b, customers c, customers d, customers e';
const LONG = "SELECT a.id, repeat('x', 1000) FROM customers a, customers b, customers c";

const TOO_LONG = {
  severity: 'ERROR',
  code: '57014',
  message: 'canceling statement due to statement timeout',
  detail: 'The policy allows a statement 1 s (limits.statementTimeout).',
  hint: 'Ask for less at once: a narrower WHERE, an aggregate, a join with its condition; and read the result as it comes.',
};

describe('rowsPerStatement and bytesPerStatement', () => {
  it.for([
    ['rowsPerStatement: 500', 'rowsPerStatement', '500 rows for one statement (limits.rowsPerStatement)'],
    ['bytesPerStatement: 64Ki', 'bytesPerStatement', '65536 bytes for one statement (limits.bytesPerStatement)'],
  ] as const)('%s cancels what returns more', async ([limit, name, figure]) => {
    await limits(limit);
    const before = await limitCount(shop, name);
    const client = await open();
    const frames = await client.query(LONG);
    expect([types(frames.filter(({ type }) => type !== 'D')), told(frames)]).toEqual([
      'T E Z',
      {
        severity: 'ERROR',
        code: '53400',
        message: 'result is too large',
        detail: `The policy allows ${figure}, and the result has more.`,
        hint: 'Add a LIMIT, a narrower WHERE or an aggregate.',
      },
    ]);
    await serverHas(shop, 'idle');
    expect(await limitCount(shop, name)).toBe(before + 1);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });
});

describe('statementTimeout', () => {
  it('cancels a Cartesian product, while the neighbour is answered', async () => {
    await limits('statementTimeout: 1s');
    const before = await limitCount(shop, 'statementTimeout');
    const client = await open();
    const neighbour = await open(NEIGHBOUR);
    client.write(send.query(CARTESIAN));
    await serverHas(shop, 'active', 'idle');
    expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
    expect(client.frames.at(-1)?.type).toBe('Z');
    const frames = await client.until('Z');
    expect([types(frames), told(frames)]).toEqual(['T E Z', TOO_LONG]);
    await serverHas(shop, 'idle', 'idle');
    expect(await limitCount(shop, 'statementTimeout')).toBe(before + 1);
  });

  it('cannot be raised or removed by the agent', async () => {
    await limits('statementTimeout: 1s');
    const client = await open();
    for (const change of [
      'SET statement_timeout = 0',
      "SET statement_timeout = '1h'",
      "SELECT set_config('statement_timeout', '0', false)",
      'SET SESSION AUTHORIZATION DEFAULT',
    ]) {
      expect(told(await client.query(change))?.code).toBe('42501');
    }
    for (const change of ['RESET statement_timeout', 'RESET ALL', 'DISCARD ALL']) await client.query(change);
    expect(told(await client.query(CARTESIAN))).toEqual(TOO_LONG);
  });

  it('frees the server of a client that does not read', async () => {
    await limits('statementTimeout: 1s');
    const before = await limitCount(shop, 'statementTimeout');
    const client = await open();
    client.socket.pause();
    client.write(send.query(LONG));
    await eventually(async () => (await limitCount(shop, 'statementTimeout')) === before + 1);
    await serverHas(shop, 'idle');
    client.socket.resume();
    expect(told(await client.until('Z'))).toEqual(TOO_LONG);
  });

  it('terminates what catches its cancel request', async () => {
    await limits('statementTimeout: 1s');
    const before = await limitCount(shop, 'statementTimeout');
    const client = await open();
    client.write(send.query('SELECT public.stubborn()'));
    expect(await ended(client)).toEqual({ ...TOO_LONG, severity: 'FATAL' });
    await serverHas(shop);
    expect(await limitCount(shop, 'statementTimeout')).toBe(before + 1);
  });
});

describe('transactionTimeout', () => {
  it('ends a transaction that is left open, and frees its locks', async () => {
    await limits('transactionTimeout: 1s');
    const before = await limitCount(shop, 'transactionTimeout');
    const client = await open();
    await client.query('BEGIN');
    await client.query('SELECT id FROM customers LIMIT 1');
    await serverHas(shop, 'idle in transaction');
    expect(await ended(client)).toEqual({
      severity: 'FATAL',
      code: '25P04',
      message: 'terminating connection due to transaction timeout',
      detail: 'The policy allows a transaction 1 s (limits.transactionTimeout); this one is rolled back.',
      hint: 'Reconnect, and make transactions shorter: do not wait for anything between BEGIN and COMMIT.',
    });
    await serverHas(shop);
    expect(await shop.postgres.sql(`SELECT 1 FROM pg_locks WHERE relation = 'customers'::regclass`, 'shop')).toEqual([]);
    expect(await limitCount(shop, 'transactionTimeout')).toBe(before + 1);
  });

  it('is the setting of the server too, where it has one', async () => {
    await limits('transactionTimeout: 1s');
    const client = await open();
    const frames = await client.query('SHOW transaction_timeout');
    expect(
      frames
        .find(({ type }) => type === 'D')
        ?.body.subarray(6)
        .toString(),
    ).toBe('6s');
    expect(told(await client.query('SET transaction_timeout = 0'))?.code).toBe('42501');
  });
});

describe('idleTimeout and sessionDuration', () => {
  it.for([
    ['idleTimeout', '57P05', 'The policy allows a session to be idle for 1 s (limits.idleTimeout), in a transaction or outside of one.'],
    ['sessionDuration', '57P01', 'The policy allows a session 1 s (limits.sessionDuration).'],
  ] as const)('%s ends the session', async ([name, code, detail]) => {
    await limits(`${name}: 1s`);
    const before = await limitCount(shop, name);
    const client = await open();
    await client.query('BEGIN');
    expect(await ended(client)).toMatchObject({ severity: 'FATAL', code, detail, hint: 'Reconnect.' });
    await serverHas(shop);
    expect(await limitCount(shop, name)).toBe(before + 1);
  });
});

describe('statementsPerMinute', () => {
  const OVER = {
    severity: 'ERROR',
    code: '53400',
    message: 'too many statements of this agent',
    detail: 'The policy allows 5 in a minute (limits.statementsPerMinute), and those that are refused count too.',
    hint: 'Wait a few seconds, and ask for more with one statement instead of the same statement many times.',
  };

  it('counts what is refused, and slows down who goes on', async () => {
    await limits('statementsPerMinute: 5');
    const before = await limitCount(shop, 'statementsPerMinute');
    const refused = await sample(shop, 'pg_airlock_blocked_total{rule="limits",reason="rate-exceeded"}');
    const client = await open();
    const neighbour = await open(NEIGHBOUR);
    for (let each = 0; each < 5; each += 1) expect(told(await client.query('SELECT * FROM secrets'))?.code).toBe('42501');
    client.write(...Array.from({ length: 1000 }, () => send.query('SELECT * FROM secrets')));
    expect(told(await client.until('Z'))).toEqual(OVER);
    for (let each = 0; each < 20; each += 1) {
      expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
    }
    await serverHas(shop, 'idle', 'idle');
    const count = await limitCount(shop, 'statementsPerMinute');
    expect(count).toBeGreaterThan(before);
    // A thousand were sent: they wait in the socket, and are neither judged nor recorded.
    expect(count).toBeLessThan(before + 20);
    expect(await sample(shop, 'pg_airlock_blocked_total{rule="limits",reason="rate-exceeded"}')).toBeGreaterThan(refused);
  });

  it('counts a statement once, however it is sent, and each further run', async () => {
    // What was used up is there again.
    await limits('statementsPerMinute: 1000000');
    await (await open()).query('SELECT 1');
    await limits('statementsPerMinute: 5');
    const client = await open();
    const run = [send.bind('', 's'), send.execute(), send.sync()];
    const codes: (string | undefined)[] = [];
    codes.push(told(await client.exchange(send.parse('s', 'SELECT 1'), send.describe('S', 's'), ...run))?.code);
    codes.push(told(await client.exchange(...run))?.code);
    codes.push(
      told(await client.exchange(send.parse('x', 'SELECT * FROM secrets'), send.bind('', 'x'), send.execute(), send.sync()))?.code,
    );
    codes.push(told(await client.exchange(send.bind('', 'never made'), send.execute(), send.sync()))?.code);
    codes.push(told(await client.query('SELECT 1'))?.code);
    codes.push(told(await client.query('SELECT 1'))?.code);
    expect(codes).toEqual([undefined, undefined, '42501', '26000', undefined, '53400']);
  });

  it('counts portals that are never run: the server plans them, and computes what it can', async () => {
    await limits('statementsPerMinute: 1000000');
    await (await open()).query('SELECT 1');
    await limits('statementsPerMinute: 5');
    const client = await open();
    const bind = send.bind('', 's', ['1']);
    const frames = await client.exchange(
      send.parse('s', 'SELECT repeat($1, 10)'),
      bind,
      bind,
      bind,
      send.execute(),
      bind,
      bind,
      bind,
      send.sync(),
    );
    expect([types(frames), told(frames)?.code]).toEqual(['1 2 2 2 D C 2 2 E Z', '53400']);
  });
});

describe('sessions', () => {
  it('refuses one more', async () => {
    await limits('sessions: 2');
    const before = await limitCount(shop, 'sessions');
    await open();
    await open();
    const third = await enter(shop, AGENT);
    expect(told(third.frames)).toEqual({
      severity: 'FATAL',
      code: '53300',
      message: 'too many sessions of this agent',
      detail: 'The policy allows 2 at a time (limits.sessions).',
      hint: 'Close a session first, or use a smaller connection pool.',
    });
    await open(NEIGHBOUR);
    await serverHas(shop, 'idle', 'idle', 'idle');
    expect(await limitCount(shop, 'sessions')).toBe(before + 1);
  });
});

describe('memoryPerSession', () => {
  const TOO_BIG = {
    severity: 'ERROR',
    code: '53400',
    message: 'too much memory is held for this session',
    detail: 'Prepared statements, portals and their parameters, and savepoints may take 200000 bytes (limits.memoryPerSession).',
    hint: 'Close what is no longer used (DEALLOCATE, CLOSE, RELEASE SAVEPOINT), and send large values in several statements.',
  };
  const until = async (step: (count: number) => Promise<readonly { type: string; body: Buffer }[]>): Promise<ReturnType<typeof told>> => {
    for (let count = 0; count < 2000; count += 1) {
      const failure = told(await step(count));
      if (failure !== undefined) return failure;
    }
    return undefined;
  };

  it.for([
    ['prepared statements', (client: RawClient, n: number) => client.exchange(send.parse(`s${n}`, 'SELECT 1'), send.sync())],
    ['statements that SQL prepares', (client: RawClient, n: number) => client.query(`PREPARE s${n} AS SELECT 1`)],
    ['savepoints', (client: RawClient, n: number) => client.query(`SAVEPOINT s${n}`)],
    ['cursors', (client: RawClient, n: number) => client.query(`DECLARE c${n} CURSOR FOR SELECT 1`)],
    ['portals', (client: RawClient, n: number) => client.exchange(send.bind(`p${n}`, 'one'), send.sync())],
  ] as const)('refuses %s without end, and goes on when they are gone', async ([, step]) => {
    await limits('memoryPerSession: 200000');
    const before = await limitCount(shop, 'memoryPerSession');
    const client = await open();
    await client.exchange(send.parse('one', 'SELECT 1'), send.sync());
    await client.query('BEGIN');
    expect(await until((n) => step(client, n))).toEqual(TOO_BIG);
    await serverHas(shop, 'idle in transaction (aborted)');
    expect(await limitCount(shop, 'memoryPerSession')).toBe(before + 1);
    await client.query('ROLLBACK');
    expect(told(await client.query('DEALLOCATE ALL'))).toBe(undefined);
    expect(told(await client.exchange(send.parse('again', 'SELECT 1'), send.bind('', 'again'), send.execute(), send.sync()))).toBe(
      undefined,
    );
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it('ends a session that sends one message larger than that', async () => {
    await limits('memoryPerSession: 200000');
    const client = await open();
    client.write(send.query(`SELECT '${'x'.repeat(1_000_000)}'`).subarray(0, 900_000));
    expect(await ended(client)).toEqual({ ...TOO_BIG, severity: 'FATAL' });
    await serverHas(shop);
  });
});

describe('--send-timeout', () => {
  it('ends the session of a client that never reads, without any limit in its policy', async () => {
    await limits('sessions: 9');
    const before = await limitCount(shop, 'sendTimeout');
    const client = await open();
    await serverHas(shop, 'idle');
    client.socket.pause();
    client.write(send.query(LONG));
    await serverHas(shop);
    expect(await limitCount(shop, 'sendTimeout')).toBe(before + 1);
    await eventually(async () => (await sample(shop, 'pg_airlock_sessions')) === 0);
  });
});

describe('the memory of the process', () => {
  it('is not spent on what an error quotes', async () => {
    await limits('sessions: 50');
    const client = await open();
    const frames = await client.query("SELECT (repeat('a', 3000000) || 'x')::int");
    expect([types(frames), told(frames)?.code]).toEqual(['E Z', '22P02']);
    expect(told(frames)?.message?.replace(/a{1000,}/, 'a')).toBe('invalid input syntax for type integer: "a...');
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });
});
