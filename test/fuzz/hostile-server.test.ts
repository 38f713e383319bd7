/**
 * A server that turns on us in the middle of sessions: messages lost, doubled, made up, cut, and endless. Each session ends or goes on, and the
 * proxy stays up for the others, in its memory too.
 *
 * `HOSTILE=20000` says how many sessions, `SEED=` replays a run.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, type Shop, startShop } from '../clients/shop.ts';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { connectRaw, frame, send } from '../support/raw-client.ts';

const COUNT = countOf(process.env, 'HOSTILE', 150);
const SEED = seedOf(process.env, 'HOSTILE');
const AT_ONCE = 6;
/** Much longer than a statement may last, and a server may take to notice that it is cancelled. */
const PATIENCE = 30_000;
const MEBIBYTE = 1024 * 1024;

const LETTERS = 'RKSZTDdGHWcC123nstIENAvV';

/** One message of any kind, well-formed or not. */
const stray = (random: Random): Buffer => {
  const text = random.pick(['', 'x', 'M', 'client_encoding', 'é', 'y'.repeat(300_000)]);
  return random.pick<() => Buffer>([
    () => frame('S', random.pick(['client_encoding', 'standard_conforming_strings', 'TimeZone', text]), random.pick(['UTF8', 'off', text])),
    () => frame('E', Buffer.from(`SERROR\0C${random.pick(['22012', '57014', '42601', 'x'])}\0M${text}\0`), Buffer.alloc(1)),
    () => frame('E', Buffer.from(`SFATAL\0VFATAL\0C57P01\0M${text}\0`), Buffer.alloc(1)),
    () => frame('N', Buffer.from(`SNOTICE\0M${text}\0D${text}\0P${random.pick(['1', '-1', '99999999999', 'x'])}\0`), Buffer.alloc(1)),
    () => frame(random.pick(['E', 'N']), Buffer.from('Mx\0'.repeat(random.pick([1, 200_000]))), Buffer.alloc(1)),
    () => frame('A', 1, 'channel', text),
    () => frame('Z', Buffer.from(random.pick(['I', 'T', 'E', 'x', '', 'II']))),
    () => frame('T', random.bytes(random.whole(0, 40))),
    () => frame('T', Buffer.from([0xff, 0xff]), 'column', random.bytes(18)),
    () => frame('D', Buffer.from([0, 1, 0x7f, 0xff, 0xff, 0xff])),
    () => frame('D', random.bytes(random.whole(0, 40))),
    () => frame('C', random.pick(['SELECT 1', 'SELECT', 'UPDATE 99999999999999999999', 'COMMIT', 'ROLLBACK', text])),
    () => frame(random.pick(['G', 'H', 'W']), Buffer.from([random.whole(0, 2), 0, 1, 0, random.whole(0, 1)])),
    () => frame(random.pick(['1', '2', '3', 'n', 's', 'I', 'c'])),
    () => frame('d', Buffer.from(text)),
    () => frame('K', 1, random.bytes(random.pick([0, 4, 300]))),
    () => frame('R', random.pick([0, 3, 10, 12]), random.bytes(8)),
    () => frame('v', 196_608, random.pick([0, 1, 2_147_483_647])),
    () => frame(random.pick(LETTERS.split('')), random.bytes(random.whole(0, 20))),
    () => Buffer.concat(Array.from({ length: 3_000 }, () => frame('S', 'application_name', 'x'))),
    () => Buffer.concat(Array.from({ length: 3_000 }, () => frame('N', Buffer.from('SNOTICE\0C00000\0Mx\0'), Buffer.alloc(1)))),
  ])();
};

const withLength = (message: Buffer, length: number): Buffer => {
  const changed = Buffer.from(message);
  changed.writeInt32BE(length, 1);
  return changed;
};

/** What the server says in place of one message. */
const instead = (random: Random, message: Buffer): readonly Buffer[] =>
  random.pick<() => readonly Buffer[]>([
    () => [],
    () => [message, message],
    () => [stray(random), message],
    () => [message, stray(random)],
    () => [stray(random)],
    () => [Buffer.concat([Buffer.from(random.pick(LETTERS.split(''))), message.subarray(1)])],
    () => [withLength(message, random.pick([0, 3, 4, -1, 2_147_483_647, message.length, message.length + 10, 70 * MEBIBYTE]))],
    () => [message.subarray(0, random.whole(1, message.length))],
    () => [Buffer.concat([message.subarray(0, 5), random.bytes(Math.min(message.length, 100) - 5), message.subarray(100)])],
  ])();

/** Between the proxy and the server: what is said to agents in their sessions is changed now and then. */
class Turncoat {
  readonly #server: Server;
  #sessions = 0;
  turned = 0;
  loyal = false;

