import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import type { Analysis } from './analysis.ts';
import { analyze } from './analyze.ts';
import { Grammar } from './grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const analysisOf = (sql: string): Analysis => analyze(grammar.parse(sql)[0]!, Buffer.from(sql));
const relationsOf = (sql: string): readonly string[] =>
  analysisOf(sql).relations.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`));
const failureOf = (sql: string): readonly unknown[] => {
  try {
    return [analysisOf(sql).form];
  } catch (error) {
    if (error instanceof Failure) return [error.fields.sqlstate, error.message, error.fields.position];
    throw error;
  }
};

describe('analyze() finds every relation that is not a CTE', () => {
  it.each([
    ['WITH a AS (SELECT 1) SELECT * FROM a', []],
    ['WITH a AS (SELECT 1) SELECT * FROM public.a', ['public.a']],
    ['WITH a AS (SELECT * FROM a) SELECT * FROM a', ['a']],
    ['WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a', []],
    ['WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM b', ['b']],
    ['WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM b', []],
    ['WITH a AS (WITH a AS (SELECT * FROM a) SELECT * FROM a) SELECT * FROM a', ['a']],
    ['WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) SELECT * FROM b', ['b']],
    ['SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a', ['a']],
    ['(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a', ['a']],
    ['WITH a AS (SELECT 1) (SELECT * FROM a) UNION (SELECT * FROM a EXCEPT SELECT * FROM b)', ['b']],
    ['WITH a AS (SELECT 1) SELECT (SELECT x FROM a), (SELECT x FROM b WHERE EXISTS (SELECT FROM a))', ['b']],
    ['WITH a AS (SELECT 1) SELECT * FROM c, LATERAL (SELECT * FROM a JOIN b ON true) x', ['c', 'b']],
    ['WITH "A" AS (SELECT 1) SELECT * FROM a', ['a']],
    ['WITH a AS (SELECT 1) SELECT * FROM U&"\\0061", U&"\\0062"', ['b']],
    ['WITH a AS (SELECT 1) VALUES ((SELECT x FROM a)), ((SELECT x FROM b))', ['b']],
    ['WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT x FROM a JOIN b ON true) SEARCH DEPTH FIRST BY x SET o SELECT * FROM a', ['b']],
    ['TABLE a', ['a']],
    ['SELECT * FROM a TABLESAMPLE system ((SELECT x FROM b))', ['a', 'b']],
    ['SELECT * FROM ((a JOIN b USING (x)) LEFT JOIN ONLY (c) ON true) AS j', ['a', 'b', 'c']],
    ['SELECT * FROM ROWS FROM (f((SELECT x FROM a)), g(2) AS (y int)) WITH ORDINALITY', ['a']],
    [
      `SELECT * FROM XMLTABLE('/r' PASSING (SELECT x FROM a) COLUMNS v text PATH (SELECT x FROM b) DEFAULT (SELECT x FROM c))`,
      ['a', 'b', 'c'],
    ],
    [
      `SELECT * FROM JSON_TABLE((SELECT x FROM a), '$' PASSING (SELECT x FROM b) AS p COLUMNS (v int PATH '$' DEFAULT 1 ON EMPTY))`,
      ['a', 'b'],
    ],
    [`SELECT JSON_OBJECT('k': (SELECT x FROM a)), JSON_ARRAY(SELECT x FROM b), JSON_VALUE((SELECT x FROM c), '$')`, ['a', 'b', 'c']],
    ['SELECT sum(x) FILTER (WHERE x IN (SELECT x FROM a)) OVER (PARTITION BY (SELECT x FROM b)) FROM c', ['c', 'a', 'b']],
    ['SELECT string_agg(x, y ORDER BY (SELECT x FROM a)) WITHIN FROM b', ['b', 'a']],
    [
      'SELECT 1 GROUP BY ROLLUP ((SELECT x FROM a)) HAVING (SELECT x FROM b) LIMIT (SELECT x FROM c) OFFSET (SELECT x FROM d)',
      ['a', 'b', 'd', 'c'],
    ],
    ['SELECT x[(SELECT i FROM a)], (SELECT b FROM b).c, ARRAY(SELECT x FROM c) FROM d', ['d', 'a', 'b', 'c']],
    ['EXPLAIN (ANALYZE) SELECT * FROM a', ['a']],
    ['PREPARE p AS SELECT * FROM a', ['a']],
    ['DECLARE c CURSOR FOR SELECT * FROM a', ['a']],
    ['COPY a TO STDOUT', ['a']],
    ['COPY (SELECT * FROM a) TO STDOUT', ['a']],
    ['EXECUTE p((SELECT x FROM a))', ['a']],
  ])('%s', (sql, expected) => {
    expect(relationsOf(sql.replace(' WITHIN', ''))).toEqual(expected);
  });
});

describe('analyze() finds what else is called', () => {
  it.each([
    ['SELECT a + b, -c', ['+', '-']],
    ['SELECT a BETWEEN 1 AND 2', ['<=', '>=', '<', '>']],
    ['SELECT a LIKE b, a IS DISTINCT FROM b, a OPERATOR(s.@@) b', ['~~', '=', 's.@@']],
    ['SELECT a IN (SELECT b), a < ALL (SELECT b), EXISTS (SELECT 1)', ['=', '<']],
    ['SELECT CASE a WHEN b THEN 1 END, CASE WHEN a THEN 1 END', ['=']],
    ['SELECT 1 FROM a JOIN b USING (x) NATURAL JOIN c JOIN d ON true', ['=', '=']],
    ['SELECT a ORDER BY a USING OPERATOR(s.<)', ['s.<']],
  ])('operators of %s', (sql, expected) => {
    const names = analysisOf(sql).operators.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`));
    expect(names.sort()).toEqual([...expected].sort());
  });

  it('constants of a call by position, but none that a cast could change', () => {
    const sql = `SELECT f('a', 1, 1.5, true, NULL, x, 'b'::text, 'c'::varchar(1), 'd'::name, '1'::int, n => 'e', 'f'::pg_catalog.text)`;
    expect(analysisOf(sql).functions).toEqual([
      {
        schema: undefined,
        name: 'f',
        constants: ['a', '1', '1.5', 'on', undefined, undefined, 'b', undefined, undefined, undefined, undefined, 'f'],
        first: { type: 'Untyped' },
        location: 7,
      },
    ]);
  });

  it('functions that syntax stands for, casts, and fields', () => {
    const { functions, types, fields } = analysisOf(
      `SELECT extract(year FROM a), (b).c.d, e::f.g, CAST(h AS i[]) FROM j TABLESAMPLE k (1)`,
    );
    expect(functions.map(({ schema, name }) => [schema, name])).toEqual([
      [undefined, 'k'],
      ['pg_catalog', 'extract'],
    ]);
    expect(types.map(({ schema, name }) => [schema, name])).toEqual([
      ['f', 'g'],
      [undefined, 'i'],
    ]);
    expect(fields.map(({ name }) => name)).toEqual(['c', 'd']);
  });

  it('parameters with the columns that they stand beside', () => {
    expect(analysisOf('SELECT 1 FROM a WHERE x = $1 AND lower(y) = lower($2) AND $3').parameters).toEqual([
      { parameter: 1, columns: ['x'] },
      { parameter: 2, columns: ['y'] },
    ]);
  });
});

