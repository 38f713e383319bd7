/** What the rows of a definition tell: of a masked value by which or how many there are, of a row filter by what stands for its column. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

/** `x` would be the masked value, or what is made of it. */
const MADE_OF_MASKED: Readonly<Record<string, string>> = {
  series_beside: 'SELECT c.id, g AS x FROM customers c JOIN generate_series(1, 100) g ON g = c.salary',
  series_above: 'SELECT c.id, g AS x FROM customers c JOIN generate_series(1, 100) g ON g BETWEEN c.salary AND c.salary',
  bands: `SELECT c.id, b.name AS x FROM customers c JOIN (VALUES ('low', 0, 7), ('high', 8, 99)) b(name, low, high) ON c.salary BETWEEN b.low AND b.high`,
  bands_of_selects: `SELECT c.id, b.name AS x FROM customers c JOIN (SELECT 6 AS n, 'low' AS name UNION ALL SELECT 9, 'high') b ON b.n = c.salary`,
  bands_of_recursion: `WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 99) SELECT c.id, r.n AS x FROM customers c JOIN r ON r.n = c.salary`,
  ordinality: `SELECT c.id, u.o AS x FROM customers c, unnest(ARRAY['public', 'zecret']) WITH ORDINALITY u(v, o) WHERE u.v = c.ssn`,
  letters: `SELECT c.id, string_agg(l.v, '' ORDER BY p) AS x FROM customers c CROSS JOIN generate_series(1, 6) p,
    LATERAL (SELECT chr(n) AS v FROM generate_series(97, 122) n WHERE chr(n) = substr(c.ssn, p, 1)) l GROUP BY c.id`,
  counted: 'SELECT c.id, (SELECT count(*) FROM generate_series(1, c.salary)) AS x FROM customers c',
  counted_letters: `SELECT c.id, (SELECT count(*) FROM regexp_split_to_table(c.ssn, '')) AS x FROM customers c`,
  counted_in_list: 'SELECT c.id, (SELECT count(*) FROM (SELECT generate_series(1, c.salary)) q) AS x FROM customers c',
  counted_beside: 'SELECT c.id, l.n AS x FROM customers c, LATERAL (SELECT count(*) AS n FROM generate_series(1, c.salary)) l',
  counted_below:
    'SELECT c.id, l.n AS x FROM customers c, LATERAL (SELECT count(*) AS n FROM generate_series(1, 99) g WHERE g <= c.salary) l',
  counted_orders: 'SELECT c.id, l.n AS x FROM customers c, LATERAL (SELECT count(*) AS n FROM orders o WHERE o.id <= c.salary) l',
  grouped: 'SELECT c.id, count(*) AS x FROM customers c, generate_series(1, c.salary) GROUP BY c.id',
  grouped_below: 'SELECT c.id, count(c.id) AS x FROM customers c JOIN generate_series(1, 99) g ON g <= c.salary GROUP BY c.id',
  exists: `SELECT c.id, EXISTS (SELECT 1 FROM regexp_matches(c.ssn, '^z')) AS x FROM customers c`,
};

/** Rows that are there where a guess is right. */
const ORACLES: Readonly<Record<string, string>> = {
  function_in_from: 'SELECT c.id FROM customers c, guesses g, regexp_matches(c.ssn, g.guess)',
  function_in_list: 'SELECT q.id FROM (SELECT c.id, regexp_matches(c.ssn, g.guess) FROM customers c, guesses g) q',
  limit: 'SELECT c.id FROM customers c LIMIT (SELECT count(*) FROM customers d, guesses g WHERE d.ssn ~ g.guess)',
  offset: 'SELECT c.id FROM customers c, guesses OFFSET (SELECT count(*) FROM customers d, guesses g WHERE d.ssn ~ g.guess)',
  setting: `SELECT c.id FROM customers c, regexp_matches(c.ssn, current_setting('application_name'))`,
  sample: 'SELECT c.id FROM customers c TABLESAMPLE BERNOULLI ((SELECT 100 * count(*) FROM customers d, guesses g WHERE d.ssn ~ g.guess))',
  limit_of_union:
    'SELECT c.id FROM customers c UNION ALL SELECT id FROM orders LIMIT (SELECT count(*) FROM customers d, guesses g WHERE d.ssn ~ g.guess)',
  limit_of_values: 'VALUES (1), (2) LIMIT (SELECT count(*) FROM customers d, guesses g WHERE d.ssn ~ g.guess)',
};

