/**
 * The proxy's configuration, parsed once from its command line. Everything else comes from the manifests.
 */
import { parseArgs } from 'node:util';
import { parseSize } from '../kernel/manifest/quantity.ts';
import type { LogLevel } from './metrics/log.ts';

export type Address = { readonly host: string; readonly port: number };

/** Where policies come from. */
export type SourceConfig =
  | {
      readonly type: 'Manifests';
      readonly directory: string;
      /** The one agent that everybody on this loopback listener is. */
      readonly identity: string | undefined;
    }
  /** The operator at `url`; `access` is the folder with token, certificate authority and credentials. */
  | { readonly type: 'Operator'; readonly url: string; readonly access: string };

/** A listener; `connection` is the one, as `namespace/name`, that it is bound to. */
export type ListenerConfig = { readonly address: Address; readonly connection: string | undefined };

export type ProxyConfig = {
  readonly source: SourceConfig;
  readonly listeners: readonly ListenerConfig[];
  readonly metrics: Address;
  readonly audit: string;
  /** Bytes that the audit log may have; undefined: as many as the disk has. */
  readonly auditLimit: number | undefined;
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
  --metrics HOST:PORT     /metrics, /healthz, /startupz and /readyz    (127.0.0.1:9632)
  --audit DIR             the audit log                                (./pg-airlock-audit)
  --audit-limit SIZE      how large it may get, as 1Gi: then statements stop   (the disk)
  --identity AGENT        everybody on this listener is AGENT; loopback addresses only
  --tls-cert FILE         certificate chain (PEM) offered to clients; with --tls-key FILE
  --max-connections N     sessions at a time; each has one of the database (500)
  --message-limit BYTES   largest message of a client                  (16777216)
  --session-memory BYTES  held for a session: what it prepared and declared (33554432)
  --send-timeout SECONDS  how long a client may leave results waiting, 0 for ever (300)
  --grace SECONDS         time for running statements at shutdown      (10)
  --log-level LEVEL       trace, debug, info, warn, error, fatal       (info)

usage: pg-airlock proxy --control URL --access DIR --listen HOST:PORT=NAMESPACE/NAME ... [options]

  As the operator's injection starts it beside an agent: everybody who reaches these listeners is the agent of this pod.

  --control URL           the operator, https://
  --access DIR            token, control-ca.crt and connections/NAMESPACE.NAME/{username,password,ca.crt}
  --listen ADDRESS=CONNECTION  a loopback address, and the DatabaseConnection that is there; once for each
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

const CONNECTION = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

const boundListener = (text: string): ListenerConfig => {
  const equals = text.indexOf('=');
  const connection = text.slice(equals + 1);
  if (equals < 0 || !CONNECTION.test(connection))
    throw new UsageError(`with --control, --listen takes HOST:PORT=NAMESPACE/NAME, not "${text}"`);
  return { address: addressOf(text.slice(0, equals), 'listen'), connection };
};

/** A size as Kubernetes writes it, at least 16 MiB: less would be full after a few large statements. */
const sizeOf = (text: string | undefined, option: string): number | undefined => {
  if (text === undefined) return undefined;
  const size = parseSize(text);
  if (size === undefined || size < 16 * 1024 * 1024)
    throw new UsageError(`--${option} takes a size of at least 16Mi, such as 1Gi, not "${text}"`);
  return size;
};

type Values = ReturnType<typeof readArguments>;

const operatorConfig = (control: string, values: Values): Pick<ProxyConfig, 'source' | 'listeners'> => {
  if (values.manifests !== undefined || values.identity !== undefined)
    throw new UsageError('--control goes with neither --manifests nor --identity: the operator says both');
  if (!URL.canParse(control) || new URL(control).protocol !== 'https:')
    throw new UsageError(`--control takes a URL that begins with https://, not "${control}"`);
  if (values.access === undefined) throw new UsageError('--access DIR is missing');
  const listeners = (values.listen ?? []).map(boundListener);
  if (listeners.length === 0) throw new UsageError('--listen HOST:PORT=NAMESPACE/NAME is missing');
  const connections = listeners.map(({ connection }) => connection);
  const twice = connections.find((connection, index) => connections.indexOf(connection) !== index);
  if (twice !== undefined) throw new UsageError(`--listen names "${twice}" twice`);
  return { source: { type: 'Operator', url: control, access: values.access }, listeners };
};

const manifestsConfig = ({ manifests, listen, access, identity }: Values): Pick<ProxyConfig, 'source' | 'listeners'> => {
  if (manifests === undefined) throw new UsageError('--manifests DIR is missing');
  if (access !== undefined) throw new UsageError('--access belongs to --control');
  const [text = '127.0.0.1:5432', ...more] = listen ?? [];
  if (more.length > 0) throw new UsageError('--listen may be given several times only with --control');
  return {
    source: { type: 'Manifests', directory: manifests, identity },
    listeners: [{ address: addressOf(text, 'listen'), connection: undefined }],
  };
};

/** Parses the arguments behind `pg-airlock proxy`. @throws UsageError */
export const parseProxyConfig = (args: readonly string[]): ProxyConfig => {
  const values = readArguments(args);
  const { 'tls-cert': certificate, 'tls-key': key } = values;
  if ((certificate === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key go together');
  return {
    ...(values.control === undefined ? manifestsConfig(values) : operatorConfig(values.control, values)),
    metrics: addressOf(values.metrics, 'metrics'),
    audit: values.audit,
    auditLimit: sizeOf(values['audit-limit'], 'audit-limit'),
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
        control: { type: 'string' },
        access: { type: 'string' },
        listen: { type: 'string', multiple: true },
        metrics: { type: 'string', default: '127.0.0.1:9632' },
        audit: { type: 'string', default: './pg-airlock-audit' },
        'audit-limit': { type: 'string' },
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
