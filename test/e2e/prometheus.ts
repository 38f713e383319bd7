/**
 * Debian's Prometheus on this machine, which scrapes what the chart's monitors select: it does what the Prometheus operator would.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inject } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { freePorts, reapWithUs, supervise } from '../support/kubernetes-processes.ts';
import { CHART, helmDone, RELEASE, SYSTEM } from './environment.ts';
import { jobsOf, type Monitor } from './scrape-targets.ts';

export type Prometheus = {
  /** Values of an expression, each with its labels. */
  readonly query: (expression: string) => Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>;
  /** Names of the alerts that fire. */
  readonly firing: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
};

/** Starts it; it knows what there is to scrape by now, and dies with this process. */
export const startPrometheus = async (): Promise<Prometheus> => {
  const directory = join(inject('directory'), 'prometheus');
  await mkdir(directory, { recursive: true });
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
  const jobs = monitors.flatMap(jobsOf);
  const targetsFile = (index: number): string => `targets-${index}.json`;
  for (const [index, { find }] of jobs.entries()) await writeFile(join(directory, targetsFile(index)), JSON.stringify(await find()));
  const scrapes = jobs.map(({ name, path }, index) => ({
    job_name: name,
    metrics_path: path,
    file_sd_configs: [{ files: [targetsFile(index)], refresh_interval: '1s' }],
  }));
  await writeFile(join(directory, 'rules.json'), JSON.stringify({ groups: rules.flat() }));
  const configuration = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.json'],
    scrape_configs: scrapes,
  };
  await writeFile(join(directory, 'prometheus.json'), JSON.stringify(configuration));
  const [port = 0] = await freePorts(1);
  const reaper = reapWithUs(directory);
  const flags = ['--config.file=prometheus.json', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`];
  const program = supervise(directory, 'prometheus', 'prometheus', flags);
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
