import { describe, expect, it } from 'vitest';
import { JudgementCache } from './cache.ts';

const kept = (cache: JudgementCache<number>, keys: string): string =>
  keys
    .split('')
    .filter((key) => cache.get(key) !== undefined)
    .join('');

describe('JudgementCache', () => {
  it('drops what was not used for longest when it has too many entries', () => {
    const cache = new JudgementCache<number>(3, 1000);
    for (const key of 'abc') cache.set(key, 1, 1);
    cache.get('a');
    cache.set('d', 1, 1);
    expect(kept(cache, 'abcd')).toBe('acd');
  });

  it('drops entries when they keep too many characters alive', () => {
    const cache = new JudgementCache<number>(100, 100);
    for (const key of 'abcdefghijklmno') cache.set(key, 1, 10);
    expect(kept(cache, 'abcdefghijklmno')).toBe('fghijklmno');
  });

  it('does not keep an entry of more than a tenth of it', () => {
    const cache = new JudgementCache<number>(100, 100);
    cache.set('a', 1, 11);
    expect(cache.entries).toBe(0);
  });

  it('counts a key that is set again once', () => {
    const cache = new JudgementCache<number>(100, 100);
    for (let round = 0; round < 50; round++) cache.set('a', round, 10);
    for (const key of 'bcdefghij') cache.set(key, 1, 10);
    expect([cache.get('a'), cache.entries]).toEqual([49, 10]);
  });

  it('is empty once cleared', () => {
    const cache = new JudgementCache<number>(100, 100);
    cache.set('a', 1, 10);
    cache.clear();
    expect([cache.get('a'), cache.entries]).toEqual([undefined, 0]);
  });
});
