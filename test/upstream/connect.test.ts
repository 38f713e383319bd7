import { createServer, connect as connectPlain, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsMode } from '../../kernel/policy.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { answer, open, outcomeOf, RECEIPT, run } from './session.ts';
import { encodeQuery } from '../../proxy/wire/query.ts';

const MODES: readonly TlsMode[] = ['Disable', 'Require', 'VerifyCA', 'VerifyFull'];
const PASSWORD = 'pa=ss,wörd ½';
const CLEAR_REFUSED =
  'upstream-unreachable: The database asks for the password in clear text, which is sent only over TLS that verifies who the database is.';
const CREDENTIALS_REFUSED = 'upstream-credentials-refused: The database refused the credentials of the DatabaseConnection.';
const UNTRUSTED =
  'upstream-unreachable: The certificate of the database is not signed by an authority that the DatabaseConnection trusts. This was while negotiating TLS.';

const HBA = `
hostnossl all only_tls 127.0.0.1/32 reject
host all only_tls 127.0.0.1/32 scram-sha-256
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all scram_by_md5 127.0.0.1/32 md5
host all clear 127.0.0.1/32 password
host all postgres 127.0.0.1/32 trust
host all trusted 127.0.0.1/32 trust
`;

/** The certificate of one server is for a name, that of the other for an address. */
const SERVERS = [
  { version: 14, host: 'localhost', misnamed: '127.0.0.1' },
  { version: 18, host: '127.0.0.1', misnamed: 'localhost' },
] as const;

