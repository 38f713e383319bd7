import { readFile } from 'node:fs/promises';
import { connect as plainConnect } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CONTROL_PATHS } from '../../kernel/control.ts';
import { tallyConfigMap } from '../../operator/specs/tally.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { connectionDocument, policyDocument } from './documents.ts';
import { type AgentPod, createAgent, must, startTestOperator, type TestOperator, tokenOf } from './operator.ts';
import { openStream, type PlainSidecar, tell, type Where } from './plain-sidecar.ts';

const POSTGRES = { port: 5432 };
const PODS = '/api/v1/namespaces/agents/pods';
const POLICIES = '/apis/pg-airlock.dev/v1alpha1/namespaces/agents/databaseaccesspolicies';
const CONNECTION = '/apis/pg-airlock.dev/v1alpha1/namespaces/data/databaseconnections/shop';

let cluster: ControlPlane;
let operator: TestOperator;
const opened: PlainSidecar[] = [];

beforeAll(async () => {
  cluster = await startControlPlane();
  for (const kind of ['databaseconnections', 'databaseaccesspolicies']) await cluster.apply(await readFile(`crds/${kind}.yaml`, 'utf8'));
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  for (const name of ['agents', 'data', 'pg-airlock'])
    await must(cluster, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await must(cluster, 'POST', '/api/v1/namespaces/agents/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'reporter' },
  });
  operator = await startTestOperator(cluster, { secretsMs: 500, tallyMs: 300 });
}, 120_000);
afterAll(async () => {
  await operator.stop();
  await cluster.stop();
});
beforeEach(async () => {
  await cluster.apply([connectionDocument(POSTGRES), policyDocument(POSTGRES)]);
});
afterEach(async () => {
  for (const stream of opened.splice(0)) stream.close();
  await must(cluster, 'DELETE', `${PODS}?gracePeriodSeconds=0`);
  await must(cluster, 'DELETE', POLICIES);
  await must(cluster, 'DELETE', '/apis/pg-airlock.dev/v1alpha1/namespaces/data/databaseconnections');
});

const where = (token: string | undefined): Where => ({ url: operator.url, ca: operator.authority.cert, token });
const stream = async (token: string | undefined): Promise<PlainSidecar> => {
  const made = await openStream(where(token));
  opened.push(made);
  return made;
};
const ask = async (token: string | undefined) => await tell(where(token), 'GET', CONTROL_PATHS.bundle);
const kinds = (sidecar: PlainSidecar): readonly string[] | undefined =>
  sidecar
    .bundles()
    .at(-1)
    ?.documents.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
/** Opens the stream of a new pod, and waits for what it begins with. */
const started = async (name: string, metadata: object = {}): Promise<{ pod: AgentPod; sidecar: PlainSidecar }> => {
  const pod = await createAgent(cluster, name, metadata);
  const token = await tokenOf(cluster, pod);
  await expect.poll(async () => (await stream(token)).status, { interval: 100 }).toBe(200);
  const sidecar = opened.at(-1) as PlainSidecar;
  await expect.poll(() => sidecar.bundles().length).toBe(1);
  return { pod, sidecar };
};
const merge = { contentType: 'application/merge-patch+json' };
const revoked = (sidecar: PlainSidecar): unknown => sidecar.messages.findLast(({ type }) => type === 'revoked');

