/**
 * Gives memory back while there is nothing to do. V8 keeps what a start or a burst of work made its heap grow to; a sidecar waits most of
 * its life, and beside every agent.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;

/** Collects garbage and shrinks the heap to what is in use: some 25 ms in which nothing else runs. */
const releaseMemory = (): void => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};

const INTERVAL = 15_000;
/** Share of the time that the event loop may be busy and still count as idle. */
const IDLE = 0.01;
/** Bytes that the heap has grown by, since it was last shrunk, before that is worth doing again. */
const GROWTH = 4 * 1024 * 1024;

/** Releases memory now, and later whenever the process has been idle for some seconds after its heap has grown. */
export const releaseIdleMemory = (): void => {
  releaseMemory();
  let heap = process.memoryUsage().heapTotal;
  let before = performance.eventLoopUtilization();
  const look = (): void => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization > IDLE || process.memoryUsage().heapTotal - heap < GROWTH) return;
    releaseMemory();
    heap = process.memoryUsage().heapTotal;
  };
  setInterval(look, INTERVAL).unref();
};
