/**
 * The copy of a connection's credentials in a namespace of agents: what is in it, and when there is one.
 */
import {
  AGENT_LABEL,
  GROUP,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NAMESPACE_NAME_LABEL,
  RESERVED_PREFIX,
  SECRET_KEYS,
} from '../../kernel/cluster-names.ts';
import type { DatabaseConnection } from '../../kernel/generated/database-connection.ts';
import { selects } from '../../kernel/manifest/label-selector.ts';
import type { Connection } from '../../kernel/policy.ts';
import { managedSecretName } from './managed-names.ts';

/** On a managed Secret: the connection that it is for, as `namespace/name`. */
const SECRET_CONNECTION_ANNOTATION = `${GROUP}/secret-for`;

export type ConnectionKey = { readonly namespace: string; readonly name: string };

/** Whether a connection may be used in a namespace: its own word. */
export const allowsNamespace = (
  connection: { readonly metadata: { readonly namespace?: string }; readonly spec: Pick<DatabaseConnection['spec'], 'allowedNamespaces'> },
  namespace: string,
  labels: Readonly<Record<string, string>>,
): boolean => {
  if (connection.metadata.namespace === namespace) return true;
  const { allowedNamespaces } = connection.spec;
  return allowedNamespaces !== undefined && selects(allowedNamespaces, { ...labels, [NAMESPACE_NAME_LABEL]: namespace });
};

/** The Secret as it should be; `data` in base64. */
export type ManagedSecret = {
  readonly name: string;
  readonly namespace: string;
  readonly connection: string;
  readonly data: Readonly<Record<string, string>>;
};

const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64');

/** `controlCa`: the authority that sidecars verify the operator by, PEM. */
export const managedSecret = (namespace: string, key: ConnectionKey, connection: Connection, controlCa: string): ManagedSecret => ({
  name: managedSecretName(key),
  namespace,
  connection: `${key.namespace}/${key.name}`,
  data: {
    [SECRET_KEYS.username]: base64(connection.username),
    [SECRET_KEYS.password]: base64(connection.password ?? ''),
    ...(connection.tls.ca === undefined ? {} : { [SECRET_KEYS.caCertificate]: base64(connection.tls.ca) }),
    [SECRET_KEYS.controlCa]: base64(controlCa),
  },
});

/** A Secret as the API server has it. */
export type FoundSecret = {
  readonly metadata: {
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
};

/** Made by the operator: nothing else is overwritten or deleted. */
export const isManaged = ({ metadata }: FoundSecret): boolean =>
  metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY && metadata.annotations?.[SECRET_CONNECTION_ANNOTATION] !== undefined;

/** The Secret as a whole, for creation. */
export const secretDocument = ({ name, namespace, connection, data }: ManagedSecret): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name,
    namespace,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: { [SECRET_CONNECTION_ANNOTATION]: connection },
  },
  type: 'Opaque',
  data,
});

/** A merge patch that makes one of ours as it should be; undefined: it is. Keys that are not ours go. */
export const secretPatch = (found: FoundSecret, wanted: ManagedSecret): object | undefined => {
  const before = found.data ?? {};
  const keys = new Set([...Object.keys(before), ...Object.keys(wanted.data)]);
  const changed = [...keys].filter((key) => before[key] !== wanted.data[key]);
  const isAnnotated = found.metadata.annotations?.[SECRET_CONNECTION_ANNOTATION] === wanted.connection;
  if (changed.length === 0 && isAnnotated) return undefined;
  return {
    // It was looked at: whoever has changed or made it anew since makes this patch fail.
    metadata: {
      uid: found.metadata.uid,
      resourceVersion: found.metadata.resourceVersion,
      annotations: { [SECRET_CONNECTION_ANNOTATION]: wanted.connection },
    },
    data: Object.fromEntries(changed.map((key) => [key, wanted.data[key] ?? null])),
  };
};

/** Names that were written down; only such as the operator gives. */
export const recordedSecrets = (text: string): readonly string[] => text.split(',').filter((name) => name.startsWith(RESERVED_PREFIX));

/** Namespaces in which no Secret is ever put: the admission rules that guard it do not hold there. */
export const isUnguarded = (
  namespace: string,
  { namespace: own, excludedNamespaces = [] }: { readonly namespace: string; readonly excludedNamespaces?: readonly string[] },
): boolean => namespace === own || namespace === 'kube-system' || excludedNamespaces.includes(namespace);

/** A pod that needs its connections' credentials. */
export const isLiveAgent = (pod: {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly phase?: string };
}): boolean => pod.metadata.labels?.[AGENT_LABEL] === 'true' && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
