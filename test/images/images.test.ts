import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { oneAgent } from '../support/one-agent.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { temporaryFolder } from '../support/postgres-binaries.ts';
import { type ArchivedImage, readOciArchive } from './oci-archive.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROXY_USER = 20432;
const OPERATOR_USER = 65532;

/** What is built of Debian's packages needs apt-get and Debian's keys. */
const debian = existsSync('/usr/bin/apt-get') && existsSync('/usr/share/keyrings/debian-archive-keyring.gpg');
const root = process.getuid?.() === 0;

let folder = '';

const node = (script: string, ...args: readonly string[]): string =>
  execFileSync(process.execPath, [join(ROOT, 'scripts', script), ...args], { encoding: 'utf8', stdio: 'pipe' });

type Built = ReturnType<typeof readOciArchive>;

type Images = { readonly proxy: Built; readonly operator: Built };

/** The archives, from a bundle of its own. */
const built = (name: string, architectures: string): Images => {
  const dist = join(folder, name, 'dist');
  node('build.ts', dist);
  node('build-images.ts', '--dist', dist, '--architectures', architectures, '--or-newest');
  const read = (image: string): Built => readOciArchive(join(dist, `images/pg-airlock-${image}.tar`), join(folder, name, image));
  return { proxy: read('proxy'), operator: read('operator') };
};

const onlyImage = ({ images }: Built): ArchivedImage => {
  const [image] = images;
  if (image === undefined) throw new Error('there is no image');
  return image;
};

const HERE = process.arch === 'arm64' ? 'arm64' : 'amd64';

