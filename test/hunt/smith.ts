/**
 * `make smith`: sqlsmith, which makes random statements out of whatever the catalog offers, against the hunt's database through the
 * proxy: no canary may come back, and server and proxy live on. `MINUTES=60` says how long.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type RawFrame, responseFields } from '../support/raw-client.ts';
import { type Arena, startArena } from './arena.ts';
import { HUNTER } from './manifests.ts';
import { seedOf } from './random.ts';
import { Scanner } from './scanner.ts';
import { startTap } from './tap.ts';

const DATABASE = 'hunt_a';
const MINUTES = Number(process.env['MINUTES'] || 60);
const BATCH = 2_000;

/** A crash of any backend empties an unlogged table. */
const PLANT = 'CREATE UNLOGGED TABLE alive AS SELECT pg_postmaster_start_time() AS since';
const ALIVE = 'SELECT count(*)::int AS count FROM alive WHERE since = pg_postmaster_start_time()';

type Tally = { answers: number; completed: number; readonly errors: Map<string, number>; readonly leaks: string[] };

const noteErrors = (tally: Tally, frames: readonly RawFrame[]): void => {
  for (const each of frames) {
    if (each.type === 'C') tally.completed += 1;
    if (each.type !== 'E') continue;
    const { C: code = '?', M: message = '' } = responseFields(each);
    const reason = `${code} ${message
      .replaceAll(/"[^"]*"|\d+/g, '…')
      .replaceAll(/\s+/g, ' ')
      .slice(0, 90)}`;
    tally.errors.set(reason, (tally.errors.get(reason) ?? 0) + 1);
  }
};

/** Runs sqlsmith once; resolves with what it printed where it gave up. */
const runSmith = async (port: number, seed: number): Promise<string> => {
  const target = `host=127.0.0.1 port=${port} user=${HUNTER} dbname=${DATABASE} sslmode=disable gssencmode=disable`;
  const child = spawn('sqlsmith', [`--target=${target}`, `--seed=${seed}`, `--max-queries=${BATCH}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-2_000);
  });
  const stop = setTimeout(() => child.kill(), Math.max(1_000, end - Date.now()));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(stop);
  return code === 0 || code === null ? '' : printed;
};

const report = (tally: Tally, runs: number): void => {
  const errors = [...tally.errors].toSorted(([, left], [, right]) => right - left);
  console.log(`${runs} runs, ${tally.answers} answers, ${tally.completed} completed, ${tally.leaks.length} leaks`);
  for (const [reason, count] of errors.slice(0, 40)) console.log(`${String(count).padStart(8)}  ${reason}`);
  for (const leak of tally.leaks.slice(0, 20)) console.log(`LEAK ${leak}`);
};

const end = Date.now() + MINUTES * 60_000;

const hunt = async (arena: Arena): Promise<boolean> => {
  const scanner = await Scanner.of(arena.canaries.get(DATABASE) ?? []);
  const tally: Tally = { answers: 0, completed: 0, errors: new Map(), leaks: [] };
  await arena.postgres.sql(PLANT);
  const tap = await startTap(arena.proxy.port, (frames, received) => {
    tally.answers += 1;
    noteErrors(tally, frames);
    const found = scanner.find(frames, received);
    if (found.size > 0)
      tally.leaks.push(
        `${JSON.stringify([...found].slice(0, 3))} in answer ${tally.answers}: ${received.toString('latin1').slice(0, 300)}`,
      );
  });
  let seed = seedOf(process.env, 'MINUTES');
  let runs = 0;
  console.log(`seed ${seed}`);
  for (; Date.now() < end; seed += 1) {
    const failure = await runSmith(tap.port, seed);
    runs += 1;
    if (failure !== '' && runs < 5) console.log(`sqlsmith ended early: ${failure.slice(-400)}`);
    if (runs % 10 === 0) report(tally, runs);
  }
  tap.close();
  report(tally, runs);
  const [server] = await arena.postgres.sql(ALIVE);
  const alive = { proxy: arena.proxy.process.exitCode === null, server: server?.['count'] === 1 };
  console.log(`without a crash: ${JSON.stringify(alive)}`);
  return alive.proxy && alive.server && tally.leaks.length === 0;
};

if (spawnSync('sqlsmith', ['--version']).error !== undefined) {
  console.error("sqlsmith is not installed; it is a package of Debian's: apt-get install sqlsmith");
  process.exit(2);
}
const arena = await startArena([DATABASE], false);
try {
  process.exitCode = (await hunt(arena)) ? 0 : 1;
} finally {
  await arena.stop();
}
