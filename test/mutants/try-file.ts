/**
 * Tries the mutants of one source with some tests.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Fate, FATES, type FileResult } from './file-result.ts';
import type { Mutant } from './mutated-files.ts';
import type { Outcome } from './mutant-runner.ts';

export const ROOT = join(import.meta.dirname, '..', '..');

/** Whether it ended well. What it prints is for people, and goes where errors go. */
export const run = (program: string, parameters: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean =>
  spawnSync(program, parameters, { cwd: ROOT, env, stdio: ['ignore', 2, 2] }).status === 0;

export type Trial = {
  readonly source: string;
  readonly text: string;
  readonly packages: string;
  /** The first to try come first. */
  readonly tests: readonly string[];
  /** Also mutants that take effect before any test: all tests are run for each. */
  readonly atLoad: boolean;
};

const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/mutants/vitest.config.ts', '--reporter', 'dot'];

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

const fateIn = (outcomes: readonly Outcome[]): ((id: string) => Fate) => {
  const [killed, met, atLoad] = (['killed', 'met', 'atLoad'] as const).map((key) => new Set(outcomes.flatMap((outcome) => outcome[key])));
  return (id) => (killed?.has(id) ? 'killed' : met?.has(id) ? 'survived' : atLoad?.has(id) ? 'at load' : 'not met');
};

/** Runs the tests and tells the fate of each mutant by its id. */
export const tryFile = async ({ source, text, packages, tests, atLoad }: Trial): Promise<FileResult> => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-mutants-'));
  const list = join(folder, 'mutants.json');
  const found = join(folder, 'outcomes');
  await mkdir(found);
  const env = {
    ...process.env,
    MUTANTS_PACKAGES: packages,
    MUTANTS_FILE: source,
    MUTANTS_TESTS: JSON.stringify(tests),
    MUTANTS_LIST: list,
    MUTANTS_OUTCOMES: found,
  };
  const green = run('node', VITEST, env);
  const outcomes = await Promise.all(
    (await readdir(found)).map(async (name) => JSON.parse(await readFile(join(found, name), 'utf8')) as Outcome),
  );
  const mutants = (JSON.parse(await readFile(list, 'utf8')) as readonly Mutant[]).filter(({ status }) => status !== 'Ignored');
  const fateOf = fateIn(outcomes);
  const fates = new Map(mutants.map(({ id }) => [id, fateOf(id)]));
  if (atLoad) {
    for (const [id, fate] of fates) {
      if (fate !== 'at load') continue;
      const passes = run('node', [...VITEST, '--bail', '1'], { ...env, MUTANTS_ACTIVE: id });
      fates.set(id, passes ? 'survived' : 'killed');
    }
  }
  await rm(folder, { recursive: true, force: true });
  const lines = (await readFile(source, 'utf8')).split('\n');
  return {
    file: relative(ROOT, source),
    text,
    fates: Object.fromEntries(FATES.map((fate) => [fate, [...fates.values()].filter((each) => each === fate).length])) as Record<
      Fate,
      number
    >,
    left: mutants.flatMap((mutant) => {
      const fate = fates.get(mutant.id);
      const { line, column } = mutant.location.start;
      if (fate !== 'survived' && fate !== 'not met') return [];
      return [`  ${line + 1}:${column + 1} ${fate}: ${shortened(original(mutant, lines))}  =>  ${shortened(mutant.replacement)}`];
    }),
    tests: outcomes.flatMap(({ slow, unrepeatable }) => [
      ...slow.map((name) => `${name} is slow`),
      ...unrepeatable.map((name) => `${name} fails the second time`),
    ]),
    green,
  };
};
