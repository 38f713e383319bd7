/**
 * Runs pgbench and reads what each transaction took.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE } from './database.ts';
import { type Measurement, measured } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import type { Server } from './servers.ts';

export type PgbenchRun = {
  readonly protocol: 'simple' | 'extended' | 'prepared';
  readonly clients: number;
  /** One of pgbench's own scripts, or the text of another one. */
  readonly script: { readonly builtin: 'select-only' | 'tpcb-like' } | { readonly text: string };
};

class PgbenchRefused extends Error {}

/** Third field of a line of pgbench's log: microseconds. */
const latenciesOf = (logs: readonly string[]): Float64Array => {
  const latencies: number[] = [];
  for (const log of logs) {
    for (let start = 0; start < log.length; ) {
      const end = log.indexOf('\n', start);
      const second = log.indexOf(' ', start);
      const third = log.indexOf(' ', second + 1) + 1;
      latencies.push(Number(log.slice(third, log.indexOf(' ', third))) / 1_000);
      start = end < 0 ? log.length : end + 1;
    }
  }
  return Float64Array.from(latencies);
};

const runPgbench = async (server: Server, run: PgbenchRun, options: BenchOptions, folder: string): Promise<string> => {
  const where = ['-h', '127.0.0.1', '-p', String(server.port), '-U', server.user];
  const how = ['-n', '-M', run.protocol, '-c', String(run.clients), '-j', '1', '-T', String(Math.ceil(options.seconds))];
  const script = join(folder, 'script.sql');
  if ('text' in run.script) await writeFile(script, run.script.text);
  const what = 'text' in run.script ? ['-f', script] : ['-b', run.script.builtin];
  const log = ['--log', `--log-prefix=${join(folder, 'log')}`];
  const child = spawn(options.pgbench, [...where, ...how, ...what, ...log, DATABASE], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const status = await new Promise((resolve) => child.once('close', resolve));
  const complaint = /(?:error|ERROR|FATAL): +(.*)/.exec(output)?.[1];
  if (status !== 0) throw new PgbenchRefused(complaint ?? output.trim().slice(0, 200));
  return output;
};

const TPS = /^tps = ([\d.]+)/m;

/** One run of pgbench on one server. */
export const measurePgbench = async (server: Server, run: PgbenchRun, options: BenchOptions): Promise<Measurement> => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-pgbench-'));
  try {
    return await measured(server, async () => {
      const output = await runPgbench(server, run, options, folder);
      const files = (await readdir(folder)).filter((file) => file.startsWith('log.'));
      const latencies = latenciesOf(await Promise.all(files.map((file) => readFile(join(folder, file), 'latin1'))));
      // Without the time that connecting took.
      return { latencies, seconds: latencies.length / Number(TPS.exec(output)?.[1]) };
    });
  } catch (error) {
    if (error instanceof PgbenchRefused) return { type: 'Refused', reason: error.message };
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
