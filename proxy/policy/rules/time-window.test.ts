import { describe, expect, it } from 'vitest';
import type { TimeWindow } from '../../../kernel/policy.ts';
import { holdsAt, steadyUntil, windowText } from './time-window.ts';

const window = (rest: Partial<TimeWindow>): TimeWindow => ({
  timeZone: 'UTC',
  days: undefined,
  from: undefined,
  to: undefined,
  outside: false,
  ...rest,
});

const at = (text: string): number => Date.parse(text);

const NIGHT = window({ timeZone: 'Europe/Berlin', from: 22 * 60, to: 6 * 60 });

describe('holdsAt()', () => {
  it.each([
    // 2026-01-02 is a Friday.
    [window({ days: ['Fri'] }), '2026-01-02T00:00:00Z', true],
    [window({ days: ['Fri'] }), '2026-01-02T23:59:59Z', true],
    [window({ days: ['Fri'] }), '2026-01-03T00:00:00Z', false],
    [window({ days: ['Fri'], outside: true }), '2026-01-03T00:00:00Z', true],
    [window({ from: 540, to: 1020 }), '2026-01-02T09:00:00Z', true],
    [window({ from: 540, to: 1020 }), '2026-01-02T17:00:00Z', false],
    [window({ from: 540, to: 1440 }), '2026-01-02T23:59:00Z', true],
    [NIGHT, '2026-01-02T21:00:00Z', true],
    [NIGHT, '2026-01-02T20:59:00Z', false],
    [NIGHT, '2026-01-02T04:59:00Z', true],
    [NIGHT, '2026-01-02T05:00:00Z', false],
    // Summer time.
    [NIGHT, '2026-07-02T20:00:00Z', true],
    [NIGHT, '2026-07-02T04:00:00Z', false],
    // Over midnight, it belongs to the day on which it began.
    [{ ...NIGHT, timeZone: 'UTC', days: ['Fri'] }, '2026-01-03T05:00:00Z', true],
    [{ ...NIGHT, timeZone: 'UTC', days: ['Fri'] }, '2026-01-02T05:00:00Z', false],
    [window({ timeZone: 'Asia/Kathmandu', from: 0, to: 15 }), '2026-01-02T18:15:00Z', true],
  ])('%j at %s: %s', (given, time, expected) => {
    expect(holdsAt(given, at(time))).toBe(expected);
  });
});

const momentsAround = (day: string): readonly number[] =>
  Array.from({ length: 2 * 24 * 12 }, (_, index) => at(`2026-${day}T00:00:00Z`) + (index - 144) * 5 * 60_000);

describe('steadyUntil()', () => {
  it('is the edge of the window where that comes first', () => {
    expect(steadyUntil(window({ from: 541, to: 600 }), at('2026-01-02T09:00:30Z'))).toBe(at('2026-01-02T09:01:00Z'));
  });

  it('is the next quarter of an hour at the latest', () => {
    expect(steadyUntil(window({ from: 541, to: 600 }), at('2026-01-02T03:07:30Z'))).toBe(at('2026-01-02T03:15:00Z'));
  });

  it('misses no change, whatever clocks do', () => {
    const missed: string[] = [];
    for (const timeZone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/St_Johns']) {
      const given = { ...NIGHT, timeZone, from: 2 * 60 + 10, to: 2 * 60 + 50 };
      let steady = 0;
      let held = false;
      // Around the days on which one of them changes its clocks.
      for (const now of ['03-08', '03-29', '04-05', '10-04', '10-25', '11-01'].flatMap(momentsAround)) {
        if (now >= steady) {
          held = holdsAt(given, now);
          steady = steadyUntil(given, now);
        }
        if (holdsAt(given, now) !== held) missed.push(`${timeZone} ${new Date(now).toISOString()}`);
      }
    }
    expect(missed).toEqual([]);
  });
});

describe('windowText()', () => {
  it('says days, hours and time zone', () => {
    expect(windowText({ ...NIGHT, days: ['Mon', 'Tue'] })).toBe('Mon, Tue 22:00 to 06:00 (Europe/Berlin)');
    expect(windowText(window({ days: ['Sun'] }))).toBe('Sun (UTC)');
  });
});
