import type { Workload } from '../measurement.ts';
import { measurePgbench } from '../pgbench.ts';

const STATEMENTS = 1_000;

const text = [
  '\\set aid random(1, 1000000)',
  '\\startpipeline',
  ...Array.from({ length: STATEMENTS }, () => 'SELECT abalance FROM pgbench_accounts WHERE aid = :aid;'),
  '\\endpipeline',
].join('\n');

/** A thousand statements on their way before the first answer is read. */
export const pipeline: readonly Workload[] = [
  {
    name: `pipeline ${STATEMENTS}`,
    about: `a pipeline of ${STATEMENTS} SELECTs by key`,
    needsPgbench: true,
    measure: (server, options) => measurePgbench(server, { protocol: 'extended', clients: 1, script: { text } }, options),
  },
];
