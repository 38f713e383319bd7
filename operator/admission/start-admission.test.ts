import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { connect } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueAuthority, issueServing } from '../certificates/issue.ts';
import { publishedCertificate } from '../certificates/published-certificate.ts';
import { type Admission, startAdmission } from './start-admission.ts';

const log = pino({ level: 'silent' });
const settings = {
  sidecar: {
    image: 'pg-airlock/proxy:0.1.0',
    imagePullPolicy: 'IfNotPresent' as const,
    uid: 64_532,
    resources: {},
    logLevel: 'info',
    auditSizeLimit: '1Gi',
  },
  controlUrl: 'https://pg-airlock-control.pg-airlock.svc:8444',
};

const certificateNow = async () => {
  const authority = await issueAuthority(new Date());
  return { ...(await issueServing(authority, ['localhost', '127.0.0.1'], new Date())), ca: authority.cert };
};

const published = publishedCertificate(await certificateNow(), log);
const observed: string[] = [];
let admission: Admission;

beforeAll(async () => {
  admission = await startAdmission({
    listen: { host: '127.0.0.1', port: 0 },
    certificates: published,
    settings,
    connections: { allowUnverifiedServers: false },
    log,
    observe: (path, outcome) => observed.push(`${path} ${outcome}`),
  });
});
afterAll(() => admission.stop());

type Answer = { readonly status: number; readonly body: string };

const send = async (path: string, body: string | Buffer, options: RequestOptions = {}): Promise<Answer> => {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...(options.headers as object) };
  const call = request({ method: 'POST', ...admission.address, path, ca: published.current().ca, ...options, headers });
  // A server that has seen enough may end the connection before everything is written.
  call.on('error', () => undefined);
  call.end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
};

const review = (object: unknown, more: object = {}): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'agents',
      object,
      ...more,
    },
  });

const agent = (annotations: object | undefined) => ({
  metadata: { generateName: 'agent-', labels: { 'pg-airlock.dev/agent': 'true' }, annotations },
  spec: { containers: [{ name: 'agent', image: 'agent' }] },
});

const responseTo = async (path: string, body: string): Promise<unknown> => {
  const answer = await send(path, body);
  expect(answer.status).toBe(200);
  const { apiVersion, kind, response } = JSON.parse(answer.body) as Record<string, unknown>;
  expect([apiVersion, kind]).toEqual(['admission.k8s.io/v1', 'AdmissionReview']);
  return response;
};

