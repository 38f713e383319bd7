import fc from 'fast-check';
import { serialize } from 'pg-protocol';
import { describe, expect, it } from 'vitest';
import { Failure, protocolViolation } from '../../kernel/failure.ts';
import { encodeBind } from './bind.ts';
import { ClientFrames, Frame } from './client-frames.ts';
import { encodeCopyData, encodeCopyFail } from './copy.ts';
import { encodeClose, encodeDescribe } from './describe-close.ts';
import { encodeExecute } from './execute.ts';
import { decodeFrontend, encodeCopyDone, encodeFlush, encodeSync, encodeTerminate, type FrontendMessage } from './frontend-message.ts';
import { FRONTEND_LIMITS } from './message-type.ts';
import { encodeParse } from './parse.ts';
import {
  decodePassword,
  decodeSaslInitialResponse,
  decodeSaslResponse,
  encodePassword,
  encodeSaslInitialResponse,
  encodeSaslResponse,
} from './password.ts';
import { encodeQuery } from './query.ts';
import { Span } from './span.ts';
import { decodeStartupPacket } from './startup-packet.ts';

const frameOf = (type: number, body: Buffer): Frame => new Frame(type, new Span(Buffer.concat([Buffer.alloc(5), body])));

const decode = (bytes: Buffer): FrontendMessage => {
  const frames = new ClientFrames();
  frames.push(bytes);
  const frame = frames.next();
  expect(frame?.raw.length).toBe(bytes.length);
  return decodeFrontend(frame as NonNullable<typeof frame>);
};

