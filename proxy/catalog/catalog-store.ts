/**
 * The catalog of one connection, kept fresh: one server session under the role that agents use, polled for changes.
 */
import { Failure, notReady } from '../../kernel/failure.ts';
import type { Catalog } from './catalog.ts';
import { withFormerNames } from './former-names.ts';
import { type CatalogQuery, type CatalogRead, type Fingerprint, loadCatalog, readFingerprint } from './load-catalog.ts';
import { type Estimable, type RowEstimate, RowEstimator } from './row-estimator.ts';

/** The server session that it reads with. */
export type CatalogSession = { readonly query: CatalogQuery; readonly queryAll: CatalogRead; readonly end: () => Promise<void> };

export type CatalogStoreOptions = {
  readonly open: () => Promise<CatalogSession>;
  /** Told of a failed read; the last catalog stays in use. */
  readonly onFailure: (failure: unknown) => void;
  /** Milliseconds between looks for changes. */
  readonly interval?: number;
};

/** What the server says of the statement itself; undefined for a lost connection, a time-out, a shutdown. */
const complaintOf = (error: unknown): string | undefined => {
  const cause = error instanceof Failure ? error.cause : error;
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string') return undefined;
  return /^(22|23|28|2B|2F|38|39|3F|42|0A|XX)/.test(cause.code) ? cause.message : undefined;
};

/** Probes remembered: one short text per scope. */
const MAX_PROBES = 2000;

export class CatalogStore {
  readonly #options: CatalogStoreOptions;
  readonly #estimator: RowEstimator;
  readonly #probes = new Map<string, Promise<string | undefined>>();
  #session: CatalogSession | undefined;
  #catalog: Catalog | undefined;
  #fingerprint = '';
  /** What `#session` was started with, or what came before; undefined where that is not known. */
  #settings: string | undefined;
  #work: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds to the next look. */
  #delay = 5000;
  #refreshed = 0;
  #stale = false;
  #renewal: Promise<void> | undefined;
  #stopped = false;

  constructor(options: CatalogStoreOptions) {
    this.#options = options;
    this.#estimator = new RowEstimator({ open: options.open, clock: { monotonic: () => performance.now() } });
  }

  /** The newest catalog. @throws Failure while none could be read. */
  current(): Catalog {
    if (this.#catalog === undefined) throw notReady('The catalog of the database has not been read yet.');
    return this.#catalog;
  }

  get ready(): boolean {
    return this.#catalog !== undefined;
  }

  /** Reads the catalog if there is none yet. @throws Failure */
  async ensure(): Promise<void> {
    if (this.#catalog === undefined) await this.#serially(() => this.#reload());
    this.#schedule();
  }

  /** Looks for changes now, at most once a second. Never rejects: a failure is reported, and the last catalog stays. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#refreshed < 1000) return;
    this.#refreshed = performance.now();
    await this.#serially(() => this.#poll()).catch(this.#options.onFailure);
  }

  /** The catalog may be another one than the last that was read, and nothing may be judged by that. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Told that the database was changed through us. */
  changed(): void {
    this.#stale = true;
    this.#renewal = undefined;
  }

  /** Resolves once the catalog was looked at after the last change that we know of. @throws Failure */
  async renewed(): Promise<void> {
    if (!this.#stale) return;
    const renewal = (this.#renewal ??= this.#serially(() => this.#poll()));
    try {
      await renewal;
    } catch (error) {
      if (this.#renewal === renewal) this.#renewal = undefined;
      this.#options.onFailure(error);
      throw notReady('The catalog of the database could not be read again after a change.');
    }
    if (this.#renewal === renewal) this.#stale = false;
    // Changed again meanwhile.
    else await this.renewed();
  }

  /** Runs a statement that reads nothing: the server's complaint about it, or undefined. */
  async probe(sql: string): Promise<string | undefined> {
    const known = this.#probes.get(sql);
    if (known !== undefined) return await known;
    if (this.#probes.size >= MAX_PROBES) this.#probes.clear();
    const probe = this.#serially(async () => {
      const session = await this.#open();
      try {
        // A relation that an open transaction alters would hold up every other question.
        await session.query(`SET lock_timeout = '1s'`);
        await session.query(sql);
        return undefined;
      } catch (error) {
        const complaint = complaintOf(error);
        if (complaint === undefined) throw error;
        return complaint;
      }
    });
    this.#probes.set(sql, probe);
    probe.catch(() => this.#probes.delete(sql));
    return await probe;
  }

  /** Ends a session of the same role, if the server has it still: that with this process id, which connects from this port. */
  async terminate({ pid, port }: { readonly pid: number; readonly port: number }): Promise<void> {
    if (this.#stopped) return;
    await this.#serially(async () => {
      const { query } = await this.#open();
      // The port as well: a process id may be that of another server, or of a pooler's.
      await query(
        `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = ${pid} AND client_port = ${port} AND usename = session_user`,
      );
    });
  }

  /** How many rows the planner expects a statement to handle, in a session apart: planning may take long. Rejects where it cannot be asked. */
  async estimate(statement: Estimable): Promise<RowEstimate> {
    return await this.#estimator.estimate(statement);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#close(), this.#estimator.stop()]);
  }

  async #serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(work);
    this.#work = result.then(
      () => undefined,
      () => undefined,
    );
    return await result;
  }

  async #open(): Promise<CatalogSession> {
    if (this.#session !== undefined) return this.#session;
    const session = await this.#options.open();
    if (this.#stopped) {
      // Nobody else would end it, and it would keep the process alive.
      await session.end().catch(this.#options.onFailure);
      throw notReady('pg-airlock is shutting down.');
    }
    this.#session = session;
    return session;
  }

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.end().catch(this.#options.onFailure);
  }

  async #reload(): Promise<void> {
    if (this.#catalog !== undefined) return;
    try {
      await this.#read();
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #read(): Promise<void> {
    const { query, queryAll } = await this.#open();
    // Taken before the rest is read: what changes in between shows as a change at the next look.
    const { fingerprint } = await readFingerprint(query);
    // A probe may have set it.
    const read: CatalogRead = async (texts) => (await queryAll(['RESET lock_timeout', ...texts])).slice(1);
    const catalog = await loadCatalog(read, fingerprint);
    this.#catalog = withFormerNames(catalog, this.#catalog);
    this.#fingerprint = fingerprint;
    this.#probes.clear();
    this.#estimator.forget();
  }

  async #poll(): Promise<void> {
    const { query } = await this.#open();
    try {
      const seen = await readFingerprint(query);
      if (seen.fingerprint === this.#fingerprint) return;
      await this.#renewSession(seen);
      await this.#read();
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** Only a new session sees what ALTER ROLE ... SET changed. */
  async #renewSession({ settings }: Fingerprint): Promise<void> {
    if (settings === this.#settings) return;
    await this.#close();
    await this.#open();
    // INVARIANT: seen before the session began, so that what changes in between makes a new one again.
    this.#settings = settings;
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#look(), this.#delay);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const started = performance.now();
    await this.#serially(() => this.#poll()).catch(this.#options.onFailure);
    this.#timer = undefined;
    // A slow look is taken less often: at most 2 % of the server's time goes into it.
    this.#delay = Math.max(this.#options.interval ?? 5000, (performance.now() - started) * 50);
    this.#schedule();
  }
}
