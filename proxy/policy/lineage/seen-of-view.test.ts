import { beforeAll, describe, expect, it } from 'vitest';
import { NO_FILTER, NULLED, ORACLE, SAME, SSN, traced } from '../../../test/support/traced-view.ts';
import { Grammar } from '../../sql/grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

/** Each view has one column, x, of this type. */
const VIEWS: readonly (readonly [type: string, definition: string, expected: string])[] = [
  // What equals it.
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p, public.customers c WHERE p.ssn = c.ssn', NULLED],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p, public.customers c WHERE NOT p.ssn <> c.ssn', NULLED],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p, public.customers c WHERE c.id = 1 AND p.ssn = c.ssn', NULLED],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p, public.customers c WHERE c.id = p.pay AND c.ssn IS NULL', 'x'],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p JOIN public.customers c ON p.ssn = c.ssn', NULLED],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p JOIN public.customers c USING (ssn)', NULLED],
  ['varchar(11)', 'SELECT ssn AS x FROM public.payroll p JOIN public.customers c USING (ssn)', SAME],
  ['varchar(11)', 'SELECT j.ssn AS x FROM public.payroll p JOIN public.customers c USING (ssn) AS j', SAME],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p NATURAL JOIN public.customers c', NULLED],
  ['int4', 'SELECT p.pay AS x FROM public.payroll p NATURAL JOIN public.customers c', 'x'],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p CROSS JOIN public.customers c', 'x'],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p WHERE p.ssn IN (SELECT c.ssn FROM public.customers c)', NULLED],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p WHERE EXISTS (SELECT 1 FROM public.customers c WHERE c.ssn = p.ssn)', NULLED],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p, public.customers c GROUP BY p.ssn, c.ssn HAVING p.ssn = c.ssn', NULLED],
  [
    'int4',
    'SELECT g.g AS x FROM public.customers c JOIN generate_series(1, 9) g(g) ON g.g = c.salary',
    'x: Null of public.customers.salary',
  ],
  ['int4', 'SELECT g AS x FROM public.customers c JOIN generate_series(1, 9) g ON g = c.salary', 'x: Null of public.customers.salary'],
  ['int4', 'SELECT g AS x FROM public.customers c, generate_series(1, 9) g', 'x'],
  ['int4', 'SELECT v.n AS x FROM public.customers c JOIN (VALUES (1)) v(n) ON v.n = c.salary', 'x: Null of public.customers.salary'],
  ['int4', 'SELECT v.n AS x FROM public.customers c JOIN (VALUES (1)) v(n) ON v.n = c.id', 'x'],
  ['int4', 'SELECT q.n AS x FROM public.customers c JOIN (SELECT 1 AS n) q ON q.n = c.salary', 'x: Null of public.customers.salary'],

  ['int4', 'SELECT v.n AS x FROM public.customers c, (VALUES (1)) v(n), (VALUES (2)) w(n) WHERE w.n = c.salary', 'x'],
  [
    'int4',
    'SELECT g.salary AS x FROM public.customers c JOIN generate_series(1, 9) g(salary) USING (salary)',
    'x: Null of public.customers.salary',
  ],
  [
    'int4',
    `SELECT p.pay AS x FROM public.payroll p WHERE p.pay IN (SELECT o.id FROM public.orders o, public.customers c WHERE c.ssn = 'a')`,
    'x',
  ],
  ['bool', `SELECT EXISTS (SELECT 1 FROM public.orders o) AS x FROM public.customers c WHERE c.ssn = 'a'`, 'x'],
  [
    'bool',
    `SELECT EXISTS (SELECT 1 FROM public.orders o WHERE o.id = 1) AS x FROM (SELECT 1 FROM public.customers c WHERE c.ssn = 'a') q`,
    'x',
  ],
  ['int4', `SELECT q.n AS x FROM (SELECT 1 AS n FROM public.customers c WHERE c.ssn = 'a') q`, 'x'],
  ['varchar(11)', 'SELECT p.ssn AS x FROM public.payroll p, public.customers c ORDER BY p.ssn || c.ssn', 'x'],
  [
    'varchar(11)',
    'SELECT p.ssn AS x FROM public.payroll p, (SELECT c.ssn FROM public.customers c UNION SELECT d.ssn FROM public.payroll d) q',
    'x',
  ],

  // Of how many rows it makes.
  ['text', 'SELECT u AS x FROM public.customers c, unnest(ARRAY[c.ssn]) u', NULLED],
  ['text', 'SELECT u.a AS x FROM public.customers c, unnest(ARRAY[c.name], ARRAY[c.ssn]) u(a, b)', NULLED],
  ['int8', 'SELECT count(*) AS x FROM public.customers c, generate_series(1, c.salary)', 'x: Null of public.customers.salary'],
  ['int8', 'SELECT count(*) AS x FROM public.customers c, generate_series(1, c.id)', 'x'],
  [
    'int8',
    'SELECT count(*) AS x FROM (SELECT generate_series(1, c.salary) FROM public.customers c) q',
    'x: Null of public.customers.salary',
  ],
  [
    'int8',
    'SELECT count(*) AS x FROM public.customers c JOIN generate_series(1, 9) g ON g <= c.salary',
    'x: Null of public.customers.salary',
  ],
  [
    'int8',
    'SELECT l.n AS x FROM public.customers c, LATERAL (SELECT count(*) AS n FROM public.orders o WHERE o.id <= c.salary) l',
    'x: Null of public.customers.salary',
  ],
  ['int8', 'SELECT l.n AS x FROM public.customers c, (SELECT count(*) AS n FROM public.orders o WHERE o.id <= 7) l', 'x'],
  ['text', `SELECT t.v AS x FROM public.customers c, XMLTABLE('/a' PASSING xmlelement(name a, c.ssn) COLUMNS v text PATH '.') t`, NULLED],

  ['text', `SELECT v AS x FROM public.customers c, XMLTABLE('/a' PASSING xmlelement(name a, c.ssn) COLUMNS v text PATH '.') t`, NULLED],
  ['text', 'SELECT unnest.unnest AS x FROM public.customers c, unnest(ARRAY[c.ssn])', NULLED],
  ['text', 'SELECT unnest.unnest AS x FROM public.customers c, unnest(ARRAY[c.name])', 'x'],
  [
    'int8',
    `SELECT count(*) AS x FROM public.customers c, XMLTABLE('/a' PASSING xmlelement(name a, c.ssn) COLUMNS v text PATH '.') t`,
    NULLED,
  ],
  [
    'int8',
    'SELECT q.n AS x FROM (SELECT generate_series(1, c.salary) FROM public.customers c) p, (SELECT count(o.id) AS n FROM public.orders o) q',
    'x',
  ],
  ['varchar(11)', 'SELECT c.ssn AS x FROM public.customers c, generate_series(1, c.salary) GROUP BY c.ssn', SAME],
  [
    'int4',
    'SELECT max(c.id) AS x FROM public.customers c, generate_series(1, c.salary) GROUP BY c.name',
    'x: Null of public.customers.salary',
  ],
  ['int4', 'SELECT max(c.id) AS x FROM public.customers c, generate_series(1, c.salary)', 'x'],

  // Rows that tell.
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g WHERE c.ssn LIKE g.guess', `x; ! ${ORACLE('ssn')}`],
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g WHERE c.ssn LIKE $$1%$$ AND g.guess IS NULL', 'x'],
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g WHERE c.salary = g.id', 'x'],
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g GROUP BY c.id, c.ssn, g.guess', `x`],
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g GROUP BY c.id, c.ssn || g.guess', `x; ! ${ORACLE('ssn')}`],
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g ORDER BY c.ssn || g.guess', `x; ! ${ORACLE('ssn')}`],
  ['int4', 'SELECT DISTINCT ON (c.ssn || g.guess) c.id AS x FROM public.customers c, public.guesses g', `x; ! ${ORACLE('ssn')}`],
  ['int4', `SELECT c.id AS x FROM public.customers c WHERE c.ssn = current_setting('a.b')`, `x; ! ${ORACLE('ssn')}`],
  ['int4', `SELECT c.id AS x FROM public.customers c WHERE c.name = current_setting('a.b')`, 'x'],
  [
    'int4',
    'SELECT c.id AS x FROM public.customers c LIMIT (SELECT count(*) FROM public.customers d, public.guesses g WHERE d.ssn ~ g.guess)',
    `x; ! ${ORACLE('ssn')}`,
  ],
  [
    'int4',
    'SELECT c.id AS x FROM public.customers c OFFSET (SELECT length(d.ssn || g.guess) FROM public.customers d, public.guesses g)',
    `x; ! ${ORACLE('ssn')}`,
  ],
  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g, regexp_matches(c.ssn, g.guess) m', `x; ! ${ORACLE('ssn')}`],
  [
    'int4',
    'SELECT c.id AS x FROM public.customers c TABLESAMPLE bernoulli ((SELECT length(d.ssn || g.guess) FROM public.customers d, public.guesses g))',
    `x; ! ${ORACLE('ssn')}`,
  ],

  ['int4', 'SELECT c.id AS x FROM public.customers c, public.guesses g WHERE g.guess = c.ssn', `x; ! ${ORACLE('ssn')}`],
  ['int8', 'SELECT count(*) AS x FROM (SELECT c.ssn FROM public.customers c UNION ALL SELECT g.guess FROM public.guesses g) q', 'x'],
  [
    'int8',
    'SELECT count(*) AS x FROM (SELECT c.ssn FROM public.customers c UNION SELECT g.guess FROM public.guesses g) q',
    `x; ! ${ORACLE('ssn')}`,
  ],
  [
    'int8',
    'SELECT count(*) AS x FROM (SELECT c.ssn FROM public.customers c INTERSECT SELECT g.guess FROM public.guesses g) q',
    `x; ! ${ORACLE('ssn')}`,
  ],
  [
    'int8',
    'SELECT count(*) AS x FROM (SELECT c.ssn FROM public.customers c EXCEPT ALL SELECT g.guess FROM public.guesses g) q',
    `x; ! ${ORACLE('ssn')}`,
  ],
  [
    'text',
    '(SELECT c.ssn AS x FROM public.customers c UNION ALL SELECT g.guess FROM public.guesses g) ORDER BY 1',
    `${SAME}; ! ${ORACLE('ssn')}`,
  ],
  [
    'text',
    '(SELECT c.ssn AS x FROM public.customers c UNION ALL SELECT g.guess FROM public.guesses g) ORDER BY x',
    `${SAME}; ! ${ORACLE('ssn')}`,
  ],
  ['text', 'SELECT c.ssn || g.guess AS x FROM public.customers c, public.guesses g', NULLED],
  ['text', 'SELECT c.ssn || g.guess AS x FROM public.customers c, public.guesses g ORDER BY 1', `${NULLED}; ! ${ORACLE('ssn')}`],
  ['text', 'SELECT DISTINCT c.ssn || g.guess AS x FROM public.customers c, public.guesses g', `${NULLED}; ! ${ORACLE('ssn')}`],
  [
    'int8',
    'SELECT row_number() OVER w AS x FROM public.customers c, public.guesses g WINDOW w AS (ORDER BY c.ssn || g.guess)',
    `${NULLED}; ! ${ORACLE('ssn')}`,
  ],
  [
    'int4',
    `SELECT c.id AS x FROM public.customers c LIMIT (SELECT count(*) FROM public.customers d, public.guesses g WHERE d.ssn LIKE 'a' AND g.guess IS NULL)`,
    'x',
  ],

  // Row filters.
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t', 'x; filtered "x" = 1'],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t WHERE t.id > 2 ORDER BY t.id', 'x; filtered "x" = 1'],
  ['int4', 'SELECT q.a AS x FROM (SELECT t.tenant AS a FROM public.tickets t) q', 'x; filtered "x" = 1'],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t JOIN public.orders o ON o.id = t.id', 'x; filtered "x" = 1'],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t LEFT JOIN public.orders o ON o.id = t.id', 'x; filtered "x" = 1'],
  ['int4', 'SELECT t.tenant AS x FROM public.orders o RIGHT JOIN public.tickets t ON o.id = t.id', 'x; filtered "x" = 1'],
  ['int4', 'SELECT t.tenant AS x FROM public.orders o LEFT JOIN public.tickets t ON o.id = t.id', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t RIGHT JOIN public.orders o ON o.id = t.id', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t FULL JOIN public.orders o ON o.id = t.id', `x; ! ${NO_FILTER}`],
  ['text', 'SELECT t.subject AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['text', 'SELECT t.tenant AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant + 0 AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant COLLATE "C" AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT COALESCE(t.tenant, 1) AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT COALESCE(t.tenant, t.id) AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT COALESCE(t.tenant, t.tenant) AS x FROM public.tickets t', 'x; filtered "x" = 1'],
  ['int8', 'SELECT count(*) AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t GROUP BY t.tenant', 'x; filtered "x" = 1'],
  ['int8', 'SELECT count(*) AS x FROM public.tickets t GROUP BY t.tenant', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT DISTINCT t.tenant AS x FROM public.tickets t', 'x; filtered "x" = 1'],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t LIMIT 2', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t OFFSET 2', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t WINDOW w AS ()', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t UNION ALL SELECT 1', `x; filtered "x" = 1; ! ${NO_FILTER}`],
  ['int4', 'SELECT a.tenant AS x FROM public.tickets a, public.tickets b', `x; filtered "x" = 1; ! ${NO_FILTER}`],
  ['int4', 'SELECT (SELECT t.tenant FROM public.tickets t) AS x', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT (SELECT t.tenant) AS x FROM public.tickets t', `x; ! ${NO_FILTER}`],
  ['int4', 'SELECT t.tenant AS x FROM public.tickets t TABLESAMPLE bernoulli (10)', 'x; filtered "x" = 1'],
  ['int4', 'SELECT tenant AS x FROM public.tickets t JOIN (SELECT 1 AS tenant) q USING (tenant)', `x; ! ${NO_FILTER}`],
  ['int4', 'WITH w AS (SELECT t.tenant FROM public.tickets t) SELECT w.tenant AS x FROM w', 'x; filtered "x" = 1'],
  ['int4', 'WITH RECURSIVE w AS (SELECT t.tenant FROM public.tickets t) SELECT w.tenant AS x FROM w', 'x; filtered "x" = 1'],
  [
    'int4',
    'WITH RECURSIVE w(a) AS (SELECT t.tenant FROM public.tickets t UNION ALL SELECT w.a FROM w) SELECT w.a AS x FROM w',
    `x; ! ${NO_FILTER}`,
  ],
  [
    'int4',
    'SELECT l.tenant AS x FROM public.orders o, LATERAL (SELECT t.tenant FROM public.tickets t WHERE t.id = o.id) l',
    'x; filtered "x" = 1',
  ],
  ['int4', 'SELECT tenant AS x FROM public.tickets t NATURAL JOIN (SELECT 1 AS id) q', 'x; filtered "x" = 1'],
  ['int4', 'SELECT j.tenant AS x FROM (public.tickets t JOIN public.orders o ON true) j', 'x; filtered "x" = 1'],
  ['int4', 'SELECT c.id AS x FROM public.closed c', `x; ! ${NO_FILTER.replace('tickets', 'closed')}`],
];

describe('a view shows no more than its relations', () => {
  it.each(VIEWS)('as %s: %s', (type, definition, expected) => {
    expect(traced(grammar, { columns: `x:${type}`, definition })).toBe(expected);
  });
});

describe('a view shows', () => {
  const untraced = (why: string): string => `x; ! its definition could not be traced: ${why}`;
  it.each([
    ['SELECT c.nothing AS x FROM public.customers c', 'the name "c.nothing"'],
    ['SELECT d.ssn AS x FROM public.customers c', 'the name "d.ssn"'],
    ['SELECT d.* FROM public.customers c', 'a star'],
    ['SELECT ROW(d.*) AS x FROM public.customers c', 'the name "d"'],
    ['SELECT nothing AS x FROM public.customers c', 'the name "nothing"'],
    ['SELECT x FROM public.customers c, public.nothing', 'relation "nothing"'],
    ['SELECT c.ssn AS x, 1 FROM public.customers c', 'it has other columns'],
    ['SELECT * FROM public.customers c, unnest(c.name)', 'a star'],
    ['SELECT * FROM public.customers c JOIN public.payroll p USING (ssn)', 'a star'],
    ['SELECT j.id AS x FROM (public.customers c JOIN unnest(c.name) u ON true) j', 'a join under a name'],
    ['SELECT j.name AS x FROM ((public.customers c CROSS JOIN public.orders o) CROSS JOIN public.payroll p) j', 'a join under a name'],
    [
      `WITH RECURSIVE r(${Array.from({ length: 25 }, (_, n) => `c${n}`).join()}) AS (SELECT ${'c.name, '.repeat(24)} c.ssn FROM public.customers c
        UNION ALL SELECT ${Array.from({ length: 24 }, (_, n) => `r.c${n + 1}`).join()}, r.c0 FROM r) SELECT r.c0 AS x FROM r`,
      'its recursion',
    ],
    ['nonsense', 'it cannot be parsed'],
    ['SELECT c.ssn AS x FROM public.customers c UNION SELECT 1, 2', 'the sides of a set operation differ'],
    [
      'WITH RECURSIVE r(a) AS (SELECT c.ssn FROM public.customers c UNION ALL SELECT r.a FROM r) SEARCH DEPTH FIRST BY a SET o SELECT r.a AS x FROM r',
      'SEARCH and CYCLE',
    ],
    [
      'WITH RECURSIVE r(a) AS (SELECT c.ssn FROM public.customers c UNION ALL SELECT r.a FROM r) CYCLE a SET o USING p SELECT r.a AS x FROM r',
      'SEARCH and CYCLE',
    ],
  ])('nothing of what cannot be traced: %s', (definition, why) => {
    expect(traced(grammar, { columns: 'x', definition })).toBe(untraced(why));
  });

  it('what cannot be traced and shows nothing that is hidden', () => {
    expect(traced(grammar, { columns: 'x', definition: 'SELECT o.nothing AS x FROM public.orders o' })).toBe('x');
    expect(traced(grammar, { columns: 'x', definition: 'SELECT p.nothing AS x FROM public.payroll p' })).toBe('x');
  });

  it('each of several columns, and masks of an expression under the names of the view', () => {
    const columns = 'number:int4 mail tail other';
    const definition = 'SELECT c.id, c.email, right(c.ssn, 4), c.email || c.name FROM public.customers c';
    expect(traced(grammar, { columns, definition })).toBe(
      `number, mail: lower("mail") of public.customers.email, tail: Null of ${SSN}, other: Null of public.customers.email`,
    );
    expect(traced(grammar, { columns: 'a b', definition: 'SELECT upper(c.email), c.email || c.name FROM public.customers c' })).toBe(
      'a: Null of public.customers.email, b: Null of public.customers.email',
    );
  });

  it('columns in a row that a join has under a name', () => {
    const definition = 'SELECT j.a, j.b, j.c FROM (public.payroll p CROSS JOIN (SELECT c.ssn FROM public.customers c) d) j(a, b, c)';
    expect(traced(grammar, { columns: 'a b:int4 c', definition })).toBe(`a, b, c: KeepLast of ${SSN}`);
    const others = 'SELECT j.a, j.b, j.c FROM (public.payroll p CROSS JOIN (SELECT c.email FROM public.customers c) d) j(a, b, c)';
    expect(traced(grammar, { columns: 'a b:int4 c', definition: others })).toBe('a, b, c: lower("c") of public.customers.email');
  });
});
