/**
 * Pythons that have the drivers of `python/requirements.txt`, and the clients of `python/clients.txt`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { madeOnce } from '../support/made-once.ts';
import { runProgram } from './program.ts';

export const PYTHON_FOLDER = join(import.meta.dirname, 'python');

const CACHES = join(import.meta.dirname, '..', '..', '.cache');

/**
 * The interpreter: the one that AIRLOCK_PYTHON names, or one of a virtual environment that is made once, in `.cache`. Undefined, and
 * said so, where there is no Python or its package index cannot be reached.
 */
export const pythonWithDrivers = async (): Promise<string | undefined> => {
  const given = process.env['AIRLOCK_PYTHON'];
  return given !== undefined && given !== '' ? given : pythonWith('requirements.txt', 'python-drivers');
};

/** The same with ORMs, frameworks and agents' tools: near half a gigabyte. */
export const pythonWithClients = (): Promise<string | undefined> => pythonWith('clients.txt', 'python-clients');

const pythonWith = async (requirementsFile: string, cache: string): Promise<string | undefined> => {
  const folder = join(CACHES, cache);
  const requirements = join(PYTHON_FOLDER, requirementsFile);
  const python = join(folder, 'bin', 'python3');
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['python3', ['-m', 'venv', '--clear', folder]],
    [python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]],
  ];
  const made = await madeOnce(folder, await readFile(requirements, 'utf8'), async () => {
    for (const [program, parameters] of steps) {
      const end = await runProgram(program, parameters).catch((error: unknown) => ({ code: 1, stderr: String(error) }));
      if (end.code === 0) continue;
      process.stderr.write(`\nno Python with what ${requirementsFile} lists: what needs it is SKIPPED\n${end.stderr.slice(-500)}\n`);
      return false;
    }
    return true;
  });
  return made && python;
};
