/**
 * Follows one kind of object without end: lists it in pages, watches from there, and lists again where the API server has forgotten that point.
 * Whatever goes wrong is waited out.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backoffMs, type BackoffLimits } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { KubeFailure, type KubeObject } from './kube.ts';

/** Where a reflector puts what it sees. */
export type ReflectedStore<T extends KubeObject> = {
  /** What is kept of an object; undefined where it cannot be read. */
  readonly reduced: (object: KubeObject) => T | undefined;
  /** All that there is now: what the store has beyond it is gone. */
  readonly replace: (objects: readonly T[]) => void;
  readonly put: (object: KubeObject) => void;
  readonly remove: (object: KubeObject) => void;
};

/**
 * How following goes on. `Listed` comes with each whole list, `Failed` with each interruption that was not the API server's ordinary end of a
 * watch, `Doubted` when there was silence and a list has to tell.
 */
export type ReflectorEvent =
  | { readonly type: 'Listed' }
  | { readonly type: 'Watching' }
  | { readonly type: 'Failed' | 'Doubted'; readonly failure: KubeFailure };

export type ReflectorOptions<T extends KubeObject> = {
  readonly client: KubeClient;
  readonly path: string;
  /** labelSelector or fieldSelector. */
  readonly query?: Readonly<Record<string, string>>;
  readonly store: ReflectedStore<T>;
  readonly log: Logger;
  readonly onEvent: (event: ReflectorEvent) => void;
  readonly signal: AbortSignal;
  readonly timing?: Partial<ReflectorTiming>;
};

export type ReflectorTiming = {
  readonly pageSize: number;
  /** The API server ends a watch after so many seconds, up to twice as many. */
  readonly watchSeconds: number;
  /** A watch without a word for so long is given up, for a list. The API server mostly sends a bookmark every minute. */
  readonly silenceMs: number;
  readonly backoff: BackoffLimits;
};

const TIMING: ReflectorTiming = { pageSize: 500, watchSeconds: 300, silenceMs: 100_000, backoff: { firstMs: 400, mostMs: 5_000 } };

/** A watch that ended sooner is as good as a failed one. */
const SHORT_WATCH_MS = 1000;

/** Watches that the API server ends with an error, one after another: the point that they begin at may be the reason. */
const FAILURES_BEFORE_LIST = 5;

type ListPage = {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[];
};

type WatchEvent = { readonly type?: string; readonly object?: KubeObject };

/** Runs until `signal` aborts; never rejects. */
export const reflect = async <T extends KubeObject>(options: ReflectorOptions<T>): Promise<void> => {
  const { signal, log, path, onEvent } = options;
  const timing = { ...TIMING, ...options.timing };
  let resourceVersion: string | undefined;
  let failures = 0;
  let refusals = 0;
  /** Called with each sign that all is well. */
  const heard = (version: string | undefined): void => {
    failures = 0;
    refusals = 0;
    resourceVersion = version ?? resourceVersion;
  };
  while (!signal.aborted) {
    try {
      if (resourceVersion === undefined) {
        resourceVersion = await list(options, timing);
        onEvent({ type: 'Listed' });
      }
      const began = performance.now();
      await watch({ ...options, from: resourceVersion, heard }, timing);
      if (performance.now() - began < SHORT_WATCH_MS) throw new KubeFailure(0, 'ShortWatch', 'the API server ended the watch at once');
    } catch (error) {
      if (signal.aborted) return;
      const failure = error instanceof KubeFailure ? error : new KubeFailure(0, 'Unreachable', `could not follow: ${String(error)}`);
      if (failure.reason === 'Silence') {
        // Nothing needs to be wrong: without changes the API server may have no bookmark to send. The list will tell.
        log.debug({ err: failure, path }, 'lists again after silence');
        onEvent({ type: 'Doubted', failure });
        resourceVersion = undefined;
        continue;
      }
      failures += 1;
      if (isAnswer(failure)) refusals += 1;
      if (isLostPoint(failure) || refusals >= FAILURES_BEFORE_LIST) {
        resourceVersion = undefined;
        refusals = 0;
      }
      const againInMs = Math.max(backoffMs(failures, timing.backoff, Math.random), Math.min(failure.retryAfter ?? 0, 60) * 1000);
      log.warn({ err: failure, path, failures, againInMs, list: resourceVersion === undefined }, 'could not follow objects');
      onEvent({ type: 'Failed', failure });
      await pause(againInMs, undefined, { signal }).catch(() => undefined);
    }
  }
};

