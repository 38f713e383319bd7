/**
 * The policies of each namespace: a pod is concerned only with those of its own.
 */
import { type Informer, keyOf } from '../kube/kube.ts';
import type { PolicyObject } from '../world.ts';

export class PoliciesByNamespace {
  readonly #policies = new Map<string, Map<string, PolicyObject>>();
  /** Asked for once for each pod, and the same until one changes. */
  readonly #sorted = new Map<string, readonly PolicyObject[]>();
  readonly #stop: () => void;

  constructor(policies: Informer<PolicyObject>) {
    for (const policy of policies.list()) this.#put(keyOf(policy), policy);
    this.#stop = policies.listen(({ key, after }) => this.#put(key, after));
  }

  /** In the order of their names. */
  of(namespace: string): readonly PolicyObject[] {
    const own = this.#policies.get(namespace);
    if (own === undefined) return [];
    const sorted =
      this.#sorted.get(namespace) ?? [...own].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, policy]) => policy);
    this.#sorted.set(namespace, sorted);
    return sorted;
  }

  stop(): void {
    this.#stop();
  }

  #put(key: string, policy: PolicyObject | undefined): void {
    const namespace = key.slice(0, key.indexOf('/'));
    this.#sorted.delete(namespace);
    const own = this.#policies.get(namespace) ?? new Map<string, PolicyObject>();
    if (policy === undefined) own.delete(key);
    else own.set(key, policy);
    if (own.size === 0) this.#policies.delete(namespace);
    else this.#policies.set(namespace, own);
  }
}
