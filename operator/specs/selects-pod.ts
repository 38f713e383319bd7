/**
 * Whether a policy is for a pod.
 */
import type { DatabaseAccessPolicy } from '../../kernel/generated/database-access-policy.ts';
import { selects } from '../../kernel/manifest/label-selector.ts';

type Subject = DatabaseAccessPolicy['spec']['subjects'][number];

/** Of a pod, in the policy's own namespace. */
export type SelectablePod = {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly serviceAccountName?: string };
};

/** What Kubernetes gives a pod that names none. */
export const DEFAULT_SERVICE_ACCOUNT = 'default';

// INVARIANT: one that says more than a pod can be (agent, token) matches no pod, and one that says nothing neither.
const matches = ({ agent, token, pod: selector, serviceAccount }: Subject, { metadata, spec }: SelectablePod): boolean =>
  agent === undefined &&
  token === undefined &&
  (selector !== undefined || serviceAccount !== undefined) &&
  (selector === undefined || selects(selector, metadata.labels ?? {})) &&
  (serviceAccount === undefined || serviceAccount.name === (spec.serviceAccountName ?? DEFAULT_SERVICE_ACCOUNT));

/** Any of its subjects does. The caller sees to it that both are in the same namespace. */
export const selectsPod = ({ subjects }: DatabaseAccessPolicy['spec'], pod: SelectablePod): boolean =>
  subjects.some((subject) => matches(subject, pod));