const name = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replaceAll('\0', 'x'));
const bytes = fc.uint8Array({ maxLength: 50 }).map((value) => Buffer.from(value));
const sql = bytes.map((value) => Buffer.from(value.filter((byte) => byte !== 0)));
const target = fc.constantFrom('Statement' as const, 'Portal' as const);
const formats = fc.array(fc.constantFrom(0, 1), { maxLength: 1 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

const message: fc.Arbitrary<FrontendMessage> = fc.oneof(
  fc.record({ type: fc.constant('Query' as const), sql }),
  fc.record({
    type: fc.constant('Parse' as const),
    name,
    sql,
    parameterTypes: fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('Bind' as const),
    portal: name,
    statement: name,
    parameterFormats: formats,
    parameters: fc.array(fc.option(bytes), { maxLength: 5 }),
    resultFormats: formats,
  }),
  fc.record({ type: fc.constantFrom('Describe' as const, 'Close' as const), target, name }),
  fc.record({ type: fc.constant('Execute' as const), portal: name, maxRows: int32 }),
  fc.record({ type: fc.constantFrom('Sync' as const, 'Flush' as const, 'Terminate' as const, 'CopyDone' as const) }),
  fc.record({ type: fc.constant('CopyData' as const), data: bytes }),
  fc.record({ type: fc.constant('CopyFail' as const), message: name }),
);

const encode = (value: FrontendMessage): Buffer => {
  switch (value.type) {
    case 'Query':
      return encodeQuery(value.sql);
    case 'Parse':
      return encodeParse(value.name, value.sql, value.parameterTypes);
    case 'Bind':
      return encodeBind(value);
    case 'Describe':
      return encodeDescribe(value.target, value.name);
    case 'Close':
      return encodeClose(value.target, value.name);
    case 'Execute':
      return encodeExecute(value.portal, value.maxRows);
    case 'Sync':
      return encodeSync();
    case 'Flush':
      return encodeFlush();
    case 'Terminate':
      return encodeTerminate();
    case 'CopyDone':
      return encodeCopyDone();
    case 'CopyData':
      return encodeCopyData(value.data);
    case 'CopyFail':
      return encodeCopyFail(value.message);
    default:
      throw new Error(`no encoder for ${value.type}`);
  }
};

describe('frontend messages', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, Buffer, FrontendMessage]>([
    ['Query', serialize.query('SELECT 1'), { type: 'Query', sql: Buffer.from('SELECT 1') }],
    [
      'Parse',
      serialize.parse({ name: 's', text: 'SELECT $1', types: [23] }),
      { type: 'Parse', name: 's', sql: Buffer.from('SELECT $1'), parameterTypes: [23] },
    ],
    [
      'Bind',
      serialize.bind({ portal: 'p', statement: 's', values: ['1', null, Buffer.of(1, 0)], binary: true }),
      {
        type: 'Bind',
        portal: 'p',
        statement: 's',
        parameterFormats: [0, 0, 1],
        parameters: [Buffer.from('1'), null, Buffer.of(1, 0)],
        resultFormats: [1],
      },
    ],
    ['Describe', serialize.describe({ type: 'P', name: 'p' }), { type: 'Describe', target: 'Portal', name: 'p' }],
    ['Close', serialize.close({ type: 'S' }), { type: 'Close', target: 'Statement', name: '' }],
    ['Execute', serialize.execute({ portal: 'p', rows: 10 }), { type: 'Execute', portal: 'p', maxRows: 10 }],
    ['Sync', serialize.sync(), { type: 'Sync' }],
    ['Flush', serialize.flush(), { type: 'Flush' }],
    ['Terminate', serialize.end(), { type: 'Terminate' }],
    ['CopyData', serialize.copyData(Buffer.from('1\t2\n')), { type: 'CopyData', data: Buffer.from('1\t2\n') }],
    ['CopyDone', serialize.copyDone(), { type: 'CopyDone' }],
    ['CopyFail', serialize.copyFail('no'), { type: 'CopyFail', message: 'no' }],
  ])("%s is what node-postgres' own serializer writes", (_what, serialized, value) => {
    expect(decode(serialized)).toEqual(value);
    expect(encode(value).equals(serialized) || value.type === 'Bind').toBe(true);
  });

  it('recognises a function call and leaves the password as it came', () => {
    expect(decode(Buffer.from('F\0\0\0\x06ab'))).toEqual({ type: 'FunctionCall' });
    expect(decode(encodePassword('secret'))).toEqual({ type: 'Password', body: Buffer.from('secret\0') });
  });

  const bind = (...parts: (string | number[])[]): Buffer =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
  it.each<[string, string, Buffer, string]>([
    ['a NUL inside a query', 'Q', Buffer.from('SELECT 1\0; DROP\0'), 'invalid message format'],
    ['a query without its end', 'Q', Buffer.from('SELECT 1'), 'invalid string in message'],
    ['a NUL inside the text of Parse', 'P', Buffer.from('s\0SELECT 1\0 DROP\0\0\0'), 'insufficient data left in message'],
    ['fewer types than Parse announces', 'P', bind('s\0SELECT\0', [0, 2, 0, 0, 0, 1]), 'insufficient data left in message'],
    ['a name that is not UTF-8', 'P', bind('\xff\0SELECT\0', [0, 0]), 'invalid byte sequence for encoding "UTF8" in message'],
    ['a value of length -2', 'B', bind('\0\0', [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0]), 'insufficient data left in message'],
    ['a value longer than the message', 'B', bind('\0\0', [0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0]), 'insufficient data left in message'],
    ['bytes behind a Bind', 'B', bind('\0\0', [0, 0, 0, 0, 0, 0, 0]), 'invalid message format'],
    [
      'formats that are not one per value',
      'B',
      bind('\0\0', [0, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
      'bind message has 2 parameter formats but 0 parameters',
    ],
    ['a Describe of neither', 'D', Buffer.from('X\0'), 'invalid DESCRIBE message subtype 88'],
    ['a Sync with a body', 'S', Buffer.from('\0'), 'invalid message format'],
  ])('refuses %s', (_what, type, body, text) => {
    expect(() => decodeFrontend(frameOf(type.charCodeAt(0), body))).toThrow(protocolViolation(text));
  });

  it('throws nothing but Failure for 100,000 random and damaged bodies', () => {
    const types = [...FRONTEND_LIMITS.keys()];
    const damaged = fc.oneof(
      fc.record({ type: fc.constantFrom(...types), body: fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value)) }),
      fc.tuple(message, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
        const body = Buffer.from(encode(value));
        const index = body.length > 5 ? 5 + (at % (body.length - 5)) : 0;
        body[index] = byte;
        return { type: encode(value)[0] as number, body: body.subarray(5, at % 3 === 0 ? index : body.length) };
      }),
    );
    let runs = 0;
    for (const { type, body } of fc.sample(damaged, 100_000)) {
      runs += 1;
      for (const read of [
        () => decodeFrontend(frameOf(type, body)),
        () => decodeStartupPacket(body),
        () => decodeSaslInitialResponse(body),
      ]) {
        try {
          read();
        } catch (error) {
          if (!(error instanceof Failure)) {
            throw new Error(`${String.fromCharCode(type)} ${body.toString('hex')} threw ${String(error)}`);
          }
        }
      }
    }
    expect(runs).toBe(100_000);
  }, 30_000);
});

describe('password messages', () => {
  it('are read back as they were written', () => {
    const body = (raw: Buffer): Buffer => raw.subarray(5);
    expect(decodePassword(body(encodePassword('sécret')))).toBe('sécret');
    expect(decodeSaslResponse(body(encodeSaslResponse(Buffer.from('c=biws'))))).toEqual(Buffer.from('c=biws'));
    expect(decodeSaslInitialResponse(body(encodeSaslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,'))))).toEqual({
      mechanism: 'SCRAM-SHA-256',
      response: Buffer.from('n,,'),
    });
    expect(decodeSaslInitialResponse(body(encodeSaslInitialResponse('X', undefined)))).toEqual({ mechanism: 'X', response: undefined });
  });

  it("are what node-postgres' own serializer writes", () => {
    expect(encodePassword('secret')).toEqual(serialize.password('secret'));
    expect(encodeSaslResponse(Buffer.from('c=biws'))).toEqual(serialize.sendSCRAMClientFinalMessage('c=biws'));
    expect(encodeSaslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,'))).toEqual(
      serialize.sendSASLInitialResponseMessage('SCRAM-SHA-256', 'n,,'),
    );
  });
});