describe('analyze() refuses', () => {
  const denied = (what: string, position?: number): readonly unknown[] => ['42501', `permission denied for ${what}`, position];
  it.each<readonly [string, readonly unknown[]]>([
    ['DROP FUNCTION a', denied('DROP FUNCTION')],
    ['CREATE TEMP VIEW a AS SELECT 1', denied('a temporary view or sequence')],
    ['CREATE TEMP TABLE public.a (b int)', denied('a temporary relation in schema public')],
    ['CREATE TABLE a (b int) ON COMMIT DROP', denied('ON COMMIT of a table that is not temporary')],
    ['SELECT 1 UNION SELECT 1 INTO a', denied('SELECT INTO', 30)],
    ['EXPLAIN SELECT 1 INTO a', denied('SELECT INTO', 23)],
    ['EXPLAIN CREATE TABLE x AS SELECT 1', denied('EXPLAIN of CREATE TABLE AS')],
    [`COPY a TO '/tmp/x'`, denied('COPY to or from a file or program of the server')],
    [`COPY a TO PROGRAM 'cat'`, denied('COPY to or from a file or program of the server')],
    [`COPY a FROM PROGRAM 'cat'`, denied('COPY to or from a file or program of the server')],
    ['COPY a FROM STDIN (OIDS)', ['0A000', 'option "oids" of COPY FROM is not supported through pg-airlock', 20]],
    ['COPY (DELETE FROM a) TO STDOUT', ['0A000', 'COPY query must have a RETURNING clause', undefined]],
    ['SELECT merge_action()', ['42601', 'MERGE_ACTION() can only be used in the RETURNING list of a MERGE command', 8]],
    ['SELECT 1 + DEFAULT', ['42601', 'DEFAULT is not allowed in this context', 12]],
    ['COPY (SELECT a INTO b FROM c) TO STDOUT', ['0A000', 'COPY (SELECT INTO) is not supported', undefined]],
    [`PREPARE TRANSACTION 'x'`, denied('two-phase commit')],
    [`SET TRANSACTION SNAPSHOT 'x'`, denied('SET TRANSACTION SNAPSHOT')],
    ['DO $$ BEGIN END $$', denied('DO')],
    ['CALL p()', denied('CALL')],
    ['NOTIFY a', denied('NOTIFY')],
    ['LISTEN a', denied('LISTEN')],
    ['SET ROLE a', [{ type: 'Set' }]],
    [`COPY a TO STDOUT (OIDS)`, ['0A000', 'option "oids" of COPY is not supported through pg-airlock', 19]],
    ...['XUTF8', 'UTF88', 'UTF16', ''].map((encoding): readonly [string, readonly unknown[]] => [
      `COPY a TO STDOUT (ENCODING '${encoding}')`,
      ['0A000', `encoding "${encoding}" is not supported through pg-airlock`, undefined],
    ]),
    ['COPY a TO STDOUT (ENCODING)', ['0A000', 'encoding "" is not supported through pg-airlock', undefined]],
    ['EXPLAIN CREATE MATERIALIZED VIEW x AS SELECT 1', denied('EXPLAIN of CREATE TABLE AS')],
    ['CREATE EXTENSION a', denied('CREATE EXTENSION')],
    ['ALTER SYSTEM SET a = 1', denied('ALTER SYSTEM')],
    ["LOAD 'a'", denied('LOAD')],
    ['REASSIGN OWNED BY a TO b', denied('REASSIGN OWNED')],
    [`COPY a TO STDOUT (ENCODING 'LATIN1')`, ['0A000', 'encoding "LATIN1" is not supported through pg-airlock', undefined]],
  ])('%s', (sql, expected) => {
    expect(failureOf(sql)).toEqual(expected);
  });

  it('says in a hint what to do instead', () => {
    expect(() => analysisOf('NOTIFY a')).toThrow(
      expect.objectContaining({ fields: expect.objectContaining({ hint: 'Use SELECT, INSERT, UPDATE, DELETE or MERGE.' }) }),
    );
  });
});

