/**
 * Asks the planner how many rows a statement will handle, under the role of the agents' sessions and in a server session of its own.
 * What is asked is planned, and never run.
 */
import { Failure } from '../../kernel/failure.ts';
import type { Clock } from '../../kernel/clock.ts';
import { quoteIdentifier } from '../scope/quote.ts';
import type { CatalogQuery } from './load-catalog.ts';
import { planRows } from './plan-rows.ts';

/** A statement to be planned. INVARIANT: one statement, which a judge has let through. */
export type Estimable =
  /** SELECT, INSERT, UPDATE, DELETE or MERGE, perhaps with parameters: they are planned for no value in particular. */
  | { readonly type: 'Query'; readonly sql: string; readonly searchPath: readonly string[] }
  /** PREPARE, whole. */
  | { readonly type: 'Prepare'; readonly sql: string; readonly searchPath: readonly string[] }
  /** CREATE TABLE AS: what EXPLAIN takes as it is. */
  | { readonly type: 'Explainable'; readonly sql: string; readonly searchPath: readonly string[] };

/** `complaint`: why the planner has no answer; empty where its words could tell of values. */
export type RowEstimate = { readonly rows: number } | { readonly complaint: string };

/** The server session that it asks in. */
type Session = { readonly query: CatalogQuery; readonly end: () => Promise<void> };

export type RowEstimatorOptions = {
  readonly open: () => Promise<Session>;
  readonly clock: Pick<Clock, 'monotonic'>;
};

/** How long an answer is good for: tables grow. */
const FRESH_MS = 60_000;
const MAX_KNOWN = 500;

/** No worker does a part of the rows, which a plan would give for one of them; and nothing waits for long, as for a lock of the agent's own. */
const SETTINGS =
  "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '2s'";

/** Names and types, which tell nothing of a value. */
const HARMLESS = /^42/;

type Known = { readonly at: number; readonly estimate: Promise<RowEstimate> };

export class RowEstimator {
  readonly #options: RowEstimatorOptions;
  readonly #known = new Map<string, Known>();
  #session: Session | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: RowEstimatorOptions) {
    this.#options = options;
  }

  /** Rejects where the server cannot be asked. */
  async estimate(statement: Estimable): Promise<RowEstimate> {
    const key = `${statement.type}\0${statement.searchPath.join('\0')}\0\0${statement.sql}`;
    const now = this.#options.clock.monotonic();
    const known = this.#known.get(key);
    if (known !== undefined && now - known.at < FRESH_MS) return await known.estimate;
    const estimate = this.#serially(() => this.#ask(statement));
    this.#known.delete(key);
    this.#known.set(key, { at: now, estimate });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
    estimate.then(
      (answer) => 'complaint' in answer && this.#known.delete(key),
      () => this.#known.delete(key),
    );
    return await estimate;
  }

  /** Catalog or policy changed: another plan may be made. */
  forget(): void {
    this.#known.clear();
  }

  async stop(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.end().catch(() => undefined);
  }

  async #serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => undefined);
    return await result;
  }

  async #ask(statement: Estimable): Promise<RowEstimate> {
    this.#session ??= await this.#options.open();
    const session = this.#session;
    try {
      const path = statement.searchPath.map(quoteIdentifier).join(', ');
      await session.query(`BEGIN; ${SETTINGS}; SET LOCAL search_path = ${path === '' ? "''" : path}`);
      return { rows: planRows(await this.#explain(session, statement)) };
    } catch (error) {
      const complaint = complaintOf(error);
      if (complaint === undefined) {
        await this.stop();
        throw error;
      }
      return { complaint };
    } finally {
      await this.#session?.query('ROLLBACK; DEALLOCATE ALL').catch(() => this.stop());
    }
  }

  async #explain(session: Session, { type, sql }: Estimable): Promise<unknown> {
    const explain = async (what: string): Promise<unknown> => {
      const [row] = await session.query<{ readonly 'QUERY PLAN': unknown }>(`EXPLAIN (FORMAT JSON) ${what}`);
      return row?.['QUERY PLAN'];
    };
    // Without a parameter there is one plan, and no need to prepare it.
    if (type === 'Explainable' || (type === 'Query' && !sql.includes('$'))) return await explain(sql);
    await session.query(type === 'Query' ? `PREPARE pg_airlock AS ${sql}` : sql);
    const [prepared] = await session.query<{ readonly name: string; readonly parameters: number }>(PREPARED_SQL);
    const nulls = Array.from({ length: prepared?.parameters ?? 0 }, () => 'NULL').join(', ');
    return await explain(`EXECUTE ${quoteIdentifier(prepared?.name ?? '')}${nulls === '' ? '' : `(${nulls})`}`);
  }
}

const PREPARED_SQL = `SELECT name, pg_catalog.cardinality(parameter_types) AS parameters FROM pg_catalog.pg_prepared_statements WHERE from_sql`;

/** What the server says of the statement itself; undefined for a lost connection. */
const complaintOf = (error: unknown): string | undefined => {
  const cause = error instanceof Failure ? error.cause : error;
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string' || !/^[0-9A-Z]{5}$/.test(cause.code))
    return undefined;
  if (/^(08|57P)/.test(cause.code)) return undefined;
  return HARMLESS.test(cause.code) ? cause.message : '';
};
