/**
 * The proxy's configuration, parsed once from its command line. Everything else comes from the manifests.
 */
import { parseArgs } from 'node:util';
import type { LogLevel } from './metrics/log.ts';

export type Address = { readonly host: string; readonly port: number };

export type ProxyConfig = {
  readonly manifests: string;
  readonly listen: Address;
  readonly metrics: Address;
  readonly audit: string;
  /** The one agent that everybody on this loopback listener is. */
  readonly identity: string | undefined;
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** Sessions at a time. */
  readonly maxConnections: number;
  /** Largest message of a client, in bytes. */
  readonly messageLimit: number;
  /** Bytes that are held for one session between its statements. */
  readonly sessionMemory: number;
  /** Milliseconds that a client may leave results waiting; 0: for ever. */
  readonly sendTimeout: number;
  /** Milliseconds that running statements get at shutdown. */
  readonly grace: number;
  readonly logLevel: LogLevel;
};

export const PROXY_USAGE = `usage: pg-airlock proxy --manifests DIR [options]

  --manifests DIR         folder with DatabaseConnection, DatabaseAccessPolicy and Secret manifests
  --listen HOST:PORT      where agents connect                         (127.0.0.1:5432)
  --metrics HOST:PORT     /metrics, /healthz and /readyz               (127.0.0.1:9632)
  --audit DIR             the audit log                                (./pg-airlock-audit)
  --identity AGENT        everybody on this listener is AGENT; loopback addresses only
  --tls-cert FILE         certificate chain (PEM) offered to clients; with --tls-key FILE
  --max-connections N     sessions at a time; each has one of the database (500)
  --message-limit BYTES   largest message of a client                  (16777216)
  --session-memory BYTES  held for a session: what it prepared and declared (33554432)
  --send-timeout SECONDS  how long a client may leave results waiting, 0 for ever (300)
  --grace SECONDS         time for running statements at shutdown      (10)
  --log-level LEVEL       trace, debug, info, warn, error, fatal       (info)
`;

/** What is wrong with a command line, in one sentence. */
export class UsageError extends Error {}

/** `host:port`, `[::1]:port` or `:port`. */
const addressOf = (text: string, option: string): Address => {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new UsageError(`--${option} takes HOST:PORT, not "${text}"`);
  return { host: match[1] ?? (match[2] === '' ? '127.0.0.1' : (match[2] ?? '')), port };
};

const numberOf = (text: string, option: string, least: number): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${option} takes a whole number of at least ${least}, not "${text}"`);
  return value;
};

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

const levelOf = (text: string): LogLevel => {
  const level = LEVELS.find((known) => known === text);
  if (level === undefined) throw new UsageError(`--log-level is one of ${LEVELS.join(', ')}, not "${text}"`);
  return level;
};

/** Parses the arguments behind `pg-airlock proxy`. @throws UsageError */
export const parseProxyConfig = (args: readonly string[]): ProxyConfig => {
  const values = readArguments(args);
  if (values.manifests === undefined) throw new UsageError('--manifests DIR is missing');
  const { 'tls-cert': certificate, 'tls-key': key } = values;
  if ((certificate === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key go together');
  return {
    manifests: values.manifests,
    listen: addressOf(values.listen, 'listen'),
    metrics: addressOf(values.metrics, 'metrics'),
    audit: values.audit,
    identity: values.identity,
    tls: certificate === undefined || key === undefined ? undefined : { certificate, key },
    maxConnections: numberOf(values['max-connections'], 'max-connections', 1),
    messageLimit: numberOf(values['message-limit'], 'message-limit', 1024),
    sessionMemory: numberOf(values['session-memory'], 'session-memory', 65_536),
    sendTimeout: numberOf(values['send-timeout'], 'send-timeout', 0) * 1000,
    grace: numberOf(values.grace, 'grace', 0) * 1000,
    logLevel: levelOf(values['log-level']),
  };
};

const readArguments = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        manifests: { type: 'string' },
        listen: { type: 'string', default: '127.0.0.1:5432' },
        metrics: { type: 'string', default: '127.0.0.1:9632' },
        audit: { type: 'string', default: './pg-airlock-audit' },
        identity: { type: 'string' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        'max-connections': { type: 'string', default: '500' },
        'message-limit': { type: 'string', default: String(16 * 1024 * 1024) },
        'session-memory': { type: 'string', default: String(32 * 1024 * 1024) },
        'send-timeout': { type: 'string', default: '300' },
        grace: { type: 'string', default: '10' },
        'log-level': { type: 'string', default: 'info' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};
