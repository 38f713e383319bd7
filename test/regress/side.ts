/**
 * A server with an empty regression database, as pg_regress makes it, and what is run beside the suite.
 */
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

export const DATABASE = 'regression';

/** A definition of no meaning: through the proxy it makes the catalog known anew, and directly it keeps the sides alike. */
export const SETTLE = `COMMENT ON SCHEMA airlock_beside IS 'settled'`;

/** What pg_regress sets for its database. */
const SETTINGS = [
  "lc_messages TO 'C'",
  "lc_monetary TO 'C'",
  "lc_numeric TO 'C'",
  "lc_time TO 'C'",
  "bytea_output TO 'hex'",
  "timezone_abbreviations TO 'Default'",
  "intervalstyle TO 'postgres_verbose'",
  // Ours: no single statement keeps a run from ending; `target.ts` gives up after it.
  "statement_timeout TO '20s'",
];

export const startSide = async (version: PostgresVersion): Promise<TestPostgres> => {
  const postgres = await startPostgres({ version, settings: { max_prepared_transactions: '2', shared_buffers: '128MB' } });
  await postgres.sql(`CREATE DATABASE ${DATABASE} TEMPLATE template0`);
  for (const setting of SETTINGS) await postgres.sql(`ALTER DATABASE ${DATABASE} SET ${setting}`);
  await postgres.sql('CREATE SCHEMA airlock_beside', DATABASE);
  return postgres;
};

/** Where the suite's COPY of server files reads and writes: psql's environment under pg_regress. */
export const environmentOf = async (suite: string): Promise<Readonly<Record<string, string>>> => {
  const build = join(tmpdir(), `pg-airlock-regress-${process.pid}`);
  await mkdir(join(build, 'results'), { recursive: true, mode: 0o777 });
  return { PG_ABS_SRCDIR: join(suite, '..'), PG_ABS_BUILDDIR: build, PG_LIBDIR: '$libdir', PG_DLSUFFIX: '.so' };
};

export type Names = { readonly relations: Set<string>; readonly functions: Set<string> };

const NAMES = `
  SELECT CASE WHEN relkind IN ('r', 'p', 'f', 'v', 'm') THEN 'table' ELSE 'sequence' END AS what, quote_ident(nspname) || '.' || quote_ident(relname) AS name
  FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND nspname !~ '^pg_(toast|temp)'
  UNION ALL
  SELECT 'function', quote_ident(nspname) || '.' || quote_ident(proname)
  FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace WHERE nspname !~ '^pg_(toast|temp)' AND proname NOT IN (SELECT typname FROM pg_type WHERE typnamespace = 11)`;

/** Collects, whenever it is asked, what there is to grant. */
export class NameWatch {
  readonly names: Names = { relations: new Set(), functions: new Set() };
  readonly #client: pg.Client;

  constructor(url: string) {
    this.#client = new pg.Client({ connectionString: url });
    this.#client.on('error', () => {});
  }

  async start(): Promise<void> {
    await this.#client.connect();
    await this.#client.query('SET search_path = pg_catalog; SET lock_timeout = 1000; SET quote_all_identifiers = on');
  }

  /** `SETTLE`, and a look at the names. */
  async settled(): Promise<void> {
    await this.#client.query(SETTLE);
    const { rows } = await this.#client.query<{ what: string; name: string }>(NAMES);
    for (const { what, name } of rows) (what === 'function' ? this.names.functions : this.names.relations).add(name);
  }

  async stop(): Promise<void> {
    await this.#client.end();
  }
}
