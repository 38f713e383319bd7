/**
 * An API server with its store: as processes of this machine, or in a container where only Docker is there.
 */
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Authority } from './certificates.ts';
import { CONTROL_PLANE_PROGRAMS, KubernetesUnavailable, kubernetesPrograms } from './kubernetes-binaries.ts';
import { apiServerFlags, etcdFlags, HOST } from './kubernetes-configuration.ts';
import { freePorts, type Supervised, supervise } from './kubernetes-processes.ts';

export type ApiServerOptions = {
  /** Holds `pki`, as `writePki` makes it from the authority. */
  readonly directory: string;
  readonly authority: Authority;
  /** More flags of kube-apiserver; they take the place of ours of the same name. */
  readonly flags: readonly string[];
  /** True once it is ready at that URL; false when one of the processes ended first. */
  readonly isReady: (url: string, processes: readonly Pick<Supervised, 'isRunning'>[]) => Promise<boolean>;
};

/** It is ready; `start` brings it back after `stop`, with its data and at the same URL. */
export type ApiServer = {
  readonly url: string;
  readonly start: () => Promise<void>;
  readonly stop: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  readonly destroy: () => Promise<void>;
  readonly log: () => string;
};

export type StartApiServer = (options: ApiServerOptions) => Promise<ApiServer>;

const OURS = ['--service-cluster-ip-range=10.0.0.0/24', '--disable-admission-plugins=ServiceAccount'];
const LOOPBACK_FLAGS = [
  `--bind-address=${HOST}`,
  `--advertise-address=${HOST}`,
  // The Service "kubernetes" may not lead to a loopback address, and nobody needs it.
  '--endpoint-reconciler-type=none',
  '--authorization-mode=RBAC',
  ...OURS,
];
const ATTEMPTS = 5;

/** Some flags count as the last one says, and lists as all of them together: what the caller says stands alone. */
const withOwn = (ours: readonly string[], own: readonly string[]): string[] => {
  const nameOf = (flag: string): string => flag.split('=', 1)[0] ?? flag;
  const said = new Set(own.map(nameOf));
  return [...ours.filter((flag) => !said.has(nameOf(flag))), ...own];
};
const K3S_IMAGE = 'docker.io/rancher/k3s:v1.35.4-k3s1';

/** How to start one by kube-apiserver and etcd; rejects with KubernetesUnavailable where they cannot be had. */
export const startHere = async (): Promise<StartApiServer> => {
  const programs = await kubernetesPrograms(CONTROL_PLANE_PROGRAMS);
  return async ({ directory, flags, isReady }) => {
    for (let attempt = 1; ; attempt++) {
      const [port = 0, clientPort = 0, peerPort = 0] = await freePorts(3);
      const url = `https://${HOST}:${port}`;
      const launch = (): Supervised =>
        supervise(
          directory,
          'kube-apiserver',
          programs['kube-apiserver'],
          withOwn([...apiServerFlags(port, clientPort), ...LOOPBACK_FLAGS], flags),
        );
      const etcd = supervise(directory, 'etcd', programs.etcd, etcdFlags(clientPort, peerPort));
      let server = launch();
      const destroy = async (): Promise<void> => {
        await server.kill('SIGKILL');
        await etcd.kill('SIGKILL');
      };
      const start = async (): Promise<void> => {
        if (server.isRunning()) return;
        server = launch();
        if (!(await isReady(url, [server]))) throw new Error(`kube-apiserver did not start again: ${server.log()}`);
      };
      if (await isReady(url, [etcd, server])) {
        return { url, start, stop: (signal = 'SIGKILL') => server.kill(signal), destroy, log: () => server.log() };
      }
      await destroy();
      await rm(join(directory, 'etcd'), { recursive: true, force: true });
      // Between finding ports and taking them, another process may have taken one.
      const logs = [etcd.log(), server.log()].join('\n');
      if (attempt === ATTEMPTS || !logs.includes('address already in use')) throw new Error(`the control plane did not start: ${logs}`);
    }
  };
};

/** How to start k3s, where Docker is present; else rejects with what was missing in the first place. */
export const startInDocker = async (missing: unknown): Promise<StartApiServer> => {
  if (!(missing instanceof KubernetesUnavailable)) throw missing;
  await promisify(execFile)('docker', ['info']).catch(() => {
    throw missing;
  });
  return startK3s;
};

/** On the host's network, as webhooks of tests listen on its loopback address. */
const startK3s: StartApiServer = async ({ directory, authority, flags, isReady }) => {
  // It takes half a second to load, and hardly anybody needs it.
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  // k3s takes the authorities that it finds there.
  const tls = join(directory, 'k3s');
  await mkdir(tls);
  for (const name of ['server-ca', 'client-ca']) {
    await writeFile(join(tls, `${name}.crt`), authority.cert);
    await writeFile(join(tls, `${name}.key`), authority.key);
  }
  const [port = 0] = await freePorts(1);
  const url = `https://${HOST}:${port}`;
  const off = ['agent', 'scheduler', 'controller-manager', 'cloud-controller', 'network-policy', 'helm-controller'].map(
    (name) => `--disable-${name}`,
  );
  const apiServer = withOwn(OURS, flags).map((flag) => `--kube-apiserver-arg=${flag.replace(/^--/, '')}`);
  const started = await new GenericContainer(K3S_IMAGE)
    .withCommand(['server', `--https-listen-port=${port}`, `--tls-san=${HOST}`, ...off, ...apiServer])
    .withBindMounts([{ source: tls, target: '/var/lib/rancher/k3s/server/tls' }])
    .withNetworkMode('host')
    .withPrivilegedMode()
    .withWaitStrategy(Wait.forLogMessage(/Running kube-apiserver/))
    .withStartupTimeout(180_000)
    .start();
  const container = (await getContainerRuntimeClient()).container.getById(started.getId());
  let running = true;
  const start = async (): Promise<void> => {
    if (!running) await container.start();
    running = true;
    if (!(await isReady(url, [{ isRunning: () => running }]))) throw new Error('k3s did not start');
  };
  const stop: ApiServer['stop'] = async (signal = 'SIGKILL') => {
    if (running) await container.kill({ signal });
    running = false;
    await container.wait();
  };
  const destroy = async (): Promise<void> => {
    await container.remove({ force: true });
  };
  await start().catch(async (error: unknown) => {
    await destroy();
    throw error;
  });
  return { url, start, stop, destroy, log: () => `docker logs ${started.getId()}` };
};