/** The API server does not know that point any more (410), or not yet (an etcd that was restored). */
const isLostPoint = ({ status, reason }: KubeFailure): boolean =>
  status === 410 || status === 504 || reason === 'Expired' || reason === 'Gone';

const isAnswer = ({ status, reason }: KubeFailure): boolean => status !== 0 || reason === 'ShortWatch';

/** Puts a whole list into the store, and returns where to watch from. Without a resourceVersion it is never older than what was seen before. */
const list = async <T extends KubeObject>(options: ReflectorOptions<T>, { pageSize }: ReflectorTiming): Promise<string> => {
  const { client, path, query, store, signal } = options;
  const pages = async (limit: string | undefined): Promise<string> => {
    const objects: T[] = [];
    let next: string | undefined;
    for (;;) {
      const page: ListPage = await client.request('GET', path, {
        query: { ...query, ...(limit === undefined ? {} : { limit }), ...(next === undefined ? {} : { continue: next }) },
        signal,
        timeoutMs: 60_000,
      });
      // Page by page: whole, a large cluster's pods would be a hundred times what is kept of them.
      for (const item of page.items ?? []) {
        const kept = store.reduced(item);
        if (kept !== undefined) objects.push(kept);
      }
      next = page.metadata?.continue;
      if (next !== undefined && next !== '') continue;
      store.replace(objects);
      return page.metadata?.resourceVersion ?? '';
    }
  };
  try {
    return await pages(String(pageSize));
  } catch (error) {
    // The list was compacted away between two of its pages: whole, it cannot be.
    if (error instanceof KubeFailure && error.status === 410) return await pages(undefined);
    throw error;
  }
};

type WatchOptions<T extends KubeObject> = ReflectorOptions<T> & {
  readonly from: string;
  readonly heard: (version: string | undefined) => void;
};

/** Returns when the API server ends the watch in its own time. */
const watch = async <T extends KubeObject>(options: WatchOptions<T>, { watchSeconds, silenceMs }: ReflectorTiming): Promise<void> => {
  const { client, path, query, store, signal, onEvent } = options;
  const silence = new AbortController();
  const silent = setTimeout(() => silence.abort(), silenceMs);
  const parameters = {
    ...query,
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: options.from,
    // Watches that began together do not end together.
    timeoutSeconds: String(Math.ceil(watchSeconds * (1 + Math.random()))),
  };
  try {
    const lines = await client.lines(path, parameters, AbortSignal.any([signal, silence.signal]));
    onEvent({ type: 'Watching' });
    for await (const line of lines) {
      silent.refresh();
      const { type, object } = line as WatchEvent;
      if (object === undefined) continue;
      if (type === 'ERROR') throw failureOf(object);
      if (type === 'ADDED' || type === 'MODIFIED') store.put(object);
      else if (type === 'DELETED') store.remove(object);
      options.heard(object.metadata.resourceVersion);
    }
  } catch (error) {
    if (!silence.signal.aborted) throw error;
    client.distrust();
    throw new KubeFailure(0, 'Silence', `the API server said nothing for ${silenceMs} ms`);
  } finally {
    clearTimeout(silent);
  }
};

const failureOf = (status: KubeObject): KubeFailure => {
  const { code, reason, message } = status as { readonly code?: unknown; readonly reason?: unknown; readonly message?: unknown };
  return new KubeFailure(
    typeof code === 'number' ? code : 0,
    typeof reason === 'string' ? reason : '',
    typeof message === 'string' ? message : 'the API server ended the watch with an error',
  );
};
