/**
 * `make build`: bundles the command line into dist/, which needs nothing but Node. `node scripts/build.ts [folder]`
 *
 * What it is for is a start in a tenth of a second. The sources, run as they are, take half a second: most of it for finding, reading and
 * compiling modules.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { BUNDLE } from '../proxy/launch.ts';
import { lateBuiltins, leftOut } from './bundle-plugins.ts';
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
  plugins: [leftOut, lateBuiltins],
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Folders of the packages that are in the bundle. */
const packagesOf = ({ inputs }: Metafile): readonly string[] => {
  const folders = Object.keys(inputs).flatMap((path) => /^[^:]*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
};

/** What the licences of the packages ask for: that their texts go along. */
const licencesOf = (packages: readonly string[]): string =>
  packages
    .map((folder) => {
      const path = resolve(ROOT, folder);
      const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<string, unknown>;
      const files = readdirSync(path).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
      const texts = files.map((file) => readFileSync(join(path, file), 'utf8').trim());
      return [`${String(name)} ${String(version)} (${String(license)})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);

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

const makeBundle = async (folder: string): Promise<void> => {
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = await build({ ...SHARED, stdin: starting('import "./cli/main.ts"'), outfile: join(folder, BUNDLE) });
  await build({
    ...SHARED,
    stdin: starting('import { loadBundle, runBundle } from "./proxy/launch.ts"; runBundle(loadBundle(__dirname), __dirname)'),
    banner: { js: '#!/usr/bin/env node' },
    outfile: join(folder, 'pg-airlock.cjs'),
  });
  await build({ ...SHARED, entryPoints: ['proxy/judge/judge-worker.ts'], outfile: join(folder, 'judge-worker.cjs') });
  chmodSync(join(folder, 'pg-airlock.cjs'), 0o755);
  copyGrammars(folder);
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), `${licencesOf(packagesOf(metafile))}\n`);
};

const folder = resolve(process.argv[2] ?? join(ROOT, 'dist'));
await makeBundle(folder);
// In a process of its own, with V8's flags of its own.
const compile = [...Object.keys(DETERMINISTIC), join(import.meta.dirname, 'compile-bundle.ts'), folder];
const { status } = spawnSync(process.execPath, compile, { stdio: 'inherit' });
process.exitCode = status ?? 1;
