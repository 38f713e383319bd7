/**
 * Every way pg-airlock says no: one catalogue of named failures. `docs/errors.md` is generated from it.
 * Wording follows PostgreSQL's error message style guide: primary in lower case without a full stop, detail and hint in sentences.
 */
import { SQLSTATE, type SqlState } from './sqlstate.ts';

export type FailureFields = {
  readonly severity: 'ERROR' | 'FATAL';
  readonly sqlstate: SqlState;
  /** Stable kebab-case code for metrics, audit records and tests. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  /** 1-based, in characters of the agent's text. */
  readonly position?: number | undefined;
  /** The limit that was met, as `kernel/limit-failure.ts` names it: for metrics. */
  readonly limit?: string | undefined;
};

/** Thrown by decoders and deciders; carries what an ErrorResponse needs. */
export class Failure extends Error {
  readonly fields: FailureFields;
  constructor(fields: FailureFields) {
    super(fields.message);
    this.name = 'Failure';
    this.fields = fields;
  }
}

const error = (sqlstate: SqlState, code: string, message: string, detail?: string, hint?: string): Failure =>
  new Failure({ severity: 'ERROR', sqlstate, code, message, detail, hint });
const fatal = (sqlstate: SqlState, code: string, message: string, detail?: string, hint?: string): Failure =>
  new Failure({ severity: 'FATAL', sqlstate, code, message, detail, hint });

/** The same failure with the place in the agent's text that it is about. */
export const at = (failure: Failure, position: number | undefined): Failure =>
  position === undefined ? failure : new Failure({ ...failure.fields, position });

/** The same failure with what the operator's log and the audit record may know, and the agent may not. */
export const because = (failure: Failure, cause: unknown): Failure => {
  const known = new Failure(failure.fields);
  known.cause = cause;
  return known;
};

// --- protocol and connection ------------------------------------------------------------------------------------------

export const protocolViolation = (message: string, detail?: string): Failure =>
  fatal(SQLSTATE.protocolViolation, 'protocol-violation', message, detail);

export const messageTooLarge = (length: number, limit: number): Failure =>
  fatal(
    SQLSTATE.programLimitExceeded,
    'message-too-large',
    'message is too large',
    `The message has ${length} bytes, and the limit is ${limit}.`,
    'Split the statement, or send large values in several statements.',
  );

export const authenticationFailed = (user: string): Failure =>
  fatal(SQLSTATE.invalidPassword, 'authentication-failed', `password authentication failed for user "${user}"`);

export const noIdentity = (detail: string, hint: string): Failure =>
  fatal(SQLSTATE.invalidAuthorization, 'no-identity', 'could not establish who is connecting', detail, hint);

export const databaseUnknown = (database: string, known: readonly string[]): Failure =>
  fatal(
    SQLSTATE.invalidCatalogName,
    'database-unknown',
    `database "${database}" is not available to this agent`,
    undefined,
    known.length === 0 ? 'No policy in force names this agent: ask for a DatabaseAccessPolicy.' : `Connect to one of: ${known.join(', ')}.`,
  );

/** A listener that is bound to a connection which there is none of, for this pod. */
export const connectionUnavailable = (connection: string): Failure =>
  fatal(
    SQLSTATE.invalidCatalogName,
    'connection-unavailable',
    `connection "${connection}" is not available to this agent`,
    'It does not exist, or does not allow the namespace of this pod (spec.allowedNamespaces).',
    'Ask who owns the connection; the condition Ready of it may say more.',
  );

export const startupOptionRefused = (name: string, detail: string): Failure =>
  fatal(
    SQLSTATE.insufficientPrivilege,
    'startup-option-refused',
    `permission denied to set parameter "${name}" at connection start`,
    detail,
    'Leave the parameter out of the connection settings (PGOPTIONS, connection string).',
  );

export const replicationRefused = (): Failure =>
  fatal(SQLSTATE.insufficientPrivilege, 'replication-refused', 'replication connections are not allowed through pg-airlock');

export const upstreamUnreachable = (detail: string, hint = 'The database may be down or restarting; try again later.'): Failure =>
  fatal(SQLSTATE.connectionFailure, 'upstream-unreachable', 'could not connect to the database behind pg-airlock', detail, hint);

export const upstreamCredentialsRefused = (): Failure =>
  fatal(
    SQLSTATE.connectionFailure,
    'upstream-credentials-refused',
    'could not connect to the database behind pg-airlock',
    'The database refused the credentials of the DatabaseConnection.',
    'The password that you gave is not the cause: ask the platform team to check the Secret of the DatabaseConnection.',
  );

