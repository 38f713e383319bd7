/**
 * Whether the role of a connection can do no more than an airlock needs: the proxy keeps agents within their policies, and a role that
 * can do little keeps them out of the rest should it ever fail.
 */
import type { Finding } from './condition.ts';
import { quotedIdentifier, shownIdentifier } from './sql-names.ts';

/** What the database says of the role that logs in. */
export type RoleFacts = {
  readonly role: string;
  /** Attributes of the role itself, as in `ALTER ROLE`: `SUPERUSER`, `BYPASSRLS`, ... */
  readonly attributes: readonly string[];
  /** Roles that it is a member of and that say more than a table's grants: PostgreSQL's own, and such with attributes. */
  readonly memberships: readonly {
    readonly role: string;
    readonly attributes: readonly string[];
    /** The roles granted to it that lead there: the same, or others. */
    readonly through: readonly string[];
  }[];
  readonly ownsDatabase: string | undefined;
  readonly ownedSchemas: readonly string[];
  /** Of the relations that it owns, the first ones, as `schema.name` in SQL. */
  readonly ownedRelations: readonly string[];
  readonly ownedRelationsCount: number;
};

const ATTRIBUTES: Readonly<Record<string, readonly [reason: string, can: string]>> = {
  SUPERUSER: ['Superuser', 'is a superuser, whom no privilege binds'],
  BYPASSRLS: ['BypassRowSecurity', 'bypasses row-level security'],
  CREATEROLE: ['CreateRole', 'may create and alter roles'],
  CREATEDB: ['CreateDatabase', 'may create databases'],
  REPLICATION: ['Replication', 'may read everything by replication'],
};

/** PostgreSQL's predefined roles that reach beyond what is granted on relations. */
export const POWERFUL_ROLES: Readonly<Record<string, string>> = {
  pg_read_server_files: 'may read files of the server',
  pg_write_server_files: 'may write files of the server',
  pg_execute_server_program: 'may run programs on the server',
  pg_read_all_data: 'may read every table',
  pg_write_all_data: 'may write every table',
  pg_maintain: 'may maintain every table',
  pg_signal_backend: "may end others' sessions",
  pg_create_subscription: 'may create subscriptions',
  pg_monitor: "sees others' statements",
  pg_read_all_stats: "sees others' statements",
  pg_read_all_settings: 'sees settings that superusers keep to themselves',
};

type Excess = { readonly reason: string; readonly can: string; readonly repair: string };

const OTHER_OWNER = 'another_role';

const excesses = (facts: RoleFacts): readonly Excess[] => {
  const role = quotedIdentifier(facts.role);
  const own = facts.attributes.flatMap((attribute): readonly Excess[] => {
    const [reason, can] = ATTRIBUTES[attribute] ?? [];
    return reason === undefined || can === undefined ? [] : [{ reason, can, repair: `ALTER ROLE ${role} NO${attribute};` }];
  });
  // To a superuser everything below belongs as well, and it says nothing more.
  if (facts.attributes.includes('SUPERUSER')) return own;
  const memberships = facts.memberships.map(({ role: group, attributes, through }): Excess => {
    const powers = attributes.flatMap((attribute) => ATTRIBUTES[attribute]?.[1] ?? []);
    const can = POWERFUL_ROLES[group] ?? `can become a role that ${powers.join(' and ')}`;
    const by = through.filter((direct) => direct !== group);
    const way = by.length === 0 ? '' : ` through ${by.map(shownIdentifier).join(' and ')}`;
    return {
      reason: 'PowerfulMembership',
      can: `${can} (member of ${shownIdentifier(group)}${way})`,
      repair: (through.length === 0 ? [group] : through).map((direct) => `REVOKE ${quotedIdentifier(direct)} FROM ${role};`).join(' '),
    };
  });
  const database: readonly Excess[] =
    facts.ownsDatabase === undefined
      ? []
      : [
          {
            reason: 'DatabaseOwner',
            can: `owns the database ${shownIdentifier(facts.ownsDatabase)}`,
            repair: `ALTER DATABASE ${quotedIdentifier(facts.ownsDatabase)} OWNER TO ${OTHER_OWNER};`,
          },
        ];
  const schemas = facts.ownedSchemas.map(
    (schema): Excess => ({
      reason: 'SchemaOwner',
      can: `owns the schema ${shownIdentifier(schema)}`,
      repair: `ALTER SCHEMA ${quotedIdentifier(schema)} OWNER TO ${OTHER_OWNER};`,
    }),
  );
  return [...own, ...memberships, ...database, ...schemas, ...relationsOwned(facts, role)];
};

const relationsOwned = ({ ownedRelations, ownedRelationsCount: count }: RoleFacts, role: string): readonly Excess[] => {
  if (count === 0) return [];
  const few = count <= ownedRelations.length && count <= 3;
  const repair = few
    ? ownedRelations.map((relation) => `ALTER TABLE ${relation} OWNER TO ${OTHER_OWNER}; GRANT SELECT ON ${relation} TO ${role};`).join(' ')
    : `REASSIGN OWNED BY ${role} TO ${OTHER_OWNER}; and grant ${role} what policies need`;
  const named = ownedRelations.slice(0, 3).join(', ');
  const can = few ? `owns ${named}` : `owns ${count} relations, such as ${named}`;
  return [{ reason: 'RelationOwner', can: `${can}, and can alter and drop what it owns`, repair }];
};

/** The condition; what is too much comes with the SQL that takes it away. */
export const leastPrivilege = (facts: RoleFacts): Finding<'LeastPrivilege'> => {
  const found = excesses(facts);
  const [first] = found;
  if (first === undefined) {
    const message = `The role ${shownIdentifier(facts.role)} has no attribute, membership or ownership beyond what is granted to it.`;
    return { type: 'LeastPrivilege', status: 'True', reason: 'NothingBeyondGrants', message };
  }
  const can = found.map((excess) => excess.can).join('; it ');
  const repairs = found.map(({ repair }) => repair).join(' ');
  return {
    type: 'LeastPrivilege',
    status: 'False',
    reason: first.reason,
    message: `The role ${shownIdentifier(facts.role)} ${can}. Take it away as a superuser: ${repairs}`,
  };
};
