/**
 * Sorts documents by their kind and validates each on its own.
 */
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { DatabaseConnection } from '../generated/database-connection.ts';
import { type CrdKind, crdSchemas } from '../generated/crd-schemas.ts';
import { brokenRules } from './cel-rules.ts';
import { repetitions } from './list-uniqueness.ts';
import { nearestName } from './nearest-name.ts';
import { objectMetaSchema } from './object-meta.ts';
import { type Fault, type Problem, problemAt } from './problem.ts';
import type { Resource } from './resource.ts';
import { type Secret, type SecretStore, type SecretValues, secretSchema, secretValues } from './secret-store.ts';
import { structuralFaults } from './structural-validator.ts';
import type { StructuralSchema } from './structural-schema.ts';
import type { ManifestDocument } from './yaml-documents.ts';

const GROUP = 'pg-airlock.dev';
const API_VERSION = `${GROUP}/v1alpha1`;

export type Resources = {
  readonly connections: readonly Resource<DatabaseConnection>[];
  readonly policies: readonly Resource<DatabaseAccessPolicy>[];
  readonly secrets: SecretStore;
  /** Labels of the Namespaces among the manifests. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Names of DatabaseConnections that are there, but have problems of their own; their namespace may be what is wrong. */
  readonly brokenConnections: ReadonlySet<string>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

type Kind = CrdKind | 'Secret' | 'Namespace';

type Metadata = { readonly name: string; readonly namespace: string; readonly labels?: Readonly<Record<string, string>> };

/** The operator writes `status`, also a later one with more to say: it is accepted and not looked at. */
const withMetadata = (schema: StructuralSchema): StructuralSchema => ({
  ...schema,
  properties: { ...schema.properties, metadata: objectMetaSchema, status: {} },
});

/** The whole schema of each kind that is read. */
export const SCHEMAS: Readonly<Record<Kind, StructuralSchema>> = {
  DatabaseConnection: withMetadata(crdSchemas.DatabaseConnection),
  DatabaseAccessPolicy: withMetadata(crdSchemas.DatabaseAccessPolicy),
  Secret: secretSchema,
  // Only its labels matter: `spec` and `status` are Kubernetes' own affair.
  Namespace: {
    type: 'object',
    required: ['metadata'],
    properties: { apiVersion: {}, kind: {}, metadata: objectMetaSchema, spec: {}, status: {} },
  },
};

type Sorted = { readonly type: 'Kind'; readonly kind: Kind } | { readonly type: 'Fault' | 'Ignored'; readonly fault: Fault };

const wrong = (path: readonly string[], message: string, remedy: string): Sorted => ({ type: 'Fault', fault: { path, message, remedy } });

const isOurs = (kind: string): kind is CrdKind => Object.hasOwn(crdSchemas, kind);

/** Which kind a document is of, by `apiVersion` and `kind`. */
const sorted = (value: unknown): Sorted => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrong([], 'is not a Kubernetes object', 'Begin it with apiVersion, kind and metadata.');
  }
  const { apiVersion, kind } = value as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (typeof kind !== 'string') return wrong(['kind'], 'is missing', 'Add kind, such as DatabaseAccessPolicy.');
  if (typeof apiVersion !== 'string') return wrong(['apiVersion'], 'is missing', `Add apiVersion, such as ${API_VERSION}.`);
  if (isOurs(kind)) {
    if (apiVersion === API_VERSION) return { type: 'Kind', kind };
    return wrong(['apiVersion'], `${JSON.stringify(apiVersion)} is not a version of ${kind} that is known`, `Write "${API_VERSION}".`);
  }
  if (apiVersion === GROUP || apiVersion.startsWith(`${GROUP}/`)) {
    const kinds = Object.keys(crdSchemas);
    const nearest = nearestName(kind, kinds);
    const remedy = nearest === undefined ? `Known kinds: ${kinds.join(', ')}.` : `Did you mean "${nearest}"?`;
    return wrong(['kind'], `${JSON.stringify(kind)} is not a kind of ${GROUP}`, remedy);
  }
  if (apiVersion === 'v1' && (kind === 'Secret' || kind === 'Namespace')) return { type: 'Kind', kind };
  if (apiVersion === 'v1' && kind === 'List')
    return wrong(['kind'], 'lists are not read', 'Make each item a document of its own, divided by "---".');
  const message = `kind ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)} is ignored`;
  return { type: 'Ignored', fault: { path: ['kind'], message, remedy: 'Move it out of this folder if it is not meant to be here.' } };
};

