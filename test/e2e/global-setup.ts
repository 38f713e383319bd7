/**
 * Before the first test: a cluster with the images on it. What is given to the tests is how to reach it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { CLUSTER_KUBECONFIG, importImage, startCluster } from '../cluster/cluster.ts';
import { clientImages } from './client-images.ts';

declare module 'vitest' {
  // biome-ignore lint/style/useConsistentTypeDefinitions: it is vitest's to be added to
  interface ProvidedContext {
    readonly kubeconfig: string;
    /** For caches and logs; removed at the end. */
    readonly directory: string;
  }
}

const DIST = join(import.meta.dirname, '..', '..', 'dist', 'images');
const OURS = ['pg-airlock-proxy.tar', 'pg-airlock-operator.tar'].map((name) => join(DIST, name));

let cleanUp = async (): Promise<void> => undefined;

/** On a cluster of its own, or on the one that KUBECONFIG names; LOAD_IMAGE is the command that puts an OCI archive onto its nodes. */
export const setup = async ({ provide }: TestProject): Promise<void> => {
  for (const archive of OURS) if (!existsSync(archive)) throw new Error(`${archive} is missing: run \`make images\``);
  const named = process.env['KUBECONFIG'];
  const cluster = named === undefined ? await startCluster() : undefined;
  const directory = await mkdtemp(join(tmpdir(), 'pg-airlock-e2e-'));
  cleanUp = async () => {
    await cluster?.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const { agent, postgres } = await clientImages();
    const kubeconfig = cluster?.kubeconfig ?? named ?? '';
    for (const archive of [...OURS, agent, postgres]) await load(kubeconfig, archive);
    provide('kubeconfig', kubeconfig);
    provide('directory', directory);
  } catch (error) {
    await cleanUp();
    throw error;
  }
};

export const teardown = (): Promise<void> => cleanUp();

const load = async (kubeconfig: string, archive: string): Promise<void> => {
  if (kubeconfig === CLUSTER_KUBECONFIG) return importImage(archive);
  const command = process.env['LOAD_IMAGE'];
  if (command === undefined) {
    throw new Error('say in LOAD_IMAGE how an OCI archive comes onto the nodes: LOAD_IMAGE="kind load image-archive" make e2e');
  }
  const { status } = spawnSync('sh', ['-c', `${command} "$1"`, 'load', archive], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${archive} ended with ${status}`);
};
