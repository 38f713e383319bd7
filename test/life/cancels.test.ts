/**
 * Cancel requests at random moments: the statement is told of it or is complete, and the next one is never hit.
 *
 * `CANCELS=` says how many, `SEED=` replays a run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, type Shop, startShop } from '../clients/shop.ts';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { connectRaw, type RawFrame, send, types } from '../support/raw-client.ts';
import { agentSessions, closeSessions, errorOf, openSession, type Session, valuesOf } from './sessions.ts';

const SESSIONS = 6;
const EACH = Math.ceil(countOf(process.env, 'CANCELS', 120) / SESSIONS);
const SEED = seedOf(process.env, 'CANCELS');

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(async () => {
  await closeSessions(shop);
  await shop.stop();
});

type Case = { readonly messages: readonly Buffer[]; readonly whole: string };

const extended = (text: string, rows = 0): Buffer[] => [send.parse('', text), send.bind('', ''), send.execute('', rows), send.sync()];

/** What is sent, and the types of its complete answer. */
const CASES: readonly Case[] = [
  { messages: [send.query('SELECT pg_sleep(0.01)')], whole: 'T D C Z' },
  { messages: extended('SELECT pg_sleep(0.01)'), whole: '1 2 D C Z' },
  { messages: [send.query('SELECT 1')], whole: 'T D C Z' },
  { messages: [send.query('SELECT count(*) FROM generate_series(1, 60000)')], whole: 'T D C Z' },
  { messages: [send.query('SELECT i, pg_sleep(0.004) FROM generate_series(1, 3) i')], whole: 'T D D D C Z' },
  { messages: [send.query('SELECT pg_sleep(0.005); SELECT pg_sleep(0.005)')], whole: 'T D C T D C Z' },
  { messages: extended('SELECT i, pg_sleep(0.005) FROM generate_series(1, 2) i', 1), whole: '1 2 D s Z' },
  { messages: [send.query('COPY (SELECT id, pg_sleep(0.004) FROM orders WHERE id < 6) TO STDOUT')], whole: 'H d d c C Z' },
  { messages: [send.query('SELECT ssn, pg_sleep(0.003) FROM customers WHERE id < 4')], whole: 'T D D D C Z' },
];

const cancel = async (started: readonly RawFrame[]): Promise<void> => {
  const key = started.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
  const other = await connectRaw(shop.proxy.port);
  other.write(send.cancelRequest(key.readInt32BE(0), key.subarray(4)));
  await other.waitClosed();
};

/** Statements of one session, each with a request that meets it or does not. How many were met. */
const play = async ({ client, started }: Session, random: Random): Promise<number> => {
  let met = 0;
  for (let index = 0; index < EACH; index += 1) {
    const { messages, whole } = random.pick(CASES);
    const block = random.chance(0.3);
    if (block) await client.query('BEGIN');
    client.write(...messages);
    const [frames] = await Promise.all([client.until('Z'), sleep(random.whole(0, 25)).then(() => cancel(started))]);
    const code = errorOf(frames)?.code;
    if (code === undefined) expect(types(frames)).toBe(whole);
    else expect(code).toBe('57014');
    met += code === undefined ? 0 : 1;
    if (block) {
      expect(frames.at(-1)?.body.toString()).toBe(code === undefined ? 'T' : 'E');
      expect(types(await client.query('ROLLBACK'))).toBe('C Z');
    }
    expect(valuesOf(await client.query(`SELECT ${index} WHERE pg_sleep(0.003) IS NOT NULL`))).toEqual([String(index)]);
  }
  return met;
};

it(`${SESSIONS * EACH} of them, seed ${SEED}`, { timeout: 3_600_000 }, async () => {
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(shop)));
  const met = await Promise.all(sessions.map((session, index) => play(session, new Random(SEED + index))));
  const all = met.reduce((sum, each) => sum + each, 0);
  expect(all).toBeGreaterThan(SESSIONS);
  expect(all).toBeLessThan(SESSIONS * EACH);
  const busy = `SELECT query FROM pg_stat_activity WHERE usename = 'shop_app' AND state <> 'idle'`;
  expect(await shop.postgres.sql(busy)).toEqual([]);
  for (const { socket } of sessions) socket.destroy();
  await eventually(async () => (await agentSessions(shop)) === 0);
  expect(shop.proxy.log().filter(({ msg }) => msg === 'cancel-failed')).toEqual([]);
});
