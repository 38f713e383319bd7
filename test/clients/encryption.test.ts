import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { connectRaw, RawClient, responseFields, send, types } from '../support/raw-client.ts';
import { programVersion, runProgram } from './program.ts';
import { pythonWithDrivers } from './python-environment.ts';
import { AGENT, type Shop, startShop } from './shop.ts';

const psqlVersion = programVersion('psql');
const python = await pythonWithDrivers();

let shop: Shop;
let folder: string;
let ca: string;
let strangers: string;
let caText: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-airlock-tls-'));
  const authority = await createAuthority();
  const other = await createAuthority('somebody else');
  const { key, cert } = await authority.issue(['localhost', '127.0.0.1']);
  caText = authority.cert;
  [ca, strangers] = [join(folder, 'ca.pem'), join(folder, 'strangers.pem')];
  await writeFile(ca, authority.cert);
  await writeFile(strangers, other.cert);
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(join(folder, 'cert.pem'), cert);
  // The way to the database is encrypted as well, and its certificate's name counts.
  const server = await authority.issue(['127.0.0.1']);
  shop = await startShop({
    postgres: { tls: server, hba: 'hostssl all shop_app 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n' },
    manifests: { ca: authority.cert },
    flags: ['--tls-cert', join(folder, 'cert.pem'), '--tls-key', join(folder, 'key.pem')],
  });
});
afterAll(async () => {
  await shop.stop();
  await rm(folder, { recursive: true, force: true });
});

const SQL = 'SELECT ssn FROM customers WHERE id = 7';

describe('a client of libpq', () => {
  const withPsql = async (parameters: string): Promise<readonly [number | null, string]> => {
    const { code, stdout, stderr } = await runProgram('psql', ['-XAt', '-c', SQL, `${shop.url}?${parameters}`]);
    return [code, stdout + stderr];
  };
  /** The libpq that psycopg brings along is newer than most of the installed ones. */
  const withPython = async (parameters: string): Promise<readonly [number | null, string]> => {
    const script = `import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])`;
    const { code, stdout, stderr } = await runProgram(python ?? '', ['-c', script, `${shop.url}?${parameters}`, SQL]);
    return [code, stdout + stderr];
  };

  describe.each([
    { libpq: 'psql', missing: psqlVersion === undefined, ask: withPsql },
    { libpq: 'psycopg', missing: python === undefined, ask: withPython },
  ])('of $libpq', ({ missing, ask }) => {
    it
      .skipIf(missing)
      .for([
        'sslmode=disable',
        'sslmode=prefer',
        'sslmode=require',
        'sslmode=verify-ca&sslrootcert=CA',
        'sslmode=verify-full&sslrootcert=CA',
        'sslmode=verify-full&sslrootcert=CA&channel_binding=require',
        'sslmode=require&ssl_min_protocol_version=TLSv1.3',
        'sslmode=require&gssencmode=prefer',
      ])('connects with %s', async (parameters) => {
      expect(await ask(parameters.replace('CA', ca))).toEqual([0, '***7\n']);
    });

    it.skipIf(missing)('does not connect where it does not trust the certificate, or where channel binding needs TLS', async () => {
      for (const [parameters, told] of [
        [`sslmode=verify-full&sslrootcert=${strangers}`, 'certificate verify failed'],
        ['sslmode=disable&channel_binding=require', 'channel binding'],
      ] as const) {
        const [code, output] = await ask(parameters);
        expect(code).not.toBe(0);
        expect(output).toContain(told);
      }
    });
  });

  it
    .skipIf(python === undefined)
    .for([
      'sslmode=require&sslnegotiation=direct',
      'sslmode=verify-full&sslrootcert=CA&sslnegotiation=direct&channel_binding=require',
      'sslmode=require&min_protocol_version=3.2&max_protocol_version=3.2',
    ])('of PostgreSQL 18 connects with %s', async (parameters) => {
    expect(await withPython(parameters.replace('CA', ca))).toEqual([0, '***7\n']);
  });
});

describe('node-postgres', () => {
  it('connects over TLS, verifying, with channel binding', async () => {
    const client = new pg.Client({ connectionString: shop.url, ssl: { ca: caText }, enableChannelBinding: true });
    await client.connect();
    expect((await client.query(SQL)).rows).toEqual([{ ssn: '***7' }]);
    await client.end();
  });
});

describe('a client that says each byte itself', () => {
  const login = { user: AGENT.name, database: 'shop', password: AGENT.password };

  it('is declined GSS encryption, and goes on: in clear text, or with TLS', async () => {
    for (const encrypt of [false, true]) {
      const socket = connectTcp({ port: shop.proxy.port, host: shop.proxy.host });
      await once(socket, 'connect');
      socket.write(send.gssEncRequest());
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toBe('N');
      socket.removeAllListeners();
      const client = new RawClient(socket);
      expect(encrypt ? await client.startTls({ ca: caText }) : 'S').toBe('S');
      expect(types(await client.login(login))).toMatch(/^R R R R( S)+ K Z$/);
      client.destroy();
    }
  });

  it('starts with TLS at once, in the protocol that ALPN names, and in no other', async () => {
    const secured = connectTls({ port: shop.proxy.port, host: shop.proxy.host, ca: caText, ALPNProtocols: ['postgresql'] });
    await once(secured, 'secureConnect');
    expect(secured.alpnProtocol).toBe('postgresql');
    const client = new RawClient(secured);
    await client.login(login);
    expect(types(await client.query(SQL))).toBe('T D C Z');
    client.destroy();
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const refused = connectTls({ port: shop.proxy.port, host: shop.proxy.host, ca: caText, ...(ALPNProtocols && { ALPNProtocols }) });
      const end = await Promise.race([once(refused, 'secureConnect').then(() => once(refused, 'close')), once(refused, 'error')]).catch(
        () => 'refused',
      );
      expect(end).toBeDefined();
      expect(refused.bytesRead).toBeLessThan(10_000);
      refused.destroy();
    }
  });

  it.for([
    { minor: 0, parameters: {}, negotiated: undefined, keyBytes: 4 },
    { minor: 2, parameters: {}, negotiated: undefined, keyBytes: 32 },
    { minor: 1, parameters: {}, negotiated: undefined, keyBytes: 4 },
    {
      minor: 9999,
      parameters: { '_pq_.test_protocol_negotiation': '' },
      negotiated: [2, ['_pq_.test_protocol_negotiation']],
      keyBytes: 32,
    },
    { minor: 0, parameters: { '_pq_.something': 'x' }, negotiated: [0, ['_pq_.something']], keyBytes: 4 },
  ])('agrees on the minor version where it asks for 3.$minor', async ({ minor, parameters, negotiated, keyBytes }) => {
    const client = await connectRaw(shop.proxy.port);
    const frames = await client.login({ ...login, parameters, minor });
    const answer = frames.find(({ type }) => type === 'v')?.body;
    const told = answer && [
      answer.readInt32BE(0) & 0xffff,
      answer
        .toString('utf8', 8)
        .split('\0')
        .filter((name) => name !== ''),
    ];
    expect(told).toEqual(negotiated);
    expect((frames.find(({ type }) => type === 'K')?.body.length ?? 0) - 4).toBe(keyBytes);
    expect(types(await client.query(SQL))).toBe('T D C Z');
    client.destroy();
  });

  it('is told that another major version is not spoken', async () => {
    const client = await connectRaw(shop.proxy.port);
    client.write(Buffer.from([0, 0, 0, 9, 0, 4, 0, 0, 0]));
    const [frame] = await client.until('E');
    expect(frame && responseFields(frame)['C']).toBe('0A000');
    client.destroy();
  });
});
