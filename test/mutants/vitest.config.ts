import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { mutatedFiles } from './mutated-files.ts';

const { MUTANTS_PACKAGES = '', MUTANTS_FILES = '', MUTANTS_LIST = '', MUTANTS_TESTS = '{sql,policy,scope,judge}' } = process.env;
const root = join(import.meta.dirname, '..', '..');
const names = globSync(MUTANTS_FILES.split(' '), { cwd: root }).filter((name) => !name.endsWith('.test.ts'));
const { files, mutants } = await mutatedFiles(
  MUTANTS_PACKAGES,
  Object.fromEntries(names.map((name) => [resolve(root, name), readFileSync(resolve(root, name), 'utf8')])),
);
const mutated = new Map(files.map(({ name, content }) => [name, content]));
writeFileSync(MUTANTS_LIST, JSON.stringify(mutants));

/** The unit tests of what judges and writes statements, without those that start threads. */
export default defineConfig({
  root,
  plugins: [{ name: 'mutants', enforce: 'pre', load: (id) => mutated.get(id) }],
  test: {
    include: [`proxy/${MUTANTS_TESTS}/**/*.test.ts`],
    exclude: ['**/node_modules/**', 'proxy/judge/large-texts.test.ts'],
    runner: join(import.meta.dirname, 'mutant-runner.ts'),
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
    // INVARIANT: what is kept between runs is found by the source's text: a mutated module would be taken for the source.
    fsModuleCache: false,
    testTimeout: 600_000,
  },
});
