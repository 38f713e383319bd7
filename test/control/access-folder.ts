/**
 * The sidecar's folder of token, authority and credentials, as the kubelet mounts it: links behind `..data`, swapped as a whole.
 */
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Contents by path within the folder. */
export type AccessFiles = Readonly<Record<string, string>>;

export type AccessFolder = {
  readonly directory: string;
  /** Replaces all files at once. */
  readonly put: (files: AccessFiles) => Promise<void>;
  readonly remove: () => Promise<void>;
};

/** Makes the folder. */
export const makeAccessFolder = async (files: AccessFiles): Promise<AccessFolder> => {
  const directory = await mkdtemp(join(tmpdir(), 'pg-airlock-access-'));
  let generation = 0;
  const put: AccessFolder['put'] = async (contents) => {
    const name = `..2026_${++generation}`;
    for (const [path, text] of Object.entries(contents)) {
      await mkdir(join(directory, name, dirname(path)), { recursive: true });
      await writeFile(join(directory, name, path), text);
    }
    const before = await readlink(join(directory, '..data')).catch(() => undefined);
    await symlink(name, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    const visible = new Set(Object.keys(contents).map((path) => path.split('/')[0] ?? ''));
    const present = (await readdir(directory)).filter((entry) => !entry.startsWith('..'));
    for (const entry of visible) if (!present.includes(entry)) await symlink(join('..data', entry), join(directory, entry));
    if (before !== undefined) await rm(join(directory, before), { recursive: true });
  };
  await put(files);
  return { directory, put, remove: () => rm(directory, { recursive: true, force: true }) };
};
