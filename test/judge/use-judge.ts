/** A judge in front of a real server, and what an agent would see through it. */
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import type { AccessPolicy } from '../../kernel/policy.ts';
import { CatalogStore } from '../../proxy/catalog/catalog-store.ts';
import { AgentJudge } from '../../proxy/judge/judge.ts';
import type { Judged, SessionState } from '../../proxy/policy/judgement.ts';
import { catalogReader } from '../support/catalog-reader.ts';
import { type PostgresOptions, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { policy } from '../support/small-catalog.ts';

export type Through = { readonly refused: string } | { readonly error: string } | { readonly rows: readonly (readonly unknown[])[] };

export type UsedJudge = {
  readonly judge: (sql: string, via?: 'Query' | 'Parse', prepared?: SessionState['prepared']) => Promise<Judged>;
  /** The same in a session of this state, which may change while it is asked. */
  readonly judgeIn: (sql: string, state: SessionState) => Promise<Judged>;
  /** What comes back: rows as text, the server's error, or the refusal's code. */
  readonly through: (sql: string) => Promise<Through>;
  readonly direct: (sql: string) => Promise<Through>;
  readonly faults: readonly unknown[];
  readonly server: () => TestPostgres;
};

/** Starts a server with `schema`, and a judge of `grants`, for the tests of a file or a part of it. */
export const useJudge = (schema: string, grants: Partial<AccessPolicy>, postgres: PostgresOptions = {}): UsedJudge => {
  let server: TestPostgres;
  let client: pg.Client;
  let store: CatalogStore;
  let agent: AgentJudge;
  const faults: unknown[] = [];

  beforeAll(async () => {
    server = await startPostgres(postgres);
    await server.sql(schema);
    client = new pg.Client({ connectionString: server.superuserUrl });
    await client.connect();
    store = new CatalogStore({
      open: async () => {
        const session = new pg.Client({ connectionString: server.superuserUrl });
        await session.connect();
        return {
          query: async <Row extends object>(sql: string) => (await session.query<Row>(sql)).rows,
          queryAll: catalogReader(session),
          end: () => session.end(),
        };
      },
      onFailure: (failure) => faults.push(failure),
    });
    await store.ensure();
    const bundle = { revision: 'r1', connections: new Map(), policies: [policy(grants)] };
    const clock = { now: () => new Date(), monotonic: () => performance.now() };
    agent = new AgentJudge({
      agent: 'reader',
      connection: 'shop/main',
      bundle: () => bundle,
      catalog: store,
      clock,
      onFault: (fault) => faults.push(fault),
    });
  });

  afterAll(async () => {
    await client.end();
    await store.stop();
    await server.stop();
  });

  const run = async (sql: string): Promise<Through> => {
    try {
      const result = await client.query({ text: sql, rowMode: 'array', types: { getTypeParser: () => String } });
      const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryArrayResult;
      return { rows: last.rows };
    } catch (error) {
      return { error: error instanceof pg.DatabaseError ? `${error.code} ${error.message}` : String(error) };
    }
  };
  const judge: UsedJudge['judge'] = async (sql, via = 'Query', prepared = () => undefined) => {
    const state: SessionState = { searchPath: agent.defaultSearchPath(), prepared, cursor: () => undefined };
    return await agent.judge(Buffer.from(sql), via, state);
  };
  const judgeIn: UsedJudge['judgeIn'] = async (sql, state) => await agent.judge(Buffer.from(sql), 'Query', state);
  const through = async (sql: string): Promise<Through> => {
    const judged = await judge(sql);
    return judged.decision === 'Deny' ? { refused: judged.failure.fields.code } : await run(judged.sent);
  };
  return { judge, judgeIn, through, direct: run, faults, server: () => server };
};
