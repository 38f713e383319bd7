import { defineConfig } from 'vitest/config';

/** `make e2e` has a configuration of its own. */
const never = ['**/node_modules/**', 'test/corpus/public/**', 'test/e2e/**'];

/**
 * `unit`: beside the code, without a server. `server`: under test/, with a real PostgreSQL, some with a real Kubernetes API server: the
 * first hook that wants one on a machine builds it, which takes minutes.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    projects: [
      { extends: true, test: { name: 'unit', include: ['{kernel,proxy,operator,cli}/**/*.test.ts'], exclude: never } },
      { extends: true, test: { name: 'server', include: ['test/**/*.test.ts'], exclude: never, hookTimeout: 900_000 } },
    ],
  },
});
