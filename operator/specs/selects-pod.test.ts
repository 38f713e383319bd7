import { describe, expect, it } from 'vitest';
import { selectsPod } from './selects-pod.ts';
import type { DatabaseAccessPolicy } from '../../kernel/generated/database-access-policy.ts';

type Subject = DatabaseAccessPolicy['spec']['subjects'][number];

const POD = { metadata: { labels: { app: 'reports', tier: 'agents' } }, spec: { serviceAccountName: 'reader' } };
const matches = (...subjects: readonly Subject[]): boolean => selectsPod({ subjects: [...subjects] } as DatabaseAccessPolicy['spec'], POD);

describe('selectsPod()', () => {
  it.each<[boolean, Subject]>([
    [true, { pod: { matchLabels: { app: 'reports' } } }],
    [true, { pod: {} }],
    [false, { pod: { matchLabels: { app: 'billing' } } }],
    [true, { serviceAccount: { name: 'reader' } }],
    [false, { serviceAccount: { name: 'default' } }],
    [true, { pod: { matchLabels: { tier: 'agents' } }, serviceAccount: { name: 'reader' } }],
    [false, { pod: { matchLabels: { tier: 'agents' } }, serviceAccount: { name: 'writer' } }],
    [false, { agent: { name: 'reader' } }],
    [false, { agent: { name: 'reader' }, pod: {} }],
    [false, { token: { issuer: 'https://issuer', claims: { sub: 'x' } }, serviceAccount: { name: 'reader' } }],
    [false, {}],
  ])('is %s for %j', (expected, subject) => {
    expect(matches(subject)).toBe(expected);
  });

  it('takes any subject of several', () => {
    expect(matches({ agent: { name: 'a' } }, { pod: {} })).toBe(true);
  });

  it('knows the service account of a pod that names none', () => {
    const spec = { subjects: [{ serviceAccount: { name: 'default' } }] } as unknown as DatabaseAccessPolicy['spec'];
    expect(selectsPod(spec, { metadata: {}, spec: {} })).toBe(true);
  });
});
