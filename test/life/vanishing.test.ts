/**
 * Clients that vanish, each at a point of its own: nothing of them is left, neither here nor at the server.
 *
 * `VANISH=` says how many, `SEED=` replays a run.
 */
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { sample } from '../limits/views.ts';
import { connectRaw, type RawClient, send, types } from '../support/raw-client.ts';
import { agentSessions, keepBusy, openSession } from './sessions.ts';

const COUNT = countOf(process.env, 'VANISH', 80);
const SEED = seedOf(process.env, 'VANISH');
const AT_ONCE = 12;

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

const LARGE = "SELECT lpad(i::text, 1000, '0') FROM generate_series(1, 20000) i";
const bound = (text: string, rows = 0): Buffer => Buffer.concat([send.parse('', text), send.bind('', ''), send.execute('', rows)]);

/** What a client has said when it vanishes; the last message may be cut. */
const SAYINGS: readonly (readonly Buffer[])[] = [
  [send.query('SELECT 1')],
  [send.query('BEGIN'), send.query('SELECT id FROM customers')],
  [send.query('BEGIN'), send.query("INSERT INTO inbox VALUES (1, 'lost')"), send.query('SELECT pg_sleep(600)')],
  [send.query('SELECT pg_sleep(600)')],
  [send.query(LARGE)],
  [send.query(`COPY (${LARGE}) TO STDOUT`)],
  [send.query('COPY inbox FROM STDIN'), send.copyData(`1\t${'x'.repeat(5_000)}\n`), send.copyData('2\tlost\n')],
  [send.query('COPY inbox FROM STDIN'), send.copyData('not a row'), send.copyData('2\tlost\n'), send.copyDone()],
  [bound('COPY inbox FROM STDIN'), send.copyData('3\tlost\n')],
  [bound('SELECT id FROM customers', 3), send.flush(), send.execute('', 2), send.sync()],
  [bound('SELECT pg_sleep(600)'), send.sync()],
  [bound('SELECT 1/0'), bound('SELECT 1'), send.sync()],
  [send.query('SELECT * FROM secrets'), send.query('SELECT 1')],
  [send.query('BEGIN'), send.query('DECLARE c CURSOR WITH HOLD FOR SELECT * FROM orders'), send.query('FETCH 5 FROM c')],
  [send.query('PREPARE p AS SELECT 1'), send.query('EXECUTE p'), send.terminate()],
];

const startup = (): Buffer => send.startup({ user: AGENT.name, database: 'shop' });

const goAway = (client: RawClient, random: Random): void => {
  if (random.chance(0.4)) client.socket.resetAndDestroy();
  else client.destroy();
};

const beforeLogin = async (random: Random): Promise<void> => {
  const client = await connectRaw(shop.proxy.port);
  const first = random.pick([
    Buffer.alloc(0),
    startup(),
    send.sslRequest(),
    send.cancelRequest(1, Buffer.alloc(4)),
    Buffer.from('GET / HTTP'),
  ]);
  client.write(random.chance(0.5) ? first.subarray(0, random.whole(0, first.length)) : first);
  await sleep(random.whole(0, 10));
  goAway(client, random);
};

const inSession = async (random: Random): Promise<void> => {
  const client = await connectRaw(shop.proxy.port);
  const started = client.login({ user: AGENT.name, database: 'shop', password: AGENT.password });
  if (random.chance(0.2)) {
    // Somewhere in the login.
    started.catch(() => undefined);
    await sleep(random.whole(0, 40));
    goAway(client, random);
    return;
  }
  await started;
  if (random.chance(0.3)) client.socket.pause();
  const said = Buffer.concat([...random.pick(SAYINGS), ...(random.chance(0.3) ? random.pick(SAYINGS) : [])]);
  client.write(random.chance(0.5) ? said.subarray(0, random.whole(1, said.length)) : said);
  await sleep(random.whole(0, 30));
  goAway(client, random);
};

/** Open files of the proxy that are sockets. */
const sockets = async (): Promise<number> => (await readdir(`/proc/${shop.proxy.process.pid}/fd`)).length;

const held = async (): Promise<Record<string, number>> => ({
  sessions: await sample(shop, 'pg_airlock_sessions'),
  server: await agentSessions(shop),
});

const LONG_TEXT = `SELECT length('${'x'.repeat(400_000)}')`;

/** What a client has sent behind a statement that lasts; whole, and the first part longer than what is read ahead. */
const BEHIND: Readonly<Record<string, readonly Buffer[]>> = {
  'a message that the server does not take': [send.copyData(Buffer.alloc(12 * 1024 * 1024))],
  'several that it does not take': [12 * 1024 * 1024, 100_000, 10].map((length) => send.copyData(Buffer.alloc(length))),
  'a text that waits for an answer to be judged': [send.query('SET search_path = public'), send.query(LONG_TEXT)],
};

it.each(Object.entries(BEHIND))('leave nothing behind when they go with %s', async (marker, messages) => {
  const session = await openSession(shop);
  await keepBusy(shop, session, marker);
  // All of it is on its way, so that nothing is missing but whoever sent it.
  await new Promise((resolve) => session.client.socket.write(Buffer.concat(messages), resolve));
  session.client.destroy();
  await expect.poll(held).toEqual({ sessions: 0, server: 0 });
});

it.skipIf(process.platform !== 'linux')(`${COUNT} of them, seed ${SEED}`, { timeout: 3_600_000 }, async () => {
  const { client: first } = await openSession(shop);
  first.destroy();
  const before = { sessions: 0, server: 0 };
  await expect.poll(held).toEqual(before);
  const files = await sockets();
  const queue = Array.from({ length: COUNT }, (_, index) => new Random(SEED + index));
  const work = async (): Promise<void> => {
    for (let random = queue.pop(); random !== undefined; random = queue.pop())
      await (random.chance(0.25) ? beforeLogin(random) : inSession(random));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await expect.poll(held).toEqual(before);
  // The metrics' own connections come and go.
  await expect.poll(sockets).toBeLessThanOrEqual(files + 1);
  expect(await shop.postgres.sql("SELECT id FROM inbox WHERE text = 'lost' AND id = 1", 'shop')).toEqual([]);
  expect(shop.proxy.log().filter(({ msg }) => msg === 'session-fault')).toEqual([]);
  const { client } = await openSession(shop);
  expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  client.destroy();
});
