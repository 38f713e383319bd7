/**
 * What the operator finds out about the role of a connection and about what policies name, on the oldest and the newest PostgreSQL.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifests } from '../../kernel/manifest/parse-manifests.ts';
import type { AccessPolicy, Connection } from '../../kernel/policy.ts';
import { withDatabase } from '../../operator/reconcile/database-session.ts';
import { askNames } from '../../operator/reconcile/name-queries.ts';
import { askRole } from '../../operator/reconcile/role-queries.ts';
import { leastPrivilege } from '../../operator/specs/least-privilege.ts';
import { nameProblems, wantedNames } from '../../operator/specs/policy-names.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const LIMITS = { loginMs: 3_000, sessionMs: 10_000 };

let server: TestPostgres;

const connectionTo = (): Connection => ({
  key: 'data/shop',
  host: '127.0.0.1',
  port: server.port,
  database: 'shop',
  tls: { mode: 'Disable', ca: undefined },
  username: 'app',
  password: new TextEncoder().encode('s3cret'),
  auditDurability: 'Fsync',
});

const policyOf = (spec: string): AccessPolicy => {
  const { bundle, problems } = parseManifests([
    {
      path: 'a.yaml',
      text: `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop }
spec: { host: db, database: shop, credentials: { secretRef: { name: shop-db } } }
---
apiVersion: v1
kind: Secret
metadata: { name: shop-db }
stringData: { username: app, password: x, key: 0123456789abcdef }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: reporting }
spec:
  connectionRef: { name: shop }
  subjects: [{ pod: {} }]
${spec.replace(/^/gm, '  ')}`,
    },
  ]);
  const [policy] = bundle?.policies ?? [];
  if (policy === undefined) throw new Error(JSON.stringify(problems));
  return policy;
};

const facts = (policies: readonly AccessPolicy[] = []) =>
  withDatabase(connectionTo(), LIMITS, async (ask) => leastPrivilege((await askRole(ask, policies)).facts));

const problemsOf = (spec: string) =>
  withDatabase(connectionTo(), LIMITS, async (ask) => {
    const policy = policyOf(spec);
    return nameProblems(policy, await askNames(ask, wantedNames([policy]))).map(({ reason, message }) => `${reason}: ${message()}`);
  });

const relation = (name: string, rest: string): string => `relations: [{ name: '${name}', ${rest} }]`;
const mask = (column: string, text: string): string =>
  relation('public.customers', `select: { masks: [{ column: '${column}', mask: ${text} }] }`);

describe.each([14, 18] as const)('on PostgreSQL %s', (version) => {
  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.sql('CREATE ROLE app LOGIN; CREATE ROLE other_owner');
    await server.sql('CREATE DATABASE shop');
    await server.sql(
      `CREATE DOMAIN email AS text; CREATE DOMAIN work_email AS email; CREATE DOMAIN cents AS numeric(6,2);
     CREATE TYPE mood AS ENUM ('fine');
     CREATE TABLE customers (id int PRIMARY KEY, "fullName" varchar(40), email work_email, born date, code varchar(8), price cents, mood mood, at timestamptz);
     CREATE TABLE orders (id int, customer_id int, region text);
     CREATE VIEW totals AS SELECT count(*) AS n FROM orders;
     CREATE FUNCTION discount(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT $1';
     GRANT SELECT ON customers, orders, totals TO app`,
      'shop',
    );
  });
  afterAll(() => server?.stop());

  describe('the rights of the role', () => {
    it('are least where it has grants alone', async () => {
      expect((await facts()).reason).toBe('NothingBeyondGrants');
    });

    it.each<[string, string, string, string]>([
      ['a superuser', 'ALTER ROLE app SUPERUSER', 'ALTER ROLE app NOSUPERUSER', 'Superuser'],
      ['whoever bypasses row-level security', 'ALTER ROLE app BYPASSRLS', 'ALTER ROLE app NOBYPASSRLS', 'BypassRowSecurity'],
      ['whoever makes roles', 'ALTER ROLE app CREATEROLE', 'ALTER ROLE app NOCREATEROLE', 'CreateRole'],
      ['whoever makes databases', 'ALTER ROLE app CREATEDB', 'ALTER ROLE app NOCREATEDB', 'CreateDatabase'],
      ['whoever replicates', 'ALTER ROLE app REPLICATION', 'ALTER ROLE app NOREPLICATION', 'Replication'],
      [
        'whoever reads files of the server',
        'GRANT pg_read_server_files TO app',
        'REVOKE pg_read_server_files FROM app',
        'PowerfulMembership',
      ],
      [
        'whoever is so through another role',
        'GRANT pg_execute_server_program TO other_owner; GRANT other_owner TO app',
        'REVOKE other_owner FROM app; REVOKE pg_execute_server_program FROM other_owner',
        'PowerfulMembership',
      ],
      [
        'whoever can become a superuser',
        'ALTER ROLE other_owner SUPERUSER; GRANT other_owner TO app',
        'REVOKE other_owner FROM app; ALTER ROLE other_owner NOSUPERUSER',
        'PowerfulMembership',
      ],
      ['the owner of the database', 'ALTER DATABASE shop OWNER TO app', 'ALTER DATABASE shop OWNER TO postgres', 'DatabaseOwner'],
      ['the owner of a schema', 'CREATE SCHEMA sales AUTHORIZATION app', 'DROP SCHEMA sales', 'SchemaOwner'],
      ['the owner of a relation', 'ALTER TABLE orders OWNER TO app', 'ALTER TABLE orders OWNER TO postgres', 'RelationOwner'],
    ])('are too much for %s, until the SQL that is told has run', async (_, grant, undo, reason) => {
      await server.sql(grant, 'shop');
      try {
        const found = await facts();
        expect([found.status, found.reason]).toEqual(['False', reason]);
        const [, repair = ''] = found.message.split('Take it away as a superuser: ');
        await server.sql(repair.replaceAll('another_role', 'other_owner'), 'shop');
        expect((await facts()).status).toBe('True');
      } finally {
        await server.sql(undo, 'shop').catch(() => undefined);
      }
    });

    it('include ownership of what a rule opens for definitions', async () => {
      await server.sql('ALTER TABLE orders OWNER TO app', 'shop');
      try {
        const rule = (places: string): AccessPolicy =>
          policyOf(`rules: [{ name: migrate, action: Allow, match: { statements: [Alter], ${places} } }]`);
        expect((await facts([rule('relations: [public.orders]')])).status).toBe('True');
        expect((await facts([rule('schemas: [public]')])).status).toBe('True');
        expect((await facts([rule('relations: [public.customers]')])).reason).toBe('RelationOwner');
      } finally {
        await server.sql('ALTER TABLE orders OWNER TO postgres', 'shop');
      }
    });
  });

  describe('what policies name', () => {
    it.each([
      relation(
        'public.customers',
        `select: { columns: [id, '"fullName"'], masks: [{ column: email, mask: { type: Email } }] }, where: "born > '2000-01-01'"`,
      ),
      relation('public.totals', 'select: { columns: ["*"] }'),
      mask('price', '{ type: Hash, hash: { keySecretRef: { name: shop-db } } }'),
      mask('at', '{ type: Date, date: { precision: Hour } }'),
      mask('email', `{ type: Expression, expression: { sql: "split_part(email, '@', 2) -- domain" } }`),
      mask('mood', '{ type: Constant, constant: { value: fine } }'),
      'functions: [{ name: public.discount }]\nextensions: [plpgsql]\nsettings: [work_mem, timezone, app.tenant]',
      'rules: [{ name: r, action: Deny, match: { relations: [public.orders], schemas: [public], columns: [public.orders.region] } }]',
      'rules: [{ name: m, action: Allow, match: { statements: [Create], schemas: [later] } }]\nrelations: [{ name: later.t, select: { columns: [a] } }]',
    ])('is there: %s', async (spec) => {
      expect(await problemsOf(spec)).toEqual([]);
    });

    it.each<[string, readonly string[]]>([
      [
        relation('public.customer', 'delete: {}'),
        ['RelationNotFound: relation public.customer does not exist. Did you mean public.customers?'],
      ],
      [relation('sales.orders', 'delete: {}'), ['RelationNotFound: relation sales.orders does not exist. Correct the name, or create it.']],
      [
        relation('public.customers', 'select: { columns: [id, fullname, phone] }'),
        [
          'ColumnNotFound: column fullname of public.customers does not exist. Did you mean "fullName"?',
          'ColumnNotFound: column phone of public.customers does not exist. There are: id, "fullName", email, born, code, price, mood, at.',
        ],
      ],
      [
        mask('born', '{ type: Email }'),
        [
          'MaskUnsuitable: mask Email cannot serve column born of public.customers, whose type is date. Take Redact, Null or an Expression for it.',
        ],
      ],
      [
        mask('mood', '{ type: Constant, constant: { value: sad } }'),
        [
          'MaskInvalid: mask Constant of column mood of public.customers: invalid input value for enum public.mood: "sad". Correct the mask.',
        ],
      ],
      [
        mask('id', '{ type: Expression, expression: { sql: "idd + 1" } }'),
        ['MaskInvalid: mask Expression of column id of public.customers: column "idd" does not exist. Correct the mask.'],
      ],
      [
        relation('public.orders', `select: { columns: [id] }, where: "regio = 'north'"`),
        ['RowFilterInvalid: the row filter of public.orders: column "regio" does not exist. Correct its "where".'],
      ],
      [
        relation('public.orders', 'select: { columns: [id] }, where: "true ORDER BY id --"'),
        ['RowFilterInvalid: the row filter of public.orders: syntax error at or near "ORDER". Correct its "where".'],
      ],
      [
        'functions: [{ name: public.discont }]',
        ['FunctionNotFound: function public.discont does not exist. Did you mean public.discount?'],
      ],
      [
        'extensions: [pgcrypto]',
        ['ExtensionNotFound: extension "pgcrypto" is not installed in the database. Install it, or take it out of the policy.'],
      ],
      ['settings: [work_memm]', ['SettingNotFound: setting "work_memm" is not known to the database. Did you mean work_mem?']],
      [
        'rules: [{ name: r, action: Deny, match: { relations: [public.order], columns: [public.orders.regio], schemas: [pubic] } }]',
        [
          'RelationNotFound: rule "r": relation public.order does not exist. Did you mean public.orders?',
          'ColumnNotFound: rule "r": column regio of public.orders does not exist. Did you mean region?',
          'SchemaNotFound: rule "r": schema pubic does not exist. Did you mean public?',
        ],
      ],
    ])('is not there: %s', async (spec, expected) => {
      expect(await problemsOf(spec)).toEqual(expected);
    });

    it('is looked at and never run: nothing that an expression says happens', async () => {
      await server.sql('CREATE SEQUENCE counter; GRANT ALL ON counter TO app', 'shop');
      await problemsOf(relation('public.orders', `select: { columns: [id] }, where: "nextval('public.counter') > 0"`));
      await problemsOf(relation('public.orders', `select: { columns: [id] }, where: "(SELECT nextval('public.counter')) > 0"`));
      expect(await server.sql('SELECT is_called FROM counter', 'shop')).toEqual([{ is_called: false }]);
    });
  });
});
