/**
 * Whether the operator reaches a database, on real ones, and why not.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../kernel/policy.ts';
import { DatabaseFailure, withDatabase } from '../../operator/reconcile/database-session.ts';
import { askRole } from '../../operator/reconcile/role-queries.ts';
import { reachable, type ReachOutcome } from '../../operator/specs/reachable.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const LIMITS = { loginMs: 3_000, sessionMs: 10_000 };
const PASSWORD = 's3cret-of-app';
const HBA = `
host all postgres 127.0.0.1/32 trust
hostssl all clear 127.0.0.1/32 password
hostssl all app 127.0.0.1/32 scram-sha-256
hostssl shop old 127.0.0.1/32 md5
`;

let authority: Authority;
let server: TestPostgres;
let other: TestPostgres;

beforeAll(async () => {
  authority = await createAuthority();
  const { key, cert } = await authority.issue(['127.0.0.1', 'localhost']);
  server = await startPostgres({ tls: { key, cert }, hba: HBA });
  const wrong = await authority.issue(['elsewhere.example.com']);
  other = await startPostgres({ tls: wrong, hba: HBA });
  for (const each of [server, other]) {
    await each.sql(`CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'; CREATE ROLE clear LOGIN PASSWORD '${PASSWORD}'; CREATE ROLE other_owner;
      SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD '${PASSWORD}'`);
    await each.sql('CREATE DATABASE shop');
    await each.sql('CREATE DATABASE closed; ');
    await each.sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
  }
});
afterAll(async () => {
  await server?.stop();
  await other?.stop();
});

const connectionTo = (changes: Partial<Connection> = {}): Connection => ({
  key: 'data/shop',
  host: '127.0.0.1',
  port: server.port,
  database: 'shop',
  tls: { mode: 'VerifyFull', ca: authority.cert },
  username: 'app',
  password: new TextEncoder().encode(PASSWORD),
  auditDurability: 'Fsync',
  ...changes,
});

const outcomeOf = async (connection: Connection): Promise<ReachOutcome> => {
  try {
    return await withDatabase(connection, LIMITS, async (ask) => {
      const { serverVersion } = await askRole(ask, []);
      return { type: 'Reached', serverVersion };
    });
  } catch (error) {
    if (error instanceof DatabaseFailure) return error.outcome;
    throw error;
  }
};

const said = async (connection: Connection): Promise<readonly [status: string, reason: string, message: string]> => {
  const { tls, ...rest } = connection;
  const spec = {
    ...rest,
    tls: { mode: tls.mode, ...(tls.ca === undefined ? {} : { caSecretRef: { name: 'shop-ca', key: 'ca.crt' } }) },
    credentials: { secretRef: { name: 'shop-db', usernameKey: 'username', passwordKey: 'password' } },
  };
  const { status, reason, message } = reachable(await outcomeOf(connection), spec);
  return [status, reason, message];
};

describe('a database is reached', () => {
  it.each<[string, Partial<Connection>, string]>([
    ['by SCRAM over verified TLS', {}, 'verified TLS'],
    ['by a host name', { host: 'localhost' }, 'verified TLS'],
    ['by an MD5 password', { username: 'old' }, 'verified TLS'],
    ['by a password in clear text, to who is verified', { username: 'clear' }, 'verified TLS'],
  ])('%s', async (_, changes, way) => {
    const [status, reason, message] = await said(connectionTo(changes));
    expect([status, reason]).toEqual(['True', 'LoggedIn']);
    expect(message).toMatch(new RegExp(`^PostgreSQL 18\\.\\d+ takes the credentials, over ${way}\\.$`));
  });

  it('over TLS that verifies the authority alone, or nothing, where that is said', async () => {
    const { port } = other;
    expect((await said(connectionTo({ port, tls: { mode: 'VerifyCA', ca: authority.cert } })))[2]).toContain(
      'TLS with a verified authority',
    );
    expect((await said(connectionTo({ port, tls: { mode: 'Require', ca: undefined } })))[2]).toContain('unverified TLS');
  });
});

describe('a database is not reached, and it is said why', () => {
  it('that nothing listens', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    expect(await said(connectionTo({ port }))).toEqual([
      'False',
      'ConnectionRefused',
      `Nothing listens at 127.0.0.1:${port}. Start the database there, or correct spec.host and spec.port.`,
    ]);
  });

  it.each<[string, (connection: Connection) => Partial<Connection>, readonly [string, RegExp]]>([
    [
      'a name that is none',
      () => ({ host: 'no-such-host.invalid' }),
      ['HostNotFound', /^The name no-such-host\.invalid does not exist in DNS/],
    ],
    [
      'a certificate of another authority',
      () => ({ tls: { mode: 'VerifyFull', ca: undefined } }),
      ['CertificateUntrusted', /Name the one that signed it in spec\.tls\.caSecretRef\.$/],
    ],
    [
      'a certificate for another host',
      () => ({ port: other.port }),
      ['CertificateForAnotherHost', /^The certificate of the database is not for 127\.0\.0\.1\./],
    ],
    [
      'a wrong password',
      () => ({ password: new TextEncoder().encode('wrong-s3cret') }),
      ['PasswordRefused', /^The database refuses .* of Secret shop-db\./],
    ],
    [
      'a role that is not there',
      () => ({ username: 'nobody' }),
      ['LoginRefused', /pg_hba\.conf, or give the role LOGIN\. The server says: no pg_hba\.conf entry/],
    ],
    [
      'a database that is not there',
      () => ({ database: 'shoop' }),
      ['DatabaseNotFound', /^There is no database shoop on 127\.0\.0\.1\. Correct spec\.database/],
    ],
    [
      'a database that is closed to it',
      () => ({ database: 'closed' }),
      ['ConnectNotGranted', /^The role may not connect to closed: GRANT CONNECT/],
    ],
    ['a server that wants TLS', () => ({ tls: { mode: 'Disable', ca: undefined } }), ['LoginRefused', /no encryption$/]],
    [
      'a server that asks whoever poses as it for the password',
      () => ({ username: 'clear', tls: { mode: 'Require', ca: undefined } }),
      ['CleartextPassword', /does not verify who that is\. Let it ask for scram-sha-256, or use VerifyFull\.$/],
    ],
  ])('%s', async (_, changes, [reason, message]) => {
    const connection = connectionTo();
    const answer = await said({ ...connection, ...changes(connection) });
    expect(answer.slice(0, 2)).toEqual(['False', reason]);
    expect(answer[2]).toMatch(message);
    expect(answer[2]).not.toMatch(/s3cret/);
  });

  const answering = async (listener: (socket: Socket) => void): Promise<Server> => {
    const listening = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((resolve) => listening.once('listening', resolve));
    return listening;
  };

  it.each<[string, (socket: Socket) => void, string]>([
    ['a server without TLS', (socket) => socket.once('data', () => socket.end('N')), 'TlsNotOffered'],
    ['a server of another protocol', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'NotPostgres'],
    ['a server that hangs up', (socket) => socket.destroy(), 'ConnectionLost'],
    ['a server that says nothing', () => {}, 'Timeout'],
  ])('%s', async (_, listener, reason) => {
    const listening = await answering((socket) => {
      socket.on('error', () => {});
      listener(socket);
    });
    try {
      const { port } = listening.address() as { port: number };
      expect((await said(connectionTo({ port })))[1]).toBe(reason);
    } finally {
      listening.close();
    }
  });

  it('that it was called off, at once', async () => {
    const listening = await answering((socket) => void socket.on('error', () => {}));
    try {
      const { port } = listening.address() as { port: number };
      const stopping = new AbortController();
      const limits = { loginMs: 60_000, sessionMs: 60_000, signal: stopping.signal };
      const asked = withDatabase(connectionTo({ port }), limits, async () => undefined);
      const settled = asked.catch((error: unknown) => error);
      stopping.abort();
      expect(await settled).toBeInstanceOf(DatabaseFailure);
    } finally {
      listening.close();
    }
  });
});
