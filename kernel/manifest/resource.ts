/**
 * A document that is a valid object of a kind we read.
 */
import type { FieldPath } from './field-path.ts';
import type { Fault } from './problem.ts';
import type { SecretStore } from './secret-store.ts';
import type { ManifestDocument } from './yaml-documents.ts';

export type Resource<Value> = {
  readonly document: ManifestDocument;
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly value: Value;
};

/** What turning a resource into the proxy's vocabulary needs, and where it says what is wrong. A fault means that no bundle is made. */
export type Building = {
  readonly namespace: string;
  readonly secrets: SecretStore;
  /** The one agent that every subject is; undefined: subjects say who. */
  readonly agent?: string | undefined;
  readonly fault: (fault: Fault) => void;
  readonly warn: (fault: Fault) => void;
};

/** Reports a fault and stands for the value that could not be made. */
export const faulty = (building: Building, path: FieldPath, message: string, remedy: string): undefined => {
  building.fault({ path, message, remedy });
  return undefined;
};
