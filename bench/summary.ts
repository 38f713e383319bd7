/**
 * What the measurements of one workload on one server come to.
 */
import type { Measurement } from './measurement.ts';
import type { ServerName } from './servers.ts';
import { quantile, type Spread, spreadOf } from './statistics.ts';

/** One measurement of each server, made one after the other. */
export type Round = ReadonlyMap<ServerName, Measurement>;

export type ServerSummary = {
  /** Transactions a second. */
  readonly throughput: Spread;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Throughput as a share of another server's, round by round; undefined without that one. */
  readonly ofDirect: Spread | undefined;
  readonly ofPgBouncer: Spread | undefined;
  /** Milliseconds that the median transaction takes longer than on PostgreSQL itself. */
  readonly added: Spread | undefined;
  /** Microseconds of the process for one transaction. */
  readonly processor: Spread | undefined;
};

type Measured = Extract<Measurement, { type: 'Measured' }>;

const measuredOn = (round: Round, server: ServerName): Measured | undefined => {
  const measurement = round.get(server);
  return measurement?.type === 'Measured' && measurement.transactions > 0 ? measurement : undefined;
};

const throughputOf = ({ transactions, seconds }: Measured): number => transactions / seconds;
const medianOf = ({ latencies }: Measured): number => quantile(latencies, 0.5);

/** Undefined where the workload was not measured on this server. */
export const summaryOf = (rounds: readonly Round[], server: ServerName): ServerSummary | undefined => {
  const own = rounds.flatMap((round) => measuredOn(round, server) ?? []);
  const throughput = spreadOf(own.map(throughputOf));
  if (throughput === undefined) return undefined;
  const compared = (other: ServerName, compare: (mine: Measured, others: Measured) => number): Spread | undefined =>
    spreadOf(
      rounds.flatMap((round) => {
        const mine = measuredOn(round, server);
        const others = measuredOn(round, other);
        return mine === undefined || others === undefined ? [] : [compare(mine, others)];
      }),
    );
  const ratio = (mine: Measured, others: Measured): number => throughputOf(mine) / throughputOf(others);
  const at = (share: number): number => spreadOf(own.map(({ latencies }) => quantile(latencies, share)))?.median ?? Number.NaN;
  return {
    throughput,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    ofDirect: server === 'direct' ? undefined : compared('direct', ratio),
    ofPgBouncer: server === 'direct' || server === 'PgBouncer' ? undefined : compared('PgBouncer', ratio),
    added: server === 'direct' ? undefined : compared('direct', (mine, others) => medianOf(mine) - medianOf(others)),
    processor: spreadOf(own.flatMap(({ processor }) => processor ?? [])),
  };
};

/** Why a workload was refused; undefined where it was not. */
export const refusalOf = (rounds: readonly Round[], server: ServerName): string | undefined => {
  const refused = rounds.map((round) => round.get(server)).find((measurement) => measurement?.type === 'Refused');
  return refused?.type === 'Refused' ? refused.reason : undefined;
};
