import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CatalogClient, openCatalogClient } from '../../proxy/upstream/catalog-client.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { connectionTo } from './session.ts';

describe('the catalog client', () => {
  let server: TestPostgres;
  let authority: Authority;
  const clients: CatalogClient[] = [];
  const opened = async (options?: Parameters<typeof openCatalogClient>[1]): Promise<CatalogClient> => {
    const connection = connectionTo({ port: server.port, username: 'scram', password: 'secret', mode: 'VerifyFull', ca: authority.cert });
    const client = await openCatalogClient(connection, options);
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    authority = await createAuthority();
    server = await startPostgres({
      tls: await authority.issue(['127.0.0.1']),
      hba: 'host all postgres 127.0.0.1/32 trust\nhostssl all scram 127.0.0.1/32 scram-sha-256\nhostssl all clear 127.0.0.1/32 password\n',
    });
    await server.sql(
      "CREATE ROLE scram LOGIN PASSWORD 'secret'; CREATE ROLE clear LOGIN PASSWORD 'secret'; CREATE FUNCTION public.lower(text) RETURNS text RETURN 'fooled'",
    );
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.end()));
    await server.stop();
  });

  it('reads as the role of the sessions, over TLS, with values parsed', async () => {
    const client = await opened();
    expect(
      await client.query(
        "SELECT current_user, ssl, $1::int4 AS number, ARRAY['a', NULL] AS list FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        [7],
      ),
    ).toEqual([{ current_user: 'scram', ssl: true, number: 7, list: ['a', null] }]);
    expect(await client.queryArrays('SELECT 1 AS same, 2 AS same')).toEqual([[1, 2]]);
    expect(await client.query('SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()')).toEqual([
      { application_name: 'pg-airlock catalog' },
    ]);
  });

  it('means only what PostgreSQL brings, unless the default of the session is asked for', async () => {
    const query = 'SHOW search_path';
    expect(await (await opened()).query(query)).toEqual([{ search_path: 'pg_catalog' }]);
    expect(await (await opened({ searchPath: 'SessionDefault' })).query(query)).toEqual([{ search_path: '"$user", public' }]);
  });

  it('runs many statements in turn, and goes on after one that fails', async () => {
    const client = await opened({ statementTimeoutMs: 300 });
    const results = await Promise.allSettled([
      client.query('SELECT 1 AS x'),
      client.query('SELECT nonsense'),
      client.query('SELECT pg_sleep(60)'),
      client.query('CREATE TABLE t ()'),
      client.query('SELECT 2 AS x'),
    ]);
    const told = results.map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as Error & { cause: { code: string } }).cause.code,
    );
    expect(told).toEqual([[{ x: 1 }], '42703', '57014', '25006', [{ x: 2 }]]);
  });

  it('tells of a loss, fails while the server is away, and is there again when the server is', async () => {
    const client = await opened();
    const lost = new Promise((resolve) => client.onLost((failure) => resolve(failure.fields.code)));
    await server.halt();
    expect(await lost).toBe('upstream-lost');
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ fields: { code: 'upstream-unreachable' } });
    await server.start();
    await expect.poll(() => client.query('SELECT 1 AS x').catch(() => undefined), { timeout: 10_000 }).toEqual([{ x: 1 }]);
    expect(await client.query('SHOW search_path')).toEqual([{ search_path: 'pg_catalog' }]);
  });

  it('ends, also while the server is away, and leaves no session', async () => {
    const client = await opened();
    const [session] = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await client.end();
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ fields: { code: 'upstream-unreachable' } });
    await expect.poll(() => server.sql(`SELECT FROM pg_stat_activity WHERE pid = ${session?.pid}`), { timeout: 10_000 }).toEqual([]);
  });

  it('follows the rules of the sessions: no password in clear text without verification', async () => {
    const connection = connectionTo({ port: server.port, username: 'clear', password: 'secret', mode: 'Require' });
    await expect(openCatalogClient(connection)).rejects.toMatchObject({
      fields: {
        detail: 'The database asks for the password in clear text, which is sent only over TLS that verifies who the database is.',
      },
    });
  });
});
