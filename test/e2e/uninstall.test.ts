import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENTS, DATA, helmDone, kubectl, kubectlDone, psql, RELEASE, startAgent, SYSTEM } from './environment.ts';
import { inventory, rememberedInventory } from './inventory.ts';
import { installed } from './release.ts';

/** Namespaces of tests and of the quickstart. */
const TESTS = [AGENTS, DATA, 'quickstart', 'quickstart-data'];

const LEFT = [
  'APIService apiregistration.k8s.io/v1 <none> v1alpha1.pg-airlock.dev',
  `ConfigMap v1 ${SYSTEM} kube-root-ca.crt`,
  'CustomResourceDefinition apiextensions.k8s.io/v1 <none> databaseaccesspolicies.pg-airlock.dev',
  'CustomResourceDefinition apiextensions.k8s.io/v1 <none> databaseconnections.pg-airlock.dev',
  `Namespace v1 <none> ${SYSTEM}`,
  `ServiceAccount v1 ${SYSTEM} default`,
  `${SYSTEM} kubernetes.io/metadata.name=${SYSTEM},name=${SYSTEM}`,
];

describe('helm uninstall', () => {
  beforeAll(async () => {
    await installed();
    await startAgent('last');
  });

  it('leaves the kinds and what people made of them, and nothing else', async () => {
    expect((await psql('last', 'SELECT count(*) FROM orders')).stdout).toBe('24');
    const before = (await rememberedInventory()) ?? [];
    await kubectlDone(['delete', 'pods', '--all', '-n', AGENTS]);
    await helmDone(['uninstall', RELEASE, '--namespace', SYSTEM, '--wait', '--timeout', '4m']);
    // What belonged to pods that are gone goes after them.
    await vi.waitFor(
      async () => {
        const left = (await inventory()).filter((line) => !before.includes(line));
        // What the tests put into their namespaces is theirs.
        const ours = left.filter((line) => !TESTS.some((name) => line.split(' ').includes(name)) || /pg-airlock-|managed/.test(line));
        expect(ours).toEqual(LEFT);
      },
      { timeout: 60_000, interval: 1000 },
    );
    console.log(LEFT.map((line) => `    ${line}`).join('\n'));
    expect((await kubectl(['get', 'dap,dbc', '-A'])).stdout).toContain('reporting');
  });

  it('lets pods of agents in again, without a sidecar', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone', namespace: AGENTS, labels: { 'pg-airlock.dev/agent': 'true' } },
    };
    const spec = { containers: [{ name: 'agent', image: 'pg-airlock.test/agent:1', command: ['sleep', 'infinity'] }] };
    await vi.waitFor(async () => expect((await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ ...pod, spec }) })).code).toBe(0), {
      timeout: 30_000,
      interval: 1000,
    });
    expect(await kubectlDone(['get', 'pod', 'alone', '-n', AGENTS, '-o', 'jsonpath={.spec.initContainers}'])).toBe('');
  });
});
