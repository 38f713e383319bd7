import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageLines } from './message-lines.ts';

describe('MessageLines', () => {
  it('finds the same lines however they are cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\n', ''));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (lines, size) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
        const reader = new MessageLines(1_000);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += size) found.push(...reader.push(bytes.subarray(at, at + size)));
        expect(found).toEqual(Buffer.from(lines.join('\n')).toString().split('\n').slice(0, lines.length));
      }),
    );
  });

  it('holds no more than a line may have', () => {
    const reader = new MessageLines(10);
    expect(reader.push(Buffer.from('0123456789\n01234'))).toEqual(['0123456789']);
    expect(() => reader.push(Buffer.from('567890'))).toThrow('a message is larger than 10 bytes');
    expect(() => new MessageLines(10).push(Buffer.from('01234567890\n'))).toThrow('a message is larger than 10 bytes');
  });

  it('refuses what is no UTF-8', () => {
    expect(() => new MessageLines(10).push(Buffer.from([0xff, 0x0a]))).toThrow(TypeError);
  });
});
