/**
 * Kubernetes as the operator sees it: JSON objects behind paths. Only this folder knows the Kubernetes client; everybody else gets these types.
 */

export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: unknown;
};

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
};

/** Any object; fields beyond these are there, and unknown. */
export type KubeObject = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
};

/** What the API server answered that was no success. `status` 0: it did not answer. */
export class KubeFailure extends Error {
  readonly status: number;
  /** As in metav1.Status: `NotFound`, `Conflict`, `Expired`, ... */
  readonly reason: string;
  /** Seconds that the API server asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfter?: number) {
    super(message);
    this.name = 'KubeFailure';
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

export type KubeRequest = {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Called in the moment before the request is sent: what it throws is thrown, and nothing was sent. */
  readonly guard?: () => void;
};

/** `path` begins with /api or /apis. Failures are KubeFailures. */
export type Kube = {
  readonly request: <T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, request?: KubeRequest) => Promise<T>;
  /** Server-side apply, forced, with the operator's field manager. `path` is the object's, or its status'. */
  readonly apply: <T extends KubeObject>(path: string, object: KubeObject) => Promise<T>;
};

export type Change<T> = { readonly key: string; readonly before: T | undefined; readonly after: T | undefined };

/** All objects of a kind, kept fresh. Keys are `namespace/name`, or `name` for what has no namespace. */
export type Informer<T extends KubeObject> = {
  readonly get: (key: string) => T | undefined;
  readonly list: () => Iterable<T>;
  /** Told of each change after it is in the store; a listener that throws is logged and harms nobody. Returns how to stop. */
  readonly listen: (listener: (change: Change<T>) => void) => () => void;
  /** Resolves when the first whole list is in the store. */
  readonly synced: Promise<void>;
  readonly stop: () => void;
};

/** `namespace/name`, or `name`. */
export const keyOf = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
