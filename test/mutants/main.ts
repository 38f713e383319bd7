/**
 * `make mutants`: changes the sources in small ways, one at a time, and lists the changes that no unit test notices. Things start here.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { madeOnce } from '../support/made-once.ts';
import { counted, FATES, type FileResult } from './file-result.ts';
import { LEFT_OUT } from './mutated-files.ts';
import { reachingTests } from './reaching-tests.ts';
import { ROOT, run, tryFile } from './try-file.ts';

const CACHE = join(ROOT, '.cache');
/** One line for each file that was tried: a run that is ended goes on where it was. */
const RESULTS = join(CACHE, 'mutants.jsonl');
const ALL = ['sql', 'policy', 'scope', 'detect'].map((folder) => `proxy/${folder}/**/*.ts`).join(' ');
/** Tests without a server; those of the judge's threads do not see the mutants. */
const TESTS = 'proxy/{sql,policy,scope,judge,detect,session,catalog}/**/*.test.ts';
const NOT_TESTS = new Set([join(ROOT, 'proxy/judge/large-texts.test.ts')]);

const { FILES = '', MUTANTS_TESTS: folders, MUTANTS_AT_LOAD } = process.env;

/** Installed once: the demands of one program are not everybody's. No package's own script is run. */
const packages = async (): Promise<string> => {
  const manifest = ['package.json', 'package-lock.json'];
  const texts = manifest.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
  const own = join(CACHE, 'mutants');
  const folder = await madeOnce(own, texts.join('\n'), async () => {
    for (const name of manifest) await cp(join(import.meta.dirname, name), join(own, name));
    return run('npm', ['ci', '--prefix', own, '--ignore-scripts', '--no-audit', '--no-fund']);
  });
  if (folder === undefined) throw new Error('the packages of test/mutants could not be installed');
  return folder;
};

const named = (patterns: string): readonly string[] => globSync(patterns.split(' '), { cwd: ROOT }).map((name) => resolve(ROOT, name));

const textOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** The last result of each file. */
const earlier = (): ReadonlyMap<string, FileResult> => {
  const lines = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8').split('\n').filter(Boolean) : [];
  return new Map(lines.map((line) => JSON.parse(line) as FileResult).map((result) => [result.file, result]));
};

const before = earlier();
const isDone = (source: string): boolean => before.get(relative(ROOT, source))?.text === textOf(source);

const sources = named(FILES || ALL)
  .filter((name) => !name.endsWith('.test.ts'))
  .filter((name) => FILES !== '' || !isDone(name))
  .sort();
const tests = named(folders === undefined ? TESTS : `proxy/${folders}/**/*.test.ts`).filter((name) => !NOT_TESTS.has(name));
const installed = await packages();
mkdirSync(CACHE, { recursive: true });
for (const source of sources) {
  const result = await tryFile({
    source,
    text: textOf(source),
    packages: installed,
    tests: reachingTests(tests, source),
    atLoad: MUTANTS_AT_LOAD === '1',
  });
  appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
  console.log(
    [`${result.file}: ${counted(result)}`, ...result.left, ...result.tests.map((test) => `  not repeated: ${test}`), ''].join('\n'),
  );
  if (!result.green) console.log('a test fails once mutants were tried with it: what they leave behind counts for others\n');
}

const isAsked = new Set((FILES === '' ? named(ALL) : sources).map((source) => relative(ROOT, source)));
const results = [...earlier().values()].filter(({ file }) => isAsked.has(file));
console.log(['| File | Mutants | Killed | Survived | At load | Not met |', '|---|---|---|---|---|---|'].join('\n'));
for (const { file, fates } of results) {
  const numbers = [FATES.reduce((sum, fate) => sum + fates[fate], 0), ...FATES.map((fate) => fates[fate])];
  console.log(`| \`${file}\` | ${numbers.join(' | ')} |`);
}
console.log(`without ${LEFT_OUT.join()}`);
process.exitCode = results.every(({ green }) => green) ? 0 : 1;
