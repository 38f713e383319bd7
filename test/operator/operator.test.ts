import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOKEN_AUDIENCE } from '../../kernel/cluster-names.ts';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { openStream } from '../control/plain-sidecar.ts';
import { type OperatorCluster, ready, type Replica, spawnReplica, startOperatorCluster, until } from './operator-cluster.ts';

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/pg-airlock/leases/pg-airlock-operator';
const BINDING = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/pg-airlock-operator';
const TOLERANT = 120_000;

let cluster: OperatorCluster;
let first: Replica;
let second: Replica;

beforeAll(async () => {
  cluster = await startOperatorCluster();
  first = await cluster.startReplica('operator-1');
  await ready(first);
}, TOLERANT);
afterAll(() => cluster?.stop());

const agent = (name: string): object => ({
  metadata: { name, labels: { 'pg-airlock.dev/agent': 'true' }, annotations: { 'pg-airlock.dev/connection': 'data/shop' } },
  spec: { serviceAccountName: 'agent', containers: [{ name: 'agent', image: 'agent' }] },
});

/** The names of the init containers of a pod that is created; or why it is not. */
const createAgent = async (name: string): Promise<readonly string[] | string> => {
  const { status, body } = await cluster.plane.request('POST', '/api/v1/namespaces/agents/pods', agent(name));
  if (status !== 201) return (body as { readonly message: string }).message;
  const { spec } = body as { readonly spec: { readonly initContainers?: readonly { readonly name: string }[] } };
  return (spec.initContainers ?? []).map((container) => container.name);
};

/** Retries while the API server still has a broken connection to a replica that is gone. */
const injects = (name: string): Promise<void> => until(async () => (await createAgent(name))[0] === 'pg-airlock');

const connection = (name: string, mode: string): object => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseConnection',
  metadata: { name, namespace: 'data' },
  spec: {
    host: 'db.example',
    database: 'shop',
    credentials: { secretRef: { name: 'shop' } },
    tls: { mode },
    allowedNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } },
  },
});

const createConnection = async (name: string): Promise<void> => {
  await cluster.plane.apply([connection(name, 'VerifyFull')]);
};

const holder = async (): Promise<string | undefined> => {
  const { spec } = (await cluster.plane.request('GET', LEASE)).body as { readonly spec?: { readonly holderIdentity?: string } };
  return spec?.holderIdentity?.split('_', 1)[0];
};
const leads = async (replica: Replica): Promise<boolean> => (await replica.metric('pg_airlock_operator_leader')) === 1;
const objects = (replica: Replica, informer: string): Promise<number | undefined> =>
  replica.metric(`pg_airlock_operator_informer_objects{informer="${informer}"}`);
const messages = ({ log }: Replica): readonly unknown[] => log.map(({ msg }) => msg);

