import { describe, expect, it } from 'vitest';
import { type SecretAnswer, sourceCredentials, sourceSecretNames } from './source-credentials.ts';
import type { DatabaseConnection } from '../../kernel/generated/database-connection.ts';

const SPEC: DatabaseConnection['spec'] = {
  host: 'db.example.com',
  port: 5432,
  database: 'shop',
  tls: { mode: 'VerifyFull', caSecretRef: { name: 'shop-ca', key: 'ca.crt' } },
  credentials: { secretRef: { name: 'shop-db', usernameKey: 'username', passwordKey: 'password' } },
  sessionRole: 'Shared',
  audit: { durability: 'Fsync' },
};
const CONNECTION = { metadata: { name: 'shop', namespace: 'data' }, spec: SPEC };
const PEM = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';

const found = (values: Readonly<Record<string, string>>): SecretAnswer => ({
  type: 'Found',
  values: new Map(Object.entries(values).map(([key, value]) => [key, new TextEncoder().encode(value)])),
});
const GOOD = { 'shop-db': found({ username: 'app', password: 's3cret' }), 'shop-ca': found({ 'ca.crt': PEM }) };
const judge = (answers: Readonly<Record<string, SecretAnswer>>) => sourceCredentials(CONNECTION, new Map(Object.entries(answers)));

describe('sourceCredentials()', () => {
  it('finds what is needed', () => {
    expect(sourceSecretNames(SPEC)).toEqual(['shop-db', 'shop-ca']);
    expect(judge(GOOD)).toEqual({
      finding: {
        type: 'CredentialsAvailable',
        status: 'True',
        reason: 'Complete',
        message: 'Secret "data/shop-db" and "data/shop-ca" holds what is needed.',
      },
      credentials: {
        type: 'Complete',
        connection: {
          key: 'data/shop',
          host: 'db.example.com',
          port: 5432,
          database: 'shop',
          tls: { mode: 'VerifyFull', ca: PEM },
          username: 'app',
          password: new TextEncoder().encode('s3cret'),
          auditDurability: 'Fsync',
        },
      },
    });
  });

  it.each<[string, Readonly<Record<string, SecretAnswer>>, readonly [string, string, string, string]]>([
    [
      'a Secret that is not there',
      { ...GOOD, 'shop-db': { type: 'Missing' } },
      ['False', 'SecretNotFound', 'Secret "data/shop-db" does not exist. Create it with "username" and "password".', 'Incomplete'],
    ],
    [
      'a key that is misspelt',
      { ...GOOD, 'shop-db': found({ user: 'app', pasword: 's3cret' }) },
      [
        'False',
        'SecretIncomplete',
        'spec.credentials.secretRef.usernameKey: Secret "data/shop-db" has no key "username". There are: pasword, user. spec.credentials.secretRef.passwordKey: Secret "data/shop-db" has no key "password". Did you mean "pasword"?',
        'Incomplete',
      ],
    ],
    [
      'an authority that is none',
      { ...GOOD, 'shop-ca': found({ 'ca.crt': 's3cret' }) },
      [
        'False',
        'SecretIncomplete',
        'spec.tls.caSecretRef.key: key "ca.crt" of Secret "data/shop-ca" holds no certificate. Store the certificate authorities as PEM (-----BEGIN CERTIFICATE-----).',
        'Incomplete',
      ],
    ],
    [
      'a right that is missing',
      { ...GOOD, 'shop-ca': { type: 'Forbidden' } },
      ['Unknown', 'Forbidden', 'The operator may not read Secret "data/shop-ca". Let its service account "get" Secrets there.', 'Unknown'],
    ],
    [
      'an API server that does not answer',
      { ...GOOD, 'shop-db': { type: 'Failed' } },
      ['Unknown', 'NotRead', 'Secret "data/shop-db" could not be read; it is asked for again.', 'Unknown'],
    ],
  ])('tells of %s', (_, answers, [status, reason, message, credentials]) => {
    const said = judge(answers);
    expect(said).toEqual({ finding: { type: 'CredentialsAvailable', status, reason, message }, credentials: { type: credentials } });
    expect(JSON.stringify(said)).not.toContain('s3cret');
  });

  it('takes a password that ends in a line break, and says that it does', () => {
    const { finding, credentials } = judge({ ...GOOD, 'shop-db': found({ username: 'app', password: 's3cret\n' }) });
    expect([finding.status, finding.reason, credentials.type]).toEqual(['True', 'CompleteWithWarning', 'Complete']);
    expect(finding.message).toContain('ends in a line break. The line break counts as part of the password');
  });
});
