/**
 * Makes, mends and removes managed Secrets. What somebody else made is never touched.
 */
import { API_VERSION } from '../../kernel/cluster-names.ts';
import { KubeFailure } from '../kube/kube.ts';
import { isManaged, type ManagedSecret, secretDocument, secretPatch } from '../specs/managed-secret.ts';
import type { Shared } from './controllers.ts';
import { isGuarded } from './guarded-namespace.ts';
import { getSecret, secretPath } from './read-secret.ts';

export type ManagedSecrets = {
  readonly put: (wanted: ManagedSecret) => Promise<void>;
  readonly remove: (namespace: string, name: string) => Promise<void>;
};

const unread = (type: 'Forbidden' | 'Failed', namespace: string, name: string): KubeFailure =>
  new KubeFailure(type === 'Forbidden' ? 403 : 0, type, `could not read Secret ${namespace}/${name}`);

export const createManagedSecrets = (shared: () => Pick<Shared, 'kube' | 'events' | 'world' | 'log'>): ManagedSecrets => {
  const warn = ({ connection }: ManagedSecret, reason: string, note: string): void => {
    const { world, events } = shared();
    const regarding = world.connections.get(connection);
    if (regarding === undefined) return;
    events.record({
      regarding: { apiVersion: API_VERSION, kind: 'DatabaseConnection', metadata: regarding.metadata },
      type: 'Warning',
      reason,
      action: 'CopyCredentials',
      note,
    });
  };

  return {
    put: async (wanted) => {
      const { kube, log } = shared();
      const { namespace, name, connection } = wanted;
      const found = await getSecret(kube, namespace, name);
      if (found.type === 'Missing') {
        // INVARIANT: no credential comes into a namespace where the API server does not keep it from whoever may create pods.
        if (!(await isGuarded(kube, namespace))) {
          const note = `The API server lacks pg-airlock's admission policies in namespace "${namespace}", and agents there get no credentials: upgrade the chart's release.`;
          warn(wanted, 'NotGuarded', note);
          throw new KubeFailure(0, 'NotGuarded', note);
        }
        await kube.request('POST', `/api/v1/namespaces/${namespace}/secrets`, { body: secretDocument(wanted) });
        log.info({ secret: `${namespace}/${name}`, connection }, 'made a managed Secret');
        return;
      }
      if (found.type !== 'Found') throw unread(found.type, namespace, name);
      // INVARIANT: what somebody else made is never overwritten: it would hand them the name, and take away what they had.
      if (!isManaged(found.secret)) {
        return warn(
          wanted,
          'SecretNotOurs',
          `Secret "${namespace}/${name}" was made by somebody else, and agents there get no credentials: delete it.`,
        );
      }
      const patch = secretPatch(found.secret, wanted);
      if (patch === undefined) return;
      await kube.request('PATCH', secretPath(namespace, name), { contentType: 'application/merge-patch+json', body: patch });
      log.info({ secret: `${namespace}/${name}`, connection }, 'brought a managed Secret up to date');
    },
    remove: async (namespace, name) => {
      const { kube, log } = shared();
      const found = await getSecret(kube, namespace, name);
      if (found.type === 'Missing' || (found.type === 'Found' && !isManaged(found.secret))) return;
      if (found.type !== 'Found') throw unread(found.type, namespace, name);
      const { uid, resourceVersion } = found.secret.metadata;
      try {
        await kube.request('DELETE', secretPath(namespace, name), { body: { preconditions: { uid, resourceVersion } } });
        log.info({ secret: `${namespace}/${name}` }, 'removed a managed Secret');
      } catch (error) {
        if (!(error instanceof KubeFailure && error.status === 404)) throw error;
      }
    },
  };
};
