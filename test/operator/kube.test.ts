import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createKubeClient, type KubeClient } from '../../operator/kube/client.ts';
import { connectKube } from '../../operator/kube/connect.ts';
import { loadCredentials } from '../../operator/kube/credentials.ts';
import { createEvents } from '../../operator/kube/events.ts';
import { type InformerOptions, type ObservedInformer, startInformer } from '../../operator/kube/informer.ts';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { createTransport } from '../../operator/kube/transport.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { keepLog } from '../support/log-lines.ts';
import { type MoodyProxy, startMoodyProxy } from '../support/moody-proxy.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const EVENTS = '/apis/events.k8s.io/v1/namespaces/default/events';
const BACKOFF = { firstMs: 50, mostMs: 400 };

const TOLERANT = 120_000;

let cluster: ControlPlane;
let proxy: MoodyProxy;
/** Straight to the API server. */
let direct: KubeClient;
/** Through the proxy. */
let kube: KubeClient;
const running: ObservedInformer<KubeObject>[] = [];

/** The administrator's kubeconfig, with the proxy in the API server's place. */
const proxied = async (): Promise<string> => {
  const config = JSON.parse(await readFile(cluster.kubeconfig, 'utf8'));
  config.clusters[0].cluster.server = `https://127.0.0.1:${proxy.port}`;
  const path = join(cluster.directory, 'proxied.kubeconfig');
  await writeFile(path, JSON.stringify(config));
  return path;
};
const source = (kubeconfig: string) => ({ kubeconfig, serviceHost: undefined, servicePort: undefined });

beforeAll(async () => {
  cluster = await startControlPlane();
  proxy = await startMoodyProxy(Number(new URL(cluster.url).port));
  direct = await connectKube(source(cluster.kubeconfig));
  kube = await connectKube(source(await proxied()));
  while ((await cluster.request('GET', '/api/v1/namespaces/default')).status !== 200) await pause(50);
});
afterEach(async () => {
  for (const informer of running.splice(0)) informer.stop();
  proxy.mend();
  kube.distrust();
  await cluster.request('DELETE', CONFIG_MAPS);
});
afterAll(async () => {
  kube?.close();
  direct?.close();
  await proxy?.close();
  await cluster?.stop();
});

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await pause(10);
};

const create = (name: string, value = '1'): Promise<KubeObject> =>
  direct.request('POST', CONFIG_MAPS, { body: { metadata: { name }, data: { value } } });
const change = (name: string, value: string): Promise<KubeObject> =>
  direct.request('PATCH', `${CONFIG_MAPS}/${name}`, { contentType: 'application/merge-patch+json', body: { data: { value } } });
const remove = (name: string): Promise<unknown> => direct.request('DELETE', `${CONFIG_MAPS}/${name}`);

type Seen = { readonly informer: ObservedInformer<KubeObject>; readonly seen: string[]; readonly logged: () => string[] };

/** Follows ConfigMaps, and writes down each change as `+a=1`, `a=1>2` and `-a=2`. */
const follow = async (options: Partial<InformerOptions<KubeObject>> = {}): Promise<Seen> => {
  const { log, lines } = keepLog();
  const informer = startInformer<KubeObject>({
    name: 'configmaps',
    client: kube,
    path: CONFIG_MAPS,
    transform: ({ metadata, data }) => ({ metadata: { ...metadata, managedFields: undefined }, data }),
    log,
    ...options,
    timing: { backoff: BACKOFF, ...options.timing },
  });
  running.push(informer);
  const seen: string[] = [];
  const valueOf = (object: KubeObject): string => (object['data'] as { value: string }).value;
  informer.listen(({ before, after }) => {
    const name = (after ?? before)?.metadata.name ?? '';
    if (before === undefined && after !== undefined) seen.push(`+${name}=${valueOf(after)}`);
    else if (after === undefined && before !== undefined) seen.push(`-${name}=${valueOf(before)}`);
    else if (before !== undefined && after !== undefined) seen.push(`${name}=${valueOf(before)}>${valueOf(after)}`);
  });
  await informer.synced;
  const reasonOf = (line: Readonly<Record<string, unknown>>): string => (line['err'] as { reason: string } | undefined)?.reason ?? '';
  return { informer, seen, logged: () => lines.filter((line) => 'err' in line).map(reasonOf) };
};

