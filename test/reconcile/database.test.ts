/**
 * What the operator finds out about a database, on a real one.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifests } from '../../kernel/manifest/parse-manifests.ts';
import type { AccessPolicy, Connection } from '../../kernel/policy.ts';
import { DatabaseFailure, withDatabase } from '../../operator/reconcile/database-session.ts';
import { askNames } from '../../operator/reconcile/name-queries.ts';
import { askRole } from '../../operator/reconcile/role-queries.ts';
import { leastPrivilege } from '../../operator/specs/least-privilege.ts';
import { nameProblems, wantedNames } from '../../operator/specs/policy-names.ts';
import { reachable, type ReachOutcome } from '../../operator/specs/reachable.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const LIMITS = { loginMs: 3_000, sessionMs: 10_000 };
const PASSWORD = 's3cret-of-app';
const HBA = `
host all postgres 127.0.0.1/32 trust
hostssl all clear 127.0.0.1/32 password
hostssl all app 127.0.0.1/32 scram-sha-256
hostssl shop old 127.0.0.1/32 md5
`;

let authority: Authority;
let server: TestPostgres;
let other: TestPostgres;

beforeAll(async () => {
  authority = await createAuthority();
  const { key, cert } = await authority.issue(['127.0.0.1', 'localhost']);
  server = await startPostgres({ tls: { key, cert }, hba: HBA });
  const wrong = await authority.issue(['elsewhere.example.com']);
  other = await startPostgres({ tls: wrong, hba: HBA });
  for (const each of [server, other]) {
    await each.sql(`CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'; CREATE ROLE clear LOGIN PASSWORD '${PASSWORD}'; CREATE ROLE other_owner;
      SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD '${PASSWORD}'`);
    await each.sql('CREATE DATABASE shop');
    await each.sql('CREATE DATABASE closed; ');
    await each.sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
  }
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
afterAll(async () => {
  await server?.stop();
  await other?.stop();
});

const connectionTo = (changes: Partial<Connection> = {}): Connection => ({
  key: 'data/shop',
  host: '127.0.0.1',
  port: server.port,
  database: 'shop',
  tls: { mode: 'VerifyFull', ca: authority.cert },
  username: 'app',
  password: new TextEncoder().encode(PASSWORD),
  auditDurability: 'Fsync',
  ...changes,
});

const outcomeOf = async (connection: Connection): Promise<ReachOutcome> => {
  try {
    return await withDatabase(connection, LIMITS, async (ask) => {
      const { serverVersion } = await askRole(ask, []);
      return { type: 'Reached', serverVersion };
    });
  } catch (error) {
    if (error instanceof DatabaseFailure) return error.outcome;
    throw error;
  }
};

const said = async (connection: Connection): Promise<readonly [status: string, reason: string, message: string]> => {
  const { tls, ...rest } = connection;
  const spec = {
    ...rest,
    tls: { mode: tls.mode, ...(tls.ca === undefined ? {} : { caSecretRef: { name: 'shop-ca', key: 'ca.crt' } }) },
    credentials: { secretRef: { name: 'shop-db', usernameKey: 'username', passwordKey: 'password' } },
  };
  const { status, reason, message } = reachable(await outcomeOf(connection), spec);
  return [status, reason, message];
};

describe('a database is reached', () => {
  it.each<[string, Partial<Connection>, string]>([
    ['by SCRAM over verified TLS', {}, 'verified TLS'],
    ['by a host name', { host: 'localhost' }, 'verified TLS'],
    ['by an MD5 password', { username: 'old' }, 'verified TLS'],
    ['by a password in clear text, to who is verified', { username: 'clear' }, 'verified TLS'],
  ])('%s', async (_, changes, way) => {
    const [status, reason, message] = await said(connectionTo(changes));
    expect([status, reason]).toEqual(['True', 'LoggedIn']);
    expect(message).toMatch(new RegExp(`^PostgreSQL 18\\.\\d+ takes the credentials, over ${way}\\.$`));
  });

  it('over TLS that verifies the authority alone, or nothing, where that is said', async () => {
    const { port } = other;
    expect((await said(connectionTo({ port, tls: { mode: 'VerifyCA', ca: authority.cert } })))[2]).toContain(
      'TLS with a verified authority',
    );
    expect((await said(connectionTo({ port, tls: { mode: 'Require', ca: undefined } })))[2]).toContain('unverified TLS');
  });
});

describe('a database is not reached, and it is said why', () => {
  it('that nothing listens', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    expect(await said(connectionTo({ port }))).toEqual([
      'False',
      'ConnectionRefused',
      `Nothing listens at 127.0.0.1:${port}. Start the database there, or correct spec.host and spec.port.`,
    ]);
  });

  it.each<[string, (connection: Connection) => Partial<Connection>, readonly [string, RegExp]]>([
    [
      'a name that is none',
      () => ({ host: 'no-such-host.invalid' }),
      ['HostNotFound', /^The name no-such-host\.invalid does not exist in DNS/],
    ],
    [
      'a certificate of another authority',
      () => ({ tls: { mode: 'VerifyFull', ca: undefined } }),
      ['CertificateUntrusted', /Name the one that signed it in spec\.tls\.caSecretRef\.$/],
    ],
    [
      'a certificate for another host',
      () => ({ port: other.port }),
      ['CertificateForAnotherHost', /^The certificate of the database is not for 127\.0\.0\.1\./],
    ],
    [
      'a wrong password',
      () => ({ password: new TextEncoder().encode('wrong-s3cret') }),
      ['PasswordRefused', /^The database refuses .* of Secret shop-db\./],
    ],
    [
      'a role that is not there',
      () => ({ username: 'nobody' }),
      ['LoginRefused', /pg_hba\.conf, or give the role LOGIN\. The server says: no pg_hba\.conf entry/],
    ],
    [
      'a database that is not there',
      () => ({ database: 'shoop' }),
      ['DatabaseNotFound', /^There is no database shoop on 127\.0\.0\.1\. Correct spec\.database/],
    ],
    [
      'a database that is closed to it',
      () => ({ database: 'closed' }),
      ['ConnectNotGranted', /^The role may not connect to closed: GRANT CONNECT/],
    ],
    ['a server that wants TLS', () => ({ tls: { mode: 'Disable', ca: undefined } }), ['LoginRefused', /no encryption$/]],
    [
      'a server that asks whoever poses as it for the password',
      () => ({ username: 'clear', tls: { mode: 'Require', ca: undefined } }),
      ['CleartextPassword', /does not verify who that is\. Let it ask for scram-sha-256, or use VerifyFull\.$/],
    ],
  ])('%s', async (_, changes, [reason, message]) => {
    const connection = connectionTo();
    const answer = await said({ ...connection, ...changes(connection) });
    expect(answer.slice(0, 2)).toEqual(['False', reason]);
    expect(answer[2]).toMatch(message);
    expect(answer[2]).not.toMatch(/s3cret/);
  });

  const answering = async (listener: (socket: Socket) => void): Promise<Server> => {
    const listening = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((resolve) => listening.once('listening', resolve));
    return listening;
  };

  it.each<[string, (socket: Socket) => void, string]>([
    ['a server without TLS', (socket) => socket.once('data', () => socket.end('N')), 'TlsNotOffered'],
    ['a server of another protocol', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'NotPostgres'],
    ['a server that hangs up', (socket) => socket.destroy(), 'ConnectionLost'],
    ['a server that says nothing', () => {}, 'Timeout'],
  ])('%s', async (_, listener, reason) => {
    const listening = await answering((socket) => {
      socket.on('error', () => {});
      listener(socket);
    });
    try {
      const { port } = listening.address() as { port: number };
      expect((await said(connectionTo({ port })))[1]).toBe(reason);
    } finally {
      listening.close();
    }
  });
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
      'ALTER ROLE other_owner SUPERUSER; GRANT other_owner TO app WITH INHERIT FALSE',
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

const problemsOf = (spec: string) =>
  withDatabase(connectionTo(), LIMITS, async (ask) => {
    const policy = policyOf(spec);
    return nameProblems(policy, await askNames(ask, wantedNames([policy]))).map(({ reason, message }) => `${reason}: ${message}`);
  });

const relation = (name: string, rest: string): string => `relations: [{ name: '${name}', ${rest} }]`;
const mask = (column: string, text: string): string =>
  relation('public.customers', `select: { masks: [{ column: '${column}', mask: ${text} }] }`);

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
      ['MaskInvalid: mask Constant of column mood of public.customers: invalid input value for enum public.mood: "sad". Correct the mask.'],
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
      relation('public.orders', 'select: { columns: [id] }, where: "true); DROP TABLE orders; --"'),
      ['RowFilterInvalid: the row filter of public.orders: syntax error at or near ")". Correct its "where".'],
    ],
    ['functions: [{ name: public.discont }]', ['FunctionNotFound: function public.discont does not exist. Did you mean public.discount?']],
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
    await problemsOf(
      relation('public.orders', `select: { columns: [id] }, where: "true) UNION SELECT nextval('public.counter')::int WHERE (true"`),
    );
    expect(await server.sql('SELECT is_called FROM counter', 'shop')).toEqual([{ is_called: false }]);
  });
});
