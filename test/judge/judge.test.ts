import { describe, expect, it } from 'vitest';
import { grant } from '../support/small-catalog.ts';
import { useJudge } from './use-judge.ts';

const LONG = 'l'.repeat(70);

const { through, direct, judge, faults } = useJudge(
  `
  CREATE TABLE people (id int PRIMARY KEY, name text, ssn text COLLATE "C", mail varchar(60), born date, data json, secret text);
  INSERT INTO people VALUES (1, 'Ann', '111-11-1111', 'ann@example.org', '1990-05-17', '{"a":1}', 'x1'), (2, 'Bob', '222-22-2222', 'bob@example.org', '1985-02-03', '{"a":2}', 'x2');
  CREATE TABLE child (extra text) INHERITS (people);
  INSERT INTO child VALUES (3, 'Cyd', '333-33-3333', 'cyd@example.org', '2001-01-01', '{}', 'x3', 'more');
  CREATE TABLE orders (id int PRIMARY KEY, person int, total int, tenant int);
  INSERT INTO orders VALUES (1, 1, 10, 1), (2, 2, 20, 1), (3, 1, 0, 2);
  CREATE TABLE ${LONG} (id int, person int);
  INSERT INTO ${LONG} VALUES (7, 1);
  CREATE TABLE hidden (id int, value text);
  INSERT INTO hidden VALUES (1, 'raw value');
  CREATE DOMAIN checked AS int CHECK (VALUE > 0);
  CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
  CREATE DOMAIN spied AS text CHECK (spy(VALUE));
  CREATE FUNCTION lower(people) RETURNS text LANGUAGE sql AS 'SELECT $1.secret';
  CREATE FUNCTION reveal(people) RETURNS text LANGUAGE sql AS 'SELECT $1.secret';
  CREATE FUNCTION reveal(int) RETURNS text LANGUAGE sql AS 'SELECT secret FROM people WHERE id = $1';
  `,
  {
    relations: [
      grant('people', {
        select: {
          columns: ['id', 'name', 'data'],
          masks: [
            { column: 'ssn', mask: { type: 'KeepLast', characters: 4 } },
            { column: 'mail', mask: { type: 'Hash', key: Buffer.from('the key') } },
            { column: 'born', mask: { type: 'Date', precision: 'Year' } },
          ],
        },
      }),
      grant('orders', { where: 'tenant = 1' }),
      grant('l'.repeat(63), { select: { columns: ['id'], masks: [] } }),
    ],
    functions: [],
  },
);

const RAW = /111-11-1111|222-22-2222|333-33-3333|example\.org|-05-17|-02-03|x[123]\b/;

