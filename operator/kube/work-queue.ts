/**
 * Keys that wait for a worker. A key waits once, however often it is added; it never has two workers; one whose work fails waits ever longer.
 */
import type { Logger } from 'pino';
import { backoffMs, type BackoffLimits } from './backoff.ts';

/** What a controller's work on one key ends in: nothing more to do, or a look again after so many milliseconds. */
export type Reconciled = { readonly againAfterMs?: number } | undefined | void;

export type QueueResult = 'Done' | 'Failed';

/** Told of each piece of work. */
export type QueueObserver = {
  readonly worked: (queue: string, result: QueueResult, seconds: number) => void;
  readonly depth: (queue: string, waiting: number) => void;
};

export type WorkQueueOptions = {
  /** For log and metrics. */
  readonly name: string;
  /** `signal` aborts when the queue was stopped and its patience is over. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Reconciled>;
  readonly log: Logger;
  readonly observer?: QueueObserver;
  /** Keys at a time (4). */
  readonly concurrency?: number;
  readonly backoff?: BackoffLimits;
  readonly random?: () => number;
};

export type WorkQueue = {
  /** As soon as a worker is free, also where the key waits for its backoff: something has changed. */
  readonly add: (key: string) => void;
  /** The earlier of two times counts. */
  readonly addAfter: (key: string, milliseconds: number) => void;
  /** Begins nothing more, and resolves when what runs has ended; that has so many milliseconds before its signal aborts. */
  readonly stop: (patienceMs: number) => Promise<void>;
};

const BACKOFF: BackoffLimits = { firstMs: 500, mostMs: 300_000 };

/** For work to end once its signal has aborted; beyond it nobody waits for it. */
const LAST_PATIENCE_MS = 3_000;

/** Longest time of a timer; beyond it Node would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

type Timer = { readonly at: number; readonly handle: NodeJS.Timeout };

/** Starts a queue; nothing happens until a key is added. */
export const createWorkQueue = (options: WorkQueueOptions): WorkQueue => {
  const { name, log, observer, concurrency = 4, backoff = BACKOFF, random = Math.random } = options;
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Added while they had a worker: they go round once more. */
  const again = new Set<string>();
  const timers = new Map<string, Timer>();
  const failures = new Map<string, number>();
  const giveUp = new AbortController();
  let stopped = false;

  const add = (key: string): void => {
    if (stopped) return;
    clearTimeout(timers.get(key)?.handle);
    timers.delete(key);
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    begin();
  };

  const addAfter = (key: string, milliseconds: number): void => {
    if (stopped) return;
    const delay = Math.min(LONGEST_TIMER, Math.max(0, milliseconds));
    const at = performance.now() + delay;
    const known = timers.get(key);
    if (known !== undefined && known.at <= at) return;
    clearTimeout(known?.handle);
    timers.set(key, { at, handle: setTimeout(() => add(key), delay) });
  };

  const begin = (): void => {
    for (const key of waiting) {
      if (stopped || running.size >= concurrency) break;
      waiting.delete(key);
      running.set(key, work(key));
    }
    observer?.depth(name, waiting.size);
  };

  const work = async (key: string): Promise<void> => {
    const began = performance.now();
    let result: QueueResult = 'Done';
    let afterMs: number | undefined;
    try {
      // Not in the caller's own turn: an informer's listener adds, and others are still to be told.
      await Promise.resolve();
      again.delete(key);
      afterMs = (await options.reconcile(key, giveUp.signal))?.againAfterMs;
      failures.delete(key);
    } catch (error) {
      result = 'Failed';
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      afterMs = backoffMs(count, backoff, random);
      if (!stopped) log.warn({ err: error, queue: name, key, failures: count, againInMs: afterMs }, 'could not reconcile');
    }
    observer?.worked(name, result, (performance.now() - began) / 1000);
    running.delete(key);
    if (again.delete(key)) waiting.add(key);
    else if (afterMs !== undefined) addAfter(key, afterMs);
    begin();
  };

  return {
    add,
    addAfter,
    stop: async (patienceMs) => {
      stopped = true;
      for (const { handle } of timers.values()) clearTimeout(handle);
      timers.clear();
      waiting.clear();
      again.clear();
      const impatient = setTimeout(() => giveUp.abort(), patienceMs);
      const { promise: abandoned, resolve: abandon } = Promise.withResolvers<void>();
      const hopeless = setTimeout(() => {
        log.error({ queue: name, keys: [...running.keys()] }, 'work did not end when it was told to');
        abandon();
      }, patienceMs + LAST_PATIENCE_MS);
      await Promise.race([Promise.all(running.values()), abandoned]);
      clearTimeout(impatient);
      clearTimeout(hopeless);
      observer?.depth(name, 0);
    },
  };
};
