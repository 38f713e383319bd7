/**
 * Debian's Prometheus on this machine, which scrapes what the chart's monitors select: it does what the Prometheus operator would.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inject } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { freePorts, reapWithUs, supervise } from '../support/kubernetes-processes.ts';
import { CHART, helmDone, RELEASE, SYSTEM } from './environment.ts';

type Selector = { readonly matchLabels: Readonly<Record<string, string>> };
type Endpoint = { readonly port: string; readonly path: string };
type Monitor = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: Selector;
    readonly namespaceSelector: { readonly any?: boolean; readonly matchNames?: readonly string[] };
    readonly podMetricsEndpoints?: readonly Endpoint[];
    readonly endpoints?: readonly Endpoint[];
    readonly groups?: unknown;
  };
};

export type Prometheus = {
  /** Values of an expression, each with its labels. */
  readonly query: (expression: string) => Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>;
  /** Names of the alerts that fire. */
  readonly firing: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
};

/** Starts it in the tests' folder; it dies with this process. */
export const startPrometheus = async (): Promise<Prometheus> => {
  const directory = inject('directory');
  const enabled = ['podMonitor', 'serviceMonitor', 'prometheusRule'].flatMap((name) => ['--set', `monitoring.${name}.enabled=true`]);
  const text = await helmDone([
    'template',
    RELEASE,
    CHART,
    '--namespace',
    SYSTEM,
    ...enabled,
    '--show-only',
    'templates/monitoring/monitors.yaml',
  ]);
  const monitors = parseAllDocuments(text).map((document) => document.toJS() as Monitor);
  const rules = monitors.filter(({ kind }) => kind === 'PrometheusRule').map(({ spec }) => spec.groups);
  const jobs = monitors.flatMap((monitor) =>
    monitor.kind === 'PodMonitor' ? podJobs(monitor) : monitor.kind === 'ServiceMonitor' ? serviceJobs(monitor) : [],
  );
  await writeFile(join(directory, 'rules.json'), JSON.stringify({ groups: rules.flat() }));
  const configuration = { global: { scrape_interval: '1s', evaluation_interval: '1s' }, rule_files: ['rules.json'], scrape_configs: jobs };
  await writeFile(join(directory, 'prometheus.json'), JSON.stringify(configuration));
  const [port = 0] = await freePorts(1);
  const reaper = reapWithUs(directory);
  const flags = ['--config.file=prometheus.json', '--storage.tsdb.path=prometheus', `--web.listen-address=127.0.0.1:${port}`];
  const program = supervise(directory, 'prometheus-process', 'prometheus', flags);
  const get = async <T>(path: string): Promise<T> => ((await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as { data: T }).data;
  while (
    !(await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (!program.isRunning()) throw new Error(`prometheus ended: ${program.log()}`);
    await setTimeout(100);
  }
  return {
    query: async (expression) => {
      type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] };
      const { result } = await get<{ result: Sample[] }>(`/api/v1/query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    firing: async () => {
      type Alert = { readonly labels: { readonly alertname: string }; readonly state: string };
      const { alerts } = await get<{ alerts: Alert[] }>('/api/v1/alerts');
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    },
    stop: async () => {
      await program.kill('SIGKILL');
      reaper.stdin?.end();
    },
  };
};

const label = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, '_');
const keep = (source: string, value: string): object => ({ action: 'keep', source_labels: [source], regex: value });
const copy = (source: string, target: string): object => ({ source_labels: [source], target_label: target });

const discovery = (role: string, { spec }: Monitor): object => ({
  role,
  kubeconfig_file: inject('kubeconfig'),
  ...(spec.namespaceSelector.any === true ? {} : { namespaces: { names: spec.namespaceSelector.matchNames ?? [SYSTEM] } }),
});

const podJobs = (monitor: Monitor): object[] =>
  (monitor.spec.podMetricsEndpoints ?? []).map(({ port, path }, index) => ({
    job_name: `podMonitor/${monitor.metadata.name}/${index}`,
    metrics_path: path,
    kubernetes_sd_configs: [discovery('pod', monitor)],
    relabel_configs: [
      { action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Failed|Succeeded' },
      ...Object.entries(monitor.spec.selector.matchLabels).map(([name, value]) =>
        keep(`__meta_kubernetes_pod_label_${label(name)}`, value),
      ),
      keep('__meta_kubernetes_pod_container_port_name', port),
      copy('__meta_kubernetes_namespace', 'namespace'),
      copy('__meta_kubernetes_pod_container_name', 'container'),
      copy('__meta_kubernetes_pod_name', 'pod'),
    ],
  }));

const serviceJobs = (monitor: Monitor): object[] =>
  (monitor.spec.endpoints ?? []).map(({ port, path }, index) => ({
    job_name: `serviceMonitor/${monitor.metadata.name}/${index}`,
    metrics_path: path,
    kubernetes_sd_configs: [discovery('endpointslice', monitor)],
    relabel_configs: [
      ...Object.entries(monitor.spec.selector.matchLabels).map(([name, value]) =>
        keep(`__meta_kubernetes_service_label_${label(name)}`, value),
      ),
      keep('__meta_kubernetes_endpointslice_port_name', port),
      copy('__meta_kubernetes_namespace', 'namespace'),
      copy('__meta_kubernetes_pod_name', 'pod'),
    ],
  }));
