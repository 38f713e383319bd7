/**
 * Pipelines of thousands of messages, read a few bytes at a time: what comes back is what the server itself gives.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { RawClient, type RawFrame, responseFields, send } from '../support/raw-client.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.stop());

/** A client whose socket hands out `portion` bytes at a time. */
const slowReader = async (
  port: number,
  user: { readonly name: string; readonly password: string },
  portion: number,
): Promise<RawClient> => {
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(portion),
      callback: (bytes, buffer): boolean => socket.emit('data', Buffer.from(buffer.subarray(0, bytes) as Uint8Array)),
    },
  });
  await once(socket, 'connect');
  const client = new RawClient(socket);
  await client.login({ user: user.name, database: 'shop', password: user.password });
  return client;
};

/** A frame without what the two have to differ in. */
const shown = (frame: RawFrame): string =>
  frame.type === 'E' ? `E ${JSON.stringify(withoutPlace(responseFields(frame)))}` : `${frame.type} ${frame.body.toString('hex')}`;

const withoutPlace = ({ S, C, M, P }: Record<string, string>): unknown => ({ S, C, M, P });

/** What comes back for it, on both sides, until as many ReadyForQuery have come. */
const bothWays = async (messages: readonly Buffer[], ready: number, portion: number): Promise<readonly [string[], string[]]> => {
  const all = Buffer.concat(messages);
  const answers = async (port: number, user: { readonly name: string; readonly password: string }): Promise<string[]> => {
    const client = await slowReader(port, user, portion);
    client.write(all);
    const frames: RawFrame[] = [];
    for (let seen = 0; seen < ready; seen += 1) frames.push(...(await client.until('Z', 25_000)));
    const next = await client.query('SELECT 42');
    client.destroy();
    return [...frames, ...next].map(shown);
  };
  return [await answers(shop.proxy.port, AGENT), await answers(shop.postgres.port, ROLE)];
};

const whole = (text: string, values: readonly string[] = []): Buffer[] => [send.parse('', text), send.bind('', '', values), send.execute()];

/** Compared as lines, so that a failure tells the first difference and not ten thousand answers. */
const expectSame = ([proxy, plain]: readonly [string[], string[]], least: number): void => {
  expect(plain.length).toBeGreaterThan(least);
  const first = proxy.findIndex((line, index) => line !== plain[index]);
  expect({ at: first, proxy: proxy[first], plain: plain[first], length: proxy.length }).toEqual({
    at: -1,
    proxy: undefined,
    plain: undefined,
    length: plain.length,
  });
};

it('of 5,000 statements, with errors in the middle and a Sync now and then', async () => {
  const messages: Buffer[] = [];
  let syncs = 0;
  for (let index = 0; index < 5_000; index += 1) {
    if (index % 97 === 50) messages.push(...whole(`SELECT ${index} / 0`));
    else if (index % 389 === 7) messages.push(...whole(`SELEC ${index}`));
    else if (index % 211 === 9) messages.push(send.bind('', 'nothing'), send.execute());
    else if (index % 5 === 0) messages.push(...whole('SELECT id, name FROM customers WHERE id = $1', [String(index % 100)]));
    else messages.push(...whole(`SELECT ${index % 300}, 'some text'`));
    if (index % 31 === 30) {
      messages.push(send.sync());
      syncs += 1;
    }
  }
  messages.push(send.sync());
  expectSame(await bothWays(messages, syncs + 1, 700), 4_000);
}, 60_000);

it('of 5,000 statements in one transaction, which an error in the middle ends', async () => {
  const messages = [...whole('BEGIN')];
  for (let index = 0; index < 5_000; index += 1) messages.push(...whole(index === 2_500 ? 'SELECT 1/0' : `SELECT ${index % 100}`));
  messages.push(send.sync(), ...whole('SELECT 1'), send.sync(), ...whole('ROLLBACK'), send.sync());
  expectSame(await bothWays(messages, 3, 4_096), 7_000);
}, 60_000);

it('of 20,000 runs of one statement, which a value in the middle makes fail', async () => {
  const messages = [send.parse('one', 'SELECT $1::int + 1 / ($1::int - 10000), name FROM customers WHERE id = 7')];
  for (let index = 1; index <= 20_000; index += 1) {
    messages.push(send.bind('', 'one', [String(index)]), send.execute());
    if (index % 5_000 === 0) messages.push(send.sync());
  }
  expectSame(await bothWays(messages, 4, 1_500), 45_000);
}, 60_000);

it('of 3,000 simple queries, some with errors', async () => {
  const messages = Array.from({ length: 3_000 }, (_, index) =>
    send.query(index % 101 === 100 ? 'SELECT 1; SELECT 1/0; SELECT 2' : `SELECT ${index % 50}; SELECT name FROM customers WHERE id = 3`),
  );
  expectSame(await bothWays(messages, 3_000, 900), 15_000);
}, 60_000);
