/**
 * What only a test on the node itself can see: the processes of pods.
 */
import { spawnSync } from 'node:child_process';
import { inject } from 'vitest';
import { CLUSTER_KUBECONFIG } from '../cluster/cluster.ts';
import { AGENTS, kubectlDone } from './environment.ts';

/** The node is this machine. */
export const IS_THE_NODE = inject('kubeconfig') === CLUSTER_KUBECONFIG;

/** The process of the sidecar of that pod. */
export const sidecarProcess = async (pod: string): Promise<number> => {
  const path = 'jsonpath={.status.initContainerStatuses[0].containerID}';
  const container = (await kubectlDone(['get', 'pod', pod, '-n', AGENTS, '-o', path])).replace('containerd://', '');
  const { stdout } = spawnSync('pgrep', ['-f', 'proxy --control'], { encoding: 'utf8' });
  const pids = stdout.split('\n').filter((pid) => pid !== '' && spawnSync('grep', ['-q', container, `/proc/${pid}/cgroup`]).status === 0);
  if (pids.length !== 1) throw new Error(`pod ${pod} has ${pids.length} sidecars`);
  return Number(pids[0]);
};
