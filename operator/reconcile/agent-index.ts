/**
 * Which agents' pods there are in which namespace, and which connections they name: kept, for pods are many and asked about often.
 */
import { CONNECTION_ANNOTATION } from '../../kernel/cluster-names.ts';
import type { Informer } from '../kube/kube.ts';
import { agentConnections } from '../specs/agent-connections.ts';
import { isLiveAgent } from '../specs/managed-secret.ts';
import { DEFAULT_SERVICE_ACCOUNT, type SelectablePod } from '../specs/selects-pod.ts';
import type { PodObject } from '../world.ts';

/** A live pod of an agent. */
export type Agent = SelectablePod & {
  readonly key: string;
  readonly namespace: string;
  /** As `namespace/name`. */
  readonly connections: readonly string[];
};

export type AgentIndex = {
  readonly inNamespace: (namespace: string) => readonly Agent[];
  readonly namespacesOf: (connection: string) => readonly string[];
  readonly serviceAccounts: (namespace: string) => readonly string[];
  readonly namespaces: () => readonly string[];
  /** Told after the index has changed. */
  readonly listen: (listener: (namespace: string, connections: readonly string[]) => void) => () => void;
  readonly stop: () => void;
};

const agentOf = (key: string, pod: PodObject | undefined): Agent | undefined => {
  const namespace = pod?.metadata.namespace;
  if (pod === undefined || namespace === undefined || !isLiveAgent(pod)) return undefined;
  const named = agentConnections(pod.metadata.annotations?.[CONNECTION_ANNOTATION], namespace);
  return {
    key,
    namespace,
    metadata: { labels: pod.metadata.labels ?? {} },
    spec: { serviceAccountName: pod.spec.serviceAccountName ?? DEFAULT_SERVICE_ACCOUNT },
    connections: named.ok ? named.connections.map((connection) => `${connection.namespace}/${connection.name}`) : [],
  };
};

const isSame = (left: Agent | undefined, right: Agent | undefined): boolean => JSON.stringify(left) === JSON.stringify(right);

/** Starts to follow the pods. */
export const createAgentIndex = (pods: Informer<PodObject>): AgentIndex => {
  const byNamespace = new Map<string, Map<string, Agent>>();
  /** How many pods of a namespace name a connection. */
  const uses = new Map<string, Map<string, number>>();
  const listeners = new Set<(namespace: string, connections: readonly string[]) => void>();

  const count = ({ namespace, connections }: Agent, change: 1 | -1): void => {
    for (const connection of connections) {
      const namespaces = uses.get(connection) ?? new Map<string, number>();
      const now = (namespaces.get(namespace) ?? 0) + change;
      if (now > 0) uses.set(connection, namespaces.set(namespace, now));
      else if (namespaces.delete(namespace) && namespaces.size === 0) uses.delete(connection);
    }
  };

  const put = (key: string, after: Agent | undefined): void => {
    const namespace = after?.namespace ?? key.slice(0, key.indexOf('/'));
    const agents = byNamespace.get(namespace) ?? new Map<string, Agent>();
    const before = agents.get(key);
    if (isSame(before, after)) return;
    if (before !== undefined) count(before, -1);
    if (after === undefined) agents.delete(key);
    else {
      agents.set(key, after);
      count(after, 1);
    }
    if (agents.size === 0) byNamespace.delete(namespace);
    else byNamespace.set(namespace, agents);
    const connections = [...new Set([...(before?.connections ?? []), ...(after?.connections ?? [])])];
    for (const listener of listeners) listener(namespace, connections);
  };

  const stop = pods.listen(({ key, after }) => put(key, agentOf(key, after)));
  for (const pod of pods.list()) {
    const key = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
    put(key, agentOf(key, pod));
  }
  const inNamespace = (namespace: string): readonly Agent[] => [...(byNamespace.get(namespace)?.values() ?? [])];
  return {
    inNamespace,
    namespacesOf: (connection) => [...(uses.get(connection)?.keys() ?? [])],
    serviceAccounts: (namespace) => [
      ...new Set(inNamespace(namespace).map(({ spec }) => spec.serviceAccountName ?? DEFAULT_SERVICE_ACCOUNT)),
    ],
    namespaces: () => [...byNamespace.keys()],
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop,
  };
};
