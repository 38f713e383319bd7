/**
 * A policy of the cluster, read by the parser that the sidecars read it with.
 */
import { API_VERSION } from '../../kernel/cluster-names.ts';
import type { DatabaseAccessPolicy } from '../../kernel/generated/database-access-policy.ts';
import { accessPolicy } from '../../kernel/manifest/access-policy.ts';
import { connectionProblems } from '../../kernel/manifest/cross-references.ts';
import { type Fault, type Problem, problemAt } from '../../kernel/manifest/problem.ts';
import { resourcesOf } from '../../kernel/manifest/resources.ts';
import type { SecretStore } from '../../kernel/manifest/secret-store.ts';
import type { AccessPolicy } from '../../kernel/policy.ts';
import { maskKeys } from './bundle.ts';
import type { SecretAnswer } from './source-credentials.ts';

/** The objects that a policy is judged with; undefined: there is no such object. */
export type PolicyContext = {
  readonly policy: {
    readonly metadata: { readonly name: string; readonly namespace?: string };
    readonly spec: DatabaseAccessPolicy['spec'];
  };
  readonly connection: { readonly metadata: { readonly name: string; readonly namespace?: string }; readonly spec: unknown } | undefined;
  /** Of the policy's namespace. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** By name, of the policy's namespace: those with the keys of masks. */
  readonly secrets: SecretStore;
};

export type ParsedPolicy = {
  /** Undefined where its form is wrong. */
  readonly policy: AccessPolicy | undefined;
  readonly connectionProblem: string | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
};

/** What was found of them; of what nobody could read, nothing is said. */
export const maskSecrets = (namespace: string, answers: ReadonlyMap<string, SecretAnswer>): SecretStore => ({
  values: new Map(
    [...answers].flatMap(([name, answer]) => (answer.type === 'Found' ? [[`${namespace}/${name}`, answer.values] as const] : [])),
  ),
  broken: new Set([...answers].flatMap(([name, answer]) => (answer.type === 'Forbidden' || answer.type === 'Failed' ? [name] : []))),
});

/** Keys for a policy that is read for its names alone. */
export const placeholderSecrets = (namespace: string, spec: DatabaseAccessPolicy['spec']): SecretStore => {
  const values = new Map(
    [...maskKeys(spec)].map(([name, keys]) => [`${namespace}/${name}`, new Map(keys.map((key) => [key, new Uint8Array(32)]))] as const),
  );
  return { values, broken: new Set() };
};

const textOf = ({ field, message, remedy }: Problem): string =>
  `${field === undefined ? '' : `${field}: `}${message}.${remedy === '' ? '' : ` ${remedy}`}`;

/** Reads it. Pure. */
export const parsedPolicy = ({ policy, connection, namespaceLabels, secrets }: PolicyContext): ParsedPolicy => {
  const namespace = policy.metadata.namespace ?? 'default';
  const documentOf = (value: unknown) => ({ file: '', number: 1, value: structuredClone(value), lineOf: () => 1 });
  const objectOf = (
    kind: string,
    { metadata, spec }: { readonly metadata: { readonly name: string; readonly namespace?: string }; readonly spec: unknown },
  ) => documentOf({ apiVersion: API_VERSION, kind, metadata: { name: metadata.name, namespace: metadata.namespace }, spec });
  const resources = resourcesOf([
    objectOf('DatabaseAccessPolicy', policy),
    ...(connection === undefined ? [] : [objectOf('DatabaseConnection', connection)]),
    documentOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: namespaceLabels } }),
  ]);
  const [resource] = resources.policies;
  if (resource === undefined) {
    return { policy: undefined, connectionProblem: undefined, problems: resources.problems.map(textOf), warnings: [] };
  }
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const building = {
    namespace,
    secrets,
    // In a cluster no subject logs in with a password.
    agent: '',
    fault: (fault: Fault) => problems.push(problemAt(resource.document, fault)),
    warn: (fault: Fault) => warnings.push(problemAt(resource.document, fault)),
  };
  const built = accessPolicy(building, resource);
  const [connectionProblem] = connectionProblems(resources, resource);
  return {
    policy: built,
    connectionProblem: connectionProblem && textOf(connectionProblem),
    problems: problems.map(textOf),
    warnings: warnings.map(textOf),
  };
};
