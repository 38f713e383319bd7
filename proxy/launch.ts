/**
 * Starts the bundle that `make build` makes, with what V8 compiled of it then: compiling it anew takes half of a start. It is
 * `dist/pg-airlock.cjs`; run from the sources, pg-airlock starts in main.ts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { setStartFlags } from './v8-flags.ts';

export const BUNDLE = 'bundle.cjs';
export const COMPILED = 'bundle.compiled';

type Bundle = (require: NodeJS.Require, filename: string) => void;

const bytesAt = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
};

/** The bundle of a folder as a script. `name` is what it is called in stack traces. */
export const scriptOf = (folder: string, name: string, compiled?: Buffer): Script => {
  // In one line with the function around it, so that lines in stack traces are the file's.
  const source = `(function (require, __filename) {${readFileSync(join(folder, BUNDLE), 'latin1')}\n})`;
  return new Script(source, { filename: name, ...(compiled === undefined ? {} : { cachedData: compiled }) });
};

/** The bundle, ready to run. V8 leaves out what another version of it, or one with other flags, has compiled: the start is slower then. */
export const loadBundle = (folder: string): Script => {
  setStartFlags();
  return scriptOf(folder, join(folder, BUNDLE), bytesAt(join(folder, COMPILED)));
};

/** Runs the bundle as Node runs a CommonJS module, which exports nothing. */
export const runBundle = (script: Script, folder: string): void => {
  const filename = join(folder, BUNDLE);
  (script.runInThisContext() as Bundle)(createRequire(filename), filename);
};
