/** Clients that send more than anybody should: the proxy stays small, and the neighbour is answered. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, eventually, type Shop, startShop } from '../clients/shop.ts';
import { type RawClient, send, types } from '../support/raw-client.ts';
import { addNeighbour, enter, NEIGHBOUR, sample, serverHas, serverSessions, told } from './views.ts';

let shop: Shop;
const clients: RawClient[] = [];

beforeAll(async () => {
  shop = await startShop();
  await addNeighbour(shop);
});
afterAll(() => shop.stop());
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await serverHas(shop);
});

const open = async (agent: { readonly name: string; readonly password: string } = AGENT): Promise<RawClient> => {
  const client = await enter(shop, agent);
  clients.push(client);
  return client;
};
const megabytes = async (): Promise<number> => (await sample(shop, 'process_resident_memory_bytes')) / 1e6;
const many = (count: number, message: (index: number) => Buffer): Buffer[] => Array.from({ length: count }, (_, index) => message(index));
const answered = (client: RawClient): number => client.frames.filter(({ type }) => type === 'Z').length - 1;
/** Statements of the neighbour, until the flood is over; how many were answered while it lasted. */
const neighbourly = async (over: () => boolean): Promise<number> => {
  const neighbour = await open(NEIGHBOUR);
  let count = 0;
  while (!over()) {
    expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
    count += 1;
  }
  return count;
};

describe('thousands of statements at once', () => {
  it.for([
    [
      'that were never seen',
      (index: number) => send.query(`SELECT id, name AS n${index} FROM customers WHERE id = ${index} OR id = 2 * ${index}`),
    ],
    ['that are refused', (index: number) => send.query(`SELECT n${index} FROM secrets`)],
    ['that make savepoints', (index: number) => send.query(`SAVEPOINT s${index}`)],
    ['that are no SQL', (index: number) => send.query(`SELEC ${index}`)],
  ] as const)('%s leave the neighbour its turn', async ([, message]) => {
    const client = await open();
    await client.query('BEGIN');
    client.write(...many(3000, message));
    const turns = await neighbourly(() => client.closed || answered(client) > 3000);
    expect([answered(client), turns > 1]).toEqual([3001, true]);
  });
});

describe('messages behind a statement that lasts', () => {
  beforeAll(() => shop.change({ spec: '  limits: { transactionTimeout: 6s }' }));
  afterAll(() => shop.change({}));
  it.for([
    ['runs of a prepared statement', send.execute('', 0)],
    ['ends of a COPY that never was', send.copyDone()],
    ['Syncs', send.sync()],
  ] as const)('are not taken without end: %s', async ([, message]) => {
    const client = await open();
    const before = await megabytes();
    client.write(send.parse('', 'SELECT pg_sleep(600)'), send.bind('', ''), send.execute(), send.flush());
    await serverHas(shop, 'active');
    const block = Buffer.concat(many(10_000, () => message));
    let written = 0;
    let largest = 0;
    const neighbour = await open(NEIGHBOUR);
    while (!client.closed && written < 60_000_000) {
      if (client.socket.writableLength < 1_000_000) {
        client.socket.write(block);
        written += block.length;
      }
      expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
      largest = Math.max(largest, await megabytes());
    }
    expect(largest - before).toBeLessThan(200);
    await serverHas(shop, 'idle');
  });
});

describe('a pipeline that is longer than what may be on its way', () => {
  it('is answered whole, though the server waits for a Sync', async () => {
    const client = await open();
    const COUNT = 30_000;
    await client.exchange(send.parse('s', 'SELECT 1'), send.sync());
    client.write(...many(COUNT, () => Buffer.concat([send.bind('', 's'), send.execute()])), send.sync());
    const frames = await client.until('Z', 60_000);
    expect([told(frames), frames.length]).toEqual([undefined, COUNT * 3 + 1]);
  });
});

describe('an agent that connects again and again', () => {
  // Each round's statements go on for a while: a client that closes its connection could be one that only has no more to say.
  it('leaves nothing behind', { timeout: 180_000 }, async () => {
    const neighbour = await open(NEIGHBOUR);
    for (let round = 0; round < 4; round += 1) {
      const crowd = await Promise.all(many(20, () => Buffer.alloc(0)).map(() => enter(shop, AGENT)));
      for (const client of crowd) client.write(send.query('SELECT count(*) FROM customers a, customers b, customers c, customers d'));
      expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
      for (const client of crowd) client.destroy();
    }
    await eventually(async () => (await serverSessions(shop)).join() === 'idle');
    await eventually(async () => (await sample(shop, 'pg_airlock_sessions')) === 1);
  });
});
