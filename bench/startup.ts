/**
 * `make startup`: from the start of the process to the first answer to a client, and resident memory when nothing happens: the bundle, the
 * sources, and as a floor Node alone with a listener. Starts are interleaved: what else the machine does meets all of them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres } from '../test/support/postgres.ts';
import { ended, freePort } from './child-process.ts';
import { AGENT, DATABASE, ROLE, writeManifests } from './database.ts';
import { residentMemory } from './process-usage.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** Milliseconds and bytes. */
export type Startup = {
  readonly name: 'Node alone' | 'bundle' | 'sources';
  /** To the answer to an SSLRequest. */
  readonly answered: Spread;
  /** With the policy in force and the catalog read, before any session. */
  readonly idle: Spread;
  /** The same after a first session has asked something, which is still there. */
  readonly oneSession: Spread;
};

const ROOT = join(import.meta.dirname, '..');
const BUNDLE = join(ROOT, 'dist', 'pg-airlock.cjs');
const SOURCES = join(ROOT, 'cli', 'main.ts');
const SETTLE_MS = 2_000;
const PATIENCE_MS = 30_000;

/** What anything written in JavaScript costs at least. */
const ALONE = `require('node:net').createServer((socket) => socket.on('data', () => socket.write('N'))).listen(Number(process.argv[2]), '127.0.0.1');`;

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(SSL_REQUEST));
    socket.once('error', () => resolve(false));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });

const untilAnswered = async (port: number, child: ChildProcess): Promise<number> => {
  const began = performance.now();
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() - began > PATIENCE_MS) throw new Error(`${child.spawnargs.join(' ')} does not answer`);
    await sleep(2);
  }
  return performance.now() - began;
};

type Start = { readonly answered: number; readonly idle: number; readonly oneSession: number };
type Variant = { readonly name: Startup['name']; readonly parameters: (port: number, audit: string) => readonly string[] };

const once = async ({ name, parameters }: Variant): Promise<Start> => {
  const audit = await mkdtemp(join(tmpdir(), 'pg-airlock-startup-'));
  const port = await freePort();
  const child = spawn(process.execPath, parameters(port, audit), { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    const answered = await untilAnswered(port, child);
    await sleep(SETTLE_MS);
    const { pid } = child;
    if (pid === undefined) throw new Error('there is no process');
    const idle = residentMemory(pid).now;
    if (name === 'Node alone') return { answered, idle, oneSession: idle };
    const client = new pg.Client({ host: '127.0.0.1', port, user: AGENT, database: DATABASE });
    await client.connect();
    await client.query("SELECT id, name FROM people WHERE city = 'City 7'");
    await sleep(SETTLE_MS);
    const oneSession = residentMemory(pid).now;
    await client.end();
    return { answered, idle, oneSession };
  } finally {
    await ended(child);
    await rm(audit, { recursive: true, force: true });
  }
};

/** Starts each `repeats` times, in turn. The bundle is left out where it has not been built. */
export const measureStartup = async (repeats: number): Promise<readonly Startup[]> => {
  const postgres = await startPostgres();
  const manifests = await writeManifests(postgres.port, 'Fsync');
  const scratch = await mkdtemp(join(tmpdir(), 'pg-airlock-startup-'));
  try {
    await postgres.sql(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'bench'`);
    await postgres.sql(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
    const columns = 'id int PRIMARY KEY, tenant text, name text, email text, phone text, city text, card text, note text';
    await postgres.sql(`SET ROLE ${ROLE}; CREATE TABLE people (${columns})`, DATABASE);
    const alone = join(scratch, 'alone.cjs');
    await writeFile(alone, ALONE);
    const proxy = (entry: string) => (port: number, audit: string) => {
      const where = ['--manifests', manifests, '--listen', `127.0.0.1:${port}`, '--metrics', '127.0.0.1:0', '--audit', audit];
      return [entry, 'proxy', ...where, '--identity', AGENT, '--log-level', 'error'];
    };
    const variants: readonly Variant[] = [
      { name: 'Node alone', parameters: (port) => [alone, String(port)] },
      ...(existsSync(BUNDLE) ? [{ name: 'bundle', parameters: proxy(BUNDLE) } as const] : []),
      { name: 'sources', parameters: proxy(SOURCES) },
    ];
    const starts = new Map<Variant, Start[]>(variants.map((variant) => [variant, []]));
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const [variant, list] of starts) list.push(await once(variant));
    }
    return [...starts].map(([{ name }, list]) => ({
      name,
      answered: medianOf(list.map((start) => start.answered)),
      idle: medianOf(list.map((start) => start.idle)),
      oneSession: medianOf(list.map((start) => start.oneSession)),
    }));
  } finally {
    await postgres.stop('immediate');
    for (const folder of [manifests, scratch]) await rm(folder, { recursive: true, force: true });
  }
};

const medianOf = (values: readonly number[]): Spread => {
  const spread = spreadOf(values);
  if (spread === undefined) throw new Error('nothing was started');
  return spread;
};

const milliseconds = ({ median, least, most }: Spread): string => `${median.toFixed(0)} ms (${least.toFixed(0)}-${most.toFixed(0)})`;
const megabytes = ({ median }: Spread): string => `${(median / 1024 / 1024).toFixed(1)} MB`;

if (import.meta.main) {
  const repeats = Number(process.env['REPEATS'] ?? 15);
  const measured = await measureStartup(repeats);
  console.log(`${repeats} starts of each, in turn; Node ${process.versions.node}, ${availableParallelism()} processors; medians\n`);
  console.log('             first answer            idle       with one session');
  for (const { name, answered, idle, oneSession } of measured) {
    console.log(`${name.padEnd(12)} ${milliseconds(answered).padEnd(23)} ${megabytes(idle).padEnd(10)} ${megabytes(oneSession)}`);
  }
}
