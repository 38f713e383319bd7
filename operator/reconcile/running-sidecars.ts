/**
 * Whether credentials still lie in pods of a namespace, whatever labels these have now: a label that is taken off ends sessions, and neither the
 * sidecar nor what is mounted into it.
 */
import { SIDECAR_CONTAINER } from '../../kernel/cluster-names.ts';
import type { Kube } from '../kube/kube.ts';

type ListedPod = {
  readonly spec?: { readonly initContainers?: readonly { readonly name?: string }[] };
  readonly status?: { readonly phase?: string };
};

type PodList = { readonly items: readonly ListedPod[]; readonly metadata?: { readonly continue?: string } };

const AT_A_TIME = '200';

const hasSidecar = ({ spec, status }: ListedPod): boolean =>
  status?.phase !== 'Succeeded' &&
  status?.phase !== 'Failed' &&
  spec?.initContainers?.some(({ name }) => name === SIDECAR_CONTAINER) === true;

/** Asks the API server for all pods there: the informer has those alone that are called agents. */
export const sidecarsRun = async (kube: Kube, namespace: string): Promise<boolean> => {
  let next: string | undefined;
  do {
    const query = { limit: AT_A_TIME, ...(next === undefined ? {} : { continue: next }) };
    const { items, metadata } = await kube.request<PodList>('GET', `/api/v1/namespaces/${namespace}/pods`, { query });
    if (items.some(hasSidecar)) return true;
    next = metadata?.continue === '' ? undefined : metadata?.continue;
  } while (next !== undefined);
  return false;
};
