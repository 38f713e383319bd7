import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure, relationRefused, syntaxError, upstreamProtocolViolation } from '../../kernel/failure.ts';
import {
  encodeAuthenticationOk,
  encodeAuthenticationSasl,
  encodeAuthenticationSaslContinue,
  encodeAuthenticationSaslFinal,
} from './authentication.ts';
import { type BackendMessage, decodeBackend } from './backend-message.ts';
import {
  encodeBindComplete,
  encodeCloseComplete,
  encodeCommandComplete,
  encodeEmptyQueryResponse,
  encodeParseComplete,
} from './completion.ts';
import { encodeErrorResponse, encodeFailure, encodeNoticeResponse, withFields, withoutFields } from './error-response.ts';
import { BACKEND } from './message-type.ts';
import { encodeBackendKeyData, encodeNegotiateProtocolVersion, encodeParameterStatus, encodeReadyForQuery } from './server-status.ts';

const decode = (raw: Buffer): BackendMessage => {
  expect(raw.readInt32BE(1)).toBe(raw.length - 1);
  return decodeBackend(raw[0] as number, raw.subarray(5), upstreamProtocolViolation);
};

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((value) => value.replaceAll('\0', 'x'));
const fields = fc
  .dictionary(fc.constantFrom('S', 'V', 'C', 'M', 'D', 'H', 'P', 'p', 'q', 'W', 's', 't', 'c', 'd', 'n', 'F', 'L', 'R'), text)
  .map((entries) => new Map(Object.entries(entries)));
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));

