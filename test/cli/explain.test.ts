import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { explainCommand } from '../../cli/explain.ts';
import { useCli } from './use-cli.ts';

const SCHEMA = `
  CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, mail text, secret text);
  CREATE TABLE orders (id int PRIMARY KEY, customer_id int, region text, amount int, note text);
  CREATE TABLE staff (id int PRIMARY KEY, "Full Name" text, salary int);
  CREATE VIEW people AS SELECT id, ssn FROM customers;

  CREATE SEQUENCE touched;
  CREATE FUNCTION own(t text) RETURNS text LANGUAGE sql AS $$ SELECT upper(t) $$;
  CREATE FUNCTION spend() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('touched') $$;
  CREATE EXTENSION pg_trgm`;

const POLICIES = `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: reporting }
spec:
  connectionRef: { name: shop }
  subjects: [{ agent: { name: reporter, passwordSecretRef: { name: agents } } }]
  functions: [{ name: public.spend }]
  relations:
    - name: public.customers
      select:
        columns: [id, name]
        masks:
          - { column: ssn, mask: { type: KeepLast, keepLast: { characters: 4 } } }
          - { column: mail, mask: { type: Hash, hash: { keySecretRef: { name: agents } } } }
    - name: public.orders
      where: region = 'eu'
      select: { columns: [id, customer_id, amount] }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: ended }
spec:
  connectionRef: { name: shop }
  validity: { notAfter: '2020-01-01T00:00:00Z' }
  subjects: [{ agent: { name: former } }]
  relations: [{ name: public.staff, select: { columns: ['*'] } }]
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: watched }
spec:
  connectionRef: { name: shop }
  mode: Audit
  subjects: [{ agent: { name: newcomer } }]
  relations: [{ name: public.customers, select: { columns: [id] } }]
`;

const { run, write, server, directory } = useCli(explainCommand, SCHEMA, POLICIES);

const explained = async (sql: string, agent = 'reporter') => {
  const { code, out, err } = await run('--as', agent, '--json', sql);
  expect(err).toBe('');
  return { code, report: JSON.parse(out) as Record<string, unknown> & { grant?: { yaml: string; enough: boolean } } };
};

