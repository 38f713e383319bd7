import { type Measurement, type Workload } from '../measurement.ts';
import { measurePgbench, type PgbenchRun } from '../pgbench.ts';

export const PROTOCOLS = ['simple', 'extended', 'prepared'] as const;
export const CLIENTS = [1, 8, 32] as const;

/** pgbench's own two scripts, by each protocol and number of clients. */
const builtin = (script: 'select-only' | 'tpcb-like'): readonly Workload[] =>
  PROTOCOLS.flatMap((protocol) =>
    CLIENTS.map((clients): Workload => {
      const run: PgbenchRun = { protocol, clients, script: { builtin: script } };
      return {
        name: `${script} ${protocol} ${clients}`,
        about: script === 'select-only' ? 'SELECT of one account by its key' : 'BEGIN, three UPDATEs, SELECT, INSERT, END',
        needsPgbench: true,
        measure: (server, options): Promise<Measurement> => measurePgbench(server, run, options),
      };
    }),
  );

export const selectOnly = builtin('select-only');
export const tpcbLike = builtin('tpcb-like');
