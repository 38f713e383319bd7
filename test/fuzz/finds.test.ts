/**
 * What the fuzzing has found, by name.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HUNTER, writeManifests } from '../hunt/manifests.ts';
import { schemaSql } from '../hunt/database.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient, type RawFrame, responseFields, send, types } from '../support/raw-client.ts';

let postgres: TestPostgres;
let proxy: TestProxy;
let manifests: string;
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.sql('CREATE DATABASE fuzz');
  await postgres.sql(schemaSql(), 'fuzz');
  manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-fuzz-'));
  await writeManifests(manifests, { port: postgres.port, databases: ['fuzz'], blind: true });
  proxy = await startProxy({ manifests, flags: ['--identity', HUNTER] });
});
afterAll(async () => {
  await proxy?.stop();
  await postgres?.stop('immediate');
  await rm(manifests, { recursive: true, force: true });
});

const open = async (): Promise<RawClient> => {
  const client = await connectRaw(proxy.port);
  await client.login({ user: HUNTER, database: 'fuzz' });
  return client;
};
const errors = (frames: readonly RawFrame[]): string[] =>
  frames.filter(({ type }) => type === 'E').map((frame) => `${responseFields(frame)['C']} ${responseFields(frame)['M']}`);

describe('Describe of a FETCH whose cursor has gone, of which PostgreSQL crashes', () => {
  const declare = 'BEGIN; DECLARE c CURSOR FOR SELECT 1 AS one';

  it('says of the statement that it has no rows', async () => {
    const client = await open();
    await client.query(declare);
    expect(types(await client.exchange(send.parse('s', 'FETCH ALL FROM c'), send.describe('S', 's'), send.sync()))).toBe('1 t T Z');
    await client.query('COMMIT');
    expect(types(await client.exchange(send.describe('S', 's'), send.sync()))).toBe('t n Z');
    await client.query(declare);
    expect(types(await client.exchange(send.describe('S', 's'), send.bind('', 's'), send.execute(), send.sync()))).toBe('t T 2 D C Z');
    client.destroy();
  });

  it('refuses it for the portal, unless it follows its Bind', async () => {
    const bound = [send.parse('s', 'FETCH ALL FROM c'), send.bind('p', 's')];
    const endings = [[send.query('CLOSE c')], [send.close('P', 'c')], [send.parse('', 'CLOSE c'), send.bind('', ''), send.execute()]];
    for (const ending of endings) {
      const client = await open();
      await client.query(declare);
      client.write(...bound, ...ending, send.describe('P', 'p'), send.sync(), send.query('ROLLBACK'));
      const frames = await client.until('E');
      expect(errors(frames)).toEqual(['0A000 Describe of a FETCH that does not follow its Bind is not supported through pg-airlock']);
      expect(types(await client.until('C'))).toBe('Z C');
      client.destroy();
    }
    const client = await open();
    await client.query(declare);
    expect(types(await client.exchange(...bound, send.describe('P', 'p'), send.execute('p'), send.sync()))).toBe('1 2 T D C Z');
    client.destroy();
  });

  it('leaves the server as it was', () => {
    expect(postgres.logTail()).not.toContain('was terminated by signal');
  });
});
