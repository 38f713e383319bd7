/**
 * The operator's log: JSON lines by pino. No SQL, no literal, no parameter: an error message of PostgreSQL or of the grammar
 * quotes the agent's text (`syntax error at or near "123-45-6789"`), so errors are logged by their codes.
 */
import { type LogFn, type Logger, pino } from 'pino';
import { Failure } from '../../kernel/failure.ts';
import type { Outcome } from '../session/outcome.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export type LogOptions = {
  readonly level: LogLevel;
  /** Standard output where it is absent. */
  readonly destination?: { readonly write: (line: string) => void };
};

const SECRETS = ['password', 'secret', 'token', 'key', 'authorization', 'credentials', 'sql', 'sent', 'parameters', 'salt', 'verifier'];

const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** Errors of the operating system and of the engine name paths, calls and expressions; any other message may quote a statement or a value. */
const isQuoteless = (error: Error): boolean =>
  'syscall' in error || error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;

const loggedError = (error: unknown): Readonly<Record<string, unknown>> => {
  if (!(error instanceof Error)) return { type: typeof error };
  const cause = error.cause === undefined ? {} : { cause: loggedError(error.cause) };
  if (error instanceof Failure) return { type: 'Failure', code: error.fields.code, sqlstate: error.fields.sqlstate, ...cause };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const message = isQuoteless(error) ? { message: error.message } : {};
  const stack = error.stack?.match(/^ +at .*$/gm)?.join('\n') ?? '';
  return { type: error.name, ...code, ...message, stack, ...cause };
};

/** What moves a terminal's cursor, hides or reorders text, and is no escape in JSON by itself: names come from whoever connects. */
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const asEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

function nameless(this: Logger, parameters: Parameters<LogFn>, method: LogFn): void {
  const [first] = parameters;
  if (parameters.length === 1 && typeof first === 'object') method.apply(this, [first, 'error']);
  else method.apply(this, parameters);
}

const STANDARD_OUTPUT = 1;

/** A logger of JSON lines, with what bears a secret's name redacted and errors reduced to what carries no value. */
export const createLogger = ({ level, destination }: LogOptions): Logger => {
  const options = {
    level,
    base: { name: 'pg-airlock' },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
    // Without a message of ours, pino would take the error's.
    hooks: { logMethod: nameless, streamWrite: (line: string) => line.replace(UNSEEN, asEscape) },
    serializers: { err: loggedError, error: loggedError, cause: loggedError },
  };
  // By its number: `process.stdout` would be made for it, a stream that nobody else here needs.
  return pino(options, destination ?? pino.destination(STANDARD_OUTPUT));
};

/**
 * One line for one statement: what was decided and how it went, and nothing of what it said. What was allowed stands in the audit log, and
 * is a line of level debug here.
 */
export const logStatement = (logger: Logger, outcome: Outcome): void => {
  const level = outcome.decision === 'Allow' ? 'debug' : 'warn';
  if (!logger.isLevelEnabled(level)) return;
  const {
    agent,
    connection,
    via,
    decision,
    result,
    kinds,
    reasons,
    policies,
    masked,
    filtered,
    rules,
    detected,
    rows,
    bytes,
    decisionMs,
    upstreamMs,
    sqlstate,
  } = outcome;
  const line = {
    agent,
    connection,
    via,
    decision,
    result,
    kinds,
    reasons: reasons.map(({ code }) => code),
    policies,
    masked,
    filtered,
    rules,
    detected: detected.length === 0 ? detected : [...new Set(detected.map(({ kind }) => kind))],
    rows,
    bytes,
    decisionMs,
    upstreamMs,
    sqlstate,
  };
  logger[level](line, 'statement');
};
