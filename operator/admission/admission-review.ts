/**
 * AdmissionReview (admission.k8s.io/v1): what the API server asks, and what it is answered.
 */
import type { Operation } from '../inject/json-patch.ts';

/** The request, as far as it is read. `object` and `oldObject` are raw JSON. */
export type AdmissionRequest = {
  readonly uid: string;
  readonly operation: string;
  /** `group/version/resource`, or `version/resource` of the core group; `/subresource` follows where there is one. */
  readonly resource: string;
  readonly namespace: string;
  /** Empty where the API server is to make one up. */
  readonly name: string;
  readonly object: unknown;
  readonly oldObject: unknown;
};

export type Verdict =
  | { readonly type: 'Allowed'; readonly patch: readonly Operation[]; readonly warnings: readonly string[] }
  | { readonly type: 'Refused'; readonly code: number; readonly reason: string; readonly message: string };

/** Allowed, and nothing to say. */
export const ALLOWED: Verdict = { type: 'Allowed', patch: [], warnings: [] };

const API_VERSION = 'admission.k8s.io/v1';

type Fields = { readonly [field: string]: unknown };

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const resourceOf = (resource: unknown, subResource: unknown): string => {
  const { group, version, resource: plural } = fieldsOf(resource) ?? {};
  return [group, version, plural, subResource]
    .map(textOf)
    .filter((part) => part !== '')
    .join('/');
};

/** The request of a review; a text says why it is none. */
export const admissionRequest = (body: unknown): AdmissionRequest | string => {
  const review = fieldsOf(body);
  if (review === undefined) return 'the body is not a JSON object';
  if (review['apiVersion'] !== API_VERSION || review['kind'] !== 'AdmissionReview')
    return `the body is not an AdmissionReview of ${API_VERSION}`;
  const request = fieldsOf(review['request']);
  if (request === undefined) return 'the AdmissionReview has no request';
  const uid = textOf(request['uid']);
  if (uid === '' || uid.length > 256) return 'the request of the AdmissionReview has no uid';
  return {
    uid,
    operation: textOf(request['operation']),
    resource: resourceOf(request['resource'], request['subResource']),
    namespace: textOf(request['namespace']),
    name: textOf(request['name']),
    object: request['object'],
    oldObject: request['oldObject'],
  };
};

/** Longer ones the API server cuts, and with very many of them it gives up. */
const LONGEST_WARNING = 250;
const MOST_WARNINGS = 10;

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

const responseOf = (verdict: Verdict): Fields => {
  if (verdict.type === 'Refused') {
    const { code, reason, message } = verdict;
    return { allowed: false, status: { metadata: {}, status: 'Failure', code, reason, message } };
  }
  const warnings = verdict.warnings.slice(0, MOST_WARNINGS).map((warning) => warning.slice(0, LONGEST_WARNING));
  return {
    allowed: true,
    ...(verdict.patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: base64(verdict.patch) }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
};

/** The answer. */
export const admissionReview = (uid: string, verdict: Verdict): Fields => ({
  apiVersion: API_VERSION,
  kind: 'AdmissionReview',
  response: { uid, ...responseOf(verdict) },
});
