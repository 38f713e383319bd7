/**
 * What the process itself costs: its start, and its memory.
 */
import { rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { writeManifests } from './database.ts';
import type { BenchOptions } from './options.ts';
import { measurePgbench } from './pgbench.ts';
import { residentMemory } from './process-usage.ts';
import { connectRawReader } from './raw-reader.ts';
import { startAirlock } from './start-airlock.ts';
import { type Spread, spreadOf } from './statistics.ts';

export type Footprint = {
  /** Milliseconds to the first connection that was accepted. */
  readonly startup: Spread;
  /** Bytes of resident memory. */
  readonly idle: number;
  readonly perSession: number;
  /** Undefined without pgbench. */
  readonly underLoad: number | undefined;
};

const STARTS = 7;
const SESSIONS = 100;
/** What is allocated at the start is given back a little later. */
const SETTLE_MS = 1_500;

/** Starts pg-airlock some times, and fills the last one with sessions, and with load. */
export const measureFootprint = async (postgresPort: number, options: BenchOptions, hasPgbench: boolean): Promise<Footprint> => {
  const manifests = await writeManifests(postgresPort, 'Fsync');
  const startups: number[] = [];
  for (let start = 1; start < STARTS; start += 1) {
    const airlock = await startAirlock(manifests);
    startups.push(airlock.startup);
    await airlock.stop();
  }
  const airlock = await startAirlock(manifests);
  try {
    const { pid } = airlock.process;
    if (pid === undefined) throw new Error('pg-airlock has no process');
    await setTimeout(SETTLE_MS);
    const idle = residentMemory(pid).now;
    const server = { name: 'pg-airlock', port: airlock.port, user: 'bench_agent', pid, stop: airlock.stop } as const;
    const first = await connectRawReader(server);
    await setTimeout(SETTLE_MS);
    const before = residentMemory(pid).now;
    const readers = await Promise.all(Array.from({ length: SESSIONS }, () => connectRawReader(server)));
    await setTimeout(SETTLE_MS);
    const perSession = (residentMemory(pid).now - before) / SESSIONS;
    for (const reader of [first, ...readers]) reader.close();
    const load = { protocol: 'extended', clients: 32, script: { builtin: 'select-only' } } as const;
    if (hasPgbench) await measurePgbench(server, load, options);
    const startup = spreadOf([...startups, airlock.startup]);
    if (startup === undefined) throw new Error('nothing was started');
    return { startup, idle, perSession, underLoad: hasPgbench ? residentMemory(pid).most : undefined };
  } finally {
    await airlock.stop();
    await rm(manifests, { recursive: true, force: true });
  }
};