/** A row filter on `tenant`, whose column is not shown as it stands in each row. */
const FILTERED: Readonly<Record<string, string>> = {
  coalesced: 'SELECT id, COALESCE(tenant, 1) AS tenant, subject FROM tickets',
  coalesced_beside: 'SELECT t.id, l.tenant, t.subject FROM tickets t, LATERAL (SELECT COALESCE(t.tenant, 1) AS tenant) l',
  united_beside: 'SELECT t.id, l.tenant, t.subject FROM tickets t, LATERAL (SELECT t.tenant UNION ALL SELECT 1) l',
  listed:
    'SELECT v.a AS id, v.b AS tenant, v.c AS subject FROM tickets t, LATERAL (VALUES (t.id, t.tenant, t.subject), (t.id, 1, t.subject)) v(a, b, c)',
  selected: 'SELECT t.id, (SELECT t.tenant WHERE t.id < 2) AS tenant, t.subject FROM tickets t',
  intersected: 'SELECT id, tenant, subject FROM tickets INTERSECT SELECT id, tenant, subject FROM tickets',
  left_over: 'SELECT id, tenant, subject FROM old_tickets EXCEPT SELECT id, tenant, subject FROM tickets',
  united_with_all: 'SELECT id, tenant, subject FROM tickets UNION ALL SELECT id, customer_id, NULL FROM orders',
  united_otherwise: 'SELECT id, tenant, subject FROM tickets UNION ALL SELECT tenant, id, subject FROM old_tickets',
  united_with_other_filter: 'SELECT id, tenant, subject FROM tickets UNION ALL SELECT id, tenant, subject FROM new_tickets',
  united_and_limited: 'SELECT id, tenant, subject FROM tickets UNION ALL SELECT id, tenant, subject FROM old_tickets ORDER BY 1 LIMIT 1',
  united_with_limited: 'SELECT id, tenant, subject FROM tickets UNION ALL (SELECT id, tenant, subject FROM old_tickets LIMIT 1)',
  distinct_on: 'SELECT DISTINCT ON (subject) id, tenant, subject FROM tickets',
  distinct_of_numbered: 'SELECT DISTINCT row_number() OVER (ORDER BY id) AS id, tenant, subject FROM tickets',
  rolled_up: 'SELECT count(*) AS id, tenant, subject FROM tickets GROUP BY ROLLUP (tenant, subject)',
  grouped_by_other: 'SELECT count(*) AS id, 1 AS tenant, subject FROM tickets GROUP BY subject',
  aggregated: 'SELECT count(*) AS id, max(tenant) AS tenant, max(subject) AS subject FROM tickets',
  grouped_and_limited: 'SELECT count(*) AS id, tenant, subject FROM tickets GROUP BY tenant, subject ORDER BY 1 LIMIT 1',
  grouped_beside: 'SELECT count(o.id) AS id, t.tenant, t.subject FROM tickets t JOIN old_tickets o ON true GROUP BY t.tenant, t.subject',
  outer_side: 'SELECT t.id, l.tenant, t.subject FROM tickets t LEFT JOIN LATERAL (SELECT t.tenant WHERE t.id > 2) l ON true',
};

/** What all of this leaves alone. */
const SHOWN: Readonly<Record<string, readonly [definition: string, rows: readonly (readonly (string | null)[])[]]>> = {
  bands_of_shown: [
    `SELECT c.id, b.name FROM customers c JOIN (VALUES ('first', 1, 1), ('later', 2, 9)) b(name, low, high) ON c.id BETWEEN b.low AND b.high`,
    [
      ['1', 'first'],
      ['2', 'later'],
    ],
  ],
  filled: [
    'SELECT g.n, count(o.id) AS orders FROM generate_series(1, 3) g(n) LEFT JOIN orders o ON o.id = g.n GROUP BY g.n',
    [
      ['1', '1'],
      ['2', '1'],
      ['3', '0'],
    ],
  ],
  unnested: ['SELECT c.id, upper(c.name) AS name, t FROM customers c, unnest(c.tags) t', [['1', 'ANN', null]]],
  counted_rich: ['SELECT count(*) AS n FROM customers WHERE salary > 7', [['1']]],
  limited: ['SELECT id FROM orders ORDER BY id LIMIT (SELECT 1)', [['1']]],
  repeated: ['SELECT t.subject, t.tenant, g FROM tickets t, generate_series(1, 1) g', [['mine', '1', '1']]],
  united_all: [
    'SELECT id, tenant, subject FROM tickets UNION ALL SELECT id, tenant, subject FROM old_tickets',
    [
      ['1', '1', 'mine'],
      ['4', '1', 'old'],
    ],
  ],
  united_three: ['(SELECT tenant FROM tickets UNION SELECT tenant FROM old_tickets) UNION ALL SELECT tenant FROM tickets', [['1'], ['1']]],
  united_distinct: ['SELECT DISTINCT tenant FROM tickets UNION SELECT tenant FROM old_tickets GROUP BY tenant', [['1']]],
  distinct: ['SELECT DISTINCT tenant FROM tickets', [['1']]],
  distinct_in_from: [
    'SELECT q.tenant, o.id FROM (SELECT DISTINCT tenant, subject FROM tickets) q JOIN orders o ON o.id = q.tenant',
    [['1', '1']],
  ],
  grouped_by_tenant: [
    'SELECT tenant, count(*) AS n, max(subject) AS subject FROM tickets GROUP BY tenant HAVING count(*) > 0',
    [['1', '1', 'mine']],
  ],
  grouped_by_all: ['SELECT subject, tenant FROM tickets GROUP BY 1, 2', [['mine', '1']]],
  joined: ['SELECT t.subject, t.tenant, o.id FROM tickets t LEFT JOIN orders o ON o.id = t.id', [['mine', '1', '1']]],
};

