/**
 * A control plane of tests as the operator sees Kubernetes.
 */
import { type Kube, KubeFailure, type KubeObject } from '../../operator/kube/kube.ts';
import type { ControlPlane } from '../support/kubernetes.ts';

type Status = { readonly reason?: string; readonly message?: string };

/** As the administrator, or as somebody else. */
export const kubeOf = (plane: ControlPlane, as?: string): Kube => {
  const request: Kube['request'] = async <T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    { body, contentType }: { readonly body?: unknown; readonly contentType?: string } = {},
  ) => {
    const answer = await plane
      .request(method, path, body, { ...(as === undefined ? {} : { as }), ...(contentType === undefined ? {} : { contentType }) })
      .catch((error: unknown) => Promise.reject(new KubeFailure(0, 'Unreachable', String(error))));
    if (answer.status >= 200 && answer.status < 300) return answer.body as T;
    const { reason = 'Unknown', message = '' } = (answer.body ?? {}) as Status;
    throw new KubeFailure(answer.status, reason, message);
  };
  const apply: Kube['apply'] = <T extends KubeObject>(path: string, body: KubeObject) =>
    request<T>('PATCH', `${path}?fieldManager=test&force=true`, { body, contentType: 'application/apply-patch+yaml' });
  return { request, apply };
};
