/** `pg-airlock explain` of statements that write, and what it says of rules. */
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { explainCommand } from '../../cli/explain.ts';
import { useCli } from './use-cli.ts';

const SCHEMA = `
  CREATE TABLE customers (id int PRIMARY KEY, name text, mail text, phone text);
  CREATE TABLE orders (id int PRIMARY KEY, customer_id int, region text, amount int, status text);
  CREATE TABLE items (order_id int, sku text, quantity int, PRIMARY KEY (order_id, sku))`;

const POLICIES = `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: clerks }
spec:
  connectionRef: { name: shop }
  subjects: [{ agent: { name: clerk, passwordSecretRef: { name: agents } } }]
  relations:
    - name: public.customers
      select: { columns: [id, name], masks: [{ column: mail, mask: { type: Email } }] }
      update: { columns: [mail] }
    - name: public.orders
      where: region = 'eu'
      select: { columns: [id, region, status] }
      insert: { columns: [id, region] }
      update: { columns: [status] }
  rules:
    - { name: no-mass-change, match: { statements: [Update, Delete], withoutWhere: true }, action: Deny }
    - { name: few-rows, match: { statements: [Update], rowsAffectedOver: 5 }, action: Deny }
    - { name: noted, match: { relations: [public.customers] }, action: Audit }
`;

const { run } = useCli(explainCommand, SCHEMA, POLICIES);

const explained = async (sql: string) => {
  const { code, out, err } = await run('--as', 'clerk', '--json', sql);
  expect(err).toBe('');
  return { code, report: JSON.parse(out) as Record<string, unknown> & { grant?: { yaml: string; enough: boolean } } };
};

describe('explain of a write', () => {
  it('prints what is written and read there, and the rules that count', async () => {
    const { code, out } = await run('--as', 'clerk', "UPDATE orders SET status = 'paid' WHERE id = 2");
    const [told, sent] = out.split('\nsent\n');
    expect(code).toBe(0);
    expect(told).toBe(`allowed
  clerk through default/shop: database postgres, role app
  policies  default/clerks

Update
  public.orders  (written orders, line 1, column 8)
    granted   by default/clerks; UPDATE stands as it is
    sets      status
    visible   id, region, status
    rows      region = 'eu'
  while it runs: rule few-rows (Deny): more than 5 rows affected
`);
    expect(sent).toContain(`UPDATE "public"."orders" SET status = 'paid' WHERE ("orders".region = 'eu') AND ( id = 2)`);
  });

  it('names the rule that refuses and what met it', async () => {
    expect(await run('--as', 'clerk', "UPDATE orders SET status = 'x' WHERE 1 = 1")).toEqual({
      code: 1,
      err: '',
      out: `refused
  clerk through default/shop: database postgres, role app
  policies  default/clerks

Update
  public.orders  (written orders, line 1, column 8)
    granted   by default/clerks; UPDATE stands as it is
    sets      status
    visible   id, region, status
    rows      region = 'eu'
  rule no-mass-change of default/clerks (Deny)
    fact      The statement is UPDATE and has no WHERE clause that leaves a row out.
  42501  permission denied by rule "no-mass-change"
    detail    The statement is UPDATE and has no WHERE clause that leaves a row out. Rule "no-mass-change" of policy default/clerks refuses that.
    hint      Add a WHERE clause that names the rows that are meant.
`,
    });
  });

  it('names a rule that only marks the record', async () => {
    const { code, report } = await explained('SELECT name FROM customers');
    const [statement] = report['statements'] as readonly { readonly rules: unknown }[];
    expect({ code, rules: statement?.rules }).toEqual({
      code: 0,
      rules: {
        decided: { rule: 'noted', policy: 'default/clerks', action: 'Audit', fact: 'The statement touches public.customers.' },
        later: [],
      },
    });
  });

  it('has the masks of what it writes', async () => {
    const { report } = await explained("UPDATE customers SET mail = 'a@b.example' WHERE id = 1");
    const [statement] = report['statements'] as readonly { readonly targets: unknown }[];
    expect(statement?.targets).toEqual([
      {
        name: 'public.customers',
        written: 'customers',
        at: { line: 1, column: 8 },
        command: 'Update',
        policy: 'default/clerks',
        inserts: [],
        updates: ['mail'],
        readable: ['id', 'name'],
        masked: [{ column: 'mail', mask: 'Email' }],
      },
    ]);
  });
});

