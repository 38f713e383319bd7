/**
 * Whether the chart's admission policies hold in a namespace, seen by their effect: the API server may lack them, have them switched off, or be
 * about to start.
 */
import { type Kube, KubeFailure } from '../kube/kube.ts';

/** What no policy of the chart lets the operator write, and its rights do: nothing of it stays. */
const FORBIDDEN = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'guarded-by-pg-airlock' } };

/** Asks the API server to refuse something. @throws KubeFailure if it refuses for another reason, such as missing rights, or does not answer */
export const isGuarded = async (kube: Kube, namespace: string): Promise<boolean> => {
  try {
    await kube.request('POST', `/api/v1/namespaces/${namespace}/secrets`, { query: { dryRun: 'All' }, body: FORBIDDEN });
    return false;
  } catch (error) {
    if (error instanceof KubeFailure && error.message.includes('ValidatingAdmissionPolicy')) return true;
    throw error;
  }
};
