/**
 * The report: Markdown that reads well in a terminal too.
 */
import { cpus, totalmem } from 'node:os';
import type { DiskCosts } from './disk.ts';
import type { Footprint } from './footprint.ts';
import type { Workload } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import type { ServerName } from './servers.ts';
import type { StageCost } from './stages.ts';
import type { Spread } from './statistics.ts';
import { refusalOf, type Round, type ServerSummary, summaryOf } from './summary.ts';

/** All that was measured. */
export type Results = {
  readonly options: BenchOptions;
  readonly versions: Readonly<Record<string, string>>;
  readonly servers: readonly ServerName[];
  /** Load averages of a minute, before and after. */
  readonly load: readonly number[];
  readonly skipped: readonly string[];
  readonly workloads: readonly { readonly workload: Workload; readonly rounds: readonly Round[] }[];
  readonly footprint: Footprint | undefined;
  readonly disk: DiskCosts | undefined;
};

const digits = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
const milliseconds = (value: number): string => (Math.abs(value) >= 1 ? `${digits(value)} ms` : `${(value * 1_000).toFixed(0)} us`);
const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
const spread = ({ median, least, most }: Spread, show: (value: number) => string): string =>
  least === most ? show(median) : `${show(median)} (${show(least)} to ${show(most)})`;
const maybe = (value: Spread | undefined, show: (value: number) => string): string => (value === undefined ? '' : spread(value, show));

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
};

const HEAD = ['server', 'per second', 'of direct', 'of PgBouncer', 'p50', 'p95', 'p99', 'added p50', 'CPU each'];

const row = (server: ServerName, summary: ServerSummary): readonly string[] => [
  server,
  spread(summary.throughput, digits),
  maybe(summary.ofDirect, digits),
  maybe(summary.ofPgBouncer, digits),
  milliseconds(summary.p50),
  milliseconds(summary.p95),
  milliseconds(summary.p99),
  maybe(summary.added, milliseconds),
  maybe(summary.processor, (value) => `${digits(value)} us`),
];

const section = ({ workload, rounds }: Results['workloads'][number], servers: readonly ServerName[]): string => {
  const rows = servers.flatMap((server) => {
    const summary = summaryOf(rounds, server);
    if (summary !== undefined) return [row(server, summary)];
    const refusal = refusalOf(rounds, server);
    return refusal === undefined ? [] : [[server, `refused: ${refusal}`, ...HEAD.slice(2).map(() => '')]];
  });
  return `### ${workload.name}\n${workload.about}\n\n${table(HEAD, rows)}\n`;
};

type Aim = {
  readonly about: string;
  readonly workload: string;
  readonly value: (summary: ServerSummary) => Spread | undefined;
  readonly atLeast?: number;
  readonly below?: number;
};

const AIMS: readonly Aim[] = [
  { about: 'prepared, 8 clients: of PgBouncer', workload: 'select-only prepared 8', value: (one) => one.ofPgBouncer, atLeast: 0.8 },
  { about: 'unseen text, 8 clients: of PgBouncer', workload: 'unseen 8', value: (one) => one.ofPgBouncer, atLeast: 0.6 },
  { about: 'unseen text, 1 client: of PgBouncer', workload: 'unseen 1', value: (one) => one.ofPgBouncer, atLeast: 0.6 },
  { about: 'seen before: added median, ms', workload: 'select-only prepared 1', value: (one) => one.added, below: 0.08 },
  { about: 'unseen, 1 KB: added median, ms', workload: 'unseen 1', value: (one) => one.added, below: 0.4 },
  { about: 'a million rows: of direct', workload: 'rows select', value: (one) => one.ofDirect, atLeast: 0.85 },
  { about: 'COPY of a million rows: of direct', workload: 'rows copy', value: (one) => one.ofDirect, atLeast: 0.85 },
];

const verdict = (found: Spread | undefined, { atLeast, below }: Aim): string => {
  if (found === undefined) return 'not measured';
  const met = atLeast === undefined ? found.median < (below ?? 0) : found.median >= atLeast;
  return `${spread(found, (value) => value.toFixed(3))}: ${met ? 'met' : 'not met'}`;
};