describe('explain of a refused write', () => {
  const orders = (grant: Record<string, unknown>) => ({ relations: [{ name: 'public.orders', ...grant }] });
  const items = (grant: Record<string, unknown>) => ({ relations: [{ name: 'public.items', ...grant }] });

  it.each([
    ["UPDATE orders SET status = 'x', amount = 1 WHERE id = 2", orders({ update: { columns: ['amount', 'status'] } })],
    [
      'UPDATE orders SET (amount, customer_id) = (SELECT 1, 2) WHERE id = 2',
      orders({ update: { columns: ['customer_id', 'amount', 'status'] } }),
    ],
    ["UPDATE orders SET status = 'x' WHERE amount > 3", orders({ select: { columns: ['id', 'region', 'amount', 'status'] } })],
    [
      'UPDATE orders o SET amount = o.amount + 1 WHERE id = 2',
      orders({ select: { columns: ['id', 'region', 'amount', 'status'] }, update: { columns: ['amount', 'status'] } }),
    ],
    ['DELETE FROM orders WHERE id = 2', orders({ delete: {} })],
    ['WITH gone AS (DELETE FROM orders WHERE id = 2 RETURNING id) SELECT * FROM gone', orders({ delete: {} })],
    ["INSERT INTO orders (id, region, amount) VALUES (1, 'eu', 2)", orders({ insert: { columns: ['id', 'region', 'amount'] } })],
    ["INSERT INTO orders VALUES (1, 2, 'eu')", orders({ insert: { columns: ['id', 'customer_id', 'region'] } })],
    ['INSERT INTO items DEFAULT VALUES', items({ insert: { columns: ['order_id'] } })],
    ['COPY items (sku, quantity) FROM STDIN', items({ insert: { columns: ['sku', 'quantity'] } })],
    [
      "INSERT INTO items VALUES (1, 'a', 2) ON CONFLICT (order_id, sku) DO UPDATE SET quantity = items.quantity + 1",
      items({
        select: { columns: ['order_id', 'sku', 'quantity'] },
        insert: { columns: ['order_id', 'sku', 'quantity'] },
        update: { columns: ['quantity'] },
      }),
    ],
    [
      'MERGE INTO items i USING orders o ON i.order_id = o.id WHEN MATCHED THEN DELETE',
      items({ select: { columns: ['order_id'] }, delete: {} }),
    ],
    [
      'SELECT id FROM items i JOIN orders o ON o.id = 1 FOR UPDATE OF i',
      items({ select: { columns: ['order_id'] }, update: { columns: ['order_id'] } }),
    ],
    ['DELETE FROM items USING orders o WHERE o.id = items.order_id', items({ select: { columns: ['order_id'] }, delete: {} })],
    [
      'UPDATE customers SET name = upper(mail) WHERE id = 1',
      { relations: [{ name: 'public.customers', update: { columns: ['name', 'mail'] } }] },
    ],
    [
      'CREATE TABLE public.notes (id int PRIMARY KEY, order_id int)',
      {
        rules: [
          {
            name: 'allow-create-table',
            match: { statements: ['Create'], objects: ['Table'], relations: ['public.notes'] },
            action: 'Allow',
          },
        ],
      },
    ],
    [
      'CREATE TABLE "My Notes" (id int); CREATE INDEX ON "My Notes" (id)',
      {
        rules: [
          {
            name: 'allow-create-table',
            match: { statements: ['Create'], objects: ['Table'], relations: ['public."My Notes"'] },
            action: 'Allow',
          },
          {
            name: 'allow-create-index',
            match: { statements: ['Create'], objects: ['Index'], relations: ['public."My Notes"'] },
            action: 'Allow',
          },
        ],
      },
    ],
    [
      'CREATE SCHEMA drafts',
      {
        rules: [
          { name: 'allow-create-schema', match: { statements: ['Create'], objects: ['Schema'], schemas: ['drafts'] }, action: 'Allow' },
        ],
      },
    ],
  ])('suggests the least for %s, and has tried it', async (sql, expected) => {
    const { code, report } = await explained(sql);
    const spec = (parse(report.grant?.yaml ?? '') as { spec?: unknown } | null)?.spec;
    expect({ code, spec, enough: report.grant?.enough }).toEqual({ code: 1, spec: expected, enough: true });
  });

  it.each(["UPDATE orders SET status = 'x'", "COPY orders FROM '/tmp/x'"])('suggests no grant where none helps: %s', async (sql) => {
    const { code, report } = await explained(sql);
    expect({ code, grant: report.grant }).toEqual({ code: 1, grant: undefined });
  });

  it('says that a rule alone does not open what empties a filtered relation', async () => {
    expect((await explained('TRUNCATE orders')).report.grant?.enough).toBe(false);
  });

  it('says what stands against it as well', async () => {
    const { grant } = (await explained('DELETE FROM orders')).report;
    expect(grant).toMatchObject({ enough: false, rest: { code: 'rule-refused', message: 'permission denied by rule "no-mass-change"' } });
    expect((await run('--as', 'clerk', 'DELETE FROM orders')).out).toMatch(
      /what refuses it then\n {2}42501 {2}permission denied by rule "no-mass-change"\n/,
    );
  });
});
