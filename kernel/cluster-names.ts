/**
 * Names that operator, chart, admission policies and sidecar share. The admission policies of the chart repeat them: a test holds both together.
 */
export const GROUP = 'pg-airlock.dev';

/** apiVersion of our kinds. */
export const API_VERSION = `${GROUP}/v1alpha1`;

/** Label that Kubernetes gives every namespace: its name. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** Label of a pod that is an AI agent; its value is `true`. */
export const AGENT_LABEL = 'pg-airlock.dev/agent';

/**
 * Annotation of such a pod: the DatabaseConnections that it uses, as `name` or `namespace/name`, several divided by commas. The first is at
 * port 5432 of localhost, the next at 5433 and so on, unless an entry ends in `:PORT`.
 */
export const CONNECTION_ANNOTATION = 'pg-airlock.dev/connection';

/**
 * Label of a namespace with agents. The operator gives it, as `true`, before it puts a Secret there, and takes it away after the last; nobody else
 * may. With the value `always`, which whoever may write the namespace gives it, it stays.
 */
export const MANAGED_NAMESPACE_LABEL = 'pg-airlock.dev/managed';

/** Label of every object that the operator makes in a namespace of agents. Its value is `pg-airlock`. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'pg-airlock';

/** Name of the sidecar's container. Containers of this name, and volumes that begin with it, are reserved. */
export const SIDECAR_CONTAINER = 'pg-airlock';

/** What reserved volumes, and managed Secrets, begin with. */
export const RESERVED_PREFIX = 'pg-airlock-';

/** The projected volume with token, certificate authority and credentials, and where the sidecar has it. */
export const ACCESS_VOLUME = 'pg-airlock-access';
export const ACCESS_PATH = '/var/run/pg-airlock';

/** The sidecar's own disk space: its audit log. */
export const AUDIT_VOLUME = 'pg-airlock-audit';
export const AUDIT_PATH = '/var/lib/pg-airlock';

/** Within ACCESS_PATH. */
export const TOKEN_FILE = 'token';
export const CONTROL_CA_FILE = 'control-ca.crt';

/** Audience of the token that the sidecar shows to the operator, and to nobody else. */
export const TOKEN_AUDIENCE = 'pg-airlock.dev';

/** Seconds that such a token is valid; the kubelet renews it. */
export const TOKEN_SECONDS = 600;

/** Where the first connection of a pod listens. */
export const FIRST_PORT = 5432;

/** Where the sidecar answers /metrics, /startupz, /readyz and /healthz. */
export const SIDECAR_METRICS_PORT = 9632;

/** Keys of a managed Secret; `caCertificate` only where the connection names one. */
export const SECRET_KEYS = { username: 'username', password: 'password', caCertificate: 'ca.crt', controlCa: CONTROL_CA_FILE } as const;

/** The folder of a connection's files within ACCESS_PATH. Neither part has a slash, and a namespace has no dot. */
export const credentialFolder = (namespace: string, name: string): string => `connections/${namespace}.${name}`;
