import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENTS, helmDone, kubectl, kubectlDone, psql, RELEASE, startAgent, SYSTEM } from './environment.ts';
import { inventory, rememberedInventory } from './inventory.ts';
import { installed } from './release.ts';

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
    const ofUsers = new RegExp(`\\b(${AGENTS}|data|${SYSTEM}|quickstart)\\b`);
    const left = (await inventory()).filter((line) => !before.includes(line));
    console.log(left.map((line) => `    ${line}`).join('\n'));
    expect(
      left.filter((line) => line.includes('CustomResourceDefinition') || !ofUsers.test(line)).map((line) => line.split(' ').at(-1)),
    ).toEqual(['databaseaccesspolicies.pg-airlock.dev', 'databaseconnections.pg-airlock.dev']);
    // In the namespaces that were ours to use: what the tests put there, and nothing of the operator's.
    expect(left.filter((line) => /pg-airlock-|pg-airlock\.dev\/managed|managed-by=pg-airlock/.test(line))).toEqual([]);
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