describe('the operator', { timeout: TOLERANT }, () => {
  it('says when it is ready, leads, and injects', async () => {
    expect(await first.ask('/healthz')).toEqual({ status: 200, body: 'ok\n' });
    expect((await first.ask('/readyz')).body.split('\n')).toEqual([
      'ready: running',
      'ready: pods: fresh',
      'ready: namespaces: fresh',
      'ready: databaseconnections: fresh',
      'ready: databaseaccesspolicies: fresh',
      'ready: certificate: loaded',
      'ready: webhook: listening',
      'ready: control plane: listening',
      '',
    ]);
    await until(() => leads(first));
    expect(await holder()).toBe('operator-1');
    await injects('one');
    await until(async () => (await objects(first, 'pods')) === 1);
    expect(await first.metric('pg_airlock_operator_webhook_requests_total{path="/mutate-pods",outcome="Patched"}')).toBe(1);
    expect(await first.metric('pg_airlock_operator_certificate_expiry_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000);
  });

  it.each(['Disable', 'Require'])('takes no connection of TLS mode %s, as the chart installs it', async (mode) => {
    const path = '/apis/pg-airlock.dev/v1alpha1/namespaces/data/databaseconnections';
    const { status, body } = await cluster.plane.request('POST', path, connection('unverified', mode));
    expect([status, (body as { readonly message: string }).message]).toEqual([
      422,
      expect.stringMatching(`spec.tls.mode: ${mode} verifies nothing, .* connections.allowUnverifiedServers to true$`),
    ]);
  });

  it('has one leader among two replicas', async () => {
    second = await cluster.startReplica('operator-2');
    await ready(second);
    expect(await holder()).toBe('operator-1');
    expect([await leads(first), await leads(second)]).toEqual([true, false]);
  });

  it('goes on when the API server was killed, and sees what it missed', async () => {
    await createConnection('before');
    await until(async () => (await objects(second, 'databaseconnections')) === 1);
    await cluster.plane.stopApiServer();
    await until(async () => (await second.ask('/readyz')).body.includes('could not reach the API server'));
    expect((await second.ask('/readyz')).status).toBe(200);
    await cluster.plane.startApiServer();
    await createConnection('after');
    for (const replica of [first, second]) await until(async () => (await objects(replica, 'databaseconnections')) === 2);
    await injects('two');
    await until(async () => (await leads(first)) || (await leads(second)));
  });

  it('goes on with the other replica when the leader is killed, and with both when that is back', async () => {
    const [leader, other] = (await leads(first)) ? [first, second] : [second, first];
    expect(await leader.kill('SIGKILL')).toBe('SIGKILL');
    await injects('three');
    await until(() => leads(other));
    expect(await holder()).toBe(other.name);
    first = await cluster.startReplica(leader.name);
    second = other;
    await ready(first);
    expect([await leads(first), await leads(second)]).toEqual([false, true]);
  });

  it('says which right it lost, and goes on when it has it again', async () => {
    const binding = (await cluster.plane.request('GET', BINDING)).body as KubeObject;
    await cluster.plane.request('DELETE', BINDING);
    // A watch that has begun goes on without the right; a restart ends it.
    await cluster.plane.stopApiServer();
    await cluster.plane.startApiServer();
    const forbidden = `pods is forbidden: User "system:serviceaccount:pg-airlock:pg-airlock-operator" cannot`;
    await until(async () => (await first.ask('/readyz')).body.includes(`ready: pods: cannot follow: ${forbidden}`));
    const told = first.log.filter(({ msg }) => msg === 'could not follow objects').map(({ err }) => (err as { message: string }).message);
    expect(told).toContainEqual(expect.stringContaining(forbidden));
    const { apiVersion, kind, metadata, ...rest } = binding;
    await cluster.plane.apply([{ apiVersion, kind, metadata: { name: metadata.name }, ...rest }]);
    for (const replica of [first, second]) await until(async () => (await replica.ask('/readyz')).body.includes('ready: pods: fresh'));
  });

  it('ends in order: not ready, the lease given away, exit code 0', async () => {
    await until(() => leads(second));
    const exit = second.kill('SIGTERM');
    await until(async () => (await second.ask('/readyz')).status === 503);
    expect((await second.ask('/readyz')).body).toContain('not ready: running: shutting down');
    await until(() => leads(first));
    await injects('four');
    expect(await exit).toBe(0);
    expect(messages(second)).toContain('shutting down');
    expect(messages(second).at(-1)).toBe('stopped');
    expect(await holder()).toBe(first.name);
  });

  it('logs no secret', async () => {
    const { body } = await cluster.plane.request('GET', '/api/v1/namespaces/pg-airlock/secrets/pg-airlock-certificates');
    const values = Object.values((body as { readonly data: Readonly<Record<string, string>> }).data);
    const text = JSON.stringify([first.log, second.log]);
    expect(values.length).toBeGreaterThan(1);
    for (const value of values) expect(text).not.toContain(value);
    expect(text).not.toMatch(/PRIVATE KEY|Bearer /);
  });
});

describe('the operator, for agents', { timeout: TOLERANT }, () => {
  it('brings a credential to the namespace of an agent, and says what it finds', async () => {
    const metadata = { name: 'shop', namespace: 'data' };
    await cluster.plane.apply([{ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { username: 'airlock', password: 'word' } }]);
    await createConnection('shop');
    await injects('five');
    const managed = '/api/v1/namespaces/agents/secrets/pg-airlock-data.shop';
    await until(async () => (await cluster.plane.request('GET', managed)).status === 200);
    const { data } = (await cluster.plane.request('GET', managed)).body as { readonly data: Readonly<Record<string, string>> };
    expect(Object.keys(data).sort()).toEqual(['control-ca.crt', 'password', 'username']);
    await until(
      async () => (await first.metric('pg_airlock_operator_ready{kind="DatabaseConnection",namespace="data",name="shop"}')) === 0,
    );
    const { stdout } = await cluster.plane.kubectl(['get', 'events', '-n', 'data', '-o', 'jsonpath={.items[*].involvedObject.name}']);
    expect(stdout.split(' ')).toContain('shop');
  });

  it('streams a bundle to the sidecar of a pod, and again when it was killed and is back', async () => {
    const { body } = await cluster.plane.request('GET', '/api/v1/namespaces/agents/pods/five');
    const { uid } = (body as KubeObject).metadata;
    const asked = { spec: { audiences: [TOKEN_AUDIENCE], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'five', uid } } };
    // As a kubelet asks.
    const as = { name: 'system:node:here', groups: ['system:nodes', 'system:masters'] };
    const issued = await cluster.plane.request('POST', '/api/v1/namespaces/agents/serviceaccounts/agent/token', asked, { as });
    const { token } = (issued.body as { readonly status: { readonly token: string } }).status;
    const secret = await cluster.plane.request('GET', '/api/v1/namespaces/agents/secrets/pg-airlock-data.shop');
    const { data } = secret.body as { readonly data: { readonly 'control-ca.crt': string } };
    const where = {
      url: `https://127.0.0.1:${cluster.ports.control}`,
      ca: Buffer.from(data['control-ca.crt'], 'base64').toString(),
      token,
    };
    const stream = await openStream(where);
    await until(() => stream.bundles().length > 0);
    expect(stream.bundles()[0]?.identity).toEqual({ namespace: 'agents', pod: 'five', uid, serviceAccount: 'agent' });
    expect(await first.metric('pg_airlock_operator_sidecars')).toBe(1);
    await first.kill('SIGKILL');
    await stream.ended;
    first = await cluster.startReplica(first.name);
    await ready(first);
    const again = await openStream(where);
    await until(() => again.bundles().length > 0);
    expect(again.bundles()[0]).toEqual(stream.bundles()[0]);
    again.close();
  });
});

describe('the operator, and an API server that is away when it starts', { timeout: TOLERANT }, () => {
  const begin = async (name: string): Promise<Replica> => {
    await cluster.plane.stopApiServer();
    const replica = await cluster.startReplica(name);
    await until(async () => (await replica.ask('/readyz')).body.includes('could not reach the API server'));
    return replica;
  };

  it('waits for it', async () => {
    const early = await begin('operator-3');
    expect((await early.ask('/healthz')).status).toBe(200);
    expect((await early.ask('/readyz')).status).toBe(503);
    await cluster.plane.startApiServer();
    await ready(early);
    expect(await early.kill('SIGTERM')).toBe(0);
  });

  it('ends in order meanwhile', async () => {
    const early = await begin('operator-4');
    expect(await early.kill('SIGTERM')).toBe(0);
    expect(messages(early)).toEqual(expect.arrayContaining(['shutting down', 'stopped']));
    await cluster.plane.startApiServer();
  });
});

describe('the operator, when it cannot start', { timeout: TOLERANT }, () => {
  const start = async (yaml: string, environment: Readonly<Record<string, string>> = {}): Promise<Replica> => {
    const path = join(cluster.plane.directory, 'wrong.yaml');
    await writeFile(path, yaml);
    return spawnReplica({ name: 'wrong', configuration: path, metricsPort: 0 }, environment);
  };
  const ended = async (replica: Replica): Promise<number | null> => {
    await until(() => replica.process.exitCode !== null);
    return replica.process.exitCode;
  };

  it('says what is wrong with its configuration', async () => {
    const replica = await start('namespace: pg-airlock\nnamspace: pg-airlock\n');
    expect(await ended(replica)).toBe(2);
    expect(replica.log).toEqual([
      { text: expect.stringMatching(/^pg-airlock-operator: .*wrong\.yaml: namspace is not known: did you mean namespace\?$/) },
    ]);
  });

  /** The chart's configuration. */
  const rendered = async (): Promise<string> => {
    const { body } = await cluster.plane.request('GET', '/api/v1/namespaces/pg-airlock/configmaps/pg-airlock-operator');
    return (body as { readonly data: { readonly 'config.yaml': string } }).data['config.yaml'];
  };

  it('says that it knows no cluster', async () => {
    const replica = await start(await rendered());
    expect(await ended(replica)).toBe(1);
    expect(replica.log.at(-1)).toMatchObject({ level: 'fatal', err: { message: expect.stringContaining('KUBECONFIG has to name') } });
  });

  it('does not go on after an error that nobody caught', async () => {
    const yaml = (await rendered()).replaceAll(/listen: .*/g, 'listen: 127.0.0.1:0');
    const fault = `const begun = setInterval(() => {
      if (process.listenerCount('unhandledRejection') === 0) return;
      clearInterval(begun);
      void Promise.reject(new Error('a bug'));
    }, 20)`;
    const replica = await start(yaml, {
      KUBECONFIG: cluster.plane.kubeconfig,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}`,
    });
    expect(await ended(replica)).toBe(1);
    expect(replica.log.at(-1)).toMatchObject({ level: 'fatal', msg: 'could not go on', err: { type: 'Error', message: 'a bug' } });
  });
});
