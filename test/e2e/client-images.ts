/**
 * Images of what stands on either side of the airlock: the agent's (a Debian with psql and all that a thief could wish for) and the
 * database's (PostgreSQL as the well-known image `postgres` runs it). Made from Debian's and npm's packages, once.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { writeImageArchive } from '../cluster/image-archive.ts';
import { postgresInstallation, run } from '../support/postgres-binaries.ts';

export const AGENT_IMAGE = 'pg-airlock.test/agent:1';
export const POSTGRES_IMAGE = 'docker.io/library/postgres:18';

const SUITE = 'bookworm';
/** With tools that read other processes' memory and files, and listen to the network: what they cannot do is what is tested. */
const PACKAGES = 'postgresql-client,procps,curl,openssl,strace,gdb,libcap2-bin,iproute2,netcat-openbsd,tcpdump,python3-minimal,util-linux';
const LEFT_OUT = ['doc', 'man', 'locale'];
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'pg-airlock', 'e2e');
const ENTRYPOINT = join(import.meta.dirname, 'postgres-entrypoint.sh');

/** Paths of the two archives. */
export const clientImages = async (): Promise<{ readonly agent: string; readonly postgres: string }> => {
  await mkdir(CACHE, { recursive: true });
  const debian = await cached('debian.tar', [SUITE, PACKAGES], makeDebian);
  const { bin } = await postgresInstallation(18);
  const server = await cached('postgres.tar', [bin, await readFile(ENTRYPOINT, 'utf8')], (target) => makeServer(target, dirname(bin)));
  const image = (name: string, layers: readonly string[], entrypoint: readonly string[]): Promise<string> =>
    cached(`${basename(name).replace(':', '-')}.image.tar`, [name, ...layers, ...entrypoint], (target) =>
      writeImageArchive(target, { name, layers, entrypoint }),
    );
  return {
    agent: await image(AGENT_IMAGE, [debian], []),
    postgres: await image(POSTGRES_IMAGE, [debian, server], ['/usr/local/bin/postgres-entrypoint.sh']),
  };
};

/** The file of that recipe, made by a rename where it is not there yet. */
const cached = async (name: string, recipe: readonly string[], make: (target: string) => Promise<void>): Promise<string> => {
  const digest = createHash('sha256').update(recipe.join('\n')).digest('hex').slice(0, 12);
  const path = join(CACHE, `${digest}-${name}`);
  if (existsSync(path)) return path;
  const target = join(CACHE, `making-${process.pid}-${name}`);
  try {
    await make(target);
    await rename(target, path);
  } finally {
    await rm(target, { force: true });
  }
  return path;
};

const makeDebian = (target: string): Promise<void> => {
  const excludes = LEFT_OUT.map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);
  return run('mmdebstrap', ['--variant=minbase', `--include=${PACKAGES}`, ...excludes, SUITE, target], undefined);
};

const makeServer = async (target: string, installation: string): Promise<void> => {
  const rename = [`--transform=s,^\\./,opt/postgresql/,`, '--owner=0', '--group=0'];
  await run('tar', ['-cf', target, ...rename, '-C', installation, './bin', './lib', './share'], undefined);
  const place = ['--transform=s,^,usr/local/bin/,', '--mode=755', '--owner=0', '--group=0'];
  await run('tar', ['-rf', target, ...place, '-C', import.meta.dirname, basename(ENTRYPOINT)], undefined);
};
