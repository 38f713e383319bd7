/**
 * What tests make once and keep in `.cache`, for want of a better place: environments of other programs.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** A maker that ended without a word leaves its lock; none works for that long. */
const ABANDONED_MS = 900_000;

/**
 * The folder, made anew unless it was made from `sources`; test files that want it at the same time make it once. `make` says whether
 * it could: undefined means that it could not, for want of something that a machine need not have.
 */
export const madeOnce = async (folder: string, sources: string, make: () => Promise<boolean>): Promise<string | undefined> => {
  const done = join(folder, 'made-from');
  const lock = `${folder}.lock`;
  const isMade = async (): Promise<boolean> => existsSync(done) && (await readFile(done, 'utf8')) === sources;
  if (await isMade()) return folder;
  await mkdir(dirname(folder), { recursive: true });
  while (!(await taken(lock))) await setTimeout(100);
  try {
    if (await isMade()) return folder;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    if (!(await make())) return undefined;
    await writeFile(done, sources);
    return folder;
  } finally {
    await rmdir(lock);
  }
};

const taken = async (lock: string): Promise<boolean> => {
  try {
    await mkdir(lock);
    return true;
  } catch {
    const since = await stat(lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - since > ABANDONED_MS) await rmdir(lock).catch(() => undefined);
    return false;
  }
};
