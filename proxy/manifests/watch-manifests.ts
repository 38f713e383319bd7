/**
 * Follows a folder of manifests. A change is in force well within a second; what is invalid is reported and changes nothing.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Problem } from '../../kernel/manifest/problem.ts';
import type { Bundle } from '../../kernel/policy.ts';
import { parseRead } from './load-manifests.ts';
import { manifestSignature, readManifests } from './read-manifests.ts';

export type ManifestListeners = {
  /** A bundle with another revision, or the same after problems were repaired. */
  readonly onBundle: (bundle: Bundle, warnings: readonly Problem[]) => void;
  /** What is in the folder is not valid: the last bundle stays in force. Told once for each state of the folder. */
  readonly onProblems: (problems: readonly Problem[], warnings: readonly Problem[]) => void;
};

/** Milliseconds. */
export type WatchTiming = {
  /** How often the folder is looked at, for file systems that tell nothing. */
  readonly poll: number;
  /** How long the folder must have stayed as it is before it is read: a half-written file can be valid, and wider than the whole. */
  readonly settle: number;
};

const TIMING: WatchTiming = { poll: 400, settle: 150 };

type State = {
  /** The state of the folder that was read last. */
  read: string | undefined;
  revision: string | undefined;
  repaired: boolean;
};

const readInto = async (directory: string, listeners: ManifestListeners, state: State): Promise<void> => {
  const read = await readManifests(directory);
  // A file that changed while it was read, or since: what was read is no state that ever was.
  if (state.read !== undefined && read.signature !== (await manifestSignature(directory))) return;
  state.read = read.signature;
  const { bundle, problems, warnings } = parseRead(read);
  if (bundle === undefined) {
    state.repaired = false;
    listeners.onProblems(problems, warnings);
    return;
  }
  if (bundle.revision === state.revision && state.repaired) return;
  state.revision = bundle.revision;
  state.repaired = true;
  listeners.onBundle(bundle, warnings);
};

/** Follows a folder until `stop`. What is there at first has been told to a listener when the promise resolves. */
export const watchManifests = async (
  directory: string,
  listeners: ManifestListeners,
  timing: WatchTiming = TIMING,
): Promise<{ readonly stop: () => void }> => {
  const state: State = { read: undefined, revision: undefined, repaired: true };
  await readInto(directory, listeners, state);

  let stopped = false;
  const listening: ManifestListeners = {
    onBundle: (...told) => stopped || listeners.onBundle(...told),
    onProblems: (...told) => stopped || listeners.onProblems(...told),
  };
  let looking = false;
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;
  let watcher: FSWatcher | undefined;
  /** What the folder was when it was last looked at. */
  let seen = state.read;

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
    seen = await manifestSignature(directory);
    if (stopped || seen === state.read) return timing.poll;
    // Changed since it was last looked at: it has to stay so first.
    if (seen !== before) return timing.settle;
    await readInto(directory, listening, state);
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
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      unwatch();
    },
  };
};
