/**
 * Documents to a bundle: each valid on its own, then together.
 */
import type { AccessPolicy, Bundle, Connection, ConnectionKey } from '../policy.ts';
import { accessPolicy, connectionKey } from './access-policy.ts';
import { bundleRevision } from './bundle-revision.ts';
import { connectionOf } from './connection.ts';
import { connectionProblems, passwordProblems } from './cross-references.ts';
import { type ConnectionCredentials, credentialStore } from './credentials.ts';
import { fileProblem, type Problem, problemAt, problemText } from './problem.ts';
import type { Building, Resource } from './resource.ts';
import { type Resources, resourcesOf } from './resources.ts';
import type { ManifestDocument } from './yaml-documents.ts';

/** What manifests say, or what is wrong with them. */
export type ParsedManifests = {
  /** Undefined exactly when there are problems. */
  readonly bundle: Bundle | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

/** The one agent of a pod's sidecar, and what it logs in to its databases with. */
export type PodAgent = {
  readonly agent: string;
  /** What is not among them the pod cannot open: such connections, and policies about them, are left out. */
  readonly credentials: ReadonlyMap<ConnectionKey, ConnectionCredentials>;
};

const byKey = (left: { readonly key: string }, right: { readonly key: string }): number => (left.key < right.key ? -1 : 1);

/** One mistake can show in several ways: a Secret that is missing lacks both user name and password. */
const once = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((problem) => [problemText(problem), problem])).values(),
];

const reachable = (resources: Resources, pod: PodAgent | undefined): Resources =>
  pod === undefined
    ? resources
    : {
        ...resources,
        connections: resources.connections.filter(({ key }) => pod.credentials.has(key)),
        policies: resources.policies.filter((policy) => pod.credentials.has(connectionKey(policy))),
      };

/** Makes the bundle, for `pod` where that is given and for agents that log in otherwise. Fills defaults into the documents. */
export const bundleOf = (documents: readonly ManifestDocument[], pod?: PodAgent): ParsedManifests => {
  const resources = reachable(resourcesOf(documents), pod);
  const problems: Problem[] = [...resources.problems];
  const warnings: Problem[] = [...resources.warnings];
  const building = ({ document, namespace }: Resource<unknown>): Building => ({
    namespace,
    secrets: resources.secrets,
    agent: pod?.agent,
    fault: (fault) => problems.push(problemAt(document, fault)),
    warn: (fault) => warnings.push(problemAt(document, fault)),
  });
  const connections: readonly Connection[] = resources.connections.flatMap((resource) => {
    const credentials = pod?.credentials.get(resource.key);
    const own = building(resource);
    return connectionOf(credentials === undefined ? own : { ...own, secrets: credentialStore(resource, credentials) }, resource) ?? [];
  });
  const built = resources.policies.toSorted(byKey).map((resource) => ({ resource, policy: accessPolicy(building(resource), resource) }));
  problems.push(...resources.policies.flatMap((policy) => connectionProblems(resources, policy)), ...passwordProblems(built));
  if (problems.length > 0) return { bundle: undefined, problems: once(problems), warnings };

  const policies: readonly AccessPolicy[] = built.map(({ policy }) => policy);
  if (policies.length === 0) {
    warnings.push(fileProblem('.', 'there is no DatabaseAccessPolicy', 'Nobody can do anything until there is one.'));
  }
  const content = { connections: new Map(connections.toSorted(byKey).map((connection) => [connection.key, connection])), policies };
  return { bundle: { revision: bundleRevision(content), ...content }, problems, warnings };
};