describe('backend messages', () => {
  it('are read back as they were written', () => {
    const cases = fc.oneof<fc.Arbitrary<[Buffer, BackendMessage]>[]>(
      fields.map((value) => [encodeErrorResponse(value), { type: 'ErrorResponse', fields: value }]),
      fields.map((value) => [encodeNoticeResponse(value), { type: 'NoticeResponse', fields: value }]),
      fc.tuple(text, text).map(([name, value]) => [encodeParameterStatus(name, value), { type: 'ParameterStatus', name, value }]),
      text.map((tag) => [encodeCommandComplete(tag), { type: 'CommandComplete', tag }]),
      fc
        .tuple(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.uint8Array({ minLength: 4, maxLength: 256 }))
        .map(([processId, key]) => [
          encodeBackendKeyData(processId, Buffer.from(key)),
          { type: 'BackendKeyData', processId, secretKey: Buffer.from(key) },
        ]),
      fc
        .record({ minor: fc.integer({ min: 0, max: 9999 }), unknownParameters: fc.array(text, { maxLength: 4 }) })
        .map((value) => [encodeNegotiateProtocolVersion(value), { type: 'NegotiateProtocolVersion', ...value }]),
      bytes.map((data) => [encodeAuthenticationSaslContinue(data), { type: 'AuthenticationSASLContinue', data }]),
      bytes.map((data) => [encodeAuthenticationSaslFinal(data), { type: 'AuthenticationSASLFinal', data }]),
    );
    fc.assert(
      fc.property(cases, ([raw, value]) => {
        expect(decode(raw)).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[Buffer, string, BackendMessage]>([
    [encodeAuthenticationOk(), '520000000800000000', { type: 'AuthenticationOk' }],
    [
      encodeAuthenticationSasl(['SCRAM-SHA-256']),
      '52000000170000000a534352414d2d5348412d3235360000',
      { type: 'AuthenticationSASL', mechanisms: ['SCRAM-SHA-256'] },
    ],
    [encodeReadyForQuery('Idle'), '5a0000000549', { type: 'ReadyForQuery', status: 'Idle' }],
    [encodeReadyForQuery('Transaction'), '5a0000000554', { type: 'ReadyForQuery', status: 'Transaction' }],
    [encodeReadyForQuery('Failed'), '5a0000000545', { type: 'ReadyForQuery', status: 'Failed' }],
    [
      encodeNegotiateProtocolVersion({ minor: 2, unknownParameters: ['_pq_.x'] }),
      '760000001300030002000000015f70715f2e7800',
      { type: 'NegotiateProtocolVersion', minor: 2, unknownParameters: ['_pq_.x'] },
    ],
    [encodeParseComplete(), '3100000004', { type: 'ParseComplete' }],
    [encodeBindComplete(), '3200000004', { type: 'BindComplete' }],
    [encodeCloseComplete(), '3300000004', { type: 'CloseComplete' }],
    [encodeEmptyQueryResponse(), '4900000004', { type: 'EmptyQueryResponse' }],
    [
      encodeFailure(syntaxError('syntax error at or near "x"', 7).fields),
      Buffer.from('E\0\0\0\x3aSERROR\0VERROR\0C42601\0Msyntax error at or near "x"\0P7\0\0', 'latin1').toString('hex'),
      {
        type: 'ErrorResponse',
        fields: new Map([
          ['S', 'ERROR'],
          ['V', 'ERROR'],
          ['C', '42601'],
          ['M', 'syntax error at or near "x"'],
          ['P', '7'],
        ]),
      },
    ],
  ])('are these bytes', (raw, hex, value) => {
    expect(raw.toString('hex')).toBe(hex);
    expect(decode(raw)).toEqual(value);
  });

  it('tells a failure with its detail and hint, and never a NUL inside', () => {
    expect(decode(encodeFailure(relationRefused('a\0b', ['public.users']).fields))).toEqual({
      type: 'ErrorResponse',
      fields: new Map([
        ['S', 'ERROR'],
        ['V', 'ERROR'],
        ['C', '42501'],
        ['M', 'permission denied for relation "a\uFFFDb"'],
        ['D', 'No policy in force grants it to this agent.'],
        ['H', 'Relations that may be read: public.users.'],
      ]),
    });
  });

  it('accepts an ErrorResponse without an SQLSTATE', () => {
    expect(decode(Buffer.from('E\0\0\0\x0eMmessage\0\0', 'latin1'))).toEqual({
      type: 'ErrorResponse',
      fields: new Map([['M', 'message']]),
    });
  });

  it('drops and replaces fields of the server', () => {
    const original = new Map([
      ['C', '23514'],
      ['M', 'new row violates check constraint'],
      ['D', 'Failing row contains (1, 123-45-6789).'],
      ['W', 'PL/pgSQL function f()'],
    ]);
    expect(withFields(withoutFields(original, 'DW'), { M: 'withheld', P: '3' })).toEqual(
      new Map([
        ['C', '23514'],
        ['M', 'withheld'],
        ['P', '3'],
      ]),
    );
  });

  it.each([
    ['an unknown type', '?', '', 'invalid backend message type 63'],
    ['a status that there is not', 'Z', 'X', 'invalid transaction status in message'],
    ['a ReadyForQuery with more in it', 'Z', 'II', 'invalid message format'],
    ['fields without their end', 'E', 'SERROR\0', 'insufficient data left in message'],
    ['a cancel key of three bytes', 'K', '\0\0\0\x01abc', 'invalid message format'],
    ['mechanisms without their end', 'R', '\0\0\0\x0aSCRAM\0', 'invalid message format'],
  ])('refuses %s', (_what, type, body, message) => {
    expect(() => decodeBackend(type.charCodeAt(0), Buffer.from(body, 'latin1'), upstreamProtocolViolation)).toThrow(
      upstreamProtocolViolation(message),
    );
  });

  it('throws nothing but Failure for 100,000 random bodies', () => {
    const types = Object.values(BACKEND);
    const bodies = fc.tuple(fc.constantFrom(...types), fc.uint8Array({ maxLength: 40 }), fc.boolean());
    let runs = 0;
    for (const [type, random, printable] of fc.sample(bodies, 100_000)) {
      runs += 1;
      const body = Buffer.from(printable ? random.map((byte) => (byte % 5 === 0 ? 0 : byte % 16)) : random);
      try {
        decodeBackend(type, body, upstreamProtocolViolation);
      } catch (error) {
        if (!(error instanceof Failure)) {
          throw new Error(`${String.fromCharCode(type)} ${body.toString('hex')} threw ${String(error)}`);
        }
      }
    }
    expect(runs).toBe(100_000);
  }, 30_000);
});
