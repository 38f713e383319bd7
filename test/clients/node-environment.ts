/**
 * A folder that has the packages of `node/package.json`, and the programs beside it.
 */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { madeOnce } from '../support/made-once.ts';
import { runProgram } from './program.ts';

const SOURCES = join(import.meta.dirname, 'node');
const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'node-clients');

/**
 * Installed once, in `.cache`, as the lockfile says: they are too large for everybody who only installs pg-airlock. No package's own
 * script is run. Undefined, and said so, where the registry cannot be reached.
 */
export const nodeClients = async (): Promise<string | undefined> => {
  const manifest = ['package.json', 'package-lock.json'];
  const texts = await Promise.all(manifest.map((name) => readFile(join(SOURCES, name), 'utf8')));
  const folder = await madeOnce(CACHE, texts.join('\n'), async () => {
    for (const name of manifest) await cp(join(SOURCES, name), join(CACHE, name));
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps'];
    const { code, stderr } = await runProgram('npm', ['ci', '--prefix', CACHE, ...flags]);
    if (code !== 0) process.stderr.write(`\nthe packages of test/clients/node could not be installed\n${stderr.slice(-500)}\n`);
    return code === 0;
  });
  // What changes more often than the packages.
  if (folder !== undefined) await cp(SOURCES, join(folder, 'programs'), { recursive: true });
  return folder;
};
