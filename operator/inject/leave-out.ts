/**
 * Asks other webhooks to leave the sidecar alone, by the annotations that they have for it.
 */
import { SIDECAR_CONTAINER } from '../../kernel/cluster-names.ts';
import { type Operation, pointer } from './json-patch.ts';
import { type Json, listOf, objectOf, textOf } from './pod.ts';

/** Of EKS, whose webhook gives each container the variables and the token of a cloud identity: names of containers, divided by commas. */
const SKIPPED_BY_EKS = 'eks.amazonaws.com/skip-containers';

/**
 * A variable of theirs in our container was put there by a webhook that was asked after us, and may be asked again after us: taking it out would
 * not last. `existing` is the container of the sidecar's name as it is, `annotations` are the pod's, of which there are some.
 */
export const leaveOut = (annotations: Json, existing: unknown): readonly Operation[] => {
  const given = listOf(objectOf(existing)['env']).some((variable) => textOf(objectOf(variable)['name'])?.startsWith('AWS_') === true);
  if (!given) return [];
  const before = textOf(annotations[SKIPPED_BY_EKS]) ?? '';
  const names = before.split(',').filter((name) => name !== '');
  if (names.includes(SIDECAR_CONTAINER)) return [];
  return [{ op: 'add', path: pointer('metadata', 'annotations', SKIPPED_BY_EKS), value: [...names, SIDECAR_CONTAINER].join(',') }];
};
