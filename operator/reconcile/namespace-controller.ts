/**
 * The credentials that a namespace's agents need, there while they need them, and not longer.
 */
import { MANAGED_NAMESPACE_LABEL } from '../../kernel/cluster-names.ts';
import type { KubeObject } from '../kube/kube.ts';
import type { Reconciled } from '../kube/work-queue.ts';
import { isUnguarded } from '../specs/managed-secret.ts';
import { type Refusal, secretNeeds } from '../specs/secret-needs.ts';
import { namespaceLabels, type Shared } from './controllers.ts';
import { jittered } from '../jittered.ts';
import { createManagedSecrets } from './managed-secrets.ts';
import { sidecarsRun } from './running-sidecars.ts';

/** Pods of a namespace that are told why they wait. */
const MOST_TOLD = 20;

/** Makes what the queue of namespaces calls. */
export const namespaceReconciler = (shared: () => Shared): ((key: string) => Promise<Reconciled>) => {
  const secrets = createManagedSecrets(shared);
  /** By namespace: what its pods have been told, so that they are told once. */
  const told = new Map<string, ReadonlySet<string>>();

  const tell = (namespace: string, refusals: readonly Refusal[]): void => {
    const { world, events } = shared();
    const before = told.get(namespace);
    const now = refusals
      .slice(0, MOST_TOLD)
      .map((refusal) => ({ ...refusal, id: JSON.stringify([refusal.agent, refusal.reason, refusal.connection]) }));
    for (const { agent, reason, note, id } of now) {
      const pod = world.pods.get(agent);
      if (pod === undefined || before?.has(id) === true) continue;
      events.record({
        regarding: { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata },
        type: 'Warning',
        reason,
        action: 'CopyCredentials',
        note,
      });
    }
    if (now.length === 0) told.delete(namespace);
    else told.set(namespace, new Set(now.map(({ id }) => id)));
  };

  const label = async ({ metadata }: KubeObject, wanted: boolean): Promise<void> => {
    const value = metadata.labels?.[MANAGED_NAMESPACE_LABEL];
    // One that is not ours, `always`, stays.
    if (wanted ? value !== undefined : value !== 'true') return;
    await shared().kube.request('PATCH', `/api/v1/namespaces/${metadata.name}`, {
      contentType: 'application/merge-patch+json',
      body: { metadata: { uid: metadata.uid, labels: { [MANAGED_NAMESPACE_LABEL]: wanted ? 'true' : null } } },
    });
  };

  return async (name) => {
    const { world, kube, record, agents, ledger, ca, config, timing } = shared();
    const known = world.namespaces.get(name);
    if (known === undefined) {
      told.delete(name);
      // With the namespace went all that was in it.
      return await record.write(name, []);
    }
    if (known.metadata.deletionTimestamp !== undefined) return undefined;
    const { wanted, undecided, refused } = secretNeeds({
      namespace: name,
      labels: namespaceLabels(world, name),
      unguarded: isUnguarded(name, config),
      allowUnverifiedServers: config.connections.allowUnverifiedServers,
      agents: agents.inNamespace(name),
      connection: world.connections.get,
      source: (key) => ledger.sources.get(key),
      controlCa: ca.current().ca,
    });
    tell(name, refused);
    const recorded = record.secretsIn(name);
    const isNeeded = wanted.length > 0 || undecided.size > 0;
    // A label that somebody put there early, for the rules' sake, stays.
    if (!isNeeded && recorded.length === 0) return undefined;

    const names = wanted.map((secret) => secret.name);
    const surplus = recorded.filter((secret) => !names.includes(secret) && !undecided.has(secret));
    await record.write(name, [...new Set([...recorded, ...names])]);
    // As it is now, and not as the informer last saw it.
    const namespace = await kube.request<KubeObject>('GET', `/api/v1/namespaces/${name}`);
    // INVARIANT: the label is there before a Secret is, and goes after it: it is what the admission rules go by.
    if (wanted.length > 0) await label(namespace, true);
    // Each for itself: one that cannot be made keeps no other from being made, nor from going.
    const done = await Promise.allSettled([...wanted.map(secrets.put), ...surplus.map((secret) => secrets.remove(name, secret))]);
    for (const each of done) if (each.status === 'rejected') throw each.reason;
    // INVARIANT: the rules that the label stands for hold for as long as a credential lies in any pod.
    if (!isNeeded && (await sidecarsRun(kube, name))) return { againAfterMs: jittered(timing.managedMs) };
    if (!isNeeded) await label(namespace, false);
    await record.write(name, [...new Set([...recorded.filter((secret) => undecided.has(secret)), ...names])]);
    return isNeeded ? { againAfterMs: jittered(timing.managedMs) } : undefined;
  };
};
