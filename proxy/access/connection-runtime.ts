/**
 * What the proxy keeps for one DatabaseConnection while sessions use it: its catalog, and the judge of each agent.
 */
import type { Clock } from '../../kernel/clock.ts';
import { type Failure, sessionRevoked } from '../../kernel/failure.ts';
import { type Bundle, type Connection, type Limits, NO_LIMITS } from '../../kernel/policy.ts';
import { AgentQuota } from './agent-quota.ts';
import { CatalogStore } from '../catalog/catalog-store.ts';
import { KeptDetectors } from '../detect/detectors.ts';
import { AgentJudge } from '../judge/judge.ts';
import { openCatalogClient } from '../upstream/catalog-client.ts';

export type RuntimeOptions = {
  /** The connection as the newest bundle has it: credentials may rotate. */
  readonly connection: () => Connection;
  readonly bundle: () => Bundle;
  readonly clock: Clock;
  readonly onFailure: (event: string, error: unknown) => void;
};

/** One agent's use of the connection. */
export type AgentRuntime = {
  readonly judge: AgentJudge;
  readonly quota: AgentQuota;
  readonly detectors: KeptDetectors;
  readonly ended: AbortController;
};

/** A longer wait than timers can count is cut into pieces. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** What makes it another database: sessions do not outlive a change of it. */
export const endpointOf = ({ host, port, database, tls, username }: Connection): string =>
  JSON.stringify([host, port, database, tls.mode, tls.ca, username]);

export class ConnectionRuntime {
  readonly endpoint: string;
  readonly catalog: CatalogStore;
  readonly #options: RuntimeOptions;
  readonly #agents = new Map<string, AgentRuntime>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.endpoint = endpointOf(options.connection());
    this.catalog = new CatalogStore({
      open: async () => await openCatalogClient(options.connection(), { searchPath: 'SessionDefault' }),
      onFailure: (error) => options.onFailure('catalog-failed', error),
    });
  }

  /** The agent's runtime; the catalog has been read. @throws Failure when it cannot be. */
  async agent(name: string): Promise<AgentRuntime> {
    await this.catalog.ensure();
    const known = this.#agents.get(name);
    if (known !== undefined && !known.ended.signal.aborted) return known;
    known?.judge.retire();
    const { bundle, clock, connection, onFailure } = this.#options;
    const judge = new AgentJudge({
      agent: name,
      connection: connection().key,
      bundle,
      catalog: this.catalog,
      clock,
      onFault: (error) => onFailure('judge-fault', error),
    });
    const limits = (): Limits => judge.grants()?.limits ?? NO_LIMITS;
    const runtime = { judge, quota: new AgentQuota(limits, clock), detectors: new KeptDetectors(), ended: new AbortController() };
    this.#agents.set(name, runtime);
    this.recheck();
    return runtime;
  }

  /** Ends the sessions of agents that no policy in force names any more, and looks again when the next policy begins or ends. */
  recheck(): void {
    let until = Number.POSITIVE_INFINITY;
    for (const [name, { judge, ended }] of this.#agents) {
      const grants = judge.grants();
      if (grants === undefined) {
        ended.abort(sessionRevoked('No policy in force names this agent any more.'));
        judge.retire();
        this.#agents.delete(name);
      } else until = Math.min(until, grants.until);
    }
    clearTimeout(this.#timer);
    if (until === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(0, until - this.#options.clock.now().getTime());
    this.#timer = setTimeout(() => this.recheck(), Math.min(wait, LONGEST_WAIT));
    this.#timer.unref();
  }

  /** Ends every session and the catalog's own. */
  async stop(reason: Failure): Promise<void> {
    clearTimeout(this.#timer);
    for (const { judge, ended } of this.#agents.values()) {
      ended.abort(reason);
      judge.retire();
    }
    this.#agents.clear();
    await this.catalog.stop();
  }
}
