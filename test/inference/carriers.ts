/**
 * Ways in which the truth of a condition can reach whoever asks: things that differ in rows, order, counts, errors, plans or time.
 */
import type { Step } from './oracle.ts';
import type { Place } from './predicates.ts';

export type Carrier = { readonly name: string; readonly steps: (place: Place, condition: string) => readonly Step[] };

const one = (name: string, sql: (place: Place, condition: string) => string): Carrier => ({
  name,
  steps: (place, condition) => [sql(place, condition)],
});

/** A carrier that hands the condition on as the value of a sub-query. */
const scalar = (name: string, sql: (bool: string) => string): Carrier =>
  one(name, ({ from, row }, condition) => sql(`(SELECT ${condition} FROM ${from} WHERE ${row})`));

const ANALYZE = 'EXPLAIN (ANALYZE, TIMING off, SUMMARY off, COSTS off, BUFFERS off)';
const HEAVY = "(SELECT count(*) FROM generate_series(1, 3000000) g WHERE md5(g::text) = 'x')";

/** What the planner says of a condition, without running anything. */
export const PLANS: readonly Carrier[] = [
  one('EXPLAIN', ({ from, row }, condition) => `EXPLAIN SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`),
  one(
    'EXPLAIN in JSON',
    ({ from, row }, condition) => `EXPLAIN (FORMAT JSON, VERBOSE) SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`,
  ),
  one(
    'EXPLAIN of a join',
    ({ from, row }, condition) => `EXPLAIN SELECT 1 FROM numbers n JOIN ${from} ON p.id = n.n AND ${row} AND ${condition}`,
  ),
  one(
    'EXPLAIN of groups',
    ({ from, row }, condition) => `EXPLAIN SELECT p.id, count(*) FROM ${from} WHERE ${row} AND ${condition} GROUP BY p.id`,
  ),
  one(
    'EXPLAIN of EXISTS',
    ({ from, row }, condition) =>
      `EXPLAIN SELECT n FROM numbers WHERE EXISTS (SELECT FROM ${from} WHERE p.id = n AND ${row} AND ${condition})`,
  ),
  {
    name: 'EXPLAIN EXECUTE',
    steps: ({ from, row }, condition) => [
      `PREPARE e AS SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`,
      'EXPLAIN EXECUTE e',
      'DEALLOCATE ALL',
    ],
  },
];

