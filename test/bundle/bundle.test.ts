import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oneAgent } from '../support/one-agent.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const ROOT = join(import.meta.dirname, '../..');

let postgres: TestPostgres;
let folder = '';
let manifests = '';

const bundle = (...args: readonly string[]): { readonly status: number | null; readonly out: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'pg-airlock.cjs'), ...args], { encoding: 'utf8' });
  return { status, out: stdout + stderr };
};

const manifest = (port: number): string =>
  oneAgent(port, '{ name: public.people, where: id < 3, select: { columns: [id], masks: [{ column: name, mask: { type: Redact } }] } }');

beforeAll(async () => {
  // Far from the repository's node_modules: the bundle has to have all that it needs.
  folder = await mkdtemp(join(tmpdir(), 'pg-airlock-bundle-'));
  manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-manifests-'));
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts'), folder], { stdio: 'pipe' });
  postgres = await startPostgres();
  await postgres.sql("CREATE TABLE people (id int PRIMARY KEY, name text); INSERT INTO people VALUES (1, 'Ada'), (2, 'Bo'), (3, 'Chi')");
  await writeFile(join(manifests, 'all.yaml'), manifest(postgres.port));
});

afterAll(async () => {
  await postgres.stop('immediate');
  for (const path of [folder, manifests]) await rm(path, { recursive: true, force: true });
});

const answered = async (proxy: TestProxy, sql: string): Promise<unknown> => {
  const client = new pg.Client({ host: proxy.host, port: proxy.port, user: 'agent', database: 'postgres' });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

const served = (proxy: TestProxy): Promise<unknown> => answered(proxy, 'SELECT id, name FROM people ORDER BY id');

describe('the bundle', () => {
  it('serves sessions, and ends when it is told to', async () => {
    const proxy = await startProxy({ manifests, entry: join(folder, 'pg-airlock.cjs'), flags: ['--identity', 'agent'] });
    try {
      expect(await served(proxy)).toEqual([
        { id: 1, name: '***' },
        { id: 2, name: '***' },
      ]);
      // Judged on another thread, whose code lies beside the bundle.
      const numbers = Array.from({ length: 10_000 }, (_, index) => index).join(', ');
      expect(await answered(proxy, `SELECT count(*)::int AS rows FROM people WHERE id IN (${numbers})`)).toEqual([{ rows: 2 }]);
      expect(await proxy.kill('SIGTERM')).toBe(0);
    } finally {
      await proxy.stop();
    }
  });

  it('serves the same from a folder that it cannot write, without what V8 compiled, and with what another V8 did', async () => {
    for (const change of ['missing', 'of another version'] as const) {
      const copy = await mkdtemp(join(tmpdir(), 'pg-airlock-bundle-'));
      await cp(folder, copy, { recursive: true });
      const compiled = join(copy, 'bundle.compiled');
      if (change === 'missing') await rm(compiled);
      else await writeFile(compiled, (await readFile(compiled)).fill(1, 4, 8));
      await chmod(copy, 0o555);
      const proxy = await startProxy({ manifests, entry: join(copy, 'pg-airlock.cjs'), flags: ['--identity', 'agent'] });
      try {
        expect(await served(proxy)).toHaveLength(2);
      } finally {
        await proxy.stop();
        await rm(copy, { recursive: true, force: true });
      }
    }
  });

  it('brings code that V8 accepts as compiled at its start', () => {
    const look = `import { loadBundle } from ${JSON.stringify(join(ROOT, 'proxy/launch.ts'))}; console.log(loadBundle(process.argv[1]).cachedDataRejected)`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', look, folder], { encoding: 'utf8' });
    expect(stdout).toBe('false\n');
  });

  it('is the same, byte for byte, wherever and whenever it is built', async () => {
    const again = await mkdtemp(join(tmpdir(), 'pg-airlock-bundle-elsewhere-'));
    try {
      execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts'), again], { stdio: 'pipe' });
      const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
      const paths = files.map((entry) => relative(folder, join(entry.parentPath, entry.name)));
      expect(paths).toContain('bundle.compiled');
      const same = async (path: string): Promise<boolean> => (await readFile(join(again, path))).equals(await readFile(join(folder, path)));
      for (const path of paths) expect({ path, same: await same(path) }).toEqual({ path, same: true });
    } finally {
      await rm(again, { recursive: true, force: true });
    }
  });

  it('says what the sources say', () => {
    for (const args of [
      ['proxy', '--help'],
      ['help'],
      ['lint', '--manifests', join(ROOT, 'examples/quickstart')],
      ['audit', 'verify', folder],
    ]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'cli/main.ts'), ...args], { encoding: 'utf8' });
      expect(bundle(...args)).toEqual({ status, out: stdout + stderr });
    }
  });

  it('has the licence of every package that is in it', async () => {
    const licences = await readFile(join(folder, 'THIRD-PARTY-LICENSES'), 'utf8');
    const names = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+ \(/gm)].map(([, name]) => name);
    expect(names).toEqual(expect.arrayContaining(['@marcbachmann/cel-js', 'pg', 'pino', 'prom-client', 'saslprep', 'yaml']));
    expect((await readdir(join(folder, 'node_modules'))).toSorted()).toEqual([
      'libpg-query',
      'libpg-query-15',
      'libpg-query-16',
      'libpg-query-17',
    ]);
    for (const name of await readdir(join(folder, 'node_modules'))) {
      expect((await readdir(join(folder, 'node_modules', name))).toSorted()).toEqual(['LICENSE', 'package.json', 'wasm']);
    }
  });
});
