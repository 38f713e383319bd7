import { describe, expect, it } from 'vitest';
import { delayBefore } from './backoff.ts';

describe('delayBefore()', () => {
  const backoff = { first: 1_000, most: 30_000 };

  it('doubles what it draws from, up to the most', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 1_000_000].map((attempt) => delayBefore(attempt, backoff, 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });

  it('draws from the whole of it', () => {
    expect([0, 0.25, 0.5].map((random) => delayBefore(2, backoff, random))).toEqual([0, 1_000, 2_000]);
  });
});
