/**
 * A control plane with the chart installed, and replicas of the operator as processes, behind doors as Services would be.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { CHART, RELEASE, RELEASE_NAMESPACE, settings } from '../support/chart.ts';
import { type Door, openDoor } from '../support/first-that-answers.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { freePorts } from '../support/kubernetes-processes.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'operator', 'main.ts');

/** As the chart names it, and binds its rights to. */
export const OPERATOR = `system:serviceaccount:${RELEASE_NAMESPACE}:pg-airlock-operator`;

export type Replica = {
  readonly name: string;
  readonly process: ChildProcess;
  /** Its log so far; what is no JSON is under `text`. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Status and body of a path of its metrics server; status 0 where nobody answers. */
  readonly ask: (path: string) => Promise<{ readonly status: number; readonly body: string }>;
  /** Of a metric as it stands in /metrics, with its labels. */
  readonly metric: (name: string) => Promise<number | undefined>;
  /** Resolves with the exit code, or the signal that it died of. */
  readonly kill: (signal: NodeJS.Signals) => Promise<number | string | null>;
};

export type OperatorCluster = {
  readonly plane: ControlPlane;
  /** Of the webhook's door, and of the control plane's. */
  readonly ports: { readonly webhook: number; readonly control: number };
  /** Starts `operator/main.ts`, or what is built of it, with the chart's configuration, but for where it listens. */
  readonly startReplica: (name: string, program?: string) => Promise<Replica>;
  readonly stop: () => Promise<void>;
};

/** Waits without an end of its own: the test has one. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await pause(50);
};

/** Resolves when it says that it is ready. */
export const ready = (replica: Replica): Promise<void> => until(async () => (await replica.ask('/readyz')).status === 200);

type Ports = { readonly webhook: number; readonly control: number; readonly metrics: number };

export const startOperatorCluster = async (): Promise<OperatorCluster> => {
  const plane = await startControlPlane();
  const listening: Ports[] = [];
  const webhook: Door = await openDoor(() => listening.map((ports) => ports.webhook));
  const control: Door = await openDoor(() => listening.map((ports) => ports.control));
  const values = {
    'webhook.url': `https://127.0.0.1:${webhook.port}`,
    'control.url': `https://127.0.0.1:${control.port}`,
    'certificates.source': 'SelfManaged',
  };
  const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await plane.apply([RELEASE_NAMESPACE, 'agents', 'data'].map(namespace));
  await plane.apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace: 'agents' } }]);
  const { code, stderr } = await plane.helm(['install', RELEASE, CHART, '--namespace', RELEASE_NAMESPACE, ...settings(values)]);
  if (code !== 0) throw new Error(stderr);
  const { body } = await plane.request('GET', `/api/v1/namespaces/${RELEASE_NAMESPACE}/configmaps/pg-airlock-operator`);
  const rendered = (body as { readonly data: { readonly 'config.yaml': string } }).data['config.yaml'];
  const kubeconfig = await plane.kubeconfigFor({ name: OPERATOR, groups: ['system:serviceaccounts', 'system:authenticated'] });

  const replicas: Replica[] = [];
  const startReplica = async (name: string, program = MAIN): Promise<Replica> => {
    const [webhookPort = 0, controlPort = 0, metricsPort = 0] = await freePorts(3);
    const ports: Ports = { webhook: webhookPort, control: controlPort, metrics: metricsPort };
    const path = join(plane.directory, `${name}.yaml`);
    await writeFile(path, configured(rendered, ports));
    const replica = spawnReplica(
      { name, program, configuration: path, metricsPort: ports.metrics },
      { KUBECONFIG: kubeconfig, POD_NAME: name },
    );
    listening.unshift(ports);
    replica.process.once('exit', () => listening.splice(listening.indexOf(ports), 1));
    replicas.push(replica);
    return replica;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(replicas.map((replica) => replica.kill('SIGKILL')));
    await webhook.close();
    await control.close();
    await plane.stop();
  };
  return { plane, ports: { webhook: webhook.port, control: control.port }, startReplica, stop };
};

const configured = (yaml: string, ports: Ports): string => {
  const config = parse(yaml) as { admission: { listen: string }; control: { listen: string }; metrics: { listen: string } };
  config.admission.listen = `127.0.0.1:${ports.webhook}`;
  config.control.listen = `127.0.0.1:${ports.control}`;
  config.metrics.listen = `127.0.0.1:${ports.metrics}`;
  return stringify(config);
};

/** `configuration` is a path. */
export type ReplicaOptions = {
  readonly name: string;
  readonly program?: string;
  readonly configuration: string;
  readonly metricsPort: number;
};

/** Starts the program with these variables and PATH in its environment. */
export const spawnReplica = (
  { name, program = MAIN, configuration, metricsPort }: ReplicaOptions,
  environment: Readonly<Record<string, string>>,
): Replica => {
  const child = spawn(process.execPath, [program, '--config', configuration], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Readonly<Record<string, unknown>>[] = [];
  let rest = '';
  const take = (chunk: string): void => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    log.push(...lines.map((line) => (line.startsWith('{') ? JSON.parse(line) : { text: line })));
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  const ask: Replica['ask'] = async (path) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
      return { status: answer.status, body: await answer.text() };
    } catch {
      return { status: 0, body: '' };
    }
  };
  return {
    name,
    process: child,
    log,
    ask,
    metric: async (metric) => {
      const line = (await ask('/metrics')).body.split('\n').find((each) => each.startsWith(`${metric} `));
      return line === undefined ? undefined : Number(line.slice(metric.length));
    },
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
      child.kill(signal);
      await once(child, 'exit');
      return child.exitCode ?? child.signalCode;
    },
  };
};
