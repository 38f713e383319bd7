import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Document } from '../../kernel/control.ts';
import { createShop, eventually, ROLE } from '../clients/shop.ts';
import { errorOf, valuesOf } from '../life/sessions.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { RawClient, type RawFrame, responseFields } from '../support/raw-client.ts';
import { type AccessFolder, makeAccessFolder } from './access-folder.ts';
import { accessFiles, bundleMessage, connectionDocument, POD, policyDocument } from './documents.ts';
import { type ScriptedOperator, startScriptedOperator } from './scripted-operator.ts';

const HBA = `host all ${ROLE.name} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`;

let postgres: TestPostgres;
let operator: ScriptedOperator;
let folder: AccessFolder;
let proxy: TestProxy;
const sockets: Socket[] = [];

beforeAll(async () => {
  postgres = await startPostgres({ hba: HBA });
  await createShop(postgres);
});
afterAll(() => postgres.stop('immediate'));

beforeEach(async () => {
  operator = await startScriptedOperator();
  folder = await makeAccessFolder(accessFiles(operator.authority.cert));
  await postgres.sql(`ALTER ROLE ${ROLE.name} PASSWORD '${ROLE.password}'`);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.stop();
  await operator.stop();
  await folder.remove();
});

const start = async (): Promise<void> => {
  proxy = await startProxy({ manifests: { url: operator.url, access: folder.directory, connections: ['data/shop'] } });
};
const documents = (spec: object = {}): readonly Document[] => [connectionDocument(postgres), policyDocument(postgres, spec)];

const probe = async (path: string): Promise<{ readonly status: number; readonly body: string }> => {
  const metrics = String(proxy.log().find(({ msg }) => msg === 'listening')?.['metrics']);
  const response = await fetch(`http://${metrics}${path}`);
  return { status: response.status, body: await response.text() };
};
const started = () => eventually(async () => (await probe('/startupz')).status === 200);

