/**
 * Programs that a measurement starts.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** A free port of 127.0.0.1. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** Resolves with the milliseconds that went by until somebody accepts connections on the port. */
export const accepting = async (port: number, child: ChildProcess): Promise<number> => {
  const began = performance.now();
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (accepted) return performance.now() - began;
    if (performance.now() - began > 20_000) throw new Error(`${child.spawnfile} does not listen`);
    await setTimeout(1);
  }
};

/** Ends a process that we started. */
export const ended = async (child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
};

/** Whether there is such a program, and which version. */
export const versionOf = (program: string, flag = '--version'): string | undefined => {
  const { error, stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' });
  return error === undefined ? /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] : undefined;
};
