import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageTooLarge, protocolViolation } from '../../kernel/failure.ts';
import { ByteQueue } from './byte-queue.ts';
import { decodeStartupPacket, encodeStartupPacket, type StartupPacket, takeStartupPacket } from './startup-packet.ts';

const queueOf = (...chunks: Buffer[]): ByteQueue => {
  const queue = new ByteQueue();
  for (const chunk of chunks) {
    queue.push(chunk);
  }
  return queue;
};

const text = fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.replaceAll('\0', 'x').replace(/\p{Surrogate}/gu, 'y'));
const packet: fc.Arbitrary<StartupPacket> = fc.oneof(
  fc.constantFrom<StartupPacket>({ type: 'SSLRequest' }, { type: 'GSSENCRequest' }),
  fc.record({
    type: fc.constant('CancelRequest' as const),
    processId: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    secretKey: fc.uint8Array({ minLength: 4, maxLength: 256 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    type: fc.constant('StartupMessage' as const),
    major: fc.constant(3),
    minor: fc.integer({ min: 0, max: 9999 }),
    parameters: fc
      .dictionary(
        text.filter((name) => name !== ''),
        text,
      )
      .map((entries) => new Map(Object.entries(entries))),
  }),
);

describe('startup packets', () => {
  it('are read back as they were written, whatever the chunks', () => {
    fc.assert(
      fc.property(packet, fc.integer({ min: 1, max: 50 }), (value, size) => {
        const bytes = encodeStartupPacket(value);
        const queue = new ByteQueue();
        for (let offset = 0; offset < bytes.length; offset += size) {
          expect(takeStartupPacket(queue)).toBeUndefined();
          queue.push(bytes.subarray(offset, offset + size));
        }
        expect(takeStartupPacket(queue)).toEqual(value);
        expect(queue.length).toBe(0);
      }),
    );
  });

  it('are these bytes', () => {
    expect(encodeStartupPacket({ type: 'SSLRequest' }).toString('hex')).toBe('0000000804d2162f');
    expect(encodeStartupPacket({ type: 'GSSENCRequest' }).toString('hex')).toBe('0000000804d21630');
    expect(encodeStartupPacket({ type: 'CancelRequest', processId: 1, secretKey: Buffer.from('abcd') }).toString('hex')).toBe(
      '0000001004d2162e0000000161626364',
    );
    expect(
      encodeStartupPacket({ type: 'StartupMessage', major: 3, minor: 2, parameters: new Map([['user', 'ann']]) }).toString('latin1'),
    ).toBe('\0\0\0\x12\0\x03\0\x02user\0ann\0\0');
  });

  it('leaves what follows the packet in the queue', () => {
    const queue = queueOf(Buffer.concat([encodeStartupPacket({ type: 'SSLRequest' }), Buffer.from('more')]));
    expect(takeStartupPacket(queue)).toEqual({ type: 'SSLRequest' });
    expect(queue.take(queue.length).view().toString()).toBe('more');
  });

  it('gives no parameters for another major version, whose layout is unknown', () => {
    expect(decodeStartupPacket(Buffer.from('00020000ffff', 'hex'))).toEqual({
      type: 'StartupMessage',
      major: 2,
      minor: 0,
      parameters: new Map(),
    });
  });

  const startup = (parameters: string): Buffer => Buffer.from(`\0\x03\0\0${parameters}`, 'latin1');
  it.each([
    ['no terminator', startup('user\0ann\0'), 'invalid startup packet layout: expected terminator as last byte'],
    ['bytes behind the terminator', startup('user\0ann\0\0x'), 'invalid startup packet layout: expected terminator as last byte'],
    ['a name without a value', startup('user\0'), 'invalid string in message'],
    ['a value without its end', startup('user\0ann'), 'invalid string in message'],
    ['a name given twice', startup('user\0ann\0user\0bob\0\0'), 'startup parameter "user" is given twice'],
    ['a value that is not UTF-8', startup('user\0\xff\0\0'), 'invalid byte sequence for encoding "UTF8" in message'],
    ['a cancel key of three bytes', Buffer.from('04d2162e00000001616263', 'hex'), 'invalid length of query cancel packet'],
    ['a cancel key of 257 bytes', Buffer.from(`04d2162e00000001${'00'.repeat(257)}`, 'hex'), 'invalid length of query cancel packet'],
    ['an SSLRequest with more in it', Buffer.from('04d2162f00', 'hex'), 'invalid length of startup packet'],
    ['an unknown request', Buffer.from('04d20001', 'hex'), 'invalid startup request code 1234.1'],
  ])('refuses %s', (_what, body, message) => {
    expect(() => decodeStartupPacket(body)).toThrow(protocolViolation(message));
  });

  it('judges the length before the packet is there', () => {
    expect(() => takeStartupPacket(queueOf(Buffer.from([0, 0, 0, 7])))).toThrow(protocolViolation('invalid length of startup packet'));
    expect(() => takeStartupPacket(queueOf(Buffer.from([0xff, 0, 0, 7])))).toThrow(protocolViolation('invalid length of startup packet'));
    expect(() => takeStartupPacket(queueOf(Buffer.from([0, 0, 0x27, 0x15])))).toThrow(messageTooLarge(10_001, 10_000));
    expect(takeStartupPacket(queueOf(Buffer.from([0, 0, 0x27, 0x14])))).toBeUndefined();
  });
});
