/**
 * The credentials that a namespace's agents need, there while they need them, and not longer.
 */
import { MANAGED_NAMESPACE_LABEL } from '../../kernel/cluster-names.ts';
import { KubeFailure, type KubeObject } from '../kube/kube.ts';
import type { Reconciled } from '../kube/work-queue.ts';
import {
  allowsNamespace,
  isUnguarded,
  isManaged,
  type ManagedSecret,
  managedSecret,
  secretDocument,
  secretPatch,
} from '../specs/managed-secret.ts';
import { managedSecretName } from '../specs/managed-names.ts';
import { namespaceLabels, type Shared } from './controllers.ts';
import { jittered } from './jittered.ts';
import { getSecret, secretPath } from './read-secret.ts';

/** What a namespace needs. `undecided`: names of Secrets that stay as they are, for nobody knows yet. */
type Needs = { readonly wanted: readonly ManagedSecret[]; readonly undecided: ReadonlySet<string> };

/** Makes what the queue of namespaces calls. */
export const namespaceReconciler = (shared: () => Shared): ((key: string) => Promise<Reconciled>) => {
  const needsOf = (namespace: string): Needs => {
    const { world, ledger, agents, config, ca } = shared();
    const wanted: ManagedSecret[] = [];
    const undecided = new Set<string>();
    if (isUnguarded(namespace, config)) return { wanted, undecided };
    const labels = namespaceLabels(world, namespace);
    const keys = new Set(agents.inNamespace(namespace).flatMap(({ connections }) => connections));
    for (const key of keys) {
      const connection = world.connections.get(key);
      if (connection === undefined || !allowsNamespace(connection, namespace, labels)) continue;
      const name = { namespace: connection.metadata.namespace ?? '', name: connection.metadata.name };
      const source = ledger.sources.get(key);
      const controlCa = ca.current().ca;
      if (source?.credentials.type === 'Complete' && controlCa !== '') {
        wanted.push(managedSecret(namespace, name, source.credentials.connection, controlCa));
      } else if (source?.credentials.type !== 'Incomplete') undecided.add(managedSecretName(name));
    }
    return { wanted, undecided };
  };

  /** The label is there before a Secret is, and goes after it. */
  const label = async ({ metadata }: KubeObject, wanted: boolean): Promise<void> => {
    if ((metadata.labels?.[MANAGED_NAMESPACE_LABEL] !== undefined) === wanted) return;
    await shared().kube.request('PATCH', `/api/v1/namespaces/${metadata.name}`, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { uid: metadata.uid, labels: { [MANAGED_NAMESPACE_LABEL]: wanted ? 'true' : null } } },
    });
  };

  const put = async (wanted: ManagedSecret): Promise<void> => {
    const { kube, events, world, log } = shared();
    const found = await getSecret(kube, wanted.namespace, wanted.name);
    if (found.type === 'Missing') {
      await kube.request('POST', `/api/v1/namespaces/${wanted.namespace}/secrets`, { body: secretDocument(wanted) });
      log.info({ secret: `${wanted.namespace}/${wanted.name}`, connection: wanted.connection }, 'made a managed Secret');
      return;
    }
    if (found.type !== 'Found') {
      throw new KubeFailure(found.type === 'Forbidden' ? 403 : 0, found.type, `could not read Secret ${wanted.namespace}/${wanted.name}`);
    }
    // INVARIANT: what somebody else made is never overwritten: it would hand them the name, and take away what they had.
    if (!isManaged(found.secret)) {
      const connection = world.connections.get(wanted.connection);
      if (connection !== undefined) {
        events.record({
          regarding: { apiVersion: 'pg-airlock.dev/v1alpha1', kind: 'DatabaseConnection', metadata: connection.metadata },
          type: 'Warning',
          reason: 'SecretNotOurs',
          action: 'CopyCredentials',
          note: `Secret "${wanted.namespace}/${wanted.name}" was made by somebody else, and agents there get no credentials: delete it.`,
        });
      }
      return;
    }
    const patch = secretPatch(found.secret, wanted);
    if (patch === undefined) return;
    await kube.request('PATCH', secretPath(wanted.namespace, wanted.name), { contentType: 'application/merge-patch+json', body: patch });
    log.info({ secret: `${wanted.namespace}/${wanted.name}`, connection: wanted.connection }, 'brought a managed Secret up to date');
  };

  const remove = async (namespace: string, name: string): Promise<void> => {
    const { kube, log } = shared();
    const found = await getSecret(kube, namespace, name);
    if (found.type === 'Missing' || (found.type === 'Found' && !isManaged(found.secret))) return;
    if (found.type !== 'Found') throw new KubeFailure(403, found.type, `could not read Secret ${namespace}/${name}`);
    const { uid, resourceVersion } = found.secret.metadata;
    try {
      await kube.request('DELETE', secretPath(namespace, name), { body: { preconditions: { uid, resourceVersion } } });
      log.info({ secret: `${namespace}/${name}` }, 'removed a managed Secret');
    } catch (error) {
      if (!(error instanceof KubeFailure && error.status === 404)) throw error;
    }
  };

  return async (name) => {
    const { world, kube, record, config, timing } = shared();
    const known = world.namespaces.get(name);
    // With the namespace goes all that is in it.
    if (known === undefined) return await record.write(name, []);
    if (known.metadata.deletionTimestamp !== undefined) return undefined;
    const { wanted, undecided } = needsOf(name);
    const recorded = record.secretsIn(name);
    const isNeeded = wanted.length > 0 || undecided.size > 0;
    if (!isNeeded && recorded.length === 0 && known.metadata.labels?.[MANAGED_NAMESPACE_LABEL] === undefined) return undefined;
    if (isUnguarded(name, config)) return undefined;

    const wantedNames = wanted.map((secret) => secret.name);
    await record.write(name, [...new Set([...recorded, ...wantedNames])]);
    // As it is now, and not as the informer last saw it.
    const namespace = await kube.request<KubeObject>('GET', `/api/v1/namespaces/${name}`);
    if (wanted.length > 0) await label(namespace, true);
    for (const secret of wanted) await put(secret);
    const surplus = recorded.filter((secret) => !wantedNames.includes(secret) && !undecided.has(secret));
    for (const secret of surplus) await remove(name, secret);
    await record.write(name, [...new Set([...recorded.filter((secret) => undecided.has(secret)), ...wantedNames])]);
    if (!isNeeded) await label(namespace, false);
    return isNeeded ? { againAfterMs: jittered(timing.managedMs) } : undefined;
  };
};
