import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageTooLarge, protocolViolation } from '../../kernel/failure.ts';
import { ClientFrames } from './client-frames.ts';
import { FRONTEND_LIMITS } from './message-type.ts';

const frame = (type: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

const drain = (frames: ClientFrames): { type: number; body: string }[] => {
  const all: { type: number; body: string }[] = [];
  for (let next = frames.next(); next !== undefined; next = frames.next()) {
    expect(next.raw.view().subarray(5).equals(next.body)).toBe(true);
    all.push({ type: next.type, body: next.body.toString('hex') });
  }
  return all;
};

const thrown = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error;
  }
};

const Q = 'Q'.charCodeAt(0);
const S = 'S'.charCodeAt(0);

describe('ClientFrames', () => {
  it('answers the same frames for any chunking', () => {
    const types = [...FRONTEND_LIMITS.keys()];
    fc.assert(
      fc.property(
        fc.array(fc.record({ type: fc.constantFrom(...types), body: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
        (messages, sizes) => {
          const bytes = Buffer.concat(messages.map(({ type, body }) => frame(type, Buffer.from(body))));
          const frames = new ClientFrames();
          const seen: { type: number; body: string }[] = [];
          for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
            const size = sizes[turn % sizes.length] as number;
            frames.push(Buffer.from(bytes.subarray(offset, offset + size)));
            offset += size;
            seen.push(...drain(frames));
          }
          expect(seen).toEqual(messages.map(({ type, body }) => ({ type, body: Buffer.from(body).toString('hex') })));
        },
      ),
    );
  });

  it('copies a message that arrives byte by byte a bounded number of times', () => {
    const bytes = frame(Q, Buffer.alloc(1024 * 1024, 1));
    const frames = new ClientFrames();
    let copied = 0;
    let early = false;
    const copy = Buffer.prototype.copy;
    Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>) {
      const count = copy.apply(this, args);
      copied += count;
      return count;
    };
    try {
      for (let offset = 0; offset < bytes.length; offset += 1) {
        early ||= frames.next() !== undefined;
        frames.push(bytes.subarray(offset, offset + 1));
      }
    } finally {
      Buffer.prototype.copy = copy;
    }
    expect(early).toBe(false);
    expect(frames.next()?.raw.view().equals(bytes)).toBe(true);
    expect(copied).toBeLessThan(3 * bytes.length);
  });

  it('keeps a frame that was taken as it is when more bytes arrive', () => {
    const frames = new ClientFrames();
    const bytes = Buffer.concat([frame(Q, Buffer.from('first')), frame(Q, Buffer.from('second'))]);
    for (const byte of bytes.subarray(0, 12)) {
      frames.push(Buffer.of(byte));
    }
    const first = frames.next();
    frames.push(bytes.subarray(12));
    expect(first?.body.toString()).toBe('first');
    expect(frames.next()?.body.toString()).toBe('second');
  });

  it.each([
    ['an unknown type, at its first byte', Buffer.from([0x21]), protocolViolation('invalid frontend message type 33')],
    ['a length below four', Buffer.from([Q, 0, 0, 0, 3]), protocolViolation('invalid message length')],
    ['a negative length', Buffer.from([Q, 0xff, 0xff, 0xff, 0xff]), protocolViolation('invalid message length')],
    ['a large length before the body is there', Buffer.from([Q, 1, 0, 0, 1]), messageTooLarge(0x01000001, 0x01000000)],
    ['a Sync of more than 10,000 bytes', Buffer.from([S, 0, 0, 0x27, 0x11]), messageTooLarge(10_001, 10_000)],
  ])('refuses %s', (_what, bytes, failure) => {
    const frames = new ClientFrames();
    frames.push(bytes);
    expect(thrown(() => frames.next())).toEqual(failure);
  });

  it('accepts a message of exactly the limit', () => {
    const frames = new ClientFrames(104);
    frames.push(frame(Q, Buffer.alloc(100)));
    expect(frames.next()?.body.length).toBe(100);
    frames.push(frame(Q, Buffer.alloc(101)));
    expect(thrown(() => frames.next())).toEqual(messageTooLarge(105, 104));
  });
});
