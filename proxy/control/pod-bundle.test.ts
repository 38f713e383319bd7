import { describe, expect, it } from 'vitest';
import type { BundleMessage, Document } from '../../kernel/control.ts';
import { problemText } from '../../kernel/manifest/problem.ts';
import type { Credentials } from './credential-files.ts';
import { PodBundle } from './pod-bundle.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const credentials = (password = 'one'): Credentials =>
  new Map([['data/shop', { username: bytes('app'), password: bytes(password), ca: undefined }]]);

const connection: Document = {
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseConnection',
  metadata: { name: 'shop', namespace: 'data' },
  spec: { host: 'db', database: 'shop', credentials: { secretRef: { name: 'db' } }, allowedNamespaces: {} },
};
const policy = (spec: object = {}): Document => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseAccessPolicy',
  metadata: { name: 'reading', namespace: 'agents' },
  spec: { connectionRef: { name: 'shop', namespace: 'data' }, subjects: [{ pod: {} }], ...spec },
});
const message = (revision: string, documents: readonly Document[], uid = 'u1'): BundleMessage => ({
  type: 'bundle',
  revision,
  identity: { namespace: 'agents', pod: 'reporter', uid, serviceAccount: 'default' },
  staleAfter: 300,
  documents,
});

const follow = () => {
  const told: string[] = [];
  const pod = new PodBundle({
    onBundle: (bundle, ended) =>
      told.push(`${bundle.policies.map(({ key }) => key).join() || 'nothing'} ${ended?.fields.code ?? ''}`.trim()),
    onProblems: (problems) => told.push(...problems.map(problemText)),
  });
  const refusal = () => [pod.refusal?.fields.sqlstate, pod.refusal?.fields.detail];
  return { pod, told, refusal };
};

describe('PodBundle', () => {
  it('lets nobody in before there are credentials and a bundle', () => {
    const { pod, told, refusal } = follow();
    expect(refusal()).toEqual(['57P03', 'The credentials of the database are not mounted yet.']);
    pod.take(message('r1', [connection, policy()]));
    expect([told, pod.began]).toEqual([[], false]);
    pod.useCredentials(credentials());
    expect([told, pod.began, pod.revision, refusal()]).toEqual([['agents/reading'], true, 'r1', [undefined, undefined]]);
  });

  it('keeps the last good bundle when one cannot be used', () => {
    const { pod, told, refusal } = follow();
    pod.useCredentials(credentials());
    pod.take(message('r1', [connection, policy()]));
    pod.take(message('r2', [connection, policy({ mode: 'Enfore' })]));
    expect(told).toEqual([
      'agents/reading',
      'DatabaseAccessPolicy agents/reading: spec.mode: "Enfore" is not one of Enforce, Audit. Did you mean "Enforce"?',
    ]);
    expect([pod.revision, pod.current.policies.length, pod.problems.length, refusal()]).toEqual(['r1', 1, 1, [undefined, undefined]]);
    pod.take(message('r3', [connection, policy()]));
    expect([pod.revision, pod.problems]).toEqual(['r3', []]);
  });

  it('serves nothing that the operator replaced for longer than a bundle may be stale', async () => {
    const { pod, refusal } = follow();
    pod.useCredentials(credentials());
    pod.take(message('r1', [connection, policy()]));
    pod.take({ ...message('r2', [connection, policy({ mode: 'Enfore' })]), staleAfter: 0.01 });
    expect(pod.revision).toBe('r1');
    await expect.poll(() => pod.current.policies).toEqual([]);
    expect(refusal()).toEqual(['42501', 'What the operator sends cannot be used, for 0.01 s now; the log of pg-airlock says why.']);
    pod.useCredentials(credentials('two'));
    expect([pod.current.policies, pod.revision]).toEqual([[], null]);
    pod.take(message('r3', [connection, policy()]));
    expect([pod.revision, refusal()]).toEqual(['r3', [undefined, undefined]]);
  });

  it('says nothing twice', () => {
    const { pod, told } = follow();
    pod.useCredentials(credentials());
    pod.take(message('r1', [connection, policy()]));
    pod.take(message('r1', [connection, policy()]));
    pod.useCredentials(credentials());
    expect(told).toEqual(['agents/reading']);
    pod.useCredentials(credentials('two'));
    expect(told).toEqual(['agents/reading', 'agents/reading']);
  });

  it('has nothing in force once the operator is lost, until there is a new bundle', () => {
    const { pod, told, refusal } = follow();
    pod.useCredentials(credentials());
    pod.take(message('r1', [connection, policy()]));
    pod.expire(300);
    pod.expire(300);
    expect(refusal()[0]).toBe('57P03');
    pod.useCredentials(credentials('two'));
    pod.take(message('r2', [connection, policy({ mode: 'Enfore' })]));
    expect([pod.current.policies, pod.revision, refusal()[0]]).toEqual([[], null, '57P03']);
    pod.take(message('r1', [connection, policy()]));
    expect(refusal()).toEqual([undefined, undefined]);
    expect(told.filter((line) => !line.startsWith('Database'))).toEqual(['agents/reading', 'nothing operator-lost', 'agents/reading']);
  });

  it('has nothing in force once access is revoked, and tells why', () => {
    const { pod, told, refusal } = follow();
    pod.useCredentials(credentials());
    pod.take(message('r1', [connection, policy()]));
    pod.revoke('The label is gone.');
    pod.revoke('The label is gone.');
    expect([told, refusal()]).toEqual([
      ['agents/reading', 'nothing session-revoked'],
      ['42501', 'The label is gone.'],
    ]);
    pod.take(message('r1', [connection, policy()]));
    expect([told.at(-1), refusal()]).toEqual(['agents/reading', [undefined, undefined]]);
  });

  it('refuses what is for another pod', () => {
    const { pod, told } = follow();
    pod.useCredentials(credentials());
    pod.take(message('r1', [connection, policy()]));
    pod.take(message('r2', [connection], 'u2'));
    expect(told.at(-1)).toBe('bundle: it is for another pod. A pod keeps its identity while it lives.');
    expect([pod.revision, pod.current.policies.length]).toEqual(['r1', 1]);
  });
});
