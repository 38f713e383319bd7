/**
 * What the sidecars of one replica report, as that replica writes it down for the leader: a ConfigMap.
 */
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL } from '../../kernel/cluster-names.ts';
import type { KubeObject } from '../kube/kube.ts';

const TALLY_LABEL = `${GROUP}/tally`;

/** The ConfigMaps' selector. */
export const TALLY_SELECTOR = `${TALLY_LABEL}=true`;

const KEY = 'tally.json';

/** Of one policy: in how many pods it is in force in this generation, and what it did there. */
export type PolicyTally = {
  /** The policy's metadata.generation. */
  readonly generation: number;
  readonly pods: number;
  readonly blocked: number;
  readonly masked: number;
};

/** By `namespace/name` of the policy. */
export type Tally = ReadonlyMap<string, PolicyTally>;

export type Replica = {
  readonly namespace: string;
  /** Of the operator's pod. */
  readonly name: string;
  /** Unknown where the operator does not run in a pod. */
  readonly uid: string | undefined;
};

/** Name of a replica's ConfigMap. */
export const tallyName = ({ name }: Pick<Replica, 'name'>): string => `pg-airlock-tally-${name}`.slice(0, 253);

/** The ConfigMap; it goes with the replica's pod. */
export const tallyConfigMap = (replica: Replica, tally: Tally): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: tallyName(replica),
    namespace: replica.namespace,
    labels: { [TALLY_LABEL]: 'true', [MANAGED_BY_LABEL]: MANAGED_BY },
    ...(replica.uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: replica.name, uid: replica.uid }] }),
  },
  data: { [KEY]: JSON.stringify(Object.fromEntries(tally)) },
});

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Reads such a ConfigMap; what makes no sense in it counts as nothing. */
export const readTally = ({ data }: KubeObject): Tally => {
  const text = (data as Readonly<Record<string, unknown>> | undefined)?.[KEY];
  let values: unknown;
  try {
    values = JSON.parse(typeof text === 'string' ? text : '{}');
  } catch {
    return new Map();
  }
  if (typeof values !== 'object' || values === null) return new Map();
  return new Map(
    Object.entries(values as Readonly<Record<string, Partial<PolicyTally> | null>>).flatMap(([policy, counts]) => {
      const { generation, pods, blocked, masked } = counts ?? {};
      return isCount(generation) && isCount(pods) && isCount(blocked) && isCount(masked)
        ? [[policy, { generation, pods, blocked, masked }] as const]
        : [];
    }),
  );
};

/** The sums of several. Only pods with the newest generation count as pods. */
export const sumTallies = (tallies: Iterable<Tally>): Tally => {
  const sums = new Map<string, PolicyTally>();
  for (const tally of tallies) {
    for (const [policy, next] of tally) {
      const sum = sums.get(policy) ?? { generation: 0, pods: 0, blocked: 0, masked: 0 };
      const generation = Math.max(sum.generation, next.generation);
      const podsOf = (each: PolicyTally): number => (each.generation === generation ? each.pods : 0);
      sums.set(policy, {
        generation,
        pods: podsOf(sum) + podsOf(next),
        blocked: sum.blocked + next.blocked,
        masked: sum.masked + next.masked,
      });
    }
  }
  return sums;
};
