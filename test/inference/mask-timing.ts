/**
 * `npx node test/inference/mask-timing.ts`: how long PostgreSQL takes for one mask, for values that differ in length and in content only, as an
 * agent could find out by having it computed a million times in one statement. `PG=` says which version.
 */
import pg from 'pg';
import type { Mask } from '../../kernel/policy.ts';
import { maskSql } from '../../proxy/scope/mask.ts';
import { startPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { column } from '../support/small-catalog.ts';

const TIMES = 20_000;
const ROUNDS = 40;

const COLUMN = column('value');

const MASKS: Readonly<Record<string, Mask>> = {
  Redact: { type: 'Redact' },
  Null: { type: 'Null' },
  KeepFirst: { type: 'KeepFirst', characters: 2 },
  KeepLast: { type: 'KeepLast', characters: 2 },
  Email: { type: 'Email' },
  Hash: { type: 'Hash', key: Buffer.from('a key that nobody knows') },
};

/** Two of one length each, but for the last. */
const VALUES: Readonly<Record<string, string>> = {
  base: 'maria@example.com',
  content: 'james@example.com',
  'content, accents': 'mariä@exämple.cö',
  'twice as long': 'maria.magdalena.lopez.y.g@example.com',
  '1,000 characters': `${'m'.repeat(988)}@example.com`,
};

const version = Number(process.env['PG'] || 18) as PostgresVersion;
const postgres = await startPostgres({ version });
await postgres.sql(`CREATE TABLE t (id int PRIMARY KEY, value text)`);
const client = new pg.Client({ connectionString: postgres.url('postgres', 'postgres', 'postgres') });
await client.connect();
await client.query('SET jit = off; SET max_parallel_workers_per_gather = 0');
const names = Object.keys(VALUES);
for (const [index, name] of names.entries()) await client.query('INSERT INTO t VALUES ($1, $2)', [index, VALUES[name]]);

/** Nanoseconds for one mask of the row, by the least of its rounds. */
const measure = async (mask: string): Promise<number[]> => {
  const least = names.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const index of names.keys()) {
      const row = `(SELECT value FROM t WHERE id = ${index} OFFSET 0) AS r`;
      const started = performance.now();
      await client.query(`SELECT count(${mask}) FROM generate_series(1, ${TIMES}), ${row}`);
      least[index] = Math.min(least[index] ?? 0, ((performance.now() - started) / TIMES) * 1e6);
    }
  return least;
};

const bare = await measure('r.value');
console.log(`PostgreSQL ${version}: nanoseconds above the value as it is, least of ${ROUNDS} rounds of ${TIMES}`);
console.log(['mask'.padEnd(10), ...names.map((name) => name.padStart(18))].join(''));
for (const [name, mask] of Object.entries(MASKS)) {
  const made = maskSql(mask, COLUMN, () => ({ ok: false, problem: 'there is none' }));
  if (!made.ok) throw new Error(made.problem);
  const taken = await measure(made.sql);
  console.log([name.padEnd(10), ...taken.map((ns, index) => (ns - (bare[index] ?? 0)).toFixed(0).padStart(18))].join(''));
}
await client.end();
await postgres.stop('immediate');
