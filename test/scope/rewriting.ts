/** The text that is sent for an agent's statement, by a policy of row filters and masks over a real catalog. */
import pg from 'pg';
import type { RelationGrant } from '../../kernel/policy.ts';
import { loadCatalog } from '../../proxy/catalog/load-catalog.ts';
import { judgeText } from '../../proxy/judge/judge-text.ts';
import type { ResolvedRelation } from '../../proxy/policy/decision.ts';
import { type Scope, scopeOf } from '../../proxy/scope/scope.ts';
import { Grammar } from '../../proxy/sql/grammar.ts';
import { catalogReader } from '../support/catalog-reader.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { grantsOf, policy } from '../support/small-catalog.ts';

export type Rewriting = {
  readonly sent: (sql: string) => Promise<string>;
  readonly client: pg.Client;
  readonly end: () => Promise<void>;
};

/** `database`: of the server, whose schema is complete. */
export const openRewriting = async (server: TestPostgres, database: string, relations: readonly RelationGrant[]): Promise<Rewriting> => {
  const client = new pg.Client({ connectionString: server.url('postgres', database) });
  await client.connect();
  const catalog = await loadCatalog(catalogReader(client), 'f');
  await client.query('RESET search_path');
  const grammar = new Grammar(server.version);
  await grammar.load();
  const grants = grantsOf(policy({ relations }));
  if (grants === undefined) throw new Error('the policy grants nothing');
  const scopes = ({ relation, access }: ResolvedRelation): Scope =>
    access.type === 'Granted' ? scopeOf(relation, access.granted.grant, grammar) : { type: 'Bare', relation };
  const faults: unknown[] = [];
  const sent = async (sql: string): Promise<string> => {
    const state = { searchPath: ['public'], prepared: () => undefined, cursor: () => undefined };
    const { judged } = await judgeText(Buffer.from(sql), 'Query', state, {
      catalog,
      grants,
      grammar,
      revision: 'r',
      scopeOf: scopes,
      freshScopes: () => scopes,
      probe: () => Promise.resolve(undefined),
      estimate: () => Promise.resolve({ rows: 1 }),
      onFault: (fault) => faults.push(fault),
    });
    if (judged.decision === 'Deny') throw new Error(`${judged.failure.message}: ${sql} ${faults.join()}`);
    return judged.sent;
  };
  return { sent, client, end: () => client.end() };
};
