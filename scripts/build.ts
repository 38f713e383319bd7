/**
 * `make build`: bundles the command line, and the operator, into dist/, which needs nothing but Node. `node scripts/build.ts [folder]`
 *
 * What it is for is a start in a tenth of a second. The sources, run as they are, take half a second: most of it for finding, reading and
 * compiling modules.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { BUNDLE } from '../proxy/launch.ts';
import { DEFAULT_METRICS, lateBuiltins, leftOut } from './bundle-plugins.ts';
import { type BundledPackage, licencesOf, packageAt, packageFolders, PACKAGES_FILE } from './bundled-packages.ts';
import { DETERMINISTIC } from './compile-bundle.ts';

const ROOT = join(import.meta.dirname, '..');

const SHARED = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  // Only ASCII: V8 keeps it with one byte for a character.
  charset: 'ascii',
  // Names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  define: { 'import.meta.url': '__url' },
  // What `launch.ts` gives it.
  banner: { js: 'const __url=require("node:url").pathToFileURL(__filename).href;' },
  plugins: [leftOut(DEFAULT_METRICS), lateBuiltins],
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** The grammars are found as the sources find them: as packages. */
const GRAMMARS = ['libpg-query', 'libpg-query-15', 'libpg-query-16', 'libpg-query-17'];
const GRAMMAR_FILES = ['package.json', 'LICENSE', 'wasm/libpg-query.js', 'wasm/libpg-query.wasm'];

const copyGrammars = (folder: string): void => {
  for (const name of GRAMMARS) {
    const to = join(folder, 'node_modules', name);
    mkdirSync(join(to, 'wasm'), { recursive: true });
    for (const file of GRAMMAR_FILES) cpSync(join(ROOT, 'node_modules', name, file), join(to, file));
  }
};

const starting = (contents: string): { readonly contents: string; readonly resolveDir: string } => ({ contents, resolveDir: ROOT });

/** The proxy, and the rest of the command line. */
const bundleProxy = async (folder: string): Promise<Metafile> => {
  const { metafile } = await build({ ...SHARED, stdin: starting('import "./cli/main.ts"'), outfile: join(folder, BUNDLE) });
  await build({
    ...SHARED,
    stdin: starting('import { loadBundle, runBundle } from "./proxy/launch.ts"; runBundle(loadBundle(__dirname), __dirname)'),
    banner: { js: '#!/usr/bin/env node' },
    outfile: join(folder, 'pg-airlock.cjs'),
  });
  await build({ ...SHARED, entryPoints: ['proxy/judge/judge-worker.ts'], outfile: join(folder, 'judge-worker.cjs') });
  chmodSync(join(folder, 'pg-airlock.cjs'), 0o755);
  return metafile;
};

/** The operator, in one file: it runs for months, and may take its time to start. */
const bundleOperator = async (folder: string): Promise<Metafile> => {
  const define = { ...SHARED.define, 'import.meta.main': 'true' };
  const outfile = join(folder, 'pg-airlock-operator.cjs');
  const { metafile } = await build({ ...SHARED, plugins: [leftOut()], define, stdin: starting('import "./operator/main.ts"'), outfile });
  return metafile;
};

const makeBundles = async (folder: string): Promise<void> => {
  rmSync(folder, { recursive: true, force: true });
  const proxy = packageFolders(await bundleProxy(folder));
  const operator = packageFolders(await bundleOperator(folder));
  copyGrammars(folder);
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), `${licencesOf(ROOT, [...new Set([...proxy, ...operator])].sort())}\n`);
  const grammars = GRAMMARS.map((name) => join('node_modules', name));
  const listed = (folders: readonly string[]): readonly BundledPackage[] => folders.map((path) => packageAt(join(ROOT, path)));
  const packages = { proxy: listed([...proxy, ...grammars].sort()), operator: listed(operator) };
  writeFileSync(join(folder, PACKAGES_FILE), `${JSON.stringify(packages, undefined, 2)}\n`);
};

const folder = resolve(process.argv[2] ?? join(ROOT, 'dist'));
await makeBundles(folder);
// In a process of its own, with V8's flags of its own.
const compile = [...Object.keys(DETERMINISTIC), join(import.meta.dirname, 'compile-bundle.ts'), folder];
const { status } = spawnSync(process.execPath, compile, { stdio: 'inherit' });
process.exitCode = status ?? 1;
