/** A filtered or masked relation keeps its indexes: what an agent sends has the plan that it has directly, with the filter written out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { grant } from '../support/small-catalog.ts';
import { openRewriting, type Rewriting } from './rewriting.ts';

const SCHEMA = `
  CREATE UNLOGGED TABLE customers (id int, name text, email text, city text);
  INSERT INTO customers SELECT i, 'name ' || i, 'user' || i || '@example.org', 'city ' || i % 50 FROM generate_series(1, 10000) i;
  ALTER TABLE customers ADD PRIMARY KEY (id);
  CREATE UNLOGGED TABLE events (id bigint, customer_id int, day date, at timestamptz, amount numeric, note text, tenant int, secret text);
  INSERT INTO events SELECT i, i % 10000 + 1, date '2020-01-01' + i % 1500, timestamptz '2020-01-01' + i * interval '1 minute', i % 977, 'note ' || i, i % 3, 'hidden'
    FROM generate_series(1, 1000000) i;
  ALTER TABLE events ADD PRIMARY KEY (id);
  CREATE INDEX events_customer ON events (customer_id); CREATE INDEX events_day ON events (day); CREATE INDEX events_at ON events (at);
  CREATE INDEX events_note ON events (note text_pattern_ops); CREATE INDEX events_amount ON events (amount);
  ANALYZE customers; ANALYZE events`;

const FILTER = `(e.tenant = 1)`;

/** What is sent through the proxy, and the same with the filter written out. */
const KEPT: readonly (readonly [string, string])[] = [
  ['SELECT * FROM events e WHERE id = 4711', `SELECT * FROM events e WHERE id = 4711 AND ${FILTER}`],
  ['SELECT e.note FROM events e WHERE e.id IN (1, 5, 7)', `SELECT e.note FROM events e WHERE e.id IN (1, 5, 7) AND ${FILTER}`],
  [
    "SELECT note, 1 / (amount - 5), secret FROM events e WHERE day BETWEEN '2021-01-01' AND '2021-01-03'",
    `SELECT note, 1 / (amount - 5), secret FROM events e WHERE day BETWEEN '2021-01-01' AND '2021-01-03' AND ${FILTER}`,
  ],
  [
    "SELECT count(*) FROM events e WHERE at > now() - interval '7 days'",
    `SELECT count(*) FROM events e WHERE at > now() - interval '7 days' AND ${FILTER}`,
  ],
  ['SELECT * FROM events e WHERE amount = 12.5', `SELECT * FROM events e WHERE amount = 12.5 AND ${FILTER}`],
  ["SELECT * FROM events e WHERE note LIKE 'note 47%'", `SELECT * FROM events e WHERE note LIKE 'note 47%' AND ${FILTER}`],
  [
    'SELECT c.name, e.day FROM customers c JOIN events e ON e.customer_id = c.id WHERE c.id = 42',
    `SELECT c.name, e.day FROM customers c JOIN events e ON e.customer_id = c.id WHERE c.id = 42 AND ${FILTER}`,
  ],
  [
    'SELECT c.name, c.email FROM events e JOIN customers c ON c.id = e.customer_id WHERE e.id = 42',
    `SELECT c.name, c.email FROM events e JOIN customers c ON c.id = e.customer_id WHERE e.id = 42 AND ${FILTER}`,
  ],
  [
    'SELECT c.name, count(e.id) FROM customers c LEFT JOIN events e ON e.customer_id = c.id WHERE c.id < 4 GROUP BY c.name HAVING count(e.id) > 1',
    `SELECT c.name, count(e.id) FROM customers c LEFT JOIN events e ON e.customer_id = c.id AND ${FILTER} WHERE c.id < 4 GROUP BY c.name HAVING count(e.id) > 1`,
  ],
  ['SELECT * FROM events e ORDER BY at DESC LIMIT 10', `SELECT * FROM events e WHERE ${FILTER} ORDER BY at DESC LIMIT 10`],
  [
    'SELECT upper(note) FROM events e WHERE day > current_date - 3000 ORDER BY id LIMIT 5 OFFSET 3',
    `SELECT upper(note) FROM events e WHERE day > current_date - 3000 AND ${FILTER} ORDER BY id LIMIT 5 OFFSET 3`,
  ],
  [
    'WITH recent AS (SELECT id, customer_id FROM events e WHERE id < 20) SELECT c.name FROM recent JOIN customers c ON c.id = recent.customer_id',
    `WITH recent AS (SELECT id, customer_id FROM events e WHERE id < 20 AND ${FILTER}) SELECT c.name FROM recent JOIN customers c ON c.id = recent.customer_id`,
  ],
  [
    'SELECT name FROM customers c WHERE id < 5 AND EXISTS (SELECT 1 FROM events e WHERE e.customer_id = c.id)',
    `SELECT name FROM customers c WHERE id < 5 AND EXISTS (SELECT 1 FROM events e WHERE e.customer_id = c.id AND ${FILTER})`,
  ],
  [
    'SELECT name FROM customers c WHERE id IN (SELECT customer_id FROM events e WHERE e.id < 9)',
    `SELECT name FROM customers c WHERE id IN (SELECT customer_id FROM events e WHERE e.id < 9 AND ${FILTER})`,
  ],
  [
    'SELECT (SELECT max(at) FROM events e WHERE e.customer_id = c.id) FROM customers c WHERE c.id = 3',
    `SELECT (SELECT max(at) FROM events e WHERE e.customer_id = c.id AND ${FILTER}) FROM customers c WHERE c.id = 3`,
  ],
  [
    'SELECT s.n FROM (SELECT id AS n, note FROM events e UNION ALL SELECT id, note FROM events e) s WHERE s.n = 9',
    `SELECT s.n FROM (SELECT id AS n, note FROM events e WHERE ${FILTER} UNION ALL SELECT id, note FROM events e WHERE ${FILTER}) s WHERE s.n = 9`,
  ],
  // Masked only: there is no fence.
  ['SELECT name, email FROM customers c WHERE id = 7', 'SELECT name, email FROM customers c WHERE id = 7'],
  [
    'SELECT name FROM customers c WHERE id BETWEEN 5 AND 9 AND 1 / id > 0',
    'SELECT name FROM customers c WHERE id BETWEEN 5 AND 9 AND 1 / id > 0',
  ],
  ['SELECT email FROM customers c ORDER BY id LIMIT 3', 'SELECT email FROM customers c ORDER BY id LIMIT 3'],
];

