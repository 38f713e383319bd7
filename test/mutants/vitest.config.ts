import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { mutatedFiles } from './mutated-files.ts';

const { MUTANTS_PACKAGES = '', MUTANTS_FILE = '', MUTANTS_LIST = '', MUTANTS_TESTS = '[]' } = process.env;
const root = join(import.meta.dirname, '..', '..');
const { files, mutants } = await mutatedFiles(MUTANTS_PACKAGES, { [MUTANTS_FILE]: readFileSync(MUTANTS_FILE, 'utf8') });
const mutated = new Map(files.map(({ name, content }) => [name, content]));
writeFileSync(MUTANTS_LIST, JSON.stringify(mutants));

const tests = JSON.parse(MUTANTS_TESTS) as readonly string[];

/** The tests that are nearest to the source kill most mutants, and spare the others the trouble. */
class Nearest extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.toSorted((a, b) => tests.indexOf(a.moduleId) - tests.indexOf(b.moduleId)));
  }
}

export default defineConfig({
  root,
  plugins: [{ name: 'mutants', enforce: 'pre', load: (id) => mutated.get(id) }],
  test: {
    include: tests.map((test) => relative(root, test)),
    runner: join(import.meta.dirname, 'mutant-runner.ts'),
    sequence: { sequencer: Nearest },
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
    // INVARIANT: what is kept between runs is found by the source's text: a mutated module would be taken for the source.
    fsModuleCache: false,
    // A mutant may wait for what never comes.
    testTimeout: 20_000,
  },
});
