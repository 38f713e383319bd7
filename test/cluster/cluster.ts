/**
 * A whole Kubernetes of one node on this machine, without Docker: things start here with `startCluster`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createAuthority } from '../support/certificates.ts';
import { CONTROL_PLANE_PROGRAMS, clientPrograms, kubernetesPrograms, NODE_PROGRAMS } from '../support/kubernetes-binaries.ts';
import { type CommandLine, type KubernetesClient, kubernetesClient } from '../support/kubernetes-client.ts';
import { apiServerFlags, certificateUser, etcdFlags, kubeconfigOf, writePki } from '../support/kubernetes-configuration.ts';
import { freePorts, readPid, reapWithUs, type Supervised, supervise } from '../support/kubernetes-processes.ts';
import { isReady } from '../support/kubernetes.ts';
import { run } from '../support/postgres-binaries.ts';
import { writeImageArchive } from './image-archive.ts';
import {
  containerdConfiguration,
  DNS_SERVICE,
  dnsConfiguration,
  kubeletConfiguration,
  kubeProxyConfiguration,
  NETWORK,
  networkConfiguration,
  NODE,
  PAUSE_IMAGE,
} from './node-configuration.ts';
import { missingForCluster } from './requirements.ts';

export type Cluster = KubernetesClient & {
  /** The administrator's, as a path. */
  readonly kubeconfig: string;
  readonly directory: string;
  /** Ends all of it and leaves nothing. */
  readonly stop: () => Promise<void>;
};

/** One at a time: networks and ports of the node are the machine's. Its path is short, for the sake of sockets' names. */
const STATE = '/tmp/pg-airlock-cluster';
const OWNER = join(STATE, 'owner');
const SOCKET = join(STATE, 'containerd.sock');

/** The administrator's kubeconfig of the cluster of this machine, while there is one. */
export const CLUSTER_KUBECONFIG = join(STATE, 'admin.kubeconfig');

