/**
 * etcd and kube-apiserver as processes of a folder: each writes `NAME.pid` and `NAME.log` there, and dies with this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export type Supervised = {
  /** Resolves with nothing when it is gone. */
  readonly ended: Promise<void>;
  readonly isRunning: () => boolean;
  readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  /** The last part of what it logged. */
  readonly log: () => string;
};

const LOG_CHARACTERS = 4000;

/** What `NAME.pid` says; undefined where nothing of that name runs. */
export const readPid = (pidFile: string): number | undefined => {
  try {
    return Number(readFileSync(pidFile, 'utf8'));
  } catch {
    return undefined;
  }
};

/** Starts a program in a process group of its own, its output in a file: a pipe would stop it when this process is too busy to read. */
export const supervise = (folder: string, name: string, program: string, parameters: readonly string[]): Supervised => {
  const logFile = join(folder, `${name}.log`);
  const pidFile = join(folder, `${name}.pid`);
  const log = openSync(logFile, 'a');
  const child = spawn(program, parameters, { cwd: folder, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let running = true;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      running = false;
      if (readPid(pidFile) === child.pid) rmSync(pidFile, { force: true });
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  if (child.pid !== undefined) writeFileSync(pidFile, String(child.pid));
  child.unref();
  const kill: Supervised['kill'] = async (signal) => {
    child.ref();
    if (running) child.kill(signal);
    await ended;
  };
  return { ended, isRunning: () => running, kill, log: () => readFileSync(logFile, 'utf8').slice(-LOG_CHARACTERS) };
};

const KILL_AND_REMOVE = 'for file in *.pid; do [ -f "$file" ] && kill -KILL "$(cat "$file")"; done; sleep 0.5; cd / && rm -rf "$1"';

/**
 * Runs a shell's script in the folder, which it has as $1, once this process is gone, however it went: its end closes the pipe that the
 * shell reads. Unless told, the script kills what is left in the folder and removes it.
 */
export const reapWithUs = (folder: string, script = KILL_AND_REMOVE): ChildProcess => {
  const child = spawn('sh', ['-c', `cat >/dev/null; ${script}`, 'reaper', folder], {
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  return child;
};

/** Ports that were free a moment ago, all different. */
export const freePorts = async (count: number): Promise<number[]> => {
  const probes = await Promise.all(
    Array.from({ length: count }, () => {
      const probe = createServer();
      return new Promise<typeof probe>((resolve, reject) => {
        probe.once('error', reject);
        probe.listen(0, '127.0.0.1', () => resolve(probe));
      });
    }),
  );
  return Promise.all(
    probes.map((probe) => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      return new Promise<number>((resolve) => probe.close(() => resolve(port)));
    }),
  );
};