const aims = ({ workloads, footprint }: Results): string => {
  const rows = AIMS.map((aim) => {
    const rounds = workloads.find(({ workload }) => workload.name === aim.workload)?.rounds ?? [];
    const on = (server: ServerName): string => {
      const summary = summaryOf(rounds, server);
      return verdict(summary === undefined ? undefined : aim.value(summary), aim);
    };
    const wanted = aim.atLeast === undefined ? `< ${aim.below}` : `>= ${aim.atLeast}`;
    return [aim.about, wanted, on('pg-airlock'), on('pg-airlock (Write)')];
  });
  const process =
    footprint === undefined
      ? []
      : [
          ['start to first accept, ms', '< 150', verdict(footprint.startup, { below: 150 } as Aim), ''],
          ['idle, MB resident', '< 70', `${mebibytes(footprint.idle)}: ${footprint.idle < 70 * 1024 * 1024 ? 'met' : 'not met'}`, ''],
        ];
  return table(['aim', 'wanted', 'Fsync (default)', 'Write'], [...rows, ...process]);
};

const machine = ({ versions, options, load }: Results): string =>
  [
    `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / 1024 ** 3).toFixed(0)} GB of memory, ${process.platform} ${process.arch}.`,
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    `Each measurement: ${options.seconds} s, ${options.repeats} times, the servers in turns; medians, with the least and the most in brackets.`,
    `Processes that wanted to run when it began and when it ended: ${load.map((value) => value.toFixed(1)).join(' and ')}; anything above 0 at the beginning is not ours, and makes the figures worse.`,
    'Load, proxies and PostgreSQL share these cores. Everything is on in pg-airlock: policy, a masked column and a row filter, also on pgbench_accounts, the audit log.',
  ].join('\n');

const processSection = ({ footprint, disk }: Results): string => {
  const rows: string[][] = [];
  if (footprint !== undefined) {
    rows.push(['start to first accepted connection', spread(footprint.startup, (value) => `${value.toFixed(0)} ms`)]);
    rows.push(
      ['resident when idle', mebibytes(footprint.idle)],
      ['resident for each idle session', `${(footprint.perSession / 1024).toFixed(0)} KB`],
    );
    if (footprint.underLoad !== undefined) rows.push(['most resident under load (32 clients)', mebibytes(footprint.underLoad)]);
  }
  if (disk !== undefined) {
    const show = (value: number): string => `${value.toFixed(0)} us`;
    rows.push(['a record of 1 KB: write', spread(disk.write, show)], ['write and fdatasync', spread(disk.sync, show)]);
    rows.push(['write, and fdatasync in a thread', spread(disk.syncInPool, show)]);
    rows.push(['write and fdatasync, where the file does not grow', spread(disk.syncInPlace, show)]);
  }
  return rows.length === 0 ? '' : `## Process and disk\n\n${table(['what', 'figure'], rows)}\n`;
};

const DURABILITIES = `\`pg-airlock\` keeps its audit log with \`durability: Fsync\`, the default: a decision is on the disk before its statement is forwarded.
\`pg-airlock (Write)\` hands it to the operating system first: safe when the process is killed, not when the machine loses power.`;

const LIMITS = `## What limits the rest

What a proxy costs in processor time ("CPU each") it takes from PostgreSQL and from the load, which share its cores; one thread does all of it
(docs/decisions/0010). The tables of \`select-only prepared\` have a relay in Node that reads nothing: no proxy in Node does better, and what is
between it and pg-airlock is ours: following the session, judging, two audit records. With \`Fsync\` a statement also waits for the disk,
together with those that came meanwhile.
A statement never seen before is parsed twice (docs/decisions/0003), which is half of its time; \`PROFILE=1 make bench\` shows the stages.
`;

/** What the stages cost, as a table. */
export const stageTable = (costs: readonly StageCost[]): string =>
  table(
    ['stage', 'p50', 'p95'],
    costs.map(({ stage, p50, p95 }) => [stage, `${digits(p50)} us`, `${digits(p95)} us`]),
  );

/** The whole report. */
export const reportOf = (results: Results): string =>
  [
    '# Benchmark\n\nWritten by `make bench`.\n',
    `${machine(results)}\n`,
    `${DURABILITIES}\n`,
    ...results.skipped.map((what) => `Skipped: ${what}\n`),
    `## Aims\n\n${aims(results)}\n`,
    LIMITS,
    processSection(results),
    `## Workloads\n\n${results.workloads.map((one) => section(one, results.servers)).join('\n')}`,
  ].join('\n');
