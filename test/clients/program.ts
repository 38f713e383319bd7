/**
 * Clients that are programs of their own: psql, pgbench, Python.
 */
import { spawn, spawnSync } from 'node:child_process';

export type ProgramOptions = { readonly input?: string; readonly env?: Readonly<Record<string, string>>; readonly signal?: AbortSignal };

export type ProgramEnd = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Without the user's own settings, which would make tests differ from machine to machine. */
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('PSQL')));

/** Runs a program to its end. An abort is a Ctrl-C. */
export const runProgram = (program: string, parameters: readonly string[], options: ProgramOptions = {}): Promise<ProgramEnd> =>
  new Promise((resolve, reject) => {
    const env = { ...ENVIRONMENT, LC_ALL: 'C.UTF-8', ...options.env };
    const child = spawn(program, [...parameters], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    options.signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }));
  });

/** Its major version; undefined, and said so, where it is not installed. */
export const programVersion = (program: string): number | undefined => {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1];
  if (version === undefined) process.stderr.write(`\n${program} is not installed: what needs it is SKIPPED\n`);
  return version === undefined ? undefined : Number(version);
};
