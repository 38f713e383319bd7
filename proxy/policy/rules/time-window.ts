/**
 * Parts of the week, in any time zone. Pure: the moment is a parameter.
 */
import type { TimeWindow } from '../../../kernel/policy.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

const QUARTER = 15 * 60_000;
const DAY_MINUTES = 24 * 60;

const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  formats.set(timeZone, format);
  return format;
};

type LocalTime = { readonly day: number; readonly minute: number };

const localTime = (timeZone: string, now: number): LocalTime => {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  const day = DAYS.findIndex((name) => name === parts.get('weekday'));
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
};

const isInside = ({ days, from = 0, to = DAY_MINUTES }: TimeWindow, { day, minute }: LocalTime): boolean => {
  const begins = (weekday: number): boolean => days === undefined || days.includes(DAYS[weekday] ?? '');
  if (from < to) return begins(day) && minute >= from && minute < to;
  // Over midnight: it belongs to the day on which it began.
  return (begins(day) && minute >= from) || (begins((day + 6) % 7) && minute < to);
};

/** Does a rule with this window hold at `now`, in milliseconds since the epoch? */
export const holdsAt = (window: TimeWindow, now: number): boolean => isInside(window, localTime(window.timeZone, now)) !== window.outside;

/**
 * A moment after `now` up to which `holdsAt` says the same. Looked for minute by minute and at most to the next quarter of an hour, so that
 * a clock that is put forward or back needs no thought: time zones change at quarters.
 */
export const steadyUntil = (window: TimeWindow, now: number): number => {
  const holds = holdsAt(window, now);
  const quarter = (Math.floor(now / QUARTER) + 1) * QUARTER;
  for (let next = (Math.floor(now / 60_000) + 1) * 60_000; next < quarter; next += 60_000) {
    if (holdsAt(window, next) !== holds) return next;
  }
  return quarter;
};

const clock = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** The window in words, as `Mon, Tue 22:00 to 06:00 (Europe/Berlin)`. */
export const windowText = ({ days, from, to, timeZone }: TimeWindow): string => {
  const hours = from === undefined || to === undefined ? [] : [`${clock(from)} to ${clock(to)}`];
  return `${[...(days === undefined ? [] : [days.join(', ')]), ...hours].join(' ')} (${timeZone})`;
};