describe.skipIf(!debian)('images without Docker (need apt-get and Debian’s archive keyring)', () => {
  let images: Images;
  let proxy: Built;

  beforeAll(async () => {
    folder = await mkdtemp(join(await temporaryFolder(), 'pg-airlock-images-'));
    await chmod(folder, 0o755);
    images = built('first', HERE);
    ({ proxy } = images);
  }, 900_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('have the same digest when they are built again elsewhere, with another umask', { timeout: 300_000 }, () => {
    const before = process.umask(0o077);
    try {
      const named = ({ name, digest }: Built): object => ({ name, digest });
      const again = built('second', HERE);
      expect([again.proxy, again.operator].map(named)).toEqual([proxy, images.operator].map(named));
    } finally {
      process.umask(before);
    }
  });

  it('run Node as a user of their own, which the chart gives the containers too', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
    const read = ({ name, images: [image] }: Built): object => ({ name, ...image?.config });
    const image = (name: string, user: number, entry: string): object => ({
      name: `docker.io/pg-airlock/${name}:${version}`,
      created: '1970-01-01T00:00:00Z',
      architecture: HERE,
      os: 'linux',
      config: { User: `${user}:${user}`, Entrypoint: ['/usr/bin/node', '--disable-sigusr1', `/app/${entry}`], WorkingDir: '/' },
    });
    expect(read(proxy)).toMatchObject(image('proxy', PROXY_USER, 'pg-airlock.cjs'));
    expect(read(images.operator)).toMatchObject(image('operator', OPERATOR_USER, 'pg-airlock-operator.cjs'));
    const chart = join(ROOT, 'charts/pg-airlock');
    const values = parse(await readFile(join(chart, 'values.yaml'), 'utf8')) as { readonly sidecar: { readonly uid: number } };
    expect(values.sidecar.uid).toBe(PROXY_USER);
    expect(await readFile(join(chart, 'templates/_helpers.tpl'), 'utf8')).toContain(
      `runAsUser: ${OPERATOR_USER}\nrunAsGroup: ${OPERATOR_USER}\n`,
    );
  });

  it.each(['proxy', 'operator'] as const)(
    'have no program in the %s’s but Node, which nobody may read, and nothing that others may change',
    (name) => {
      const { layers, size } = onlyImage(images[name]);
      const entries = layers.flat();
      const executable = entries
        .filter(({ mode }) => mode.startsWith('-') && mode.includes('x'))
        .map(({ mode, path }) => `${mode} ${path}`);
      const library = HERE === 'amd64' ? 'x86_64-linux-gnu/ld-linux-x86-64.so.2' : 'aarch64-linux-gnu/ld-linux-aarch64.so.1';
      expect(executable).toEqual([
        `-rwxr-xr-x usr/lib/${library}`,
        `-rwxr-xr-x usr/lib/${library.replace(/ld-linux.*/, 'libc.so.6')}`,
        '---x--x--x usr/bin/node',
      ]);
      expect([...new Set(entries.map(({ owner }) => owner))]).toEqual(['0/0']);
      expect([...new Set(entries.map(({ mode }) => mode))].toSorted()).toEqual(
        ['---x--x--x', '-rw-r--r--', '-rwxr-xr-x', 'drwxr-xr-x', 'lrwxrwxrwx'].toSorted(),
      );
      expect(size).toBeLessThan(150e6);
    },
  );

  it('keep proxy and operator apart', () => {
    const programs = (image: Built): readonly string[] =>
      onlyImage(image)
        .layers.flat()
        .map(({ path }) => path)
        .filter((path) => /^app\/[^/]+\.cjs$/.test(path));
    expect(programs(proxy)).toEqual(['app/bundle.cjs', 'app/judge-worker.cjs', 'app/pg-airlock.cjs']);
    expect(programs(images.operator)).toEqual(['app/pg-airlock-operator.cjs']);
  });

  it('are listed in SPDX, package by package', async () => {
    const document = JSON.parse(await readFile(join(folder, 'first/dist/images/pg-airlock-proxy.spdx.json'), 'utf8')) as {
      readonly packages: readonly { readonly name: string; readonly SPDXID: string }[];
    };
    const names = document.packages.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['pg-airlock-proxy', 'libc6', 'libstdc++6', 'ca-certificates', 'pg', 'pino', 'libpg-query']),
    );
    expect(new Set(document.packages.map(({ SPDXID }) => SPDXID)).size).toBe(names.length);
  });

  it('are of the processor that was asked for, also of one that this machine has not', { timeout: 300_000 }, async () => {
    const both = built('both', 'amd64 arm64').proxy;
    expect(both.images.map(({ config }) => config['architecture'])).toEqual(['amd64', 'arm64']);
    for (const [index, machine] of [62, 183].entries()) {
      const files = join(folder, 'both', `root-${index}`);
      both.images[index]?.unpack(files);
      const paths = (await readdir(join(files, 'usr'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
      const programs = await Promise.all(paths.map((entry) => machineOf(join(entry.parentPath, entry.name))));
      const known = programs.filter((each) => each !== undefined);
      expect(known.length).toBeGreaterThan(8);
      expect([...new Set(known)]).toEqual([machine]);
    }
    const paths = both.images.map(({ layers }) => layers.flat().some(({ path }) => path === 'app/bundle.compiled'));
    expect(paths).toEqual(['amd64', 'arm64'].map((architecture) => architecture === HERE));
  });

  it('have the same files in them when the Dockerfile builds them', { timeout: 120_000 }, async () => {
    const files = join(folder, 'first/files');
    node('build-images.ts', '--dist', join(folder, 'first/dist'), '--root-files', files, '--or-newest');
    const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
    for (const name of ['proxy', 'operator'] as const) {
      const [merged, unpacked] = [join(folder, `first/${name}-merged`), join(folder, `first/${name}-unpacked`)];
      for (const layer of ['base', 'node', name]) await cp(join(files, layer), merged, { recursive: true, verbatimSymlinks: true });
      onlyImage(images[name]).unpack(unpacked);
      expect(spawnSync('diff', ['--recursive', '--no-dereference', merged, unpacked], { encoding: 'utf8' }).stdout).toBe('');
      expect(modesIn(merged)).toEqual(modesIn(unpacked));
      const { User, Entrypoint } = onlyImage(images[name]).config['config'] as {
        readonly User: string;
        readonly Entrypoint: readonly string[];
      };
      expect(dockerfile).toContain(
        `FROM scratch AS ${name}\n${['base', 'node', name].map((layer) => `COPY --from=build /images/${layer}/ /\n`).join('')}` +
          `USER ${User}\nWORKDIR /\nENTRYPOINT ${JSON.stringify(Entrypoint).replaceAll(',', ', ')}\n`,
      );
    }
    const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    expect(dockerfile).toMatch(
      new RegExp(String.raw`^FROM --platform=\$BUILDPLATFORM node:${devDependencies['node']}-\S+@sha256:[0-9a-f]{64} AS build$`, 'm'),
    );
  });

  describe.skipIf(!root)('the proxy’s, unpacked and run (needs root)', () => {
    let postgres: TestPostgres;
    let child: ChildProcess;
    let port = 0;

    beforeAll(async () => {
      postgres = await startPostgres();
      await postgres.sql("CREATE TABLE people (id int PRIMARY KEY, name text); INSERT INTO people VALUES (1, 'Ada'), (2, 'Bo')");
      const files = join(folder, 'running');
      onlyImage(proxy).unpack(files);
      await mkdir(join(files, 'manifests'));
      await mkdir(join(files, 'audit'));
      await chown(join(files, 'audit'), PROXY_USER, PROXY_USER);
      await writeFile(join(files, 'manifests/all.yaml'), manifest(postgres.port));
      const arguments_ = ['proxy', '--manifests', '/manifests', '--listen', '127.0.0.1:0', '--metrics', '127.0.0.1:0', '--audit', '/audit'];
      const { Entrypoint } = onlyImage(proxy).config['config'] as { readonly Entrypoint: readonly string[] };
      await mkdir(join(files, 'proc'));
      const inside = `mount -t proc proc "$0/proc" && exec chroot --userspec=${PROXY_USER}:${PROXY_USER} "$0" "$@"`;
      const program = [...Entrypoint, ...arguments_, '--identity', 'agent'];
      child = spawn('unshare', ['--mount', 'sh', '-c', inside, files, ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
      port = await listeningAt(child);
    }, 120_000);

    afterAll(async () => {
      child.kill('SIGKILL');
      await postgres.stop('immediate');
    });

    const ask = async (sql: string): Promise<unknown> => {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'agent', database: 'postgres' });
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    };

    it('serves sessions, and judges large statements on its other thread', async () => {
      expect(await ask('SELECT id, name FROM people ORDER BY id')).toEqual([
        { id: 1, name: '***' },
        { id: 2, name: '***' },
      ]);
      const numbers = Array.from({ length: 10_000 }, (_, index) => index).join(', ');
      expect(await ask(`SELECT count(*)::int AS rows FROM people WHERE id IN (${numbers})`)).toEqual([{ rows: 2 }]);
      await expect(ask('DROP TABLE people')).rejects.toMatchObject({ code: '42501' });
    });

    it('keeps its memory, environment and files from another process of the same user', async () => {
      // The same program, but readable: what is refused below is refused for no other reason.
      const twin = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], {
        uid: PROXY_USER,
        gid: PROXY_USER,
        stdio: 'ignore',
      });
      try {
        await sleep(500);
        expect(lookInto(twin.pid)).toEqual({
          environ: true,
          maps: true,
          mem: true,
          fd: true,
          root: true,
          cwd: true,
          exe: true,
          auxv: true,
        });
        expect(lookInto(child.pid)).toEqual({
          environ: false,
          maps: false,
          mem: false,
          fd: false,
          root: false,
          cwd: false,
          exe: false,
          auxv: false,
        });
      } finally {
        twin.kill('SIGKILL');
      }
    });

    it('opens no debugger at a signal', async () => {
      child.kill('SIGUSR1');
      await sleep(300);
      expect(await ask('SELECT id FROM people WHERE id = 1')).toEqual([{ id: 1 }]);
      expect(await accepts(9229)).toBe(false);
    });
  });
});

