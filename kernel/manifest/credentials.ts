/**
 * What a connection's Secrets hold, where they come from elsewhere than from manifests.
 */
import type { DatabaseConnection } from '../generated/database-connection.ts';
import type { SecretBytes } from '../policy.ts';
import type { Resource } from './resource.ts';
import type { SecretStore } from './secret-store.ts';

export type ConnectionCredentials = {
  readonly username: SecretBytes;
  readonly password: SecretBytes;
  /** PEM of certificate authorities. */
  readonly ca: SecretBytes | undefined;
};

/** The Secrets that the connection names, as if they were there; no other connection sees them. */
export const credentialStore = ({ namespace, value }: Resource<DatabaseConnection>, credentials: ConnectionCredentials): SecretStore => {
  const { secretRef } = value.spec.credentials;
  const { caSecretRef } = value.spec.tls;
  const values = new Map<string, Map<string, SecretBytes>>();
  const put = (name: string, key: string, bytes: SecretBytes): void => {
    const id = `${namespace}/${name}`;
    values.set(id, (values.get(id) ?? new Map<string, SecretBytes>()).set(key, bytes));
  };
  if (caSecretRef !== undefined && credentials.ca !== undefined) put(caSecretRef.name, caSecretRef.key, credentials.ca);
  put(secretRef.name, secretRef.usernameKey, credentials.username);
  put(secretRef.name, secretRef.passwordKey, credentials.password);
  return { values, broken: new Set() };
};
