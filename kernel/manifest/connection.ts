/**
 * A DatabaseConnection as the proxy connects with it.
 */
import type { Connection } from '../policy.ts';
import type { DatabaseConnection } from '../generated/database-connection.ts';
import type { FieldPath } from './field-path.ts';
import { type Building, type Resource, faulty } from './resource.ts';
import { type SecretReference, secretPassword, secretText } from './secret-value.ts';

const authorities = (building: Building, reference: SecretReference, path: FieldPath): string | undefined => {
  const pem = secretText(building, reference, path);
  if (pem === undefined || /-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(pem)) return pem;
  return faulty(
    building,
    [...path, 'key'],
    `key "${reference.key}" of Secret "${building.namespace}/${reference.name}" holds no certificate`,
    'Store the certificate authorities as PEM (-----BEGIN CERTIFICATE-----).',
  );
};

/** Makes the connection; undefined, and what is wrong goes to `building`, where a Secret does not serve. */
export const connectionOf = (building: Building, { key, value }: Resource<DatabaseConnection>): Connection | undefined => {
  const { spec } = value;
  const { secretRef } = spec.credentials;
  const path = ['spec', 'credentials', 'secretRef'];
  const username = secretText(building, { name: secretRef.name, key: secretRef.usernameKey }, path, 'usernameKey');
  const password = secretPassword(building, { name: secretRef.name, key: secretRef.passwordKey }, path, 'passwordKey');
  const ca = spec.tls.caSecretRef && authorities(building, spec.tls.caSecretRef, ['spec', 'tls', 'caSecretRef']);
  if (username === undefined || password === undefined) return undefined;
  if (/[\r\n]/.test(username)) {
    return faulty(building, [...path, 'usernameKey'], 'the user name has a line break', 'Store it without (printf instead of echo).');
  }
  return {
    key,
    host: spec.host,
    port: spec.port,
    database: spec.database,
    tls: { mode: spec.tls.mode, ca },
    username,
    password,
    auditDurability: spec.audit.durability,
  };
};
