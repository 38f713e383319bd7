/**
 * /mutate-pods: injection, as a verdict.
 */
import { injectPod } from '../inject/inject-pod.ts';
import type { SidecarSettings } from '../specs/sidecar.ts';
import { ALLOWED, type AdmissionRequest, type Verdict } from './admission-review.ts';

const listed = (reasons: readonly string[]): string =>
  reasons.length === 1 ? (reasons[0] ?? '') : reasons.map((reason, index) => `(${index + 1}) ${reason}`).join('; ');

const nameOf = ({ name, object }: AdmissionRequest): string => {
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly name?: unknown; readonly generateName?: unknown } | null };
  const known = [name, metadata?.name, metadata?.generateName].find((text) => typeof text === 'string' && text !== '');
  return typeof known === 'string' ? `pod "${known}"` : 'the pod';
};

/** What the API server is told about a pod. Only its creation matters: containers cannot be added later. */
export const judgePod = (request: AdmissionRequest, settings: SidecarSettings): Verdict => {
  if (request.resource !== 'v1/pods') {
    const message = `pg-airlock injects into pods, and was asked about ${request.resource}: correct the rules of the MutatingWebhookConfiguration`;
    return { type: 'Refused', code: 400, reason: 'BadRequest', message };
  }
  if (request.operation !== 'CREATE') return ALLOWED;
  const injection = injectPod(request.object, request.namespace, settings);
  switch (injection.type) {
    case 'NotAnAgent':
      return ALLOWED;
    case 'Injected':
      return { type: 'Allowed', patch: injection.patch, warnings: injection.warnings };
    case 'Refused':
      return {
        type: 'Refused',
        code: 422,
        reason: 'Invalid',
        message: `${nameOf(request)} cannot be an agent of pg-airlock: ${listed(injection.reasons)}`,
      };
    default:
      return injection satisfies never;
  }
};