describe('who may have a bundle', () => {
  it('a pod with a token for the operator', async () => {
    const { pod, sidecar } = await started('reporter-1');
    expect(sidecar.bundles()[0]).toMatchObject({
      identity: { namespace: 'agents', pod: 'reporter-1', uid: pod.uid, serviceAccount: 'reporter' },
      staleAfter: 300,
    });
    expect(kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop', 'DatabaseAccessPolicy reading']);
  });

  it('nobody without a token, or with one that is made up', async () => {
    const forged = [
      { alg: 'none' },
      { aud: ['pg-airlock.dev'], exp: Date.now() / 1000 + 600, sub: 'system:serviceaccount:agents:reporter' },
    ];
    const token = `${forged.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.c2ln`;
    for (const each of [undefined, 'x', 'a.b.c', 'x'.repeat(9_000), token]) expect((await ask(each)).status).toBe(401);
  });

  it('nobody with a token for somebody else, for no pod, or for a moment that is over', async () => {
    const pod = await createAgent(cluster, 'reporter-2');
    expect((await ask(await tokenOf(cluster, pod, { audience: cluster.url }))).status).toBe(401);
    expect((await ask(await tokenOf(cluster, undefined))).status).toBe(401);
    const token = await tokenOf(cluster, pod);
    const [head, payload, signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as object;
    const later = Buffer.from(JSON.stringify({ ...claims, exp: 4_000_000_000 })).toString('base64url');
    expect((await ask(`${head ?? ''}.${later}.${signature ?? ''}`)).status).toBe(401);
  });

  it('not a pod that is gone, also where another has come in its place', async () => {
    const { pod, sidecar } = await started('reporter-3');
    const token = await tokenOf(cluster, pod);
    await must(cluster, 'DELETE', `${PODS}/reporter-3?gracePeriodSeconds=0`);
    await sidecar.ended;
    expect(revoked(sidecar)).toEqual({ type: 'revoked', reason: 'The pod is gone.' });
    expect((await ask(token)).status).toBe(401);
    await started('reporter-3');
    expect((await ask(token)).status).toBe(401);
    expect((await tell(where(token), 'POST', CONTROL_PATHS.report, '{}')).status).toBe(401);
  });

  it('not a pod without the label, not one that never had it, and not one that has ended', async () => {
    const { pod, sidecar } = await started('reporter-4');
    const token = await tokenOf(cluster, pod);
    await must(cluster, 'PATCH', `${PODS}/reporter-4`, { metadata: { labels: { 'pg-airlock.dev/agent': null } } }, merge);
    await sidecar.ended;
    expect(sidecar.messages.at(-1)?.type).toBe('revoked');
    const reason = 'The pod has no label pg-airlock.dev/agent=true any more.';
    expect(await ask(token)).toEqual({ status: 403, body: JSON.stringify({ reason }) });
    await must(cluster, 'PATCH', `${PODS}/reporter-4`, { metadata: { labels: { 'pg-airlock.dev/agent': 'true' } } }, merge);
    await expect.poll(async () => (await stream(token)).status).toBe(200);

    const ordinary = await createAgent(cluster, 'ordinary', { labels: {} });
    expect((await ask(await tokenOf(cluster, ordinary))).status).toBe(403);

    const again = opened.at(-1) as PlainSidecar;
    await must(cluster, 'PATCH', `${PODS}/reporter-4/status`, { status: { phase: 'Succeeded' } }, merge);
    await again.ended;
    expect(revoked(again)).toEqual({ type: 'revoked', reason: 'The pod has ended.' });
  });

  it('not from the address of another agent', async () => {
    const { pod } = await started('reporter-5');
    const token = await tokenOf(cluster, pod);
    await createAgent(cluster, 'thief');
    const status = { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }], phase: 'Running' };
    await must(cluster, 'PATCH', `${PODS}/thief/status`, { status }, merge);
    await expect.poll(async () => (await ask(token)).status).toBe(403);
    expect((await ask(token)).body).toBe('{"reason":"The token is of another pod."}');
  });

  it('no more than two at a time for one pod: the oldest gives way', async () => {
    const { pod, sidecar } = await started('reporter-6');
    const token = await tokenOf(cluster, pod);
    await stream(token);
    await stream(token);
    await sidecar.ended;
    expect([sidecar.messages.at(-1)?.type, operator.control.streams()]).toEqual(['bundle', 2]);
  });
});

