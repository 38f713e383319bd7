import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import type { TestSequencer, TestSpecification } from 'vitest/node';

/** One story on one cluster: what needs little comes first, what ends the release last. */
const ORDER = [
  'quickstart',
  'agent',
  'attempts',
  'helm-test',
  'intruder',
  'edits',
  'rotation',
  'monitoring',
  'disruptions',
  'upgrade',
  'uninstall',
];

class Story implements TestSequencer {
  // biome-ignore lint/suspicious/useAwait: its interface
  async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => ORDER.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
    return files.toSorted((a, b) => place(a) - place(b));
  }

  shard(): never {
    throw new Error('a story cannot be told in parts');
  }
}

/** `make e2e`. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/e2e/*.test.ts'],
    globalSetup: 'test/e2e/global-setup.ts',
    sequence: { sequencer: Story },
    fileParallelism: false,
    pool: 'forks',
    isolate: false,
    reporters: ['verbose'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