/** The database's own answer at connection start, where it says nothing of credentials: starting up, too many connections, and the like. */
export const upstreamRefused = (sqlstate: SqlState, message: string): Failure =>
  fatal(sqlstate, 'upstream-refused', message, 'The database behind pg-airlock refused the connection.');

export const upstreamLost = (): Failure =>
  fatal(
    SQLSTATE.connectionFailure,
    'upstream-lost',
    'connection to the database was lost',
    'The database closed the connection; the running transaction was not committed unless COMMIT had been answered.',
    'Reconnect and try again.',
  );

export const upstreamProtocolViolation = (detail: string): Failure =>
  fatal(
    SQLSTATE.protocolViolation,
    'upstream-protocol-violation',
    'the database sent what pg-airlock does not understand',
    detail,
    'The session ends, since its state is no longer certain; reconnect.',
  );

export const protocolUnsupported = (major: number, minor: number): Failure =>
  fatal(
    SQLSTATE.featureNotSupported,
    'protocol-unsupported',
    `unsupported frontend protocol ${major}.${minor}: pg-airlock supports 3.0 to 3.2`,
  );

export const encodingRefused = (encoding: string): Failure =>
  fatal(
    SQLSTATE.featureNotSupported,
    'encoding-refused',
    `client encoding "${encoding}" is not supported through pg-airlock`,
    'pg-airlock reads statements as UTF-8.',
    'Set client_encoding to UTF8 (PGCLIENTENCODING, or the connection string).',
  );

export const tlsRequired = (): Failure =>
  fatal(
    SQLSTATE.invalidAuthorization,
    'tls-required',
    'connection is not encrypted',
    'This listener accepts only TLS.',
    'Connect with sslmode=require or stronger.',
  );

export const serverSettingUnsafe = (name: string, value: string): Failure =>
  fatal(
    SQLSTATE.protocolViolation,
    'server-setting-unsafe',
    `terminating connection because parameter "${name}" became "${value}"`,
    'Statements would be read differently by the database than they were judged.',
    'Reconnect, and leave the parameter as it is.',
  );

export const notReady = (detail: string): Failure =>
  fatal(SQLSTATE.cannotConnectNow, 'not-ready', 'pg-airlock is not ready', detail, 'Try again later.');

export const operatorLost = (seconds: number): Failure =>
  fatal(
    SQLSTATE.cannotConnectNow,
    'operator-lost',
    'access is suspended because pg-airlock has lost its operator',
    `Policies may have changed since the operator was last heard of, and are served for no longer than ${seconds} s without it.`,
    'Try again later: access comes back with the operator.',
  );

export const shuttingDown = (): Failure =>
  fatal(SQLSTATE.adminShutdown, 'shutting-down', 'terminating connection because pg-airlock is shutting down', undefined, 'Reconnect.');

export const sessionRevoked = (detail: string): Failure =>
  fatal(SQLSTATE.adminShutdown, 'session-revoked', 'terminating connection because access was revoked', detail);

/** Before a session begins, what `sessionRevoked` is afterwards. */
export const accessRevoked = (reason: string): Failure =>
  fatal(
    SQLSTATE.insufficientPrivilege,
    'access-revoked',
    'permission denied to connect through pg-airlock',
    reason,
    'Ask the platform team: the pod has to be labelled as an agent.',
  );

export const auditUnavailable = (detail: string): Failure =>
  error(
    SQLSTATE.ioError,
    'audit-unavailable',
    'could not write the audit record',
    detail,
    'No statement runs without its record; the operator of pg-airlock has to free space or repair the audit store.',
  );

export const internalError = (): Failure =>
  error(
    SQLSTATE.internalError,
    'internal-error',
    'pg-airlock failed to judge this statement',
    'The statement was not forwarded. The log names the fault.',
  );

// --- text and grammar -------------------------------------------------------------------------------------------------

export const invalidText = (detail: string): Failure =>
  error(SQLSTATE.characterNotInRepertoire, 'invalid-text', 'statement is not valid text', detail);

export const statementTooLarge = (detail: string): Failure =>
  error(SQLSTATE.programLimitExceeded, 'statement-too-large', 'statement is too large', detail, 'Split the statement.');

export const statementTooComplex = (detail: string): Failure =>
  error(SQLSTATE.statementTooComplex, 'statement-too-complex', 'statement is too complex', detail, 'Simplify or split the statement.');

/** `told`: what PostgreSQL says apart from the message, where it is more than the code of a syntax error. */
export const syntaxError = (
  message: string,
  position: number | undefined,
  { sqlstate = SQLSTATE.syntaxError, detail, hint }: Partial<Pick<FailureFields, 'sqlstate' | 'detail' | 'hint'>> = {},
): Failure => at(error(sqlstate, 'syntax-error', message, detail, hint), position);

