import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Span, SpanQueue } from './span.ts';

describe('SpanQueue', () => {
  it('gives back all bytes in order, whatever they stand in', () => {
    const buffers = [Buffer.from('abcdefghij'), Buffer.from('KLMNOPQRST')] as const;
    const part = fc.record({ which: fc.constantFrom(0, 1), start: fc.nat(10), length: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const spans = parts.map(({ which, start, length }) => new Span(buffers[which as 0 | 1], start, Math.min(10, start + length)));
        const queue = new SpanQueue();
        for (const span of spans) queue.add(span);
        const expected = spans.map((span) => span.view().toString()).join('');
        expect(queue.length).toBe(expected.length);
        expect(Buffer.concat(queue.take()).toString()).toBe(expected);
        expect([queue.length, queue.take()]).toEqual([0, []]);
      }),
    );
  });

  it('makes one piece, uncopied, of what stands behind each other', () => {
    const buffer = Buffer.from('one read');
    const queue = new SpanQueue();
    queue.add(new Span(buffer, 0, 3));
    queue.add(new Span(buffer, 3, 8));
    const [whole, ...rest] = queue.take();
    expect([whole === buffer, rest]).toEqual([true, []]);
  });
});