/** Starts the cluster and resolves when its node is ready; it ends with this process, whatever way that goes. */
export const startCluster = async (): Promise<Cluster> => {
  const missing = missingForCluster();
  if (missing !== undefined) throw new Error(missing);
  const programs = await kubernetesPrograms([...CONTROL_PLANE_PROGRAMS, ...NODE_PROGRAMS]);
  const { kubectl, helm } = await clientPrograms();
  const down = [join(import.meta.dirname, 'down.sh'), STATE, NETWORK.bridge, programs['kube-proxy']];
  await clearLeftovers(down);
  await mkdir(STATE, { mode: 0o755 });
  await writeFile(OWNER, String(process.pid));
  const reaper = reapWithUs(STATE, `exec sh ${down.map((part) => `'${part}'`).join(' ')}`);
  const reaped = new Promise((resolve) => reaper.once('exit', resolve));
  const stop = async (): Promise<void> => {
    reaper.ref();
    reaper.stdin?.end();
    await reaped;
  };
  try {
    const [port = 0, clientPort = 0, peerPort = 0] = await freePorts(3);
    const url = `https://127.0.0.1:${port}`;
    const client = await writeConfiguration(url);
    await writeFile(join(STATE, 'ip_forward'), await readFile('/proc/sys/net/ipv4/ip_forward'));
    await makeBridge();

    const start = (name: keyof typeof programs, flags: readonly string[]): Supervised => supervise(STATE, name, programs[name], flags);
    const etcd = start('etcd', etcdFlags(clientPort, peerPort));
    const containerd = supervise(STATE, 'containerd', 'containerd', ['-c', 'containerd.toml']);
    const server = start('kube-apiserver', [...apiServerFlags(port, clientPort), ...NODE_FLAGS]);
    const api = kubernetesClient({ url, ...client, kubectl, helm, directory: STATE });
    if (!(await isReady(api, [etcd, server]))) throw new Error(`the API server did not start: ${etcd.log()}\n${server.log()}`);
    await until('containerd', () => existsSync(SOCKET), containerd);
    await importPause(programs.pause);

    start('kube-controller-manager', CONTROLLER_MANAGER_FLAGS);
    start('kube-scheduler', ['--kubeconfig=admin.kubeconfig', '--leader-elect=false']);
    start('kube-proxy', ['--config=kube-proxy.json']);
    start('coredns', ['-conf', 'Corefile']);
    const kubelet = start('kubelet', KUBELET_FLAGS);
    await api.apply(DNS_SERVICE);
    await until('the node', () => nodeIsReady(api), kubelet);
    return { ...api, kubeconfig: CLUSTER_KUBECONFIG, directory: STATE, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Puts the images of an OCI archive onto the node of the cluster of this machine. */
export const importImage = (archive: string): Promise<void> =>
  run('ctr', ['-a', SOCKET, '-n', 'k8s.io', 'images', 'import', archive], undefined);

/** Kills the kubelet of the cluster of this machine, and starts it again `milliseconds` later; resolves when its node is ready. */
export const restartKubelet = async (api: CommandLine, milliseconds: number): Promise<void> => {
  const pid = readPid(join(STATE, 'kubelet.pid'));
  if (pid === undefined) throw new Error('there is no kubelet');
  process.kill(pid, 'SIGKILL');
  await setTimeout(milliseconds);
  const { kubelet } = await kubernetesPrograms(['kubelet']);
  const again = supervise(STATE, 'kubelet', kubelet, KUBELET_FLAGS);
  await until('the node', () => nodeIsReady(api), again);
};

const nodeIsReady = async ({ kubectl }: CommandLine): Promise<boolean> => {
  const { stdout } = await kubectl(['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=2s']);
  return stdout.includes('condition met');
};

const NODE_FLAGS = [
  '--bind-address=0.0.0.0',
  `--advertise-address=${NETWORK.node}`,
  `--service-cluster-ip-range=${NETWORK.services}`,
  '--authorization-mode=Node,RBAC',
  '--enable-admission-plugins=NodeRestriction',
  '--kubelet-client-certificate=pki/admin.crt',
  '--kubelet-client-key=pki/admin.key',
  '--kubelet-certificate-authority=pki/ca.crt',
  // Or logs and exec look the node's name up.
  '--kubelet-preferred-address-types=InternalIP',
];

const CONTROLLER_MANAGER_FLAGS = [
  '--kubeconfig=admin.kubeconfig',
  '--service-account-private-key-file=pki/service-accounts.key',
  '--root-ca-file=pki/ca.crt',
  '--use-service-account-credentials',
  '--leader-elect=false',
];

const KUBELET_FLAGS = [
  '--config=kubelet.json',
  '--kubeconfig=node.kubeconfig',
  `--hostname-override=${NODE}`,
  `--root-dir=${STATE}/kubelet`,
  `--node-ip=${NETWORK.node}`,
];

/** What a killed run left; a run that is still there is left alone. */
const clearLeftovers = async (down: readonly string[]): Promise<void> => {
  if (!existsSync(STATE)) return;
  const owner = Number(await readFile(OWNER, 'utf8').catch(() => '0'));
  if (owner > 0 && existsSync(`/proc/${owner}`)) {
    throw new Error(`a cluster is running already: end process ${owner}, or use it by KUBECONFIG=${CLUSTER_KUBECONFIG}`);
  }
  spawnSync('sh', down, { stdio: 'ignore' });
  if (existsSync(STATE)) throw new Error(`${STATE}, which a killed run left, cannot be removed`);
};

/** Writes all files that the programs read. */
const writeConfiguration = async (url: string): Promise<{ ca: string; client: { cert: string; key: string } }> => {
  const authority = await createAuthority('kubernetes');
  await writePki(STATE, authority, [NETWORK.node, NETWORK.apiService]);
  const admin = await authority.issue(['admin'], { organizations: ['system:masters'] });
  const node = await authority.issue([NODE, NETWORK.node], { commonName: `system:node:${NODE}`, organizations: ['system:nodes'] });
  const files: Record<string, string> = {
    'pki/admin.crt': admin.cert,
    'pki/admin.key': admin.key,
    'pki/node.crt': node.cert,
    'pki/node.key': node.key,
    'admin.kubeconfig': JSON.stringify(kubeconfigOf(url, authority.cert, certificateUser(admin))),
    'node.kubeconfig': JSON.stringify(kubeconfigOf(url, authority.cert, certificateUser(node))),
    'kubelet.json': kubeletConfiguration(STATE),
    'containerd.toml': containerdConfiguration(STATE),
    'kube-proxy.json': kubeProxyConfiguration(STATE),
    'cni/10.conflist': networkConfiguration(STATE),
    Corefile: dnsConfiguration(STATE, url),
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(STATE, name)), { recursive: true });
    await writeFile(join(STATE, name), text, { mode: 0o600 });
  }
  return { ca: authority.cert, client: admin };
};

/** Before there is a pod: the API server and CoreDNS are told to pods by the bridge's address. */
const makeBridge = async (): Promise<void> => {
  const { bridge, node, pods } = NETWORK;
  // A pod that answers another of the node by way of a Service would else leave out the node, which has to translate the addresses back.
  await run('modprobe', ['br_netfilter'], undefined).catch(() => undefined);
  await run('ip', ['link', 'add', bridge, 'type', 'bridge', 'nf_call_iptables', '1'], undefined);
  await run('ip', ['address', 'add', `${node}/${pods.split('/')[1]}`, 'dev', bridge], undefined);
  await run('ip', ['link', 'set', bridge, 'up'], undefined);
};

/** The container that holds a pod's namespaces. */
const importPause = async (program: string): Promise<void> => {
  const layer = join(STATE, 'pause-layer.tar');
  await run('tar', ['-cf', layer, '-C', dirname(program), 'pause'], undefined);
  const archive = join(STATE, 'pause.tar');
  await writeImageArchive(archive, { name: PAUSE_IMAGE, layers: [layer], entrypoint: ['/pause'] });
  await importImage(archive);
};

const until = async (what: string, isSo: () => boolean | Promise<boolean>, program: Supervised): Promise<void> => {
  while (!(await isSo())) {
    if (!program.isRunning()) throw new Error(`${what} did not become ready: ${program.log()}`);
    await setTimeout(100);
  }
};