const faultsOf = (kind: Kind, value: unknown): readonly Fault[] => {
  const structural = structuralFaults(SCHEMAS[kind], value);
  if (structural.length > 0) return structural;
  return [...repetitions(SCHEMAS[kind], value), ...brokenRules(SCHEMAS[kind], value)];
};

const placeOf = ({ file, number }: ManifestDocument): string => (number === undefined ? file : `document ${number} of ${file}`);

const keyOf = (kind: Kind, value: unknown): string | undefined => {
  const { metadata } = value as { readonly metadata?: Partial<Metadata> | null };
  if (typeof metadata?.name !== 'string') return undefined;
  return kind === 'Namespace' ? metadata.name : `${metadata.namespace ?? 'default'}/${metadata.name}`;
};

/** Sorts and validates documents. What has a problem is left out of the result, and known as broken. */
export const resourcesOf = (documents: readonly ManifestDocument[]): Resources => {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const broken: Readonly<Record<Kind, Set<string>>> = {
    DatabaseConnection: new Set(),
    DatabaseAccessPolicy: new Set(),
    Secret: new Set(),
    Namespace: new Set(),
  };
  const firstPlace = new Map<string, ManifestDocument>();
  const connections: Resource<DatabaseConnection>[] = [];
  const policies: Resource<DatabaseAccessPolicy>[] = [];
  const secrets = new Map<string, SecretValues>();
  const namespaces = new Map<string, Readonly<Record<string, string>>>();

  const add = (kind: Kind, key: string, document: ManifestDocument): readonly Fault[] => {
    const { value } = document;
    const { namespace, labels } = (value as { readonly metadata: Metadata }).metadata;
    const faults: Fault[] = [];
    switch (kind) {
      case 'DatabaseConnection':
        connections.push({ document, key, namespace, value: value as DatabaseConnection });
        break;
      case 'DatabaseAccessPolicy':
        policies.push({ document, key, namespace, value: value as DatabaseAccessPolicy });
        break;
      case 'Secret':
        secrets.set(
          key,
          secretValues(value as Secret, (fault) => faults.push(fault)),
        );
        break;
      case 'Namespace':
        namespaces.set(key, labels ?? {});
        break;
      default:
        kind satisfies never;
    }
    return faults;
  };

  for (const document of documents) {
    const sort = sorted(document.value);
    if (sort.type !== 'Kind') {
      (sort.type === 'Fault' ? problems : warnings).push(problemAt(document, sort.fault));
      continue;
    }
    const { kind } = sort;
    const found = faultsOf(kind, document.value);
    const key = keyOf(kind, document.value);
    const id = `${kind} ${key ?? ''}`;
    const first = firstPlace.get(id);
    const repeated: readonly Fault[] =
      key === undefined || first === undefined
        ? []
        : [
            {
              path: ['metadata', 'name'],
              message: `${id} is defined a second time, after ${placeOf(first)}`,
              remedy: 'Remove or rename one of them.',
            },
          ];
    if (key !== undefined && first === undefined) firstPlace.set(id, document);
    const faults = [...found, ...repeated];
    if (faults.length === 0 && key !== undefined) faults.push(...add(kind, key, document));
    if (faults.length > 0 && key !== undefined) broken[kind].add(key.slice(key.indexOf('/') + 1));
    problems.push(...faults.map((fault) => problemAt(document, fault)));
  }
  return {
    connections,
    policies,
    secrets: { values: secrets, broken: broken.Secret },
    namespaces,
    brokenConnections: broken.DatabaseConnection,
    problems,
    warnings,
  };
};
