/**
 * One writer for a directory: claim first, then look at the other claims. Each claim is a file of its own that names its
 * holder, so that two that claim at once cannot both miss each other, and removing a dead one never hits a living one.
 *
 * A holder on this machine and in this process namespace is alive if its process is (number and start time, so that a number
 * used again does not count). Any other holder, say a container that shares the volume, is alive while it touches its file.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditUnavailable } from '../../kernel/failure.ts';

/** A held lock. */
export type DirectoryLock = {
  /** Whether the claim still stands. */
  readonly held: () => Promise<boolean>;
  readonly release: () => Promise<void>;
};

type Holder = { readonly pid: number; readonly started: string; readonly space: string };

const HEARTBEAT_MS = 1_000;
const SILENT_MS = 5_000;
const ATTEMPTS = 5;

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

/** When a claim was last touched; undefined where it is gone. */
const touchedAt = async (path: string): Promise<number | undefined> => (await orElse(stat(path), undefined))?.mtimeMs;

/** Waits for a sign of life of a holder that cannot be looked up, or whose claim is still being written. */
const isAlive = async (path: string, space: string): Promise<boolean> => {
  const before = await touchedAt(path);
  for (let waited = 0; waited <= SILENT_MS; waited += HEARTBEAT_MS / 4) {
    const holder = await readHolder(path);
    if (holder?.space === space) return (await startOf(holder.pid)) === holder.started;
    const touched = await touchedAt(path);
    if (touched === undefined) return false;
    if (touched !== before) return true;
    await sleep(HEARTBEAT_MS / 4);
  }
  return false;
};

/** Another claim that is alive; dead ones are removed. */
const findOther = async (directory: string, own: string, space: string): Promise<string | undefined> => {
  for (const file of await readdir(directory)) {
    if (!/^writer-[0-9a-f-]{36}\.lock$/.test(file) || file === own) continue;
    const path = join(directory, file);
    if (await isAlive(path, space)) return path;
    await rm(path, { force: true });
  }
  return undefined;
};

/** Takes the lock of a directory, or rejects with a Failure that names who has it. */
export const lockDirectory = async (directory: string): Promise<DirectoryLock> => {
  const file = `writer-${randomUUID()}.lock`;
  const path = join(directory, file);
  const space = await spaceOf();
  const holder: Holder = { pid: process.pid, started: (await startOf(process.pid)) ?? '', space };
  const heartbeat = setInterval(() => {
    const now = new Date();
    void orElse(utimes(path, now, now), undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const release = async (): Promise<void> => {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  };
  try {
    for (let attempt = 1; ; attempt += 1) {
      await writeFile(path, `${JSON.stringify(holder)}\n`, { flag: 'wx', mode: 0o600 });
      // INVARIANT: looked for after the own claim stands: of two that claim at once, at least one sees the other.
      const other = await findOther(directory, file, space);
      if (other === undefined) return { held: async () => (await touchedAt(path)) !== undefined, release };
      const pid = (await readHolder(other))?.pid;
      await rm(path, { force: true });
      if (attempt === ATTEMPTS) throw auditUnavailable(`The audit directory "${directory}" is in use by process ${pid ?? '(unknown)'}.`);
      // Both may have stepped back: by different times, one gets it.
      await sleep(randomInt(5, 60));
    }
  } catch (error) {
    await release();
    throw error;
  }
};
