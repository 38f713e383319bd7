import { describe, expect, it } from 'vitest';
import { parseDuration, parseSize } from './quantity.ts';

describe('parseDuration()', () => {
  it.each([
    ['30s', 30_000],
    ['10m', 600_000],
    ['8h', 28_800_000],
    ['1h30m', 5_400_000],
    ['1m1ms', 60_001],
    ['250ms', 250],
  ])('reads %s', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '30', '1d', '-1s', '1.5s', '30 s', 's', '1s1s1s1s1s', '123456s'])('does not read %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('parseSize()', () => {
  it.each([
    [4096, 4096],
    ['4096', 4096],
    ['10k', 10_000],
    ['64Mi', 67_108_864],
    ['1Ti', 1_099_511_627_776],
  ])('reads %s', (size, expected) => {
    expect(parseSize(size)).toBe(expected);
  });

  it.each(['', '64mi', '1.5Gi', '-1', '64 Mi', '999999Ti', 1.5])('does not read %j', (size) => {
    expect(parseSize(size)).toBeUndefined();
  });
});
