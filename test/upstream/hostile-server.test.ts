import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openUpstream } from '../../proxy/upstream/connect.ts';
import { encodeAuthenticationOk, encodeAuthenticationSasl, encodeAuthenticationSaslContinue } from '../../proxy/wire/authentication.ts';
import { encodeErrorResponse, encodeNoticeResponse } from '../../proxy/wire/error-response.ts';
import {
  encodeBackendKeyData,
  encodeNegotiateProtocolVersion,
  encodeParameterStatus,
  encodeReadyForQuery,
} from '../../proxy/wire/server-status.ts';
import { frame } from '../support/raw-client.ts';
import { type ConnectionFields, connectionTo, open, outcomeOf } from './session.ts';

const servers: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];
afterEach(() => {
  for (const { server, sockets } of servers.splice(0)) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
});

/** A server that answers each chunk of the client's with the next of these, and then hangs, or ends with `end`. */
const scripted = async (script: readonly Buffer[], end = false): Promise<{ readonly port: number; readonly sockets: Set<Socket> }> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let step = 0;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', () => {
      const bytes = script[step++];
      if (bytes !== undefined) socket.write(bytes);
      if (end && step >= script.length) socket.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push({ server, sockets });
  return { port: (server.address() as AddressInfo).port, sockets };
};

const refusal = (code: string, message: string): Buffer =>
  encodeErrorResponse(
    new Map([
      ['S', 'FATAL'],
      ['C', code],
      ['M', message],
    ]),
  );
const authentication = (code: number): Buffer => frame('R', code);
const ready = Buffer.concat([
  encodeParameterStatus('server_version', '18.4'),
  encodeBackendKeyData(7, Buffer.alloc(4, 1)),
  encodeReadyForQuery('Idle'),
]);
const OUT_OF_ORDER = 'upstream-protocol-violation: The message';
const NOT_POSTGRESQL = 'upstream-unreachable: What answers at the address of the database does not speak its protocol.';

