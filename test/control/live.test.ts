import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createShop, eventually, ROLE } from '../clients/shop.ts';
import { errorOf, valuesOf } from '../life/sessions.ts';
import { createAuthority, type Authority } from '../support/certificates.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { RawClient, type RawFrame } from '../support/raw-client.ts';
import { type AccessFolder, makeAccessFolder } from './access-folder.ts';
import { accessFiles, connectionDocument, policyDocument } from './documents.ts';
import { type AgentPod, createAgent, must, startTestOperator, type TestOperator, tokenOf } from './operator.ts';

const HBA = `host all ${ROLE.name} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`;
const PODS = '/api/v1/namespaces/agents/pods';
const POLICIES = '/apis/pg-airlock.dev/v1alpha1/namespaces/agents/databaseaccesspolicies';
const MERGE = { contentType: 'application/merge-patch+json' };
/** Seconds without the operator. */
const STALE = 3;

let cluster: ControlPlane;
let postgres: TestPostgres;
let authority: Authority;
let operator: TestOperator;
let pod: AgentPod;
let folder: AccessFolder;
let proxy: TestProxy;
let pods = 0;
const sockets: Socket[] = [];

beforeAll(async () => {
  [cluster, postgres, authority] = await Promise.all([startControlPlane(), startPostgres({ hba: HBA }), createAuthority()]);
  await createShop(postgres);
  for (const kind of ['databaseconnections', 'databaseaccesspolicies']) await cluster.apply(await readFile(`crds/${kind}.yaml`, 'utf8'));
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  for (const name of ['agents', 'data', 'pg-airlock'])
    await must(cluster, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reporter' } };
  await must(cluster, 'POST', '/api/v1/namespaces/agents/serviceaccounts', account);
}, 120_000);
afterAll(async () => {
  await postgres.stop('immediate');
  await cluster.stop();
});

beforeEach(async () => {
  await cluster.apply([connectionDocument(postgres), policyDocument(postgres)]);
  operator = await startTestOperator(cluster, { authority, staleAfter: STALE, tallyMs: 500 });
  pod = await createAgent(cluster, `reporter-${++pods}`);
  folder = await makeAccessFolder({ ...accessFiles(authority.cert), token: await tokenOf(cluster, pod) });
  proxy = await startProxy({ manifests: { url: operator.url, access: folder.directory, connections: ['data/shop'] } });
  await proxy.logged(({ msg }) => msg === 'policy in force');
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.stop();
  await operator.stop();
  await folder.remove();
});

type Session = { readonly client: RawClient; readonly started: readonly RawFrame[] };
const open = async (): Promise<Session> => {
  const socket = connect({ port: proxy.port, host: proxy.host, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  sockets.push(socket);
  const client = new RawClient(socket);
  return { client, started: await client.login({ user: 'anybody', database: 'shop', password: '' }) };
};
const endOf = async ({ client }: Session): Promise<unknown> => {
  await client.waitClosed(20_000);
  return errorOf(client.frames);
};
const ssn = async ({ client }: Session): Promise<unknown> => {
  const frames = await client.query('SELECT ssn FROM customers WHERE id = 7');
  return errorOf(frames) ?? valuesOf(frames);
};
const REVOKED = { severity: 'FATAL', code: '57P01', message: 'terminating connection because access was revoked' };

describe('a sidecar and its operator', () => {
  it('have an edited policy in force on a live session, and end it with the policy', async () => {
    const session = await open();
    expect(await ssn(session)).toEqual(['***7']);
    const relations = [{ name: 'public.customers', select: { columns: ['id', 'ssn'] } }];
    await cluster.apply([policyDocument(postgres, { relations })]);
    await eventually(async () => JSON.stringify(await ssn(session)) === '["CANARY-7"]');
    await must(cluster, 'DELETE', `${POLICIES}/reading`);
    expect(await endOf(session)).toEqual(REVOKED);
  });

  it('end sessions with the label, and let them in with it again', async () => {
    const session = await open();
    await must(cluster, 'PATCH', `${PODS}/${pod.name}`, { metadata: { labels: { 'pg-airlock.dev/agent': null } } }, MERGE);
    expect(await endOf(session)).toEqual(REVOKED);
    expect(errorOf((await open()).started)).toMatchObject({ code: '42501' });
  });

  it('end sessions with the pod, whose token is of no use any more', async () => {
    const session = await open();
    await must(cluster, 'DELETE', `${PODS}/${pod.name}?gracePeriodSeconds=0`);
    expect(await endOf(session)).toEqual(REVOKED);
    await operator.stop();
    operator = await startTestOperator(cluster, { authority, staleAfter: STALE });
    expect(errorOf((await open()).started)).toMatchObject({ code: '42501' });
  });

  it('lose each other: what is open goes on, then ends; and comes back with the operator', async () => {
    const session = await open();
    const { port } = new URL(operator.url);
    await operator.stop();
    expect(await ssn(session)).toEqual(['***7']);
    expect(errorOf((await open()).started)).toBeUndefined();
    expect(await endOf(session)).toMatchObject({ severity: 'FATAL', code: '57P03' });
    expect(errorOf((await open()).started)).toMatchObject({ severity: 'FATAL', code: '57P03' });
    operator = await startTestOperator(cluster, { authority, staleAfter: STALE, listen: { host: '127.0.0.1', port: Number(port) } });
    await eventually(async () => errorOf((await open()).started) === undefined);
  });

  it('stay together while the API server is away', async () => {
    const session = await open();
    await cluster.stopApiServer();
    try {
      await new Promise((resolve) => setTimeout(resolve, (STALE + 1) * 1000));
      expect(await ssn(session)).toEqual(['***7']);
    } finally {
      await cluster.startApiServer();
    }
    await cluster.apply([policyDocument(postgres, { relations: [{ name: 'public.bonn', select: { columns: ['id'] } }] })]);
    await eventually(async () => JSON.stringify(await ssn(session)).includes('42501'));
  });

  it('part when the operator does not see the cluster for too long, and find each other when it does', async () => {
    const listen = { host: '127.0.0.1', port: Number(new URL(operator.url).port) };
    await operator.stop();
    let sees = true;
    operator = await startTestOperator(cluster, { authority, staleAfter: 1, blindMs: 500, following: () => sees, listen });
    await eventually(() => operator.control.streams() === 1);
    const session = await open();
    expect(await ssn(session)).toEqual(['***7']);
    sees = false;
    expect(await endOf(session)).toMatchObject({ severity: 'FATAL', code: '57P03' });
    expect(operator.control.streams()).toBe(0);
    sees = true;
    await eventually(async () => errorOf((await open()).started) === undefined);
  });

  it('count what each policy did', async () => {
    const session = await open();
    await ssn(session);
    await session.client.query('DROP TABLE customers');
    const tally = async (): Promise<unknown> => {
      const { body } = await cluster.request('GET', '/api/v1/namespaces/pg-airlock/configmaps?labelSelector=pg-airlock.dev/tally%3Dtrue');
      const { items } = body as { readonly items: readonly { readonly data: Readonly<Record<string, string>> }[] };
      return items.map(({ data }) => JSON.parse(data['tally.json'] ?? '{}') as unknown);
    };
    await expect.poll(async () => JSON.stringify(await tally())).toMatch(/"pods":1,"blocked":1,"masked":1/);
  });
});
