/**
 * `make bench`: how fast pg-airlock is, next to PostgreSQL itself and to PgBouncer.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { versionOf } from './child-process.ts';
import { startDatabase } from './database.ts';
import { measureDisk } from './disk.ts';
import { measureFootprint } from './footprint.ts';
import type { Measurement, Workload } from './measurement.ts';
import { type BenchOptions, benchOptions } from './options.ts';
import { reportOf, stageTable } from './report.ts';
import { type Server, type ServerName, startServers, takesPart } from './servers.ts';
import { soak } from './soak.ts';
import { measureStages } from './stages.ts';
import { entry } from './start-airlock.ts';
import type { Round } from './summary.ts';
import { selectOnly, tpcbLike } from './workloads/pgbench-scripts.ts';
import { pipeline } from './workloads/pipeline.ts';
import { results } from './workloads/results.ts';
import { literals, unseen, unseenText } from './workloads/texts.ts';

const WORKLOADS: readonly Workload[] = [...selectOnly, ...tpcbLike, ...unseen, ...literals, ...pipeline, ...results];

const measureRound = async (workload: Workload, servers: readonly Server[], options: BenchOptions): Promise<Round> => {
  const round = new Map<ServerName, Measurement>();
  for (const server of servers.filter((each) => takesPart(each, workload.name)))
    round.set(server.name, await workload.measure(server, options));
  return round;
};

const runSoak = async (options: BenchOptions, minutes: number): Promise<void> => {
  const postgres = await startDatabase(options);
  try {
    await soak(postgres.port, minutes, (line) => console.log(line));
  } finally {
    await postgres.stop('immediate');
  }
};

/** As the proxy does: V8's optimising compiler for WebAssembly needs more memory than a sidecar has. */
const LEAN_PARSER = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

const runProfile = async (options: BenchOptions): Promise<void> => {
  for (const flag of LEAN_PARSER) setFlagsFromString(flag);
  const postgres = await startDatabase(options);
  try {
    console.log(stageTable(await measureStages(postgres.port, unseenText)));
  } finally {
    await postgres.stop('immediate');
  }
};

/** What runs for the first time is not optimised yet: that is not what is measured. */
const warmUp = async (servers: readonly Server[], options: BenchOptions): Promise<void> => {
  for (const server of servers) {
    for (const workload of [...selectOnly, ...unseen].filter(({ name }) => name.endsWith(' 8'))) {
      process.stderr.write(`warming up: ${server.name}, ${workload.name}\n`);
      await workload.measure(server, options);
    }
  }
};

const run = async (options: BenchOptions): Promise<void> => {
  const pgbench = versionOf(options.pgbench);
  const pgbouncer = versionOf(options.pgbouncer);
  const skipped = [
    ...(pgbench === undefined ? ['all that pgbench measures: there is no pgbench on the PATH (PGBENCH=)'] : []),
    ...(pgbouncer === undefined ? ['PgBouncer: there is none on the PATH (PGBOUNCER=)'] : []),
  ];
  for (const what of skipped) console.log(`skipped: ${what}`);
  const chosen = WORKLOADS.filter(
    ({ name, needsPgbench }) => (options.only?.test(name) ?? true) && !(needsPgbench && pgbench === undefined),
  );
  const [before = 0] = loadavg();
  const postgres = await startDatabase(options);
  let servers: readonly Server[] = [];
  try {
    const disk = await measureDisk();
    const footprint = options.only === undefined ? await measureFootprint(postgres.port, options, pgbench !== undefined) : undefined;
    servers = await startServers(postgres, options.pgbouncer);
    if (pgbench !== undefined) await warmUp(servers, options);
    const rounds = new Map<Workload, Round[]>(chosen.map((workload) => [workload, []]));
    for (let repeat = 1; repeat <= options.repeats; repeat += 1) {
      for (const workload of chosen) {
        process.stderr.write(`round ${repeat} of ${options.repeats}: ${workload.name}\n`);
        rounds.get(workload)?.push(await measureRound(workload, servers, options));
      }
    }
    const [{ server_version: server } = {}] = await postgres.sql('SHOW server_version');
    const report = reportOf({
      options,
      versions: {
        PostgreSQL: String(server),
        ...(pgbouncer === undefined ? {} : { PgBouncer: pgbouncer }),
        ...(pgbench === undefined ? {} : { pgbench }),
        Node: process.versions.node,
        'pg-airlock from': entry().kind,
      },
      servers: servers.map(({ name }) => name),
      load: [before, loadavg()[0] ?? 0],
      skipped,
      workloads: chosen.map((workload) => ({ workload, rounds: rounds.get(workload) ?? [] })),
      footprint,
      disk,
    });
    console.log(report);
    if (options.only === undefined) await writeFile(join(import.meta.dirname, 'RESULTS.md'), report);
  } finally {
    for (const server of servers) await server.stop();
    await postgres.stop('immediate');
  }
};

const options = benchOptions(process.env);
if (options.soak !== undefined) await runSoak(options, options.soak);
else if (options.profile) await runProfile(options);
else await run(options);
