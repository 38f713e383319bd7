/**
 * What texts cost: those that nobody has seen before, and those that differ in their literals.
 */
import type { Workload } from '../measurement.ts';
import { measurePgbench } from '../pgbench.ts';

const COLUMNS = Array.from(
  { length: 9 },
  (_, index) =>
    `       CASE WHEN a.abalance > ${index * 100} AND b.bbalance < ${index * 1000} THEN 'class ${index}' ELSE 'none' END AS c${index}`,
).join(',\n');

/** About 1 KB; `:name` is an identifier that changes with each transaction, so that no text comes twice. */
const UNSEEN = `\\set name random(1, 1000000000000)
\\set aid random(1, 1000000)
SELECT a.aid AS id:name, a.abalance, b.bbalance,
${COLUMNS}
  FROM pgbench_accounts AS a
  JOIN pgbench_branches AS b ON b.bid = a.bid
 WHERE a.aid = :aid AND (a.abalance IS NOT NULL OR b.bbalance > 0)
 ORDER BY a.abalance DESC, b.bbalance
 LIMIT 10;
`;

/** The text of one turn, as pgbench fills it in. */
export const unseenText = (turn: number): string =>
  UNSEEN.replaceAll(/^\\set .*\n/gm, '')
    .replace(':name', String(turn))
    .replace(':aid', String(turn));

const LITERALS = UNSEEN.replace(':name', '1');

const workloads = (name: string, about: string, text: string): readonly Workload[] =>
  [1, 8].map((clients) => ({
    name: `${name} ${clients}`,
    about,
    needsPgbench: true,
    measure: (server, options) => measurePgbench(server, { protocol: 'simple', clients, script: { text } }, options),
  }));

/** Parsed and decided each time. */
export const unseen = workloads('unseen', 'a statement of 1 KB that nobody has seen before', UNSEEN);
export const literals = workloads('literals', 'the same statement of 1 KB with another literal', LITERALS);
