import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from './kubernetes.ts';

const POLICY = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-secret-mounts}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations:
    - expression: "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.secret))"
      message: no Secrets here
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-secret-mounts}
spec: {policyName: no-secret-mounts, validationActions: [Deny]}
`;

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const pod = (name: string, volumes: readonly object[] = []): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'main' }], volumes },
});

describe('startControlPlane()', () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await cluster.apply([namespace('here')]);
  });
  afterAll(() => cluster.stop());

  it('refuses a user who has no rights, and lets the one who has', async () => {
    const pods = '/api/v1/namespaces/here/pods';
    expect((await cluster.request('GET', pods, undefined, { as: 'carol' })).status).toBe(403);
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'reader', namespace: 'here' } };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' };
    await cluster.apply([
      { ...role, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] },
      { ...role, kind: 'RoleBinding', roleRef, subjects: [{ apiGroup: roleRef.apiGroup, kind: 'Group', name: 'readers' }] },
    ]);
    const kubeconfig = await cluster.kubeconfigFor({ name: 'carol', groups: ['readers'] });
    expect(await cluster.kubectl(['get', 'pods', '-n', 'here', '--kubeconfig', kubeconfig])).toMatchObject({ code: 0 });
    const refused = await cluster.kubectl(['get', 'secrets', '-n', 'here'], { as: { name: 'carol', groups: ['readers'] } });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('User "carol" cannot list resource "secrets"') });
  });

  it('enforces a ValidatingAdmissionPolicy', async () => {
    const attempt = pod('thief', [{ name: 'secret', secret: { secretName: 'password' } }]);
    await cluster.apply(POLICY);
    const pods = '/api/v1/namespaces/here/pods';
    let answer = await cluster.request('POST', `${pods}?dryRun=All`, attempt);
    for (; answer.status === 201; answer = await cluster.request('POST', `${pods}?dryRun=All`, attempt)) await setTimeout(100);
    expect(answer).toMatchObject({ status: 422, body: { message: expect.stringContaining('no Secrets here') } });
    expect((await cluster.request('POST', pods, pod('honest'))).status).toBe(201);
  });

  it('issues tokens for an audience, bound to a pod, and reviews them', async () => {
    await cluster.request('POST', '/api/v1/namespaces/here/serviceaccounts', { metadata: { name: 'agent' } });
    const bound = { ...pod('bound'), spec: { serviceAccountName: 'agent', containers: [{ name: 'main', image: 'main' }] } };
    const { body: made } = await cluster.request('POST', '/api/v1/namespaces/here/pods', bound);
    const { uid } = (made as { metadata: { uid: string } }).metadata;
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'bound', uid };
    const { body: issued } = await cluster.request('POST', '/api/v1/namespaces/here/serviceaccounts/agent/token', {
      spec: { audiences: ['for.us'], expirationSeconds: 600, boundObjectRef },
    });
    const { token } = (issued as { status: { token: string } }).status;
    const review = async (audience: string): Promise<unknown> => {
      const spec = { token, audiences: [audience] };
      return (await cluster.request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec })).body;
    };
    expect(await review('for.us')).toMatchObject({
      status: {
        authenticated: true,
        audiences: ['for.us'],
        user: {
          username: 'system:serviceaccount:here:agent',
          extra: { 'authentication.kubernetes.io/pod-name': ['bound'], 'authentication.kubernetes.io/pod-uid': [uid] },
        },
      },
    });
    expect(await review('for.others')).not.toMatchObject({ status: { authenticated: true } });
    const kubeconfig = await cluster.kubeconfigFor({ token });
    expect(await cluster.kubectl(['get', 'pods', '--kubeconfig', kubeconfig])).toMatchObject({ code: 1 });
  });

  it('keeps its data and its address when the API server ends and starts again', async () => {
    const configMap = '/api/v1/namespaces/here/configmaps/kept';
    await cluster.request('POST', '/api/v1/namespaces/here/configmaps', { metadata: { name: 'kept' }, data: { answer: '42' } });
    await cluster.stopApiServer();
    await expect(cluster.request('GET', configMap)).rejects.toThrow('ECONNREFUSED');
    await cluster.startApiServer();
    expect(await cluster.request('GET', configMap)).toMatchObject({ status: 200, body: { data: { answer: '42' } } });
  });

  it('takes a chart by helm', async () => {
    const chart = join(cluster.directory, 'tiny');
    await mkdir(join(chart, 'templates'), { recursive: true });
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: tiny\nversion: 1.0.0\n');
    const template =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {answer: {{ .Values.answer | quote }}}\n';
    await writeFile(join(chart, 'templates', 'map.yaml'), template);
    const installed = await cluster.helm(['install', 'first', chart, '--namespace', 'charts', '--create-namespace', '--set', 'answer=42']);
    expect(installed).toMatchObject({ code: 0, stderr: '' });
    expect(await cluster.request('GET', '/api/v1/namespaces/charts/configmaps/first')).toMatchObject({ body: { data: { answer: '42' } } });
    expect(await cluster.helm(['uninstall', 'first', '--namespace', 'charts'], { as: 'carol' })).toMatchObject({ code: 1 });
    expect(await cluster.helm(['uninstall', 'first', '--namespace', 'charts'])).toMatchObject({ code: 0 });
  });
});

it('leaves nothing behind when the process that started it is killed', async () => {
  const script = `const { startControlPlane } = await import(${JSON.stringify(join(import.meta.dirname, 'kubernetes.ts'))});
    const { directory } = await startControlPlane();
    console.log(directory);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const directory = line.trim();
  expect(existsSync(directory)).toBe(true);
  child.kill('SIGKILL');
  while (existsSync(directory)) await setTimeout(100);
});
