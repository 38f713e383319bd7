import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatorCluster, ready, type Replica, startOperatorCluster, until } from '../operator/operator-cluster.ts';

const ROOT = join(import.meta.dirname, '../..');
const TOLERANT = 120_000;

let folder = '';
let program = '';
let cluster: OperatorCluster;
let replica: Replica;

beforeAll(async () => {
  // Far from the repository's node_modules: the bundle has to have all that it needs.
  folder = await mkdtemp(join(tmpdir(), 'pg-airlock-operator-bundle-'));
  program = join(folder, 'pg-airlock-operator.cjs');
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts'), folder], { stdio: 'pipe' });
  await rm(join(folder, 'node_modules'), { recursive: true });
  cluster = await startOperatorCluster();
  replica = await cluster.startReplica('bundle', program);
  await ready(replica);
}, TOLERANT);
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the operator’s bundle', () => {
  it('leads, injects, judges and writes status, and ends when it is told to', { timeout: TOLERANT }, async () => {
    await until(async () => (await replica.metric('pg_airlock_operator_leader')) === 1);
    const connection = {
      apiVersion: 'pg-airlock.dev/v1alpha1',
      kind: 'DatabaseConnection',
      metadata: { name: 'shop', namespace: 'data' },
      spec: { host: 'db.example', database: 'shop', credentials: { secretRef: { name: 'shop' } } },
    };
    await cluster.plane.apply([connection]);
    const pod = {
      metadata: { name: 'one', labels: { 'pg-airlock.dev/agent': 'true' }, annotations: { 'pg-airlock.dev/connection': 'data/shop' } },
      spec: { serviceAccountName: 'agent', containers: [{ name: 'agent', image: 'agent' }] },
    };
    const { status, body } = await cluster.plane.request('POST', '/api/v1/namespaces/agents/pods', pod);
    expect({ status, body }).toMatchObject({ status: 201, body: { spec: { initContainers: [{ name: 'pg-airlock' }] } } });
    const refused = await cluster.plane.request('POST', '/apis/pg-airlock.dev/v1alpha1/namespaces/data/databaseaccesspolicies', {
      apiVersion: 'pg-airlock.dev/v1alpha1',
      kind: 'DatabaseAccessPolicy',
      metadata: { name: 'twice' },
      spec: {
        connectionRef: { name: 'shop' },
        subjects: [{ agent: { name: 'a' } }],
        relations: [
          { name: 'public.t', where: 'id = = 1', select: { columns: ['id'] } },
          { name: 'public.t', select: { columns: ['id'] } },
        ],
      },
    });
    expect(refused.status).toBe(422);
    await until(async () => {
      const { body: read } = await cluster.plane.request('GET', '/apis/pg-airlock.dev/v1alpha1/namespaces/data/databaseconnections/shop');
      const { status: said } = read as { readonly status?: { readonly conditions?: readonly { readonly reason: string }[] } };
      return said?.conditions?.some(({ reason }) => reason === 'SecretNotFound') === true;
    });
    expect(await replica.kill('SIGTERM')).toBe(0);
  });

  it('says what it lacks', () => {
    const { status, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('pg-airlock-operator: --config FILE is missing') });
  });

  it('has the licence of every package that is in it', async () => {
    const licences = await readFile(join(folder, 'THIRD-PARTY-LICENSES'), 'utf8');
    const names = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+ \(/gm)].map(([, name]) => name);
    expect(names).toEqual(expect.arrayContaining(['@kubernetes/client-node', '@peculiar/x509', 'pg', 'undici']));
  });
});
