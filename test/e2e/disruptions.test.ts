import { beforeAll, describe, expect, it, vi } from 'vitest';
import { restartKubelet } from '../cluster/cluster.ts';
import {
  AGENTS,
  agentPod,
  apply,
  DATA,
  getObject,
  helm,
  inAgent,
  kubectl,
  kubectlDone,
  psql,
  ready,
  startAgent,
  SYSTEM,
} from './environment.ts';
import { openSession } from './live-session.ts';
import { IS_THE_NODE, sidecarProcess } from './on-the-node.ts';
import { installed } from './release.ts';
import { policy } from './shop.ts';

type Restarts = { readonly status: { readonly initContainerStatuses: readonly { readonly restartCount: number }[] } };

const OPERATORS = ['-n', SYSTEM, '-l', 'app.kubernetes.io/component=operator'];
const WAIT = { timeout: 120_000, interval: 500 };
const restarts = async (pod: string): Promise<number | undefined> =>
  (await getObject<Restarts>(['pod', pod, '-n', AGENTS])).status.initContainerStatuses[0]?.restartCount;

describe('an agent goes on', () => {
  beforeAll(async () => {
    await installed();
    await startAgent('survivor');
  });

  it('while the operator is killed, and follows it when it is back', async () => {
    const session = await openSession('survivor');
    await kubectlDone(['delete', 'pods', ...OPERATORS, '--force', '--grace-period=0']);
    expect((await session.run('SELECT count(*) FROM orders')).rows).toEqual(['24']);
    await kubectlDone(['rollout', 'status', 'deployment/pg-airlock-operator', '-n', SYSTEM, '--timeout=120s']);
    await apply([policy(['phone'])]);
    await vi.waitFor(async () => expect((await session.run('SELECT phone FROM customers WHERE id = 1')).error).toBeUndefined(), {
      timeout: 60_000,
      interval: 500,
    });
    await apply([policy()]);
    session.close();
  });

  it('while there is no operator at all; then no pod of an agent comes in', async () => {
    await kubectlDone(['scale', 'deployment/pg-airlock-operator', '-n', SYSTEM, '--replicas=0']);
    await kubectlDone(['wait', '--for=delete', 'pods', ...OPERATORS, '--timeout=90s']);
    expect((await psql('survivor', 'SELECT count(*) FROM orders')).stdout).toBe('24');
    await expect(apply([agentPod('newcomer')])).rejects.toThrow('failed calling webhook');
    await kubectlDone(['scale', 'deployment/pg-airlock-operator', '-n', SYSTEM, '--replicas=2']);
    await kubectlDone(['rollout', 'status', 'deployment/pg-airlock-operator', '-n', SYSTEM, '--timeout=120s']);
    await vi.waitFor(() => apply([agentPod('newcomer')]), { timeout: 60_000, interval: 500 });
    await ready('newcomer');
    expect((await psql('newcomer', 'SELECT count(*) FROM orders')).stdout).toBe('24');
    await kubectlDone(['delete', 'pod', 'newcomer', '-n', AGENTS]);
  });

  it.runIf(IS_THE_NODE)('while the kubelet is away, and the sidecar is not restarted', async () => {
    // `kubectl exec` goes through the kubelet: this session is the container's own.
    const asking = `while sleep 0.2; do echo 'SELECT 1;'; done | psql -X -A -t -d shop -U anybody > /tmp/answers 2>&1`;
    await inAgent('survivor', ['sh', '-c', `nohup sh -c "${asking}" > /dev/null 2>&1 & sleep 1`]);
    const before = await restarts('survivor');
    await restartKubelet({ kubectl, apply, helm }, 5000);
    await vi.waitFor(
      async () => {
        const { stdout } = await inAgent('survivor', ['cat', '/tmp/answers']);
        const answers = stdout.trim().split('\n');
        expect(answers.length).toBeGreaterThan(30);
        expect(new Set(answers)).toEqual(new Set(['1']));
      },
      { timeout: 60_000, interval: 500 },
    );
    await inAgent('survivor', ['pkill', 'psql']);
    expect(await restarts('survivor')).toBe(before);
  });

  it('when the database has restarted', async () => {
    const session = await openSession('survivor');
    await kubectl(['exec', '-n', DATA, 'postgres', '--', 'sh', '-c', 'kill -INT 1']);
    expect(await session.lost()).toMatch(/FATAL|terminat|closed/i);
    const server = 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}';
    await vi.waitFor(async () => expect(await kubectlDone(['get', 'pod', 'postgres', '-n', DATA, '-o', server])).toBe('1 true'), WAIT);
    await vi.waitFor(async () => expect((await psql('survivor', 'SELECT count(*) FROM orders')).stdout).toBe('24'), WAIT);
    expect(await restarts('survivor')).toBe(0);
  });

  it.runIf(IS_THE_NODE)('when its sidecar hangs: the kubelet restarts it', async () => {
    process.kill(await sidecarProcess('survivor'), 'SIGSTOP');
    await vi.waitFor(async () => expect(await restarts('survivor')).toBe(1), { timeout: 180_000, interval: 2000 });
    await ready('survivor');
    expect((await psql('survivor', 'SELECT count(*) FROM orders')).stdout).toBe('24');
    await kubectlDone(['delete', 'pod', 'survivor', '-n', AGENTS]);
  });
});