describe('a Kubernetes client', { timeout: TOLERANT }, () => {
  it('keeps its connections', async () => {
    const before = proxy.accepted();
    for (let turn = 0; turn < 100; turn += 1) await kube.request('GET', '/version');
    await Promise.all(Array.from({ length: 300 }, () => kube.request('GET', '/version')));
    expect(proxy.accepted() - before).toBeLessThanOrEqual(24);
  });

  it('says in a KubeFailure what the API server refused', async () => {
    await expect(kube.request('GET', `${CONFIG_MAPS}/none`)).rejects.toMatchObject({
      name: 'KubeFailure',
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "none" not found',
    });
  });

  it('applies as one field manager, and takes fields over', async () => {
    await create('applied', 'theirs');
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { value: 'ours' } };
    const applied = await kube.apply<KubeObject>(`${CONFIG_MAPS}/applied`, object);
    expect(applied['data']).toEqual({ value: 'ours' });
    expect(applied.metadata.managedFields).toContainEqual(expect.objectContaining({ manager: 'pg-airlock-operator', operation: 'Apply' }));
  });

  it('asks again over a new connection when the one that it kept was reset', async () => {
    await kube.request('GET', '/version');
    proxy.cut();
    proxy.mend();
    expect(await kube.request('GET', '/version')).toMatchObject({ major: '1' });
  });

  it('gives up a request that nobody answers, and does not use that connection again', async () => {
    await kube.request('GET', '/version');
    proxy.freeze();
    const post = kube.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {}, timeoutMs: 300 });
    await expect(post).rejects.toMatchObject({ status: 0, reason: 'StaleConnection' });
    expect(await kube.request('GET', '/version', { timeoutMs: 5000 })).toMatchObject({ major: '1' });
  });

  it('asks again over a new connection when nobody answers on the one that it kept', async () => {
    await kube.request('GET', '/version');
    proxy.freeze();
    expect(await kube.request('GET', '/version', { timeoutMs: 2000 })).toMatchObject({ major: '1' });
  });

  it('ends a request whose signal aborts', async () => {
    const abort = new AbortController();
    proxy.freeze();
    const asked = kube.request('GET', '/version', { signal: abort.signal });
    abort.abort();
    await expect(asked).rejects.toMatchObject({ status: 0, reason: 'Aborted' });
  });

  it('reads the rotated token of its service account when the old one is refused', async () => {
    await direct.request('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'operator' } } });
    const issued = await direct.request<{ status: { token: string } }>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/operator/token',
      {
        body: { spec: {} },
      },
    );
    const directory = await mkdtemp(join(tmpdir(), 'pg-airlock-account-'));
    const config = JSON.parse(await readFile(cluster.kubeconfig, 'utf8'));
    await writeFile(join(directory, 'ca.crt'), Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64'));
    await writeFile(join(directory, 'token'), 'expired');
    const { hostname, port } = new URL(cluster.url);
    const inCluster = { kubeconfig: undefined, serviceHost: hostname, servicePort: port };
    const client = createKubeClient(createTransport(await loadCredentials(inCluster, directory)));
    await expect(client.request('GET', '/version')).rejects.toMatchObject({ status: 401 });
    await writeFile(join(directory, 'token'), `${issued.status.token}\n`);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    expect(await client.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: review })).toMatchObject({
      status: { userInfo: { username: 'system:serviceaccount:default:operator' } },
    });
    client.close();
    await rm(directory, { recursive: true });
  });
});

