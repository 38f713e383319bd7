import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JudgementCache } from './cache.ts';
import { JudgementMemory } from './judgement-memory.ts';

const kept = (cache: JudgementCache<number>, keys: string): string =>
  keys
    .split('')
    .filter((key) => cache.get(key) !== undefined)
    .join('');

describe('JudgementCache', () => {
  it('drops what was not used for longest when it has too many entries', () => {
    const cache = new JudgementCache<number>(3, new JudgementMemory(1000));
    for (const key of 'abc') cache.set(key, 1, 1);
    cache.get('a');
    cache.set('d', 1, 1);
    expect(kept(cache, 'abcd')).toBe('acd');
  });

  it('drops entries when they weigh too much together', () => {
    const cache = new JudgementCache<number>(100, new JudgementMemory(100));
    for (const key of 'abcdefghijklmno') cache.set(key, 1, 10);
    expect(kept(cache, 'abcdefghijklmno')).toBe('fghijklmno');
  });

  it('does not keep an entry of more than a tenth of it', () => {
    const cache = new JudgementCache<number>(100, new JudgementMemory(100));
    cache.set('a', 1, 11);
    expect(cache.entries).toBe(0);
  });

  it('counts a key that is set again once', () => {
    const cache = new JudgementCache<number>(100, new JudgementMemory(100));
    for (let round = 0; round < 50; round++) cache.set('a', round, 10);
    for (const key of 'bcdefghij') cache.set(key, 1, 10);
    expect([cache.get('a'), cache.entries]).toEqual([49, 10]);
  });

  it('forgets what a key stood for when its new value is too heavy', () => {
    const memory = new JudgementMemory(100);
    const cache = new JudgementCache<number>(100, memory);
    cache.set('a', 1, 10);
    cache.set('a', 2, 11);
    expect([cache.get('a'), cache.weight, memory.weight]).toEqual([undefined, 0, 0]);
  });

  it('keeps nothing any more once closed', () => {
    const memory = new JudgementMemory(100);
    const cache = new JudgementCache<number>(100, memory);
    cache.set('a', 1, 10);
    cache.close();
    cache.set('b', 1, 10);
    expect([cache.entries, cache.weight, memory.weight]).toEqual([0, 0, 0]);
  });

  it('weighs, with all the others, no more than their memory, whatever is kept', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ cache: fc.nat(2), key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), weight: fc.nat(120), clears: fc.nat(20) }),
        ),
        (acts) => {
          const memory = new JudgementMemory(300);
          const caches = [3, 100, 100].map((entries) => new JudgementCache<number>(entries, memory));
          const kept = caches.map(() => new Map<string, number>());
          for (const { cache, key, weight, clears } of acts) {
            if (clears === 0) caches[cache]!.clear();
            else caches[cache]!.set(key, weight, weight);
            kept[cache]!.set(key, weight);
            const weights = caches.map((each, index) => [...kept[index]!.keys()].reduce((sum, known) => sum + (each.get(known) ?? 0), 0));
            expect(caches.map((each) => each.weight)).toEqual(weights);
            expect(memory.weight).toBe(weights.reduce((sum, one) => sum + one, 0));
            expect(memory.weight).toBeLessThanOrEqual(300);
          }
        },
      ),
    );
  });

  it('takes from the one that holds most, and never what is within the share of another', () => {
    const memory = new JudgementMemory(100);
    const [quiet, flooding] = [new JudgementCache<number>(1_000, memory), new JudgementCache<number>(1_000, memory)];
    for (const key of 'abc') quiet.set(key, 1, 10);
    for (let text = 0; text < 500; text += 1) flooding.set(`text ${text}`, 1, 10);
    expect([kept(quiet, 'abc'), flooding.entries]).toEqual(['abc', 7]);
    for (const key of 'de') quiet.set(key, 1, 10);
    expect([kept(quiet, 'abcde'), flooding.entries]).toEqual(['abcde', 5]);
  });

  it('is empty once cleared', () => {
    const cache = new JudgementCache<number>(100, new JudgementMemory(100));
    cache.set('a', 1, 10);
    cache.clear();
    expect([cache.get('a'), cache.entries]).toEqual([undefined, 0]);
  });
});
