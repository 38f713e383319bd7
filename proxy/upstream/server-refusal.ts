/**
 * The server's ErrorResponse at connection start, told to the agent: what it would know of any database, and nothing of our credentials.
 */
import { because, type Failure, upstreamCredentialsRefused, upstreamRefused, upstreamUnreachable } from '../../kernel/failure.ts';
import { SQLSTATE, type SqlState } from '../../kernel/sqlstate.ts';
import type { ResponseFields } from '../wire/error-response.ts';

/** Codes that reach the agent as they are, with the server's message: states of the database, and start parameters that the agent chose. */
const PASSED: readonly SqlState[] = [
  SQLSTATE.cannotConnectNow,
  SQLSTATE.adminShutdown,
  SQLSTATE.tooManyConnections,
  SQLSTATE.invalidCatalogName,
  SQLSTATE.objectNotInPrerequisiteState,
  SQLSTATE.invalidParameterValue,
];

/** Codes of class 28 are about the credentials of the DatabaseConnection, and must not look like a wrong password of the agent's. */
export const describeRefusal = (fields: ResponseFields): Failure => {
  const code = fields.get('C') ?? '';
  const message = printable(fields.get('M') ?? '');
  const cause = `${code}: ${message}`;
  if (code.startsWith('28')) return because(upstreamCredentialsRefused(), cause);
  const passed = PASSED.find((state) => state === code);
  if (passed !== undefined) return because(upstreamRefused(passed, message), cause);
  return because(upstreamUnreachable(`The database refused the connection with SQLSTATE ${printable(code)}.`), cause);
};

/** One line of limited length, whatever the server sends. */
const printable = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, 500);
