import { describe, expect, it } from 'vitest';
import type { ConnectionObject, PolicyObject } from '../world.ts';
import {
  allows,
  bundleLine,
  bundlePart,
  connectionDocument,
  joinParts,
  maskKeys,
  namespaceDocument,
  policyDocument,
  policyProblems,
  restricts,
  secretDocument,
} from './bundle.ts';

const connection = (spec: object = {}): ConnectionObject =>
  ({
    apiVersion: 'pg-airlock.dev/v1alpha1',
    kind: 'DatabaseConnection',
    metadata: { name: 'shop', namespace: 'data', uid: 'u', resourceVersion: '7', annotations: { a: 'b' }, managedFields: [{}] },
    spec: { host: 'db', port: 5432, database: 'shop', credentials: { secretRef: { name: 'db' } }, ...spec },
    status: { conditions: [] },
  }) as unknown as ConnectionObject;

const policy = (spec: object = {}, name = 'reading'): PolicyObject =>
  ({
    metadata: { name, namespace: 'agents', resourceVersion: '8', generation: 2 },
    spec: { connectionRef: { name: 'shop', namespace: 'data' }, subjects: [{ pod: {} }], mode: 'Enforce', notices: 'Forward', ...spec },
    status: { pods: 3 },
  }) as unknown as PolicyObject;

const masked = (name: string, key = 'key') => ({
  name: 'public.customers',
  select: { columns: ['id'], masks: [{ column: 'ssn', mask: { type: 'Hash', hash: { keySecretRef: { name, key } } } }] },
});

describe('what is sent of an object', () => {
  it('has neither status nor anything that changes by itself', () => {
    expect(connectionDocument(connection())).toEqual({
      apiVersion: 'pg-airlock.dev/v1alpha1',
      kind: 'DatabaseConnection',
      metadata: { name: 'shop', namespace: 'data' },
      spec: { host: 'db', port: 5432, database: 'shop', credentials: { secretRef: { name: 'db' } } },
    });
    expect(Object.keys(policyDocument(policy()))).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(namespaceDocument('agents', { metadata: { name: 'agents', labels: { team: 'a' }, uid: 'u' } })).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'agents', labels: { team: 'a', 'kubernetes.io/metadata.name': 'agents' } },
    });
  });

  it('has of a Secret only the keys that a mask names', () => {
    expect(secretDocument('agents/keys', { key: 'YQ==', other: 'Yg==' }, ['key', 'missing'])).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'agents', name: 'keys' },
      data: { key: 'YQ==' },
    });
    expect([...maskKeys(policy({ relations: [masked('keys'), masked('keys', 'k2'), masked('more')] }).spec)]).toEqual([
      ['keys', ['key', 'k2']],
      ['more', ['key']],
    ]);
  });
});

describe('allows()', () => {
  const agents = namespaceDocument('agents', { metadata: { name: 'agents', labels: { team: 'a' } } });

  it.each([
    ['no other namespace unless it says so', {}, false],
    ['every namespace by an empty selector', { allowedNamespaces: {} }, true],
    ['a namespace by its labels', { allowedNamespaces: { matchLabels: { team: 'a' } } }, true],
    ['a namespace by its name', { allowedNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } } }, true],
    ['no namespace with other labels', { allowedNamespaces: { matchLabels: { team: 'b' } } }, false],
  ])('%s', (_, spec, allowed) => {
    expect(allows(connection(spec), agents)).toBe(allowed);
  });

  it('its own namespace always', () => {
    expect(allows(connection(), namespaceDocument('data', undefined))).toBe(true);
  });

  it('no namespace that calls itself another by a label', () => {
    const forged = namespaceDocument('evil', { metadata: { name: 'evil', labels: { 'kubernetes.io/metadata.name': 'agents' } } });
    expect(allows(connection({ allowedNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } } }), forged)).toBe(false);
  });
});

describe('policyProblems()', () => {
  const around = [namespaceDocument('agents', undefined), connectionDocument(connection({ allowedNamespaces: {} }))];

  it('finds none in what a sidecar can read, wherever its credentials come from', () => {
    expect(policyProblems(policy(), around)).toEqual([]);
    const tls = connectionDocument(connection({ allowedNamespaces: {}, tls: { mode: 'VerifyFull', caSecretRef: { name: 'ca' } } }));
    expect(policyProblems(policy(), [namespaceDocument('agents', undefined), tls])).toEqual([]);
  });

  it('says what a sidecar would refuse', () => {
    expect(policyProblems(policy({ relations: [masked('keys')] }), around)).toEqual([
      'DatabaseAccessPolicy agents/reading: spec.relations[0].select.masks[0].mask.hash.keySecretRef.name: Secret "agents/keys" does not exist. Add a Secret of this name to the namespace "agents".',
    ]);
  });
});

describe('restricts()', () => {
  const reading = policy({ relations: [{ name: 'public.customers', select: { columns: ['*'] } }] });

  it.each([
    ['a policy that only adds to the others', { relations: [{ name: 'public.orders', select: { columns: ['*'] } }] }, false],
    ['one that opens definitions', { rules: [{ name: 'r', match: {}, action: 'Allow' }] }, false],
    ['one that denies', { rules: [{ name: 'r', match: {}, action: 'Deny' }] }, true],
    ['one with limits', { limits: { sessions: 1 } }, true],
    ['one that withholds notices', { notices: 'Withhold' }, true],
    ['one that contradicts another', { relations: [{ name: '"public"."Customers"', select: { columns: ['id'] } }] }, true],
  ])('%s', (_, spec, restricting) => {
    expect(restricts(policy(spec, 'other'), [reading])).toBe(restricting);
  });

  it('one that enforces, where others only record', () => {
    expect(restricts(policy({}, 'other'), [policy({ mode: 'Audit' })])).toBe(true);
    expect(restricts(policy({ mode: 'Audit' }, 'other'), [policy()])).toBe(false);
  });
});

describe('bundleLine()', () => {
  const identity = { namespace: 'agents', pod: 'reporter', uid: 'u1', serviceAccount: 'default' };
  const parts = joinParts([bundlePart(namespaceDocument('agents', undefined)), bundlePart(policyDocument(policy()))]);

  it('is one line of JSON with everything in it', () => {
    const { revision, line } = bundleLine(identity, 300, parts);
    expect(line.endsWith('}\n')).toBe(true);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({
      type: 'bundle',
      revision,
      identity,
      staleAfter: 300,
      documents: [namespaceDocument('agents', undefined), policyDocument(policy())],
    });
  });

  it('has the same revision for the same content, and another for any other', () => {
    const { revision } = bundleLine(identity, 300, parts);
    expect(bundleLine({ ...identity }, 300, joinParts([parts])).revision).not.toBe(revision);
    expect(bundleLine(identity, 300, parts).revision).toBe(revision);
    expect(bundleLine(identity, 301, parts).revision).not.toBe(revision);
    expect(bundleLine({ ...identity, uid: 'u2' }, 300, parts).revision).not.toBe(revision);
  });
});