describe.each(SERVERS)('openUpstream() to PostgreSQL $version', ({ version, host, misnamed }) => {
  let server: TestPostgres;
  let authority: Authority;
  let other: Authority;
  beforeAll(async () => {
    authority = await createAuthority();
    other = await createAuthority('another authority');
    server = await startPostgres({ version, hba: HBA, tls: await authority.issue([host]) });
    const quoted = `'${PASSWORD}'`;
    await server.sql(`
      SET password_encryption = 'scram-sha-256';
      CREATE ROLE scram LOGIN PASSWORD ${quoted};
      CREATE ROLE only_tls LOGIN PASSWORD ${quoted};
      CREATE ROLE scram_by_md5 LOGIN PASSWORD ${quoted};
      CREATE ROLE clear LOGIN PASSWORD ${quoted};
      CREATE ROLE trusted LOGIN;
      SET password_encryption = 'md5';
      CREATE ROLE md5 LOGIN PASSWORD ${quoted};
    `);
  });
  afterAll(() => server.stop());

  describe.each(MODES)('with TLS mode %s', (mode) => {
    it.each(['scram', 'md5', 'scram_by_md5', 'trusted'])('logs in as %s', async (username) => {
      const upstream = await open({ port: server.port, host, username, password: PASSWORD, mode, ca: authority.cert });
      expect(await run(upstream, 'SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).toEqual([
        [username, mode === 'Disable' ? 'f' : 't'],
      ]);
      expect(upstream.parameters.get('client_encoding')).toBe('UTF8');
      expect(upstream.parameters.get('application_name')).toBe('upstream test');
      expect(await run(upstream, 'SELECT pg_backend_pid()')).toEqual([[`${upstream.backendPid}`]]);
      upstream.end();
    });

    it('sends a password in clear text only to a server that is verified', async () => {
      const outcome = await outcomeOf({ port: server.port, host, username: 'clear', password: PASSWORD, mode, ca: authority.cert });
      expect(outcome).toBe(mode === 'VerifyCA' || mode === 'VerifyFull' ? 'connected' : CLEAR_REFUSED);
    });

    it.each(['scram', 'md5', 'scram_by_md5'])('tells of a wrong password of %s without speaking of the agent', async (username) => {
      expect(await outcomeOf({ port: server.port, host, username, password: 'wrong', mode, ca: authority.cert })).toBe(CREDENTIALS_REFUSED);
      expect(await outcomeOf({ port: server.port, host, username, mode, ca: authority.cert })).toBe(CREDENTIALS_REFUSED);
    });

    it('verifies the authority where it should', async () => {
      const outcome = await outcomeOf({ port: server.port, host, username: 'trusted', mode, ca: other.cert });
      expect(outcome).toBe(mode === 'VerifyCA' || mode === 'VerifyFull' ? UNTRUSTED : 'connected');
      const bySystem = await outcomeOf({ port: server.port, host, username: 'trusted', mode });
      expect(bySystem).toBe(mode === 'VerifyCA' || mode === 'VerifyFull' ? UNTRUSTED : 'connected');
    });

    it('verifies the host name where it should', async () => {
      const outcome = await outcomeOf({ port: server.port, host: misnamed, username: 'trusted', mode, ca: authority.cert });
      expect(outcome).toBe(
        mode === 'VerifyFull'
          ? 'upstream-unreachable: The certificate of the database is for another host name. This was while negotiating TLS.'
          : 'connected',
      );
    });
  });

  it('passes on what any client of the database would be told', async () => {
    expect(await outcomeOf({ port: server.port, database: 'nowhere' })).toBe('3D000 database "nowhere" does not exist');
    expect(await outcomeOf({ port: server.port, host, username: 'only_tls', password: PASSWORD })).toBe(CREDENTIALS_REFUSED);
    await server.sql('ALTER ROLE trusted CONNECTION LIMIT 0');
    expect(await outcomeOf({ port: server.port, host, username: 'trusted' })).toBe('53300 too many connections for role "trusted"');
    await server.sql('ALTER ROLE trusted CONNECTION LIMIT -1');
  });

  it('refuses a log-in over TLS that somebody in between ends, even without verification', async () => {
    const certificate = await other.issue(['localhost']);
    const middle = createServer((client) => {
      client.once('data', () => {
        client.write('S');
        const inner = new TLSSocket(client, { isServer: true, ...certificate });
        const outer = connectPlain(server.port, '127.0.0.1', () => outer.write(Buffer.from('0000000804d2162f', 'hex')));
        outer.once('data', () => {
          const secured = connectTls({ socket: outer, rejectUnauthorized: false }, () => inner.pipe(secured).pipe(inner));
          secured.on('error', () => inner.destroy());
          inner.on('error', () => secured.destroy());
        });
      });
      client.on('error', () => {});
    });
    middle.listen(0, '127.0.0.1');
    await once(middle, 'listening');
    const { port } = middle.address() as AddressInfo;
    expect(await outcomeOf({ port, username: 'trusted', mode: 'Require' })).toBe('connected');
    expect(await outcomeOf({ port, username: 'scram', password: PASSWORD, mode: 'Require' })).toBe(CREDENTIALS_REFUSED);
    middle.close();
  });

  it.each(['Disable', 'VerifyFull'] as const)('cancels a running statement, and no other session, with TLS mode %s', async (mode) => {
    const fields = { port: server.port, host, mode, ca: authority.cert };
    const [sleeper, bystander] = await Promise.all([open(fields), open(fields)]);
    const slept = run(sleeper, 'SELECT pg_sleep(600)');
    const stayed = run(bystander, "SELECT 'stayed', pg_sleep(1)");
    await untilRunning(server, sleeper.backendPid);
    await sleeper.cancel();
    expect(await slept).toBe('57014');
    expect(await stayed).toEqual([['stayed', '']]);
    expect(await run(sleeper, 'SELECT 1')).toEqual([['1']]);
    sleeper.end();
    bystander.end();
  });

  it('aborts a transaction by poison, in both protocols, and leaves the session usable', async () => {
    const upstream = await open({ port: server.port });
    for (const type of ['PoisonQuery', 'PoisonParse'] as const) {
      await run(upstream, 'BEGIN');
      upstream.sendControl({ type });
      if (type === 'PoisonParse') upstream.sendControl({ type: 'Sync' });
      expect(await answer(upstream)).toBe('42601');
      expect(await run(upstream, 'SELECT 1')).toBe('25P02');
      await run(upstream, 'ROLLBACK');
      expect(await run(upstream, 'SELECT 1')).toEqual([['1']]);
    }
    upstream.end();
  });

  it('tells a loss from an end of our own', async () => {
    const lost = await open({ port: server.port });
    const closed = new Promise((resolve) => lost.onClose((failure) => resolve(failure?.fields.code)));
    lost.onData(() => {});
    await server.sql(`SELECT pg_terminate_backend(${lost.backendPid})`);
    expect(await closed).toBe('upstream-lost');

    const ended = await open({ port: server.port });
    const goodbye = new Promise((resolve) => ended.onClose((failure) => resolve(failure)));
    ended.end();
    expect(await goodbye).toBeUndefined();
    expect(await new Promise((resolve) => ended.onClose((failure) => resolve(failure)))).toBeUndefined();
  });

  it('holds back what nobody reads', async () => {
    const upstream = await open({ port: server.port });
    upstream.send(RECEIPT, encodeQuery("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"));
    let received = 0;
    let paused = false;
    await new Promise<void>((resolve) => {
      upstream.onData((chunk) => {
        received += chunk.length;
        expect(paused).toBe(false);
        upstream.pause();
        paused = true;
        setImmediate(() => {
          paused = false;
          upstream.resume();
        });
        if (received > 100_000_000) resolve();
      });
    });
    upstream.destroy();
  });
});

const untilRunning = async (server: TestPostgres, pid: number): Promise<void> => {
  await expect
    .poll(() => server.sql(`SELECT wait_event FROM pg_stat_activity WHERE pid = ${pid}`), { timeout: 10_000 })
    .toEqual([{ wait_event: 'PgSleep' }]);
};
