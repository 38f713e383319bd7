import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { upstreamProtocolViolation } from '../../kernel/failure.ts';
import { FIELD_LIMIT } from './long-fields.ts';
import { bodyOf, ServerFrames } from './server-frames.ts';
import type { Span } from './span.ts';

const frame = (letter: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(letter, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

type Delivered = { bulk: string; rows: number } | { message: string; body: string; raw: string };

/** Pushes the chunks, and joins neighbouring bulk slices, which chunking may cut anywhere. */
const deliver = (chunks: readonly Buffer[]): Delivered[] => {
  const seen: Delivered[] = [];
  const frames = new ServerFrames();
  for (const chunk of chunks) {
    frames.push(chunk, {
      bulk: (raw, rows) => {
        const last = seen.at(-1);
        if (last !== undefined && 'bulk' in last) {
          seen[seen.length - 1] = { bulk: last.bulk + raw.view().toString('hex'), rows: last.rows + rows };
        } else {
          seen.push({ bulk: raw.view().toString('hex'), rows });
        }
      },
      message: (type, raw) =>
        seen.push({ message: String.fromCharCode(type), body: bodyOf(raw).toString('hex'), raw: raw.view().toString('hex') }),
    });
  }
  return seen;
};

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
};

describe('ServerFrames', () => {
  it('delivers the same for any chunking, in order and byte for byte', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ letter: fc.constantFrom('D', 'd', 'D', 'C', 'Z', 'E', 'T', '1'), body: fc.uint8Array({ maxLength: 60 }) })),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        (messages, sizes) => {
          const bytes = Buffer.concat(messages.map(({ letter, body }) => frame(letter, Buffer.from(body))));
          const expected: Delivered[] = [];
          for (const { letter, body } of messages) {
            const raw = frame(letter, Buffer.from(body)).toString('hex');
            const last = expected.at(-1);
            if (letter !== 'D' && letter !== 'd') {
              expected.push({ message: letter, body: raw.slice(10), raw });
            } else if (last !== undefined && 'bulk' in last) {
              expected[expected.length - 1] = { bulk: last.bulk + raw, rows: last.rows + 1 };
            } else {
              expected.push({ bulk: raw, rows: 1 });
            }
          }
          expect(deliver([bytes])).toEqual(expected);
          expect(deliver(cut(bytes, sizes))).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('passes a row on in pieces before it has arrived whole', () => {
    const row = frame('D', Buffer.alloc(100, 7));
    const seen: [number, number, number][] = [];
    const frames = new ServerFrames();
    const sink = {
      bulk: (raw: Span, rows: number, begun: number) => seen.push([raw.length, rows, begun]),
      message: () => expect.unreachable(),
    };
    frames.push(row.subarray(0, 40), sink);
    frames.push(row.subarray(40, 90), sink);
    frames.push(Buffer.concat([row.subarray(90), row, row.subarray(0, 3)]), sink);
    expect(seen).toEqual([
      [40, 0, 0],
      [50, 0, 50],
      [120, 2, 15],
    ]);
  });

  it('cuts long texts of errors and notices, the same for any chunking, and keeps all fields', () => {
    const fields = (...texts: readonly string[]): Buffer => Buffer.from(`${texts.map((text) => `${text}\0`).join('')}\0`);
    const long = 'x'.repeat(FIELD_LIMIT + 1);
    const exact = 'y'.repeat(FIELD_LIMIT);
    const cutText = `${exact.replaceAll('y', 'x')}...`;
    const whole = frame('E', fields('SERROR', 'C22P02', `M${long}`, `D${exact}`, `W${long}${long}`, 'Fpl_exec.c'));
    const bytes = Buffer.concat([frame('D', Buffer.alloc(7)), whole, frame('N', fields(`M${long}`)), frame('Z', Buffer.from('I'))]);
    const expected = [
      { bulk: frame('D', Buffer.alloc(7)).toString('hex'), rows: 1 },
      ...[
        ['E', fields('SERROR', 'C22P02', `M${cutText}`, `D${exact}`, `W${cutText}`, 'Fpl_exec.c')] as const,
        ['N', fields(`M${cutText}`)] as const,
        ['Z', Buffer.from('I')] as const,
      ].map(([message, body]) => ({ message, body: body.toString('hex'), raw: frame(message, body).toString('hex') })),
    ];
    for (const sizes of [[bytes.length], [65_536], [3, 100_000, 1], [FIELD_LIMIT + 29], [1, 2, 3, 5000]]) {
      expect(deliver(cut(bytes, sizes))).toEqual(expected);
    }
  });

  it('refuses an error of more fields than there are, instead of holding each', () => {
    const body = Buffer.concat([Buffer.from('Mx\0'.repeat(100_000)), Buffer.alloc(1)]);
    expect(() => deliver([frame('E', body)])).toThrow(upstreamProtocolViolation('An error or notice has more than 64 fields.'));
  });

  it('delivers a run of rows in one chunk as one slice of that chunk', () => {
    const chunk = Buffer.concat(Array.from({ length: 50 }, () => frame('D', Buffer.alloc(20))));
    const slices: Span[] = [];
    new ServerFrames().push(chunk, { bulk: (raw) => slices.push(raw), message: () => expect.unreachable() });
    expect(slices.map((slice) => [slice.buffer === chunk, slice.length])).toEqual([[true, chunk.length]]);
  });

  it.each([
    ['a length below four', Buffer.from([0x5a, 0, 0, 0, 3]), 'A message of type 90 has the length 3.'],
    ['a negative length of a row', Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff]), 'A message of type 68 has the length -1.'],
    ['a message over the limit', Buffer.from([0x45, 0, 0, 0, 21]), 'A message of type 69 has 21 bytes, and the limit is 20.'],
  ])('refuses %s, also when the header is cut in two', (_what, bytes, detail) => {
    const sink = { bulk: () => undefined, message: () => undefined };
    expect(() => new ServerFrames(20).push(bytes, sink)).toThrow(upstreamProtocolViolation(detail));
    const frames = new ServerFrames(20);
    frames.push(bytes.subarray(0, 2), sink);
    expect(() => frames.push(bytes.subarray(2), sink)).toThrow(upstreamProtocolViolation(detail));
  });
});
