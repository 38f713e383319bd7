/**
 * /validate: DatabaseConnections and DatabaseAccessPolicies, so that `kubectl apply` tells of a mistake at once.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkManifest } from '../../kernel/manifest/check-manifest.ts';
import type { OperatorConfig } from '../config.ts';
import { unverifiedServer } from '../specs/verified-server.ts';
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
 * Characters of a spec as JSON. The operator keeps all of them in memory, and reads them again at every change around them: without a limit
 * somebody's hundred largest would stop it for everybody.
 */
const LARGEST_SPEC = 256 * 1024;

/** What the API server is told about one of our objects. */
export const judgeManifest = (
  { resource, operation, object, oldObject }: AdmissionRequest,
  { allowUnverifiedServers }: OperatorConfig['connections'],
): Verdict => {
  if (!RESOURCES.has(resource)) {
    const message = `pg-airlock validates its own kinds, and was asked about ${resource}: correct the rules of the ValidatingWebhookConfiguration`;
    return { type: 'Refused', code: 400, reason: 'BadRequest', message };
  }
  if (operation !== 'CREATE' && operation !== 'UPDATE') return ALLOWED;
  // What an older version accepted can still be labelled, and its finalizers removed.
  if (operation === 'UPDATE' && isDeepStrictEqual(specOf(object), specOf(oldObject))) return ALLOWED;
  const size = JSON.stringify(specOf(object) ?? null).length;
  if (size > LARGEST_SPEC) {
    const message = `spec has ${size} characters as JSON, and ${LARGEST_SPEC} is the limit: divide it, for what several policies grant adds up`;
    return { type: 'Refused', code: 413, reason: 'RequestEntityTooLarge', message };
  }
  const { problems, warnings } = checkManifest(object);
  const found = unverifiedServer((specOf(object) ?? {}) as Parameters<typeof unverifiedServer>[0]);
  const unverified = found === undefined ? [] : [`spec.tls.mode: ${found.mode} verifies nothing, and ${found.risk}. ${found.remedy}`];
  const faults = problems.map(text);
  const told = faults.length > 0 || allowUnverifiedServers ? faults : unverified;
  if (told.length === 0) return { type: 'Allowed', patch: [], warnings: [...unverified, ...warnings.map(text)] };
  const more = told.length > MOST ? [`and ${told.length - MOST} more`] : [];
  return { type: 'Refused', code: 422, reason: 'Invalid', message: [...told.slice(0, MOST), ...more].join('\n') };
};
