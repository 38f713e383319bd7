import { describe, expect, it } from 'vitest';
import { managedSecret } from './managed-secret.ts';
import { type NeedsInput, secretNeeds } from './secret-needs.ts';
import type { SourceCredentials } from './source-credentials.ts';
import type { Connection, TlsMode } from '../../kernel/policy.ts';

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

const shop = (mode: TlsMode) => ({
  metadata: { namespace: 'data', name: 'shop' },
  spec: { tls: { mode }, allowedNamespaces: { matchLabels: { team: 'reports' } } },
});

const input = (changes: Partial<NeedsInput> = {}): NeedsInput => ({
  namespace: 'agents',
  labels: { team: 'reports' },
  unguarded: false,
  allowUnverifiedServers: false,
  agents: [
    { key: 'agents/one', connections: ['data/shop'] },
    { key: 'agents/two', connections: ['data/shop'] },
  ],
  connection: () => shop('VerifyFull'),
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

  it('wants the Secret of an unverified server where that is allowed, and of one that verifies the authority alone', () => {
    for (const changes of [{ connection: () => shop('Disable'), allowUnverifiedServers: true }, { connection: () => shop('VerifyCA') }]) {
      expect(secretNeeds(input(changes)).wanted.map(({ name }) => name)).toEqual(['pg-airlock-data.shop']);
    }
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
      'ServerNotVerified',
      // Decided, whatever is known of its Secrets: what is there goes.
      { connection: () => shop('Require'), source: () => undefined },
      'No agent is given DatabaseConnection "data/shop": its spec.tls.mode Require verifies nothing, and root in an agent\'s pod can lead the sidecar ' +
        'to another host, by /etc/hosts, and so take over its session with the database. Use VerifyFull, and name the authority that signed the ' +
        "server's certificate in spec.tls.caSecretRef. Where every agent may have all that the connection's role may do, set the chart's value " +
        'connections.allowUnverifiedServers to true.',
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