describe('analyze() takes long chains and refuses what is too deep', () => {
  it.each([
    ['1,000 additions', `SELECT ${Array(1000).fill('1').join('+')}`, '+', 999],
    ['1,000 concatenations', `SELECT ${Array(1000).fill('a').join(' || ')}`, '||', 999],
    ['5,000 alternatives', `SELECT 1 WHERE ${Array(5000).fill('a = 1').join(' OR ')}`, '=', 5000],
  ])('%s', (_, sql, name, count) => {
    expect(analysisOf(sql).operators.filter((use) => use.name === name).length).toBe(count);
  });

  it('takes a union of 1,000', () => {
    expect(relationsOf(Array(1000).fill('SELECT 1 FROM a').join(' UNION ALL ')).length).toBe(1000);
  });

  it('refuses 6,500 additions as too complex', async () => {
    // What is too deep may use the instance up.
    const own = new Grammar(18);
    await own.load();
    const sql = `SELECT ${Array(6500).fill('1').join('+')}`;
    expect(() => analyze(own.parse(sql)[0]!, Buffer.from(sql))).toThrow(
      expect.objectContaining({ fields: expect.objectContaining({ sqlstate: '54001' }) }),
    );
  });
});

describe('analyze() knows the form of a statement', () => {
  it.each([
    [
      'BEGIN READ ONLY',
      { type: 'Transaction', action: 'Begin', name: undefined, chain: false },
      [{ name: 'transaction_read_only', values: ['on'], local: true }],
    ],
    ['COMMIT AND CHAIN', { type: 'Transaction', action: 'Commit', name: undefined, chain: true }, []],
    ['ROLLBACK TO s', { type: 'Transaction', action: 'RollbackTo', name: 's', chain: false }, []],
    ['SET LOCAL search_path = a, "B"', { type: 'Set' }, [{ name: 'search_path', values: ['a', 'B'], local: true }]],
    [`SET TIME ZONE INTERVAL '1' HOUR`, { type: 'Set' }, [{ name: 'timezone', values: ['1'], local: false }]],
    ['RESET jit', { type: 'Set' }, [{ name: 'jit', values: undefined, local: false }]],
    ['RESET ALL', { type: 'ResetAll' }, []],
    [`SET TIME ZONE 'UTC'`, { type: 'Set' }, [{ name: 'timezone', values: ['UTC'], local: false }]],
    ['SET SESSION TIME ZONE -7', { type: 'Set' }, [{ name: 'timezone', values: ['-7'], local: false }]],
    ['SET TIME ZONE LOCAL', { type: 'Set' }, [{ name: 'timezone', values: undefined, local: false }]],
    ['SET LOCAL Jit TO DEFAULT', { type: 'Set' }, [{ name: 'jit', values: undefined, local: true }]],
    [
      'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      { type: 'Set' },
      [{ name: 'transaction_isolation', values: ['repeatable read'], local: true }],
    ],
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, DEFERRABLE',
      { type: 'Set' },
      [
        { name: 'transaction_read_only', values: ['off'], local: false },
        { name: 'transaction_deferrable', values: ['on'], local: false },
      ],
    ],
    ['START TRANSACTION', { type: 'Transaction', action: 'Begin', name: undefined, chain: false }, []],
    ['COMMIT', { type: 'Transaction', action: 'Commit', name: undefined, chain: false }, []],
    ['ROLLBACK AND CHAIN', { type: 'Transaction', action: 'Rollback', name: undefined, chain: true }, []],
    ['SAVEPOINT s', { type: 'Transaction', action: 'Savepoint', name: 's', chain: false }, []],
    ['RELEASE s', { type: 'Transaction', action: 'Release', name: 's', chain: false }, []],
    ['SET CONSTRAINTS ALL DEFERRED', { type: 'Set' }, []],
    ['SET CONSTRAINTS a, d.s.b IMMEDIATE', { type: 'Set' }, []],
    ['SHOW Jit', { type: 'Show', name: 'jit' }, []],
    ['SHOW TIME ZONE', { type: 'Show', name: 'timezone' }, []],
    ['DISCARD ALL', { type: 'Discard', target: 'All' }, []],
    ['DISCARD PLANS', { type: 'Discard', target: 'Plans' }, []],
    ['DISCARD SEQUENCES', { type: 'Discard', target: 'Sequences' }, []],
    ['DISCARD TEMP', { type: 'Discard', target: 'Temp' }, []],
    ['SELECT 1', { type: 'Query' }, []],
    ['DELETE FROM a', { type: 'Query' }, []],
    ['EXPLAIN SELECT 1', { type: 'Explain', execute: undefined, analyzed: false }, []],
    ['EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT 1', { type: 'Explain', execute: undefined, analyzed: true }, []],
    ['COPY a FROM STDIN', { type: 'CopyIn' }, []],
    [`COPY a FROM STDIN (ENCODING 'utf8')`, { type: 'CopyIn' }, []],
    [`COPY (SELECT 1) TO STDOUT (ENCODING 'UTF-8')`, { type: 'CopyOut', relation: undefined, columns: undefined }, []],
    ['COPY a (b, c) TO STDOUT', { type: 'CopyOut', relation: expect.objectContaining({ name: 'a' }), columns: ['b', 'c'] }, []],
    ['COPY a TO STDOUT', { type: 'CopyOut', relation: expect.objectContaining({ name: 'a' }), columns: undefined }, []],
    ['PREPARE p AS SELECT 1', { type: 'Prepare', name: 'p' }, []],
    ['DECLARE c CURSOR FOR SELECT 1', { type: 'Declare', name: 'c' }, []],
    ['LOCK a IN ACCESS SHARE MODE NOWAIT', { type: 'LockForReading' }, []],
    ['EXPLAIN EXECUTE p', { type: 'Explain', execute: 'p', analyzed: false }, []],
    ['EXPLAIN ANALYZE EXECUTE p', { type: 'Explain', execute: 'p', analyzed: true }, []],
    ['EXPLAIN (ANALYZE FALSE) SELECT 1', { type: 'Explain', execute: undefined, analyzed: false }, []],
    ['EXPLAIN (ANALYZE 0, ANALYZE) SELECT 1', { type: 'Explain', execute: undefined, analyzed: true }, []],
    ['EXPLAIN (ANALYZE true) SELECT 1', { type: 'Explain', execute: undefined, analyzed: true }, []],
    ['EXPLAIN (ANALYZE "OFF") SELECT 1', { type: 'Explain', execute: undefined, analyzed: false }, []],
    ['EXECUTE p(1)', { type: 'Execute', name: 'p' }, []],
    ['DEALLOCATE p', { type: 'Deallocate', name: 'p' }, []],
    ['DEALLOCATE ALL', { type: 'Deallocate', name: undefined }, []],
    ['FETCH ALL FROM c', { type: 'Fetch', name: 'c' }, []],
    ['MOVE 2 FROM c', { type: 'Fetch', name: 'c' }, []],
    ['CLOSE c', { type: 'Close', name: 'c' }, []],
    ['CLOSE ALL', { type: 'Close', name: undefined }, []],
    ['UNLISTEN *', { type: 'Unlisten' }, []],
    ['UNLISTEN a', { type: 'Unlisten' }, []],
  ])('%s', (sql, form, settings) => {
    const analysis = analysisOf(sql);
    expect([analysis.form, analysis.settings]).toEqual([form, settings]);
  });
});