type Session = { readonly client: RawClient; readonly started: readonly RawFrame[] };
const open = async (database = 'shop'): Promise<Session> => {
  const socket = connect({ port: proxy.port, host: proxy.host, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  sockets.push(socket);
  const client = new RawClient(socket);
  return { client, started: await client.login({ user: 'anybody', database, password: '' }) };
};
/** What the last error says, with everything in it. */
const complaint = (frames: readonly RawFrame[]): unknown => {
  const last = frames.findLast(({ type }) => type === 'E');
  if (last === undefined) return undefined;
  const { S, C, M, D, H } = responseFields(last);
  return [S, C, M, D, H];
};
const endOf = async ({ client }: Session): Promise<unknown> => {
  await client.waitClosed(20_000);
  return complaint(client.frames);
};
const ssn = async ({ client }: Session): Promise<unknown> => {
  const frames = await client.query('SELECT ssn FROM customers WHERE id = 7');
  return errorOf(frames) ?? valuesOf(frames);
};

const LOST = [
  'FATAL',
  '57P03',
  'access is suspended because pg-airlock has lost its operator',
  'Policies may have changed since the operator was last heard of, and are served for no longer than 1 s without it.',
  'Try again later: access comes back with the operator.',
];

describe('a sidecar', () => {
  it('has started once it has credentials and a bundle, and refuses everybody until then', async () => {
    await folder.put({ token: 'a-token', 'control-ca.crt': operator.authority.cert });
    await start();
    const notReady = (detail: string) => ['FATAL', '57P03', 'pg-airlock is not ready', detail, 'Try again later.'];
    expect(complaint((await open()).started)).toEqual(notReady('The credentials of the database are not mounted yet.'));
    expect((await probe('/startupz')).status).toBe(503);
    expect((await probe('/healthz')).status).toBe(200);
    await folder.put(accessFiles(operator.authority.cert));
    await eventually(async () => (await probe('/startupz')).body.includes('ready: credentials: loaded'));
    expect(complaint((await open()).started)).toEqual(notReady('The policies have not come from the operator yet.'));
    operator.say(bundleMessage('r1', documents()));
    await started();
    expect(await ssn(await open())).toEqual(['***7']);
    await eventually(async () => (await probe('/readyz')).status === 200);
  });

  it('has the agent of its pod in every session, and writes that down', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    expect(complaint((await open('crm')).started)).toEqual([
      'FATAL',
      '3D000',
      'database "crm" is not available to this agent',
      undefined,
      'Connect to one of: shop.',
    ]);
    const session = await open();
    expect(valuesOf(await session.client.query('SELECT count(*) FROM orders'))).toEqual(['100']);
    const { readFile, readdir } = await import('node:fs/promises');
    const [segment = ''] = (await readdir(proxy.auditDirectory)).filter((name) => name.endsWith('.jsonl'));
    const lines = (await readFile(`${proxy.auditDirectory}/${segment}`, 'utf8')).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { readonly type: string; readonly session?: { readonly identity: unknown } });
    expect(records.filter(({ type }) => type === 'session-started').map((record) => record.session?.identity)).toEqual([
      { agent: 'agents/reporter-1', method: 'Pod', ...POD },
    ]);
  });

  it('follows the operator on live sessions, to narrower and to nothing', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    const session = await open();
    expect(await ssn(session)).toEqual(['***7']);
    operator.say(bundleMessage('r2', documents({ relations: [{ name: 'public.bonn', select: { columns: ['*'] } }] })));
    await eventually(async () => JSON.stringify(await ssn(session)).includes('42501'));
    operator.say(bundleMessage('r3', [connectionDocument(postgres)]));
    expect(await endOf(session)).toEqual([
      'FATAL',
      '57P01',
      'terminating connection because access was revoked',
      'No policy in force names this agent any more.',
      undefined,
    ]);
    expect((await probe('/readyz')).body).toContain('not ready: policy: no policy in force names this pod');
    expect((await probe('/startupz')).status).toBe(200);
  });

  it('says when its connection is not there, or not for its namespace', async () => {
    operator.say(bundleMessage('r1', []));
    await start();
    await started();
    expect(complaint((await open()).started)).toEqual([
      'FATAL',
      '3D000',
      'connection "data/shop" is not available to this agent',
      'It does not exist, or does not allow the namespace of this pod (spec.allowedNamespaces).',
      'Ask who owns the connection; the condition Ready of it may say more.',
    ]);
    operator.say(bundleMessage('r2', [connectionDocument(postgres)]));
    await eventually(async () => JSON.stringify(complaint((await open()).started)).includes('No policy in force names this agent'));
  });

  it('keeps the last good bundle when it cannot use one, and says so', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    const session = await open();
    operator.say(bundleMessage('r2', documents({ mode: 'Enfore' })));
    await proxy.logged(({ msg }) => msg === 'the bundle is refused; the last good policy stays in force');
    expect(await ssn(session)).toEqual(['***7']);
    expect((await probe('/readyz')).body).toContain('not ready: accepted: DatabaseAccessPolicy agents/reading: spec.mode: "Enfore"');
    expect((await probe('/metrics')).body).toContain('pg_airlock_policy_reloads_total{result="Refused"} 1');
  });

  it('ends sessions when it is revoked, tells why, and comes back with the next bundle', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    const session = await open();
    operator.write('{"type":"revoked","reason":"The label pg-airlock.dev/agent is gone."}\n');
    expect(await endOf(session)).toEqual([
      'FATAL',
      '57P01',
      'terminating connection because access was revoked',
      'The label pg-airlock.dev/agent is gone.',
      undefined,
    ]);
    expect(complaint((await open()).started)).toEqual([
      'FATAL',
      '42501',
      'permission denied to connect through pg-airlock',
      'The label pg-airlock.dev/agent is gone.',
      'Ask the platform team: the pod has to be labelled as an agent.',
    ]);
  });

  it('goes on without the operator for as long as it may, then refuses, and comes back with it', async () => {
    operator.say(bundleMessage('r1', documents(), 1));
    await start();
    await started();
    const session = await open();
    const busy = await open();
    const port = Number(new URL(operator.url).port);
    await operator.stop();
    expect(await ssn(session)).toEqual(['***7']);
    expect(await endOf(session)).toEqual(LOST);
    expect(await endOf(busy)).toEqual(LOST);
    expect(complaint((await open()).started)).toEqual(LOST);
    expect((await probe('/readyz')).status).toBe(503);
    expect((await probe('/metrics')).body).toContain('pg_airlock_access_suspended 1');
    operator = await startScriptedOperator({ authority: operator.authority, port });
    operator.say(bundleMessage('r1', documents(), 1));
    await eventually(async () => complaint((await open()).started) === undefined);
    await eventually(async () => (await probe('/readyz')).status === 200);
  });

  it('takes a rotated password for new sessions, and leaves the old ones alone', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    const session = await open();
    expect(await ssn(session)).toEqual(['***7']);
    await postgres.sql(`ALTER ROLE ${ROLE.name} PASSWORD 'rotated'`);
    expect(errorOf((await open()).started)).toMatchObject({ code: '08006' });
    await folder.put(accessFiles(operator.authority.cert, 'rotated'));
    await eventually(async () => errorOf((await open()).started) === undefined);
    expect(await ssn(session)).toEqual(['***7']);
    await folder.put(accessFiles(operator.authority.cert, ''));
    await proxy.logged(({ msg }) => msg === 'credentials cannot be used');
    expect(errorOf((await open()).started)).toBeUndefined();
  });

  it('reports what each policy did', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    const session = await open();
    await ssn(session);
    await session.client.query('SELECT token FROM secrets');
    await session.client.query('DROP TABLE customers');
    await eventually(() => operator.reports.some(({ policies }) => policies['agents/reading']?.blocked === 2));
    expect(operator.reports.at(-1)).toEqual({
      revision: 'r1',
      ready: true,
      sessions: 1,
      policies: { 'agents/reading': { blocked: 2, masked: 1 } },
    });
  });

  it('reports to the replica that its bundles come from, whichever the Service would choose', async () => {
    // At an address of its own, as pods are, with the certificate of the Service's name.
    const replica = await startScriptedOperator({ authority: operator.authority, host: '127.0.0.2' });
    await operator.stop();
    operator = await startScriptedOperator({ authority: replica.authority, replica: new URL(replica.url).host });
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    await eventually(() => replica.reports.some(({ revision }) => revision === 'r1'));
    expect(operator.reports).toEqual([]);
    await replica.stop();
  });

  it('lets what runs finish when it is told to end', async () => {
    operator.say(bundleMessage('r1', documents()));
    await start();
    await started();
    const session = await open();
    const answer = session.client.query('SELECT pg_sleep(1)');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await proxy.kill('SIGTERM')).toBe(0);
    expect(errorOf(await answer)).toBeUndefined();
  });
});
