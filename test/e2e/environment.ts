/**
 * The cluster as the tests of `make e2e` see it: kubectl and helm, agents' pods, and sessions through their airlocks.
 */
import { inject } from 'vitest';
import { clientPrograms } from '../support/kubernetes-binaries.ts';
import { type AsUser, type CommandResult, commandLine } from '../support/kubernetes-client.ts';
import { AGENT_IMAGE } from './client-images.ts';

export const RELEASE = 'pg-airlock';
/** Where the operator is, the database, and the agents. */
export const SYSTEM = 'pg-airlock';
export const DATA = 'data';
export const AGENTS = 'agents';

export const CHART = 'charts/pg-airlock';

const programs = await clientPrograms();
const { kubectl, helm, apply } = commandLine({ ...programs, kubeconfig: inject('kubeconfig'), directory: inject('directory') });
export { apply, helm, kubectl };

/** kubectl whose failure is a failure; resolves with what it prints. */
export const kubectlDone = async (parameters: readonly string[], options: AsUser & { readonly stdin?: string } = {}): Promise<string> =>
  done(await kubectl(parameters, options), `kubectl ${parameters.join(' ')}`);

/** helm whose failure is a failure; resolves with what it prints. */
export const helmDone = async (parameters: readonly string[]): Promise<string> =>
  done(await helm(parameters), `helm ${parameters.join(' ')}`);

const done = ({ code, stdout, stderr }: CommandResult, command: string): string => {
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr || stdout}`);
  return stdout;
};

/** An object as JSON. */
export const getObject = async <T>(parameters: readonly string[]): Promise<T> =>
  JSON.parse(await kubectlDone(['get', ...parameters, '-o', 'json'])) as T;

export type AgentOptions = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly connection?: string;
  /** Merged into the pod's spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly command?: readonly string[];
};

/** The pod of an agent whose container, root in it, waits to be told things by `kubectl exec`. */
export const agentPod = (name: string, { labels = {}, connection = `${DATA}/shop`, spec = {}, command }: AgentOptions = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: AGENTS,
    labels: { 'pg-airlock.dev/agent': 'true', team: 'reporting', ...labels },
    annotations: { 'pg-airlock.dev/connection': connection },
  },
  spec: {
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'agent',
        image: AGENT_IMAGE,
        imagePullPolicy: 'IfNotPresent',
        command: command ?? ['sh', '-c', 'trap exit TERM; sleep infinity & wait'],
      },
    ],
    ...spec,
  },
});

/** Starts such a pod and resolves when it is ready. */
export const startAgent = async (name: string, options: AgentOptions = {}): Promise<void> => {
  await apply([agentPod(name, options)]);
  await ready(name);
};

/** Resolves when the pod is ready; else says what the kubelet says. */
export const ready = async (pod: string, namespace = AGENTS): Promise<void> => {
  const { code } = await kubectl(['wait', '--for=condition=Ready', `pod/${pod}`, '-n', namespace, '--timeout=120s']);
  if (code === 0) return;
  const { stdout } = await kubectl(['describe', 'pod', pod, '-n', namespace]);
  const { stdout: log } = await kubectl(['logs', pod, '-n', namespace, '--all-containers', '--tail=30']);
  throw new Error(`pod ${pod} is not ready:\n${stdout.slice(-4000)}\n${log}`);
};

/** Runs a command in the agent's container. */
export const inAgent = (pod: string, command: readonly string[], stdin?: string): Promise<CommandResult> =>
  kubectl(
    ['exec', '-n', AGENTS, ...(stdin === undefined ? [] : ['-i']), pod, '-c', 'agent', '--', ...command],
    stdin === undefined ? {} : { stdin },
  );

/** psql in the agent's container, which is told of nothing: its environment says where the airlock is. Rows as `a|b`. */
export const psql = async (pod: string, sql: string): Promise<CommandResult> => {
  const result = await inAgent(pod, ['psql', '-X', '-A', '-t', '-d', 'shop', '-U', 'anybody', '-v', 'ON_ERROR_STOP=1', '-c', sql]);
  return { ...result, stdout: result.stdout.trim() };
};
