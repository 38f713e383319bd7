/**
 * Why a database cannot be used, told to who can put it right. Kubernetes and PostgreSQL say what; this says where to look.
 */
import type { DatabaseConnection } from '../../kernel/generated/database-connection.ts';
import type { Finding } from './condition.ts';

/** What came of an attempt to log in. */
export type ReachOutcome =
  | { readonly type: 'Reached'; readonly serverVersion: string }
  | {
      readonly type: 'Failed';
      /** Of Node or OpenSSL, a SQLSTATE, or one of ours: `Timeout`, `NoTls`, `NotPostgres`, `TooMuch`, `CleartextPassword`. */
      readonly code: string;
      /** The server's words, where it said something. */
      readonly said: string | undefined;
    };

type Spec = Pick<DatabaseConnection['spec'], 'host' | 'port' | 'database' | 'tls' | 'credentials'>;

type Advice = { readonly reason: string; readonly say: (spec: Spec) => string };

const where = ({ host, port }: Spec): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

const advice = (reason: string, say: (spec: Spec) => string): Advice => ({ reason, say });

const noName = advice('HostNotFound', ({ host }) => `The name ${host} does not exist in DNS, as the operator sees it. Correct spec.host.`);
const noRoute = advice(
  'HostUnreachable',
  (spec) => `No way leads to ${where(spec)} from the operator's pod. Check routes, firewalls and NetworkPolicies.`,
);
const broken = advice(
  'ConnectionLost',
  (spec) => `${where(spec)} ended the connection. Check that a PostgreSQL server is there, and what its log says.`,
);
const untrusted = advice('CertificateUntrusted', ({ host, tls }) =>
  tls.caSecretRef === undefined
    ? `The certificate of ${host} is not signed by an authority that this machine knows. Name the one that signed it in spec.tls.caSecretRef.`
    : `The certificate of ${host} is not signed by an authority in Secret ${tls.caSecretRef.name}, key ${tls.caSecretRef.key}. Put the one there that signed it.`,
);
const password = advice(
  'PasswordRefused',
  ({ credentials }) =>
    `The database refuses the user name and password of Secret ${credentials.secretRef.name}. Correct them there, or set the role's password with ALTER ROLE.`,
);
const NOT_POSTGRES = advice(
  'NotPostgres',
  (spec) => `What answers at ${where(spec)} does not speak PostgreSQL's protocol. Correct spec.host and spec.port.`,
);

const ADVICE: Readonly<Record<string, Advice>> = {
  ENOTFOUND: noName,
  EAI_AGAIN: advice('NameServerSilent', ({ host }) => `DNS does not answer for ${host}. Check the cluster's DNS and the way to it.`),
  ECONNREFUSED: advice(
    'ConnectionRefused',
    (spec) => `Nothing listens at ${where(spec)}. Start the database there, or correct spec.host and spec.port.`,
  ),
  ECONNRESET: broken,
  EPIPE: broken,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  ETIMEDOUT: advice('Timeout', (spec) => `${where(spec)} does not answer. Check firewalls and NetworkPolicies on the way to it.`),
  Timeout: advice('Timeout', (spec) => `${where(spec)} does not answer in time. Check firewalls and NetworkPolicies on the way to it.`),
  NoTls: advice('TlsNotOffered', ({ host, tls }) => `${host} does not offer TLS, and tls.mode ${tls.mode} demands it. Set ssl = on there.`),
  NotPostgres: NOT_POSTGRES,
  TooMuch: advice(
    'AnswersTooLarge',
    (spec) =>
      `${where(spec)} sends more than a catalog is worth, and was not listened to any longer. Check that a PostgreSQL server is there.`,
  ),
  ServerNotProven: advice(
    'ServerNotProven',
    ({ host }) =>
      `${host} does not prove that it knows the password: it may be another server. Check spec.host, and use tls.mode VerifyFull.`,
  ),
  CleartextPassword: advice(
    'CleartextPassword',
    ({ host, tls }) =>
      `${host} asks for the password in clear text, and tls.mode ${tls.mode} does not verify who that is. Let it ask for scram-sha-256, or use VerifyFull.`,
  ),
  ERR_TLS_CERT_ALTNAME_INVALID: advice(
    'CertificateForAnotherHost',
    ({ host }) =>
      `The certificate of the database is not for ${host}. Use a name in spec.host that is in the certificate, or get one for this name.`,
  ),
  CERT_HAS_EXPIRED: advice('CertificateExpired', ({ host }) => `The certificate of ${host} has expired. Renew it on the server.`),
  CERT_NOT_YET_VALID: advice('CertificateNotYetValid', ({ host }) => `The certificate of ${host} is not valid yet. Check both clocks.`),
  '28P01': password,
  '28000': advice(
    'LoginRefused',
    ({ database }) =>
      `The database lets this role not log in to ${database} from the operator's address. Add a line to pg_hba.conf, or give the role LOGIN.`,
  ),
  '3D000': advice(
    'DatabaseNotFound',
    ({ database, host }) => `There is no database ${database} on ${host}. Correct spec.database, or create it.`,
  ),
  '42501': advice('ConnectNotGranted', ({ database }) => `The role may not connect to ${database}: GRANT CONNECT ON DATABASE to it.`),
  '53300': advice('TooManyConnections', () => "The database has no connection left. Raise max_connections or the role's CONNECTION LIMIT."),
  '57P03': advice('NotAcceptingConnections', () => 'The database is starting, stopping or recovering. It is asked again.'),
};

/** OpenSSL's X.509 verification codes, as Node names them. */
const UNTRUSTED = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|CRL_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

const adviceFor = (code: string): Advice => {
  const known = Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
  if (known !== undefined) return known;
  if (UNTRUSTED.test(code)) return untrusted;
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO)/.test(code)) {
    return advice(
      'TlsFailed',
      ({ host }) => `The TLS handshake with ${host} failed (${code}). Check its TLS settings; TLS 1.2 is the least.`,
    );
  }
  return advice('Failed', (spec) => `${where(spec)} could not be used${code === '' ? '' : ` (${code})`}. Check the server's log.`);
};

/** One line of limited length, whatever the server sends. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 300);

/** The condition. `said` holds no secret: who tells it has seen to that. */
export const reachable = (outcome: ReachOutcome, spec: Spec): Finding<'Reachable'> => {
  if (outcome.type === 'Reached') {
    const encrypted = {
      VerifyFull: 'verified TLS',
      VerifyCA: 'TLS with a verified authority',
      Require: 'unverified TLS',
      Disable: 'no TLS',
    };
    return {
      type: 'Reachable',
      status: 'True',
      reason: 'LoggedIn',
      message: `PostgreSQL ${outcome.serverVersion} takes the credentials, over ${encrypted[spec.tls.mode]}.`,
    };
  }
  const { reason, say } = adviceFor(outcome.code);
  const said = outcome.said === undefined ? '' : ` The server says: ${printable(outcome.said)}`;
  return { type: 'Reachable', status: 'False', reason, message: `${say(spec)}${said}` };
};
