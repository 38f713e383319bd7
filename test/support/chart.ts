/**
 * The chart as tests use it: rendered by Helm, without a cluster.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { clientPrograms } from './kubernetes-binaries.ts';
import type { CommandResult } from './kubernetes-client.ts';

export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'pg-airlock');

/** As users are told to name them. */
export const RELEASE = 'pg-airlock';
export const RELEASE_NAMESPACE = 'pg-airlock';

/** By path: `{ 'sidecar.uid': 7 }`. */
export type ChartValues = Readonly<Record<string, unknown>>;

/** As parameters of helm. */
export const settings = (values: ChartValues): string[] =>
  Object.entries(values).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`]);

/** helm itself. */
export const helm = async (parameters: readonly string[]): Promise<CommandResult> => {
  const programs = await clientPrograms();
  return await new Promise((resolve, reject) => {
    const child = spawn(programs.helm, parameters, { env: { HOME: '/nonexistent', PATH: '' } });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, ...output }));
  });
};

/** What `helm template` makes of the chart; rejects with what helm says. */
export const renderChart = async (
  values: ChartValues = {},
  release = RELEASE,
  namespace = RELEASE_NAMESPACE,
): Promise<readonly KubeObject[]> => {
  const { code, stdout, stderr } = await helm(['template', release, CHART, '--namespace', namespace, ...settings(values)]);
  if (code !== 0) throw new Error(stderr.trim());
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
};

/** The one object of that kind, and name where there are several. */
export const objectOf = (objects: readonly KubeObject[], kind: string, name?: string): KubeObject => {
  const found = objects.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name));
  const [one, ...others] = found;
  if (one === undefined || others.length > 0) throw new Error(`${found.length} objects of kind ${kind} are named ${name ?? 'anything'}`);
  return one;
};
