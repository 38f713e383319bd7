import { describe, expect, it } from 'vitest';
import { allowsNamespace, isManaged, isUnguarded, managedSecret, recordedSecrets, secretDocument, secretPatch } from './managed-secret.ts';
import type { Connection } from '../../kernel/policy.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const CONNECTION: Connection = {
  key: 'data/shop',
  host: 'db',
  port: 5432,
  database: 'shop',
  tls: { mode: 'VerifyFull', ca: 'PEM' },
  username: 'app',
  password: new TextEncoder().encode('s3cret'),
  auditDurability: 'Fsync',
};
const WANTED = managedSecret('agents', { namespace: 'data', name: 'shop' }, CONNECTION, 'CONTROL');
const FOUND = {
  metadata: {
    uid: 'u',
    resourceVersion: '7',
    labels: { 'app.kubernetes.io/managed-by': 'pg-airlock' },
    annotations: { 'pg-airlock.dev/secret-for': 'data/shop' },
  },
  data: WANTED.data,
};

describe('managedSecret()', () => {
  it('holds what the sidecar reads, and no other key', () => {
    expect(secretDocument(WANTED)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'pg-airlock-data.shop',
        namespace: 'agents',
        labels: { 'app.kubernetes.io/managed-by': 'pg-airlock' },
        annotations: { 'pg-airlock.dev/secret-for': 'data/shop' },
      },
      type: 'Opaque',
      data: { username: base64('app'), password: base64('s3cret'), 'ca.crt': base64('PEM'), 'control-ca.crt': base64('CONTROL') },
    });
  });

  it('has no authority where the connection names none', () => {
    const { data } = managedSecret(
      'agents',
      { namespace: 'data', name: 'shop' },
      { ...CONNECTION, tls: { mode: 'Require', ca: undefined } },
      'C',
    );
    expect(Object.keys(data)).toEqual(['username', 'password', 'control-ca.crt']);
  });
});

describe('secretPatch()', () => {
  it('leaves a Secret alone that is as it should be', () => {
    expect(secretPatch(FOUND, WANTED)).toBeUndefined();
  });

  it('changes what differs and takes out what is too much, of the very Secret that was seen', () => {
    const { 'ca.crt': _, ...rest } = WANTED.data;
    expect(secretPatch({ ...FOUND, data: { ...rest, password: base64('old'), extra: base64('x') } }, WANTED)).toEqual({
      metadata: { uid: 'u', resourceVersion: '7', annotations: { 'pg-airlock.dev/secret-for': 'data/shop' } },
      data: { password: base64('s3cret'), extra: null, 'ca.crt': base64('PEM') },
    });
  });
});

describe('isManaged()', () => {
  it.each([
    [true, FOUND.metadata],
    [false, { ...FOUND.metadata, labels: {} }],
    [false, { ...FOUND.metadata, labels: { 'app.kubernetes.io/managed-by': 'Helm' } }],
    [false, { ...FOUND.metadata, annotations: {} }],
  ])('is %s for %j', (expected, metadata) => {
    expect(isManaged({ metadata })).toBe(expected);
  });
});

describe('allowsNamespace()', () => {
  const allows = (namespace: string, allowedNamespaces?: object, labels = {}): boolean =>
    allowsNamespace(
      { metadata: { namespace: 'data' }, spec: allowedNamespaces === undefined ? {} : { allowedNamespaces } },
      namespace,
      labels,
    );
  it('lets the own namespace in, and others as it says', () => {
    expect(allows('data')).toBe(true);
    expect(allows('agents')).toBe(false);
    expect(allows('agents', {})).toBe(true);
    expect(allows('agents', { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } })).toBe(true);
    expect(allows('agents', { matchLabels: { team: 'a' } }, { team: 'a' })).toBe(true);
  });

  it('believes no label that poses as the name of a namespace', () => {
    const labels = { 'kubernetes.io/metadata.name': 'agents' };
    expect(allows('others', { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } }, labels)).toBe(false);
  });
});

describe('isUnguarded()', () => {
  it('is so where admission rules do not hold', () => {
    const config = { namespace: 'pg-airlock', excludedNamespaces: ['ci'] };
    expect(['pg-airlock', 'kube-system', 'ci', 'agents'].map((namespace) => isUnguarded(namespace, config))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('recordedSecrets()', () => {
  it('takes only names that the operator gives', () => {
    expect(recordedSecrets('pg-airlock-data.shop,default-token,pg-airlock-a.b')).toEqual(['pg-airlock-data.shop', 'pg-airlock-a.b']);
    expect(recordedSecrets('')).toEqual([]);
  });
});
