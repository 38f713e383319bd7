import { beforeAll, describe, expect, it } from 'vitest';
import { Grammar } from './grammar.ts';
import { type StatementPart, statementParts } from './statement-parts.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

/** Kinds, targets (`~`: columns may have other names), whether it has a WHERE, what it assigns, and what else holds. */
const textOf = ({ kinds, targets, where, joinsQueries, assigned, fromQuery, calls, upsert }: StatementPart): string =>
  [
    kinds.join('+'),
    targets
      .map(({ schema, name, alias, renamed }) =>
        [schema && `${schema}.`, name, alias && `=${alias}`, renamed && '~'].filter(Boolean).join(''),
      )
      .join(),
    where.type === 'NotAsked' ? '' : where.type === 'None' ? 'all' : 'where',
    assigned === 'All' ? 'sets *' : assigned.length > 0 && `sets ${assigned.join()}`,
    joinsQueries && 'joins',
    fromQuery && 'query',
    upsert && 'upsert',
    calls.length > 0 && `calls ${calls.map(({ name }) => name).join()}`,
  ]
    .filter(Boolean)
    .join(' ');

const partsOf = (sql: string): readonly string[] => statementParts(grammar.parse(sql)[0]!.node).map(textOf);

describe('statementParts()', () => {
  it.each<readonly [string, ...string[]]>([
    ['SELECT 1', 'Select'],
    ['SELECT 1 WHERE true', 'Select'],
    ['SELECT 1 FROM f()', 'Select'],
    ['SELECT 1 FROM f() WHERE true', 'Select'],
    ['TABLE s.a', 'Select s.a all'],
    ['SELECT 1 FROM a AS b, c AS d (e) WHERE f', 'Select a=b,c=d~ where'],
    ['SELECT 1 FROM a TABLESAMPLE system (1)', 'Select a all'],
    ['SELECT 1 FROM a JOIN b ON c', 'Select a,b all'],
    ['SELECT 1 FROM (a JOIN b ON c) AS j', 'Select a~,b~ all'],
    ['SELECT 1 FROM ((a JOIN b ON c) AS j JOIN d ON e) AS k WHERE f', 'Select a~,b~,d~ where'],
    ['SELECT 1 FROM (a JOIN b ON c) AS j JOIN d ON e', 'Select a~,b~,d all'],
    ['SELECT 1 FROM a, f()', 'Select a all'],
    ['SELECT 1 FROM a, (SELECT 1 FROM b) x', 'Select a all joins'],
    ['SELECT 1 FROM (SELECT 1 FROM b) x WHERE c', 'Select where'],
    ['SELECT 1 FROM (SELECT 1 FROM b) x', 'Select b all'],
    ['SELECT 1 FROM (SELECT 1 FROM b WHERE c) x', 'Select b where'],
    ['SELECT 1 FROM (SELECT 1 FROM b WHERE c) x, (SELECT 1 FROM d) y', 'Select d all'],
    ['SELECT 1 FROM (SELECT 1 FROM b WHERE c) x, (SELECT 1) y', 'Select b where'],
    ['SELECT 1 FROM (SELECT 1 FROM b WHERE c UNION SELECT 1 FROM d) x', 'Select d all'],
    ['SELECT 1 FROM (VALUES (1)) x', 'Select'],
    ['SELECT 1 FROM a UNION (SELECT 2 FROM b WHERE c EXCEPT TABLE d)', 'Select a all', 'Select b where', 'Select d all'],
    [
      'SELECT (SELECT 1 FROM a), ARRAY(SELECT 1 FROM b WHERE c), (SELECT (SELECT 1 FROM d))',
      'Select',
      'Select a all',
      'Select b where',
      'Select',
      'Select d all',
    ],
    ['SELECT 1 FROM a WHERE b IN (SELECT 1 FROM c)', 'Select a where'],
    ['SELECT 1 INTO a FROM b', 'Create', 'Select b all'],
    // WITH.
    ['WITH x AS (TABLE a) TABLE x', 'Select a all'],
    ['WITH x AS (TABLE a) TABLE s.x', 'Select s.x all'],
    ['WITH x AS (TABLE a), y AS (TABLE x) SELECT 1 FROM y WHERE b', 'Select where'],
    ['WITH x AS (TABLE a) SELECT 1 FROM b, x', 'Select b all joins'],
    ['WITH x AS (DELETE FROM a RETURNING b) TABLE x', 'Delete a all', 'Select'],
    ['WITH x AS (WITH y AS (DELETE FROM a WHERE b RETURNING c) TABLE y) TABLE x', 'Delete a where', 'Select'],
    ['WITH x AS (TABLE a) SELECT 1 FROM (WITH x AS (TABLE b) TABLE x) y', 'Select b all'],
    ['WITH x AS (TABLE a) INSERT INTO b TABLE x', 'Insert b sets * query', 'Select a all'],
    ['INSERT INTO b WITH x AS (SELECT 1 FROM a WHERE c) TABLE x', 'Insert b sets * query', 'Select a where'],
    ['SELECT 1 FROM a UNION (WITH x AS (TABLE b) TABLE x)', 'Select a all', 'Select b all'],
    ['SELECT (WITH x AS (TABLE b) TABLE x)', 'Select', 'Select b all'],
    ['SELECT 1 FROM (SELECT 1 FROM a WHERE b UNION (WITH x AS (TABLE c) TABLE x)) y', 'Select c all'],
    ['WITH x AS (TABLE a), i AS (INSERT INTO b TABLE x) SELECT 1', 'Insert b sets * query', 'Select a all', 'Select'],
    ['WITH i AS (INSERT INTO b TABLE x), x AS (TABLE a) SELECT 1', 'Insert b sets * query', 'Select x all', 'Select'],
    // Names in sight: the CTE that stands there, and otherwise the relation.
    ['WITH a AS (TABLE a) TABLE a', 'Select a all'],
    ['WITH a AS (SELECT 1 FROM a WHERE b) TABLE a', 'Select a where'],
    ['WITH x AS (TABLE a) SELECT 1 FROM (WITH x AS (TABLE x) TABLE x) y', 'Select a all'],
    ['WITH x AS (TABLE y), y AS (TABLE a) TABLE x', 'Select y all'],
    ['WITH RECURSIVE x AS (TABLE y), y AS (TABLE a) TABLE x', 'Select a all'],
    ['WITH RECURSIVE x AS (SELECT 1 FROM a WHERE b UNION SELECT 1 FROM x WHERE c) TABLE x', 'Select where'],
    ['INSERT INTO b WITH x AS (UPDATE a SET c = 1 RETURNING d) TABLE x', 'Update a all sets c', 'Insert b sets * query', 'Select'],
    // Changes.
    ['INSERT INTO s.a AS b (c, d) VALUES (f(), 1)', 'Insert s.a=b sets c,d calls f'],
    ['INSERT INTO a VALUES (1)', 'Insert a sets *'],
    ['INSERT INTO a DEFAULT VALUES', 'Insert a'],
    ['INSERT INTO a (b) SELECT 1', 'Insert a sets b query', 'Select'],
    ['INSERT INTO a (b) VALUES (1) ON CONFLICT DO NOTHING', 'Insert a sets b'],
    ['INSERT INTO a (b) VALUES (1) ON CONFLICT (b) DO UPDATE SET c = 2', 'Insert+Update a sets b,c upsert'],
    ['INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET c = 2', 'Insert+Update a sets * upsert'],
    ['UPDATE a SET b = 1, (c, d) = (2, 3)', 'Update a all sets b,c,d'],
    ['UPDATE a AS x SET b = 1 FROM y WHERE c', 'Update a=x where sets b'],
    ['DELETE FROM a', 'Delete a all'],
    ['DELETE FROM a USING b WHERE c', 'Delete a where'],
    ['MERGE INTO a USING b ON c WHEN MATCHED THEN DELETE', 'Merge+Delete a where'],
    [
      'MERGE INTO a USING b ON c WHEN MATCHED AND d THEN UPDATE SET e = 1 WHEN MATCHED THEN UPDATE SET f = 1 WHEN NOT MATCHED THEN INSERT (g) VALUES (1)',
      'Merge+Update+Insert a where sets e,f,g',
    ],
    ['MERGE INTO a USING b ON c WHEN NOT MATCHED THEN INSERT VALUES (1)', 'Merge+Insert a where sets *'],
    ['MERGE INTO a USING b ON c WHEN MATCHED THEN DO NOTHING', 'Merge a where'],
    [
      'MERGE INTO a USING b ON c WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED BY SOURCE AND d THEN UPDATE SET e = 1',
      'Merge+Delete+Update a where sets e',
      'Merge+Delete a all',
      'Merge+Update a where',
    ],
    // What locks.
    ['SELECT 1 FROM a, b WHERE c FOR UPDATE', 'Select a,b where', 'SelectForUpdate a,b where'],
    ['SELECT 1 FROM a AS x, b FOR UPDATE OF x', 'Select a=x,b all', 'SelectForUpdate a=x all'],
    ['SELECT 1 FROM a, (TABLE b) x FOR SHARE', 'Select a all joins', 'SelectForUpdate a all joins'],
    ['SELECT 1 FROM a, (TABLE b) x FOR SHARE OF a', 'Select a all joins', 'SelectForUpdate a all'],
    ['SELECT 1 FROM a, (TABLE b) x FOR SHARE OF x, a', 'Select a all joins', 'SelectForUpdate a all joins'],
    ['DELETE FROM a WHERE b IN (SELECT 1 FROM c FOR UPDATE)', 'Delete a where', 'SelectForUpdate c all'],
    // What contains others.
    ['EXPLAIN DELETE FROM a', 'Explain', 'Delete a all'],
    ['PREPARE p AS DELETE FROM a', 'Delete a all'],
    ['DECLARE c CURSOR FOR TABLE a', 'Select a all'],
    ['COPY a (b, c) TO STDOUT', 'Copy+CopyTo+Select a all'],
    ['COPY a FROM STDIN', 'Copy+CopyFrom+Insert a sets *'],
    ['COPY a (b) FROM STDIN', 'Copy+CopyFrom+Insert a sets b'],
    ['COPY (DELETE FROM a RETURNING b) TO STDOUT', 'Copy+CopyTo', 'Delete a all'],
    ['CREATE TABLE a AS TABLE b', 'Create', 'Select b all'],
    ['CREATE VIEW a AS TABLE b', 'Create', 'Select b all'],
    // The others are only kinds.
    ['CREATE TABLE a ()', 'Create'],
    ['CREATE INDEX ON a (b)', 'Create'],
    ['CREATE TYPE a AS (b int)', 'Create'],
    ['CREATE RULE a AS ON INSERT TO b DO NOTHING', 'Create'],
    ['CREATE AGGREGATE a (int) (SFUNC = b, STYPE = int)', 'Create'],
    ['IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c', 'Create'],
    ['ALTER TABLE a DROP b', 'Alter'],
    ['ALTER TABLE a RENAME TO b', 'Alter'],
    ['DROP TABLE a', 'Drop'],
    ['TRUNCATE a', 'Truncate'],
    ["COMMENT ON TABLE a IS 'b'", 'Comment'],
    ['REINDEX TABLE a', 'Reindex'],
    ['CLUSTER a', 'Cluster'],
    ['REFRESH MATERIALIZED VIEW a', 'Refresh'],
    ['LOCK a', 'Lock'],
    ['CALL a()', 'Call'],
    ["DO ''", 'Do'],
    ['VACUUM a', 'Vacuum'],
    ['ANALYZE a', 'Analyze'],
    ['GRANT SELECT ON a TO b', 'Grant'],
    ['REVOKE SELECT ON a FROM b', 'Revoke'],
    ['GRANT a TO b', 'Grant'],
    ['REVOKE a FROM b', 'Revoke'],
    ['ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO a', 'Alter+Grant'],
    ['ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM a', 'Alter+Revoke'],
    ['NOTIFY a', ''],
    ['SET a = 1', ''],
  ])('%s', (sql, ...expected) => {
    expect(partsOf(sql)).toEqual(expected);
  });

  it('looks behind names as far as it goes, and then takes the rest for all', () => {
    const chain = Array.from({ length: 40 }, (_, index) => `c${index + 1} AS (SELECT 1 FROM c${index}, c${index} d)`);
    expect(partsOf(`WITH c0 AS (SELECT 1 FROM a WHERE b), ${chain.slice(0, 3).join()} TABLE c3`)).toEqual(['Select a where']);
    expect(partsOf(`WITH c0 AS (SELECT 1 FROM a WHERE b), ${chain.join()} TABLE c40`)).toEqual(['Select all']);
  });

  it('gives the conditions themselves', () => {
    const [part] = statementParts(grammar.parse('DELETE FROM a WHERE b')[0]!.node);
    expect(part?.where).toMatchObject({ tree: { ColumnRef: { fields: [{ String: { sval: 'b' } }] } } });
  });
});