describe('openUpstream() to a server that misbehaves', () => {
  const scenarios: readonly (readonly [string, readonly Buffer[], Partial<ConnectionFields>, string])[] = [
    [
      'has no TLS',
      [Buffer.from('N')],
      { mode: 'Require' },
      'upstream-unreachable: The database does not offer TLS, and the DatabaseConnection demands it.',
    ],
    [
      'has no TLS',
      [Buffer.from('N')],
      { mode: 'VerifyFull' },
      'upstream-unreachable: The database does not offer TLS, and the DatabaseConnection demands it.',
    ],
    [
      'answers the request for TLS with an error',
      [refusal('28000', 'hello')],
      { mode: 'Require' },
      'upstream-unreachable: The database answered the request for TLS with an error.',
    ],
    ['answers the request for TLS with something else', [Buffer.from('HTTP/1.1 400')], { mode: 'Require' }, NOT_POSTGRESQL],
    [
      'sends bytes before the TLS handshake',
      [Buffer.concat([Buffer.from('S'), ready])],
      { mode: 'Require' },
      'upstream-unreachable: Unencrypted bytes arrived where the TLS handshake was expected.',
    ],
    ['does not speak the protocol', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], {}, NOT_POSTGRESQL],
    ['announces a message of 2 GB', [Buffer.from('R\x7f\xff\xff\xff', 'latin1')], {}, NOT_POSTGRESQL],
    ['announces a message shorter than its length', [Buffer.from('R\0\0\0\x01', 'latin1')], {}, NOT_POSTGRESQL],
    [
      'asks for GSSAPI',
      [authentication(7)],
      {},
      'upstream-unreachable: The database asks for an authentication method that is not supported (GSSAPI).',
    ],
    [
      'asks for SSPI',
      [authentication(9)],
      {},
      'upstream-unreachable: The database asks for an authentication method that is not supported (SSPI).',
    ],
    [
      'asks for Kerberos',
      [authentication(2)],
      {},
      'upstream-unreachable: The database asks for an authentication method that is not supported (Kerberos 5).',
    ],
    [
      'asks for a method of the future',
      [authentication(99)],
      {},
      'upstream-unreachable: The database asks for an authentication method that is not supported (method 99).',
    ],
    [
      'asks for the password in clear text',
      [authentication(3)],
      { password: 'x' },
      'upstream-unreachable: The database asks for the password in clear text, which is sent only over TLS that verifies who the database is.',
    ],
    [
      'asks for a password that there is not',
      [frame('R', 5, Buffer.from('salt'))],
      {},
      'upstream-credentials-refused: The database refused the credentials of the DatabaseConnection.',
    ],
    [
      'lets us in instead of proving itself',
      [encodeAuthenticationSasl(['SCRAM-SHA-256']), Buffer.concat([encodeAuthenticationOk(), ready])],
      { password: 'x' },
      `${OUT_OF_ORDER} AuthenticationOk came out of order.`,
    ],
    [
      'asks for a clear password in the middle of SCRAM',
      [encodeAuthenticationSasl(['SCRAM-SHA-256']), authentication(3)],
      { password: 'x' },
      `${OUT_OF_ORDER} AuthenticationCleartextPassword came out of order.`,
    ],
    [
      'continues a SCRAM that was not begun',
      [encodeAuthenticationSaslContinue(Buffer.from('r='))],
      { password: 'x' },
      `${OUT_OF_ORDER} AuthenticationSASLContinue came out of order.`,
    ],
    [
      'has an empty nonce',
      [encodeAuthenticationSasl(['SCRAM-SHA-256']), encodeAuthenticationSaslContinue(Buffer.from('r=,s=AAAA,i=1'))],
      { password: 'x' },
      'upstream-unreachable: The database sent a SCRAM nonce that does not extend ours.',
    ],
    [
      'offers channel binding without TLS',
      [encodeAuthenticationSasl(['SCRAM-SHA-256-PLUS'])],
      { password: 'x' },
      'upstream-unreachable: The database offers channel binding on a connection without TLS.',
    ],
    ['is ready before the log-in', [ready], {}, `${OUT_OF_ORDER} ParameterStatus came before the log-in.`],
    [
      'logs in twice',
      [Buffer.concat([encodeAuthenticationOk(), encodeAuthenticationOk()])],
      {},
      `${OUT_OF_ORDER} AuthenticationOk came after the log-in.`,
    ],
    [
      'sends a row before it is ready',
      [Buffer.concat([encodeAuthenticationOk(), frame('D', Buffer.from([0, 0]))])],
      {},
      'upstream-protocol-violation: invalid backend message type 68',
    ],
    [
      'never comes to an end',
      [Buffer.concat([encodeAuthenticationOk(), ...Array.from({ length: 1_100 }, () => encodeParameterStatus('a', 'b'))])],
      {},
      'upstream-protocol-violation: The start of the session does not end.',
    ],
    ['is starting up', [refusal('57P03', 'the database system is starting up')], {}, '57P03 the database system is starting up'],
    ['has too many clients', [refusal('53300', 'sorry, too many clients already')], {}, '53300 sorry, too many clients already'],
    [
      'refuses a setting that the agent chose',
      [refusal('22023', 'invalid value for parameter "TimeZone": "x"')],
      {},
      '22023 invalid value for parameter "TimeZone": "x"',
    ],
    [
      'refuses our password',
      [refusal('28P01', 'password authentication failed for user "postgres"')],
      {},
      'upstream-credentials-refused: The database refused the credentials of the DatabaseConnection.',
    ],
    [
      'fails without an SQLSTATE',
      [encodeErrorResponse(new Map([['M', 'no']]))],
      {},
      'upstream-unreachable: The database refused the connection with SQLSTATE .',
    ],
    [
      'fails in a way of its own',
      [refusal('08P01', 'no such user: postgres')],
      {},
      'upstream-unreachable: The database refused the connection with SQLSTATE 08P01.',
    ],
  ];
  it.each(scenarios)('says so when it %s', async (_name, script, fields, expected) => {
    const { port, sockets } = await scripted(script);
    expect(await outcomeOf({ port, ...fields })).toBe(expected);
    await expect.poll(() => sockets.size).toBe(0);
  });

  it.each([
    ['before TLS', [] as readonly Buffer[], 'Require', 'negotiating TLS'],
    ['in the TLS handshake', [Buffer.from('S')], 'Require', 'negotiating TLS'],
    ['before the log-in', [], 'Disable', 'authenticating'],
    ['in the log-in', [encodeAuthenticationSasl(['SCRAM-SHA-256'])], 'Disable', 'authenticating'],
    ['in the middle of a message', [Buffer.from('R\0\0', 'latin1')], 'Disable', 'authenticating'],
    ['before it is ready', [encodeAuthenticationOk()], 'Disable', 'starting the session'],
  ] as const)('does not wait for one that falls silent %s, nor for one that hangs up', async (_name, script, mode, phase) => {
    const silent = await scripted(script);
    expect(await outcomeOf({ port: silent.port, mode, password: 'x' }, 150)).toBe(
      `upstream-unreachable: The database did not answer within 150 ms. This was while ${phase}.`,
    );
    await expect.poll(() => silent.sockets.size).toBe(0);
    const rude = await scripted(script, true);
    expect(await outcomeOf({ port: rude.port, mode, password: 'x' })).toBe(
      `upstream-unreachable: The database closed the connection. This was while ${phase}.`,
    );
  });

  it('names what cannot be reached', async () => {
    const { port } = await scripted([]);
    servers[0]?.server.close();
    expect(await outcomeOf({ port })).toBe('upstream-unreachable: The database does not accept connections. This was while connecting.');
    expect(await outcomeOf({ port, host: '/nowhere' })).toBe(
      'upstream-unreachable: There is no socket of the database. This was while connecting.',
    );
    expect(await outcomeOf({ port, host: 'db.invalid' })).toMatch(/^upstream-unreachable: The name of the database's host/);
  });

  it('passes over notices and version negotiation, and holds back what follows ReadyForQuery', async () => {
    const notice = encodeNoticeResponse(new Map([['M', 'late']]));
    const { port } = await scripted([
      Buffer.concat([
        encodeNegotiateProtocolVersion({ minor: 0, unknownParameters: [] }),
        encodeNoticeResponse(new Map([['M', 'early']])),
        encodeAuthenticationOk(),
        ready,
        notice,
      ]),
    ]);
    const upstream = await open({ port });
    expect([upstream.backendPid, [...upstream.parameters]]).toEqual([7, [['server_version', '18.4']]]);
    // Turns of the event loop in which the bytes could get lost.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const received: Buffer[] = [];
    await new Promise<void>((resolve) =>
      upstream.onData((chunk) => {
        received.push(chunk);
        if (Buffer.concat(received).length >= notice.length) resolve();
      }),
    );
    expect(Buffer.concat(received)).toEqual(notice);
    upstream.destroy();
  });

  it('refuses start parameters that would change who we are', async () => {
    const { port } = await scripted([]);
    for (const name of ['user', 'database', 'replication', 'options', '_pq_.x']) {
      const opened = openUpstream({ connection: connectionTo({ port }), parameters: { [name]: 'x' }, timeoutMs: 5_000 });
      await expect(opened).rejects.toMatchObject({ fields: { code: 'startup-option-refused' } });
    }
  });

  it('gives up when the client goes away', async () => {
    const { port, sockets } = await scripted([]);
    const client = new AbortController();
    const opened = openUpstream({ connection: connectionTo({ port }), parameters: {}, timeoutMs: 60_000, signal: client.signal });
    await expect.poll(() => sockets.size).toBe(1);
    client.abort();
    await expect(opened).rejects.toMatchObject({ fields: { code: 'upstream-unreachable' } });
    await expect.poll(() => sockets.size).toBe(0);
  });

  it('fails with nothing but Failure on any bytes, whole or mutated', async () => {
    const conversation = Buffer.concat([encodeAuthenticationSasl(['SCRAM-SHA-256']), encodeAuthenticationOk(), ready]);
    const mutated = fc
      .record({ at: fc.nat(conversation.length), remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 6 }) })
      .map(({ at, remove, insert }) => Buffer.concat([conversation.subarray(0, at), insert, conversation.subarray(at + remove)]));
    const random = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, random), fc.constantFrom('Disable', 'Require', 'VerifyFull'), async (bytes, mode) => {
        const { port } = await scripted([bytes], true);
        expect(await outcomeOf({ port, mode, password: 'x' })).toMatch(/^(upstream-|connected|[0-9A-Z]{5} )/);
      }),
      { numRuns: 300 },
    );
  });
});
