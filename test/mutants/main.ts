/**
 * `make mutants`: changes the sources in small ways, one at a time, and lists the changes that no unit test notices.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { madeOnce } from '../support/made-once.ts';
import { LEFT_OUT, type Mutant } from './mutated-files.ts';
import type { Outcome } from './mutant-runner.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CACHE = join(ROOT, '.cache', 'mutants');
const DEFAULT = 'proxy/sql/*.ts proxy/policy/**/*.ts proxy/scope/*.ts';

const run = (program: string, parameters: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean =>
  spawnSync(program, parameters, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;

/** Installed once: the demands of one program are not everybody's. No package's own script is run. */
const packages = async (): Promise<string> => {
  const manifest = ['package.json', 'package-lock.json'];
  const texts = await Promise.all(manifest.map((name) => readFile(join(import.meta.dirname, name), 'utf8')));
  const folder = await madeOnce(CACHE, texts.join('\n'), async () => {
    for (const name of manifest) await cp(join(import.meta.dirname, name), join(CACHE, name));
    return run('npm', ['ci', '--prefix', CACHE, '--ignore-scripts', '--no-audit', '--no-fund']);
  });
  if (folder === undefined) throw new Error('the packages of test/mutants could not be installed');
  return folder;
};

const shortened = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 90 ? `${line.slice(0, 60)} ... ${line.slice(-25)}` : line;
};

/** The text that the mutant replaces. */
const original = ({ location: { start, end } }: Mutant, lines: readonly string[]): string =>
  lines
    .slice(start.line, end.line + 1)
    .map((line, index, all) => line.slice(index === 0 ? start.column : 0, index === all.length - 1 ? end.column : undefined))
    .join('\n');

type Fate = 'killed' | 'survived' | 'at load' | 'not met';

const FATES: readonly Fate[] = ['killed', 'survived', 'at load', 'not met'];

const fateIn = (outcomes: readonly Outcome[]): ((mutant: Mutant) => Fate) => {
  const [killed, met, atLoad] = (['killed', 'met', 'atLoad'] as const).map((key) => new Set(outcomes.flatMap((outcome) => outcome[key])));
  return ({ id }) => (killed?.has(id) ? 'killed' : met?.has(id) ? 'survived' : atLoad?.has(id) ? 'at load' : 'not met');
};

const report = async (mutants: readonly Mutant[], outcomes: readonly Outcome[]): Promise<void> => {
  const fateOf = fateIn(outcomes);
  const counted = (some: readonly Mutant[]): string =>
    [`${some.length} mutants`, ...FATES.map((fate) => `${some.filter((mutant) => fateOf(mutant) === fate).length} ${fate}`)].join(', ');
  const rows: string[] = [];
  for (const [fileName, own] of Map.groupBy(mutants, (mutant) => mutant.fileName)) {
    const lines = (await readFile(fileName, 'utf8')).split('\n');
    rows.push('', `${relative(ROOT, fileName)}: ${counted(own)}`);
    for (const mutant of own.filter((each) => ['survived', 'not met'].includes(fateOf(each)))) {
      const { line, column } = mutant.location.start;
      rows.push(
        `  ${line + 1}:${column + 1} ${fateOf(mutant)}: ${shortened(original(mutant, lines))}  =>  ${shortened(mutant.replacement)}`,
      );
    }
  }
  rows.push('', `all, without ${LEFT_OUT.join()}: ${counted(mutants)}`);
  rows.push(`${outcomes.flatMap(({ slow }) => slow).length} slow tests were not repeated for mutants`);
  process.stdout.write(`${rows.join('\n')}\n`);
};

const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-mutants-'));
const list = join(folder, 'mutants.json');
const found = join(folder, 'outcomes');
await mkdir(found);
const isRun = run('node', ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/mutants/vitest.config.ts', '--reporter', 'dot'], {
  ...process.env,
  MUTANTS_PACKAGES: await packages(),
  MUTANTS_FILES: process.env.FILES || DEFAULT,
  MUTANTS_LIST: list,
  MUTANTS_OUTCOMES: found,
});
if (!isRun) console.error('a test fails once mutants were tried with it: what they leave behind counts for others');
const outcomes = await Promise.all(
  (await readdir(found)).map(async (name) => JSON.parse(await readFile(join(found, name), 'utf8')) as Outcome),
);
const mutants = JSON.parse(await readFile(list, 'utf8')) as readonly Mutant[];
await report(
  mutants.filter(({ status }) => status !== 'Ignored'),
  outcomes,
);
await rm(folder, { recursive: true, force: true });
process.exitCode = isRun ? 0 : 1;
