/**
 * The named failures of limits: the part of the catalogue of `failure.ts` that says which limit was met, its figure, and the way out.
 */
import { Failure, type FailureFields } from './failure.ts';
import type { Limits } from './policy.ts';
import { SQLSTATE } from './sqlstate.ts';

/** The limits of a policy, and those that the proxy has of its own (its command line). */
export type LimitName = keyof Limits | 'maxConnections' | 'sendTimeout';

const limited = (limit: LimitName, fields: Omit<FailureFields, 'severity' | 'limit'>, severity: 'ERROR' | 'FATAL' = 'ERROR'): Failure =>
  new Failure({ ...fields, severity, limit });

const time = (milliseconds: number): string => (milliseconds % 1000 === 0 ? `${milliseconds / 1000} s` : `${milliseconds} ms`);

export const resultTooLarge = (limit: 'rowsPerStatement' | 'bytesPerStatement', most: number): Failure =>
  limited(limit, {
    sqlstate: SQLSTATE.configurationLimitExceeded,
    code: 'result-too-large',
    message: 'result is too large',
    detail: `The policy allows ${most} ${limit === 'rowsPerStatement' ? 'rows' : 'bytes'} for one statement (limits.${limit}), and the result has more.`,
    hint: 'Add a LIMIT, a narrower WHERE or an aggregate.',
  });

export const rateExceeded = (most: number): Failure =>
  limited('statementsPerMinute', {
    sqlstate: SQLSTATE.configurationLimitExceeded,
    code: 'rate-exceeded',
    message: 'too many statements of this agent',
    detail: `The policy allows ${most} in a minute (limits.statementsPerMinute), and those that are refused count too.`,
    hint: 'Wait a few seconds, and ask for more with one statement instead of the same statement many times.',
  });

export const statementTooLong = (most: number): Failure =>
  limited('statementTimeout', {
    sqlstate: SQLSTATE.queryCanceled,
    code: 'statement-too-long',
    message: 'canceling statement due to statement timeout',
    detail: `The policy allows a statement ${time(most)} (limits.statementTimeout).`,
    hint: 'Ask for less at once: a narrower WHERE, an aggregate, a join with its condition; and read the result as it comes.',
  });

export const transactionTooLong = (most: number): Failure =>
  limited(
    'transactionTimeout',
    {
      sqlstate: SQLSTATE.transactionTimeout,
      code: 'transaction-too-long',
      message: 'terminating connection due to transaction timeout',
      detail: `The policy allows a transaction ${time(most)} (limits.transactionTimeout); this one is rolled back.`,
      hint: 'Reconnect, and make transactions shorter: do not wait for anything between BEGIN and COMMIT.',
    },
    'FATAL',
  );

export const idleTooLong = (most: number): Failure =>
  limited(
    'idleTimeout',
    {
      sqlstate: SQLSTATE.idleSessionTimeout,
      code: 'idle-too-long',
      message: 'terminating connection because it was idle for too long',
      detail: `The policy allows a session to be idle for ${time(most)} (limits.idleTimeout), in a transaction or outside of one.`,
      hint: 'Reconnect.',
    },
    'FATAL',
  );

export const sessionTooLong = (most: number): Failure =>
  limited(
    'sessionDuration',
    {
      sqlstate: SQLSTATE.adminShutdown,
      code: 'session-too-long',
      message: 'terminating connection because it has lasted too long',
      detail: `The policy allows a session ${time(most)} (limits.sessionDuration).`,
      hint: 'Reconnect.',
    },
    'FATAL',
  );

export const sessionTooBig = (most: number): Failure =>
  limited('memoryPerSession', {
    sqlstate: SQLSTATE.configurationLimitExceeded,
    code: 'session-too-big',
    message: 'too much memory is held for this session',
    detail: `Prepared statements, portals and their parameters, and savepoints may take ${most} bytes (limits.memoryPerSession).`,
    hint: 'Close what is no longer used (DEALLOCATE, CLOSE, RELEASE SAVEPOINT), and send large values in several statements.',
  });

export const sessionWaiting = (most: number): Failure =>
  limited(
    'memoryPerSession',
    {
      sqlstate: SQLSTATE.configurationLimitExceeded,
      code: 'session-waiting',
      message: 'too much waits to be read in this session',
      detail: `What all sessions hold is more than pg-airlock has memory for, and a session may hold ${most} bytes meanwhile (--session-memory).`,
      hint: 'Reconnect, read results as they come, and send or select large values one by one.',
    },
    'FATAL',
  );

/** `needed`: what a single statement could tell. */
export const probesExhausted = (limit: 'probesPerSession' | 'probesPerHour', most: number, needed = 1): Failure =>
  limited(limit, {
    sqlstate: SQLSTATE.configurationLimitExceeded,
    code: 'probes-exhausted',
    message: 'too many writes that tell of what this agent may not see',
    detail: `Constraints involve hidden rows or columns here, and the policy allows ${most} ${limit === 'probesPerHour' ? 'an hour' : 'a session'} of writes that violate one, or that leave rows out (limits.${limit}); this statement could be ${needed}.`,
    hint: 'Wait or reconnect, give fewer rows at once with ON CONFLICT DO NOTHING, and look up what is there before writing. A policy can set another limit.',
  });

export const tooManySessions = (most: number): Failure =>
  limited(
    'sessions',
    {
      sqlstate: SQLSTATE.tooManyConnections,
      code: 'too-many-sessions',
      message: 'too many sessions of this agent',
      detail: `The policy allows ${most} at a time (limits.sessions).`,
      hint: 'Close a session first, or use a smaller connection pool.',
    },
    'FATAL',
  );

export const tooManyConnections = (most: number): Failure =>
  limited(
    'maxConnections',
    {
      sqlstate: SQLSTATE.tooManyConnections,
      code: 'too-many-connections',
      message: 'sorry, too many clients already',
      detail: `pg-airlock takes ${most} at a time (--max-connections), and the last of them only from agents that have few.`,
      hint: 'Close connections that are not used, or use a smaller connection pool, and try again later.',
    },
    'FATAL',
  );

export const clientNotReading = (most: number): Failure =>
  limited(
    'sendTimeout',
    {
      sqlstate: SQLSTATE.idleSessionTimeout,
      code: 'client-not-reading',
      message: 'terminating connection because the client does not read its results',
      detail: `Results were waiting, and none was taken for ${time(most)} (--send-timeout).`,
      hint: 'Reconnect, and read results as they come, or fetch them in portions with a cursor.',
    },
    'FATAL',
  );
