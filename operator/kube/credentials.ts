/**
 * How to reach the API server, and as whom. In the cluster two files say so; elsewhere a kubeconfig, which the Kubernetes client reads, with all
 * its ways to authenticate. The client weighs 80 MB in memory: it is loaded only where it is needed.
 */
import { readFile } from 'node:fs/promises';
import type { Agent, RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';

/** What a TLS connection is made with. */
export type TlsMaterial = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'passphrase'>;

export type Access = {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** Where the kubeconfig names a proxy. */
  readonly agent?: Agent;
};

export type Credentials = {
  readonly server: URL;
  /** Tokens and certificates rotate: asked before each request. */
  readonly access: () => Promise<Access>;
  /** The API server did not take what `access` gave last: read it again. */
  readonly forget: () => void;
};

/** Where credentials are. A kubeconfig that is named goes before the cluster around us. */
export type CredentialSource = {
  readonly kubeconfig: string | undefined;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly serviceHost: string | undefined;
  readonly servicePort: string | undefined;
};

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubelet renews a token at 80 % of its life, at least two minutes before the end. */
const FRESH_MS = 30_000;

/** @throws Error that says what is missing */
export const loadCredentials = async (source: CredentialSource, directory = SERVICE_ACCOUNT): Promise<Credentials> => {
  if (source.kubeconfig !== undefined && source.kubeconfig !== '') return await fromKubeconfig(source.kubeconfig);
  if (source.serviceHost === undefined || source.servicePort === undefined) {
    throw new Error('there is no API server to talk to: outside a cluster KUBECONFIG has to name a kubeconfig file');
  }
  const host = isIPv6(source.serviceHost) ? `[${source.serviceHost}]` : source.serviceHost;
  return await fromServiceAccount(new URL(`https://${host}:${source.servicePort}`), directory);
};

const fromServiceAccount = async (server: URL, directory: string): Promise<Credentials> => {
  const read = async (): Promise<Access> => {
    const [token, ca] = await Promise.all([readFile(join(directory, 'token'), 'utf8'), readFile(join(directory, 'ca.crt'), 'utf8')]);
    return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
  };
  let last = await read();
  let readAt = performance.now();
  return {
    server,
    access: async () => {
      if (performance.now() - readAt > FRESH_MS) {
        // A file that cannot be read for a moment is no reason to stop: the API server judges what we have.
        last = await read().catch(() => last);
        readAt = performance.now();
      }
      return last;
    },
    forget: () => {
      readAt = Number.NEGATIVE_INFINITY;
    },
  };
};

const fromKubeconfig = async (path: string): Promise<Credentials> => {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  config.loadFromFile(path);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`${path} has no current context with a cluster`);
  return {
    server: new URL(cluster.server),
    access: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, servername, rejectUnauthorized, passphrase } = options;
      const given = Object.entries({ ca, cert, key, servername, rejectUnauthorized, passphrase });
      return {
        headers: headersOf(options),
        tls: Object.fromEntries(given.filter(([, value]) => value !== undefined)),
        ...(cluster.proxyUrl === undefined ? {} : { agent: options.agent as Agent }),
      };
    },
    forget: () => undefined,
  };
};

const headersOf = ({ headers, auth }: RequestOptions): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)])),
  ...(typeof auth === 'string' ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}),
});
