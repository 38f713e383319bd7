/**
 * Follows what lies in a folder. A change is noticed well within a second, and read once nothing has moved for a moment.
 */
import { type FSWatcher, watch } from 'node:fs';

/** Milliseconds. */
export type FollowTiming = {
  /** How often the folder is looked at, for file systems that tell nothing. */
  readonly poll: number;
  /** How long the folder must have stayed as it is before it is read: a half-written file can be valid, and wider than the whole. */
  readonly settle: number;
};

export type Followed = {
  readonly directory: string;
  /** The state of the folder at present: compared, and never looked into. */
  readonly signature: () => Promise<string>;
  /** The state that was read last. */
  readonly read: () => string | undefined;
  /** Reads the folder. */
  readonly readAgain: () => Promise<void>;
};

/** Follows the folder from the state that was read last; returns how to stop. */
export const followFolder = (followed: Followed, timing: FollowTiming): (() => void) => {
  const { directory } = followed;
  let stopped = false;
  let looking = false;
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;
  let watcher: FSWatcher | undefined;
  /** What the folder was when it was last looked at. */
  let seen = followed.read();

  const unwatch = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  const listen = (): void => {
    if (watcher !== undefined) return;
    try {
      watcher = watch(directory, { persistent: false }, () => schedule(timing.settle));
      watcher.on('error', unwatch);
    } catch {
      // The folder is not there, or the system has no watches left: looking at it regularly has to do.
    }
  };
  /** Looks at the folder; returns when to look again. */
  const look = async (): Promise<number> => {
    const before = seen;
    seen = await followed.signature();
    if (stopped || seen === followed.read()) return timing.poll;
    // Changed since it was last looked at: it has to stay so first.
    if (seen !== before) return timing.settle;
    await followed.readAgain();
    // The folder may have been replaced by another of the same name.
    unwatch();
    return timing.poll;
  };
  const run = async (): Promise<void> => {
    looking = true;
    due = Number.POSITIVE_INFINITY;
    let next = timing.poll;
    try {
      next = await look();
    } finally {
      looking = false;
      schedule(Math.min(next, Math.max(0, due - performance.now())));
    }
  };
  /** An event brings the next look forward and never puts it off: a file that is written all the time must not hide another. */
  const schedule = (delay: number): void => {
    if (stopped) return;
    const at = performance.now() + delay;
    if (looking) {
      due = Math.min(due, at);
      return;
    }
    listen();
    if (timer !== undefined && due <= at) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => {
      timer = undefined;
      void run();
    }, delay);
    timer.unref();
  };
  schedule(timing.poll);
  return () => {
    stopped = true;
    clearTimeout(timer);
    unwatch();
  };
};
