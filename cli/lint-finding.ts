/** What `pg-airlock lint` works with, and what it finds. */
import type { FieldPath } from '../kernel/manifest/field-path.ts';
import type { AccessPolicy, Bundle, Connection, RelationGrant } from '../kernel/policy.ts';
import type { Catalog } from '../proxy/catalog/catalog.ts';
import type { Narrowing } from '../proxy/policy/grants.ts';
import type { Tree } from '../proxy/sql/tree.ts';

/** `Error`: something in the policy does not work. `Warning`: it works, and may not be what was meant. */
export type Severity = 'Error' | 'Warning';

export type Finding = {
  readonly severity: Severity;
  /** Stable name of the check. */
  readonly check: string;
  /** The object that it is about. */
  readonly kind: 'DatabaseAccessPolicy' | 'DatabaseConnection';
  /** `namespace/name`. */
  readonly key: string;
  readonly path: FieldPath;
  /** The fact: one line in lower case, without a full stop. */
  readonly message: string;
  /** What to do about it, in sentences. */
  readonly remedy: string;
};

/** The role of a connection, as the server has it. */
export type LintedRole = { readonly name: string; readonly powers: readonly string[] };

/** What was read of one connection's database. */
export type LintedDatabase = {
  readonly catalog: Catalog;
  readonly role: LintedRole;
  /** Why a grant cannot be applied to its relation, or undefined: the scope's problem, or the server's complaint. */
  readonly complaint: (grant: RelationGrant) => string | undefined;
  /** What the relations that a grant's relation shows make of it, where that is less than it says. */
  readonly narrowing: (grant: RelationGrant) => Narrowing | undefined;
};

export type LintInput = {
  readonly bundle: Bundle;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** By connection key; empty without `--database`. */
  readonly databases: ReadonlyMap<string, LintedDatabase>;
  /** Parse tree of an SQL expression of a policy or a CHECK constraint, or what is wrong with it. */
  readonly expression: (sql: string) => { readonly tree: Tree } | { readonly problem: string };
};

/** A pure function from what was read to what is wrong with it. */
export type Check = (input: LintInput) => readonly Finding[];

/** One grant, with where it stands. */
export type GrantPlace = {
  readonly policy: AccessPolicy;
  readonly grant: RelationGrant;
  readonly path: FieldPath;
  readonly name: string;
  readonly database: LintedDatabase | undefined;
};

/** Every grant of every policy. */
export const grantPlaces = ({ bundle, databases }: LintInput): readonly GrantPlace[] =>
  bundle.policies.flatMap((policy) =>
    policy.relations.map((grant, index) => ({
      policy,
      grant,
      path: ['spec', 'relations', index],
      name: `${grant.schema}.${grant.name}`,
      database: databases.get(policy.connection),
    })),
  );

type Fact = Pick<Finding, 'severity' | 'path' | 'message' | 'remedy'>;

/** A finding in a policy. */
export const inPolicy = (check: string, policy: AccessPolicy, fact: Fact): Finding => ({
  check,
  kind: 'DatabaseAccessPolicy',
  key: policy.key,
  ...fact,
});

/** A finding in a connection. */
export const inConnection = (check: string, connection: Connection, fact: Fact): Finding => ({
  check,
  kind: 'DatabaseConnection',
  key: connection.key,
  ...fact,
});
