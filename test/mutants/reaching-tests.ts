/**
 * Which files of tests can notice a change of a source: those that import it, by themselves or through others, the nearest first.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const imports = new Map<string, readonly string[]>();

/** Types are gone once it runs. */
const importsOf = (file: string): readonly string[] => {
  const known = imports.get(file);
  if (known !== undefined) return known;
  const found = [...readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}) (?!type\b)[^;]*?from '(\.[^']+\.ts)';$/gm)]
    .map(([, path = '']) => resolve(dirname(file), path))
    .filter((path) => existsSync(path));
  imports.set(file, found);
  return found;
};

/** Steps from a file to the source; undefined where none lead there. */
const distance = (file: string, source: string): number | undefined => {
  const seen = new Set([file]);
  let ring: readonly string[] = [file];
  for (let steps = 0; ring.length > 0; steps++) {
    if (ring.includes(source)) return steps;
    ring = [...new Set(ring.flatMap(importsOf))].filter((each) => !seen.has(each));
    for (const each of ring) seen.add(each);
  }
  return undefined;
};

/** `tests` and `source` are absolute paths. */
export const reachingTests = (tests: readonly string[], source: string): readonly string[] => {
  const own = source.replace(/\.ts$/, '.test.ts');
  const rank = (test: string): number => (test === own ? 0 : dirname(test) === dirname(source) ? 1 : 2);
  return tests
    .flatMap((test) => {
      const steps = distance(test, source);
      return steps === undefined ? [] : [{ test, steps }];
    })
    .sort((a, b) => rank(a.test) - rank(b.test) || a.steps - b.steps || a.test.localeCompare(b.test))
    .map(({ test }) => test);
};
