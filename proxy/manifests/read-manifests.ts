/**
 * Reads the files of a folder of manifests, as a person, or Kubernetes in a mounted volume, puts them there.
 */
import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Problem, fileProblem } from '../../kernel/manifest/problem.ts';
import type { ManifestFile } from '../../kernel/manifest/yaml-documents.ts';

export type ReadManifests = {
  readonly files: readonly ManifestFile[];
  readonly problems: readonly Problem[];
  /** Changes whenever a file does. Comparing two tells whether to read again. */
  readonly signature: string;
};

/** Kubernetes' own limit for an object is a little more than this. */
const MAX_FILE_BYTES = 1024 * 1024;
/** Bytes read at once: most manifests are smaller. */
const CHUNK = 16 * 1024;
const MAX_FILES = 1000;
const MAX_TOTAL_BYTES = 16 * 1024 * 1024;

const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';

const markOf = (name: string, { ino, size, mtimeMs, ctimeMs }: Stats): string => JSON.stringify([name, ino, size, mtimeMs, ctimeMs]);

/** Hidden names are left out: editors' backups, and `..data` of a mounted volume, which the visible links lead into. */
const isManifestName = (name: string): boolean => !name.startsWith('.') && /\.(ya?ml|json)$/.test(name);

type Listed = { readonly names: readonly string[]; readonly problems: readonly Problem[] };

const listed = async (directory: string): Promise<Listed> => {
  try {
    const names = (await readdir(directory)).filter(isManifestName).sort();
    if (names.length <= MAX_FILES) return { names, problems: [] };
    const message = `the folder holds more than ${MAX_FILES} manifests`;
    return { names: [], problems: [fileProblem('.', message, 'Put several objects into one file, divided by "---".')] };
  } catch (error) {
    const message = `the folder of manifests cannot be read (${reasonOf(error)})`;
    return { names: [], problems: [fileProblem('.', message, 'Create it, or correct the path and its permissions.')] };
  }
};

type Read = { readonly file?: ManifestFile; readonly problem?: Problem; readonly mark: string };

const fileAt = async (directory: string, name: string): Promise<Read> => {
  const path = join(directory, name);
  let mark = JSON.stringify([name]);
  const refused = (message: string, remedy: string): Read => ({ problem: fileProblem(name, message, remedy), mark });
  try {
    // Looked at before it is opened: opening a pipe would wait for a writer.
    const status = await stat(path);
    mark = markOf(name, status);
    if (!status.isFile()) return refused('is not a file', 'Only files and links to files are read; rename it, or move it away.');
    if (status.size > MAX_FILE_BYTES) return refused(`is larger than ${MAX_FILE_BYTES} bytes`, 'Split it into several files.');
    const handle = await open(path, 'r');
    try {
      const chunks: Buffer[] = [];
      let length = 0;
      while (length <= MAX_FILE_BYTES) {
        const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(CHUNK) });
        if (bytesRead === 0) break;
        chunks.push(buffer.subarray(0, bytesRead));
        length += bytesRead;
      }
      if (length > MAX_FILE_BYTES) return refused(`is larger than ${MAX_FILE_BYTES} bytes`, 'Split it into several files.');
      // The mark of what was read: a file that changed meanwhile will not match what is there.
      mark = markOf(name, await handle.stat());
      return { file: { path: name, text: new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)) }, mark };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TypeError) return refused('is not text in UTF-8', 'Save it as UTF-8.');
    return refused(`cannot be read (${reasonOf(error)})`, 'Correct its permissions, or the link.');
  }
};

/** One value for the state of a folder: what could be listed, and the mark of each file. */
const signatureOf = ({ problems }: Listed, marks: readonly string[]): string =>
  [...problems.map(({ message }) => message), ...marks].join('\n');

/** The state of the folder at present, without reading its files. */
export const manifestSignature = async (directory: string): Promise<string> => {
  const list = await listed(directory);
  const marks = await Promise.all(
    list.names.map(async (name) => {
      try {
        return markOf(name, await stat(join(directory, name)));
      } catch {
        return JSON.stringify([name]);
      }
    }),
  );
  return signatureOf(list, marks);
};

/** Reads `*.yaml`, `*.yml` and `*.json` of a folder, links followed, folders within it left out of it. */
export const readManifests = async (directory: string): Promise<ReadManifests> => {
  const list = await listed(directory);
  const reads: Read[] = [];
  for (const name of list.names) reads.push(await fileAt(directory, name));
  const signature = signatureOf(
    list,
    reads.map(({ mark }) => mark),
  );
  const files = reads.flatMap(({ file }) => file ?? []);
  const problems = [...list.problems, ...reads.flatMap(({ problem }) => problem ?? [])];
  const total = files.reduce((sum, { text }) => sum + text.length, 0);
  if (total <= MAX_TOTAL_BYTES) return { files, problems, signature };
  const message = `the manifests are larger than ${MAX_TOTAL_BYTES} bytes together`;
  return { files: [], problems: [fileProblem('.', message, 'Divide them between several proxies.')], signature };
};
