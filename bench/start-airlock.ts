/**
 * pg-airlock as a child process, from the bundle where it is built and from the sources otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepting, ended, freePort } from './child-process.ts';
import { AGENT } from './database.ts';

const ROOT = join(import.meta.dirname, '..');

/** What is run, and what to call it in the report. */
export const entry = (): { readonly path: string; readonly kind: 'bundle' | 'sources' } => {
  const bundle = join(ROOT, 'dist', 'pg-airlock.cjs');
  return existsSync(bundle) ? { path: bundle, kind: 'bundle' } : { path: join(ROOT, 'cli', 'main.ts'), kind: 'sources' };
};

export type Airlock = {
  readonly port: number;
  readonly metricsPort: number;
  readonly process: ChildProcess;
  /** Milliseconds from the start of the process until it accepted a connection. */
  readonly startup: number;
  readonly auditDirectory: string;
  readonly stop: () => Promise<void>;
};

/** Starts it with everybody on the listener being the agent; `flags` are Node's own. */
export const startAirlock = async (manifests: string, flags: readonly string[] = []): Promise<Airlock> => {
  const auditDirectory = await mkdtemp(join(tmpdir(), 'pg-airlock-bench-audit-'));
  const port = await freePort();
  const metricsPort = await freePort();
  const where = ['--listen', `127.0.0.1:${port}`, '--metrics', `127.0.0.1:${metricsPort}`, '--audit', auditDirectory];
  const parameters = [...flags, entry().path, 'proxy', '--manifests', manifests, ...where, '--identity', AGENT];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  const startup = await accepting(port, child);
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(auditDirectory, { recursive: true, force: true });
  };
  return { port, metricsPort, process: child, startup, auditDirectory, stop };
};
