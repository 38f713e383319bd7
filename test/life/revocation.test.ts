import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AGENT, eventually, manifestFiles, type Shop, startShop, writeManifests } from '../clients/shop.ts';
import { connectRaw, responseFields, send, types } from '../support/raw-client.ts';
import { scramClient } from '../support/raw-scram.ts';
import {
  agentSessions,
  closeSessions,
  endOf,
  errorOf,
  isRunning,
  keepBusy,
  openSession,
  REVOKED,
  startSession,
  valuesOf,
} from './sessions.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.stop());
afterEach(() => closeSessions(shop));
beforeEach(async () => {
  await shop.change({});
});

describe('access that ends', () => {
  it('with the policy: ends idle, open and running sessions, and refuses new ones', async () => {
    const [idle, inTransaction, running] = [await openSession(shop), await openSession(shop), await openSession(shop)];
    await inTransaction.client.query('BEGIN');
    await keepBusy(shop, running, 'revoked');
    await rm(join(shop.manifests, 'policy.yaml'));
    for (const session of [idle, inTransaction, running]) expect(await endOf(session)).toEqual(REVOKED);
    await eventually(async () => !(await isRunning(shop, 'revoked')));
    expect(errorOf((await startSession(shop)).started)).toEqual({
      severity: 'FATAL',
      code: '28P01',
      message: 'password authentication failed for user "ann"',
    });
  });

  it('with its time: ends sessions when that has come, and says of new ones that no policy is in force', async () => {
    const notAfter = new Date(Date.now() + 3_000).toISOString();
    await shop.change({ spec: `  validity: { notAfter: '${notAfter}' }` });
    const [idle, running] = [await openSession(shop), await openSession(shop)];
    await keepBusy(shop, running, 'expired');
    expect(await endOf(idle)).toEqual(REVOKED);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(notAfter));
    expect(await endOf(running)).toEqual(REVOKED);
    await eventually(async () => (await agentSessions(shop)) === 0);
    expect(errorOf((await startSession(shop)).started)).toEqual({
      severity: 'FATAL',
      code: '3D000',
      message: 'database "shop" is not available to this agent',
    });
  });

  it('leaves alone what SQL prepared and declared, where it means the same, and refuses it where it does not', async () => {
    const { client } = await openSession(shop);
    await client.query('PREPARE mails AS SELECT email FROM customers WHERE id = 1');
    await client.query('BEGIN');
    await client.query('DECLARE names CURSOR WITH HOLD FOR SELECT name FROM customers ORDER BY id');
    await client.query('COMMIT');
    const both = async (): Promise<string[]> => [
      types(await client.query('EXECUTE mails')),
      types(await client.query('FETCH 1 FROM names')),
    ];
    expect(await both()).toEqual(['T D C Z', 'T D C Z']);
    await shop.postgres.sql('CREATE TABLE elsewhere (id int)', 'shop');
    await shop.change({ functions: ['pg_catalog.pg_sleep', 'pg_catalog.pg_sleep_for'] });
    expect(await both()).toEqual(['T D C Z', 'T D C Z']);
    const files = manifestFiles(shop.postgres);
    await writeManifests(shop.manifests, { ...files, 'policy.yaml': files['policy.yaml'].replace('type: Email', 'type: Redact') });
    await eventually(async () => (await both())[0] === 'E Z');
  });

  it('for a relation only: the next statement of a live session is refused it, also where it was prepared', async () => {
    const { client } = await openSession(shop);
    const run = [send.bind('', 'p'), send.execute(), send.sync()];
    expect(types(await client.exchange(send.parse('p', 'SELECT id FROM bonn LIMIT 1'), ...run))).toBe('1 2 D C Z');
    expect(types(await client.exchange(...run))).toBe('2 D C Z');
    const { 'policy.yaml': policy, ...others } = manifestFiles(shop.postgres);
    await writeManifests(shop.manifests, { ...others, 'policy.yaml': policy.replace('public.bonn', 'public.elsewhere') });
    await eventually(async () => errorOf(await client.exchange(...run))?.code === '42501');
    expect(errorOf(await client.query('SELECT id FROM bonn'))).toMatchObject({ severity: 'ERROR', code: '42501' });
    expect(valuesOf(await client.query('SELECT ssn FROM customers WHERE id = 7'))).toEqual(['***7']);
  });
});

describe("the agent's password", () => {
  it('changes for new sessions, and leaves the old ones alone', async () => {
    const old = await openSession(shop);
    await shop.change({ agentPassword: 'a new one' });
    await eventually(async () => errorOf((await startSession(shop, 'a new one')).started) === undefined);
    expect(errorOf((await startSession(shop, AGENT.password)).started)).toMatchObject({ severity: 'FATAL', code: '28P01' });
    expect(valuesOf(await old.client.query('SELECT ssn FROM customers WHERE id = 7'))).toEqual(['***7']);
  });

  it('when wrong looks like an unknown agent, in each byte and each length', async () => {
    /** All that comes back, with what is random or the name itself taken out. */
    const conversation = async (user: string): Promise<{ lengths: number[]; frames: string[] }> => {
      const client = await connectRaw(shop.proxy.port);
      const scram = scramClient('wrong');
      client.write(send.startup({ user, database: 'shop' }));
      const [mechanisms] = await client.until('R');
      const initial = Buffer.from(scram.first());
      const length = Buffer.alloc(4);
      length.writeInt32BE(initial.length);
      const body = (data: Buffer): Buffer => {
        const header = Buffer.alloc(5);
        header.write('p');
        header.writeInt32BE(4 + data.length, 1);
        return Buffer.concat([header, data]);
      };
      client.write(body(Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), length, initial])));
      const [first] = await client.until('R');
      const challenge = first?.body.subarray(4).toString() ?? '';
      client.write(body(Buffer.from(scram.final(challenge))));
      const rest = await client.until('E');
      await client.waitClosed();
      const said = challenge.replace(/r=[^,]+/, 'r=').replace(/s=[^,]+/, 's=');
      const shown = rest.map((frame) => JSON.stringify(responseFields(frame)).replace(user, 'NAME'));
      return {
        lengths: client.frames.map(({ body: { length: bytes } }) => bytes),
        frames: [mechanisms?.body.toString('hex') ?? '', said, ...shown],
      };
    };
    const wrong = await conversation('ann');
    expect(wrong.frames.at(-1)).toContain('password authentication failed');
    for (const unknown of ['bob', 'eve']) expect(await conversation(unknown)).toEqual(wrong);
    // The salt of a name is always the same, as a real one is.
    const salts = async (user: string): Promise<(string | undefined)[]> => {
      const seen: (string | undefined)[] = [];
      for (const _ of [1, 2]) {
        const { started } = await startSession(shop, 'wrong', user);
        seen.push(/s=([^,]+)/.exec(started[1]?.body.toString() ?? '')?.[1]);
      }
      return seen;
    };
    for (const user of ['ann', 'bob']) {
      const [one, two] = await salts(user);
      expect(one).toMatch(/^.{20,}$/);
      expect(two).toBe(one);
    }
  });
});
