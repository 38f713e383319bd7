/**
 * The objects of a kind, in memory and fresh, and who wants to know of changes.
 */
import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { type Change, type Informer, type KubeFailure, type KubeObject, keyOf } from './kube.ts';
import { type ReflectedStore, reflect, type ReflectorTiming } from './reflector.ts';

/** What an informer's health is judged by. */
export type InformerHealth = {
  readonly synced: boolean;
  /** Why it does not follow at present; undefined while it does. */
  readonly failure: KubeFailure | undefined;
};

export type InformerObserver = {
  /** Following was interrupted, and goes on with a new watch or list. */
  readonly restarted: (informer: string) => void;
  readonly objects: (informer: string, count: number) => void;
};

export type InformerOptions<T extends KubeObject> = {
  /** For log and metrics. */
  readonly name: string;
  readonly client: KubeClient;
  /** `/api/v1/pods` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Keeps what is needed: everything else of the object goes out of memory. */
  readonly transform: (object: KubeObject) => T;
  readonly log: Logger;
  readonly observer?: InformerObserver;
  readonly timing?: Partial<ReflectorTiming>;
};

export type ObservedInformer<T extends KubeObject> = Informer<T> & { readonly name: string; readonly health: () => InformerHealth };

/** Starts to follow the objects at `path`. */
export const startInformer = <T extends KubeObject>(options: InformerOptions<T>): ObservedInformer<T> => {
  const { name, client, path, log, observer } = options;
  const store = createStore(options);
  const stopping = new AbortController();
  const { promise: synced, resolve: onSynced } = Promise.withResolvers<void>();
  let isSynced = false;
  let failure: KubeFailure | undefined;
  void reflect({
    client,
    path,
    ...(options.query === undefined ? {} : { query: options.query }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    store: store.reflected,
    log,
    signal: stopping.signal,
    onEvent: (event) => {
      if (event.type === 'Failed' || event.type === 'Doubted') {
        ({ failure } = event);
        if (event.type === 'Failed') observer?.restarted(name);
        return;
      }
      failure = undefined;
      if (event.type === 'Watching' || isSynced) return;
      isSynced = true;
      log.info({ informer: name, objects: store.objects.size }, 'informer synced');
      onSynced();
    },
  });
  return {
    name,
    get: (key) => store.objects.get(key),
    list: () => store.objects.values(),
    listen: store.listen,
    synced,
    health: () => ({ synced: isSynced, failure }),
    stop: () => stopping.abort(),
  };
};

type Store<T extends KubeObject> = {
  readonly objects: ReadonlyMap<string, T>;
  readonly reflected: ReflectedStore<T>;
  readonly listen: Informer<T>['listen'];
};

const createStore = <T extends KubeObject>({ name, transform, log, observer }: InformerOptions<T>): Store<T> => {
  const objects = new Map<string, T>();
  const listeners = new Set<(change: Change<T>) => void>();

  const tell = (change: Change<T>): void => {
    observer?.objects(name, objects.size);
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        log.error({ err: error, informer: name, key: change.key }, 'a listener failed');
      }
    }
  };

  const drop = (key: string): void => {
    const before = objects.get(key);
    if (before === undefined) return;
    objects.delete(key);
    tell({ key, before, after: undefined });
  };

  const put = (after: T): void => {
    const key = keyOf(after);
    let before = objects.get(key);
    if (before !== undefined && isSame(before, after)) return;
    // Another object under the same name: its predecessor's end was not seen.
    if (before !== undefined && before.metadata.uid !== after.metadata.uid) {
      drop(key);
      before = undefined;
    }
    objects.set(key, after);
    tell({ key, before, after });
  };

  const reduced = (object: KubeObject): T | undefined => {
    try {
      return transform(object);
    } catch (error) {
      log.error({ err: error, informer: name, key: keyOf(object) }, 'an object cannot be read and counts as absent');
      return undefined;
    }
  };

  const reflected: ReflectedStore<T> = {
    reduced,
    replace: (listed) => {
      const keys = new Set(listed.map(keyOf));
      for (const key of objects.keys()) if (!keys.has(key)) drop(key);
      for (const object of listed) put(object);
    },
    put: (object) => {
      const after = reduced(object);
      if (after === undefined) drop(keyOf(object));
      else put(after);
    },
    remove: (object) => drop(keyOf(object)),
  };
  return {
    objects,
    reflected,
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};

/** An object of the same version is the same. */
const isSame = ({ metadata: left }: KubeObject, { metadata: right }: KubeObject): boolean =>
  left.uid === right.uid && left.resourceVersion !== undefined && left.resourceVersion === right.resourceVersion;