export const notUnderstood = (what: string): Failure =>
  error(
    SQLSTATE.featureNotSupported,
    'not-understood',
    `${what} is not supported through pg-airlock`,
    'pg-airlock refuses what it cannot judge.',
    'Rewrite the statement without it.',
  );

/** What PostgreSQL refuses as well, in its words: a statement that could not run whoever sends it. */
export const invalidStatement = (sqlstate: SqlState, message: string, detail?: string): Failure =>
  error(sqlstate, 'invalid-statement', message, detail);

// --- policy -----------------------------------------------------------------------------------------------------------

export const statementRefused = (what: string, hint: string): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'statement-refused',
    `permission denied for ${what}`,
    'pg-airlock does not let this kind of statement through.',
    hint,
  );

export const relationRefused = (name: string, granted: readonly string[]): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'relation-refused',
    `permission denied for relation "${name}"`,
    'No policy in force grants it to this agent.',
    granted.length === 0 ? 'No relation is granted.' : `Relations that may be read: ${granted.join(', ')}.`,
  );

/** `ahead`: a WITH item has that name, and cannot be seen from there; in PostgreSQL's words. */
export const relationUnknown = (name: string, ahead = false): Failure =>
  error(
    SQLSTATE.undefinedTable,
    'relation-unknown',
    `relation "${name}" does not exist`,
    ahead ? `There is a WITH item named "${name}", but it cannot be referenced from this part of the query.` : undefined,
    ahead ? 'Use WITH RECURSIVE, or re-order the WITH items to remove forward references.' : undefined,
  );

export const columnRefused = (column: string, relation: string, granted: readonly string[]): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'column-refused',
    `permission denied for column "${column}" of relation "${relation}"`,
    'No policy in force grants it to this agent.',
    `Columns that may be read: ${granted.join(', ')}.`,
  );

export const functionRefused = (name: string, detail: string): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'function-refused',
    `permission denied for function ${name}`,
    detail,
    'Use another function: this one is open only to agents whose policy lists it (spec.functions).',
  );

/** `samples`: it was named as a method of TABLESAMPLE, which is a function. */
export const functionUnknown = (name: string, samples = false): Failure =>
  samples
    ? error(SQLSTATE.undefinedObject, 'function-unknown', `tablesample method ${name} does not exist`)
    : error(
        SQLSTATE.undefinedFunction,
        'function-unknown',
        `function ${name} does not exist`,
        undefined,
        'No function matches the given name on the search path.',
      );

export const operatorRefused = (name: string, detail: string): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'operator-refused',
    `permission denied for operator ${name}`,
    detail,
    'Use a built-in operator: this one is open only to agents whose policy lists its function (spec.functions).',
  );

export const settingRefused = (name: string, detail: string, hint: string): Failure =>
  error(SQLSTATE.insufficientPrivilege, 'setting-refused', `permission denied to set parameter "${name}"`, detail, hint);

export const settingUnnamed = (name: string): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'setting-unnamed',
    `permission denied for function ${name}`,
    'The name of the setting is not a constant, so which one is meant is not known.',
    'Write the name as a constant.',
  );

export const settingHidden = (name: string): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'setting-hidden',
    `permission denied to examine parameter "${name}"`,
    undefined,
    'The view pg_settings lists the settings that may be read.',
  );

export const grantUnusable = (relation: string, detail: string): Failure =>
  error(
    SQLSTATE.insufficientPrivilege,
    'grant-unusable',
    `permission denied for relation "${relation}"`,
    detail,
    'The grant in the policy has to be corrected by its author.',
  );

export const scopeUnchecked = (relation: string): Failure =>
  error(
    SQLSTATE.cannotConnectNow,
    'scope-unchecked',
    `could not check the grant of relation "${relation}" against the database`,
    'The database did not answer pg-airlock.',
    'Try again later.',
  );

export const staleStatement = (what: string): Failure =>
  error(
    SQLSTATE.objectNotInPrerequisiteState,
    'stale-statement',
    `${what} was made under an earlier policy`,
    'The policy changed in between, and what was prepared is no longer what may run.',
    'Prepare or declare it again.',
  );

export const statementOfOtherPath = (what: string): Failure =>
  error(
    SQLSTATE.objectNotInPrerequisiteState,
    'statement-of-other-path',
    `${what} was made under another search_path`,
    'Its names stand for other relations now.',
    'Prepare it again, or qualify its names with their schemas.',
  );

export const statementUnknown = (name: string): Failure =>
  error(
    SQLSTATE.invalidStatementName,
    'statement-unknown',
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
  );

export const portalUnknown = (name: string): Failure =>
  error(SQLSTATE.invalidCursorName, 'portal-unknown', `portal "${name}" does not exist`);
