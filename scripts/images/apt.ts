/**
 * Debian's packages through apt-get, with sources and state of its own: of any architecture, without root, and whatever Debian or Ubuntu this is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Architecture } from './lock.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Says what to do, and is printed without a stack. */
export class ImageError extends Error {}

/** Runs a program, and gives what it prints; what it complains about ends in an ImageError. */
export const run = (program: string, args: readonly string[], directory?: string): string => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    ...(directory === undefined ? {} : { cwd: directory }),
  });
  if (error !== undefined) throw new ImageError(`could not run ${program}: ${error.message}`);
  if (status !== 0) throw new ImageError(`${program} ${args.at(-1) ?? ''} failed:\n${stderr.trim()}`);
  return stdout;
};

const sources = (suite: string): string =>
  [
    ['debian', suite],
    ['debian', `${suite}-updates`],
    ['debian-security', `${suite}-security`],
  ]
    .map(([archive, name]) => `deb [signed-by=${KEYRING}] http://deb.debian.org/${archive} ${name} main\n`)
    .join('');

/** apt-get for a suite and an architecture. Its lists are as of now. */
export type Apt = {
  /** Where a package is to be had in its newest version: the last part of its address, and its digest. */
  readonly newest: (name: string) => { readonly file: string; readonly sha256: string };
  /** Puts a package into a folder. */
  readonly download: (name: string, version: string, folder: string) => void;
};

/** Lets apt-get read the lists of a suite, and `work` with them. */
export const withApt = (suite: string, architecture: Architecture, work: (apt: Apt) => void): void => {
  if (!existsSync(KEYRING) || !existsSync('/usr/bin/apt-get')) {
    throw new ImageError(
      `apt-get or ${KEYRING} is missing. On Ubuntu: apt-get install debian-archive-keyring. On other systems, build with Docker: see Dockerfile.`,
    );
  }
  const state = mkdtempSync(join(tmpdir(), 'pg-airlock-apt-'));
  try {
    for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(state, folder), { recursive: true });
    writeFileSync(join(state, 'sources.list'), sources(suite));
    const settings = {
      'Dir::Etc::sourcelist': join(state, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State': state,
      'Dir::State::lists': join(state, 'lists'),
      'Dir::State::status': '/dev/null',
      'Dir::Cache': join(state, 'cache'),
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'Acquire::Languages': 'none',
      // Its own user could not read our folder.
      'APT::Sandbox::User': '',
    };
    const options = ['-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
    run('apt-get', [...options, 'update']);
    work({
      newest: (name) => {
        const line = run('apt-get', [...options, '--print-uris', 'download', name]);
        const [, file, sha256] = /^'[^']+' (\S+) \d+ SHA256:([0-9a-f]{64})$/m.exec(line) ?? [];
        if (file === undefined || sha256 === undefined) throw new ImageError(`apt-get tells no address of ${name}: ${line}`);
        return { file, sha256 };
      },
      download: (name, version, folder) => void run('apt-get', [...options, 'download', `${name}=${version}`], folder),
    });
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
};

/** The fields of a package's control file. */
export const controlOf = (path: string): string => run('dpkg-deb', ['--field', path]);

/** Unpacks a package into a folder. */
export const unpackDebian = (path: string, folder: string): void => void run('dpkg-deb', ['--extract', path, folder]);

/** The version of npm's package `node` that the repository uses. */
export const nodeVersion = (root: string): string => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  return devDependencies['node'] ?? '';
};