export const CARRIERS: readonly Carrier[] = [
  one('WHERE', ({ from, row }, condition) => `SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`),
  one('count', ({ from, row }, condition) => `SELECT count(*) FILTER (WHERE ${condition}) FROM ${from} WHERE ${row}`),
  one('select list', ({ from, row }, condition) => `SELECT ${condition} FROM ${from} WHERE ${row}`),
  one('HAVING', ({ from, row }, condition) => `SELECT p.id FROM ${from} WHERE ${row} GROUP BY p.id HAVING bool_or(${condition})`),
  one('GROUP BY', ({ from }, condition) => `SELECT count(*) FROM ${from} WHERE p.id < 3 GROUP BY ${condition} ORDER BY 1`),
  one(
    'GROUPING SETS',
    ({ from }, condition) => `SELECT count(*) FROM ${from} WHERE p.id < 3 GROUP BY GROUPING SETS ((${condition}), ()) ORDER BY 1`,
  ),
  one('DISTINCT', ({ from, row }, condition) => `SELECT DISTINCT ${condition} FROM ${from} WHERE ${row} OR p.id = 3`),
  one(
    'DISTINCT ON',
    ({ from }, condition) => `SELECT DISTINCT ON (${condition}) p.id FROM ${from} WHERE p.id IN (1, 3) ORDER BY ${condition}, p.id DESC`,
  ),
  one('ORDER BY', ({ from }, condition) => `SELECT p.id FROM ${from} WHERE p.id IN (1, 3) ORDER BY (${condition})::int * 5 + p.id`),
  one(
    'window',
    ({ from }, condition) => `SELECT p.id, count(*) OVER (PARTITION BY ${condition}) FROM ${from} WHERE p.id IN (1, 3) ORDER BY p.id`,
  ),
  one(
    'window frame',
    ({ from }, condition) => `SELECT lag(p.id) OVER (ORDER BY (${condition})::int, p.id) FROM ${from} WHERE p.id < 4 ORDER BY 1`,
  ),
  one('bool_and', ({ from, row }, condition) => `SELECT bool_and(${condition}) FROM ${from} WHERE ${row}`),
  one('ordered aggregate', ({ from }, condition) => `SELECT array_agg(p.id ORDER BY ${condition}, p.id) FROM ${from} WHERE p.id < 4`),
  one('max', ({ from }, condition) => `SELECT max(CASE WHEN ${condition} THEN p.id END) FROM ${from}`),
  one('join', ({ from, row }, condition) => `SELECT n FROM numbers JOIN ${from} ON ${row} AND ${condition}`),
  one('outer join', ({ from, row }, condition) => `SELECT n, p.id FROM numbers LEFT JOIN ${from} ON ${row} AND ${condition} ORDER BY n`),
  one('semi-join', ({ from, row }, condition) => `SELECT n FROM numbers WHERE n IN (SELECT 1 FROM ${from} WHERE ${row} AND ${condition})`),
  one(
    'anti-join',
    ({ from, row }, condition) => `SELECT n FROM numbers WHERE NOT EXISTS (SELECT FROM ${from} WHERE ${row} AND ${condition})`,
  ),
  one('LATERAL', ({ from, row }, condition) => `SELECT n FROM ${from}, LATERAL (SELECT n FROM numbers WHERE ${condition}) x WHERE ${row}`),
  one(
    'LATERAL function',
    ({ from, row }, condition) =>
      `SELECT g FROM ${from}, LATERAL generate_series(1, CASE WHEN ${condition} THEN 2 ELSE 4 END) g WHERE ${row}`,
  ),
  one(
    'set-returning select list',
    ({ from, row }, condition) => `SELECT generate_series(1, CASE WHEN ${condition} THEN 2 ELSE 4 END) FROM ${from} WHERE ${row}`,
  ),
  one('UNION', ({ from, row }, condition) => `SELECT 1 UNION SELECT 2 FROM ${from} WHERE ${row} AND ${condition}`),
  one('EXCEPT', ({ from, row }, condition) => `SELECT true EXCEPT SELECT ${condition} FROM ${from} WHERE ${row}`),
  one(
    'WITH',
    ({ from, row }, condition) => `WITH x AS MATERIALIZED (SELECT ${condition} AS y FROM ${from} WHERE ${row}) SELECT * FROM x WHERE y`,
  ),
  one(
    'recursive',
    ({ from, row }, condition) =>
      `WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x, ${from} WHERE ${row} AND n < 3 AND ${condition}) SELECT * FROM x`,
  ),
  one('division by zero', ({ from, row }, condition) => `SELECT 1 / (${condition})::int FROM ${from} WHERE ${row}`),
  one(
    'division by zero in WHERE',
    ({ from, row }, condition) => `SELECT 1 FROM ${from} WHERE ${row} AND 1 / (CASE WHEN ${condition} THEN 0 ELSE 1 END) = 1`,
  ),
  one(
    'division by zero, lazily',
    ({ from }, condition) => `SELECT 1 FROM ${from} WHERE CASE WHEN p.id = 1 AND ${condition} THEN 1 / (p.id - 1) ELSE 1 END = 1 LIMIT 1`,
  ),
  one(
    'cast error',
    ({ from, row }, condition) => `SELECT (CASE WHEN ${condition} THEN 'x' ELSE '1' END || '')::int FROM ${from} WHERE ${row}`,
  ),
  one('overflow', ({ from, row }, condition) => `SELECT 2147483647 + (${condition})::int FROM ${from} WHERE ${row}`),
  one('array subscript', ({ from, row }, condition) => `SELECT (ARRAY[10, 20])[1 + (${condition})::int] FROM ${from} WHERE ${row}`),
  one('jsonb', ({ from, row }, condition) => `SELECT jsonb_build_object('a', ${condition}) || to_jsonb(p.id) FROM ${from} WHERE ${row}`),
  one(
    'jsonb path error',
    ({ from, row }, condition) =>
      `SELECT jsonb_path_query(jsonb_build_array(CASE WHEN ${condition} THEN '1' ELSE 'x' END), 'strict $[0].double()') FROM ${from} WHERE ${row}`,
  ),
  one('xml', ({ from, row }, condition) => `SELECT xmlforest(${condition} AS b) FROM ${from} WHERE ${row}`),
  one(
    'regular expression error',
    ({ from, row }, condition) => `SELECT 'a' ~ CASE WHEN ${condition} THEN '(' ELSE 'a' END FROM ${from} WHERE ${row}`,
  ),
  one(
    'format error',
    ({ from, row }, condition) => `SELECT format(CASE WHEN ${condition} THEN '%q' ELSE 'a' END) FROM ${from} WHERE ${row}`,
  ),
  one('column widths', ({ from, row }, condition) => `SELECT repeat('a', 1 + (${condition})::int) FROM ${from} WHERE ${row}`),
  one(
    'TABLESAMPLE',
    ({ from, row }, condition) =>
      `SELECT count(*) FROM numbers TABLESAMPLE BERNOULLI ((SELECT CASE WHEN ${condition} THEN 100 ELSE 0 END FROM ${from} WHERE ${row})) REPEATABLE (1)`,
  ),
  one('COPY', ({ from, row }, condition) => `COPY (SELECT p.id FROM ${from} WHERE ${row} AND ${condition}) TO STDOUT`),
  one('EXPLAIN ANALYZE', ({ from, row }, condition) => `${ANALYZE} SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`),
  one(
    'EXPLAIN ANALYZE of a sub-query',
    ({ from, row }, condition) =>
      `${ANALYZE} SELECT n FROM numbers WHERE n > 1 AND EXISTS (SELECT FROM ${from} WHERE ${row} AND ${condition})`,
  ),
  one(
    'EXPLAIN ANALYZE of a sort',
    ({ from, row }, condition) =>
      `${ANALYZE} SELECT p.id FROM ${from} WHERE ${row} ORDER BY CASE WHEN ${condition} THEN repeat('a', 100000) ELSE '' END`,
  ),
  one(
    'UPDATE',
    ({ from, row }, condition) => `UPDATE marks SET mark = 0 WHERE id = 1 AND EXISTS (SELECT FROM ${from} WHERE ${row} AND ${condition})`,
  ),
  one(
    'UPDATE FROM',
    ({ from, row }, condition) =>
      `UPDATE marks SET mark = 0 FROM ${from} WHERE marks.id = 1 AND ${row} AND ${condition} RETURNING marks.id`,
  ),
  one(
    'DELETE USING',
    ({ from, row }, condition) => `BEGIN; DELETE FROM marks USING ${from} WHERE marks.id = 1 AND ${row} AND ${condition}; ROLLBACK`,
  ),
  one(
    'INSERT SELECT',
    ({ from, row }, condition) => `BEGIN; INSERT INTO marks SELECT 100, 1 FROM ${from} WHERE ${row} AND ${condition}; ROLLBACK`,
  ),
  one(
    'ON CONFLICT DO UPDATE WHERE',
    ({ from, row }, condition) =>
      `INSERT INTO marks VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET mark = 0 WHERE EXISTS (SELECT FROM ${from} WHERE ${row} AND ${condition})`,
  ),
  one(
    'written to read',
    ({ from, row }, condition) =>
      `BEGIN; UPDATE marks SET mark = (SELECT (${condition})::int FROM ${from} WHERE ${row}) WHERE id = 1; SELECT mark FROM marks WHERE id = 1; ROLLBACK`,
  ),
  one(
    'RETURNING',
    ({ from, row }, condition) => `UPDATE marks SET mark = 0 WHERE id = 1 RETURNING (SELECT ${condition} FROM ${from} WHERE ${row})`,
  ),
  one(
    'MERGE',
    ({ from, row }, condition) =>
      `MERGE INTO marks USING (SELECT 1 AS id FROM ${from} WHERE ${row} AND ${condition}) s ON s.id = marks.id WHEN MATCHED THEN UPDATE SET mark = 0`,
  ),
  one(
    'a row that is written itself',
    ({ from, row }, condition) =>
      `BEGIN; UPDATE ${from} SET ${from.startsWith('letters') ? "body = 'a'" : "name = 'name 1'"} WHERE ${row} AND ${condition}; ROLLBACK`,
  ),
  one('a row that is deleted itself', ({ from, row }, condition) => `BEGIN; DELETE FROM ${from} WHERE ${row} AND ${condition}; ROLLBACK`),
  one(
    'FOR UPDATE',
    ({ from, row }, condition) => `BEGIN; SELECT p.id FROM ${from} WHERE ${row} AND ${condition} FOR UPDATE SKIP LOCKED; ROLLBACK`,
  ),
  one(
    'default that counts',
    ({ from, row }, condition) => `INSERT INTO stubs (note) SELECT 'x' FROM ${from} WHERE ${row} AND ${condition}`,
  ),
  scalar('LIMIT', (bool) => `SELECT n FROM numbers ORDER BY n LIMIT (SELECT 1 + ${bool}::int)`),
  scalar('OFFSET', (bool) => `SELECT n FROM numbers ORDER BY n OFFSET (SELECT 1 + ${bool}::int)`),
  scalar('VALUES', (bool) => `VALUES (${bool}), (NULL)`),
  scalar('CASE', (bool) => `SELECT CASE ${bool} WHEN true THEN 1 ELSE 2 END`),
  scalar('more than one row', (bool) => `SELECT (SELECT n FROM numbers LIMIT CASE WHEN ${bool} THEN 2 ELSE 1 END)`),
  scalar('settings', (bool) => `SELECT set_config('statement_timeout', CASE WHEN ${bool} THEN '9s' ELSE '8s' END, false)`),
  {
    name: 'time, by the statement timeout',
    steps: ({ from, row }, condition) => [
      "SET statement_timeout = '250ms'",
      `SELECT CASE WHEN ${condition} THEN ${HEAVY} ELSE 0 END FROM ${from} WHERE ${row}`,
      'RESET statement_timeout',
    ],
  },
  {
    name: 'prepared',
    steps: ({ from, row }, condition) => [
      `PREPARE o AS SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`,
      'EXECUTE o',
      'EXPLAIN (COSTS off) EXECUTE o',
      'DEALLOCATE ALL',
    ],
  },
  {
    name: 'cursor',
    steps: ({ from, row }, condition) => [
      'BEGIN',
      `DECLARE c SCROLL CURSOR FOR SELECT p.id FROM ${from} WHERE ${row} AND ${condition}`,
      'MOVE ALL c',
      'ROLLBACK',
    ],
  },
  {
    name: 'extended protocol',
    steps: ({ from, row }, condition) => [{ sql: `SELECT count(*) FROM ${from} WHERE ${row} AND ${condition}`, parameters: [] }],
  },
];
