import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeClient } from '../../operator/kube/client.ts';
import { connectKube } from '../../operator/kube/connect.ts';
import { startInformer } from '../../operator/kube/informer.ts';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { keepLog } from '../support/log-lines.ts';

const TOLERANT = 120_000;

let cluster: ControlPlane;
let kube: KubeClient;
/** Who wrote, each only once in a row. */
const writers: string[] = [];
const holders: string[] = [];
const children: ChildProcess[] = [];

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await pause(20);
};

const appendTo = (turns: string[], value: string): void => {
  if (turns.at(-1) !== value) turns.push(value);
};

/** What stands in such a field of an object's field. */
const textAt = (object: KubeObject | undefined, field: string, name: string): string =>
  (object?.[field] as Readonly<Record<string, string>> | undefined)?.[name] ?? '';

type Replica = { readonly child: ChildProcess; readonly said: string[] };

const startReplica = (identity: string): Replica => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'elector.ts'), cluster.kubeconfig, identity], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const said: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(...text.split('\n').filter((line) => line !== '')));
  return { child, said };
};

const transform = (object: KubeObject): KubeObject => object;

beforeAll(async () => {
  cluster = await startControlPlane();
  kube = await connectKube({ kubeconfig: cluster.kubeconfig, serviceHost: undefined, servicePort: undefined });
  const { log } = keepLog();
  const maps = startInformer({ name: 'maps', client: kube, path: '/api/v1/namespaces/default/configmaps', transform, log });
  maps.listen(({ after }) => appendTo(writers, textAt(after, 'data', 'writer')));
  const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  const leases = startInformer({ name: 'leases', client: kube, path, transform, log });
  leases.listen(({ after }) => appendTo(holders, textAt(after, 'spec', 'holderIdentity')));
  await Promise.all([maps.synced, leases.synced]);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  kube?.close();
  await cluster?.stop();
});

describe('electLeader()', { timeout: TOLERANT }, () => {
  it('has never two leaders, whether one is stopped, resumed, ended or killed', async () => {
    const first = startReplica('first');
    await until(() => first.said.includes('leads') && writers.length === 1);
    const second = startReplica('second');

    // Stopped, it can notice nothing: the other one takes over, and it has to notice before it writes again.
    first.child.kill('SIGSTOP');
    await until(() => writers.at(-1) === 'second');
    first.child.kill('SIGCONT');
    await until(() => first.said.includes('ended'));
    await pause(1000);
    expect(writers).toEqual(['first', 'second']);

    // Ended, it gives the lease away.
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
    await until(() => writers.at(-1) === 'first');
    expect(second.said).toEqual(['leads', 'ended']);
    expect(holders).toEqual(['first', 'second', '', 'first']);

    const third = startReplica('third');
    first.child.kill('SIGKILL');
    await until(() => writers.at(-1) === 'third');
    expect(writers).toEqual(['first', 'second', 'first', 'third']);
    expect(third.said).toEqual(['leads']);
  });

  it('stops to lead when it cannot renew, and leads again when it can', async () => {
    const [last] = children.slice(-1);
    last?.kill('SIGKILL');
    const only = startReplica('only');
    await until(() => only.said.includes('leads'));
    await cluster.stopApiServer();
    await until(() => only.said.includes('ended'));
    await cluster.startApiServer();
    await until(() => only.said.filter((what) => what === 'leads').length === 2);
    await until(() => writers.at(-1) === 'only');
    expect(only.said).toEqual(['leads', 'ended', 'leads']);
  });

  it('waits while another one holds the lease, whatever the clock of that one says', async () => {
    for (const child of children) child.kill('SIGKILL');
    const hold = (leaseDurationSeconds: number): Promise<void> =>
      cluster.apply([
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name: 'elected', namespace: 'default' },
          spec: { holderIdentity: 'ghost', leaseDurationSeconds, renewTime: '2001-01-01T00:00:00.000000Z' },
        },
      ]);
    await hold(3600);
    const { said } = startReplica('patient');
    await pause(4000);
    expect(said).toEqual([]);
    await hold(1);
    await until(() => said.includes('leads'));
    expect(holders.slice(-2)).toEqual(['ghost', 'patient']);
  });
});
