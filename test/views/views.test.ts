/** Views and materialized views over relations of which the policy hides a part, each column traced to where it comes from. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const SCHEMA = `
CREATE TABLE customers (id int PRIMARY KEY, name text, ssn varchar(11), email text, salary int, region text, secret text);
INSERT INTO customers VALUES (1, 'Ann', '111-22-3333', 'ann@one.example', 1000, 'north', 'S1'), (2, 'Bob', '444-55-6666', 'bob@two.example', 2000, 'south', 'S2');
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, amount int);
INSERT INTO orders VALUES (10, 1, 100), (11, 2, 200);
CREATE TABLE tickets (id int PRIMARY KEY, tenant int, subject text);
INSERT INTO tickets VALUES (1, 1, 'mine'), (2, 2, 'theirs');
CREATE TABLE payroll (national_no varchar(11), pay int);
INSERT INTO payroll VALUES ('111-22-3333', 5);
CREATE TABLE guesses (guess varchar(11));
CREATE FUNCTION ssn_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.customers WHERE id = $1';

CREATE VIEW plain AS SELECT id, name, ssn FROM customers;
CREATE VIEW renamed (a, b, "C d") AS SELECT id, ssn, email FROM customers;
CREATE VIEW second AS SELECT * FROM renamed;
CREATE VIEW third AS SELECT x."C d" AS mail, x.b AS number, o.amount FROM second x JOIN orders o ON o.customer_id = x.a;
CREATE VIEW nested AS WITH c AS (SELECT id, ssn FROM customers) SELECT s.ssn AS v, s.id FROM (SELECT ssn, id FROM c WHERE id > 0) s;
CREATE VIEW unions AS SELECT id, ssn AS v FROM customers UNION ALL SELECT id, 'none' FROM orders;
CREATE VIEW mixed_masks AS SELECT ssn AS v FROM customers UNION ALL SELECT email FROM customers;
CREATE VIEW joined AS SELECT * FROM customers NATURAL JOIN (SELECT id, ssn FROM customers) again;
CREATE VIEW scalar AS SELECT o.id, (SELECT c.ssn FROM customers c WHERE c.id = o.customer_id) AS v FROM orders o;
CREATE VIEW casts AS SELECT id, ssn::text AS t, ssn::varchar(8) AS cut, email::varchar(40) AS m FROM customers;
CREATE VIEW computed AS SELECT id, right(ssn, 4) AS tail, upper(name) AS upper, ssn IS NULL AS missing, 'x' AS constant, c.*::customers AS row,
  row_number() OVER (ORDER BY salary) AS rank, row_number() OVER w AS named, EXISTS (SELECT 1 FROM customers d WHERE d.id = c.id AND d.salary > 1500) AS rich
  FROM customers c WINDOW w AS (ORDER BY salary DESC);
CREATE VIEW sums AS SELECT region, sum(salary) AS sum, count(*) AS n FROM customers GROUP BY region;
CREATE VIEW rich AS SELECT id, name FROM customers WHERE salary > 1500;
CREATE VIEW linked AS SELECT c.id, p.national_no, p.pay FROM customers c JOIN payroll p ON p.national_no = c.ssn;
CREATE VIEW guessed AS SELECT c.id FROM customers c JOIN guesses g ON c.ssn LIKE g.guess;
CREATE VIEW asked AS SELECT id FROM customers WHERE ssn = current_setting('application_name');
CREATE VIEW read_by_function AS SELECT id, ssn_of(id) AS v FROM customers;
CREATE VIEW function_only AS SELECT id, ssn_of(customer_id) AS v FROM orders;
CREATE VIEW statistics AS SELECT attname, most_common_vals::text AS v FROM pg_stats WHERE tablename = 'customers';
CREATE RECURSIVE VIEW chain (id, v) AS SELECT id, ssn::text FROM customers WHERE id = 1 UNION ALL SELECT chain.id + 1, chain.v FROM chain WHERE chain.id < 2;
CREATE MATERIALIZED VIEW stored AS SELECT id, name, ssn, secret FROM customers;
CREATE VIEW unmentioned AS SELECT national_no FROM payroll;
CREATE VIEW my_tickets AS SELECT t.id AS number, t.tenant AS owner, t.subject FROM tickets t JOIN orders o ON true;
CREATE VIEW ticket_subjects AS SELECT subject FROM tickets;
CREATE VIEW ticket_count AS SELECT count(*) AS n FROM tickets;
CREATE VIEW ticket_outer AS SELECT o.id, t.tenant, t.subject FROM orders o LEFT JOIN tickets t ON t.id = o.id;
CREATE VIEW ticket_self AS WITH x AS (SELECT id, tenant, subject FROM tickets) SELECT a.tenant, b.subject FROM x a CROSS JOIN x b;
CREATE VIEW mine_of_view AS SELECT owner AS who, subject FROM my_tickets WHERE number > 0;
CREATE VIEW writable AS SELECT id, name, ssn FROM customers;
CREATE VIEW order_view AS SELECT * FROM orders;
CREATE VIEW diverted AS SELECT * FROM orders;
CREATE RULE diverted_insert AS ON INSERT TO diverted DO INSTEAD DELETE FROM orders WHERE id = NEW.id;
`;

const BASES = `
    - name: public.customers
      select:
        columns: [id, name, region]
        masks:
          - { column: ssn, mask: { type: KeepLast, keepLast: { characters: 4 } } }
          - { column: email, mask: { type: Email } }
          - { column: salary, mask: { type: 'Null' } }
    - { name: public.orders, select: { columns: ['*'] } }
    - { name: public.tickets, where: tenant = 1 -- theirs, select: { columns: ['*'] } }
    - { name: public.guesses, select: { columns: ['*'] }, insert: { columns: ['*'] } }
`.replace('tenant = 1 -- theirs', 'tenant = 1');

const VIEWS = (
  'plain renamed second third nested unions mixed_masks joined scalar casts computed sums rich linked guessed asked read_by_function function_only ' +
  'statistics chain stored unmentioned my_tickets ticket_subjects ticket_count ticket_outer ticket_self mine_of_view'
).split(' ');

const EACH = VIEWS.map((name) => `    - { name: public.${name}, select: { columns: ['*'] } }\n`).join('');

describe.each([18, 15, 14] as const)('views on PostgreSQL %i', (version) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      version,
      schema: SCHEMA,
      policies: {
        whole: `${BASES}${EACH}
    - { name: public.writable, select: { columns: ['*'] }, insert: { columns: ['*'] }, update: { columns: ['*'] }, delete: {} }
    - { name: public.order_view, select: { columns: ['*'] }, update: { columns: ['*'] } }
    - { name: public.diverted, select: { columns: ['*'] }, insert: { columns: ['*'] } }
`,
        listed: `${BASES}
    - { name: public.stored, select: { columns: [id, ssn, secret] } }
    - { name: public.computed, select: { columns: [id, tail], masks: [{ column: upper, mask: { type: Constant, constant: { value: U } } }] } }
    - { name: public.ticket_subjects, beneath: Ignore, where: subject <> 'theirs', select: { columns: ['*'] } }
    - { name: public.sums, beneath: Ignore, select: { columns: ['*'] } }
    - { name: public.my_tickets, where: number > 1, select: { columns: ['*'] } }
`,
      },
    });
  }, 120_000);
  afterAll(() => world.stop());

  const shown: readonly (readonly [string, readonly (readonly (string | null)[])[]])[] = [
    ['SELECT * FROM plain WHERE id = 1', [['1', 'Ann', '***3333']]],
    [`SELECT id FROM plain WHERE ssn LIKE '111%'`, []],
    ['SELECT * FROM renamed WHERE a = 1', [['1', '***3333', '***@one.example']]],
    ['SELECT * FROM second WHERE a = 2', [['2', '***6666', '***@two.example']]],
    [
      'SELECT * FROM third ORDER BY amount',
      [
        ['***@one.example', '***3333', '100'],
        ['***@two.example', '***6666', '200'],
      ],
    ],
    [
      'SELECT * FROM nested ORDER BY id',
      [
        ['***3333', '1'],
        ['***6666', '2'],
      ],
    ],
    ['SELECT v FROM unions ORDER BY id', [['***3333'], ['***6666'], ['***'], ['***']]],
    ['SELECT DISTINCT v FROM mixed_masks', [[null]]],
    [
      'SELECT id, ssn, email, salary FROM joined ORDER BY id',
      [
        ['1', '***3333', '***@one.example', null],
        ['2', '***6666', '***@two.example', null],
      ],
    ],
    [
      'SELECT * FROM scalar ORDER BY id',
      [
        ['10', '***3333'],
        ['11', '***6666'],
      ],
    ],
    ['SELECT * FROM casts WHERE id = 1', [['1', '***3333', null, null]]],
    [
      'SELECT id, tail, upper, missing, constant, rank, named, rich FROM computed WHERE id = 1',
      [['1', null, 'ANN', null, 'x', null, null, null]],
    ],
    [
      'SELECT * FROM sums ORDER BY region',
      [
        ['north', null, '1'],
        ['south', null, '1'],
      ],
    ],
    ['SELECT * FROM rich', [['2', 'Bob']]],
    ['SELECT * FROM linked', [['1', null, '5']]],
    ['SELECT * FROM read_by_function WHERE id = 1', [['1', null]]],
    ['SELECT * FROM function_only WHERE id = 10', [['10', null]]],
    ['SELECT DISTINCT v FROM statistics', []],
    [
      'SELECT * FROM chain ORDER BY id',
      [
        ['1', '***3333'],
        ['2', '***3333'],
      ],
    ],
    ['SELECT * FROM stored WHERE id = 1', [['1', 'Ann', '***3333']]],
    ['SELECT * FROM unmentioned', [['111-22-3333']]],
    ['SELECT DISTINCT * FROM my_tickets', [['1', '1', 'mine']]],
    ['SELECT DISTINCT * FROM mine_of_view', [['1', 'mine']]],
  ];
  it.each(shown)('shows %s', async (sql, rows) => {
    expect(await world.ask('whole', sql)).toEqual(rows);
  });

  it.each(['ticket_subjects', 'ticket_count', 'ticket_outer', 'ticket_self', 'guessed', 'asked'])(
    'refuses %s, and says why',
    async (view) => {
      const answer = await world.ask('whole', `SELECT * FROM ${view}`);
      expect(answer).toMatch(/^the policy for relation|The grant cannot be applied: its? .*\./);
    },
  );

  it('hides what is not granted beneath it where a star brings it, and shows it where the view’s own grant names it', async () => {
    expect(await world.ask('whole', 'SELECT secret FROM stored')).toContain('permission denied for column "secret"');
    expect(await world.ask('whole', 'SELECT "row" FROM computed')).toContain('permission denied for column "row"');
    expect(await world.ask('listed', 'SELECT id, ssn, secret FROM stored WHERE id = 1')).toEqual([['1', '***3333', 'S1']]);
  });

  it('takes the masks of a view’s own grant, and keeps those beneath it', async () => {
    expect(await world.ask('listed', 'SELECT * FROM computed WHERE id = 1')).toEqual([['1', null, 'U']]);
  });

  it('shows what an author states to be enough', async () => {
    expect(await world.ask('listed', 'SELECT * FROM ticket_subjects')).toEqual([['mine']]);
    expect(await world.ask('listed', 'SELECT sum FROM sums ORDER BY sum')).toEqual([['1000'], ['2000']]);
    expect(await world.ask('listed', 'SELECT * FROM my_tickets')).toEqual([]);
  });

  it('writes through a view only where the tables beneath it are granted whole for that', async () => {
    expect(await world.ask('whole', `UPDATE writable SET name = 'x'`)).toContain('customers');
    expect(await world.ask('whole', 'UPDATE order_view SET amount = 1')).toContain('orders');
    expect(await world.ask('whole', 'INSERT INTO diverted VALUES (10, 1, 1)')).toContain('INSTEAD OF');
  });
});
