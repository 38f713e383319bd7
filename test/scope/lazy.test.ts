/** What fails as soon as it is evaluated at all tells whether there is a row: asking for a hidden one is like asking for none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { grant } from '../support/small-catalog.ts';
import { openRewriting, type Rewriting } from './rewriting.ts';

const SCHEMA = `
  CREATE TABLE people (id int PRIMARY KEY, name text);
  INSERT INTO people SELECT i, 'name ' || i FROM generate_series(1, 9) i;
  CREATE TABLE letters (id int PRIMARY KEY, open bool, amount int, big int8, note text, sorted text COLLATE "C", other text COLLATE "POSIX", day date, tag varchar(9));
  INSERT INTO letters SELECT i, i <> 7, 5, 5000000000, 'note', 'note', 'note', '2024-01-01', 'tag' FROM generate_series(1, 20) i;
  CREATE VIEW broken AS SELECT id, name FROM people WHERE 1 / (id - 3) > -2;
  ANALYZE`;

const FAILING = '1 / (p.id - p.id)';

/** Conditions beside `l.id = ...`, each of which fails whenever it is evaluated. */
const CONDITIONS = [
  `${FAILING.replaceAll('p.', 'l.')} > 0`,
  `l.amount > (SELECT max(${FAILING}) FROM people p)`,
  `(EXISTS (SELECT FROM w WHERE w.x = l.amount) OR l.amount < 0)`,
  `(l.amount IN (SELECT x FROM w) OR l.amount < 0)`,
  `l.amount NOT IN (SELECT x FROM w)`,
  `(EXISTS (SELECT FROM broken b WHERE b.id < 4) OR l.amount < 0)`,
  `(EXISTS (SELECT generate_series(1, ${FAILING}) FROM people p) OR l.amount < 0)`,
  `(EXISTS (SELECT FROM people p ORDER BY ${FAILING} LIMIT 1) OR l.amount < 0)`,
  `l.amount IN (SELECT ${FAILING} FROM people p)`,
  `l.amount = ANY (ARRAY(SELECT ${FAILING} FROM people p))`,
  `l.sorted = l.other`,
  `l.day > now() - interval '999999 years'`,
  `l.day > ('never' || '')::text::date`,
  `l.big = 5::oid`,
  `l.note LIKE 'n%t\\'`,
  `l.note ~ ('(' || l.tag)`,
  `l.amount BETWEEN 1 AND 1 / (l.amount - 5)`,
  `CASE WHEN l.amount = 5 THEN 1 / (l.amount - 5) END = 1`,
  `(l.amount, 1 / (l.amount - 5)) > (1, 2)`,
];

const STATEMENTS = [
  ...CONDITIONS.map((condition) => `SELECT l.id FROM letters l WHERE l.id = ID AND ${condition}`),
  `SELECT l.id FROM letters l JOIN people p ON p.id = ${FAILING.replaceAll('p.', 'l.')} WHERE l.id = ID`,
  `SELECT s.id FROM (SELECT id, 1 / (amount - 5) AS x FROM letters) s WHERE s.id = ID AND s.x > 0`,
  `SELECT s.id FROM (SELECT id, 1 / (amount - 5) AS x FROM letters UNION ALL SELECT id, id FROM people WHERE id < 0) s WHERE s.id = ID AND s.x > 0`,
  `SELECT l.id, l.x FROM letters o, LATERAL (SELECT o.id, 1 / (o.amount - 5) AS x) l WHERE l.id = ID`,
  `SELECT g FROM letters l, generate_series(1, 1 / (l.amount - 5)) g WHERE l.id = ID`,
  `SELECT 1 / (amount - 5) FROM letters l WHERE id = ID`,
  `SELECT id FROM letters l WHERE id = ID ORDER BY 1 / (amount - 5)`,
  `SELECT count(*) FROM letters l WHERE id = ID GROUP BY 1 / (amount - 5)`,
  `SELECT id FROM letters l WHERE id = ID GROUP BY id, amount HAVING 1 / (amount - 5) > 0`,
  `SELECT max(1 / (amount - 5)) FROM letters l WHERE id = ID`,
  `SELECT row_number() OVER (ORDER BY 1 / (amount - 5)) FROM letters l WHERE id = ID`,
  `SELECT (SELECT p.id FROM people p WHERE p.id = 1 / (l.amount - 5)) FROM letters l WHERE l.id = ID`,
  `SELECT p.id FROM people p LEFT JOIN letters l ON l.id = ID AND 1 / (l.amount - 5) > 0`,
  `SELECT p.id FROM people p WHERE EXISTS (SELECT FROM letters l WHERE l.id = ID AND 1 / (l.amount - 5) > 0)`,
];

const WITH = 'WITH w AS MATERIALIZED (SELECT 1 / (p.id - 3) AS x FROM people p)';

describe.each(POSTGRES_VERSIONS)('on PostgreSQL %i', (version) => {
  let server: TestPostgres;
  let rewriting: Rewriting;
  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.sql(SCHEMA);
    if (version >= 18) await server.sql('ALTER TABLE letters ADD half int GENERATED ALWAYS AS (1 / (amount - 5)) VIRTUAL');
    rewriting = await openRewriting(server, 'postgres', [grant('letters', { where: 'open' }), grant('people'), grant('broken')]);
  });
  afterAll(async () => {
    await rewriting.end();
    await server.stop('immediate');
  });

  const answer = async (sql: string): Promise<string> => {
    try {
      return JSON.stringify((await rewriting.client.query(sql)).rows);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const asked = (statement: string, id: number): string =>
    `${statement.includes('FROM w') ? `${WITH} ` : ''}${statement.replace('ID', String(id))}`;
  const through = async (statement: string, id: number): Promise<string> => answer(await rewriting.sent(asked(statement, id)));

  const statements = version >= 18 ? [...STATEMENTS, 'SELECT id FROM letters l WHERE id = ID AND half = 5'] : STATEMENTS;
  const [absent, hidden] = [99, 7];

  it.each(statements)('%s', async (statement) => {
    expect(await through(statement, hidden)).toBe(await through(statement, absent));
  });

  it('tells where there is no filter', async () => {
    const telling: string[] = [];
    for (const statement of statements) {
      if ((await answer(asked(statement, hidden))) !== (await answer(asked(statement, absent)))) telling.push(statement);
    }
    // The others fail while they are planned, or fail always.
    expect(telling.length).toBeGreaterThan(statements.length / 2);
  });
});
