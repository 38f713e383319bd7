/**
 * All objects of a cluster by their names, to see what a release leaves.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { kubectlDone } from './environment.ts';

/** What Kubernetes makes by itself, whenever it likes. */
const PASSING =
  /^(events|pods|leases|endpointslices|endpoints|replicasets|controllerrevisions|ipaddresses|bindings|componentstatuses|metrics)\b/;

/** `kind.group namespace/name` of everything, sorted; the labels of namespaces too. */
export const inventory = async (): Promise<string[]> => {
  const kinds = (await kubectlDone(['api-resources', '--verbs=list', '-o', 'name']))
    .trim()
    .split('\n')
    .filter((kind) => !PASSING.test(kind));
  const format = 'custom-columns=KIND:.kind,API:.apiVersion,NAMESPACE:.metadata.namespace,NAME:.metadata.name';
  const objects = await kubectlDone(['get', kinds.join(','), '--all-namespaces', '--no-headers', '-o', format, '--ignore-not-found']);
  const labels = await kubectlDone(['get', 'namespaces', '--no-headers', '--show-labels']);
  return [
    ...objects.trim().split('\n'),
    ...labels
      .trim()
      .split('\n')
      .map((line) => `${line.split(/\s+/)[0]} ${line.split(/\s+/).at(-1)}`),
  ]
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .sort();
};

const FILE = join(inject('directory'), 'inventory.json');

/** Keeps what is there now, for `rememberedInventory`. */
export const rememberInventory = async (): Promise<void> => writeFile(FILE, JSON.stringify(await inventory()));

/** What was kept; undefined where nothing was. */
export const rememberedInventory = async (): Promise<readonly string[] | undefined> => {
  const text = await readFile(FILE, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as string[]);
};