describe('explain of what is allowed', () => {
  it('prints how each relation was resolved and what would be sent', async () => {
    const sql = 'SELECT c.name, c.ssn\nFROM customers c JOIN public.orders o ON o.customer_id = c.id, pg_class';
    const { code, out, err } = await run('--as', 'reporter', sql);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [told, sent] = out.split('\nsent\n');
    expect(told).toBe(`allowed
  reporter through default/shop: database postgres, role app
  policies  default/reporting

Select
  public.customers  (written customers, line 2, column 6)
    granted   by default/reporting; scoped
    visible   id, name
    masked    ssn: KeepLast 4
              mail: Hash
  public.orders  (line 2, column 23)
    granted   by default/reporting; scoped
    visible   id, customer_id, amount
    rows      region = 'eu'
  pg_catalog.pg_class  (written pg_class, line 2, column 64)
    granted   PostgreSQL's own, open to every agent; as it is
`);
    expect(sent?.replace(/, \(\(CASE.* AS "mail"/, ', MASKS')).toBe(`  SELECT c.name, c.ssn
  FROM (SELECT r."id", r."name", MASKS FROM "public"."customers" AS r) c JOIN (SELECT r."id", r."customer_id", r."amount" FROM "public"."orders" AS r WHERE (r.region = 'eu')) o ON o.customer_id = c.id, "pg_catalog"."pg_class"
`);
  });

  it('never prints the key of a mask, whatever it is asked', async () => {
    const pad = (value: number): string =>
      Buffer.from([...Buffer.from('a-key-that-nobody-may-ever-see')].map((byte) => byte ^ value)).toString('hex');
    for (const sql of ['SELECT mail FROM customers', 'EXPLAIN VERBOSE SELECT mail FROM customers', 'SELECT mail, secret FROM customers']) {
      for (const flags of [[], ['--json']]) {
        const { out } = await run('--as', 'reporter', ...flags, sql);
        expect(out).not.toMatch(new RegExp(`${pad(0x36)}|${pad(0x5c)}|nobody-may`));
      }
    }
    expect((await explained('SELECT mail FROM customers')).report['sent']).toContain('<key>');
  });

  it('runs nothing', async () => {
    expect((await run('--as', 'reporter', 'SELECT spend()')).code).toBe(0);
    expect(await server().sql('SELECT is_called FROM touched')).toEqual([{ is_called: false }]);
  });

  it('tells what mode Audit lets through, and exits with 0', async () => {
    const { code, report } = await explained('SELECT id, name FROM customers, staff', 'newcomer');
    expect({ code, decision: report['decision'] }).toEqual({ code: 0, decision: 'AuditOnly' });
    expect(JSON.stringify(report['statements'])).toContain('"granted":{"by":"AuditMode"}');
    expect(report.grant?.enough).toBe(true);
  });
});

describe('explain of what is refused', () => {
  it('prints every reason with its place, and the smallest grant', async () => {
    expect(await run('--as', 'reporter', 'SELECT c.secret,\n  s."Full Name" FROM customers c, staff s')).toEqual({
      code: 1,
      err: '',
      out: `refused
  reporter through default/shop: database postgres, role app
  policies  default/reporting

Select
  public.customers  (written customers, line 2, column 22)
    granted   by default/reporting; scoped
    visible   id, name
    masked    ssn: KeepLast 4
              mail: Hash
  42501  permission denied for relation "staff"  (line 2, column 35)
    detail    No policy in force grants it to this agent.
    hint      Relations that may be read: public.customers, public.orders.
  42501  permission denied for column "secret" of relation "public.customers"  (line 1, column 8)
    detail    No policy in force grants it to this agent.
    hint      Columns that may be read: id, name, ssn, mail.

the smallest grant that allows it
  spec:
    relations:
      - name: public.staff
        select:
          columns: ['"Full Name"']
      - name: public.customers
        select: # in default/reporting; its masks and its where stay
          columns: [id, name, secret]
`,
    });
  });

  it.each([
    ['SELECT count(*) FROM staff', { relations: [{ name: 'public.staff', select: { columns: ['id'] } }] }],
    ['SELECT * FROM staff s', { relations: [{ name: 'public.staff', select: { columns: ['id', '"Full Name"', 'salary'] } }] }],
    ['SELECT row_to_json(s) FROM staff s', { relations: [{ name: 'public.staff', select: { columns: ['id', '"Full Name"', 'salary'] } }] }],
    ['SELECT 1 FROM orders o JOIN staff USING (id)', { relations: [{ name: 'public.staff', select: { columns: ['id'] } }] }],
    ['COPY staff (salary) TO STDOUT', { relations: [{ name: 'public.staff', select: { columns: ['salary'] } }] }],
    [
      'SELECT name FROM customers WHERE EXISTS (SELECT FROM staff WHERE salary > customers.id)',
      { relations: [{ name: 'public.staff', select: { columns: ['salary'] } }] },
    ],
    ['SELECT note FROM orders', { relations: [{ name: 'public.orders', select: { columns: ['id', 'customer_id', 'amount', 'note'] } }] }],
    ['SELECT id FROM people', { relations: [{ name: 'public.people', select: { columns: ['id'] } }] }],
    ['SELECT own(name) FROM customers', { functions: [{ name: 'public.own' }] }],
    ['SELECT pg_sleep(1)', { functions: [{ name: 'pg_catalog.pg_sleep' }] }],
    ["SELECT similarity(name, 'x') FROM customers", { extensions: ['pg_trgm'] }],
    [
      'SELECT own(salary::text) FROM staff; SELECT "Full Name" FROM staff',
      { relations: [{ name: 'public.staff', select: { columns: ['"Full Name"', 'salary'] } }], functions: [{ name: 'public.own' }] },
    ],
  ])('suggests the least for %s, and with it the statement runs', async (sql, expected) => {
    const { code, report } = await explained(sql);
    expect({ code, enough: report.grant?.enough }).toEqual({ code: 1, enough: true });
    const spec = (parse(report.grant?.yaml ?? '') as { spec: Record<string, unknown> }).spec;
    expect(spec).toEqual(expected);
    const list = (text: unknown): string => JSON.stringify(text);
    const policy = POLICIES.split('---')[0]!;
    const granted = expected as { relations?: readonly { name: string }[]; functions?: readonly unknown[]; extensions?: readonly string[] };
    const more = (granted.relations ?? []).filter(({ name }) => name !== 'public.orders');
    // The grant as its reader would add it: to the list of relations, or in place of the columns that are there.
    const grown = `${policy.replace('[{ name: public.spend }]', list([...(granted.functions ?? []), { name: 'public.spend' }]))}
${more.map((relation) => `    - ${list(relation)}\n`).join('')}  extensions: ${list(granted.extensions ?? [])}\n`.replace(
      '[id, customer_id, amount]',
      sql.includes('note') ? '[id, customer_id, amount, note]' : '[id, customer_id, amount]',
    );
    await write(grown);
    try {
      expect(await run('--as', 'reporter', sql)).toMatchObject({ code: 0, err: '' });
    } finally {
      await write(POLICIES);
    }
  });

  it.each([
    ['SET search_path = pg_catalog; SELECT * FROM customers', 1],
    ["SELECT set_config('search_path', 'pg_catalog', false); SELECT * FROM customers", 1],
    ['SET search_path = pg_catalog; RESET ALL; SELECT * FROM customers', 0],
    ['PREPARE a AS SELECT mail FROM customers; EXECUTE a', 0],
    ['PREPARE a AS SELECT mail FROM customers; EXPLAIN EXECUTE a', 1],
    ['EXECUTE b', 1],
    ['BEGIN; DECLARE c CURSOR FOR SELECT id FROM customers; FETCH c; COMMIT', 0],
    ['WITH staff AS (SELECT id FROM customers) SELECT * FROM staff', 0],
    ['', 0],
    ['SELECT 1; SELECT id FROM customers; SELECT * FROM staff', 1],
  ])('has a reason in a statement exactly where %j is refused', async (sql, expected) => {
    const { code, report } = await explained(sql);
    const statements = report['statements'] as readonly { readonly reasons: readonly unknown[] }[];
    const reasons = statements.flatMap((statement) => statement.reasons);
    expect({ code, refused: reasons.length > 0, rest: report['reasons'] }).toEqual({ code: expected, refused: expected === 1, rest: [] });
  });

  it('warns of a view that shows what is masked', async () => {
    const { report } = await explained('SELECT ssn FROM people');
    expect(report.grant?.yaml).toContain('# caution: shows public.customers, which is masked or filtered: mask and filter it here too');
  });

  it.each([
    ['SELECT * FROM pg_authid', 'relation-refused'],
    ['SELECT FROM WHERE', 'syntax-error'],
    ['SELECT * FROM missing', 'relation-unknown'],
  ])('suggests nothing where no grant would help: %s', async (sql, code) => {
    const { code: exit, report } = await explained(sql);
    const reasons = [report['reasons'], report['statements']].flat(3);
    expect({ exit, grant: report.grant }).toEqual({ exit: 1, grant: undefined });
    expect(JSON.stringify(reasons)).toContain(`"code":"${code}"`);
  });

  it('says so where a grant alone is not enough', async () => {
    expect((await run('--as', 'reporter', "SELECT salary FROM staff; SET role = 'postgres'")).out).toContain(
      'the smallest grant, which alone is not enough',
    );
  });

  it('lets no statement forge a line', async () => {
    const { out } = await run('--as', 'reporter', 'SELECT 1 AS "\u001b[2J\u202e" FROM "a\nallowed"');
    expect(out).not.toMatch(/[^\P{C}\n]|^allowed/mu);
  });
});

describe('explain of what cannot be told', () => {
  it.each([
    [
      ['--as', 'reportr', 'SELECT 1'],
      'no policy names agent "reportr"; known agents: "former", "newcomer", "reporter"; did you mean "reporter"?',
    ],
    [['--as', 'former', 'SELECT 1'], 'no policy of agent "former" is in force now: "default/ended" (see spec.validity)'],
    [['--as', 'reporter', '--database', 'other', 'SELECT 1'], 'agent "reporter" has no database "other"; it has "postgres"'],
    [['--as', 'reporter'], 'one statement is needed, in quotes'],
    [['SELECT 1'], '--as is missing'],
    [['--wrong', 'SELECT 1'], "Unknown option '--wrong'"],
  ])('exits with 2 at %j', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`pg-airlock explain: ${message}`);
  });

  it('exits with 2 where the manifests have problems or the database is away, and names no password', async () => {
    await write(POLICIES.replace('mode: Audit', 'mode: Audti'));
    const broken = await run('--as', 'reporter', 'SELECT 1');
    await write(POLICIES);
    expect(broken.code).toBe(2);
    expect(broken.err).toMatch(/the manifests have problems\n {2}all.yaml:\d+: document 6, spec.mode: /);
    await server().halt();
    const away = await run('--as', 'reporter', 'SELECT 1');
    await server().start();
    expect(away.code).toBe(2);
    expect(away.err).toContain('could not connect to the database');
    expect(away.err).not.toContain('upstream-password');
  });
});

