/**
 * What must hold between the objects of a folder.
 */
import { NAMESPACE_NAME_LABEL } from '../cluster-names.ts';
import type { AccessPolicy } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import { connectionKey } from './access-policy.ts';
import { selects } from './label-selector.ts';
import { nearestName } from './nearest-name.ts';
import { type Problem, problemAt } from './problem.ts';
import type { Resource } from './resource.ts';
import type { Resources } from './resources.ts';

/** The policy's connection exists, and admits the policy's namespace. */
export const connectionProblems = (resources: Resources, policy: Resource<DatabaseAccessPolicy>): readonly Problem[] => {
  const key = connectionKey(policy);
  const connection = resources.connections.find((candidate) => candidate.key === key);
  if (connection === undefined) {
    // Its own problem has been told.
    if (resources.brokenConnections.has(policy.value.spec.connectionRef.name)) return [];
    const known = resources.connections.map((candidate) => candidate.key);
    const nearest = nearestName(key, known);
    const list = known.length === 0 ? 'Add a DatabaseConnection of this name.' : `There are: ${known.toSorted().join(', ')}.`;
    return [
      problemAt(policy.document, {
        path: ['spec', 'connectionRef', 'name'],
        message: `DatabaseConnection "${key}" does not exist`,
        remedy: nearest === undefined ? list : `Did you mean "${nearest}"?`,
      }),
    ];
  }
  if (connection.namespace === policy.namespace) return [];
  const { allowedNamespaces } = connection.value.spec;
  const labels = { ...resources.namespaces.get(policy.namespace), [NAMESPACE_NAME_LABEL]: policy.namespace };
  if (allowedNamespaces !== undefined && selects(allowedNamespaces, labels)) return [];
  return [
    problemAt(policy.document, {
      path: ['spec', 'connectionRef', 'namespace'],
      message: `DatabaseConnection "${key}" does not allow policies of namespace "${policy.namespace}"`,
      remedy: `Let its spec.allowedNamespaces select that namespace (by the label ${NAMESPACE_NAME_LABEL}, or by labels of a Namespace manifest), or put the policy into namespace "${connection.namespace}".`,
    }),
  ];
};

type BuiltPolicy = { readonly resource: Resource<DatabaseAccessPolicy>; readonly policy: AccessPolicy };

/** An agent has one password, whichever policy names it. */
export const passwordProblems = (built: readonly BuiltPolicy[]): readonly Problem[] => {
  const first = new Map<string, { readonly key: string; readonly password: Uint8Array }>();
  return built.flatMap(({ resource, policy }) =>
    policy.agents.flatMap(({ agent, password }) => {
      if (password === undefined) return [];
      const earlier = first.get(agent);
      if (earlier === undefined) {
        first.set(agent, { key: policy.key, password });
        return [];
      }
      if (Buffer.compare(earlier.password, password) === 0) return [];
      const index = resource.value.spec.subjects.findIndex((subject) => subject.agent?.name === agent);
      return [
        problemAt(resource.document, {
          path: ['spec', 'subjects', index, 'agent', 'passwordSecretRef'],
          message: `agent "${agent}" has another password in policy "${earlier.key}"`,
          remedy: 'Let both name the same password, or leave passwordSecretRef out in one of them.',
        }),
      ];
    }),
  );
};
