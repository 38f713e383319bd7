/**
 * What is sent to a sidecar: objects of the cluster without all that is the cluster's own, and a name for their content.
 */
import { createHash } from 'node:crypto';
import { API_VERSION, NAMESPACE_NAME_LABEL } from '../../kernel/cluster-names.ts';
import type { Document, PodIdentity } from '../../kernel/control.ts';
import type { DatabaseAccessPolicy } from '../../kernel/generated/database-access-policy.ts';
import { parseDocuments } from '../../kernel/manifest/parse-documents.ts';
import { problemText } from '../../kernel/manifest/problem.ts';
import type { KubeObject } from '../kube/kube.ts';
import type { ConnectionObject, PolicyObject } from '../world.ts';
import { allowsNamespace } from './managed-secret.ts';

/** Without status, managed fields, annotations and whatever else changes by itself. */
export const connectionDocument = ({ metadata, spec }: ConnectionObject): Document => ({
  apiVersion: API_VERSION,
  kind: 'DatabaseConnection',
  metadata: { name: metadata.name, namespace: metadata.namespace ?? 'default' },
  spec,
});

/** The same of a policy. */
export const policyDocument = ({ metadata, spec }: PolicyObject): Document => ({
  apiVersion: API_VERSION,
  kind: 'DatabaseAccessPolicy',
  metadata: { name: metadata.name, namespace: metadata.namespace ?? 'default' },
  spec,
});

/** A namespace with its labels. */
export const namespaceDocument = (name: string, namespace: KubeObject | undefined): Document => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { ...namespace?.metadata.labels, [NAMESPACE_NAME_LABEL]: name } },
});

/** Of a Secret only the keys that are asked for; values in base64, as the API has them. */
export const secretDocument = (key: string, data: Readonly<Record<string, string>>, keys: readonly string[]): Document => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: key.slice(0, key.indexOf('/')), name: key.slice(key.indexOf('/') + 1) },
  data: Object.fromEntries(keys.flatMap((name) => (Object.hasOwn(data, name) ? [[name, data[name]]] : []))),
});

/** Whether the connection's owner lets a namespace use it. */
export const allows = (connection: ConnectionObject, { metadata }: Document): boolean =>
  allowsNamespace(connection, metadata.name, metadata['labels'] as Readonly<Record<string, string>>);

/** `namespace/name` of the connection that a policy is about. */
export const policyConnection = ({ metadata, spec }: PolicyObject): string =>
  `${spec.connectionRef.namespace ?? metadata.namespace ?? 'default'}/${spec.connectionRef.name}`;

/** The Secrets with keys of masks, by name, and which keys of them. */
export const maskKeys = ({ relations = [] }: DatabaseAccessPolicy['spec']): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, string[]>();
  for (const { select } of relations) {
    for (const { mask } of select?.masks ?? []) {
      if (mask.hash === undefined) continue;
      const { name, key } = mask.hash.keySecretRef;
      const keys = found.get(name) ?? [];
      if (!keys.includes(key)) keys.push(key);
      found.set(name, keys);
    }
  }
  return found;
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** In the place of what only sidecars have. */
const ANY_CREDENTIALS = { username: bytes('user'), password: bytes('password'), ca: bytes('-----BEGIN CERTIFICATE-----') };

/** What sidecars would refuse a bundle for in which these stand. They read it with the same parser. */
export const policyProblems = (policy: PolicyObject, around: readonly Document[]): readonly string[] => {
  const { problems } = parseDocuments([...around, policyDocument(policy)], {
    agent: 'namespace/pod',
    credentials: new Map([[policyConnection(policy), ANY_CREDENTIALS]]),
  });
  return problems.map(problemText);
};

const relationsOf = ({ spec }: PolicyObject): readonly string[] =>
  (spec.relations ?? []).map(({ name }) => name.replaceAll('"', '').toLowerCase());

/**
 * INVARIANT: whether `others` would allow more if this policy, of the same connection, were left out: it forbids, limits, or contradicts them.
 * Then they cannot be in force without it.
 */
export const restricts = (policy: PolicyObject, others: readonly PolicyObject[]): boolean => {
  const { rules = [], limits, notices, mode } = policy.spec;
  const relations = new Set(relationsOf(policy));
  return (
    rules.some(({ action }) => action !== 'Allow') ||
    limits !== undefined ||
    others.some(
      (other) =>
        (notices === 'Withhold' && other.spec.notices !== 'Withhold') ||
        (mode !== 'Audit' && other.spec.mode === 'Audit') ||
        relationsOf(other).some((name) => relations.has(name)),
    )
  );
};

/** A document, written once for all who get it. */
export type BundlePart = { readonly json: string; readonly digest: string };

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export const bundlePart = (document: Document): BundlePart => {
  const json = JSON.stringify(document);
  return { json, digest: digestOf(json) };
};

/** Several documents as one. */
export const joinParts = (parts: readonly BundlePart[]): BundlePart => ({
  json: parts.map(({ json }) => json).join(','),
  digest: digestOf(parts.map(({ digest }) => digest).join()),
});

/** The message of a bundle as a line, and its revision. */
export const bundleLine = (
  identity: PodIdentity,
  staleAfter: number,
  documents: BundlePart,
): { readonly revision: string; readonly line: string } => {
  const who = JSON.stringify(identity);
  const revision = digestOf(JSON.stringify([who, staleAfter, documents.digest]));
  const head = `{"type":"bundle","revision":"${revision}","identity":${who},"staleAfter":${JSON.stringify(staleAfter)}`;
  return { revision, line: `${head},"documents":[${documents.json}]}\n` };
};