  constructor(to: number) {
    this.#server = createServer((from) => {
      const back = connect(to, '127.0.0.1');
      const pair = [from, back] as const;
      for (const [index, socket] of pair.entries()) {
        socket.on('error', () => undefined);
        socket.on('close', () => pair[1 - index]?.destroy());
      }
      from.once('data', (first: Buffer) => {
        back.write(first);
        from.on('data', (chunk: Buffer) => back.write(chunk));
        if (this.loyal || first.includes('pg-airlock catalog')) back.on('data', (chunk: Buffer) => from.write(chunk));
        else this.#turn(back, from, new Random(SEED + this.#sessions++));
      });
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  #turn(back: Socket, from: Socket, random: Random): void {
    const chance = random.pick([0.02, 0.1, 0.3]);
    let started = false;
    let silent = false;
    let pending = Buffer.alloc(0);
    back.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      const said: Buffer[] = [];
      while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
        const length = pending.readInt32BE(1) + 1;
        const message = pending.subarray(0, length);
        pending = pending.subarray(length);
        const turns = started && random.chance(chance);
        if (turns) this.turned += 1;
        said.push(...(turns ? instead(random, message) : [message]));
        started ||= message[0] === 0x5a;
        silent ||= turns && random.chance(0.01);
      }
      if (!silent && from.writable) from.write(Buffer.concat(said));
    });
  }
}

let shop: Shop;
let turncoat: Turncoat;
beforeAll(async () => {
  shop = await startShop({
    postgres: { settings: { statement_timeout: '3s' } },
    setup: 'CREATE TABLE inbox (id int, text text); GRANT ALL ON inbox TO shop_app',
  });
  turncoat = new Turncoat(shop.postgres.port);
  turncoat.loyal = true;
  await shop.change({
    port: await turncoat.listen(),
    spec: `
  limits: { statementTimeout: 1s, rowsPerStatement: 5000 }
  detect:
    - { kind: EmailAddress, action: Mask }
    - { kind: PaymentCard, action: Block }`,
    relations: `
    - name: public.inbox
      select: { columns: ['*'] }
      insert: { columns: ['*'] }`,
  });
});
afterAll(async () => {
  await shop?.stop();
  turncoat?.close();
});

const extended = (sql: string, rows = 0): Buffer[] => [
  send.parse('', sql),
  send.bind('', ''),
  send.describe('P'),
  send.execute('', rows),
  send.sync(),
];

const SAYINGS: readonly (readonly Buffer[])[] = [
  [send.query('SELECT id, name, ssn, email FROM customers ORDER BY id')],
  extended('SELECT id, name FROM customers'),
  [...extended('SELECT name FROM customers', 3).slice(0, -1), send.execute('', 2), send.sync()],
  [send.query('BEGIN; SAVEPOINT a; SELECT 1/0')],
  [send.query('ROLLBACK')],
  [send.query('COPY (SELECT * FROM customers) TO STDOUT')],
  [send.query('COPY inbox FROM STDIN'), send.copyData('1\tx\n'), send.copyDone()],
  [send.query("INSERT INTO inbox VALUES (1, 'x') RETURNING *")],
  [send.query('PREPARE p AS SELECT 1'), send.query('EXECUTE p'), send.query('DEALLOCATE ALL')],
  [send.query("SELECT repeat('x', 1000000)")],
  [send.query('SET search_path = public')],
  [send.query('SELECT * FROM secrets')],
];

const hangs: string[] = [];

/** Says a few things, whatever comes back, and goes. */
const converse = async (number: number): Promise<void> => {
  const random = new Random(SEED * 31 + number);
  const client = await connectRaw(shop.proxy.port);
  try {
    await client.login({ user: AGENT.name, database: 'shop', password: AGENT.password });
    const said = random.some(SAYINGS, random.whole(1, 4)).flat();
    client.write(...said, send.query("SELECT 'here'"), send.terminate());
    await client.waitClosed(PATIENCE);
  } catch (error) {
    hangs.push(`${number}: ${String(error)}`);
  }
  client.destroy();
};

const residentMebibytes = async (): Promise<number> =>
  Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${shop.proxy.process.pid}/status`, 'utf8'))?.[1]) / 1024;

it.skipIf(process.platform !== 'linux')(`${COUNT} sessions with it, seed ${SEED}`, { timeout: 36_000_000 }, async () => {
  turncoat.loyal = false;
  const queue = Array.from({ length: COUNT }, (_, index) => index);
  const work = async (): Promise<void> => {
    for (let number = queue.pop(); number !== undefined; number = queue.pop()) await converse(number);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log(`${COUNT} sessions, ${turncoat.turned} messages turned, ${Math.round(await residentMebibytes())} MB at most`);
  expect(hangs).toEqual([]);
  expect(turncoat.turned).toBeGreaterThan(COUNT);
  expect(shop.proxy.log().filter(({ msg, level }) => msg === 'session-fault' || level === 'error')).toEqual([]);
  expect(shop.proxy.process.exitCode).toBe(null);
  expect(await residentMebibytes()).toBeLessThan(700);
  turncoat.loyal = true;
  const client = await connectRaw(shop.proxy.port);
  await client.login({ user: AGENT.name, database: 'shop', password: AGENT.password });
  expect((await client.query('SELECT 1')).map(({ type }) => type)).toEqual(['T', 'D', 'C', 'Z']);
  client.destroy();
});
