/**
 * One measurement of one workload on one server, and what a workload is.
 */
import type { BenchOptions } from './options.ts';
import { processorTime } from './process-usage.ts';
import type { Server } from './servers.ts';

export type Measurement =
  | {
      readonly type: 'Measured';
      readonly transactions: number;
      readonly seconds: number;
      /** Milliseconds, sorted. */
      readonly latencies: Float64Array;
      /** Microseconds that the server's process used for one transaction; undefined where it has no process of its own. */
      readonly processor: number | undefined;
    }
  /** `reason`: what the server answered. */
  | { readonly type: 'Refused'; readonly reason: string };

export type Workload = {
  /** What ONLY selects. */
  readonly name: string;
  /** What one transaction is, for the report. */
  readonly about: string;
  readonly needsPgbench: boolean;
  readonly measure: (server: Server, options: BenchOptions) => Promise<Measurement>;
};

/** Measures with `run`, which resolves with the latencies in milliseconds and the seconds that counted. */
export const measured = async (
  server: Server,
  run: () => Promise<{ readonly latencies: Float64Array; readonly seconds: number }>,
): Promise<Measurement> => {
  const before = server.pid === undefined ? undefined : processorTime(server.pid);
  const { latencies, seconds } = await run();
  const after = server.pid === undefined ? undefined : processorTime(server.pid);
  const transactions = latencies.length;
  const processor = before === undefined || after === undefined ? undefined : (after - before) / transactions;
  return { type: 'Measured', transactions, seconds, latencies: latencies.toSorted(), processor };
};
