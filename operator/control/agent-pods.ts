/**
 * The pods that are agents now: who may have a stream, and why not.
 */
import { AGENT_LABEL } from '../../kernel/cluster-names.ts';
import type { PodIdentity } from '../../kernel/control.ts';
import { type Informer, type Kube, KubeFailure } from '../kube/kube.ts';
import type { PodObject } from '../world.ts';

export type Admitted =
  | { readonly type: 'Agent'; readonly pod: PodObject }
  | { readonly type: 'Forbidden'; readonly reason: string }
  /** The informer does not know it yet. */
  | { readonly type: 'Unavailable' };

const GONE = 'The pod is gone.';

const isOver = ({ status }: Pick<PodObject, 'status'>): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Why a pod has no access; undefined: it is an agent and lives. */
export const reasonAgainst = (pod: PodObject | undefined, uid: string): string | undefined => {
  if (pod === undefined || pod.metadata.uid !== uid) return GONE;
  if (pod.metadata.labels?.[AGENT_LABEL] !== 'true') return `The pod has no label ${AGENT_LABEL}=true any more.`;
  return isOver(pod) ? 'The pod has ended.' : undefined;
};

/** Which agents' pods say that they have an address. Whoever may write a pod's status can have it say that of another's, and takes nothing. */
export class PodAddresses {
  readonly #owners = new Map<string, Set<string>>();
  readonly #stop: () => void;

  constructor(pods: Informer<PodObject>) {
    for (const pod of pods.list()) this.#put(pod);
    this.#stop = pods.listen(({ before, after }) => {
      if (before !== undefined) this.#take(before);
      if (after !== undefined) this.#put(after);
    });
  }

  /** Whether the pod is an agent's at this address, by its own word. */
  isOf(address: string, uid: string): boolean {
    return this.#owners.get(address.replace(/^::ffff:/, ''))?.has(uid) === true;
  }

  /** Whether the address is another agent's alone, so that a token which comes from there was taken out of its pod. */
  isOfAnother(address: string, uid: string): boolean {
    const owners = this.#owners.get(address.replace(/^::ffff:/, ''));
    return owners !== undefined && !owners.has(uid);
  }

  stop(): void {
    this.#stop();
  }

  #put({ metadata, status }: PodObject): void {
    // Addresses of pods that have ended are given to others.
    if (status?.podIP === undefined || metadata.uid === undefined || isOver({ status })) return;
    this.#owners.set(status.podIP, (this.#owners.get(status.podIP) ?? new Set()).add(metadata.uid));
  }

  #take({ metadata: { uid = '' }, status: { podIP = '' } = {} }: PodObject): void {
    const owners = this.#owners.get(podIP);
    owners?.delete(uid);
    if (owners?.size === 0) this.#owners.delete(podIP);
  }
}

/** Looks the pod up. The API server is asked about one that is not known yet: its sidecar is quicker than the news of it. */
export const admit = async (pods: Informer<PodObject>, kube: Kube, { namespace, pod: name, uid }: PodIdentity): Promise<Admitted> => {
  const known = pods.get(`${namespace}/${name}`);
  if (known?.metadata.uid === uid) {
    const reason = reasonAgainst(known, uid);
    return reason === undefined ? { type: 'Agent', pod: known } : { type: 'Forbidden', reason };
  }
  try {
    const pod = await kube.request<PodObject>('GET', `/api/v1/namespaces/${namespace}/pods/${name}`, { timeoutMs: 10_000 });
    const reason = reasonAgainst(pod, uid);
    return reason === undefined ? { type: 'Unavailable' } : { type: 'Forbidden', reason };
  } catch (error) {
    return error instanceof KubeFailure && error.status === 404 ? { type: 'Forbidden', reason: GONE } : { type: 'Unavailable' };
  }
};
