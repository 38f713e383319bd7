/**
 * One HTTP request to one HTTP answer.
 */
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { type AdmissionRequest, type Verdict, admissionRequest, admissionReview } from './admission-review.ts';
import { type BodyReader, LARGEST_BODY } from './read-body.ts';

export type Judge = (request: AdmissionRequest) => Verdict;

/** By path. */
export type Routes = ReadonlyMap<string, Judge>;

/** What became of a request, for metrics. `Failed`: a bug of ours, answered by a refusal. */
export type AdmissionOutcome = 'Allowed' | 'Patched' | 'Refused' | 'Failed' | 'Malformed';

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly outcome: AdmissionOutcome;
};

const plain = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer => ({
  status,
  // What was not read of the body would be taken for the next request.
  headers: { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers },
  body: `${text}\n`,
  outcome: 'Malformed',
});

const parsed = (bytes: Buffer): AdmissionRequest | string => {
  try {
    return admissionRequest(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return 'the body is not JSON in UTF-8';
  }
};

/** INVARIANT: whatever is thrown becomes a refusal; an agent without its airlock would be the alternative. */
const judged = (judge: Judge, request: AdmissionRequest, log: Logger): { readonly verdict: Verdict; readonly failed: boolean } => {
  try {
    return { verdict: judge(request), failed: false };
  } catch (error) {
    const { uid, namespace, name, resource } = request;
    log.error({ err: error, uid, namespace, name, resource }, 'could not judge an object, and refused it');
    const message = `pg-airlock failed to judge this object, and so refuses it: the operator's log has the cause by the uid ${uid}`;
    return { verdict: { type: 'Refused', code: 500, reason: 'InternalError', message }, failed: true };
  }
};

const outcomeOf = (verdict: Verdict, failed: boolean): AdmissionOutcome => {
  if (failed) return 'Failed';
  if (verdict.type === 'Refused') return 'Refused';
  return verdict.patch.length > 0 ? 'Patched' : 'Allowed';
};

const mediaType = (contentType: string | undefined): string => (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** Answers a request; undefined if the client went away. Never throws. */
export const answerReview = async (
  request: IncomingMessage,
  routes: Routes,
  readBody: BodyReader,
  log: Logger,
): Promise<HttpAnswer | undefined> => {
  const judge = routes.get((request.url ?? '').split('?', 1)[0] ?? '');
  if (judge === undefined) return plain(404, `there are ${[...routes.keys()].join(' and ')} here`);
  if (request.method !== 'POST') return plain(405, 'AdmissionReviews are sent by POST', { allow: 'POST' });
  if (mediaType(request.headers['content-type']) !== 'application/json') return plain(415, 'AdmissionReviews are sent as application/json');
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return plain(415, 'AdmissionReviews are sent uncompressed');
  const body = await readBody(request);
  if (body.type === 'Aborted') return undefined;
  if (body.type === 'TooLarge') return plain(413, `the body has more than ${LARGEST_BODY} bytes`);
  if (body.type === 'Busy') return plain(503, 'too much is being received at once: try again');
  const review = parsed(body.bytes);
  if (typeof review === 'string') return plain(400, review);
  const { verdict, failed } = judged(judge, review, log);
  if (verdict.type === 'Refused' && !failed) {
    const { namespace, name, resource } = review;
    log.info({ namespace, name, resource, why: verdict.message }, 'refused an object');
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(admissionReview(review.uid, verdict)),
    outcome: outcomeOf(verdict, failed),
  };
};
