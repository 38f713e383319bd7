/**
 * What the database is asked about the role that logs in.
 */
import type { AccessPolicy } from '../../kernel/policy.ts';
import { POWERFUL_ROLES, type RoleFacts } from '../specs/least-privilege.ts';
import { mayBeMade } from '../specs/policy-names.ts';
import type { AskDatabase } from './database-session.ts';

const ATTRIBUTES = `array_to_json(array_remove(ARRAY[
  CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
  CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END], NULL))::text`;

const ROLE = `SELECT r.rolname::text AS role, ${ATTRIBUTES} AS attributes, current_setting('server_version') AS version,
  (SELECT d.datname::text FROM pg_database d WHERE d.datname = current_database() AND d.datdba = r.oid) AS database
FROM pg_roles r WHERE r.rolname = session_user`;

/** The owner's rights are a member's too. A superuser counts as a member of everything, and is told of as such. */
const MEMBERSHIPS = `SELECT r.rolname::text AS role, ${ATTRIBUTES} AS attributes,
  (SELECT coalesce(json_agg(g.rolname::text ORDER BY g.rolname), '[]')::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
   JOIN pg_roles s ON s.oid = m.member WHERE s.rolname = session_user AND (g.oid = r.oid OR pg_has_role(g.oid, r.oid, 'MEMBER'))) AS through
FROM pg_roles r
WHERE r.rolname <> session_user AND pg_has_role(session_user, r.oid, 'MEMBER')
  AND (r.rolname = ANY ($1) OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)
ORDER BY r.rolname LIMIT 20`;

const OURS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const SCHEMAS = `SELECT n.nspname::text AS schema FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
WHERE r.rolname = session_user AND ${OURS} ORDER BY 1 LIMIT 200`;

const RELATIONS = `SELECT n.nspname::text AS schema, c.relname::text AS name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS written
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
WHERE r.rolname = session_user AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OURS} ORDER BY 1, 2 LIMIT 10000`;

const SHOWN = 10;

const textsOf = (json: string): readonly string[] => {
  const values: unknown = JSON.parse(json);
  return Array.isArray(values) ? values.map(String) : [];
};

/** Asks. What policies open for definitions has to be owned, and is not counted. */
export const askRole = async (
  ask: AskDatabase,
  policies: readonly AccessPolicy[],
): Promise<{ readonly facts: RoleFacts; readonly serverVersion: string }> => {
  const [own] = await ask<{ role: string; attributes: string; version: string; database: string | null }>(ROLE);
  if (own === undefined) throw new Error('the database does not know the role of its own session');
  const memberships = await ask<{ role: string; attributes: string; through: string }>(MEMBERSHIPS, [Object.keys(POWERFUL_ROLES)]);
  const isOpened = (schema: string, name: string): boolean => policies.some((policy) => mayBeMade(policy, { schema, name }));
  const schemas = await ask<{ schema: string }>(SCHEMAS);
  const relations = (await ask<{ schema: string; name: string; written: string }>(RELATIONS)).filter(
    ({ schema, name }) => !isOpened(schema, name),
  );
  const named = new Set(policies.flatMap(({ relations: granted }) => granted.map(({ schema, name }) => `${schema}\0${name}`)));
  // What policies grant comes first: that is what the owner's rights reach.
  const ordered = relations.toSorted((a, b) => Number(named.has(`${b.schema}\0${b.name}`)) - Number(named.has(`${a.schema}\0${a.name}`)));
  return {
    // What is no version is some other server's joke.
    serverVersion: /^[\w.+~-]{1,64}/.exec(own.version)?.[0] ?? 'unknown',
    facts: {
      role: own.role,
      attributes: textsOf(own.attributes),
      memberships: memberships.map(({ role, attributes, through }) => ({
        role,
        attributes: textsOf(attributes),
        through: textsOf(through),
      })),
      ownsDatabase: own.database ?? undefined,
      ownedSchemas: schemas.map(({ schema }) => schema).filter((schema) => !isOpened(schema, '')),
      ownedRelations: ordered.slice(0, SHOWN).map(({ written }) => written),
      ownedRelationsCount: relations.length,
    },
  };
};
