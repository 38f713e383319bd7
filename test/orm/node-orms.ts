/**
 * A folder that has the ORMs of `javascript/package.json`, and the sessions beside them.
 */
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramEnd, runProgram } from '../clients/program.ts';
import { madeOnce } from '../support/made-once.ts';

const SOURCES = join(import.meta.dirname, 'javascript');
const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'orms');

/**
 * Made once, in `.cache`: they are too large for everybody who only installs pg-airlock. No package's own script is run, and nothing
 * is downloaded but packages. Undefined, and said so, where the registry cannot be reached.
 */
export const nodeWithOrms = async (): Promise<string | undefined> => {
  const entries = await readdir(SOURCES, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const texts = await Promise.all(files.sort().map((file) => readFile(file, 'utf8')));
  return madeOnce(CACHE, texts.join('\n'), async () => {
    await cp(SOURCES, CACHE, { recursive: true });
    const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--legacy-peer-deps'];
    const { code, stderr } = await runProgram('npm', ['install', '--prefix', CACHE, ...flags]);
    if (code !== 0) {
      process.stderr.write(`\nno Prisma and no Drizzle: what needs them is SKIPPED\n${stderr.slice(-500)}\n`);
      return false;
    }
    const generated = await prisma(CACHE, ['generate']);
    if (generated.code !== 0) throw new Error(`prisma generate: ${generated.stderr}`);
    return true;
  });
};

/** Prisma's command line. That a native engine is there is enough for it: none is run. */
export const prisma = (folder: string, parameters: readonly string[], url = 'postgres://127.0.0.1/none'): Promise<ProgramEnd> => {
  const program = join(folder, 'node_modules', 'prisma', 'build', 'index.js');
  return runProgram(process.execPath, [program, ...parameters, '--config', join(folder, 'prisma.config.mjs')], {
    env: { DATABASE_URL: url, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  });
};
