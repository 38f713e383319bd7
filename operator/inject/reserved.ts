/**
 * What in a pod bears a name that is the sidecar's.
 */
import { RESERVED_PREFIX, SIDECAR_CONTAINER } from '../../kernel/cluster-names.ts';
import { type Json, objectOf, textOf } from './pod.ts';

/** Whether a container, in either list, claims to be the sidecar. */
export const isReservedContainer = (container: unknown): boolean => objectOf(container)['name'] === SIDECAR_CONTAINER;

const isReservedVolumeName = (name: string | undefined): boolean =>
  name !== undefined && (name === SIDECAR_CONTAINER || name.startsWith(RESERVED_PREFIX));

/** Whether a volume, or a mount of one, is of the sidecar's names. */
export const isReservedVolume = (volume: unknown): boolean => isReservedVolumeName(textOf(objectOf(volume)['name']));

/**
 * Annotations by which something else is configured for the container of our name, as `container.apparmor.security.beta.kubernetes.io/NAME`.
 * INVARIANT: the API server turns the AppArmor one into the container's security context after all webhooks have been asked.
 */
export const reservedAnnotations = (annotations: Json): readonly string[] =>
  Object.keys(annotations).filter((key) => key.endsWith(`/${SIDECAR_CONTAINER}`));
