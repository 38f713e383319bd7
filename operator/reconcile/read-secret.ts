/**
 * Secrets by name: the operator may get them, and neither lists nor watches them.
 */
import { type Kube, KubeFailure, type KubeObject } from '../kube/kube.ts';
import type { SecretAnswer } from '../specs/source-credentials.ts';

export type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export const secretPath = (namespace: string, name: string): string => `/api/v1/namespaces/${namespace}/secrets/${name}`;

/** The Secret as it is, or why it cannot be said. */
export const getSecret = async (
  kube: Kube,
  namespace: string,
  name: string,
): Promise<{ readonly type: 'Found'; readonly secret: SecretObject } | Exclude<SecretAnswer, { readonly type: 'Found' }>> => {
  try {
    return { type: 'Found', secret: await kube.request<SecretObject>('GET', secretPath(namespace, name)) };
  } catch (error) {
    if (!(error instanceof KubeFailure)) throw error;
    if (error.status === 404) return { type: 'Missing' };
    return { type: error.status === 403 ? 'Forbidden' : 'Failed' };
  }
};

/** The values of the Secret, decoded. */
export const readSecret = async (kube: Kube, namespace: string, name: string): Promise<SecretAnswer> => {
  const answer = await getSecret(kube, namespace, name);
  if (answer.type !== 'Found') return answer;
  const entries = Object.entries(answer.secret.data ?? {}).map(
    ([key, value]) => [key, new Uint8Array(Buffer.from(value, 'base64'))] as const,
  );
  return { type: 'Found', values: new Map(entries) };
};
