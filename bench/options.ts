/**
 * What `make bench` was asked for, from the environment.
 */

export type BenchOptions = {
  /** Seconds that one measurement of a throughput takes. */
  readonly seconds: number;
  /** How often each measurement is made: the servers take turns, so that a noisy moment meets all of them. */
  readonly repeats: number;
  /** Rows of the large table. */
  readonly rows: number;
  /** Measures only the workloads whose names fit. */
  readonly only: RegExp | undefined;
  /** Programs to run; a path, or a name to be found. */
  readonly pgbench: string;
  readonly pgbouncer: string;
  /** Minutes of mixed load instead of the measurements. */
  readonly soak: number | undefined;
  /** What each stage of a statement costs instead of the measurements. */
  readonly profile: boolean;
};

const positive = (environment: NodeJS.ProcessEnv, name: string, otherwise: number): number => {
  const value = Number(environment[name] || otherwise);
  if (!(value > 0)) throw new Error(`${name} takes a number above 0, not "${environment[name]}"`);
  return value;
};

/** Reads TIME, REPEATS, N, ONLY, PGBENCH, PGBOUNCER, SOAK and PROFILE. */
export const benchOptions = (environment: NodeJS.ProcessEnv): BenchOptions => ({
  seconds: positive(environment, 'TIME', 3),
  repeats: positive(environment, 'REPEATS', 3),
  rows: positive(environment, 'N', 1_000_000),
  only: environment['ONLY'] ? new RegExp(environment['ONLY']) : undefined,
  pgbench: environment['PGBENCH'] || 'pgbench',
  pgbouncer: environment['PGBOUNCER'] || 'pgbouncer',
  soak: environment['SOAK'] ? positive(environment, 'SOAK', 1) : undefined,
  profile: Boolean(environment['PROFILE']),
});
