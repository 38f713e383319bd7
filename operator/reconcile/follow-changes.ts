/**
 * Which change of the world makes whom look again.
 */
import { isDeepStrictEqual } from 'node:util';
import { MANAGED_NAMESPACE_LABEL } from '../../kernel/cluster-names.ts';
import { type Change, keyOf, type KubeObject } from '../kube/kube.ts';
import { policyConnection } from '../specs/bundle.ts';
import type { World } from '../world.ts';
import { policiesOf, type Shared } from './controllers.ts';

/** A status that was written, or a label, says nothing new of what is wanted. */
const isNew = <T extends KubeObject>({ before, after }: Change<T>): boolean =>
  before === undefined ||
  after === undefined ||
  before.metadata.generation !== after.metadata.generation ||
  before.metadata.uid !== after.metadata.uid;

/** Namespaces that bear the operator's label. */
export const labelledNamespaces = (world: World): readonly string[] =>
  [...world.namespaces.list()].flatMap(({ metadata }) => (metadata.labels?.[MANAGED_NAMESPACE_LABEL] === undefined ? [] : [metadata.name]));

/** For a pod that waits for its Secret this is nothing. */
const CROWD_MS = 50;

/** Starts to follow. Returns how to stop. */
export const followChanges = ({ world, agents, queues, timing }: Shared): (() => void) => {
  const { connections, databases, policies, namespaces } = queues;

  const policiesIn = (namespace: string): void => {
    for (const policy of world.policies.list())
      if (policy.metadata.namespace === namespace) policies.addAfter(keyOf(policy), timing.settleMs);
  };

  const stops = [
    world.connections.listen((change) => {
      if (!isNew(change)) return;
      connections.add(change.key);
      databases.addAfter(change.key, timing.settleMs);
      for (const policy of policiesOf(world, change.key)) policies.addAfter(keyOf(policy), timing.settleMs);
      for (const namespace of agents.namespacesOf(change.key)) namespaces.add(namespace);
    }),
    world.policies.listen((change) => {
      if (!isNew(change)) return;
      policies.add(change.key);
      // Also the connection that it was about before.
      for (const policy of [change.before, change.after]) {
        if (policy !== undefined) databases.addAfter(policyConnection(policy), timing.settleMs);
      }
    }),
    world.namespaces.listen(({ key, before, after }) => {
      if (before !== undefined && after !== undefined && isDeepStrictEqual(before.metadata.labels, after.metadata.labels)) return;
      namespaces.add(key);
      policiesIn(key);
      for (const connection of new Set(agents.inNamespace(key).flatMap((agent) => agent.connections))) {
        connections.addAfter(connection, timing.settleMs);
      }
      for (const policy of world.policies.list()) {
        if (policy.metadata.namespace === key) databases.addAfter(policyConnection(policy), timing.settleMs);
      }
    }),
    agents.listen((namespace, named) => {
      // Pods come by the hundred.
      namespaces.addAfter(namespace, CROWD_MS);
      policiesIn(namespace);
      for (const connection of named) connections.addAfter(connection, timing.settleMs);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};
