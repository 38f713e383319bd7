/**
 * Cancel requests that are slow on their way to the server: what they were for has ended meanwhile, and nothing else is hit.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { connectRaw, type RawFrame, send, types } from '../support/raw-client.ts';
import { agentSessions, closeSessions, errorOf, isRunning, openSession, type Session, valuesOf } from './sessions.ts';

const CANCEL_REQUEST = 80877102;

/** Between the proxy and the server; it keeps cancel requests back until it is told. */
class Detour {
  readonly #server: Server;
  readonly #to: number;
  #held: (() => void)[] = [];
  #keeping = true;

  constructor(to: number) {
    this.#to = to;
    this.#server = createServer((from) => this.#take(from));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  get held(): number {
    return this.#held.length;
  }

  keep(): void {
    this.#keeping = true;
  }

  release(): void {
    this.#keeping = false;
    for (const go of this.#held.splice(0)) go();
  }

  close(): void {
    this.#server.close();
  }

  #take(from: Socket): void {
    from.on('error', () => undefined);
    from.once('data', (first: Buffer) => {
      from.pause();
      const go = (): void => {
        const to = connect(this.#to, '127.0.0.1');
        to.on('error', () => from.destroy());
        to.write(first);
        from.pipe(to).pipe(from);
      };
      if (this.#keeping && first.readInt32BE(4) === CANCEL_REQUEST) this.#held.push(go);
      else go();
    });
  }
}

const LOCK = 4711;
let shop: Shop;
let detour: Detour;
let keeper: pg.Client;
beforeAll(async () => {
  shop = await startShop({
    setup: `CREATE FUNCTION latched() RETURNS int LANGUAGE sql VOLATILE AS
      $$SELECT pg_advisory_lock_shared(${LOCK}); SELECT pg_advisory_unlock_shared(${LOCK}); SELECT 1$$;
      CREATE TABLE inbox (id int); GRANT ALL ON inbox TO ${ROLE.name}`,
  });
  detour = new Detour(shop.postgres.port);
  const port = await detour.listen();
  await shop.change({
    port,
    functions: ['pg_catalog.pg_sleep', 'public.latched'],
    relations: `
    - name: public.inbox
      select: { columns: ['*'] }
      insert: { columns: ['*'] }`,
  });
  keeper = new pg.Client({ connectionString: shop.postgres.url('postgres', 'shop', 'postgres') });
  await keeper.connect();
});
afterAll(async () => {
  detour.release();
  await closeSessions(shop);
  await keeper.end();
  await shop.stop();
  detour.close();
});

const requestCancel = async ({ started }: Session): Promise<void> => {
  const key = started.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
  const other = await connectRaw(shop.proxy.port);
  other.write(send.cancelRequest(key.readInt32BE(0), key.subarray(4)));
};

/** Has the session run something that ends by itself while a request to cancel it is on its way. */
const cancelTooLate = async (session: Session, messages: readonly Buffer[]): Promise<string> => {
  detour.keep();
  await keeper.query(`SELECT pg_advisory_lock(${LOCK})`);
  session.client.write(...messages);
  await eventually(() => isRunning(shop, 'latch'));
  await requestCancel(session);
  await eventually(() => detour.held === 1);
  await keeper.query(`SELECT pg_advisory_unlock(${LOCK})`);
  return types(await session.client.until('Z'));
};

const LATCHED = "SELECT latched(), 'latch'";
const extended = (sql: string): Buffer[] => [send.parse('', sql), send.bind('', ''), send.execute(), send.sync()];
const ANSWER = 'SELECT 42 WHERE pg_sleep(0.3) IS NOT NULL';

type Follower = { readonly name: string; readonly messages: readonly Buffer[]; readonly answered: string };

const FOLLOWERS: readonly Follower[] = [
  { name: 'a Query', messages: [send.query(ANSWER)], answered: 'T D C Z' },
  { name: 'an Execute', messages: extended(ANSWER), answered: '1 2 D C Z' },
  { name: 'a Flush behind an Execute', messages: [...extended(ANSWER).slice(0, 3), send.flush(), send.sync()], answered: '1 2 D C Z' },
  { name: 'a transaction', messages: [send.query(`BEGIN; ${ANSWER}; COMMIT`)], answered: 'C T D C C Z' },
  {
    name: 'a COPY',
    messages: [send.query('COPY inbox FROM STDIN'), send.copyData('1\n'), send.copyDone(), send.query(ANSWER)],
    answered: 'G C Z T D C Z',
  },
];

it.each(FOLLOWERS)('does not hit $name that follows', async ({ messages, answered }) => {
  const session = await openSession(shop);
  const bystander = await openSession(shop);
  for (const first of [[send.query(LATCHED)], extended(LATCHED)]) {
    expect(await cancelTooLate(session, first)).toBe(first.length === 1 ? 'T D C Z' : '1 2 D C Z');
    session.client.write(...messages);
    bystander.client.write(send.query("SELECT 'by', pg_sleep(0.4)"));
    // Time enough to be hit: what waits does not run before the request has been taken.
    await sleep(150);
    expect(await isRunning(shop, 'by')).toBe(true);
    detour.release();
    const frames: RawFrame[] = [];
    while (types(frames).length < answered.length) frames.push(...(await session.client.until('Z')));
    expect([errorOf(frames), types(frames), valuesOf(frames)]).toEqual([undefined, answered, ['42']]);
    expect(valuesOf(await bystander.client.until('Z'))).toEqual(['by']);
  }
});

it('does not hit the session that comes after', async () => {
  const session = await openSession(shop);
  await cancelTooLate(session, [send.query(LATCHED)]);
  const before = await agentSessions(shop);
  session.client.write(send.terminate());
  await eventually(async () => (await agentSessions(shop)) < before);
  const next = await openSession(shop);
  next.client.write(send.query(ANSWER));
  await sleep(150);
  detour.release();
  expect(valuesOf(await next.client.until('Z'))).toEqual(['42']);
});
