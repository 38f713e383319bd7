/**
 * The operator's log: JSON lines by pino. Nothing in it is a secret: what bears a secret's name is redacted, and of errors only what is known
 * to be harmless is kept.
 */
import { type Logger, pino } from 'pino';
import { KubeFailure } from './kube/kube.ts';

const SECRETS = ['password', 'secret', 'token', 'key', 'authorization', 'data', 'stringData', 'credentials'];

/** `key` at the top is an object's key in an informer or a queue: `namespace/name`. */
const REDACTED = SECRETS.flatMap((name) => [...(name === 'key' ? [] : [name]), `*.${name}`, `*.*.${name}`]);

/** Errors of drivers carry more fields (a query, a row); those stay out. */
const loggedError = (error: unknown): Readonly<Record<string, unknown>> => {
  if (!(error instanceof Error)) return { type: typeof error };
  const cause = error.cause === undefined ? {} : { cause: loggedError(error.cause) };
  if (error instanceof KubeFailure)
    return { type: error.name, status: error.status, reason: error.reason, message: error.message, ...cause };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const stack = error.stack?.match(/^ +at .*$/gm)?.join('\n') ?? '';
  return { type: error.name, ...code, message: error.message, stack, ...cause };
};

const STANDARD_OUTPUT = 1;

/** Writes at once: the last line before an exit is the one that is needed. */
export const createLog = (level: string, destination?: { readonly write: (line: string) => void }): Logger =>
  pino(
    {
      level,
      base: { name: 'pg-airlock-operator' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { err: loggedError, error: loggedError },
    },
    destination ?? pino.destination({ dest: STANDARD_OUTPUT, sync: true }),
  );
