/**
 * What a failing socket says, told as a Failure. Host names and addresses stay in its `cause`, for the operator's log.
 */
import { because, type Failure, upstreamUnreachable } from '../../kernel/failure.ts';

/** What an attempt is doing, for the text of its failure. */
export type Phase = 'connecting' | 'negotiating TLS' | 'authenticating' | 'starting the session' | 'cancelling a statement';

const ASK_PLATFORM = 'Ask the platform team to check the DatabaseConnection and the way to the database.';
const CHECK_CERTIFICATE =
  'Ask the platform team to check spec.tls of the DatabaseConnection (mode, ca) and the certificate of the database.';

/** Error codes of Node and OpenSSL to detail and, where waiting does not help, hint. */
const DETAILS: Readonly<Record<string, readonly [detail: string, hint?: string]>> = {
  ECONNREFUSED: ['The database does not accept connections.'],
  ECONNRESET: ['The database closed the connection.'],
  EPIPE: ['The database closed the connection.'],
  ETIMEDOUT: ['The database does not answer.'],
  EHOSTUNREACH: ['The database cannot be reached over the network.'],
  ENETUNREACH: ['The database cannot be reached over the network.'],
  EAI_AGAIN: ["The name of the database's host could not be resolved."],
  ENOTFOUND: ["The name of the database's host does not exist.", ASK_PLATFORM],
  ENOENT: ['There is no socket of the database.', ASK_PLATFORM],
  EACCES: ['The socket of the database may not be opened.', ASK_PLATFORM],
  ERR_TLS_CERT_ALTNAME_INVALID: ['The certificate of the database is for another host name.', CHECK_CERTIFICATE],
  CERT_HAS_EXPIRED: ['The certificate of the database has expired.', CHECK_CERTIFICATE],
  CERT_NOT_YET_VALID: ['The certificate of the database is not valid yet.', CHECK_CERTIFICATE],
};

/** OpenSSL's X.509 verification codes, as Node names them: whatever is wrong with the chain. */
const UNTRUSTED = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|CRL_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

/** An error of a socket or of TLS while in `phase`. */
export const describeSocketError = (error: unknown, phase: Phase): Failure => {
  const code = codeOf(error);
  const [detail, hint] = DETAILS[code] ?? [fallback(code, phase), code === '' ? undefined : ASK_PLATFORM];
  return because(upstreamUnreachable(`${detail} This was while ${phase}.`, hint), error);
};

/** The attempt's time is up. */
export const timedOut = (timeoutMs: number, phase: Phase): Failure =>
  upstreamUnreachable(`The database did not answer within ${timeoutMs} ms. This was while ${phase}.`);

/** The error of a stream that ended before what was expected of it. */
export const closedEarly = (): Error => Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';

const fallback = (code: string, phase: Phase): string => {
  if (UNTRUSTED.test(code)) return 'The certificate of the database is not signed by an authority that the DatabaseConnection trusts.';
  return phase === 'negotiating TLS' ? 'The TLS handshake with the database failed.' : 'The connection to the database failed.';
};