describe('what is in a bundle', () => {
  it('follows policies, connections and namespaces while the stream is open', async () => {
    const { sidecar } = await started('reporter-10');
    await cluster.apply([policyDocument(POSTGRES, { functions: [] })]);
    await expect.poll(() => sidecar.bundles().length).toBe(2);
    expect(sidecar.bundles()[1]?.documents[2]?.['spec']).toMatchObject({ functions: [] });
    await must(cluster, 'PATCH', CONNECTION, { spec: { allowedNamespaces: { matchLabels: { team: 'a' } } } }, merge);
    await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents']);
    await must(cluster, 'PATCH', '/api/v1/namespaces/agents', { metadata: { labels: { team: 'a' } } }, merge);
    await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop', 'DatabaseAccessPolicy reading']);
    await must(cluster, 'DELETE', `${POLICIES}/reading`);
    await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop']);
    await must(cluster, 'DELETE', CONNECTION);
    await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents']);
    await must(cluster, 'PATCH', '/api/v1/namespaces/agents', { metadata: { labels: { team: null } } }, merge);
  });

  it('has no connection whose server nobody verifies, nor its policies, unless the operator is told to', async () => {
    const strict = await startTestOperator(cluster, { connections: { allowUnverifiedServers: false } });
    const token = await tokenOf(cluster, await createAgent(cluster, 'reporter-12'));
    const sidecar = await openStream({ url: strict.url, ca: strict.authority.cert, token });
    opened.push(sidecar);
    for (const mode of ['Disable', 'VerifyFull', 'Require', 'VerifyFull']) {
      await must(cluster, 'PATCH', CONNECTION, { spec: { tls: { mode } } }, merge);
      const more = mode === 'VerifyFull' ? ['DatabaseConnection shop', 'DatabaseAccessPolicy reading'] : [];
      await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents', ...more]);
    }
    await strict.stop();
  });

  it('is not sent again for what does not concern the pod', async () => {
    const { sidecar } = await started('reporter-11');
    const other = {
      ...policyDocument(POSTGRES, { subjects: [{ pod: { matchLabels: { app: 'other' } } }] }),
      metadata: { name: 'other', namespace: 'agents' },
    };
    await cluster.apply([other]);
    await must(cluster, 'PATCH', `${POLICIES}/reading`, { metadata: { annotations: { note: 'x' } } }, merge);
    await must(cluster, 'PATCH', `${PODS}/reporter-11`, { metadata: { annotations: { note: 'x' } } }, merge);
    await cluster.apply([policyDocument(POSTGRES, { functions: [] })]);
    await expect.poll(() => sidecar.bundles().length).toBe(2);
    expect(kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop', 'DatabaseAccessPolicy reading']);
  });

  it.each([
    ['labels', [{ pod: { matchLabels: { app: 'reporter' } } }], true],
    ['other labels', [{ pod: { matchLabels: { app: 'writer' } } }], false],
    ['its account', [{ serviceAccount: { name: 'reporter' } }], true],
    ['another account', [{ serviceAccount: { name: 'default' } }], false],
    ['labels and another account', [{ pod: {}, serviceAccount: { name: 'default' } }], false],
    ['a password', [{ agent: { name: 'ann' } }], false],
    ['a pod that also has a password', [{ pod: {}, agent: { name: 'ann' } }], false],
    ['one of several', [{ agent: { name: 'ann' } }, { pod: {} }], true],
  ])('has policies for %s', async (_, subjects, expected) => {
    await cluster.apply([policyDocument(POSTGRES, { subjects })]);
    const { sidecar } = await started('reporter-12');
    expect(kinds(sidecar)?.includes('DatabaseAccessPolicy reading')).toBe(expected);
  });

  it('has the keys of masks, and follows them; without one its policy is left out', async () => {
    const mask = { type: 'Hash', hash: { keySecretRef: { name: 'keys' } } };
    const relations = [{ name: 'public.customers', select: { columns: ['id'], masks: [{ column: 'ssn', mask }] } }];
    const hashing = { ...policyDocument(POSTGRES, { relations }), metadata: { name: 'hashing', namespace: 'agents' } };
    await must(cluster, 'DELETE', `${POLICIES}/reading`);
    await cluster.apply([hashing]);
    const { sidecar } = await started('reporter-13');
    expect(kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop']);
    const key = (text: string): string => Buffer.from(text.repeat(32)).toString('base64');
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, data: { key: key('a'), other: key('b') } };
    await must(cluster, 'POST', '/api/v1/namespaces/agents/secrets', secret);
    await expect
      .poll(() => kinds(sidecar))
      .toEqual(['Namespace agents', 'DatabaseConnection shop', 'DatabaseAccessPolicy hashing', 'Secret keys']);
    expect(sidecar.bundles().at(-1)?.documents[3]?.['data']).toEqual({ key: key('a') });
    await must(cluster, 'PATCH', '/api/v1/namespaces/agents/secrets/keys', { data: { key: key('c') } }, merge);
    await expect.poll(() => sidecar.bundles().at(-1)?.documents[3]?.['data']).toEqual({ key: key('c') });
    await must(cluster, 'DELETE', '/api/v1/namespaces/agents/secrets/keys');
    await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop']);
  });

  it('has no policy of a connection that one restricts which cannot be read', async () => {
    const mask = { type: 'Hash', hash: { keySecretRef: { name: 'nowhere' } } };
    const relations = [{ name: 'public.other', select: { columns: ['id'], masks: [{ column: 'ssn', mask }] } }];
    const other = (spec: object) => ({
      ...policyDocument(POSTGRES, { relations, functions: [], ...spec }),
      metadata: { name: 'other', namespace: 'agents' },
    });
    await cluster.apply([other({})]);
    const { sidecar } = await started('reporter-14');
    expect(kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop', 'DatabaseAccessPolicy reading']);
    await cluster.apply([other({ rules: [{ name: 'none', match: { statements: ['Delete'] }, action: 'Deny' }] })]);
    await expect.poll(() => kinds(sidecar)).toEqual(['Namespace agents', 'DatabaseConnection shop']);
  });
});

describe('the door', () => {
  it('takes no report that is none, and none that is too large', async () => {
    const { pod } = await started('reporter-20');
    const token = await tokenOf(cluster, pod);
    const post = async (body: string) => (await tell(where(token), 'POST', CONTROL_PATHS.report, body)).status;
    const report = { revision: null, ready: true, sessions: 0, policies: {} };
    expect(await post(JSON.stringify(report))).toBe(204);
    for (const wrong of ['', '[]', '{}', JSON.stringify({ ...report, policies: { 'a/b': { blocked: -1, masked: 0 } } })])
      expect(await post(wrong)).toBe(400);
    expect(await post(' '.repeat(300_000))).toBe(413);
    expect((await tell(where(token), 'GET', '/')).status).toBe(404);
  });

  it('speaks TLS 1.3 only, and keeps nobody who says nothing', async () => {
    const port = Number(new URL(operator.url).port);
    const old = connect({ port, host: '127.0.0.1', ca: operator.authority.cert, maxVersion: 'TLSv1.2' });
    const failure = await new Promise<string>((resolve) => {
      old.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      old.once('secureConnect', () => resolve('connected'));
    });
    expect(failure).toMatch(/ALERT_PROTOCOL_VERSION|ECONNRESET/);
    const slow = connect({ port, host: '127.0.0.1', ca: operator.authority.cert });
    slow.on('error', () => undefined).resume();
    slow.once('secureConnect', () => slow.write('GET /v1/bundle HTTP/1.1\r\nHost: x\r\nX-Slow: '));
    await new Promise((resolve) => slow.once('close', resolve));
  });

  it('lets nobody without a token take the places of those who have one', async () => {
    const { sidecar } = await started('reporter-22');
    const port = Number(new URL(operator.url).port);
    const idle = Array.from({ length: 300 }, () => plainConnect({ port, host: '127.0.0.1' }).on('error', () => undefined));
    let closed = 0;
    for (const socket of idle) socket.resume().once('close', () => closed++);
    await expect.poll(() => closed).toBeGreaterThanOrEqual(300 - 128);
    await cluster.apply([policyDocument(POSTGRES, { functions: [] })]);
    await expect.poll(() => sidecar.bundles().length).toBe(2);
    for (const socket of idle) socket.destroy();
  });

  it('writes down what sidecars report, for policies of their own namespace', async () => {
    const { pod, sidecar } = await started('reporter-21');
    const token = await tokenOf(cluster, pod);
    const revision = sidecar.bundles()[0]?.revision ?? null;
    const policies = {
      'agents/reading': { blocked: 3, masked: 2 },
      'data/other': { blocked: 9, masked: 9 },
      'agents/none': { blocked: 1, masked: 1 },
    };
    await tell(where(token), 'POST', CONTROL_PATHS.report, JSON.stringify({ revision, ready: true, sessions: 1, policies }));
    const written = async (): Promise<unknown> => {
      const { body } = await cluster.request('GET', '/api/v1/namespaces/pg-airlock/configmaps?labelSelector=pg-airlock.dev/tally%3Dtrue');
      const [configMap] = (body as { readonly items: readonly { readonly data: Readonly<Record<string, string>> }[] }).items;
      return JSON.parse(configMap?.data['tally.json'] ?? '{}');
    };
    await expect.poll(written).toEqual({ 'agents/reading': { generation: 1, pods: 1, blocked: 3, masked: 2 } });
    await must(cluster, 'DELETE', `${PODS}/reporter-21?gracePeriodSeconds=0`);
    await expect.poll(written).toEqual({ 'agents/reading': { generation: 1, pods: 0, blocked: 3, masked: 2 } });
  });

  it('takes back what its predecessor in the same pod has written down', async () => {
    const replica = { namespace: 'pg-airlock', name: 'operator-again', uid: undefined };
    const before = tallyConfigMap(replica, new Map([['agents/reading', { generation: 1, pods: 7, blocked: 1, masked: 1 }]]));
    await cluster.apply([before]);
    const again = await startTestOperator(cluster, { replica, tallyMs: 100 });
    await expect
      .poll(async () => (await cluster.request('GET', `/api/v1/namespaces/pg-airlock/configmaps/${before.metadata.name}`)).body)
      .toMatchObject({ data: { 'tally.json': '{}' } });
    await again.stop();
  });
});