describe('an informer', { timeout: TOLERANT }, () => {
  it('lists thousands of objects in pages, and follows them', async () => {
    const names = Array.from({ length: 1500 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => create(name)));
    const pages: string[] = [];
    const counting: KubeClient = {
      ...kube,
      request: (method, path, request) => {
        pages.push(`limit ${request?.query?.['limit']}${request?.query?.['continue'] === undefined ? '' : ' continued'}`);
        return kube.request(method, path, request);
      },
    };
    const { informer, seen } = await follow({ client: counting, timing: { pageSize: 300 } });
    expect(pages).toEqual(['limit 300', ...Array.from({ length: 4 }, () => 'limit 300 continued')]);
    expect([...informer.list()].map(({ metadata }) => metadata.name).sort()).toEqual(names.sort());
    await change('many-7', '2');
    await remove('many-8');
    await until(() => seen.length === 1502);
    expect(seen.slice(-2)).toEqual(['many-7=1>2', '-many-8=1']);
    expect(informer.get('default/many-8')).toBeUndefined();
  });

  it('keeps only what its transform leaves', async () => {
    await create('kept');
    const { informer } = await follow();
    expect(Object.keys(informer.get('default/kept') ?? {})).toEqual(['metadata', 'data']);
    expect(informer.get('default/kept')?.metadata.managedFields).toBeUndefined();
  });

  it('goes on after resets, and misses nothing', async () => {
    const { seen } = await follow();
    for (let turn = 1; turn <= 5; turn += 1) {
      proxy.cut();
      await create(`reset-${turn}`);
      proxy.mend();
      await until(() => seen.includes(`+reset-${turn}=1`));
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((turn) => `+reset-${turn}=1`));
  });

  it('catches up when the API server was killed and has forgotten the point, and tells of each delete', async () => {
    for (const name of ['stays', 'changes', 'goes', 'replaced']) await create(name);
    const { informer, seen, logged } = await follow();
    proxy.cut();
    await remove('goes');
    await remove('replaced');
    await create('replaced', 'new');
    await change('changes', '2');
    await cluster.stopApiServer();
    await cluster.startApiServer();
    await create('came');
    proxy.mend();
    await until(() => informer.get('default/came') !== undefined);
    const afterwards = seen.slice(4);
    expect(logged()).toContain('Expired');
    expect(afterwards.sort()).toEqual(['+came=1', '+replaced=new', '-goes=1', '-replaced=1', 'changes=1>2']);
    expect([...informer.list()].map(({ metadata }) => metadata.name).sort()).toEqual(['came', 'changes', 'replaced', 'stays']);
    await remove('stays');
    await until(() => seen.includes('-stays=1'));
  });

  it('notices a connection that is open and silent', async () => {
    const { informer, seen, logged } = await follow({ timing: { silenceMs: 2000 } });
    await create('before');
    await until(() => seen.length === 1);
    proxy.freeze();
    await remove('before');
    await create('after');
    await until(() => seen.length === 3);
    expect(seen.slice(1).sort()).toEqual(['+after=1', '-before=1']);
    expect(logged()).toContain('Silence');
    await until(() => informer.health().failure === undefined);
  });

  it('begins again when the API server ends a watch, without a word in the log', async () => {
    const { seen, logged } = await follow({ timing: { watchSeconds: 1 } });
    for (let turn = 1; turn <= 4; turn += 1) {
      await create(`turn-${turn}`);
      await pause(900);
    }
    await until(() => seen.length === 4);
    expect(logged()).toEqual([]);
  });

  it('lets no listener harm another, nor what it follows', async () => {
    const { log, lines } = keepLog();
    const { informer, seen } = await follow({ log });
    informer.listen(() => {
      throw new Error('a bug');
    });
    const told: string[] = [];
    const stop = informer.listen(({ key }) => told.push(key));
    await create('one');
    await change('one', '2');
    await until(() => told.length === 2);
    stop();
    await remove('one');
    await until(() => seen.length === 3);
    expect(told).toEqual(['default/one', 'default/one']);
    expect(lines.filter(({ msg }) => msg === 'a listener failed')).toHaveLength(3);
  });

  it('takes an object that cannot be read as absent', async () => {
    await create('good');
    const { informer, seen } = await follow({
      transform: (object) => {
        if ((object['data'] as { value: string }).value === 'bad') throw new Error('cannot be read');
        return object;
      },
    });
    await change('good', 'bad');
    await until(() => seen.length === 2);
    expect(seen).toEqual(['+good=1', '-good=1']);
    expect(informer.get('default/good')).toBeUndefined();
  });

  it('says why it does not follow, and goes on when it may', async () => {
    const kubeconfig = await cluster.kubeconfigFor({ name: 'reader' });
    const client = await connectKube(source(kubeconfig));
    const { log } = keepLog();
    const informer = startInformer({
      name: 'maps',
      client,
      path: CONFIG_MAPS,
      transform: (object) => object,
      log,
      timing: { backoff: BACKOFF },
    });
    running.push(informer);
    await until(() => informer.health().failure !== undefined);
    expect(informer.health()).toMatchObject({
      synced: false,
      failure: { status: 403, message: expect.stringContaining('User "reader" cannot list') },
    });
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'reader', namespace: 'default' } };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' };
    await cluster.apply([
      { ...role, kind: 'Role', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }] },
      { ...role, kind: 'RoleBinding', roleRef, subjects: [{ apiGroup: roleRef.apiGroup, kind: 'User', name: 'reader' }] },
    ]);
    await informer.synced;
    await until(() => informer.health().failure === undefined);
    client.close();
  });
});

describe('createEvents()', { timeout: TOLERANT }, () => {
  it('tells an event once, and counts it where it recurs', async () => {
    const { log, lines } = keepLog();
    const clock = { now: () => new Date(), monotonic: () => performance.now() };
    const events = createEvents({ kube, instance: 'operator-1', clock, log });
    const { metadata } = await create('regarded');
    const event = {
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', metadata },
      type: 'Warning',
      reason: 'Unreachable',
      action: 'Connect',
      note: 'x'.repeat(2000),
    } as const;
    for (let turn = 0; turn < 3; turn += 1) events.record(event);
    events.record({ ...event, reason: 'Reachable', type: 'Normal', note: 'fine' });
    await events.flush();
    const { items } = await direct.request<{ items: Record<string, unknown>[] }>('GET', EVENTS);
    expect(items).toHaveLength(2);
    expect(items.find(({ reason }) => reason === 'Unreachable')).toMatchObject({
      type: 'Warning',
      action: 'Connect',
      note: `${'x'.repeat(1021)}...`,
      reportingController: 'pg-airlock.dev/operator',
      reportingInstance: 'operator-1',
      regarding: { kind: 'ConfigMap', namespace: 'default', name: 'regarded', uid: metadata.uid },
      series: { count: 2 },
    });
    expect(lines).toEqual([]);
    const { stdout } = await cluster.kubectl(['describe', 'configmap', 'regarded']);
    expect(stdout).toMatch(/Warning +Unreachable/);
  });
});