const SCHEMA = `
CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, salary int, tags text[]);
INSERT INTO customers VALUES (1, 'Ann', 'zecret', 6, '{a}'), (2, 'Bob', 'public', 9, '{}');
CREATE TABLE guesses (id int PRIMARY KEY, guess text); INSERT INTO guesses VALUES (1, '^z');
CREATE TABLE orders (id int PRIMARY KEY, customer_id int); INSERT INTO orders VALUES (1, 1), (2, 2);
CREATE TABLE tickets (id int, tenant int, subject text); INSERT INTO tickets VALUES (1, 1, 'mine'), (2, 2, 'theirs'), (3, NULL, 'nobodys');
CREATE TABLE old_tickets (id int, tenant int, subject text); INSERT INTO old_tickets VALUES (4, 1, 'old'), (5, 2, 'old theirs');
CREATE TABLE new_tickets (id int, tenant int, subject text);
${[
  ...Object.entries({ ...MADE_OF_MASKED, ...ORACLES, ...FILTERED }),
  ...Object.entries(SHOWN).map(([name, [definition]]) => [name, definition] as const),
]
  .map(([name, definition]) => `CREATE VIEW v_${name} AS ${definition};`)
  .join('\n')}
`;

const NAMES = [MADE_OF_MASKED, ORACLES, FILTERED, SHOWN].flatMap((each) => Object.keys(each));

const POLICY = `
    - name: public.customers
      select: { columns: [id, name], masks: [{ column: ssn, mask: { type: Redact } }, { column: salary, mask: { type: 'Null' } }, { column: tags, mask: { type: 'Null' } }] }
    - { name: public.guesses, select: { columns: ['*'] }, insert: { columns: ['*'] } }
    - { name: public.orders, select: { columns: ['*'] } }
    - { name: public.tickets, where: 'tenant = 1', select: { columns: ['*'] } }
    - { name: public.old_tickets, where: 'tenant = 1', select: { columns: ['*'] } }
    - { name: public.new_tickets, where: 'tenant = 2', select: { columns: ['*'] } }
${NAMES.map((name) => `    - { name: public.v_${name}, select: { columns: ['*'] } }`).join('\n')}
`;

describe.each([18, 14] as const)('rows of views on PostgreSQL %i', (version) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ version, schema: SCHEMA, policies: { ann: POLICY } });
  }, 120_000);
  afterAll(() => world.stop());
  const ask = (name: string) => world.ask('ann', `SELECT * FROM v_${name} ORDER BY 1`);

  it.each(Object.keys(MADE_OF_MASKED))('%s is NULL', async (name) => {
    expect(await ask(name)).toEqual([
      ['1', null],
      ['2', null],
    ]);
  });

  it.each(Object.keys(ORACLES))('%s is refused', async (name) => {
    expect(await ask(name)).toContain('compares with what the agent may write or set');
  });

  it.each(Object.keys(FILTERED))('the filter cannot be applied: %s', async (name) => {
    expect(await ask(name)).toContain('in a way that the filter cannot be applied to');
  });

  it.each(Object.keys(SHOWN))('%s is shown', async (name) => {
    expect(await ask(name)).toEqual(SHOWN[name]![1]);
  });
});
