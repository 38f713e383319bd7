/**
 * What V8 is told, and when. Only flags that take effect in a process that runs already.
 */
import { setFlagsFromString } from 'node:v8';

/** V8's optimising compiler takes 500 MB for some seconds to make the parser a third faster: a sidecar has no such memory. */
const LEAN_PARSER = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

/** Nothing that runs once is worth optimising: the compilers alone, once they have run, are 8 MB of the process. */
const STARTING = ['--no-opt', '--no-maglev'];
const SERVING = ['--opt', '--maglev'];

const set = (flags: readonly string[]): void => {
  for (const flag of flags) setFlagsFromString(flag);
};

/** For the start. To be called before the bundle's code is read: what V8 has compiled fits only a process with the same flags. */
export const setStartFlags = (): void => set([...LEAN_PARSER, ...STARTING]);

/** Lets V8 optimise from now on. */
export const optimise = (): void => set(SERVING);

const LOOK_MS = 200;
/** Share of the time that the event loop is busy from which on code is worth optimising. */
const BUSY = 0.05;

/** Lets V8 optimise from when there is work on. A sidecar whose agent says little never has the optimising compilers in its memory. */
export const optimiseWhenBusy = (): void => {
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization < BUSY) return;
    clearInterval(timer);
    optimise();
  }, LOOK_MS);
  timer.unref();
};
