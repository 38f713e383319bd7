import { execFile } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { createSecureContext, TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import fc from 'fast-check';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import type { Identity } from '../../kernel/identity.ts';
import { type AuthenticationStep, startAuthentication } from '../../proxy/identity/authenticator.ts';
import { certificateHash } from '../../proxy/identity/certificate-hash.ts';
import { saltedPassword, verifierOf } from '../../proxy/identity/scram-keys.ts';
import { createScramSecrets } from '../../proxy/identity/scram-secrets.ts';
import { openUpstream } from '../../proxy/upstream/connect.ts';
import { proveScram, startScram } from '../../proxy/upstream/scram-client.ts';
import { ByteQueue } from '../../proxy/wire/byte-queue.ts';
import { ClientFrames } from '../../proxy/wire/client-frames.ts';
import { encodeFailure } from '../../proxy/wire/error-response.ts';
import { encodeSaslInitialResponse } from '../../proxy/wire/password.ts';
import { encodeBackendKeyData, encodeReadyForQuery } from '../../proxy/wire/server-status.ts';
import { takeStartupPacket } from '../../proxy/wire/startup-packet.ts';
import { createAuthority } from '../support/certificates.ts';
import { connectionTo } from '../upstream/session.ts';

const PASSWORDS: Readonly<Record<string, string>> = { ada: 'pencil', böb: 'pa\u00a0ss ⅳ \u00ad!' };
const READY = Buffer.concat([encodeBackendKeyData(1, Buffer.alloc(4)), encodeReadyForQuery('Idle')]);
const SECRETS = createScramSecrets();

/** The smallest server that logs in: TLS when asked, one authenticator, and nothing behind it. */
const serve = async (
  socket: Socket,
  tls: { key: string; cert: string },
  done: (identity: Identity, causes: unknown) => void,
): Promise<void> => {
  let stream: Socket = socket;
  let secured = false;
  const chunks = async function* (): AsyncGenerator<Buffer> {
    for (;;) {
      const [chunk] = (await once(stream, 'data')) as [Buffer];
      yield chunk;
    }
  };
  const input = chunks();
  const queue = new ByteQueue();
  let user = '';
  for await (const chunk of input) {
    queue.push(chunk);
    const packet = takeStartupPacket(queue);
    if (packet?.type === 'SSLRequest') {
      socket.write('S');
      stream = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(tls), ALPNProtocols: ['postgresql'] });
      stream.on('error', () => {});
      secured = true;
    } else if (packet?.type === 'GSSENCRequest') {
      socket.write('N');
    } else if (packet?.type === 'StartupMessage') {
      user = packet.parameters.get('user') ?? '';
      break;
    }
  }
  const authenticator = startAuthentication({
    user,
    secrets: SECRETS,
    agents: (name) => (PASSWORDS[name] === undefined ? undefined : Buffer.from(PASSWORDS[name])),
    ...(secured ? { tls: { certificateHash: certificateHash(new X509Certificate(tls.cert).raw) } } : {}),
  });
  const frames = new ClientFrames();
  try {
    let step = authenticator.start();
    for (;;) {
      stream.write(Buffer.concat(step.messages));
      if (step.type === 'Done') break;
      let frame = frames.next();
      while (frame === undefined) {
        frames.push(((await once(stream, 'data')) as [Buffer])[0]);
        frame = frames.next();
      }
      step = await authenticator.respond(frame.body);
    }
    if (step.type === 'Done') done(step.identity, undefined);
    stream.write(READY);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    done({ agent: user, method: 'Password' }, error.cause);
    stream.end(encodeFailure(error.fields));
  }
};

