/**
 * Who may open what: from an identity and a database name to the access that a session works with.
 */
import type { Clock } from '../../kernel/clock.ts';
import { connectionUnavailable, databaseUnknown, Failure, internalError, sessionRevoked, shuttingDown } from '../../kernel/failure.ts';
import type { Identity } from '../../kernel/identity.ts';
import { type Bundle, type Connection, type ConnectionKey, type Limits, NO_LIMITS } from '../../kernel/policy.ts';
import { checkSetting, resolvedPath } from '../policy/checks/settings.ts';
import { type Grants, grantsFor } from '../policy/grants.ts';
import type { AgentJudge } from '../judge/judge.ts';
import { splitIdentifiers } from '../sql/identifier-list.ts';
import type { Access, SessionAudit } from '../session/dependencies.ts';
import { openUpstream } from '../upstream/connect.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type AgentRuntime, ConnectionRuntime, endpointOf } from './connection-runtime.ts';

export type AccessRegistryOptions = {
  readonly clock: Clock;
  readonly audit: (connection: Connection) => SessionAudit;
  readonly onFailure: (event: string, error: unknown) => void;
};

const NO_DETECTORS: Grants['detect'] = [];

/** Milliseconds for opening a session on the database. */
const CONNECT_TIMEOUT = 15_000;

/** Milliseconds that the server gets to notice that nobody waits for a statement. */
const ABANDONED = 2_000;

/** PostgreSQL's timeouts are integers. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** What a client asks for. */
export type Wanted = {
  readonly database: string;
  readonly user: string;
  /** The one connection of the listener; undefined: the database's name says which. */
  readonly connection: ConnectionKey | undefined;
};

export class AccessRegistry {
  readonly #options: AccessRegistryOptions;
  readonly #runtimes = new Map<string, ConnectionRuntime>();
  #bundle: Bundle;

  constructor(bundle: Bundle, options: AccessRegistryOptions) {
    this.#bundle = bundle;
    this.#options = options;
  }

  get bundle(): Bundle {
    return this.#bundle;
  }