/** Not all is harmless, and the index is used behind the fence. */
const REPEATED: readonly (readonly [string, string])[] = [
  ["SELECT * FROM events e WHERE id = 4711 AND lower(note) LIKE '%7%'", '(id = 4711)'],
  ["SELECT * FROM events e WHERE day = '2021-01-01' AND 1 / (amount - 5) > 0", "(day = '2021-01-01'::date)"],
  ['SELECT c.name FROM customers c JOIN events e ON e.customer_id = c.id AND e.id = 5 WHERE upper(c.name) = e.note', '(id = 5)'],
  ['SELECT c.name FROM customers c LEFT JOIN events e ON e.customer_id = c.id WHERE e.id = 5 AND length(c.name || e.note) > 5', '(id = 5)'],
  ['SELECT c.name FROM customers c WHERE EXISTS (SELECT FROM events e WHERE e.id = 5 AND length(e.note) > c.id)', '(id = 5)'],
  [
    'SELECT row_number() OVER (ORDER BY id) FROM events e WHERE customer_id = ANY (ARRAY[1, 2]) AND note ~ $$1$$',
    "(customer_id = ANY ('{1,2}'::integer[]))",
  ],
];

type Plan = { readonly [field: string]: unknown };

/** Node types, indexes and their conditions, without the names of relations. */
const shapeOf = (plan: Plan): unknown => {
  const bare = (value: unknown): unknown => (typeof value === 'string' ? value.replaceAll(/\b[a-z]\w*\./g, '') : value);
  const children = (plan.Plans ?? []) as readonly Plan[];
  return [plan['Node Type'], plan['Relation Name'], plan['Index Name'], bare(plan['Index Cond']), ...children.map(shapeOf)].filter(
    (part) => part !== undefined,
  );
};

let server: TestPostgres;
let rewriting: Rewriting;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_parallel_workers_per_gather: '0' } });
  await server.sql(SCHEMA);
  rewriting = await openRewriting(server, 'postgres', [
    grant('events', { where: 'tenant = 1', select: { columns: '*', masks: [{ column: 'secret', mask: { type: 'Redact' } }] } }),
    grant('customers', { select: { columns: '*', masks: [{ column: 'email', mask: { type: 'Email' } }] } }),
  ]);
}, 120_000);
afterAll(async () => {
  await rewriting.end();
  await server.stop('immediate');
});

const explain = async (sql: string): Promise<Plan> => {
  const { rows } = await rewriting.client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(`EXPLAIN (FORMAT JSON, COSTS OFF) ${sql}`);
  return rows[0]!['QUERY PLAN'][0]!.Plan;
};

describe('on a million rows', () => {
  it.each(KEPT)('keeps the plan of %s', async (sql, direct) => {
    expect(shapeOf(await explain(await rewriting.sent(sql)))).toEqual(shapeOf(await explain(direct)));
  });

  it.each(REPEATED)('finds by index what is asked with other conditions: %s', async (sql, condition) => {
    const sent = await rewriting.sent(sql);
    expect(sent).toContain('OFFSET 0');
    expect(JSON.stringify(shapeOf(await explain(sent)))).toContain(condition);
  });

  it('keeps the plan of a prepared statement', async () => {
    const sent = await rewriting.sent('PREPARE found (bigint) AS SELECT note FROM events WHERE id = $1');
    expect(sent).not.toContain('OFFSET 0');
    await rewriting.client.query(sent);
    expect(shapeOf(await explain('EXECUTE found (5)'))).toEqual(['Index Scan', 'events', 'events_pkey', "(id = '5'::bigint)"]);
  });
});
