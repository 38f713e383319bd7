/**
 * What is wrong with one object, whatever else there is: for an answer while it is being created.
 */
import { accessPolicy } from './access-policy.ts';
import { connectionOf } from './connection.ts';
import { type Problem, problemAt } from './problem.ts';
import type { Building, Resource } from './resource.ts';
import { resourcesOf } from './resources.ts';
import type { SecretStore } from './secret-store.ts';
import type { ManifestDocument } from './yaml-documents.ts';

/** Answers every question with the same value. */
class Everything<Value> extends Map<string, Value> {
  readonly #value: Value;

  constructor(value: Value) {
    super();
    this.#value = value;
  }

  override get(): Value {
    return this.#value;
  }
}

/** Stands for Secrets that are not at hand: whatever is asked of them, they have it, and in the right form. */
const ANY_SECRET: SecretStore = {
  values: new Everything(new Everything(new TextEncoder().encode('-----BEGIN CERTIFICATE-----'))),
  broken: new Set(),
};

type Checked = { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

const asDocument = (object: unknown): ManifestDocument => {
  const copy = structuredClone(object) as { metadata?: { name?: unknown; generateName?: unknown }; status?: unknown } | null;
  if (typeof copy === 'object' && copy !== null) {
    delete copy.status;
    if (typeof copy.metadata?.generateName === 'string' && (copy.metadata.name ?? '') === '') copy.metadata.name = 'generated';
  }
  return { file: 'object', number: 1, value: copy, lineOf: () => 1 };
};

/**
 * Checks a DatabaseConnection or a DatabaseAccessPolicy by schema, rules and everything that the parser knows. What depends on Secrets, other
 * objects or namespaces is not refused: they may come later. The object is not changed.
 */
export const checkManifest = (object: unknown): Checked => {
  const resources = resourcesOf([asDocument(object)]);
  const problems: Problem[] = [...resources.problems];
  const warnings: Problem[] = [...resources.warnings];
  const building = ({ document, namespace }: Resource<unknown>): Building => ({
    namespace,
    secrets: ANY_SECRET,
    fault: (fault) => problems.push(problemAt(document, fault)),
    warn: (fault) => {
      // Subjects in the cluster matter here, while the parser speaks of proxies outside.
      if (fault.path[1] !== 'subjects') warnings.push(problemAt(document, fault));
    },
  });
  for (const connection of resources.connections) connectionOf(building(connection), connection);
  for (const policy of resources.policies) accessPolicy(building(policy), policy);
  return { problems, warnings };
};
