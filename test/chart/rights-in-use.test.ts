/** The operator at work with the rights that the chart gives it, and none besides: nothing that it asks for is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatorCluster, type Replica, ready, startOperatorCluster, until } from '../operator/operator-cluster.ts';

const PLACE = { connection: { name: 'shop', namespace: 'data' }, policy: { name: 'reporting', namespace: 'agents' } } as const;
const GROUP = '/apis/pg-airlock.dev/v1alpha1/namespaces';

type Conditioned = { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } };

describe('the operator with the rights of the chart', { timeout: 120_000 }, () => {
  let cluster: OperatorCluster;
  let replica: Replica;
  beforeAll(async () => {
    cluster = await startOperatorCluster();
    replica = await cluster.startReplica('operator-1');
    await ready(replica);
  }, 120_000);
  afterAll(() => cluster?.stop());

  const found = async <T>(path: string): Promise<T | undefined> => {
    const { status, body } = await cluster.plane.request('GET', path);
    return status === 200 ? (body as T) : undefined;
  };
  const conditions = async (path: string): Promise<readonly string[]> =>
    (await found<Conditioned>(path))?.status?.conditions?.map(({ type }) => type) ?? [];

  it('judges a connection and a policy, and brings credentials to an agent and takes them away', async () => {
    await cluster.plane.apply([
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shop', namespace: 'data' }, stringData: { username: 'u', password: 'p' } },
      {
        apiVersion: 'pg-airlock.dev/v1alpha1',
        kind: 'DatabaseConnection',
        metadata: PLACE.connection,
        spec: {
          // Nobody listens there: the operator tells so, and goes on.
          host: '127.0.0.1',
          port: 9,
          database: 'shop',
          credentials: { secretRef: { name: 'shop' } },
          allowedNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } },
        },
      },
      {
        apiVersion: 'pg-airlock.dev/v1alpha1',
        kind: 'DatabaseAccessPolicy',
        metadata: PLACE.policy,
        spec: { connectionRef: PLACE.connection, subjects: [{ pod: { matchLabels: { app: 'reporting' } } }] },
      },
    ]);
    const pods = '/api/v1/namespaces/agents/pods';
    const labels = { app: 'reporting', 'pg-airlock.dev/agent': 'true' };
    const metadata = { name: 'reporting', labels, annotations: { 'pg-airlock.dev/connection': 'data/shop' } };
    const spec = { serviceAccountName: 'agent', containers: [{ name: 'agent', image: 'agent' }] };
    await until(async () => (await cluster.plane.request('POST', pods, { metadata, spec })).status === 201);

    const copy = '/api/v1/namespaces/agents/secrets/pg-airlock-data.shop';
    await until(async () => (await found(copy)) !== undefined);
    await until(async () => (await conditions(`${GROUP}/data/databaseconnections/shop`)).includes('CredentialsExposed'));
    await until(async () => (await conditions(`${GROUP}/agents/databaseaccesspolicies/reporting`)).includes('Ready'));
    const events = '/apis/events.k8s.io/v1/namespaces/data/events';
    await until(async () => ((await found<{ items: unknown[] }>(events))?.items.length ?? 0) > 0);

    await cluster.plane.kubectl(['delete', 'pod', 'reporting', '-n', 'agents', '--force', '--grace-period=0']);
    await until(async () => (await found(copy)) === undefined);
    expect((await found<{ metadata: { labels: object } }>('/api/v1/namespaces/agents'))?.metadata.labels).toHaveProperty([
      'pg-airlock.dev/managed',
    ]);
  });

  it('was refused nothing', () => {
    expect(replica.log.filter((line) => /forbidden/i.test(JSON.stringify(line)))).toEqual([]);
  });
});
