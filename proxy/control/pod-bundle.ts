/**
 * From what operator and kubelet brought to the bundle that is in force.
 */
import type { BundleMessage, PodIdentity } from '../../kernel/control.ts';
import { accessRevoked, type Failure, notReady, operatorLost, sessionRevoked } from '../../kernel/failure.ts';
import type { ParsedManifests } from '../../kernel/manifest/bundle-of.ts';
import { parseDocuments } from '../../kernel/manifest/parse-documents.ts';
import { fileProblem, type Problem } from '../../kernel/manifest/problem.ts';
import type { Bundle } from '../../kernel/policy.ts';
import type { BundleListener } from '../policy-source.ts';
import type { Credentials } from './credential-files.ts';

/** No connection, and no policy: what is in force while nothing may be. */
const NOTHING: Bundle = { revision: '0'.repeat(64), connections: new Map(), policies: [] };

export type PodBundleListeners = {
  readonly onBundle: BundleListener;
  /** What came cannot be used: the last good bundle stays in force. */
  readonly onProblems: (problems: readonly Problem[]) => void;
};

/** The agent's name of a pod. */
export const agentOf = ({ namespace, pod }: PodIdentity): string => `${namespace}/${pod}`;

const LONGEST_TIMER = 2 ** 31 - 1;

const samePod = (one: PodIdentity, other: PodIdentity): boolean =>
  one.uid === other.uid && one.namespace === other.namespace && one.pod === other.pod;

const parsed = (message: BundleMessage, credentials: Credentials): ParsedManifests => {
  try {
    return parseDocuments(message.documents, { agent: agentOf(message.identity), credentials });
  } catch {
    // Without the error's text, which may hold what a Secret holds.
    const problem = fileProblem('bundle', 'pg-airlock failed to read the bundle', 'This is a fault of pg-airlock: please report it.');
    return { bundle: undefined, problems: [problem], warnings: [] };
  }
};

export class PodBundle {
  readonly #listeners: PodBundleListeners;
  #message: BundleMessage | undefined;
  #credentials: Credentials | undefined;
  #identity: PodIdentity | undefined;
  #bundle: Bundle = NOTHING;
  /** Of the message that is in force. */
  #revision: string | null = null;
  #suspended: Failure | undefined;
  #problems: readonly Problem[] = [];
  /** Since the operator sends what cannot be used. */
  #outdated: NodeJS.Timeout | undefined;

  constructor(listeners: PodBundleListeners) {
    this.#listeners = listeners;
  }

  get current(): Bundle {
    return this.#bundle;
  }

  /** The operator's name of what is in force; null: nothing. */
  get revision(): string | null {
    return this.#revision;
  }

  get identity(): PodIdentity | undefined {
    return this.#identity;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Whether there ever was a bundle in force. */
  get began(): boolean {
    return this.#identity !== undefined;
  }

  /** Why nobody is let in. */
  get refusal(): Failure | undefined {
    if (this.#suspended !== undefined) return this.#suspended;
    if (this.began) return undefined;
    if (this.#credentials === undefined) return notReady('The credentials of the database are not mounted yet.');
    if (this.#problems.length > 0) return notReady('What the operator sent cannot be used; the log of pg-airlock says why.');
    return notReady('The policies have not come from the operator yet.');
  }

  take(message: BundleMessage): void {
    this.#message = message;
    this.#apply();
  }

  /** All connections' credentials. */
  useCredentials(credentials: Credentials): void {
    this.#credentials = credentials;
    this.#apply();
  }

  /** The operator was not heard of for too long. Its next bundle brings access back. */
  expire(seconds: number): void {
    const lost = operatorLost(seconds);
    this.#suspend(lost, lost);
  }

  revoke(reason: string): void {
    this.#suspend(accessRevoked(reason), sessionRevoked(reason));
  }

  /** INVARIANT: what came before does not come back into force: not with other credentials either. */
  #suspend(refusal: Failure, ended: Failure): void {
    if (this.#suspended?.fields.detail === refusal.fields.detail) return;
    this.#caughtUp();
    this.#message = undefined;
    this.#suspended = refusal;
    this.#bundle = NOTHING;
    this.#revision = null;
    this.#listeners.onBundle(NOTHING, ended);
  }

  #apply(): void {
    if (this.#message === undefined || this.#credentials === undefined) return;
    const message = this.#message;
    if (this.#identity !== undefined && !samePod(this.#identity, message.identity)) {
      this.#refuse([fileProblem('bundle', 'it is for another pod', 'A pod keeps its identity while it lives.')], message);
      return;
    }
    const { bundle, problems } = parsed(message, this.#credentials);
    if (bundle === undefined) {
      this.#refuse(problems, message);
      return;
    }
    this.#problems = [];
    this.#caughtUp();
    const same = this.#suspended === undefined && this.#identity !== undefined && bundle.revision === this.#bundle.revision;
    this.#identity ??= message.identity;
    this.#suspended = undefined;
    this.#revision = message.revision;
    if (same) return;
    this.#bundle = bundle;
    this.#listeners.onBundle(bundle);
  }

  #caughtUp(): void {
    clearTimeout(this.#outdated);
    this.#outdated = undefined;
  }

  /** INVARIANT: what the operator has put something else in the place of is served no longer than if the operator were lost. */
  #refuse(problems: readonly Problem[], { staleAfter }: BundleMessage): void {
    this.#problems = problems;
    this.#outdated ??= setTimeout(
      () => {
        const newest = this.#message;
        this.revoke(`What the operator sends cannot be used, for ${staleAfter} s now; the log of pg-airlock says why.`);
        // Other credentials may make it one that can.
        this.#message = newest;
      },
      Math.min(staleAfter * 1000, LONGEST_TIMER),
    ).unref();
    this.#listeners.onProblems(problems);
  }
}
