/**
 * Where a pod can name a Secret, or a volume by its name: found in the API server's own schema, so that none is overlooked.
 */

type Schema = {
  readonly $ref?: string;
  readonly type?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
};
export type Schemas = Readonly<Record<string, Schema>>;

const CORE = 'io.k8s.api.core.v1';
const POD_SPEC = `${CORE}.PodSpec`;
/** The three kinds of containers are looked at as one. */
const SAME = ['initContainers', 'ephemeralContainers'];

const reference = (schema: Schema): string | undefined =>
  (schema.$ref ?? schema.allOf?.find(({ $ref }) => $ref !== undefined)?.$ref)?.split('/').at(-1);

/** Paths of fields within a pod's spec whose names speak of a Secret or of a volume. */
export const namesIn = (schemas: Schemas): ReadonlySet<string> => {
  const found = new Set<string>();
  const walk = (name: string, path: string): void => {
    for (const [field, schema] of Object.entries(schemas[name]?.properties ?? {})) {
      if (SAME.includes(field)) continue;
      const below = path === '' ? field : `${path}.${field}`;
      const isSecret = /secret/i.test(field);
      if (isSecret || /volume(name|mounts|devices)$/i.test(field)) found.add(below);
      const next = reference(schema.items ?? schema);
      if (next !== undefined && !isSecret) walk(next, below);
    }
  };
  walk(POD_SPEC, '');
  return found;
};

/** Values, most of which the API server finds nothing wrong with. */
const SAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  string: ['x', '/x', 'Unconfined', 'HTTP'],
  integer: [1],
  boolean: [true],
  object: [{ x: 'y' }],
};
const DEEPEST = 5;

export type Addition = { readonly path: string; readonly value: unknown };

const within = (path: string, wrap: (value: unknown) => unknown, additions: readonly Addition[]): readonly Addition[] =>
  additions.map((addition) => ({ path: addition.path === '' ? path : `${path}.${addition.path}`, value: wrap(addition.value) }));

const samples = (schemas: Schemas, schema: Schema, depth: number): readonly Addition[] => {
  const name = reference(schema);
  if (depth > DEEPEST) return [];
  if (name?.endsWith('.Quantity') === true || name?.endsWith('.IntOrString') === true) return [{ path: '', value: '1' }];
  if (name !== undefined) return additionsTo(schemas, name, depth + 1);
  if (schema.items !== undefined) return samples(schemas, schema.items, depth + 1).map(({ path, value }) => ({ path, value: [value] }));
  return (SAMPLES[schema.type ?? ''] ?? []).map((value) => ({ path: '', value }));
};

const additionsTo = (schemas: Schemas, name: string, depth: number): readonly Addition[] =>
  Object.entries(schemas[name]?.properties ?? {}).flatMap(([field, schema]) =>
    within(field, (value) => ({ [field]: value }), samples(schemas, schema, depth)),
  );

/** Everything that could be added to a container, or to a volume, one by one: `path` is where. */
export const everyAddition = (schemas: Schemas, kind: 'Container' | 'Volume'): readonly Addition[] =>
  additionsTo(schemas, `${CORE}.${kind}`, 0);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists get longer, objects get more fields, all else is replaced. */
export const merged = (into: unknown, more: unknown): unknown => {
  if (Array.isArray(into) && Array.isArray(more)) return [...(into as unknown[]), ...(more as unknown[])];
  if (!isObject(into) || !isObject(more)) return more;
  return { ...into, ...Object.fromEntries(Object.entries(more).map(([key, value]) => [key, merged(into[key], value)])) };
};

/** What the policies look at, or need not. */
export const LOOKED_AT: ReadonlySet<string> = new Set([
  'containers.env.valueFrom.fileKeyRef.volumeName',
  'containers.env.valueFrom.secretKeyRef',
  'containers.envFrom.secretRef',
  'containers.volumeDevices',
  'containers.volumeMounts',
  'imagePullSecrets',
  'volumes.azureFile.secretName',
  'volumes.cephfs.secretRef',
  'volumes.cinder.secretRef',
  'volumes.csi.nodePublishSecretRef',
  'volumes.flexVolume.secretRef',
  'volumes.iscsi.secretRef',
  'volumes.projected.sources.secret',
  'volumes.rbd.secretRef',
  'volumes.scaleIO.secretRef',
  'volumes.secret',
  'volumes.storageos.secretRef',
  // A file of the node's, and volumes outside of the pod.
  'volumes.cephfs.secretFile',
  'volumes.ephemeral.volumeClaimTemplate.spec.volumeName',
  'volumes.scaleIO.volumeName',
  'volumes.storageos.volumeName',
]);
