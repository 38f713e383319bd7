/**
 * The database that is measured on, and the policy of the one agent that uses it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DETECTOR_KINDS } from '../kernel/policy.ts';
import type { TestPostgres } from '../test/support/postgres.ts';
import { startPostgres } from '../test/support/postgres.ts';
import type { BenchOptions } from './options.ts';

export const DATABASE = 'bench';
export const AGENT = 'bench_agent';
export const ROLE = 'bench_app';

/** pgbench's accounts: 100,000 for each. */
const SCALE = 10;

const schemaSql = (rows: number): string => `
  CREATE TABLE readings (id int PRIMARY KEY, sensor int NOT NULL, at timestamptz NOT NULL, value float8 NOT NULL, note text NOT NULL);
  INSERT INTO readings SELECT n, n % 1000, timestamptz '2026-01-01' + n * interval '1 second', n / 7.0, 'reading ' || n
    FROM generate_series(1, ${rows}) n;
  CREATE TABLE people (id int PRIMARY KEY, tenant text NOT NULL, name text NOT NULL, email text NOT NULL, phone text NOT NULL,
    city text NOT NULL, card text NOT NULL, note text NOT NULL);
  INSERT INTO people SELECT n, 'acme', 'Person Number ' || n, 'person' || n || '@example.com', '+49 30 ' || 1000000 + n,
    'City ' || n % 100, '4242 4242 4242 ' || 1000 + n % 9000, 'A note about person ' || n FROM generate_series(1, 2000) n;
  CREATE TABLE contacts AS SELECT * FROM people;
  CREATE TABLE clean AS SELECT id, name, city, 'A note of some words' a, 'and others, that say' b, 'nothing of anybody ' c, 'at all, or ever' d FROM people;
  GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE};
  VACUUM ANALYZE;`;

/** Starts PostgreSQL with pgbench's tables (where there is a pgbench) and those of the other workloads. */
export const startDatabase = async ({ pgbench, rows }: BenchOptions): Promise<TestPostgres> => {
  const postgres = await startPostgres({
    settings: { shared_buffers: '512MB', max_connections: '300', max_wal_size: '4GB', jit: 'off' },
  });
  try {
    await postgres.sql(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'bench'`);
    await postgres.sql(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
    const parameters = ['-i', '-q', '-s', String(SCALE), '-h', postgres.host, '-p', String(postgres.port), '-U', ROLE, DATABASE];
    const made = spawnSync(pgbench, parameters, { encoding: 'utf8' });
    if (made.error === undefined && made.status !== 0) throw new Error(`pgbench could not fill its tables: ${made.stderr}`);
    for (const statement of schemaSql(rows).split(/;\n/)) await postgres.sql(statement, DATABASE);
    return postgres;
  } catch (error) {
    await postgres.stop('immediate');
    throw error;
  }
};

/** Everything on, for pgbench's tables too: grants by column, masks, row filters (true of every row), audit. */
const policy = `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: bench }
spec:
  connectionRef: { name: bench }
  subjects: [{ agent: { name: ${AGENT} } }]
  relations:
    - name: public.pgbench_accounts
      where: bid <= ${SCALE}
      select: { columns: [aid, bid, abalance], masks: [{ column: filler, mask: { type: Redact } }] }
      update: { columns: [abalance] }
    - name: public.pgbench_branches
      select: { columns: [bid, bbalance] }
      update: { columns: [bbalance] }
    - name: public.pgbench_tellers
      select: { columns: [tid, bid, tbalance] }
      update: { columns: [tbalance] }
    - name: public.pgbench_history
      insert: { columns: [tid, bid, aid, delta, mtime] }
    - name: public.readings
      select: { columns: ['*'] }
    - name: public.clean
      select: { columns: ['*'] }
    - name: public.contacts
      select: { columns: ['*'] }
    - name: public.people
      where: tenant = 'acme'
      select:
        columns: [id, tenant, name, city]
        masks:
          - { column: email, mask: { type: Email } }
          - { column: phone, mask: { type: KeepLast, keepLast: { characters: 2 } } }
          - { column: card, mask: { type: KeepLast, keepLast: { characters: 4 } } }
          - { column: note, mask: { type: Redact } }
`;

const DETECT = `  detect: [${DETECTOR_KINDS.map((kind) => `{ kind: ${kind}, action: Mask }`).join(', ')}]\n`;

/** Writes the manifests into a new folder; `durability` is the audit log's, `detects` has every kind of value looked for. */
export const writeManifests = async (port: number, durability: 'Fsync' | 'Write', detects = false): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-bench-manifests-'));
  const connection = `
apiVersion: v1
kind: Secret
metadata: { name: bench }
stringData: { username: ${ROLE}, password: bench }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: bench }
spec:
  host: 127.0.0.1
  port: ${port}
  database: ${DATABASE}
  tls: { mode: Disable }
  credentials: { secretRef: { name: bench } }
  audit: { durability: ${durability} }
`;
  await writeFile(join(folder, 'bench.yaml'), `${connection}---${policy}${detects ? DETECT : ''}`);
  return folder;
};
