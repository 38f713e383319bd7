import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, eventually, type Shop, startShop } from '../clients/shop.ts';
import { type RawClient, send, types } from '../support/raw-client.ts';
import { addNeighbour, enter, knock, limitCount, NEIGHBOUR, sample, serverHas, told } from './views.ts';

let shop: Shop;
const clients: RawClient[] = [];
const keep = (client: RawClient): RawClient => {
  clients.push(client);
  return client;
};

beforeAll(async () => {
  shop = await startShop({ flags: ['--max-connections', '20'] });
  await addNeighbour(shop);
});
afterAll(() => shop.stop());
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await serverHas(shop);
  await eventually(async () => (await sample(shop, 'pg_airlock_sessions')) === 0);
});

const FULL = {
  severity: 'FATAL',
  code: '53300',
  message: 'sorry, too many clients already',
  detail: 'pg-airlock takes 20 at a time (--max-connections), and the last of them only from agents that have few.',
  hint: 'Close connections that are not used, or use a smaller connection pool, and try again later.',
};

describe('an agent that connects without end', () => {
  it('gets sessions up to the limit, and leaves its neighbour room', async () => {
    const before = await limitCount(shop, 'maxConnections');
    for (let each = 0; each < 24; each += 1) keep(await enter(shop, AGENT));
    const refused = clients.filter(({ frames }) => told(frames) !== undefined);
    expect(refused.map(({ frames }) => told(frames))).toEqual(Array.from({ length: 6 }, () => FULL));
    const neighbour = keep(await enter(shop, NEIGHBOUR));
    expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
    await serverHas(shop, ...Array.from({ length: 19 }, () => 'idle'));
    expect(await limitCount(shop, 'maxConnections')).toBe(before + 6);
    for (const client of clients.slice(0, 18)) client.destroy();
    await serverHas(shop, 'idle');
    expect(told(keep(await enter(shop, AGENT)).frames)).toBe(undefined);
  });

  it('is turned away at the door, ten thousand times, while its neighbour works', async () => {
    const neighbour = keep(await enter(shop, NEIGHBOUR));
    const before = await sample(shop, 'pg_airlock_sessions_total{result="TurnedAway"}');
    let answered = 0;
    for (let round = 0; round < 20; round += 1) {
      const crowd = await Promise.all(Array.from({ length: 500 }, () => knock(shop)));
      expect(types(await neighbour.query('SELECT id FROM customers LIMIT 1'))).toBe('T D C Z');
      answered += 1;
      // Nothing that they hold has been allocated: most of them were told to go before they said a word.
      for (const client of crowd) client.destroy();
    }
    expect(answered).toBe(20);
    await serverHas(shop, 'idle');
    expect(await sample(shop, 'pg_airlock_sessions_total{result="TurnedAway"}')).toBeGreaterThan(before + 5000);
    await eventually(async () => told(keep(await enter(shop, AGENT)).frames) === undefined);
  });

  it('may stand at the door in crowds: whoever stands there longest goes for those that log in', async () => {
    for (let each = 0; each < 20; each += 1) {
      const half = keep(await knock(shop));
      // The beginning of a startup packet, and of a TLS handshake.
      half.write(each % 2 === 0 ? send.startup({ user: AGENT.name }).subarray(0, 7) : Buffer.from([0x16, 3, 1]));
    }
    const first = keep(await enter(shop, NEIGHBOUR));
    expect(told(first.frames)).toEqual(FULL);
    await eventually(async () => told(keep(await enter(shop, NEIGHBOUR)).frames) === undefined);
    expect(clients.slice(0, 20).filter(({ closed }) => closed).length).toBeGreaterThan(0);
  });
});
