/**
 * The metadata that Kubernetes keeps of every object. A CRD cannot describe it, so its schema stands here.
 */
import type { StructuralSchema } from './structural-schema.ts';

export type ObjectMeta = {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
};

const text: StructuralSchema = { type: 'string' };
const texts: StructuralSchema = { type: 'object', additionalProperties: text };
/** What the API server adds: accepted, so that the output of `kubectl get -o yaml` is a manifest, and not looked at. */
const ignored: StructuralSchema = {};

/** A missing namespace is `default`, as for kubectl. */
export const objectMetaSchema: StructuralSchema = {
  type: 'object',
  description: 'Name, namespace, labels and annotations of the object.',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      description: 'Name of the object: lower-case letters, digits, dashes and dots.',
      minLength: 1,
      maxLength: 253,
      pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
    },
    namespace: {
      type: 'string',
      description: 'Namespace of the object: lower-case letters, digits and dashes.',
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      default: 'default',
    },
    labels: { ...texts, description: 'Labels, all of them texts: put numbers and true or false in quotes.' },
    annotations: { ...texts, description: 'Annotations, all of them texts: put numbers and true or false in quotes.' },
    creationTimestamp: ignored,
    deletionGracePeriodSeconds: ignored,
    deletionTimestamp: ignored,
    finalizers: ignored,
    generateName: ignored,
    generation: ignored,
    managedFields: ignored,
    ownerReferences: ignored,
    resourceVersion: ignored,
    selfLink: ignored,
    uid: ignored,
  },
};
