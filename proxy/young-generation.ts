/**
 * Bounds where V8 puts new objects. Left alone it takes up to 128 MB for them under load, most of which never holds anything: what a
 * statement makes is garbage when its answer is sent. (`--max-semi-space-size` says the same, but only to a process that starts.)
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Bytes, of both halves, from which on it grows no more. */
const ENOUGH = 16 * 1024 * 1024;

const youngBytes = (): number => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;

/** From now on. V8 doubles it at most once between two looks, and makes it smaller by itself in idle times. */
export const boundYoungGeneration = (): void => {
  let growing = true;
  const look = (): void => {
    const grows = youngBytes() < ENOUGH;
    if (grows === growing) return;
    growing = grows;
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  };
  new PerformanceObserver(look).observe({ entryTypes: ['gc'] });
  look();
};
