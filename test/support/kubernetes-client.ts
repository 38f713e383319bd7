/**
 * What tests do to a cluster: raw requests, kubectl and helm, as the administrator or as somebody else.
 */
import { spawn } from 'node:child_process';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';

/** Whom the administrator impersonates. Kubernetes adds `system:authenticated`, and the groups of a service account's name. */
export type KubernetesUser = {
  readonly name: string;
  readonly groups?: readonly string[];
  /** As in user.extra of a TokenReview: `authentication.kubernetes.io/node-name` and its like. Not for kubectl and helm. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

export type AsUser = { readonly as?: string | KubernetesUser };

export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** `body` is parsed where the answer is JSON, else text. */
export type Answer = { readonly status: number; readonly body: unknown };

export type CommandLine = {
  readonly kubectl: (parameters: readonly string[], options?: AsUser & { readonly stdin?: string }) => Promise<CommandResult>;
  readonly helm: (parameters: readonly string[], options?: AsUser & { readonly stdin?: string }) => Promise<CommandResult>;
  /** `kubectl apply` of YAML text or of objects; rejects with what kubectl says. */
  readonly apply: (manifest: string | readonly object[], options?: AsUser) => Promise<void>;
};

export type KubernetesClient = CommandLine & {
  /** One request; `body` is sent as JSON. PATCH is a merge patch unless `contentType` says otherwise. Rejects only without an answer. */
  readonly request: (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    options?: AsUser & { readonly contentType?: string },
  ) => Promise<Answer>;
};

export type CommandLineOptions = {
  /** Paths of the programs. */
  readonly kubectl: string;
  readonly helm: string;
  /** Holds `admin.kubeconfig`, unless another path is given; the programs keep their caches here. */
  readonly directory: string;
  readonly kubeconfig?: string;
};

export type KubernetesClientOptions = CommandLineOptions & {
  readonly url: string;
  readonly ca: string;
  readonly client: { readonly cert: string; readonly key: string };
};

/** kubectl and helm as the user of a kubeconfig. */
export const commandLine = (options: CommandLineOptions): CommandLine => {
  const { directory, kubeconfig = join(directory, 'admin.kubeconfig') } = options;
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(directory, 'kubectl-cache'),
    HELM_CACHE_HOME: join(directory, 'helm', 'cache'),
    HELM_CONFIG_HOME: join(directory, 'helm', 'config'),
    HELM_DATA_HOME: join(directory, 'helm', 'data'),
  };
  const kubectl: CommandLine['kubectl'] = (parameters, { as, stdin } = {}) =>
    command(options.kubectl, [...parameters.slice(0, 1), ...impersonation(as, '--as', '--as-group'), ...parameters.slice(1)], env, stdin);
  const helm: CommandLine['helm'] = (parameters, { as, stdin } = {}) =>
    command(options.helm, [...parameters, ...impersonation(as, '--kube-as-user', '--kube-as-group')], env, stdin);
  const apply: CommandLine['apply'] = async (manifest, asUser = {}) => {
    const stdin = typeof manifest === 'string' ? manifest : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifest });
    const { code, stderr } = await kubectl(['apply', '-f', '-'], { ...asUser, stdin });
    if (code !== 0) throw new Error(stderr.trim());
  };
  return { kubectl, helm, apply };
};

/** The commands of a cluster whose administrator has that client certificate. */
export const kubernetesClient = (options: KubernetesClientOptions): KubernetesClient => {
  const { url, ca, client } = options;
  const agent = new Agent({ ca, cert: client.cert, key: client.key, keepAlive: true });
  const request: KubernetesClient['request'] = (method, path, body, { as, contentType } = {}) =>
    new Promise((resolve, reject) => {
      const type = contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
      const content = body === undefined ? {} : { 'content-type': type };
      const sent = httpsRequest(new URL(path, url), { method, agent, headers: { ...content, ...impersonationHeaders(as) } }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: isJson(answer.headers['content-type']) ? JSON.parse(text) : text }),
        );
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return { ...commandLine(options), request };
};

const isJson = (type: string | undefined): boolean => type?.startsWith('application/json') === true;

const impersonation = (as: AsUser['as'], user: string, group: string): string[] => {
  if (as === undefined) return [];
  const { name, groups = [] } = typeof as === 'string' ? { name: as } : as;
  return [`${user}=${name}`, ...groups.map((one) => `${group}=${one}`)];
};

const impersonationHeaders = (as: AsUser['as']): Record<string, string | string[]> => {
  if (as === undefined) return {};
  const { name, groups, extra = {} } = typeof as === 'string' ? { name: as } : as;
  return {
    'impersonate-user': name,
    ...(groups === undefined ? {} : { 'impersonate-group': [...groups] }),
    ...Object.fromEntries(Object.entries(extra).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key)}`, [...values]])),
  };
};

const command = (program: string, parameters: readonly string[], env: NodeJS.ProcessEnv, stdin = ''): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, ...output }));
    // A program that reads no input may end first.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
