import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually, type Shop, startShop } from '../clients/shop.ts';
import { send, types } from '../support/raw-client.ts';
import { agentSessions, closeSessions, endOf, keepBusy, isRunning, openSession, startSession, valuesOf } from './sessions.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop({ postgres: { settings: { max_connections: '230' } } });
});
afterAll(() => shop.stop());
afterEach(() => closeSessions(shop));

const residentBytes = async (): Promise<number> => {
  const { body } = await shop.probe('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(body)?.[1]);
};

it.skipIf(process.platform !== 'linux')(
  'thousands of different statements cost little memory, also while the parser is compiled',
  async () => {
    const { client } = await openSession(shop);
    for (const round of Array.from({ length: 6 }).keys()) {
      const texts = Array.from({ length: 400 }, (_, index) => `SELECT id, name AS n${round}_${index} FROM customers WHERE id = ${index}`);
      client.write(...texts.map((text) => send.query(text)));
      for (const _ of texts) await client.until('Z');
    }
    const status = await readFile(`/proc/${shop.proxy.process.pid}/status`, 'utf8');
    const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    expect(peak).toBeGreaterThan(50);
    expect(peak).toBeLessThan(350);
  },
);

it('a client that does not read costs the proxy no memory, and gets all of it in the end', async () => {
  const ROWS = 2_000_000;
  const WIDTH = 100;
  const { client, socket } = await openSession(shop);
  await client.query('SELECT 1');
  const before = await residentBytes();
  expect(before).toBeGreaterThan(10_000_000);
  // From here on nothing is kept in this process either.
  socket.removeAllListeners('data').pause();
  socket.write(send.query(`SELECT lpad(i::text, ${WIDTH}, '0') FROM generate_series(1, ${ROWS}) i`));
  const stuck = `SELECT FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND query LIKE '%generate_series%'`;
  const isStuck = async (): Promise<boolean> => (await shop.postgres.sql(stuck)).length === 1;
  // Twice in a row with time in between: it does not go on.
  await eventually(async () => {
    if (!(await isStuck())) return false;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return isStuck();
  });
  const blocked = await residentBytes();
  expect(blocked - before).toBeLessThan(50_000_000);
  // Others are served meanwhile.
  const other = await openSession(shop);
  expect(types(await other.client.query('SELECT 1'))).toBe('T D C Z');

  const row = 1 + 4 + 2 + 4 + WIDTH;
  const description = 1 + 4 + 2 + 'lpad'.length + 1 + 18;
  const completion = 1 + 4 + `SELECT ${ROWS}`.length + 1;
  const expected = description + ROWS * row + completion + 6;
  let received = 0;
  let tail = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    tail = Buffer.concat([tail, chunk]).subarray(-6);
  });
  socket.resume();
  await eventually(() => received >= expected);
  expect([received, tail.toString('hex')]).toEqual([expected, '5a0000000549']);
  expect((await residentBytes()) - before).toBeLessThan(100_000_000);
  socket.write(send.query('SELECT 1'));
  await eventually(() => received > expected && tail.toString('hex') === '5a0000000549');
  socket.destroy();
});

it('200 clients at once are served, each with its own answers', async () => {
  const clients = Array.from({ length: 200 }, () => new pg.Client({ connectionString: shop.url }));
  for (const client of clients) client.on('error', () => undefined);
  await Promise.all(clients.map((client) => client.connect()));
  const answers = await Promise.all(
    clients.map(async (client, index) => {
      const { rows } = await client.query<{ n: number; ssn: string }>('SELECT $1::int AS n, ssn FROM customers WHERE id = 7', [index]);
      return rows[0];
    }),
  );
  expect(answers).toEqual(clients.map((_, n) => ({ n, ssn: '***7' })));
  expect((await shop.probe('/metrics')).body).toMatch(/^pg_airlock_sessions 20\d$/m);
  await Promise.all(clients.map((client) => client.end()));
  await eventually(async () => (await agentSessions(shop)) <= 1);
});

it.for(['closes', 'resets'] as const)(
  'a client that %s its connection leaves nothing on the database, whatever it was doing',
  async (how) => {
    const [idle, inTransaction, running, reading, copying] = [
      await openSession(shop),
      await openSession(shop),
      await openSession(shop),
      await openSession(shop),
      await openSession(shop),
    ];
    await inTransaction.client.query('BEGIN');
    await keepBusy(shop, running, how);
    const many = "SELECT lpad(i::text, 1000, '0') FROM generate_series(1, 1000000) i";
    for (const { socket } of [reading, copying]) socket.pause();
    reading.socket.write(send.query(many));
    copying.socket.write(send.query(`COPY (${many}) TO STDOUT`));
    const stuck = `SELECT FROM pg_stat_activity WHERE wait_event = 'ClientWrite'`;
    await eventually(async () => (await shop.postgres.sql(stuck)).length === 2);
    for (const { socket } of [idle, inTransaction, running, reading, copying]) {
      if (how === 'resets') socket.resetAndDestroy();
      else socket.destroy();
    }
    await eventually(async () => (await agentSessions(shop)) === 0);
    expect(await isRunning(shop, how)).toBe(false);
    await eventually(async () => /^pg_airlock_sessions 0$/m.test((await shop.probe('/metrics')).body));
  },
);

it('a client that vanishes while it logs in leaves nothing on the database', async () => {
  for (const _ of Array.from({ length: 20 })) {
    const session = startSession(shop).catch(() => undefined);
    const socket = (await session)?.socket;
    socket?.destroy();
  }
  await expect.poll(() => agentSessions(shop), { timeout: 20_000 }).toBe(0);
});

it('a client that closes its half still gets its answers, as from PostgreSQL', async () => {
  const session = await openSession(shop);
  session.client.write(send.query("SELECT pg_sleep(0.2), 'answered'"), send.query('SELECT 2'));
  session.socket.end();
  expect(await endOf(session)).toBeUndefined();
  expect(types(session.client.frames.slice(-8))).toBe('T D C Z T D C Z');
  await eventually(async () => (await agentSessions(shop)) === 0);
});

it('a client that has closed its half is taken for gone after a while: its statement ends, and so does its session', async () => {
  const session = await openSession(shop);
  await keepBusy(shop, session, 'half-closed');
  session.socket.end();
  await session.client.waitClosed();
  await expect.poll(() => agentSessions(shop), { timeout: 20_000 }).toBe(0);
});

it('a client that says goodbye in the same breath gets its answer first', async () => {
  const session = await openSession(shop);
  session.client.write(send.query("SELECT pg_sleep(0.2), 'answered'"), send.terminate());
  expect(types(await session.client.until('Z'))).toBe('T D C Z');
  expect(await endOf(session)).toBeUndefined();
  expect(valuesOf(session.client.frames).length).toBe(1);
  await eventually(async () => (await agentSessions(shop)) === 0);
});

it('a client that sends half a message and no more does not keep others from being served', async () => {
  const half = await openSession(shop);
  half.socket.write(send.query('SELECT 1').subarray(0, 7));
  const { client } = await openSession(shop);
  expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  half.socket.write(send.query('SELECT 1').subarray(7));
  expect(types(await half.client.until('Z'))).toBe('T D C Z');
  half.socket.destroy();
  await once(half.socket, 'close');
  client.destroy();
});
