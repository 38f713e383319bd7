/**
 * What a machine must have for a whole cluster to run on it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Debian's packages, by a program that each brings. */
const PACKAGES: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  ip: 'iproute2',
};
const NETWORK_PLUGINS = '/usr/lib/cni/bridge';

/** What is missing, as a sentence that says what to do; undefined where nothing is. */
export const missingForCluster = (): string | undefined => {
  if (process.platform !== 'linux') return 'a cluster of our own runs on Linux only: name another by KUBECONFIG';
  if (process.getuid?.() !== 0) return 'a cluster of our own needs root: name another by KUBECONFIG';
  const packages = Object.entries(PACKAGES).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]));
  if (!existsSync(NETWORK_PLUGINS)) packages.push('containernetworking-plugins');
  return packages.length === 0 ? undefined : `a cluster of our own needs more programs: apt-get install ${packages.join(' ')}`;
};

const isInstalled = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
