import { describe, expect, it } from 'vitest';
import type { Document } from '../control.ts';
import { parseDocuments } from './parse-documents.ts';
import { problemText } from './problem.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const connection = (name: string, spec: object = {}): Document => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseConnection',
  metadata: { name, namespace: 'data' },
  spec: { host: 'db.example.com', database: name, credentials: { secretRef: { name: 'db' } }, allowedNamespaces: {}, ...spec },
});

const policy = (name: string, spec: object = {}): Document => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseAccessPolicy',
  metadata: { name, namespace: 'agents' },
  spec: {
    connectionRef: { name: 'shop', namespace: 'data' },
    subjects: [
      { pod: { matchLabels: { app: 'reporter' } } },
      { serviceAccount: { name: 'reporter' } },
      { agent: { name: 'ann', passwordSecretRef: { name: 'nowhere' } } },
    ],
    ...spec,
  },
});

const credentials = { username: bytes('app'), password: bytes('s3cret'), ca: undefined };

describe('parseDocuments()', () => {
  it('takes every policy for the pod, whatever its subjects say', () => {
    const { bundle, problems, warnings } = parseDocuments([connection('shop'), policy('reading')], {
      agent: 'agents/reporter-1',
      credentials: new Map([['data/shop', credentials]]),
    });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([]);
    expect(bundle?.policies.map(({ key, agents }) => [key, agents])).toEqual([
      ['agents/reading', [{ agent: 'agents/reporter-1', password: undefined }]],
    ]);
    expect([...(bundle?.connections.values() ?? [])]).toEqual([
      {
        key: 'data/shop',
        host: 'db.example.com',
        port: 5432,
        database: 'shop',
        tls: { mode: 'VerifyFull', ca: undefined },
        username: 'app',
        password: bytes('s3cret'),
        auditDurability: 'Fsync',
      },
    ]);
  });

  it('gives each connection the credentials of its own, though they name the same Secret', () => {
    const ca = '-----BEGIN CERTIFICATE-----';
    const { bundle } = parseDocuments([connection('shop', { tls: { caSecretRef: { name: 'db' } } }), connection('crm')], {
      agent: 'agents/reporter-1',
      credentials: new Map([
        ['data/shop', { ...credentials, ca: bytes(ca) }],
        ['data/crm', { ...credentials, username: bytes('crm') }],
      ]),
    });
    expect([...(bundle?.connections.values() ?? [])].map(({ key, username, tls }) => [key, username, tls.ca])).toEqual([
      ['data/crm', 'crm', undefined],
      ['data/shop', 'app', ca],
    ]);
  });

  it('leaves out what the pod has no credentials for', () => {
    const elsewhere = policy('elsewhere', { connectionRef: { name: 'crm', namespace: 'data' } });
    const { bundle, problems } = parseDocuments([connection('shop'), connection('crm'), policy('reading'), elsewhere], {
      agent: 'agents/reporter-1',
      credentials: new Map([['data/shop', credentials]]),
    });
    expect(problems).toEqual([]);
    expect([...(bundle?.connections.keys() ?? [])]).toEqual(['data/shop']);
    expect(bundle?.policies.map(({ key }) => key)).toEqual(['agents/reading']);
  });

  it('names the object that is wrong, and changes nothing of it', () => {
    const wrong = policy('reading', { mode: 'Enfore' });
    const before = structuredClone(wrong);
    const { bundle, problems } = parseDocuments([connection('shop'), wrong], {
      agent: 'agents/reporter-1',
      credentials: new Map([['data/shop', credentials]]),
    });
    expect(bundle).toBeUndefined();
    expect(problems.map(problemText)).toEqual([
      'DatabaseAccessPolicy agents/reading: spec.mode: "Enfore" is not one of Enforce, Audit. Did you mean "Enforce"?',
    ]);
    expect(wrong).toEqual(before);
  });

  it('does not take a policy whose connection does not allow its namespace', () => {
    const { problems } = parseDocuments([connection('shop', { allowedNamespaces: { matchLabels: { team: 'a' } } }), policy('reading')], {
      agent: 'agents/reporter-1',
      credentials: new Map([['data/shop', credentials]]),
    });
    expect(problems.map(({ message }) => message)).toEqual([
      'DatabaseConnection "data/shop" does not allow policies of namespace "agents"',
    ]);
  });
});
