/**
 * Which managed Secrets there are, or were about to be: written down before each is made, for the operator may not list Secrets. In ConfigMaps
 * of its own namespace, where nobody else writes.
 */
import { createHash } from 'node:crypto';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL } from '../../kernel/cluster-names.ts';
import { type Kube, KubeFailure, type KubeObject, type OwnerReference } from '../kube/kube.ts';
import { recordedSecrets } from '../specs/managed-secret.ts';

export type ManagedRecord = {
  readonly secretsIn: (namespace: string) => readonly string[];
  readonly namespaces: () => readonly string[];
  /** Resolves when it is written. */
  readonly write: (namespace: string, secrets: readonly string[]) => Promise<void>;
};

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const PREFIX = 'pg-airlock-managed-';
const LABEL = `${GROUP}/managed-secrets`;
/** So that each stays far below a megabyte. */
const SHARDS = 16;

const shardOf = (namespace: string): string => ((createHash('sha256').update(namespace).digest()[0] ?? 0) % SHARDS).toString(16);

/** Reads what was written down. `lease`: of the operator; what is written goes with it when the operator is uninstalled. */
export const openManagedRecord = async (kube: Kube, namespace: string, lease: string): Promise<ManagedRecord> => {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const list = await kube.request<{ readonly items: readonly ConfigMap[] }>('GET', path, { query: { labelSelector: LABEL } });
  const known = new Map<string, readonly string[]>();
  for (const { data = {} } of list.items) {
    for (const [name, secrets] of Object.entries(data)) known.set(name, recordedSecrets(secrets));
  }

  const owners = async (): Promise<readonly OwnerReference[]> => {
    try {
      const found = await kube.request<KubeObject>('GET', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${lease}`);
      const { uid } = found.metadata;
      return uid === undefined ? [] : [{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: lease, uid }];
    } catch (error) {
      if (error instanceof KubeFailure && (error.status === 404 || error.status === 403)) return [];
      throw error;
    }
  };

  const create = async (name: string): Promise<void> => {
    const metadata = {
      name,
      namespace,
      labels: { [LABEL]: 'true', [MANAGED_BY_LABEL]: MANAGED_BY },
      ownerReferences: await owners(),
    };
    // Whole: one that was deleted while the operator ran comes back with all that it held.
    const data = Object.fromEntries(
      [...known].filter(([key]) => `${PREFIX}${shardOf(key)}` === name).map(([key, names]) => [key, names.join(',')]),
    );
    await kube.request('POST', path, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } });
  };

  return {
    secretsIn: (name) => known.get(name) ?? [],
    namespaces: () => [...known.keys()],
    write: async (name, secrets) => {
      const value = secrets.toSorted().join(',');
      if ((known.get(name) ?? []).join(',') === value) return;
      const before = known.get(name);
      if (value === '') known.delete(name);
      else known.set(name, value.split(','));
      const shard = `${PREFIX}${shardOf(name)}`;
      try {
        await kube.request('PATCH', `${path}/${shard}`, {
          contentType: 'application/merge-patch+json',
          body: { data: { [name]: value === '' ? null : value } },
        });
      } catch (error) {
        try {
          if (!(error instanceof KubeFailure && error.status === 404)) throw error;
          await create(shard);
        } catch (failed) {
          if (before === undefined) known.delete(name);
          else known.set(name, before);
          throw failed;
        }
      }
    },
  };
};
