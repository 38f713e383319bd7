import { beforeAll, describe, expect, it } from 'vitest';
import { type Analysis, assignedColumns, type QueryLevel } from './analysis.ts';
import { analyze } from './analyze.ts';
import { Grammar } from './grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const analysisOf = (sql: string): Analysis => analyze(grammar.parse(sql)[0]!, Buffer.from(sql));

describe('analyze() tells what is written', () => {
  const written = (sql: string): readonly unknown[] =>
    analysisOf(sql).writes.map((write) => [
      write.command,
      write.reference.alias ?? write.reference.name,
      assignedColumns(write)?.join() ?? '*',
      [write.deletes && 'deletes', write.fromQuery && 'fromQuery', write.upsert && 'upsert', write.outermost || 'inner']
        .filter((word) => typeof word === 'string')
        .join(),
    ]);

  it.each([
    ['INSERT INTO a VALUES (1, 2)', [['Insert', 'a', '*', '']]],
    ['INSERT INTO a AS x (b, c[1], d.e) TABLE f', [['Insert', 'x', 'b,c,d', 'fromQuery']]],
    ['INSERT INTO a DEFAULT VALUES', [['Insert', 'a', '', '']]],
    ['INSERT INTO a (b, c, d) VALUES (DEFAULT, 1, DEFAULT), (DEFAULT, DEFAULT, 2)', [['Insert', 'a', 'c,d', '']]],
    ['INSERT INTO a VALUES (DEFAULT, 1)', [['Insert', 'a', '*', '']]],
    ['INSERT INTO a (b, c, d) VALUES ((ROW(1, 2)).*, DEFAULT)', [['Insert', 'a', 'b,c,d', '']]],
    ['MERGE INTO a USING b ON true WHEN NOT MATCHED THEN INSERT (c, d, e) VALUES (b.*, DEFAULT)', [['Merge', 'a', 'c,d,e', '']]],
    ['MERGE INTO a USING b ON true WHEN NOT MATCHED THEN INSERT (c, d) VALUES (DEFAULT, 1)', [['Merge', 'a', 'd', '']]],
    ['INSERT INTO a (b) VALUES (1) ON CONFLICT (b) DO UPDATE SET c = 1, (d, e) = (1, 2)', [['Insert', 'a', 'c,d,e,b', 'upsert']]],
    ['INSERT INTO a (b) VALUES (1) ON CONFLICT DO NOTHING', [['Insert', 'a', 'b', '']]],
    ['UPDATE ONLY a SET b = 1, c[1].d = 2, (e, f) = (SELECT 1, 2)', [['Update', 'a', 'b,c,e,f', '']]],
    ['DELETE FROM a USING b', [['Delete', 'a', '', 'deletes']]],
    [
      'MERGE INTO a USING b ON true WHEN MATCHED THEN UPDATE SET c = 1 WHEN NOT MATCHED THEN INSERT (d) VALUES (1) WHEN NOT MATCHED BY SOURCE THEN DELETE',
      [['Merge', 'a', 'c,d', 'deletes']],
    ],
    ['COPY a (b, c) FROM STDIN', [['CopyIn', 'a', 'b,c', '']]],
    ['COPY a FROM STDIN CSV', [['CopyIn', 'a', '*', '']]],
    ['COPY a (b) FROM STDIN WHERE b > 1', [['CopyIn', 'a', 'b', '']]],
    [
      'WITH x AS (DELETE FROM a RETURNING *), y AS (UPDATE b SET c = 1) INSERT INTO d SELECT * FROM x',
      [
        ['Delete', 'a', '', 'deletes,inner'],
        ['Update', 'b', 'c', 'inner'],
        ['Insert', 'd', '*', 'fromQuery'],
      ],
    ],
    ['PREPARE p AS DELETE FROM a', [['Delete', 'a', '', 'deletes']]],
    ['EXPLAIN ANALYZE INSERT INTO a SELECT 1', [['Insert', 'a', '*', 'fromQuery']]],
    ['COPY (DELETE FROM a RETURNING b) TO STDOUT', [['Delete', 'a', '', 'deletes']]],
    ['SELECT * FROM a', []],
  ])('%s', (sql, expected) => {
    expect(written(sql)).toEqual(expected);
  });
});