describe('pg-airlock explain', () => {
  it('is a command of its own, and ends', async () => {
    const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
    const args = [main, 'explain', '--manifests', directory(), '--as', 'reporter', 'SELECT secret FROM customers'];
    const ended = await new Promise<{ code: unknown; out: string }>((resolve) =>
      execFile(process.execPath, args, (error, out) => resolve({ code: error?.code, out })),
    );
    expect(ended.code).toBe(1);
    expect(ended.out).toMatch(/^refused\n/);
  });
});

describe('explain of a refused write', () => {
  it.each([
    ['DELETE FROM staff', ['    - name: public.staff', '      delete: {}']],
    [
      'INSERT INTO staff (id, salary) VALUES (1, 2) RETURNING id',
      ['    - name: public.staff', '      select:', '        columns: [id]', '      insert:', '        columns: [id, salary]'],
    ],
    [
      "UPDATE orders SET amount = 1, note = 'x' WHERE id = 1",
      [
        '    - name: public.orders',
        '      update: # in default/reporting; its masks and its where stay',
        '        columns: [amount, note]',
      ],
    ],
    [
      'SELECT id FROM orders WHERE id = 1 FOR UPDATE',
      ['    - name: public.orders', '      update: # in default/reporting; its masks and its where stay', '        columns: [id]'],
    ],
  ])('suggests the least that allows it: %s', async (sql, relations) => {
    const { report } = await explained(sql);
    expect(report.grant).toEqual({ yaml: `${['spec:', '  relations:', ...relations].join('\n')}\n`, enough: true });
  });
});
