import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type Shop, sqlstateOf, startShop } from '../clients/shop.ts';
import { send, types } from '../support/raw-client.ts';
import { agentSessions, endOf, isRunning, keepBusy, openSession, SHUT_DOWN, startSession } from './sessions.ts';

let shop: Shop;
const start = async (grace: string): Promise<void> => {
  shop = await startShop({ flags: ['--grace', grace] });
};
afterEach(() => shop.stop());

describe('SIGTERM', () => {
  beforeEach(() => start('60'));

  it('ends idle sessions at once, lets statements and transactions finish, and ends with 0', async () => {
    const [idle, running, inTransaction, failed] = [
      await openSession(shop),
      await openSession(shop),
      await openSession(shop),
      await openSession(shop),
    ];
    await inTransaction.client.query('BEGIN');
    await failed.client.query('BEGIN; SELECT 1/0');
    running.client.write(send.query("SELECT pg_sleep(1), 'finishes'"));
    await eventually(() => isRunning(shop, 'finishes'));
    let exited = false;
    const exit = shop.proxy.kill('SIGTERM').then((code) => {
      exited = true;
      return code;
    });
    expect(await endOf(idle)).toEqual(SHUT_DOWN);
    expect(types(await running.client.until('Z'))).toBe('T D C Z');
    expect(await endOf(running)).toEqual(SHUT_DOWN);
    // A transaction goes on as if nothing were, up to its end.
    expect(types(await inTransaction.client.query('SELECT 1'))).toBe('T D C Z');
    expect(exited).toBe(false);
    expect((await shop.probe('/readyz')).body).toContain('not ready: listener: shutting down');
    expect((await shop.probe('/readyz')).status).toBe(503);
    expect((await shop.probe('/healthz')).status).toBe(200);
    expect(types(await inTransaction.client.query('COMMIT'))).toBe('C Z');
    expect(await endOf(inTransaction)).toEqual(SHUT_DOWN);
    await failed.client.query('ROLLBACK');
    expect(await endOf(failed)).toEqual(SHUT_DOWN);
    expect(await exit).toBe(0);
    await eventually(async () => (await agentSessions(shop)) === 0);
  });

  it('accepts no new connection, and does not wait for those that have not logged in', async () => {
    const session = await openSession(shop);
    await session.client.query('BEGIN');
    const silent = await startSession(shop, 'wrong');
    await silent.client.waitClosed();
    const exit = shop.proxy.kill('SIGTERM');
    await shop.proxy.logged(({ msg }) => msg === 'shutting down');
    // One that the kernel has already accepted is closed.
    const refused = (): Promise<string> => startSession(shop).then(({ started }) => types(started), sqlstateOf);
    expect(await refused()).not.toContain('Z');
    await eventually(async () => (await refused()) === 'ECONNREFUSED');
    session.client.write(send.terminate());
    expect(await exit).toBe(0);
  });
});

describe('SIGTERM after its grace', () => {
  beforeEach(() => start('1'));

  it('ends what is still there with 57P01, and leaves nothing running on the database', async () => {
    const [busy, inTransaction] = [await openSession(shop), await openSession(shop)];
    await inTransaction.client.query('BEGIN');
    await keepBusy(shop, busy, 'too long');
    const exit = shop.proxy.kill('SIGTERM');
    expect(await endOf(busy)).toEqual(SHUT_DOWN);
    expect(await endOf(inTransaction)).toEqual(SHUT_DOWN);
    expect(await exit).toBe(0);
    await eventually(async () => (await agentSessions(shop)) === 0);
  });
});
