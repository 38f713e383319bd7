/**
 * Rows for the tables that the suite loads from files of its own, where the folder has no such files (`../data` of a checkout): as many
 * columns and types, other values, the same on both sides.
 */

const wisconsin = (rows: number): string => `
  SELECT u, n, u % 2, u % 4, u % 10, u % 20, u % 100, u % 1000, u % 2000, u % 5000, u, (u % 100) * 2, (u % 100) * 2 + 1,
    chr(65 + u % 26) || chr(65 + u / 26 % 26) || chr(65 + u / 676) || 'AAA', chr(65 + n % 26) || chr(65 + n / 26 % 26) || chr(65 + n / 676) || 'AAA',
    (ARRAY['AAAAxx', 'HHHHxx', 'OOOOxx', 'VVVVxx'])[n % 4 + 1]
  FROM (SELECT n, (n * 7919 + 13) % ${rows} AS u FROM generate_series(0, ${rows - 1}) AS n) AS numbers`;

const series = (list: string, rows: number): string => `SELECT ${list} FROM generate_series(1, ${rows}) AS n`;

const spread = '(n::bigint * 48271 % 2147483647)::int4';
const person = "'person ' || n, 18 + n % 60, point(n % 17, n % 13)";

const QUERIES: Readonly<Record<string, string>> = {
  'onek.data': wisconsin(1000),
  'tenk.data': wisconsin(10_000),
  'person.data': series(person, 50),
  'emp.data': series(`${person}, 100 * n, 'manager'`, 3),
  'student.data': series(`${person}, n / 2.0`, 2),
  'stud_emp.data': series(`${person}, 100 * n, 'manager', n / 2.0, 10 * n`, 3),
  'streets.data': series(
    "(ARRAY['I- 80', 'State Hwy 13', 'Main St', 'Broadway'])[n % 4 + 1] || ' ' || n / 8, format('[(%s,%s),(%s,%s)]', n, n % 9, n + 2, n % 7)::path",
    400,
  ),
  'agg.data': series('(n * 14)::int2, (n * n * 1.7)::float4', 4),
  'array.data': series("n, ARRAY[n % 97, n * 7 % 101, n % 13], ARRAY['AAAA' || n % 50, 'BBBB' || n % 31]", 100),
  'hash.data': series(`n, ${spread}`, 1000),
  'desc.data': series(`1001 - n, ${spread}`, 1000),
  'rect.data': series('box(point(n % 70, n % 90), point(n % 70 + 5, n % 90 + 3))', 500),
  'real_city.data': series("1000 * n, 'city ' || n, format('((%s,%s),(%s,%s),(%s,%s))', n, n, n + 3, n, n, n + 4)::path", 30),
  'jsonb.data': series(
    "CASE n % 3 WHEN 0 THEN jsonb_build_object('wait', NULL, 'line', n) WHEN 1 THEN jsonb_build_object('wait', 'CC', 'node', 'CBA', 'age', n % 30) ELSE jsonb_build_object('public', n % 2 = 0, 'array', ARRAY['foo', 'bar'], 'pos', n) END",
    1000,
  ),
  'tsearch.data': series("'words ' || n, to_tsvector('simple', 'wr qh w' || n % 20 || ' q' || n % 7 || ' e' || n % 11)", 500),
};

/** What fills this relation in place of this file, and undefined for files that are not of the suite. */
export const standInData = (relation: string, file: string): string | undefined => {
  const query = QUERIES[file.slice(file.lastIndexOf('/') + 1)];
  return query === undefined ? undefined : `INSERT INTO ${relation} ${query}`;
};
