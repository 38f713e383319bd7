/**
 * A real Kubernetes control plane for tests: kube-apiserver and etcd. Things start here with `startControlPlane`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type ApiServer, startHere, startInDocker } from './api-server.ts';
import { createAuthority } from './certificates.ts';
import { clientPrograms } from './kubernetes-binaries.ts';
import { type KubernetesClient, type KubernetesUser, kubernetesClient } from './kubernetes-client.ts';
import { certificateUser, kubeconfigOf, writePki } from './kubernetes-configuration.ts';
import { reapWithUs, type Supervised } from './kubernetes-processes.ts';

export type ControlPlaneOptions = {
  /** More flags of kube-apiserver; they take the place of ours of the same name. */
  readonly apiServerFlags?: readonly string[];
};

/**
 * RBAC is on, and so are token issuing and ValidatingAdmissionPolicies, which take effect a second or three after they were applied. There
 * are no controllers (a namespace's default ServiceAccount is not made, and pods do not need it), no nodes and no Service network; but
 * a webhook's Service works where an EndpointSlice leads to an address of this machine that is not a loopback one.
 */
export type ControlPlane = KubernetesClient & {
  readonly url: string;
  /** Its state; removed by `stop`. */
  readonly directory: string;
  /** The administrator's (group system:masters), as a path. */
  readonly kubeconfig: string;
  /** The path of a kubeconfig that authenticates as somebody: by client certificate, or by a token. */
  readonly kubeconfigFor: (user: Pick<KubernetesUser, 'name' | 'groups'> | { readonly token: string }) => Promise<string>;
  /** Ends the API server, by SIGKILL unless told: a graceful end takes up to 25 s. etcd goes on, and the port stays its. */
  readonly stopApiServer: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  /** Starts it again, and resolves when it is ready. */
  readonly startApiServer: () => Promise<void>;
  /** Ends both and removes their data. */
  readonly stop: () => Promise<void>;
  /** The last lines of kube-apiserver's log. */
  readonly apiServerLog: () => string;
};

/** Starts a control plane on free ports of 127.0.0.1; it dies with this process. About 5 s and 300 MB: share it among many tests. */
export const startControlPlane = async (options: ControlPlaneOptions = {}): Promise<ControlPlane> => {
  const { kubectl, helm } = await clientPrograms();
  const start = await startHere().catch((error: unknown) => startInDocker(error));
  const directory = await mkdtemp(join(tmpdir(), 'pg-airlock-kubernetes-'));
  const reaper = reapWithUs(directory);
  const authority = await createAuthority('kubernetes');
  const client = await authority.issue(['admin'], { organizations: ['system:masters'] });
  const clientOf = (url: string): KubernetesClient => kubernetesClient({ url, ca: authority.cert, client, kubectl, helm, directory });
  let server: ApiServer | undefined;
  const stop = async (): Promise<void> => {
    await server?.destroy();
    await rm(directory, { recursive: true, force: true });
    reaper.stdin?.end();
  };
  try {
    await writePki(directory, authority);
    server = await start({
      directory,
      authority,
      flags: options.apiServerFlags ?? [],
      isReady: (url, processes) => isReady(clientOf(url), processes),
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const { url } = server;

  let configurations = 0;
  const writeKubeconfig = async (name: string, user: object): Promise<string> => {
    const path = join(directory, `${name}.kubeconfig`);
    await writeFile(path, JSON.stringify(kubeconfigOf(url, authority.cert, user)), { mode: 0o600 });
    return path;
  };
  const kubeconfig = await writeKubeconfig('admin', certificateUser(client));
  const kubeconfigFor: ControlPlane['kubeconfigFor'] = async (user) =>
    writeKubeconfig(
      `user-${++configurations}`,
      'token' in user
        ? { token: user.token }
        : certificateUser(await authority.issue([], { commonName: user.name, organizations: user.groups ?? [] })),
    );

  const { stop: stopApiServer, start: startApiServer, log: apiServerLog } = server;
  return { ...clientOf(url), url, directory, kubeconfig, kubeconfigFor, stopApiServer, startApiServer, stop, apiServerLog };
};

/** True once the API server is ready; false when one of the processes ended first. */
export const isReady = async ({ request }: KubernetesClient, processes: readonly Pick<Supervised, 'isRunning'>[]): Promise<boolean> => {
  while (processes.every(({ isRunning }) => isRunning())) {
    const status = await request('GET', '/readyz').then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return true;
    await setTimeout(100);
  }
  return false;
};
