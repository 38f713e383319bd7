/**
 * Server sessions that end or stand still, in whatever state.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { send, types } from '../support/raw-client.ts';
import { agentSessions, closeSessions, endOf, errorOf, openSession, type Session, startSession, valuesOf } from './sessions.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop({
    setup: `CREATE TABLE inbox (id int, text text); GRANT ALL ON inbox TO ${ROLE.name};`,
    manifests: {
      relations: `
    - name: public.inbox
      select: { columns: ['*'] }
      insert: { columns: ['*'] }`,
    },
  });
});
afterAll(() => shop.stop());
afterEach(() => closeSessions(shop));

const TERMINATED = { severity: 'FATAL', code: '57P01', message: 'terminating connection due to administrator command' };
const LOST = { severity: 'FATAL', code: '08006', message: 'connection to the database was lost' };

const pidOf = async ({ client }: Session): Promise<number> => Number(valuesOf(await client.query('SELECT pg_backend_pid()'))[0]);

/** Brings a session into a state, and waits until the server is in it. */
type State = readonly [name: string, enter: (session: Session) => Promise<void>];

const STATES: readonly State[] = [
  ['idle', async () => undefined],
  ['in a transaction', async ({ client }) => void (await client.query('BEGIN'))],
  [
    'in a failed transaction',
    async ({ client }) => {
      await client.query('BEGIN');
      await client.query('SELECT 1/0');
    },
  ],
  [
    'running',
    async ({ client }) => {
      client.write(send.query('SELECT pg_sleep(600)'));
      await serverIs("wait_event = 'PgSleep'");
    },
  ],
  [
    'in a pipeline',
    async ({ client }) => {
      for (const text of ['SELECT 1', 'SELECT pg_sleep(600)', 'SELECT 2'])
        client.write(send.parse('', text), send.bind('', ''), send.execute());
      client.write(send.sync());
      await serverIs("wait_event = 'PgSleep'");
    },
  ],
  [
    'reading a COPY',
    async ({ client }) => {
      client.write(send.query('COPY inbox FROM STDIN'));
      await client.until('G');
      client.write(send.copyData('1\tlost\n'));
    },
  ],
  [
    'writing a COPY',
    async ({ client }) => {
      client.write(send.query('COPY (SELECT i, pg_sleep(CASE WHEN i < 3 THEN 0 ELSE 600 END) FROM generate_series(1, 9) i) TO STDOUT'));
      await serverIs("wait_event = 'PgSleep'");
    },
  ],
  [
    'with a suspended portal',
    async ({ client }) => {
      client.write(send.parse('', 'SELECT id FROM customers'), send.bind('', ''), send.execute('', 3), send.flush());
      await client.until('s');
    },
  ],
  [
    'with a cursor',
    async ({ client }) => {
      await client.query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM customers; FETCH 2 FROM c');
    },
  ],
];

const serverIs = (condition: string): Promise<void> =>
  eventually(
    async () => (await shop.postgres.sql(`SELECT FROM pg_stat_activity WHERE usename = '${ROLE.name}' AND ${condition}`)).length > 0,
  );

const works = async (): Promise<void> => {
  const { client } = await openSession(shop);
  expect(valuesOf(await client.query('SELECT ssn FROM customers WHERE id = 7'))).toEqual(['***7']);
};

describe('a server session that is terminated', () => {
  it.each(STATES)('%s: the agent is told so, and new sessions work', async (_, enter) => {
    const session = await openSession(shop);
    const pid = await pidOf(session);
    await enter(session);
    await shop.postgres.sql(`SELECT pg_terminate_backend(${pid})`);
    expect(await endOf(session)).toEqual(TERMINATED);
    expect(await shop.postgres.sql('SELECT FROM inbox', 'shop')).toEqual([]);
    await works();
  });
});

describe('a server that goes down at once', () => {
  it('with 20 sessions in all states: each is told so, and new ones work when it is back', async () => {
    const sessions: Session[] = [];
    for (let index = 0; index < 20; index += 1) {
      const session = await openSession(shop);
      sessions.push(session);
      await STATES[index % STATES.length]?.[1](session);
    }
    await shop.postgres.halt('immediate');
    for (const session of sessions) expect(await endOf(session)).toEqual(LOST);
    expect(errorOf((await startSession(shop)).started)?.code).toBe('08006');
    await shop.postgres.start();
    await eventually(async () => errorOf((await startSession(shop)).started) === undefined);
    await works();
    expect(await shop.postgres.sql('SELECT FROM inbox', 'shop')).toEqual([]);
  });
});

describe('a server that stops reading', () => {
  /** Bytes that somebody has taken from this process. */
  const taken = ({ socket }: Session): number => socket.bytesWritten - socket.writableLength;

  /** What it has taken when it takes no more. */
  const takenAtLast = async (session: Session): Promise<number> => {
    let before = -1;
    await eventually(async () => {
      const now = taken(session);
      const rests = now === before;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 400));
      return rests;
    });
    return before;
  };

  it.skipIf(process.platform !== 'linux').each(['COPY', 'pipeline'] as const)(
    'in a %s: the client is held up, others are served, and nothing is lost',
    async (what) => {
      const ROWS = 12_000;
      const session = await openSession(shop);
      const { client, socket } = session;
      const pid = await pidOf(session);
      const other = await openSession(shop);
      if (what === 'COPY') {
        client.write(send.query('COPY inbox FROM STDIN'));
        await client.until('G');
      }
      process.kill(pid, 'SIGSTOP');
      try {
        const padding = 'x'.repeat(4_000);
        for (let index = 0; index < ROWS; index += 1) {
          if (what === 'COPY') socket.write(send.copyData(`${index}\t${padding}\n`));
          else {
            const parse = index === 0 ? [send.parse('long', 'SELECT length($1::text)')] : [];
            socket.write(Buffer.concat([...parse, send.bind('', 'long', [padding]), send.execute()]));
          }
        }
        socket.write(what === 'COPY' ? send.copyDone() : send.sync());
        expect(await takenAtLast(session)).toBeLessThan(30_000_000);
        expect(types(await other.client.query('SELECT 1'))).toBe('T D C Z');
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      const frames = await client.until('Z', 25_000);
      expect(errorOf(frames)).toBeUndefined();
      const written = await shop.postgres.sql('SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM inbox', 'shop');
      expect({ read: valuesOf(frames).filter((value) => value === '4000').length, written }).toEqual(
        what === 'COPY' ? { read: 0, written: [{ n: ROWS, ids: ROWS }] } : { read: ROWS, written: [{ n: 0, ids: 0 }] },
      );
      await shop.postgres.sql('TRUNCATE inbox', 'shop');
      socket.destroy();
      other.socket.destroy();
      await eventually(async () => (await agentSessions(shop)) === 0);
    },
    60_000,
  );
});
