/**
 * Where the proxy's policies come from: a folder of manifests, or the operator of a cluster.
 */
import type { Failure } from '../kernel/failure.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Bundle } from '../kernel/policy.ts';
import type { ReadinessCheck } from './metrics/server.ts';
import type { Outcome } from './session/outcome.ts';

/** Told of a bundle that is in force from now on. `ended`: why sessions end that it leaves nothing to. */
export type BundleListener = (bundle: Bundle, ended?: Failure) => void;

export type PolicySource = {
  /** The bundle in force. */
  readonly current: () => Bundle;
  /** `listener` is told of every later bundle, and of the current one at once. There is one listener. */
  readonly follow: (listener: BundleListener) => void;
  /** Why nobody is let in at present; undefined: whoever the policies name is. */
  readonly refusal: () => Failure | undefined;
  /** Whoever connects is this one; undefined: agents log in. Asked where there is no refusal. */
  readonly identity: () => Identity | undefined;
  /** What has to be so once, before the proxy counts as started. */
  readonly startup: () => readonly ReadinessCheck[];
  /** What has to be so for the proxy to count as ready. */
  readonly readiness: () => readonly ReadinessCheck[];
  /** Told of each statement. */
  readonly observe: (outcome: Outcome) => void;
  readonly stop: () => void | Promise<void>;
};
