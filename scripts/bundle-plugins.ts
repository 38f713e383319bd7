/**
 * What keeps code out of the bundle, or out of its start.
 */
import { resolve } from 'node:path';
import type { Plugin } from 'esbuild';

/** Parts of packages that only code uses which we never call. In their place stands an empty module. */
const NEVER_USED = [
  // Exemplars, of which our metrics have none.
  '^@opentelemetry/api$',
  // Sending to a gateway, several processes.
  'prom-client/lib/(pushgateway|cluster)(\\.js)?$',
  // Writing logs from another thread.
  '^thread-stream$',
];

/** The collection that the proxy's process-metrics.ts replaces. */
export const DEFAULT_METRICS = 'prom-client/lib/defaultMetrics(\\.js)?$';

/** Leaves out what is never used, and more by patterns of paths. */
export const leftOut = (...more: readonly string[]): Plugin => ({
  name: 'left-out',
  setup: (build) => {
    const unused = new RegExp([...NEVER_USED, ...more].join('|'));
    build.onResolve({ filter: unused }, ({ path, importer }) =>
      importer.includes('node_modules') ? { path, namespace: 'left-out' } : undefined,
    );
    build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const file = resolve(resolveDir, path);
      return unused.test(file) ? { path: file, namespace: 'left-out' } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }));
  },
});

/** Those of Node's own modules that take milliseconds to load, and are plain objects. */
const LATE = /^(node:)?(child_process|cluster|dgram|dns|http|https|os|readline|tls|worker_threads|zlib)$/;

/** Loads one of Node's own modules when something of it is first used. */
export const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup: (build) => {
    build.onResolve({ filter: LATE }, ({ path, namespace }) =>
      namespace === 'late' ? undefined : { path: path.replace(/^node:/, ''), namespace: 'late' },
    );
    build.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: `const load = () => process.getBuiltinModule(${JSON.stringify(path)});
        for (const name of ${JSON.stringify(Object.keys(process.getBuiltinModule(path) as object))})
          Object.defineProperty(exports, name, { enumerable: true, get: () => load()[name] });`,
    }));
  },
};
