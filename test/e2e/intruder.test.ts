import { beforeAll, describe, expect, it } from 'vitest';
import { AGENT_IMAGE } from './client-images.ts';
import { AGENTS, agentPod, apply, getObject, kubectl, startAgent } from './environment.ts';
import { installed } from './release.ts';
import { PASSWORD } from './shop.ts';

/** All that a developer may do in a namespace, but read its Secrets. */
const RULES = [
  {
    apiGroups: [''],
    resources: [
      'pods',
      'pods/exec',
      'pods/attach',
      'pods/portforward',
      'pods/proxy',
      'pods/log',
      'pods/ephemeralcontainers',
      'serviceaccounts',
      'serviceaccounts/token',
      'configmaps',
    ],
    verbs: ['*'],
  },
  { apiGroups: ['apps', 'batch'], resources: ['*'], verbs: ['*'] },
];
const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'developer', namespace: AGENTS } };
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'developer' };
const as = { as: 'mallory' };

describe('a developer of the namespace', () => {
  beforeAll(async () => {
    await installed();
    await apply([
      { ...role, rules: RULES },
      { ...role, kind: 'RoleBinding', roleRef, subjects: [{ apiGroup: roleRef.apiGroup, kind: 'User', name: 'mallory' }] },
    ]);
    await startAgent('target');
  });

  it("runs commands in the agent's own container", async () => {
    expect(await kubectl(['exec', '-n', AGENTS, 'target', '-c', 'agent', '--', 'id', '-u'], as)).toMatchObject({ code: 0, stdout: '0\n' });
  });

  it.each([
    ['exec', ['exec', '-n', AGENTS, 'target', '-c', 'pg-airlock', '--', '/usr/bin/node', '-e', '1']],
    ['attach', ['attach', '-n', AGENTS, 'target', '-c', 'pg-airlock']],
    ['port-forward', ['port-forward', '-n', AGENTS, 'pod/target', '0:5432', '--pod-running-timeout=10s']],
    ['copy', ['cp', '-n', AGENTS, '-c', 'pg-airlock', 'target:/var/run/pg-airlock/token', '/tmp/never-written']],
    ['debug', ['debug', '-n', AGENTS, 'target', '--target=pg-airlock', `--image=${AGENT_IMAGE}`, '--', 'sleep', '1000']],
    [
      'debug a copy with all processes shared',
      ['debug', '-n', AGENTS, 'target', '--copy-to=copy', '--share-processes', `--image=${AGENT_IMAGE}`, '--', 'sleep', '1000'],
    ],
    ['proxy', ['get', '--raw', `/api/v1/namespaces/${AGENTS}/pods/target:9632/proxy/metrics`]],
    ['token', ['create', 'token', 'default', '-n', AGENTS, '--audience=pg-airlock.dev']],
    ['secret', ['get', 'secrets', '-n', AGENTS]],
  ] as const)('is refused: %s', async (_name, parameters) => {
    const { code, stdout, stderr } = await kubectl(parameters, as);
    console.log(`    ${stderr.trim().split('\n').at(-1)?.slice(0, 200)}`);
    expect(stdout).not.toContain(PASSWORD);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/denied|forbidden|Forbidden/) });
  });

  it('gets a copy of an agent only with the sidecar as it is', async () => {
    type Pod = { readonly spec: { readonly initContainers: readonly { readonly name: string; readonly image: string }[] } };
    const sidecarOf = async (pod: string): Promise<unknown> => {
      const { spec } = await getObject<Pod>(['pod', pod, '-n', AGENTS]);
      return spec.initContainers.map(({ name, image }) => [name, image]);
    };
    const copy = ['debug', '-n', AGENTS, 'target', '--copy-to=copy', `--set-image=pg-airlock=${AGENT_IMAGE}`];
    const { code, stderr } = await kubectl(copy, as);
    try {
      if (code !== 0) throw new Error(stderr);
      expect(await sidecarOf('copy')).toEqual(await sidecarOf('target'));
    } finally {
      await kubectl(['delete', 'pod', 'copy', '-n', AGENTS, '--ignore-not-found', '--wait=false']);
    }
  });

  it('gets a sidecar of the operator, whatever image and command the pod names for it', async () => {
    const forged = { name: 'pg-airlock', image: AGENT_IMAGE, command: ['sleep', 'infinity'], restartPolicy: 'Always' };
    await apply([agentPod('forged', { spec: { initContainers: [forged] } })], as);
    const path = 'jsonpath={.spec.initContainers[*].image} {.spec.initContainers[*].command}';
    expect(await kubectl(['get', 'pod', 'forged', '-n', AGENTS, '-o', path])).toMatchObject({
      stdout: expect.stringMatching(/^\S*pg-airlock\/proxy\S* $/),
    });
    await kubectl(['delete', 'pod', 'forged', '-n', AGENTS, '--wait=false']);
  });

  it('learns no secret from the logs of the sidecar', async () => {
    const { code, stdout } = await kubectl(['logs', '-n', AGENTS, 'target', '-c', 'pg-airlock'], as);
    expect(code).toBe(0);
    expect(stdout).not.toContain(PASSWORD);
    expect(stdout).not.toMatch(/eyJ[\w-]+\./);
  });

  it('cannot mount the managed Secret into a pod of theirs', async () => {
    const volumes = [{ name: 'loot', secret: { secretName: 'pg-airlock-data.shop' } }];
    const containers = [{ name: 'agent', image: AGENT_IMAGE, volumeMounts: [{ name: 'loot', mountPath: '/loot' }] }];
    await expect(apply([agentPod('looter', { spec: { volumes, containers } })], as)).rejects.toThrow(/denied|forbidden/);
    const plain = agentPod('looter', { spec: { volumes, containers } }) as { metadata: object };
    await expect(apply([{ ...plain, metadata: { name: 'looter', namespace: AGENTS } }], as)).rejects.toThrow(/denied|forbidden/);
  });
});