describe('what comes back of a masked table', () => {
  it.each([
    [
      'SELECT id, ssn FROM people ORDER BY id',
      [
        ['1', '***1111'],
        ['2', '***2222'],
        ['3', '***3333'],
      ],
    ],
    ['SELECT id FROM ONLY people ORDER BY id DESC LIMIT 1', [['2']]],
    [`SELECT count(*) FROM people WHERE ssn = '111-11-1111'`, [['0']]],
    [`SELECT count(*) FROM people WHERE ssn = '***1111'`, [['1']]],
    ['SELECT p.id FROM people p JOIN people q ON p.ssn = q.ssn AND p.mail = q.mail ORDER BY 1', [['1'], ['2'], ['3']]],
    ['SELECT count(*) FROM people p JOIN orders o ON p.ssn < p.name AND p.mail <> p.ssn', [['6']]],
    ['SELECT born::text FROM people WHERE id = 1', [['1990-01-01']]],
    [
      'SELECT p.id, p.name, sum(o.total) FROM people p JOIN orders o ON o.person = p.id GROUP BY p.id ORDER BY p.name',
      [
        ['1', 'Ann', '10'],
        ['2', 'Bob', '20'],
      ],
    ],
    ['SELECT p.id, json_agg(p.data) FROM people p WHERE id = 1 GROUP BY p.id', [['1', '[{"a":1}]']]],
    ['SELECT lower(name) FROM people WHERE id = 1', [['ann']]],
    [`SELECT id FROM ${LONG}`, [['7']]],
    [`WITH ${LONG} AS (SELECT 8 AS id) SELECT id FROM ${'l'.repeat(65)}`, [['8']]],
    ['SELECT tableoid::regclass, name FROM people WHERE id = 3', [['child', 'Cyd']]],
    ['SELECT 5::checked', [['5']]],
    ['SELECT public.people.id FROM public.people WHERE people.id = 1', [['1']]],
    ['PREPARE a AS SELECT ssn FROM people WHERE id = $1; EXECUTE a(1)', [['***1111']]],
  ])('%s', async (sql, rows) => {
    expect(await through(sql)).toEqual({ rows });
  });

  it.each([
    ['SELECT * FROM people'],
    ['SELECT people FROM people'],
    ['SELECT row_to_json(p), to_jsonb(p), p::text FROM people p'],
    ['SELECT (p).ssn, (p).mail FROM people p'],
    ['SELECT (SELECT string_agg(ssn || mail, name) FROM people)'],
    ['SELECT * FROM people TABLESAMPLE bernoulli (100)'],
    ['SELECT * FROM (people JOIN people q USING (id)) AS j'],
    ['TABLE people'],
    ['WITH people AS (SELECT * FROM people) SELECT * FROM people'],
    ['WITH RECURSIVE r AS (SELECT id, ssn FROM people UNION SELECT p.id, p.mail FROM people p JOIN r USING (id)) TABLE r'],
    [
      `SELECT * FROM XMLTABLE('/r' PASSING (SELECT xmlelement(name r, xmlagg(xmlelement(name s, ssn, mail))) FROM people) COLUMNS v text PATH 'string(.)')`,
    ],
    [`SELECT * FROM JSON_TABLE((SELECT jsonb_agg(p) FROM people p), '$[*]' COLUMNS (ssn text, mail text, secret text))`],
    ['SELECT min(ssn), max(mail), array_agg(born) FROM people GROUP BY ROLLUP (name)'],
    ['SELECT first_value(ssn) OVER w, lag(mail) OVER w FROM people WINDOW w AS (ORDER BY ssn)'],
    ['VALUES ((SELECT ssn FROM people WHERE id = 1))'],
    [`SELECT ssn::int FROM people`],
    [`SELECT mail::date FROM people`],
    [`SELECT 1 / (CASE WHEN ssn LIKE '1%' THEN 0 ELSE 1 END) FROM people`],
  ])('%s holds no clear value', async (sql) => {
    const answer = await through(sql);
    expect(answer).not.toHaveProperty('refused');
    expect(JSON.stringify(answer)).not.toMatch(RAW);
    expect(JSON.stringify(await direct(sql.replaceAll(', secret text', '')))).toMatch(/111-11-1111|example\.org|division|invalid/);
  });
});

describe('what is refused', () => {
  it.each([
    ['SELECT * FROM hidden', 'relation-refused'],
    ['WITH a AS (SELECT * FROM hidden), hidden AS (SELECT 1) SELECT * FROM a', 'relation-refused'],
    ['SELECT * FROM child', 'relation-refused'],
    ['SELECT reveal(p) FROM people p', 'function-refused'],
    ['SELECT p.reveal FROM people p', 'function-refused'],
    ['SELECT (id).reveal FROM people', 'function-refused'],
    ['SELECT x.reveal FROM generate_series(1, 2) x', 'function-refused'],
    [`SELECT 'a'::spied`, 'function-refused'],
    [`SELECT 'a'::spied[]`, 'function-refused'],
    ['SELECT set_config($1, $2, false)', 'setting-unnamed'],
    ['PREPARE a AS SELECT mail FROM people; EXPLAIN VERBOSE EXECUTE a', 'statement-refused'],
    ['SELECT 1; SELECT * FROM hidden', 'relation-refused'],
    ['SELECT current_query()', 'function-refused'],
  ])('%s', async (sql, refused) => {
    expect(await through(sql)).toEqual({ refused });
  });

  it('a column that is not granted, and it is not there either', async () => {
    expect(await through('SELECT p.secret FROM people p')).toEqual({ refused: 'column-refused' });
    expect(await through('SELECT secret FROM people, (SELECT 1) t')).toEqual({ error: '42703 column "secret" does not exist' });
    expect(await through('SELECT people.secret FROM people NATURAL JOIN (SELECT 1) t')).toEqual({ refused: 'column-refused' });
    expect(await through(`SELECT person FROM ${LONG}, (SELECT 1) t`)).toEqual({ error: '42703 column "person" does not exist' });
  });
});

