import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLines } from './json-lines.ts';

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const all = async (values: AsyncIterable<unknown>): Promise<unknown[]> => {
  const seen: unknown[] = [];
  for await (const value of values) seen.push(value);
  return seen;
};

describe('jsonLines()', () => {
  it('gives the same values however the stream is cut', async () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.record({ text: fc.string({ unit: 'grapheme' }) }));
    await fc.assert(
      fc.asyncProperty(fc.array(value), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (values, sizes) => {
        const text = values.map((one) => `${JSON.stringify(one)}\n`).join('');
        expect(await all(jsonLines(chunked(Buffer.from(text), sizes)))).toEqual(values);
      }),
    );
  });

  it('leaves a line out that the end of the stream cut off', async () => {
    expect(await all(jsonLines(chunked(Buffer.from('{"a":1}\n\n{"b":'), [4])))).toEqual([{ a: 1 }]);
  });

  it('fails for a line that is no JSON', async () => {
    await expect(all(jsonLines(chunked(Buffer.from('<html>\n'), [100])))).rejects.toMatchObject({
      name: 'KubeFailure',
      message: 'a line of the watch is no JSON',
    });
  });
});
