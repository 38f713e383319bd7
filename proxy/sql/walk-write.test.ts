import { beforeAll, describe, expect, it } from 'vitest';
import { type Analysis, assignedColumns, type QueryLevel, type Write } from './analysis.ts';
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

describe('analyze() tells the whole of a write', () => {
  const writeOf = (sql: string): Write => analysisOf(sql).writes[0]!;
  const reference = {
    database: undefined,
    schema: undefined,
    name: 'a',
    only: false,
    alias: undefined,
    columnAliases: false,
    sampled: false,
  };
  const nothing = {
    inserts: [],
    updates: [],
    deletes: false,
    where: undefined,
    reach: undefined,
    fromQuery: false,
    rows: 0,
    calls: [],
    upsert: false,
    conflict: undefined,
    merge: [],
    returning: undefined,
    returningLevel: undefined,
    outermost: true,
  };

  it.each<readonly [string, Partial<Write>]>([
    ['INSERT INTO a DEFAULT VALUES', { inserts: [{ type: 'Named', columns: [], parameters: [] }], rows: 1 }],
    ['INSERT INTO a VALUES (1, 2), (3, 4)', { inserts: [{ type: 'First', count: 2, parameters: [] }], rows: 2 }],
    [
      'INSERT INTO a VALUES (1, $2), ($1, f())',
      {
        inserts: [
          {
            type: 'First',
            count: 2,
            parameters: [
              { column: 1, parameter: 2 },
              { column: 0, parameter: 1 },
            ],
          },
        ],
        rows: 2,
        calls: [{ schema: undefined, name: 'f' }],
      },
    ],
    [
      'INSERT INTO a (b, c) VALUES ($1, $2, $3)',
      {
        inserts: [
          {
            type: 'Named',
            columns: ['b', 'c'],
            parameters: [
              { column: 'b', parameter: 1 },
              { column: 'c', parameter: 2 },
              { column: '', parameter: 3 },
            ],
          },
        ],
        rows: 1,
      },
    ],
    [
      'INSERT INTO a VALUES (s.f(g()), (SELECT h()), (i).j, (k)[1])',
      {
        inserts: [{ type: 'First', count: 4, parameters: [] }],
        rows: 1,
        calls: expect.arrayContaining([
          { schema: 's', name: 'f' },
          { schema: undefined, name: 'j' },
        ]),
      },
    ],
    ['INSERT INTO a VALUES ((ROW(1, 2)).*, 3)', { inserts: [{ type: 'First', count: undefined, parameters: [] }], rows: 1 }],
    ['INSERT INTO a VALUES (1), (x.*)', { inserts: [{ type: 'First', count: undefined, parameters: [] }], rows: 2 }],
    [
      'INSERT INTO a VALUES ((x).y)',
      { inserts: [{ type: 'First', count: 1, parameters: [] }], rows: 1, calls: [{ schema: undefined, name: 'y' }] },
    ],
    ['INSERT INTO a SELECT 1, x.y', { inserts: [{ type: 'First', count: 2, parameters: [] }], fromQuery: true }],
    ['INSERT INTO a SELECT 1, x.*', { inserts: [{ type: 'First', count: undefined, parameters: [] }], fromQuery: true }],
    ['INSERT INTO a SELECT 1, 2 UNION SELECT 3, 4', { inserts: [{ type: 'First', count: 2, parameters: [] }], fromQuery: true }],
    [
      'INSERT INTO a SELECT * FROM b UNION SELECT 3, 4',
      { inserts: [{ type: 'First', count: undefined, parameters: [] }], fromQuery: true },
    ],
    ['INSERT INTO a SELECT FROM b', { inserts: [{ type: 'First', count: undefined, parameters: [] }], fromQuery: true }],
    ['INSERT INTO a TABLE b', { inserts: [{ type: 'First', count: undefined, parameters: [] }], fromQuery: true }],
    ['COPY a FROM STDIN', { command: 'CopyIn', inserts: [{ type: 'First', count: undefined, parameters: [] }] }],
    ['COPY a (b) FROM STDIN', { command: 'CopyIn', inserts: [{ type: 'Named', columns: ['b'], parameters: [] }] }],
  ])('%s', (sql, expected) => {
    const { reference: own, ...rest } = writeOf(sql);
    expect(own).toEqual({ ...reference, location: sql.indexOf(' a') + 1 });
    expect(rest).toEqual({ ...nothing, command: 'Insert', ...expected });
  });

  /** `column@location: kind of value`, `[]` for a part of it, and which of how many. */
  const assigned = (sql: string): readonly string[] =>
    writeOf(sql).updates.map(({ column, location, partial, value, part }) =>
      [`${column}@${location}`, partial && '[]', value && Object.keys(value)[0], part && `${part.number}/${part.of}`]
        .filter(Boolean)
        .join(' '),
    );

  it.each<readonly [string, readonly string[]]>([
    ['UPDATE a SET b = 1, c[2] = d, e.f = DEFAULT', ['b@13 A_Const', 'c@20 [] ColumnRef', 'e@30 [] SetToDefault']],
    ['UPDATE a SET (b, c) = (1, d)', ['b@14 A_Const 1/2', 'c@17 ColumnRef 2/2']],
    ['UPDATE a SET (b, c[1]) = ROW(1, d), e = 2', ['b@14 A_Const 1/2', 'c@17 [] ColumnRef 2/2', 'e@36 A_Const']],
    ['UPDATE a SET (b, c) = (SELECT 1, 2), (d, e) = (SELECT 3, 4)', ['b@14 1/2', 'c@17 2/2', 'd@38 1/2', 'e@41 2/2']],
    ['UPDATE a SET (b, c) = f(1, 2)', ['b@14 1/2', 'c@17 2/2']],
    ['INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET c = excluded.d', ['c@55 ColumnRef']],
    ['MERGE INTO a USING b ON c WHEN MATCHED THEN UPDATE SET d = 1', ['d@55 A_Const']],
  ])('%s', (sql, expected) => {
    expect(assigned(sql)).toEqual(expected);
  });

  it('and walks what gives several columns once', () => {
    expect(analysisOf('UPDATE a SET (b, c) = (SELECT f(), 2), (d, e) = (SELECT f(), 2)').functions.length).toBe(2);
    expect(analysisOf('UPDATE a SET b[f()] = 1, (c[g()], d) = (1, h())').functions.map(({ name }) => name)).toEqual(['f', 'g', 'h']);
  });

  it.each<readonly [string, object | undefined]>([
    ['INSERT INTO a VALUES (1)', undefined],
    ['INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING', { action: 'Nothing', columns: [], constraint: undefined, where: undefined }],
    [
      'INSERT INTO a VALUES (1) ON CONFLICT (b, lower(c), d) DO NOTHING',
      { action: 'Nothing', columns: ['b', 'd'], constraint: undefined, where: undefined },
    ],
    [
      'INSERT INTO a VALUES (1) ON CONFLICT ON CONSTRAINT b DO UPDATE SET c = 1 WHERE d',
      { action: 'Update', columns: [], constraint: 'b', where: { ColumnRef: expect.anything() } },
    ],
  ])('ON CONFLICT of %s', (sql, expected) => {
    const { conflict } = writeOf(sql);
    const { level, location, ...rest } = conflict ?? {};
    expect([level === undefined, location, conflict && rest]).toEqual([expected === undefined, expected && 25, expected]);
    expect(conflict?.level.items.map(({ type, name }) => [type, name])).toEqual(expected && [['Target', 'a']]);
  });

  it.each<readonly [string, readonly unknown[] | undefined]>([
    ['UPDATE a SET b = 1 WHERE c', [true, true, 'a']],
    ['UPDATE a SET b = 1 FROM x', [false, false, 'a,x']],
    ['DELETE FROM a USING x WHERE c', [true, true, 'a,x']],
    ['DELETE FROM a', [false, false, 'a']],
    ['MERGE INTO a USING x ON c WHEN MATCHED THEN DELETE', [false, true, 'a,x']],
    ['INSERT INTO a VALUES (1)', undefined],
  ])('what finds the rows of %s', (sql, expected) => {
    const { where, reach } = writeOf(sql);
    expect(reach && [where !== undefined, reach.condition !== undefined, reach.level.items.map(({ name }) => name).join()]).toEqual(
      expected,
    );
  });

  it('MERGE with all that it does', () => {
    const sql =
      'MERGE INTO a USING b ON c WHEN MATCHED AND d THEN UPDATE SET e = 1 WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (f) VALUES ($1) WHEN NOT MATCHED AND g THEN INSERT DEFAULT VALUES';
    const { merge, inserts, updates, deletes } = writeOf(sql);
    expect(merge.map(({ when, action, condition }) => [when, action, condition !== undefined])).toEqual([
      ['Matched', 'Update', true],
      ['Matched', 'Nothing', false],
      ['NotMatchedBySource', 'Delete', false],
      ['NotMatchedByTarget', 'Insert', false],
      ['NotMatchedByTarget', 'Insert', true],
    ]);
    expect([updates.length, deletes]).toEqual([1, true]);
    expect(inserts).toEqual([
      { type: 'Named', columns: ['f'], parameters: [{ column: 'f', parameter: 1 }] },
      { type: 'Named', columns: [], parameters: [] },
    ]);
  });

  it.each(['INSERT INTO a VALUES (1)', 'UPDATE a SET b = 1', 'DELETE FROM a', 'MERGE INTO a USING b ON c WHEN MATCHED THEN DELETE'])(
    'RETURNING of %s',
    (sql) => {
      expect([writeOf(sql).returning, writeOf(sql).returningLevel]).toEqual([undefined, undefined]);
      const { returning, returningLevel } = writeOf(`${sql} RETURNING d AS e, f()`);
      expect(returning?.map(({ name, val }) => [name, Object.keys(val as object)[0]])).toEqual([
        ['e', 'ColumnRef'],
        [undefined, 'FuncCall'],
      ]);
      const own = { reference: writeOf(sql).reference, columnAliases: false };
      expect(returningLevel?.items.filter(({ type }) => type !== 'Relation')).toEqual([
        { type: 'Target', name: 'a', ...own },
        { type: 'Version', name: 'old', ...own },
        { type: 'Version', name: 'new', ...own },
      ]);
    },
  );
});

describe.each([15, 16, 17, 18])('analyze() reads the writes of grammar %i alike', (version) => {
  const own = new Grammar(version);
  beforeAll(() => own.load());

  it.each<readonly [string, readonly unknown[]]>([
    ['INSERT INTO a VALUES (1) RETURNING f()', [['f'], [], 1]],
    ['UPDATE a SET b = 1 RETURNING f()', [['f'], [], 1]],
    ['DELETE FROM a RETURNING f(), g()', [['f', 'g'], [], 2]],
    [
      'MERGE INTO a USING b ON c WHEN MATCHED AND f() THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (g())',
      [['f', 'g'], ['Matched', 'NotMatchedByTarget'], undefined],
    ],
  ])('%s', (sql, expected) => {
    const { functions, writes } = analyze(own.parse(sql)[0]!, Buffer.from(sql));
    const [write] = writes;
    expect([functions.map(({ name }) => name), write?.merge.map(({ when }) => when), write?.returning?.length]).toEqual(expected);
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
