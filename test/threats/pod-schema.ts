/**
 * Where a pod can name a Secret, or a volume by its name: found in the API server's own schema, so that none is overlooked.
 */

type Schema = {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
};
export type Schemas = Readonly<Record<string, Schema>>;

const POD_SPEC = 'io.k8s.api.core.v1.PodSpec';
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
