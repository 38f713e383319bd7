/** Reads what the checks work with: the policies' expressions, and the catalogs of their databases. */
import { Failure } from '../kernel/failure.ts';
import type { Bundle, Connection, RelationGrant } from '../kernel/policy.ts';
import { type Catalog, relationKey } from '../proxy/catalog/catalog.ts';
import { CatalogStore } from '../proxy/catalog/catalog-store.ts';
import { narrowedGrants } from '../proxy/judge/narrowed.ts';
import { grantsFor, type Narrowing } from '../proxy/policy/grants.ts';
import { probeOf, scopeOf } from '../proxy/scope/scope.ts';
import { Grammar } from '../proxy/sql/grammar.ts';
import { openCatalogClient } from '../proxy/upstream/catalog-client.ts';
import type { LintedDatabase, LintedRole, LintInput } from './lint-finding.ts';

const NEWEST_MAJOR = 18;

/** Attributes and memberships that reach past privileges on relations. */
const ROLE_SQL = `
SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypass, r.rolcreaterole AS roles, r.rolreplication AS replication,
       ARRAY(SELECT g.rolname::text FROM pg_catalog.pg_roles g WHERE NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER') AND g.rolname IN
         ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_read_all_data', 'pg_write_all_data') ORDER BY 1) AS member
FROM pg_catalog.pg_roles r WHERE r.rolname = session_user`;

type RoleRow = {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypass: boolean;
  readonly roles: boolean;
  readonly replication: boolean;
  readonly member: readonly string[];
};

const roleOf = ({ name, superuser, bypass, roles, replication, member }: RoleRow): LintedRole => ({
  name,
  powers: [
    ...(superuser ? ['SUPERUSER'] : []),
    // A superuser has the rest as well.
    ...(bypass && !superuser ? ['BYPASSRLS'] : []),
    ...(roles && !superuser ? ['CREATEROLE'] : []),
    ...(replication && !superuser ? ['REPLICATION'] : []),
    ...member.map((group) => `membership in ${group}`),
  ],
});

const complaintOf = async (grant: RelationGrant, catalog: Catalog, grammar: Grammar, store: CatalogStore): Promise<string | undefined> => {
  const relation = catalog.relations.get(relationKey(grant.schema, grant.name));
  if (relation === undefined || grant.select === undefined) return undefined;
  while (!grammar.ready) await grammar.load();
  const scope = scopeOf(relation, grant, grammar);
  if (scope.type === 'Unusable') return scope.problem;
  return scope.type === 'Scoped' ? await store.probe(probeOf(scope)) : undefined;
};

/** For the agents that a grant is in force for. */
const narrowingsOf = async (
  connection: Connection,
  bundle: Bundle,
  { catalog, grammar, now }: { readonly catalog: Catalog; readonly grammar: Grammar; readonly now: number },
): Promise<ReadonlyMap<RelationGrant, Narrowing>> => {
  const found = new Map<RelationGrant, Narrowing>();
  for (const agent of new Set(bundle.policies.flatMap(({ agents }) => agents.map((subject) => subject.agent)))) {
    const grants = grantsFor(bundle, agent, connection.key, now);
    if (grants === undefined) continue;
    const { relations } = await narrowedGrants(grants, catalog, grammar);
    for (const [key, { grant }] of grants.relations) {
      const narrowing = relations.get(key)?.narrowing;
      if (narrowing !== undefined) found.set(grant, narrowing);
    }
  }
  return found;
};

const databaseOf = async (connection: Connection, bundle: Bundle, now: number): Promise<LintedDatabase> => {
  let role: LintedRole = { name: connection.username, powers: [] };
  const store = new CatalogStore({
    open: async () => {
      const client = await openCatalogClient(connection, { searchPath: 'SessionDefault' });
      const [row] = await client.query<RoleRow>(ROLE_SQL);
      if (row !== undefined) role = roleOf(row);
      return client;
    },
    onFailure: () => undefined,
  });
  try {
    await store.ensure();
    const catalog = store.current();
    const grammar = new Grammar(catalog.serverMajor);
    const complaints = new Map<RelationGrant, string | undefined>();
    const grants = bundle.policies.filter((policy) => policy.connection === connection.key).flatMap((policy) => policy.relations);
    for (const grant of grants) complaints.set(grant, await complaintOf(grant, catalog, grammar, store));
    const narrowings = await narrowingsOf(connection, bundle, { catalog, grammar, now });
    return { catalog, role, complaint: (grant) => complaints.get(grant), narrowing: (grant) => narrowings.get(grant) };
  } finally {
    await store.stop();
  }
};

type Parsed = ReturnType<LintInput['expression']>;

const parsedBy = (grammar: Grammar, sql: string): Parsed => {
  try {
    const [statement] = grammar.parse(`SELECT (${sql}\n)`);
    return statement === undefined ? { problem: 'it is empty' } : { tree: statement.node };
  } catch (error) {
    if (error instanceof Failure) return { problem: error.message };
    throw error;
  }
};

/** Reads it; connects to the databases of the policies where `connect` says so. @throws Failure where a database cannot be read. */
export const readLintInput = async (bundle: Bundle, now: number, connect: boolean): Promise<LintInput> => {
  const grammar = new Grammar(NEWEST_MAJOR);
  const expressions = new Map<string, Parsed>();
  const read = async (sql: string): Promise<void> => {
    while (!grammar.ready) await grammar.load();
    expressions.set(sql, parsedBy(grammar, sql));
  };
  const grants = bundle.policies.flatMap((policy) => policy.relations);
  const masks = grants
    .flatMap((grant) => grant.select?.masks ?? [])
    .map(({ mask }) => (mask.type === 'Expression' ? mask.expression : undefined));
  for (const sql of [...grants.map(({ where }) => where), ...masks]) {
    if (sql !== undefined) await read(sql);
  }
  const databases = new Map<string, LintedDatabase>();
  for (const connection of connect ? bundle.connections.values() : []) {
    if (bundle.policies.some((policy) => policy.connection === connection.key)) {
      const database = await databaseOf(connection, bundle, now);
      databases.set(connection.key, database);
      const constraints = [...database.catalog.constraints.values()].flat();
      for (const { expression } of constraints) if (expression !== undefined) await read(expression);
    }
  }
  return { bundle, now, databases, expression: (sql) => expressions.get(sql) ?? { problem: 'it was not read' } };
};
