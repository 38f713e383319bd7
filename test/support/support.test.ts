import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from './certificates.ts';
import { POSTGRES_VERSIONS } from './postgres-binaries.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { connectRaw, responseFields, rowValues, send, types } from './raw-client.ts';

describe('startPostgres()', () => {
  it.each(POSTGRES_VERSIONS)('starts PostgreSQL %i', async (version) => {
    const server = await startPostgres({ version, settings: { max_connections: '7' } });
    try {
      const [row] = await server.sql(
        `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('max_connections') AS limit`,
      );
      expect(row).toEqual({ major: version, limit: '7' });
    } finally {
      await server.stop();
    }
    expect(existsSync(server.dataDirectory)).toBe(false);
  });

  it('keeps data and port over a restart', async () => {
    const server = await startPostgres();
    try {
      await server.sql('CREATE TABLE kept AS SELECT 42 AS answer');
      await server.halt('immediate');
      await expect(server.sql('SELECT 1')).rejects.toThrow('ECONNREFUSED');
      await server.start();
      expect(await server.sql('TABLE kept')).toEqual([{ answer: 42 }]);
    } finally {
      await server.stop();
    }
  });

  it('leaves nothing behind when its process is killed', async () => {
    const script = `const { startPostgres } = await import(${JSON.stringify(join(import.meta.dirname, 'postgres.ts'))});
      const server = await startPostgres(); console.log(server.dataDirectory); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const dataDirectory = line.toString().trim();
    expect(existsSync(join(dataDirectory, 'postmaster.pid'))).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(dataDirectory), { timeout: 5000 }).toBe(false);
  });
});

describe('a server with TLS and passwords', () => {
  let server: TestPostgres;
  let ca: string;
  beforeAll(async () => {
    const authority = await createAuthority();
    ca = authority.cert;
    server = await startPostgres({
      tls: await authority.issue(['localhost', '127.0.0.1']),
      hba: 'hostssl all all 127.0.0.1/32 scram-sha-256\n',
    });
  });
  afterAll(() => server.stop());

  it('is verified by its authority', async () => {
    const client = new pg.Client({ connectionString: server.superuserUrl, ssl: { ca } });
    await client.connect();
    expect((await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows).toEqual([{ ssl: true }]);
    await client.end();
    const stranger = await createAuthority('another');
    const distrusting = new pg.Client({ connectionString: server.superuserUrl, ssl: { ca: stranger.cert } });
    await expect(distrusting.connect()).rejects.toThrow('certificate');
  });

  it('lets the raw client in by SCRAM over TLS', async () => {
    const client = await connectRaw(server.port);
    expect(await client.startTls({ ca })).toBe('S');
    const frames = await client.login({ user: 'postgres', database: 'postgres', password: 'postgres' });
    expect(types(frames)).toMatch(/^R R R R (S )+K Z$/);
    client.destroy();
  });

  it('refuses the raw client with a wrong password', async () => {
    const client = await connectRaw(server.port);
    await client.startTls();
    const last = (await client.login({ user: 'postgres', database: 'postgres', password: 'wrong' })).at(-1);
    expect(last && responseFields(last)['C']).toBe('28P01');
    await client.waitClosed();
  });
});

describe('RawClient', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('speaks the extended protocol', async () => {
    const client = await connectRaw(server.port);
    expect(await client.startTls()).toBe('N');
    await client.login({ user: 'postgres', database: 'postgres' });
    const frames = await client.exchange(
      send.parse('s', 'SELECT $1::int + 1, $2::text', [23]),
      send.bind('', 's', ['41', null], { resultFormats: [1, 0] }),
      send.describe('P'),
      send.execute(),
      send.close('S', 's'),
      send.sync(),
    );
    expect(types(frames)).toBe('1 2 T D C 3 Z');
    expect(frames.filter(({ type }) => type === 'D').map(rowValues)).toEqual([[Buffer.of(0, 0, 0, 42), null]]);
    client.destroy();
  });
});
