import { describe, expect, it } from 'vitest';
import { managedSecret } from './managed-secret.ts';
import { type NeedsInput, secretNeeds } from './secret-needs.ts';
import type { SourceCredentials } from './source-credentials.ts';
import type { Connection } from '../../kernel/policy.ts';

const CONNECTION: Connection = {
  key: 'data/shop',
  host: 'db',
  port: 5432,
  database: 'shop',
  tls: { mode: 'VerifyFull', ca: undefined },
  username: 'app',
  password: new TextEncoder().encode('s3cret'),
  auditDurability: 'Fsync',
};
const FINDING = { type: 'CredentialsAvailable', status: 'True', reason: 'Complete', message: '' } as const;
const COMPLETE: SourceCredentials = { finding: FINDING, credentials: { type: 'Complete', connection: CONNECTION } };

const input = (changes: Partial<NeedsInput> = {}): NeedsInput => ({
  namespace: 'agents',
  labels: { team: 'reports' },
  unguarded: false,
  agents: [
    { key: 'agents/one', connections: ['data/shop'] },
    { key: 'agents/two', connections: ['data/shop'] },
  ],
  connection: () => ({ metadata: { namespace: 'data', name: 'shop' }, spec: { allowedNamespaces: { matchLabels: { team: 'reports' } } } }),
  source: () => COMPLETE,
  controlCa: 'CA',
  ...changes,
});

describe('secretNeeds()', () => {
  it('wants one Secret, however many agents need it', () => {
    expect(secretNeeds(input())).toEqual({
      wanted: [managedSecret('agents', { namespace: 'data', name: 'shop' }, CONNECTION, 'CA')],
      undecided: new Set(),
      refused: [],
    });
  });

  it('wants nothing without agents', () => {
    expect(secretNeeds(input({ agents: [] }))).toEqual({ wanted: [], undecided: new Set(), refused: [] });
  });

  it.each<[string, Partial<NeedsInput>]>([
    ['nobody has looked at the source', { source: () => undefined }],
    ['the source cannot be read', { source: () => ({ finding: FINDING, credentials: { type: 'Unknown' } }) }],
    ['the operator has no authority yet', { controlCa: '' }],
  ])('decides nothing while %s', (_, changes) => {
    expect(secretNeeds(input(changes))).toEqual({ wanted: [], undecided: new Set(['pg-airlock-data.shop']), refused: [] });
  });

  it.each<[string, Partial<NeedsInput>, string]>([
    [
      'NamespaceExcluded',
      { unguarded: true },
      'Agents get no credentials in namespace "agents", which is excluded from pg-airlock: run them in another one.',
    ],
    [
      'ConnectionNotFound',
      { connection: () => undefined },
      'There is no DatabaseConnection "data/shop": make it, or correct the annotation pg-airlock.dev/connection.',
    ],
    [
      'NamespaceNotAllowed',
      { labels: {} },
      'DatabaseConnection "data/shop" does not let namespace "agents" in: let its spec.allowedNamespaces select that namespace.',
    ],
    [
      'CredentialsNotAvailable',
      { source: () => ({ finding: FINDING, credentials: { type: 'Incomplete' } }) },
      'DatabaseConnection "data/shop" has no credentials: its condition CredentialsAvailable says what is missing.',
    ],
  ])('tells each agent of %s', (reason, changes, note) => {
    expect(secretNeeds(input(changes))).toEqual({
      wanted: [],
      undecided: new Set(),
      refused: ['agents/one', 'agents/two'].map((agent) => ({ agent, connection: 'data/shop', reason, note })),
    });
  });
});
