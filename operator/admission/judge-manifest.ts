/**
 * /validate: DatabaseConnections and DatabaseAccessPolicies, so that `kubectl apply` tells of a mistake at once.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkManifest } from '../../kernel/manifest/check-manifest.ts';
import { ALLOWED, type AdmissionRequest, type Verdict } from './admission-review.ts';

const RESOURCES: ReadonlySet<string> = new Set([
  'pg-airlock.dev/v1alpha1/databaseconnections',
  'pg-airlock.dev/v1alpha1/databaseaccesspolicies',
]);

const specOf = (object: unknown): unknown => (object as { readonly spec?: unknown } | null | undefined)?.spec;

const sentence = ({ message, remedy }: { readonly message: string; readonly remedy: string }): string =>
  remedy === '' ? message : `${message}. ${remedy}`;

const text = (problem: { readonly field: string | undefined; readonly message: string; readonly remedy: string }): string =>
  problem.field === undefined ? sentence(problem) : `${problem.field}: ${sentence(problem)}`;

/** Most that is told at once; the rest shows when these are corrected. */
const MOST = 10;

/**
 * In a pod, TLS is what keeps the agent from the sidecar's session: all its containers share the network and /etc/hosts, which root in any of
 * them may write.
 */
const tlsWarnings = (object: unknown): readonly string[] => {
  const { tls } = (specOf(object) ?? {}) as { readonly tls?: { readonly mode?: unknown } | null };
  if (tls?.mode !== 'Disable' && tls?.mode !== 'Require') return [];
  const risk = "root in an agent's pod can lead the sidecar to another host, by /etc/hosts, and so take over its session with the database";
  return [`spec.tls.mode: ${tls.mode} verifies nothing, and ${risk}. Use VerifyFull`];
};

/** What the API server is told about one of our objects. */
export const judgeManifest = ({ resource, operation, object, oldObject }: AdmissionRequest): Verdict => {
  if (!RESOURCES.has(resource)) {
    const message = `pg-airlock validates its own kinds, and was asked about ${resource}: correct the rules of the ValidatingWebhookConfiguration`;
    return { type: 'Refused', code: 400, reason: 'BadRequest', message };
  }
  if (operation !== 'CREATE' && operation !== 'UPDATE') return ALLOWED;
  // What an older version accepted can still be labelled, and its finalizers removed.
  if (operation === 'UPDATE' && isDeepStrictEqual(specOf(object), specOf(oldObject))) return ALLOWED;
  const { problems, warnings } = checkManifest(object);
  if (problems.length === 0) return { type: 'Allowed', patch: [], warnings: [...tlsWarnings(object), ...warnings.map(text)] };
  const more = problems.length > MOST ? [`and ${problems.length - MOST} more`] : [];
  return { type: 'Refused', code: 422, reason: 'Invalid', message: [...problems.slice(0, MOST).map(text), ...more].join('\n') };
};
