/**
 * Manifests to a bundle. Things start here: text, documents, each valid on its own, then together.
 */
import type { AccessPolicy, Bundle, Connection } from '../policy.ts';
import { accessPolicy } from './access-policy.ts';
import { bundleRevision } from './bundle-revision.ts';
import { connectionOf } from './connection.ts';
import { connectionProblems, passwordProblems } from './cross-references.ts';
import { type Problem, fileProblem, problemAt, problemText } from './problem.ts';
import type { Building, Resource } from './resource.ts';
import { resourcesOf } from './resources.ts';
import { type ManifestFile, yamlDocuments } from './yaml-documents.ts';

export type ParsedManifests = {
  /** Undefined exactly when there are problems. */
  readonly bundle: Bundle | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

const byKey = (left: { readonly key: string }, right: { readonly key: string }): number => (left.key < right.key ? -1 : 1);

/** One mistake can show in several ways: a Secret that is missing lacks both user name and password. */
const once = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((problem) => [problemText(problem), problem])).values(),
];

/** Reads files of manifests. Pure: the same files give the same bundle, in whatever order. */
export const parseManifests = (files: readonly ManifestFile[]): ParsedManifests => {
  const read = files.map(yamlDocuments);
  const resources = resourcesOf(read.flatMap(({ documents }) => documents));
  const problems: Problem[] = [...read.flatMap((file) => file.problems), ...resources.problems];
  const warnings: Problem[] = [...resources.warnings];

  const building = ({ document, namespace }: Resource<unknown>): Building => ({
    namespace,
    secrets: resources.secrets,
    fault: (fault) => problems.push(problemAt(document, fault)),
    warn: (fault) => warnings.push(problemAt(document, fault)),
  });
  // A file that cannot be read may hold what the others refer to: its own problem says it all.
  const complete = read.every((file) => file.problems.length === 0);
  if (!complete) return { bundle: undefined, problems, warnings };

  const connections: readonly Connection[] = resources.connections.flatMap((resource) => connectionOf(building(resource), resource) ?? []);
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