describe('startAdmission()', () => {
  it('answers with a patch in base64', async () => {
    const response = (await responseTo('/mutate-pods?timeout=5s', review(agent({ 'pg-airlock.dev/connection': 'shop' })))) as {
      patch: string;
    };
    expect(response).toEqual({ uid: 'u-1', allowed: true, patchType: 'JSONPatch', patch: response.patch });
    const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString()) as { path: string }[];
    expect(patch.map(({ path }) => path)).toEqual(['/spec/containers/0/env', '/spec/initContainers', '/spec/volumes']);
  });

  it('refuses with what is wrong and how to correct it', async () => {
    expect(await responseTo('/mutate-pods', review(agent(undefined)))).toEqual({
      uid: 'u-1',
      allowed: false,
      status: {
        metadata: {},
        status: 'Failure',
        code: 422,
        reason: 'Invalid',
        message:
          'pod "agent-" cannot be an agent of pg-airlock: annotation pg-airlock.dev/connection: is missing. ' +
          'Name the DatabaseConnection that the agent uses, as "shop" or "data/shop"',
      },
    });
  });

  it('leaves alone what is not created, and refuses what it was not made for', async () => {
    expect(await responseTo('/mutate-pods', review(agent(undefined), { operation: 'UPDATE' }))).toEqual({ uid: 'u-1', allowed: true });
    expect(await responseTo('/validate', review({}))).toMatchObject({ allowed: false, status: { code: 400 } });
    expect(await responseTo('/mutate-pods', review({}, { subResource: 'exec' }))).toMatchObject({ allowed: false, status: { code: 400 } });
  });

  it.each([
    ['no JSON', '{"request":', 'the body is not JSON in UTF-8'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the body is not JSON in UTF-8'],
    ['nothing', '', 'the body is not JSON in UTF-8'],
    ['a list', '[]', 'the body is not a JSON object'],
    ['null', 'null', 'the body is not a JSON object'],
    ['another kind', '{"apiVersion":"v1","kind":"Pod"}', 'the body is not an AdmissionReview of admission.k8s.io/v1'],
    [
      'an older version',
      '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}',
      'the body is not an AdmissionReview of admission.k8s.io/v1',
    ],
    ['no request', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}', 'the AdmissionReview has no request'],
    [
      'no uid',
      '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}',
      'the request of the AdmissionReview has no uid',
    ],
  ])('answers 400 to %s', async (_, body, problem) => {
    expect(await send('/mutate-pods', body)).toEqual({ status: 400, body: `${problem}\n` });
  });

  it.each([null, [], 'pod', 7, { metadata: null }, { metadata: [], spec: 'x' }, { spec: { containers: [null, 3, { env: {} }] } }])(
    'does not fall over %j as a pod',
    async (object) => {
      expect(await responseTo('/mutate-pods', review(object))).toEqual({ uid: 'u-1', allowed: true });
      const labelled = { ...(object as object), metadata: { labels: { 'pg-airlock.dev/agent': 'true' }, annotations: 5 } };
      expect(await responseTo('/mutate-pods', review(labelled))).toMatchObject({ allowed: false });
    },
  );

  it('refuses what it cannot judge for a fault of its own, and says so', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const body = review(
      { apiVersion: 'pg-airlock.dev/v1alpha1', kind: 'DatabaseAccessPolicy', metadata: { name: 'a' }, spec: 'DEEP' },
      {
        resource: { group: 'pg-airlock.dev', version: 'v1alpha1', resource: 'databaseaccesspolicies' },
      },
    ).replace('"DEEP"', deep);
    expect(await responseTo('/validate', body)).toMatchObject({ allowed: false });
  });

  it('tells other requests what is expected', async () => {
    expect(await send('/', '')).toEqual({ status: 404, body: 'there are /mutate-pods and /validate here\n' });
    expect(await send('/validate', '', { method: 'GET' })).toEqual({ status: 405, body: 'AdmissionReviews are sent by POST\n' });
    expect(await send('/validate', '{}', { headers: { 'content-type': 'text/plain' } })).toMatchObject({ status: 415 });
    expect(await send('/validate', '{}', { headers: { 'content-encoding': 'gzip' } })).toMatchObject({ status: 415 });
    expect(await send('/validate', '{}', { headers: { 'content-length': 9_000_000 } })).toMatchObject({ status: 413 });
  });

  it('ends a body without a length where it becomes too large', async () => {
    const call = request({
      method: 'POST',
      ...admission.address,
      path: '/validate',
      ca: published.current().ca,
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    });
    call.on('error', () => undefined);
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    for (let sent = 0; sent < 10 && !call.destroyed; sent += 1) call.write(Buffer.alloc(1024 * 1024, 0x20));
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    call.destroy();
  });

  it('serves a new certificate without losing a connection', async () => {
    const held = new Agent({ keepAlive: true, maxSockets: 1 });
    const oldAuthority = published.current().ca;
    const body = review(agent({ 'pg-airlock.dev/connection': 'shop' }));
    expect(await send('/mutate-pods', body, { agent: held })).toMatchObject({ status: 200 });
    published.publish(await certificateNow());
    expect(await send('/mutate-pods', body, { agent: held, ca: oldAuthority })).toMatchObject({ status: 200 });
    expect(await send('/mutate-pods', body)).toMatchObject({ status: 200 });
    await expect(
      new Promise((resolve, reject) => {
        const socket: TLSSocket = connectTls({ ...admission.address, ca: oldAuthority }, () => resolve('trusted'));
        socket.on('error', reject);
      }),
    ).rejects.toThrow('certificate');
    held.destroy();
  });

  it('ends whoever connects and says nothing, and serves others meanwhile', async () => {
    const silent = Array.from({ length: 500 }, () => connect(admission.address));
    const slow = connectTls({ ...admission.address, ca: published.current().ca });
    slow.on('error', () => undefined);
    slow.on('secureConnect', () =>
      slow.write('POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{'),
    );
    const ended = [...silent, slow].map((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      return once(socket, 'close');
    });
    expect(await responseTo('/mutate-pods', review({}))).toEqual({ uid: 'u-1', allowed: true });
    await Promise.all(ended);
    expect(ended).toHaveLength(501);
  });

  it('tells its observer of each answer', () => {
    expect([...new Set(observed)].toSorted()).toEqual([
      '/mutate-pods Allowed',
      '/mutate-pods Malformed',
      '/mutate-pods Patched',
      '/mutate-pods Refused',
      '/validate Failed',
      '/validate Malformed',
      '/validate Refused',
      'other Malformed',
    ]);
  });
});