describe('the log-in of an agent', () => {
  let server: Server;
  let port = 0;
  let ca = '';
  let last: { identity: Identity; cause: unknown } | undefined;
  beforeAll(async () => {
    const authority = await createAuthority();
    const certificate = await authority.issue(['127.0.0.1', 'localhost']);
    ca = authority.cert;
    server = createServer((socket) => {
      socket.on('error', () => {});
      serve(socket, certificate, (identity, cause) => {
        last = { identity, cause };
      }).catch(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  const psql = (user: string, password: string, options: string): Promise<string> =>
    promisify(execFile)('psql', ['-X', '-c', '\\q', `host=127.0.0.1 port=${port} dbname=shop user=${user} ${options}`], {
      env: { ...process.env, PGPASSWORD: password, PGCONNECT_TIMEOUT: '10' },
    }).then(
      () => 'in',
      (error: unknown) => (error as { stderr: string }).stderr.trim(),
    );

  it.each(['sslmode=disable', 'sslmode=require channel_binding=require', 'sslmode=require channel_binding=disable', 'sslmode=prefer'])(
    'lets psql in with %s, and not with a wrong password or name',
    async (options) => {
      expect(await psql('ada', 'pencil', options)).toBe('in');
      expect(last).toEqual({ identity: { agent: 'ada', method: 'Password' }, cause: undefined });
      expect(await psql('böb', PASSWORDS['böb'] ?? '', options)).toBe('in');
      expect(await psql('ada', 'pencils', options)).toContain('password authentication failed for user "ada"');
      expect(last?.cause).toBe('wrong password');
      expect(await psql('eve', 'pencil', options)).toContain('password authentication failed for user "eve"');
      expect(last?.cause).toBe('no such agent, or no password for it');
    },
  );

  it('lets node-postgres in, with and without channel binding', async () => {
    for (const options of [{}, { ssl: { ca } }, { ssl: { ca }, enableChannelBinding: true }]) {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'ada', password: 'pencil', database: 'shop', ...options });
      await client.connect();
      // Nothing behind the log-in answers a goodbye.
      client.on('error', () => {});
      client.connection.stream.destroy();
      const refused = new pg.Client({ host: '127.0.0.1', port, user: 'ada', password: 'no', database: 'shop', ...options });
      await expect(refused.connect()).rejects.toMatchObject({ code: '28P01', severity: 'FATAL' });
    }
  });

  it('refuses postgres.js with a wrong password', async () => {
    const sql = postgres({ host: '127.0.0.1', port, user: 'ada', password: 'no', database: 'shop', max: 1 });
    await expect(sql`SELECT 1`).rejects.toMatchObject({ code: '28P01' });
    await sql.end({ timeout: 1 });
  });

  it.each(['Disable', 'VerifyFull'] as const)('lets our own client in with TLS mode %s', async (mode) => {
    for (const [user, password] of Object.entries(PASSWORDS)) {
      const connection = connectionTo({ port, username: user, password, mode, ca });
      const upstream = await openUpstream({ connection, parameters: {}, timeoutMs: 5_000 });
      expect(last).toEqual({ identity: { agent: user, method: 'Password' }, cause: undefined });
      upstream.destroy();
    }
  });

  const failureOf = async (body: Buffer, user = 'ada'): Promise<string> => {
    const authenticator = startAuthentication({ user, secrets: SECRETS, agents: () => Buffer.from('pencil') });
    return authenticator.respond(body).then(
      () => 'went on',
      (error: unknown) => (error instanceof Failure ? `${error.fields.sqlstate} ${error.fields.message}` : `BUG ${String(error)}`),
    );
  };

  it('refuses what is not an answer to its offer', async () => {
    const initial = (mechanism: string, text: string): Buffer =>
      Buffer.concat([Buffer.from(`${mechanism}\0`), Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    expect(await failureOf(initial('SCRAM-SHA-256', 'n,,n=,r=abc'))).toBe('went on');
    expect(await failureOf(initial('SCRAM-SHA-256-PLUS', 'p=tls-server-end-point,,n=,r=abc'))).toBe(
      '08P01 client selected an invalid SASL authentication mechanism',
    );
    expect(await failureOf(initial('PLAIN', 'x'))).toBe('08P01 client selected an invalid SASL authentication mechanism');
    expect(await failureOf(initial('SCRAM-SHA-256', ''))).toBe('08P01 malformed SCRAM message');
    expect(await failureOf(initial('SCRAM-SHA-256', 'n,,n=,r=a\0c'))).toBe('08P01 malformed SCRAM message');
    expect(await failureOf(Buffer.alloc(2_000, 65))).toBe('08P01 invalid SASL message length');
    expect(await failureOf(Buffer.from('pencil\0'))).toBe('08P01 insufficient data left in message');
  });

  it('asks for the first message when the client only names the mechanism, and does not go on after a failure', async () => {
    const authenticator = startAuthentication({ user: 'ada', secrets: SECRETS, agents: () => Buffer.from('pencil') });
    const step = await authenticator.respond(Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), Buffer.from([255, 255, 255, 255])]));
    expect(step).toEqual({ type: 'Continue', messages: [Buffer.from('52000000080000000b', 'hex')] });
    await expect(authenticator.respond(Buffer.from('x'))).rejects.toThrow(Failure);
    await expect(authenticator.respond(Buffer.from('n,,n=,r=abc'))).rejects.toThrow('unexpected message during authentication');
  });

  it('looks the same to an unknown agent and to a wrong password, message by message', async () => {
    const converse = async (user: string): Promise<readonly string[]> => {
      const authenticator = startAuthentication({
        user,
        secrets: createScramSecrets(Buffer.alloc(32, 1)),
        agents: (name) => (name === 'ada' ? Buffer.from('pencil') : undefined),
        nonce: 'xyz',
      });
      const seen = authenticator.start().messages.map((message) => message.toString('latin1'));
      const first = 'n,,n=,r=abc';
      const next = await authenticator.respond(
        Buffer.concat([Buffer.from('SCRAM-SHA-256\0\0\0\0'), Buffer.from([first.length]), Buffer.from(first)]),
      );
      seen.push(...next.messages.map((message) => message.toString('latin1').replace(/s=[A-Za-z0-9+/]{22}==/, 's=SALT')));
      const failed = await authenticator
        .respond(Buffer.from(`c=biws,r=abcxyz,p=${Buffer.alloc(32).toString('base64')}`))
        .catch((error: unknown) => (error as Failure).fields);
      return [...seen, JSON.stringify(failed).replaceAll(user, 'USER')];
    };
    expect(await converse('mallory')).toEqual(await converse('ada'));
    expect((await converse('ada')).at(-1)).toContain('28P01');
  });

  it('never lets an agent without a password in, even with a proof that fits', async () => {
    const password = Buffer.from('pencil');
    const verifier = verifierOf(await saltedPassword(password, Buffer.alloc(16), 4096));
    const prove = async (known: Buffer | undefined): Promise<AuthenticationStep> => {
      const secrets = { salt: () => Buffer.alloc(16), verifier: () => Promise.resolve(verifier) };
      const authenticator = startAuthentication({ user: 'mallory', secrets, agents: () => known, nonce: 'xyz' });
      const start = startScram({ mechanisms: ['SCRAM-SHA-256'], tls: false, certificateHash: undefined, nonce: 'abc' });
      await authenticator.respond(encodeSaslInitialResponse('SCRAM-SHA-256', Buffer.from(start.clientFirst)).subarray(5));
      const challenge = `r=abcxyz,s=${Buffer.alloc(16).toString('base64')},i=4096`;
      return authenticator.respond(Buffer.from((await proveScram(start, challenge, password)).clientFinal));
    };
    expect((await prove(password)).type).toBe('Done');
    await expect(prove(undefined)).rejects.toMatchObject({ fields: { code: 'authentication-failed' } });
  });

  it('throws nothing but Failure on any conversation', async () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .string({ unit: 'binary', maxLength: 40 })
        .map((text) => Buffer.concat([Buffer.from('SCRAM-SHA-256\0\0\0\0'), Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])),
    );
    await fc.assert(
      fc.asyncProperty(body, async (bytes) => {
        expect(await failureOf(Buffer.from(bytes))).not.toMatch(/^BUG/);
      }),
      { numRuns: 5_000 },
    );
  });
});
