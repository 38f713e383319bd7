/** The planner tries conditions on samples of hidden rows: what it tells by failing on them, it would tell about them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { grant } from '../support/small-catalog.ts';
import { openRewriting, type Rewriting } from './rewriting.ts';

/** Each fails on `hidden word`, and on no visible value. */
const TELLING = [
  `SELECT id FROM letters WHERE note LIKE 'h%dden\\'`,
  `SELECT id FROM letters WHERE note NOT LIKE 'h%dden\\'`,
  `SELECT id FROM letters WHERE note ILIKE 'H%dden\\'`,
  `SELECT id FROM letters WHERE note LIKE 'h%dden!' ESCAPE '!'`,
  `SELECT id FROM letters WHERE note ~~ ANY (ARRAY['h%dden\\'])`,
  `SELECT id FROM letters WHERE NOT (note LIKE 'h%dden\\' OR id = 4)`,
  `SELECT id FROM letters WHERE textlike(note, 'h%dden\\')`,
  `SELECT l.id FROM letters l JOIN letters m ON l.id = m.id AND m.note LIKE 'h%dden\\'`,
  `SELECT l.id, m.id FROM letters l LEFT JOIN letters m ON l.id = m.id AND m.note LIKE 'h%dden\\'`,
  `SELECT n FROM (SELECT note AS n FROM letters) s WHERE n LIKE 'h%dden\\'`,
  `WITH w AS (SELECT note AS n FROM letters) SELECT n FROM w WHERE n LIKE 'h%dden\\'`,
  `WITH w AS MATERIALIZED (SELECT note AS n FROM letters) SELECT n FROM w WHERE n LIKE 'h%dden\\'`,
  `SELECT note FROM letters GROUP BY note HAVING note LIKE 'h%dden\\'`,
  `SELECT note FROM letters GROUP BY note HAVING count(*) > 1 OR note LIKE 'h%dden\\'`,
  `SELECT n FROM (SELECT note AS n FROM letters UNION ALL SELECT note FROM letters) s WHERE n LIKE 'h%dden\\'`,
  `SELECT n FROM (SELECT DISTINCT note AS n FROM letters) s WHERE n LIKE 'h%dden\\'`,
  `SELECT (SELECT count(*) FROM letters WHERE note LIKE 'h%dden\\')`,
  `SELECT 1 WHERE EXISTS (SELECT FROM letters WHERE note LIKE 'h%dden\\')`,
  `SELECT id FROM letters, LATERAL (SELECT note AS n) l WHERE n LIKE 'h%dden\\'`,
  `SELECT n FROM (SELECT note AS n, row_number() OVER () FROM letters) s WHERE n LIKE 'h%dden\\'`,
  `SELECT id FROM letters WHERE sorted LIKE 'h%dden\\'`,
  `SELECT id FROM letters WHERE short::text LIKE 'h%dden\\'`,
  `SELECT note LIKE 'h%dden\\' FROM letters`,
  `SELECT id FROM letters WHERE id > 1 ORDER BY note LIKE 'h%dden\\', id`,
  `SELECT DISTINCT note LIKE 'h%dden\\' FROM letters WHERE id > 1`,
  `SELECT note LIKE 'h%dden\\', count(*) FROM letters GROUP BY 1`,
  `SELECT count(*) FILTER (WHERE note LIKE 'h%dden\\') FROM letters`,
  `SELECT count(*) FROM letters HAVING bool_or(note LIKE 'h%dden\\')`,
  `SELECT s.x FROM (SELECT note LIKE 'h%dden\\' AS x FROM letters) s WHERE s.x`,
  `PREPARE p AS SELECT id FROM letters WHERE note LIKE 'h%dden\\'; EXECUTE p; DEALLOCATE p`,
];

describe.each(POSTGRES_VERSIONS)('on PostgreSQL %i', (version) => {
  let server: TestPostgres;
  let rewriting: Rewriting;
  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.sql(`
      CREATE TABLE letters (id int PRIMARY KEY, open bool, note text, sorted text COLLATE "C", short varchar(40));
      INSERT INTO letters SELECT i, w = 'plain', w, w, w FROM (SELECT i, CASE WHEN i % 2 = 0 THEN 'plain' ELSE 'hidden word' END AS w FROM generate_series(1, 600) i) s;
      CREATE INDEX ON letters (note); CREATE STATISTICS letters_stats ON note, sorted, short FROM letters; ANALYZE letters`);
    rewriting = await openRewriting(server, 'postgres', [grant('letters', { where: 'open' })]);
  });
  afterAll(async () => {
    await rewriting.end();
    await server.stop('immediate');
  });

  it.each(TELLING)('does not try it on hidden rows: %s', async (sql) => {
    await expect(rewriting.client.query(sql)).rejects.toThrow('LIKE pattern must not end with escape character');
    await rewriting.client.query('DEALLOCATE ALL');
    await expect(rewriting.client.query(await rewriting.sent(sql))).resolves.toBeDefined();
  });

  it('keeps the types of the columns', async () => {
    const typesOf = async (sql: string) =>
      (await rewriting.client.query(sql)).fields.map(({ name, dataTypeID, dataTypeModifier }) => [name, dataTypeID, dataTypeModifier]);
    const sql = `SELECT * FROM letters WHERE note LIKE sorted COLLATE "C"`;
    const sent = await rewriting.sent(sql);
    expect(sent).toContain('CURRENT_TIMESTAMP');
    expect(await typesOf(sent)).toEqual(await typesOf('SELECT * FROM letters LIMIT 0'));
  });

  it('changes nothing where no condition could fail', async () => {
    expect(await rewriting.sent(`SELECT * FROM letters WHERE lower(note) LIKE 'a%' AND id + 1 > 2`)).not.toContain('CURRENT_TIMESTAMP');
  });
});