describe('analyze() tells what is read, apart from what is written', () => {
  it.each([
    ['WITH a AS (SELECT 1) INSERT INTO a SELECT * FROM a', []],
    ['INSERT INTO a SELECT * FROM a', ['a']],
    ['INSERT INTO a WITH b AS (SELECT * FROM c) SELECT * FROM b', ['c']],
    ['UPDATE a SET b = (SELECT x FROM b), (c, d) = (SELECT x, y FROM e) FROM f WHERE EXISTS (SELECT FROM g)', ['f', 'b', 'e', 'g']],
    ['UPDATE a SET b[(SELECT x FROM c)] = 1', ['c']],
    ['DELETE FROM a USING b JOIN c ON true WHERE x = (SELECT x FROM a) RETURNING (SELECT x FROM d)', ['b', 'c', 'a', 'd']],
    [
      'MERGE INTO a USING (SELECT * FROM b) s ON EXISTS (SELECT FROM c) WHEN MATCHED AND EXISTS (SELECT FROM d) THEN UPDATE SET x = (SELECT x FROM e) WHEN NOT MATCHED THEN INSERT VALUES ((SELECT x FROM f)) RETURNING (SELECT x FROM g)',
      ['b', 'c', 'd', 'e', 'f', 'g'],
    ],
    [
      'INSERT INTO a VALUES ((SELECT x FROM b)) ON CONFLICT (c) WHERE EXISTS (SELECT FROM d) DO UPDATE SET x = (SELECT x FROM e) WHERE (SELECT x FROM f)',
      ['b', 'd', 'e', 'f'],
    ],
    ['WITH x AS (INSERT INTO a SELECT * FROM b RETURNING *), y AS (SELECT * FROM x) SELECT * FROM y, c', ['b', 'c']],
  ])('%s', (sql, expected) => {
    expect(analysisOf(sql).relations.map(({ name }) => name)).toEqual(expected);
  });
});

describe('analyze() tells what each clause of a write sees', () => {
  const sights = (sql: string): readonly string[] =>
    analysisOf(sql).columns.map((use) => {
      const names: string[] = [];
      for (let level: QueryLevel | undefined = use.level; level !== undefined; level = level.parent) {
        names.push(level.items.map(({ name, type }) => (type === 'Target' || type === 'Version' ? `${name}!` : name)).join('+'));
      }
      return `${use.fields.join('.')}: ${names.join(' < ')}`;
    });

  it.each([
    ['INSERT INTO a SELECT b FROM c', ['b: c < ']],
    ['INSERT INTO a VALUES ((SELECT b))', ['b:  <  < ']],
    [
      'INSERT INTO a VALUES (1) ON CONFLICT (lower(b)) DO UPDATE SET c = d WHERE e RETURNING f',
      ['b: a!', 'd: a!+excluded!', 'e: a!+excluded!', 'f: a!+old!+new!'],
    ],
    [
      'UPDATE a SET b = c FROM d, LATERAL (SELECT e) f WHERE (SELECT g) RETURNING h',
      ['e:  < d+f', 'c: a!+d+f', 'g:  < a!+d+f', 'h: a!+d+f+old!+new!'],
    ],
    ['DELETE FROM a AS x USING b AS old WHERE c RETURNING WITH (NEW AS n) d', ['c: x!+old', 'd: x!+old+n!']],
    [
      'MERGE INTO a USING b ON c WHEN MATCHED AND d THEN UPDATE SET x = e WHEN NOT MATCHED AND f THEN INSERT VALUES (g) WHEN NOT MATCHED BY SOURCE AND h THEN DELETE',
      ['c: a!+b', 'd: a!+b', 'e: a!+b', 'f: b', 'g: b', 'h: a!'],
    ],
  ])('%s', (sql, expected) => {
    expect(sights(sql)).toEqual(expected);
  });

  it.each([
    ['SELECT (SELECT 1 FROM a JOIN b ON c) FROM d', ['c: 1']],
    ['SELECT 1 FROM a, (SELECT b) x, LATERAL (SELECT (SELECT c FROM y JOIN z ON d)) w WHERE e', ['b: 1', 'c: 1', 'd: 2', 'e: 0']],
  ])('in how many FROM clauses a column stands: %s', (sql, expected) => {
    expect(
      analysisOf(sql)
        .columns.map((use) => `${use.fields.join('.')}: ${use.partial.length}`)
        .sort(),
    ).toEqual(expected);
  });

  it('items behind the alias of a join', () => {
    const [level] = analysisOf('SELECT 1 FROM (a JOIN b ON true) AS j, c').levels;
    expect(level?.items.map(({ name, covered }) => [name, covered === true])).toEqual([
      ['a', true],
      ['b', true],
      ['j', false],
      ['c', false],
    ]);
  });
});

describe('analyze() tells what is locked', () => {
  it.each([
    ['SELECT * FROM a, (SELECT * FROM b, (SELECT * FROM c) y WHERE EXISTS (SELECT FROM d)) x FOR UPDATE', [['Update', 'a', 'b', 'c']]],
    [
      'SELECT * FROM a, b JOIN c ON true FOR NO KEY UPDATE OF a FOR SHARE OF c SKIP LOCKED',
      [
        ['NoKeyUpdate', 'a'],
        ['Share', 'c'],
      ],
    ],
    ['WITH w AS (SELECT * FROM a) SELECT * FROM w, b FOR KEY SHARE', [['KeyShare', 'b']]],
    ['SELECT * FROM a WHERE EXISTS (SELECT FROM b FOR SHARE)', [['Share', 'b']]],
    ['DECLARE c CURSOR FOR SELECT * FROM a FOR UPDATE', [['Update', 'a']]],
  ])('%s', (sql, expected) => {
    expect(analysisOf(sql).locks.map(({ strength, references }) => [strength, ...references.map(({ name }) => name)])).toEqual(expected);
  });
});
