import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { connectRaw, type RawClient, responseFields, send, types } from '../support/raw-client.ts';
import { type Airlock, startAirlock } from './airlock.ts';

let postgres: TestPostgres;
let plain: Airlock;
let secure: Airlock;
let ca: string;
const clients: RawClient[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  const authority = await createAuthority();
  ca = authority.cert;
  plain = await startAirlock(postgres);
  secure = await startAirlock(postgres, { tls: await authority.issue(['localhost', '127.0.0.1']), tlsRequired: true });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});
afterAll(async () => {
  await plain.close();
  await secure.close();
  await postgres.stop();
});

const connect = async (airlock: Airlock): Promise<RawClient> => {
  const client = await connectRaw(airlock.port);
  clients.push(client);
  return client;
};
const LOGIN = { user: 'ann', database: 'shop' };
const firstByte = async (client: RawClient, ...messages: Buffer[]): Promise<string> => {
  const answered = once(client.socket, 'data') as Promise<[Buffer]>;
  client.write(...messages);
  const [answer] = await answered;
  return answer.toString('latin1', 0, 1);
};

describe('the door', () => {
  it('starts a session, and tells it as PostgreSQL does', async () => {
    const client = await connect(plain);
    const frames = await client.login(LOGIN);
    expect(types(frames)).toMatch(/^R (S )+K Z$/);
    expect(frames.find(({ type }) => type === 'K')?.body.length).toBe(8);
  });

  it('gives a longer cancel key to protocol 3.2', async () => {
    const client = await connect(plain);
    const frames = await client.login({ ...LOGIN, minor: 2 });
    expect(frames.find(({ type }) => type === 'K')?.body.length).toBe(36);
  });

  it('negotiates down from what libpq 19 asks for', async () => {
    const client = await connect(plain);
    const frames = await client.login({ ...LOGIN, minor: 9999, parameters: { '_pq_.test_protocol_negotiation': '' } });
    expect(frames[0]).toEqual({ type: 'v', body: Buffer.from('\0\x03\0\x02\0\0\0\x01_pq_.test_protocol_negotiation\0', 'latin1') });
    expect(types(frames)).toMatch(/^v R (S )+K Z$/);
  });

  it('encrypts when it is asked to', async () => {
    const client = await connect(secure);
    expect(await client.startTls({ ca, servername: 'localhost' })).toBe('S');
    expect(types(await client.login(LOGIN))).toMatch(/^R (S )+K Z$/);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it('takes direct TLS with the ALPN name of PostgreSQL, and no other', async () => {
    const options = { port: secure.port, host: '127.0.0.1', ca, servername: 'localhost' };
    const socket = connectTls({ ...options, ALPNProtocols: ['postgresql'] });
    await once(socket, 'secureConnect');
    socket.write(send.startup({ user: 'ann', database: 'shop' }));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1', 0, 1)).toBe('R');
    socket.destroy();
    for (const refused of [{}, { ALPNProtocols: ['h2'] }]) {
      const stray = connectTls({ ...options, ...refused });
      const received: Buffer[] = [];
      stray.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => undefined);
      stray.on('secureConnect', () => stray.write(send.startup(LOGIN)));
      await new Promise((resolve) => stray.once('close', resolve));
      expect(received).toEqual([]);
    }
  });

  it('answers N to what it does not have, once each', async () => {
    const client = await connect(plain);
    expect(await firstByte(client, send.gssEncRequest())).toBe('N');
    expect(await firstByte(client, send.sslRequest())).toBe('N');
    expect(await firstByte(client, send.sslRequest())).toBe('E');
    await client.waitClosed();
  });

  const refusal = async (airlock: Airlock, ...messages: Buffer[]): Promise<Record<string, string>> => {
    const client = await connect(airlock);
    client.write(...messages);
    await client.waitClosed();
    const frame = client.frames.at(-1);
    return frame === undefined ? {} : responseFields(frame);
  };

  it('refuses bytes that come in clear before the handshake', async () => {
    expect(await refusal(secure, send.sslRequest(), send.startup(LOGIN))).toMatchObject({
      S: 'FATAL',
      C: '08P01',
      M: 'received unencrypted data after SSL request',
    });
  });

  it.each<[string, () => Promise<Record<string, string>>, Record<string, string>]>([
    [
      'a session in clear where TLS is required',
      () => refusal(secure, send.startup(LOGIN)),
      { C: '28000', M: 'connection is not encrypted' },
    ],
    ['replication', () => refusal(plain, send.startup({ ...LOGIN, replication: 'database' })), { C: '42501' }],
    ['another encoding', () => refusal(plain, send.startup({ ...LOGIN, client_encoding: 'LATIN1' })), { C: '0A000' }],
    [
      'a setting that is judged so',
      () => refusal(plain, send.startup({ ...LOGIN, role: 'postgres' })),
      { C: '42501', M: 'permission denied for role' },
    ],
    [
      'such a setting among the options',
      () => refusal(plain, send.startup({ ...LOGIN, options: '--role=postgres' })),
      { C: '42501', M: 'permission denied for role' },
    ],
    ['protocol 2', () => refusal(plain, Buffer.from('00000008000200000000000000', 'hex')), { C: '0A000' }],
    ['a packet too large', () => refusal(plain, Buffer.from('00ffffff', 'hex')), { C: '54000' }],
  ])('refuses %s', async (_what, refused, fields) => {
    expect(await refused()).toMatchObject({ S: 'FATAL', ...fields });
  });

  it('answers nothing to plain HTTP but an error', async () => {
    expect(await refusal(plain, Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toMatchObject({ S: 'FATAL' });
  });

  it('cancels the statement of the session whose key is named, and closes without an answer', async () => {
    const client = await connect(plain);
    const login = await client.login({ ...LOGIN, minor: 2 });
    const key = login.find(({ type }) => type === 'K')?.body as Buffer;
    const cancel = async (secret: Buffer): Promise<number> => {
      const other = await connect(plain);
      other.write(send.cancelRequest(key.readInt32BE(0), secret));
      await other.waitClosed();
      return other.frames.length;
    };
    client.write(send.query('SELECT pg_sleep(60)'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await cancel(Buffer.alloc(32))).toBe(0);
    expect(await cancel(key.subarray(4))).toBe(0);
    const frames = await client.until('Z');
    expect(responseFields(frames.find(({ type }) => type === 'E') as (typeof frames)[number])['C']).toBe('57014');
    await cancel(key.subarray(4));
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });
});
