/**
 * The credentials of connections, as the kubelet mounts them: read, and followed when they rotate.
 */
import type { Stats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { credentialFolder, SECRET_KEYS } from '../../kernel/cluster-names.ts';
import type { ConnectionCredentials } from '../../kernel/manifest/credentials.ts';
import type { ConnectionKey } from '../../kernel/policy.ts';
import { type FollowTiming, followFolder } from '../follow-folder.ts';

export type Credentials = ReadonlyMap<ConnectionKey, ConnectionCredentials>;

export type CredentialFiles = {
  /** The last that could be read of each connection. */
  readonly current: () => Credentials;
  /** What is wrong with the files at present; undefined: nothing. Names files, and quotes none. */
  readonly problem: () => string | undefined;
  readonly stop: () => void;
};

const FILES = [SECRET_KEYS.username, SECRET_KEYS.password, SECRET_KEYS.caCertificate] as const;

const LARGEST_FILE = 1024 * 1024;

const TIMING: FollowTiming = { poll: 1_000, settle: 150 };

const folderOf = (key: ConnectionKey): string => {
  const slash = key.indexOf('/');
  return credentialFolder(key.slice(0, slash), key.slice(slash + 1));
};

const markOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): string => `${ino}.${size}.${mtimeMs}.${ctimeMs}`;

/** Where the files are: the kubelet writes a new folder, and lets `..data` lead to it when all of it is there. */
const generation = async (directory: string): Promise<string> => await realpath(join(directory, '..data')).catch(() => directory);

const signatureOf = async (directory: string, keys: readonly ConnectionKey[]): Promise<string> => {
  const root = await generation(directory);
  const paths = keys.flatMap((key) => FILES.map((file) => join(root, folderOf(key), file)));
  const marks = await Promise.all(paths.map((path) => stat(path).then(markOf, () => '-')));
  return [root, ...marks].join('\n');
};

/** The bytes of a file; undefined where there is none, or nothing in it. @throws Error about a file that cannot be read */
const bytesOf = async (path: string, name: string): Promise<Uint8Array | undefined> => {
  try {
    const status = await stat(path);
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if (!status.isFile() || status.size > LARGEST_FILE) throw new Error(`${name} is no file of reasonable size`);
    const bytes = await readFile(path);
    return bytes.length === 0 ? undefined : new Uint8Array(bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw code === undefined ? error : new Error(`${name} cannot be read (${code})`, { cause: error });
  }
};

const credentialsAt = async (root: string, key: ConnectionKey): Promise<ConnectionCredentials> => {
  const folder = folderOf(key);
  const [username, password, ca] = await Promise.all(FILES.map((file) => bytesOf(join(root, folder, file), `${folder}/${file}`)));
  if (username === undefined) throw new Error(`${folder}/${SECRET_KEYS.username} is not there, or empty`);
  if (password === undefined) throw new Error(`${folder}/${SECRET_KEYS.password} is not there, or empty`);
  return { username, password, ca };
};

/** Reads the credentials of connections, and follows them. `onChange` is told after each reading but the first. Never rejects. */
export const followCredentials = async (
  directory: string,
  keys: readonly ConnectionKey[],
  onChange: () => void,
  timing: FollowTiming = TIMING,
): Promise<CredentialFiles> => {
  let current: Credentials = new Map();
  let problem: string | undefined;
  let read: string | undefined;
  const readAgain = async (): Promise<void> => {
    const before = await signatureOf(directory, keys);
    const root = await generation(directory);
    const next = new Map(current);
    const problems: string[] = [];
    for (const key of keys) {
      try {
        next.set(key, await credentialsAt(root, key));
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    // User name and password of two generations would lock the role out, or worse.
    if (before !== (await signatureOf(directory, keys))) return;
    read = before;
    problem = problems.length === 0 ? undefined : problems.join('; ');
    current = next;
  };
  await readAgain();
  const stop = followFolder(
    {
      directory,
      signature: () => signatureOf(directory, keys),
      read: () => read,
      readAgain: async () => {
        await readAgain();
        onChange();
      },
    },
    timing,
  );
  return { current: () => current, problem: () => problem, stop };
};