describe('the fence of a row filter', () => {
  it('keeps an expression that fails on a hidden row from running', async () => {
    const sql = 'SELECT count(*) FROM orders WHERE 1 / total >= 0';
    expect(await through(sql)).toEqual({ rows: [['2']] });
    expect(await direct(sql)).toEqual({ error: '22012 division by zero' });
  });
});

describe('the key of a hash', () => {
  const KEYED = Buffer.from([...Buffer.from('the key')].map((byte) => byte ^ 0x36)).toString('hex');

  it.each([
    ['EXPLAIN (VERBOSE) SELECT mail FROM people'],
    ['EXPLAIN (VERBOSE, ANALYZE) SELECT mail FROM people WHERE mail LIKE name'],
    ['EXPLAIN (VERBOSE) DECLARE c CURSOR FOR SELECT mail FROM people'],
    ['BEGIN; DECLARE c CURSOR FOR SELECT mail FROM people; SELECT statement FROM pg_cursors'],
    ['ROLLBACK; PREPARE k AS SELECT mail FROM people; SELECT statement FROM pg_prepared_statements'],
    ['SELECT mail, query FROM people, pg_stat_activity'],
    ['SELECT mail::int FROM people'],
  ])('is not shown by %s', async (sql) => {
    expect(JSON.stringify(await through(sql))).not.toContain(KEYED);
    expect((await judge('SELECT mail FROM people')) as { sent: string }).toHaveProperty('sent', expect.stringContaining(KEYED));
  });
});

describe('texts that are large or deep', () => {
  it.each([
    ['a list of 20,000', `SELECT 1 WHERE 1 IN (${Array(20_000).fill('1').join(',')})`, 'Allow'],
    ['5,000 alternatives', `SELECT id FROM people WHERE ${Array(5000).fill('id = 1').join(' OR ')}`, 'Allow'],
    ['1,000 additions', `SELECT ${Array(1000).fill('id').join(' + ')} FROM people`, 'Allow'],
    ['500 unions of a scope', Array(500).fill('SELECT id FROM people').join(' UNION ALL '), 'Allow'],
    ['1,000 parentheses', `SELECT ${'('.repeat(1000)}1${')'.repeat(1000)}`, 'statement-too-complex'],
    ['30,000 NOTs', `SELECT ${'NOT '.repeat(30_000)}true`, 'syntax-error'],
    ['100,000 pluses', `SELECT ${'+'.repeat(100_000)}1`, 'statement-too-complex'],
    ['20,000 casts', `SELECT 1${'::int'.repeat(20_000)}`, 'statement-too-complex'],
    ['a comment of 900 kB', `/*${'x'.repeat(900_000)}*/ SELECT 1`, 'Allow'],
    ['a text of 16 MiB', `SELECT 1${' '.repeat(2 ** 24 - 8)}`, 'Allow'],
    ['a text of more than 16 MiB', ' '.repeat(2 ** 24 + 1), 'statement-too-large'],
    ['20,000 scopes', `SELECT 1 FROM ${Array(20_000).fill('people').join(',')}`, 'statement-too-large'],
  ])('%s', async (_, sql, expected) => {
    const judged = await judge(sql);
    expect(judged.decision === 'Deny' ? judged.failure.fields.code : judged.decision).toBe(expected);
    expect(await through('SELECT ssn FROM people WHERE id = 1')).toEqual({ rows: [['***1111']] });
  });

  it('leave nobody without a grammar who is judged at the same time', async () => {
    const deep = `SELECT 1${'::int'.repeat(20_000)}`;
    const fresh = Array.from({ length: 20 }, (_, index) => `SELECT ssn AS a${index} FROM people, orders`);
    const judged = await Promise.all(fresh.flatMap((sql) => [judge(sql), judge(`${deep} -- ${sql}`)]));
    expect(judged.map(({ decision }) => decision)).toEqual(fresh.flatMap(() => ['Allow', 'Deny']));
  });

  it('none of all this was a fault', () => {
    expect(faults).toEqual([]);
  });
});
