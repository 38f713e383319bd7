/**
 * The operator's configuration: one YAML file, which the chart renders. Parsed once, by `parseOperatorConfig`.
 */
import { parseDocument } from 'yaml';
import { parseSize } from '../kernel/manifest/quantity.ts';
import { byWord, ConfigError, fields, flag, listOf, oneOf, optional, type Reader, text, valuesOf, wholeNumber } from './config-fields.ts';

/** HOST:PORT to listen on. */
export type Address = { readonly host: string; readonly port: number };

/** What the injected container is made of; no annotation changes any of it. */
export type SidecarConfig = {
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** The sidecar's own user and group id, which no other container of an agent's pod may have. */
  readonly uid: number;
  readonly resources: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  /** Seconds that a sidecar may serve its last bundle without the operator. */
  readonly staleAfter: number;
  readonly logLevel: string;
  /** Of the audit log's emptyDir. */
  readonly auditSizeLimit: string;
};

export type OperatorConfig = {
  /** The operator's own namespace. */
  readonly namespace: string;
  /** Namespaces without injection and without admission rules; its own always is one. No credentials are put there. */
  readonly excludedNamespaces?: readonly string[];
  readonly connections: {
    /** Agents are given connections that do not verify their server (tls.mode Require, Disable). */
    readonly allowUnverifiedServers: boolean;
  };
  readonly sidecar: SidecarConfig;
  /** `url` is what sidecars are told: `https://pg-airlock-control.pg-airlock.svc:8444`. */
  readonly control: { readonly listen: Address; readonly url: string };
  readonly admission: {
    readonly listen: Address;
    /** Names of the webhook configurations whose caBundle the operator keeps; empty where cert-manager does. */
    readonly mutatingConfiguration: string;
    readonly validatingConfiguration: string;
  };
  readonly certificates:
    | { readonly source: 'SelfManaged'; readonly secret: string; readonly dnsNames: readonly string[] }
    /** Files tls.crt, tls.key and ca.crt, as cert-manager and a Secret volume put them. */
    | { readonly source: 'Files'; readonly directory: string };
  readonly metrics: { readonly listen: Address };
  readonly leaderElection: { readonly lease: string };
  readonly logLevel: string;
};

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

const name = text('a name in lower case', /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);
const nameOrNone = text('a name in lower case, or ""', /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/);
const quantity = text('a quantity such as 100m or 64Mi', /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/);
/** YAML reads `cpu: 1` as a number. */
/** What the proxy takes for `--audit-limit`. */
const auditSize: Reader<string> = (value, at) => {
  const size = typeof value === 'string' ? parseSize(value) : undefined;
  if (typeof value !== 'string' || size === undefined || size < 16 * 2 ** 20)
    throw new ConfigError(`${at} takes a size of at least 16Mi, such as 1Gi`);
  return value;
};

const amount: Reader<string> = (value, at) => quantity(typeof value === 'number' ? String(value) : value, at);

const address: Reader<Address> = (value, at) => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(typeof value === 'string' ? value : '');
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new ConfigError(`${at} takes HOST:PORT, not ${JSON.stringify(value) ?? 'nothing'}`);
  return { host: match[1] ?? match[2] ?? '', port };
};

const httpsUrl: Reader<string> = (value, at) => {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.username !== '' || url.hash !== '') {
    throw new ConfigError(`${at} takes https://HOST:PORT, not ${JSON.stringify(value) ?? 'nothing'}`);
  }
  return url.origin;
};

const config = fields<OperatorConfig>({
  namespace: text('the name of a namespace', /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
  excludedNamespaces: optional(listOf(name), undefined),
  connections: optional(fields<OperatorConfig['connections']>({ allowUnverifiedServers: flag }), { allowUnverifiedServers: false }),
  sidecar: fields<SidecarConfig>({
    image: text('the name of an image', /^\S+$/),
    imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
    uid: wholeNumber(1, 2 ** 31 - 1),
    resources: fields<SidecarConfig['resources']>({
      requests: optional(valuesOf(amount), undefined),
      limits: optional(valuesOf(amount), undefined),
    }),
    staleAfter: wholeNumber(1, 7 * 24 * 3600),
    logLevel: oneOf(...LOG_LEVELS),
    auditSizeLimit: auditSize,
  }),
  control: fields<OperatorConfig['control']>({ listen: address, url: httpsUrl }),
  admission: fields<OperatorConfig['admission']>({
    listen: address,
    mutatingConfiguration: nameOrNone,
    validatingConfiguration: nameOrNone,
  }),
  certificates: byWord<'SelfManaged' | 'Files', OperatorConfig['certificates']>('source', {
    SelfManaged: fields<Extract<OperatorConfig['certificates'], { source: 'SelfManaged' }>>({
      source: oneOf('SelfManaged'),
      secret: name,
      dnsNames: listOf(text('a host name', /^\S+$/)),
    }),
    Files: fields<Extract<OperatorConfig['certificates'], { source: 'Files' }>>({
      source: oneOf('Files'),
      directory: text('the path of a folder', /^\//),
    }),
  }),
  metrics: fields<OperatorConfig['metrics']>({ listen: address }),
  leaderElection: fields<OperatorConfig['leaderElection']>({ lease: name }),
  logLevel: oneOf(...LOG_LEVELS),
});

/** Reads the text of the configuration file; unknown fields are refused. @throws ConfigError */
export const parseOperatorConfig = (yaml: string): OperatorConfig => {
  const document = parseDocument(yaml);
  const [problem] = document.errors;
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    throw new ConfigError(`it is no YAML of one document${line === undefined ? '' : `: line ${line}`}: ${problem.code}`);
  }
  return config(document.toJS({ maxAliasCount: 10 }), '');
};
