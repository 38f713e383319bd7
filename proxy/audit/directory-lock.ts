/**
 * One writer for a directory: a lock file that names its holder.
 *
 * A holder on this machine and in this process namespace is alive if its process is (number and start time, so that a number
 * used again does not count). Any other holder, say a container that shares the volume, is alive while it touches the file.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditUnavailable } from '../../kernel/failure.ts';

/** A held lock. */
export type DirectoryLock = {
  /** Whether the file still names this holder. */
  readonly held: () => Promise<boolean>;
  readonly release: () => Promise<void>;
};

type Holder = { readonly pid: number; readonly started: string; readonly space: string; readonly token: string };

const HEARTBEAT_MS = 1_000;
const SILENT_MS = 5_000;

const orElse = async <T, U>(promise: Promise<T>, other: U): Promise<T | U> => {
  try {
    return await promise;
  } catch {
    return other;
  }
};

/** When a process started, in the kernel's ticks (proc_pid_stat(5), field 22); undefined if there is no such process. */
const startOf = async (pid: number): Promise<string | undefined> => {
  const status = await orElse(readFile(`/proc/${pid}/stat`, 'latin1'), undefined);
  // The second field is the program's name in parentheses, which may hold anything.
  if (status !== undefined) return status.slice(status.lastIndexOf(')') + 2).split(' ')[19];
  try {
    process.kill(pid, 0);
    return '';
  } catch {
    return undefined;
  }
};

/** The namespace in which process numbers mean something: this boot of this machine, this container. */
const spaceOf = async (): Promise<string> => {
  const boot = await orElse(readFile('/proc/sys/kernel/random/boot_id', 'latin1'), '');
  return `${boot.trim()} ${await orElse(readlink('/proc/self/ns/pid'), '')}`;
};

const readHolder = async (path: string): Promise<Holder | undefined> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
};

const touchedAt = async (path: string): Promise<number> => (await orElse(stat(path), undefined))?.mtimeMs ?? 0;

const isAlive = async (path: string, holder: Holder | undefined, space: string): Promise<boolean> => {
  if (holder?.space === space) return (await startOf(holder.pid)) === holder.started;
  const before = await touchedAt(path);
  for (let waited = 0; waited < SILENT_MS; waited += HEARTBEAT_MS / 4) {
    await sleep(HEARTBEAT_MS / 4);
    if ((await touchedAt(path)) !== before) return true;
  }
  return false;
};

/** Puts a dead holder's lock aside; another process may be doing the same. */
const putAside = async (path: string, dead: Holder | undefined, aside: string): Promise<void> => {
  if (
    !(await orElse(
      rename(path, aside).then(() => true),
      false,
    ))
  )
    return;
  // Somebody was quicker, and what was put aside is a living lock: it goes back.
  if ((await readHolder(aside))?.token !== dead?.token) await orElse(link(aside, path), undefined);
  await rm(aside, { force: true });
};

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST';

/** Takes the lock of a directory, or rejects with a Failure that names who has it. */
export const lockDirectory = async (directory: string): Promise<DirectoryLock> => {
  const path = join(directory, 'audit.lock');
  const token = randomUUID();
  const own = join(directory, `audit.lock.${token}`);
  const space = await spaceOf();
  const holder: Holder = { pid: process.pid, started: (await startOf(process.pid)) ?? '', space, token };
  const held = async (): Promise<boolean> => (await readHolder(path))?.token === token;
  try {
    await writeFile(own, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
    for (;;) {
      try {
        // A link, not a new file: the lock is never seen half written.
        await link(own, path);
        break;
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
      const other = await readHolder(path);
      if (await isAlive(path, other, space)) {
        throw auditUnavailable(`The audit directory "${directory}" is in use by process ${other?.pid ?? '(unknown)'}.`);
      }
      await putAside(path, other, `${own}.dead`);
    }
  } finally {
    await rm(own, { force: true });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    void held().then((mine) => (mine ? orElse(utimes(path, now, now), undefined) : undefined));
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const release = async (): Promise<void> => {
    clearInterval(heartbeat);
    if (await held()) await rm(path, { force: true });
  };
  return { held, release };
};