const manifest = (port: number): string =>
  oneAgent(port, '{ name: public.people, select: { columns: [id], masks: [{ column: name, mask: { type: Redact } }] } }');

/** `0644 path` of everything in a folder. */
const modesIn = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((each) => `${(lstatSync(join(path, each)).mode & 0o7777).toString(8).padStart(4, '0')} ${each}`)
    .toSorted();

/** The port that the log tells. */
const listeningAt = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    let log = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const port = /"address":"127\.0\.0\.1:(\d+)"/.exec(log)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', () => reject(new Error(`the proxy ended: ${log}`)));
  });

/** The processor that an ELF file is for; undefined for other files. */
const machineOf = async (path: string): Promise<number | undefined> => {
  const file = await open(path);
  try {
    const header = Buffer.alloc(20);
    await file.read(header, 0, 20, 0);
    return header.toString('latin1', 0, 4) === '\x7fELF' ? header.readUInt16LE(18) : undefined;
  } finally {
    await file.close();
  }
};

/** What a process of the proxy's user reads of another process. */
const lookInto = (pid: number | undefined): unknown => {
  const look = `
    const fs = require('node:fs');
    const can = (work) => { try { work(); return true; } catch { return false; } };
    const at = (name) => '/proc/${pid}/' + name;
    const files = Object.fromEntries(['environ', 'maps', 'mem'].map((name) => [name, can(() => fs.closeSync(fs.openSync(at(name), 'r')))]));
    const links = Object.fromEntries(['root', 'cwd', 'exe'].map((name) => [name, can(() => fs.readlinkSync(at(name)))]));
    console.log(JSON.stringify({ ...files, fd: can(() => fs.readdirSync(at('fd'))), ...links, auxv: can(() => fs.readFileSync(at('auxv'))) }));`;
  const { stdout } = spawnSync(process.execPath, ['-e', look], { encoding: 'utf8', uid: PROXY_USER, gid: PROXY_USER });
  return JSON.parse(stdout);
};

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
