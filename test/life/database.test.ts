import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createShop, eventually, ROLE, type Shop, sqlstateOf, startShop } from '../clients/shop.ts';
import { send, types } from '../support/raw-client.ts';
import { startPostgres } from '../support/postgres.ts';
import { agentSessions, closeSessions, endOf, errorOf, keepBusy, openSession, startSession, type Session, valuesOf } from './sessions.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop({ postgres: { settings: { max_connections: '12', superuser_reserved_connections: '3' } } });
});
afterAll(() => shop.stop());
const open = (): Promise<Session> => openSession(shop);
afterEach(() => closeSessions(shop));

const UNREACHABLE = { severity: 'FATAL', code: '08006', message: 'could not connect to the database behind pg-airlock' };

/** A new session works, sooner or later, and knows the catalog as it is now. */
const recovers = async (table: string): Promise<void> => {
  await shop.postgres.sql(`CREATE TABLE ${table} ()`, 'shop');
  await eventually(async () => {
    const session = await startSession(shop);
    return errorOf(session.started) === undefined;
  });
  const { client } = await open();
  expect(valuesOf(await client.query('SELECT ssn FROM customers WHERE id = 7'))).toEqual(['***7']);
  // A relation that exists is refused, one that does not is unknown.
  await eventually(async () => errorOf(await client.query(`SELECT FROM ${table}`))?.code === '42501');
  expect(errorOf(await client.query('SELECT FROM nowhere'))?.code).toBe('42P01');
};

describe('a database that restarts', () => {
  it('fast: ends idle, running and open sessions in its own words, and is there again', async () => {
    const [idle, running, inTransaction] = [await open(), await open(), await open()];
    await keepBusy(shop, running, 'restarted');
    await inTransaction.client.query('BEGIN');
    await shop.postgres.restart('fast');
    for (const session of [idle, running, inTransaction]) {
      expect(await endOf(session)).toEqual({
        severity: 'FATAL',
        code: '57P01',
        message: 'terminating connection due to administrator command',
      });
    }
    await recovers('after_fast');
  });

  it('at once: tells that it was lost, and is there again', async () => {
    const [idle, running, inTransaction] = [await open(), await open(), await open()];
    await keepBusy(shop, running, 'crashed');
    await inTransaction.client.query('BEGIN');
    await shop.postgres.restart('immediate');
    for (const session of [idle, running, inTransaction]) {
      expect(await endOf(session)).toEqual({ severity: 'FATAL', code: '08006', message: 'connection to the database was lost' });
    }
    await recovers('after_immediate');
  });

  it('tells who comes while it is away, and stays alive', async () => {
    await shop.postgres.halt();
    expect(errorOf((await startSession(shop)).started)).toEqual(UNREACHABLE);
    expect(errorOf((await startSession(shop, 'wrong')).started)?.code).toBe('28P01');
    expect((await shop.probe('/healthz')).status).toBe(200);
    await shop.postgres.start();
    await recovers('after_absence');
  });

  it('ends one backend: only its session is over', async () => {
    const [one, other] = [await open(), await open()];
    const pid = valuesOf(await one.client.query('SELECT pg_backend_pid()'))[0];
    await shop.postgres.sql(`SELECT pg_terminate_backend(${pid})`);
    expect(await endOf(one)).toMatchObject({ severity: 'FATAL', code: '57P01' });
    expect(types(await other.client.query('SELECT 1'))).toBe('T D C Z');
  });
});

describe('a database that refuses', () => {
  it('for it has too many connections: says so in its own words', async () => {
    // 9 are left to ordinary roles, and the catalog has one.
    const crowd = await Promise.all(Array.from({ length: 8 }, open));
    const refused = await startSession(shop);
    expect(errorOf(refused.started)).toMatchObject({ severity: 'FATAL', code: '53300' });
    expect(errorOf(refused.started)?.message).toMatch(/too many clients already|remaining connection slots are reserved/);
    expect(types(await (crowd[0] as Session).client.query('SELECT 1'))).toBe('T D C Z');
    (crowd[0] as Session).client.write(send.terminate());
    await eventually(async () => errorOf((await open().catch(() => refused)).started) === undefined);
  });

  it("the role's password: names the connection's credentials as the cause, and takes new ones without a restart", async () => {
    const before = await open();
    await shop.postgres.sql(`ALTER ROLE ${ROLE.name} PASSWORD 'rotated'`);
    const refused = await startSession(shop);
    expect(errorOf(refused.started)).toEqual(UNREACHABLE);
    await shop.change({ rolePassword: 'rotated' });
    await eventually(async () => errorOf((await open().catch(() => refused)).started) === undefined);
    expect(types(await before.client.query('SELECT 1'))).toBe('T D C Z');
    await shop.postgres.sql(`ALTER ROLE ${ROLE.name} PASSWORD '${ROLE.password}'`);
    await shop.change({});
    await eventually(async () => errorOf((await open().catch(() => refused)).started) === undefined);
  });
});

describe('a connection whose address changes', () => {
  it('ends its sessions, and opens new ones at the new address', async () => {
    const other = await startPostgres();
    await createShop(other, 'DELETE FROM orders; DELETE FROM customers');
    const before = await open();
    await shop.change({ port: other.port });
    expect(await endOf(before)).toEqual({ severity: 'FATAL', code: '57P01', message: 'terminating connection because access was revoked' });
    await eventually(async () => (await agentSessions(shop)) === 0);
    const after = await open();
    expect(valuesOf(await after.client.query('SELECT count(*) FROM customers'))).toEqual(['0']);
    await shop.change({});
    expect((await endOf(after))?.code).toBe('57P01');
    const again = await open();
    expect(valuesOf(await again.client.query('SELECT count(*) FROM customers'))).toEqual(['100']);
    await other.stop('immediate');
  });

  it('to one where nobody answers: tells so after a while, and serves the old one again', async () => {
    const visitors: Socket[] = [];
    const silent = createServer((socket) => void visitors.push(socket.on('error', () => undefined)));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    await shop.change({ port: (silent.address() as AddressInfo).port });
    const waiting = new pg.Client({ connectionString: shop.url });
    const told = waiting.connect().then(() => 'connected', sqlstateOf);
    await eventually(() => visitors.length > 0);
    expect((await shop.probe('/readyz')).body).toContain('not ready: catalog');
    expect(await told).toBe('08006');
    await shop.change({});
    const session = await open();
    expect(types(await session.client.query('SELECT 1'))).toBe('T D C Z');
    for (const visitor of visitors) visitor.destroy();
    silent.close();
  });
});