  /** Puts a new bundle in force, on live sessions too. Those that it leaves nothing to are told `ended`, or what is gone. */
  use(bundle: Bundle, ended?: Failure): void {
    this.#bundle = bundle;
    for (const [key, runtime] of this.#runtimes) {
      const connection = bundle.connections.get(key);
      if (connection !== undefined && endpointOf(connection) === runtime.endpoint) {
        runtime.recheck();
        continue;
      }
      this.#runtimes.delete(key);
      const gone = connection === undefined ? 'The DatabaseConnection is gone.' : 'The DatabaseConnection changed; reconnect.';
      runtime.stop(ended ?? sessionRevoked(gone)).catch((error: unknown) => this.#options.onFailure('connection-stop-failed', error));
    }
  }

  /** Reads the catalogs ahead of the first session, so that it need not wait. Failures are reported, and met again at the first session. */
  async warmUp(): Promise<void> {
    const used = new Set(this.#bundle.policies.map((policy) => policy.connection));
    await Promise.all(
      [...used].map(async (key) => {
        const connection = this.#bundle.connections.get(key);
        if (connection === undefined) return;
        await this.#runtime(connection)
          .catalog.ensure()
          .catch((error: unknown) => this.#options.onFailure('catalog-failed', error));
      }),
    );
  }

  /** Connections whose catalog has not been read. */
  get unread(): readonly string[] {
    return [...this.#runtimes].filter(([, runtime]) => !runtime.catalog.ready).map(([key]) => key);
  }

  async open(identity: Identity, { database, user, connection: only }: Wanted): Promise<Access | Failure> {
    if (only !== undefined && !this.#bundle.connections.has(only)) return connectionUnavailable(only);
    const now = this.#options.clock.now().getTime();
    const usable = [...this.#bundle.connections.values()].filter(
      (connection) =>
        (only === undefined || connection.key === only) && grantsFor(this.#bundle, identity.agent, connection.key, now) !== undefined,
    );
    const named = usable.filter((connection) => connection.database === database);
    // libpq names the database after the user where none is given.
    const chosen = named.length === 0 && database === user ? usable : named;
    const [connection] = chosen;
    if (connection === undefined || chosen.length > 1)
      return databaseUnknown(
        database,
        usable.map((entry) => entry.database),
      );
    try {
      const runtime = this.#runtime(connection);
      return this.#access(connection, await runtime.agent(identity.agent), runtime);
    } catch (error) {
      if (error instanceof Failure) return new Failure({ ...error.fields, severity: 'FATAL' });
      this.#options.onFailure('access-failed', error);
      return internalError();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#runtimes.values()].map((runtime) => runtime.stop(shuttingDown())));
  }

  #runtime(connection: Connection): ConnectionRuntime {
    const known = this.#runtimes.get(connection.key);
    if (known !== undefined) return known;
    const runtime = new ConnectionRuntime({
      connection: () => this.#bundle.connections.get(connection.key) ?? connection,
      bundle: () => this.#bundle,
      clock: this.#options.clock,
      onFailure: this.#options.onFailure,
    });
    this.#runtimes.set(connection.key, runtime);
    return runtime;
  }

  /** Closes in the middle of a statement. One that has caught the cancel request would run on: nothing is read or written there. */
  #abandon(upstream: Upstream, runtime: ConnectionRuntime): void {
    const { backendPid, localPort } = upstream;
    upstream.destroy();
    if (backendPid === 0 || localPort === 0) return;
    const terminate = (): void => {
      runtime.catalog
        .terminate({ pid: backendPid, port: localPort })
        .catch((error: unknown) => this.#options.onFailure('terminate-failed', error));
    };
    setTimeout(terminate, ABANDONED).unref();
  }

  #access(connection: Connection, { judge, quota, detectors, ended }: AgentRuntime, runtime: ConnectionRuntime): Access {
    const limits = (): Limits => judge.grants()?.limits ?? NO_LIMITS;
    return {
      connection: connection.key,
      judge,
      audit: this.#options.audit(connection),
      notices: () => judge.grants()?.notices ?? 'Withhold',
      limits,
      detectors: () => detectors.of(judge.grants()?.detect ?? NO_DETECTORS),
      admit: () => quota.admit(),
      probes: quota.probes,
      startupSetting: (name, value) => startupSetting(name, value, judge, runtime),
      resolveSearchPath: (names) => resolvedPath(names, runtime.catalog.current()),
      openUpstream: async (parameters, signal) => {
        const full = quota.enter();
        if (full !== undefined) throw full;
        try {
          const upstream = await openUpstream({
            connection: this.#bundle.connections.get(connection.key) ?? connection,
            parameters: { ...pinned(limits(), runtime.catalog.current().serverMajor), ...parameters },
            timeoutMs: CONNECT_TIMEOUT,
            signal,
          });
          upstream.onClose(() => quota.leave());
          return { ...upstream, destroy: () => this.#abandon(upstream, runtime) };
        } catch (error) {
          quota.leave();
          throw error;
        }
      },
      ended: ended.signal,
    };
  }
}

/** The proxy ends a transaction in time; the server does so a little later, where there is no proxy any more. */
const TRANSACTION_GRACE = 5_000;

/** INVARIANT: what changes how SQL is read is settled at startup, so that RESET and DISCARD come back to it. */
const pinned = ({ statementTimeout, transactionTimeout }: Limits, serverMajor: number): Readonly<Record<string, string>> => ({
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  ...(statementTimeout === undefined ? {} : { statement_timeout: String(statementTimeout) }),
  ...(transactionTimeout === undefined || serverMajor < 17
    ? {}
    : { transaction_timeout: String(Math.min(transactionTimeout + TRANSACTION_GRACE, LONGEST_TIMEOUT)) }),
});

const startupSetting = (name: string, value: string, judge: AgentJudge, runtime: ConnectionRuntime): Failure | undefined => {
  const grants = judge.grants();
  if (grants === undefined) return databaseUnknown('', []);
  const path = name.toLowerCase() === 'search_path';
  // The session reads an invalid list as such.
  const change = { name: name.toLowerCase(), values: path ? (splitIdentifiers(value) ?? []) : [value], local: false };
  const state = { searchPath: [], prepared: () => undefined, cursor: () => undefined };
  const { reason } = checkSetting(change, { catalog: runtime.catalog.current(), grants, state, revision: judge.revision() });
  return reason?.failure;
};
