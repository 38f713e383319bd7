/**
 * Events (events.k8s.io/v1): what happened to an object, for `kubectl describe`. They are told in the background, once, and counted where they recur.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import { type Kube, KubeFailure, type ObjectMeta } from './kube.ts';
import { microTime } from './micro-time.ts';

/** An object that events are about. */
export type Regarding = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
};

export type KubeEvent = {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase: why. */
  readonly reason: string;
  /** CamelCase: what the operator did or tried. */
  readonly action: string;
  /** For people: the thing and the remedy, and no secret. */
  readonly note: string;
};

export type EventsOptions = {
  readonly kube: Kube;
  /** Name of this process. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
};

export type Events = {
  /** Never waits, never fails. */
  readonly record: (event: KubeEvent) => void;
  /** Resolves when what was recorded has been told. */
  readonly flush: () => Promise<void>;
};

const CONTROLLER = 'pg-airlock.dev/operator';

/** The same again within this time is counted in a series of the first one. */
const SERIES_MS = 600_000;

/** The series is written at most so often. */
const SERIES_QUIET_MS = 30_000;

/** Different events that are remembered, and that wait to be told. */
const MOST_REMEMBERED = 2000;
const MOST_WAITING = 500;

const LONGEST_NOTE = 1024;
const LONGEST_NAME = 253;

type Told = { readonly path: string; readonly first: number; readonly count: number; readonly written: number };

/** Starts to tell events. */
export const createEvents = ({ kube, instance, clock, log }: EventsOptions): Events => {
  const told = new Map<string, Told>();
  let telling: Promise<void> = Promise.resolve();
  let waiting = 0;

  const create = async (event: KubeEvent, key: string): Promise<void> => {
    const { metadata, apiVersion, kind } = event.regarding;
    const { name: regarded, namespace: within, uid, resourceVersion } = metadata;
    const namespace = metadata.namespace ?? 'default';
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const suffix = `.${randomBytes(8).toString('hex')}`;
    const name = `${metadata.name.slice(0, LONGEST_NAME - suffix.length).replace(/[.-]+$/, '')}${suffix}`;
    const at = clock.monotonic();
    remember(key, { path: `${path}/${name}`, first: at, count: 1, written: at });
    await kube.request('POST', path, {
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name, namespace },
        eventTime: microTime(clock.now()),
        reportingController: CONTROLLER,
        reportingInstance: instance.slice(0, 128),
        regarding: { apiVersion, kind, name: regarded, namespace: within, uid, resourceVersion },
        type: event.type,
        reason: event.reason,
        action: event.action,
        note: shortened(event.note),
      },
    });
  };

  const recur = async (before: Told, key: string): Promise<void> => {
    const at = clock.monotonic();
    const count = before.count + 1;
    if (at - before.written < SERIES_QUIET_MS && before.count > 1) return remember(key, { ...before, count });
    remember(key, { ...before, count, written: at });
    await kube.request('PATCH', before.path, {
      contentType: 'application/merge-patch+json',
      body: { series: { count, lastObservedTime: microTime(clock.now()) } },
    });
  };

  const tell = async (event: KubeEvent): Promise<void> => {
    const key = keyOf(event);
    const before = told.get(key);
    if (before === undefined || clock.monotonic() - before.first > SERIES_MS) return await create(event, key);
    try {
      await recur(before, key);
    } catch (error) {
      // The API server forgets events after an hour, or somebody removed it.
      if (!(error instanceof KubeFailure && error.status === 404)) throw error;
      await create(event, key);
    }
  };

  const remember = (key: string, entry: Told): void => {
    told.delete(key);
    told.set(key, entry);
    const oldest = told.keys().next().value;
    if (told.size > MOST_REMEMBERED && oldest !== undefined) told.delete(oldest);
  };

  return {
    record: (event) => {
      if (waiting >= MOST_WAITING) {
        log.warn({ reason: event.reason, object: event.regarding.metadata.name }, 'too many events wait: left one out');
        return;
      }
      waiting += 1;
      telling = telling
        .then(() => tell(event))
        .catch((error: unknown) => log.warn({ err: error, reason: event.reason }, 'could not record an event'))
        .finally(() => {
          waiting -= 1;
        });
    },
    flush: () => telling,
  };
};

const keyOf = ({ regarding, type, reason, action, note }: KubeEvent): string => {
  const { uid, namespace, name } = regarding.metadata;
  return JSON.stringify([regarding.kind, uid, namespace, name, type, reason, action, note]);
};

const shortened = (note: string): string => (note.length <= LONGEST_NOTE ? note : `${note.slice(0, LONGEST_NOTE - 3)}...`);
