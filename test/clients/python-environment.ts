/**
 * A Python that has the drivers of `python/requirements.txt`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { madeOnce } from '../support/made-once.ts';
import { runProgram } from './program.ts';

export const PYTHON_FOLDER = join(import.meta.dirname, 'python');

const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'python-drivers');

/**
 * The interpreter: the one that AIRLOCK_PYTHON names, or one of a virtual environment that is made once, in `.cache`. Undefined, and
 * said so, where there is no Python or its package index cannot be reached.
 */
export const pythonWithDrivers = async (): Promise<string | undefined> => {
  const given = process.env['AIRLOCK_PYTHON'];
  if (given !== undefined && given !== '') return given;
  const requirements = join(PYTHON_FOLDER, 'requirements.txt');
  const python = join(CACHE, 'bin', 'python3');
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['python3', ['-m', 'venv', '--clear', CACHE]],
    [python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]],
  ];
  const made = await madeOnce(CACHE, await readFile(requirements, 'utf8'), async () => {
    for (const [program, parameters] of steps) {
      const end = await runProgram(program, parameters).catch((error: unknown) => ({ code: 1, stderr: String(error) }));
      if (end.code === 0) continue;
      process.stderr.write(`\nno Python with PostgreSQL drivers: what needs it is SKIPPED\n${end.stderr.slice(-500)}\n`);
      return false;
    }
    return true;
  });
  return made && python;
};
