import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import type { Analysis, QueryLevel, RelationReference } from './analysis.ts';
import { analyze } from './analyze.ts';
import { Grammar } from './grammar.ts';
import type { Tree } from './tree.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const analysisOf = (sql: string): Analysis => analyze(grammar.parse(sql)[0]!, Buffer.from(sql));

const named = ({ schema, name }: { readonly schema: string | undefined; readonly name: string }): string =>
  schema === undefined ? name : `${schema}.${name}`;

const reference = (name: string, location: number, rest: Partial<RelationReference> = {}): RelationReference => ({
  database: undefined,
  schema: undefined,
  name,
  location,
  only: false,
  alias: undefined,
  columnAliases: false,
  sampled: false,
  ...rest,
});

describe('a relation is told as it is written', () => {
  it.each<readonly [string, readonly RelationReference[]]>([
    ['TABLE a', [reference('a', 6)]],
    [
      'SELECT 1 FROM ONLY d.s.a AS b (c)',
      [reference('a', 19, { database: 'd', schema: 's', only: true, alias: 'b', columnAliases: true })],
    ],
    ['SELECT 1 FROM a b TABLESAMPLE system (1)', [reference('a', 14, { alias: 'b', sampled: true })]],
    ['WITH a AS (TABLE a) SELECT 1', [reference('a', 17, { ahead: true })]],
    ['WITH a AS (TABLE s.a) SELECT 1', [reference('a', 17, { schema: 's' })]],
    ['WITH a AS (TABLE d.s.a) SELECT 1', [reference('a', 17, { database: 'd', schema: 's' })]],
    [
      'WITH a AS (TABLE b), b AS (WITH c AS (TABLE b) SELECT 1) SELECT 1',
      [reference('b', 17, { ahead: true }), reference('b', 44, { ahead: true })],
    ],
    ['WITH a AS (SELECT 1) TABLE d.s.a', [reference('a', 27, { database: 'd', schema: 's' })]],
    ['COPY a TO STDOUT', [reference('a', 5)]],
    ['LOCK a, ONLY s.b IN ACCESS SHARE MODE', [reference('a', 5), reference('b', 13, { schema: 's', only: true })]],
    // A call that stands for a view.
    ['SELECT 1 FROM pg_show_all_settings()', [reference('pg_settings', 14, { schema: 'pg_catalog', calledAs: 'pg_show_all_settings' })]],
    [
      'SELECT 1 FROM pg_catalog.pg_show_all_settings() AS a (b)',
      [reference('pg_settings', 14, { schema: 'pg_catalog', alias: 'a', columnAliases: true, calledAs: 'pg_show_all_settings' })],
    ],
    ['SELECT 1 FROM s.pg_show_all_settings()', []],
    ['SELECT 1 FROM s.pg_catalog.pg_show_all_settings', [reference('pg_show_all_settings', 14, { database: 's', schema: 'pg_catalog' })]],
    ['SELECT 1 FROM pg_show_all_settings(1)', []],
    ['SELECT 1 FROM pg_show_all_settings() WITH ORDINALITY', []],
    ['SELECT 1 FROM ROWS FROM (pg_show_all_settings())', []],
    ['SELECT 1 FROM ROWS FROM (pg_show_all_settings(), f())', []],
    ['SELECT 1 FROM pg_show_all_settings() AS a (b int)', []],
    ['SELECT 1 FROM f()', []],
  ])('%s', (sql, expected) => {
    expect(analysisOf(sql).relations).toEqual(expected);
  });
});

/** `name:type` of the items of each level; `(` column aliases, `-` behind a join's alias, `<` what a lock reaches within. */
const levelsOf = (sql: string): readonly string[] =>
  analysisOf(sql).levels.map(({ items }: QueryLevel) =>
    items
      .map(({ name, type, columnAliases, covered, within, reference: own }) =>
        [
          `${name ?? ''}:${type}`,
          own && `=${named(own)}`,
          columnAliases && '(',
          covered && '-',
          within && within.length > 0 && `<${within.map(named).join()}`,
        ]
          .filter(Boolean)
          .join(' '),
      )
      .join(', '),
  );

describe('each query has a level with the names that its FROM clause gives', () => {
  it.each<readonly [string, readonly string[]]>([
    ['SELECT 1', ['']],
    ['SELECT 1 FROM s.a, b AS c (d)', ['a:Relation =s.a, c:Relation =b (']],
    ['WITH a AS (SELECT 1) SELECT 1 FROM a, a AS b (c)', ['', 'a:Query, b:Query (']],
    ['SELECT 1 FROM a TABLESAMPLE f(1) REPEATABLE (2)', ['a:Relation =a']],
    ['SELECT 1 FROM (SELECT 1 FROM a, (SELECT 1 FROM b) x) y (z)', ['y:Query ( <a,b', 'a:Relation =a, x:Query <b', 'b:Relation =b']],
    ['SELECT 1 FROM (SELECT 1 FROM a UNION SELECT 1 FROM b) x', ['x:Query', 'a:Relation =a', 'b:Relation =b', '']],
    ['SELECT 1 FROM (VALUES (1)) x', ['x:Query', '']],
    ['SELECT 1 FROM f() AS g (a)', ['g:Function (']],
    ['SELECT 1 FROM f() AS g (a int), f()', ['g:Function, :Function']],
    [
      'SELECT 1 FROM pg_show_all_settings(), pg_show_all_settings() a (b)',
      ['pg_show_all_settings:Relation =pg_catalog.pg_settings, a:Relation =pg_catalog.pg_settings ('],
    ],
    ['SELECT 1 FROM a JOIN b USING (c) AS d', ['a:Relation =a, b:Relation =b, d:Query']],
    ['SELECT 1 FROM (a JOIN b USING (c)) AS j (k), d', ['a:Relation =a -, b:Relation =b -, j:Query (, d:Relation =d']],
    ['SELECT 1 FROM d, (a JOIN b ON true) AS j', ['d:Relation =d, a:Relation =a -, b:Relation =b -, j:Query']],
    [`SELECT 1 FROM XMLTABLE('a' PASSING b COLUMNS c int) x`, ['x:Query']],
    [`SELECT 1 FROM JSON_TABLE(a, '$' COLUMNS (b int)) x`, ['x:Query']],
    ['WITH RECURSIVE a AS (SELECT 1 AS b UNION SELECT b FROM a) SEARCH DEPTH FIRST BY b SET c SELECT 1', ['', 'a:Query', '', '', '']],
    ['EXECUTE p (1)', ['']],
    ['INSERT INTO a SELECT 1 FROM b', ['', 'b:Relation =b']],
  ])('%s', (sql, expected) => {
    expect(levelsOf(sql)).toEqual(expected);
  });

  it('and what GROUP BY and the select list name', () => {
    const grouped = (sql: string): readonly unknown[] => analysisOf(sql).levels.map(({ groupBy, targets }) => [groupBy, targets]);
    const target = (name?: string, column?: readonly string[]): object => ({ name, column });
    expect(grouped('SELECT a, b.c AS d, 1, f() e FROM b')).toEqual([
      [undefined, [target('a', ['a']), target('d', ['b', 'c']), target(), target('e')]],
    ]);
    expect(grouped('SELECT a GROUP BY b.a, 2, (c, 1), ROW(d), (e + 1), NULL')).toEqual([
      [
        [
          { type: 'Column', fields: ['b', 'a'], location: 18 },
          { type: 'Ordinal', ordinal: 2, location: 23 },
          { type: 'Column', fields: ['c'], location: 27 },
          { type: 'Ordinal', ordinal: 1, location: 30 },
        ],
        [target('a', ['a'])],
      ],
    ]);
    expect(grouped('SELECT a GROUP BY a, ROLLUP (b)')).toEqual([[undefined, [target('a', ['a'])]]]);
    expect(grouped('EXECUTE p (1)')).toEqual([[undefined, []]]);
    expect(grouped("SELECT 'a' GROUP BY 'a'")).toEqual([[[], [target()]]]);
  });
});

describe('each name is told where it is used', () => {
  it('columns, with their stars', () => {
    const columns = (sql: string): readonly unknown[] =>
      analysisOf(sql).columns.map(({ fields, star, location }) => [fields, star, location]);
    expect(columns('SELECT *, a.*, b.c, d')).toEqual([
      [[], true, 7],
      [['a'], true, 10],
      [['b', 'c'], false, 15],
      [['d'], false, 20],
    ]);
  });

  it.each<readonly [string, readonly string[]]>([
    ['SELECT (a).b, (a).b.c, a[1].d, (a).*, a[b]', ['b', 'b', 'c', 'd']],
    ['SELECT a.b, a', []],
  ])('fields: %s', (sql, expected) => {
    expect(analysisOf(sql).fields.map(({ name }) => name)).toEqual(expected);
  });

  it.each<readonly [string, readonly string[]]>([
    ['SELECT a IN (SELECT b)', ['=']],
    ['SELECT a = ANY (SELECT b)', ['=']],
    ['SELECT a < ALL (SELECT b)', ['<']],
    ['SELECT EXISTS (SELECT 1), ARRAY (SELECT 1), (SELECT 1)', []],
    ['SELECT CASE a WHEN b THEN 1 END', ['=']],
    ['SELECT CASE WHEN a THEN 1 END', []],
    ['SELECT 1 ORDER BY a, b DESC', []],
    ['SELECT 1 ORDER BY a USING OPERATOR(s.<)', ['s.<']],
    ['SELECT 1 FROM a JOIN b USING (c)', ['=']],
    ['SELECT 1 FROM a NATURAL JOIN b', ['=']],
    ['SELECT 1 FROM a JOIN b ON true, c CROSS JOIN d', []],
  ])('operators: %s', (sql, expected) => {
    expect(analysisOf(sql).operators.map(named)).toEqual(expected);
  });

  it.each<readonly [string, readonly string[]]>([
    ['SELECT 1 FROM a JOIN b USING (c, d)', ['c', 'd']],
    ['SELECT 1 FROM a NATURAL JOIN b', ['*']],
    ['SELECT 1 FROM a JOIN b ON c', []],
  ])('columns of JOIN: %s', (sql, expected) => {
    expect(analysisOf(sql).joined).toEqual(expected);
  });

  it.each<readonly [string, readonly string[]]>([
    ['SELECT DISTINCT a', []],
    ['SELECT DISTINCT ON (f(a)) a', ['f']],
    ['SELECT 1 FROM a TABLESAMPLE s.f(g()) REPEATABLE (h())', ['s.f', 'g', 'h']],
    ['SELECT 1 FROM f() AS a (b s.t)', ['f']],
    ['PREPARE p (s.t) AS SELECT 1', []],
    ['WITH a AS (SELECT f()) SELECT 1', ['f']],
    ['SELECT f() UNION SELECT g() ORDER BY h()', ['f', 'g', 'h']],
    ['EXPLAIN DECLARE c CURSOR FOR SELECT f()', ['f']],
  ])('functions: %s', (sql, expected) => {
    expect(analysisOf(sql).functions.map(named)).toEqual(expected);
  });

  it('and no constants of TABLESAMPLE', () => {
    expect(analysisOf('SELECT 1 FROM a TABLESAMPLE s.f(1)').functions).toEqual([
      { schema: 's', name: 'f', location: 28, constants: [], samples: true },
    ]);
  });

  it.each(['SELECT 1 FROM f() AS a (b s.t)', 'SELECT 1 FROM ROWS FROM (f() AS (b s.t))', 'PREPARE p (s.t) AS SELECT 1', 'SELECT a::s.t[]'])(
    'types: %s',
    (sql) => {
      expect(analysisOf(sql).types.map(named)).toEqual(['s.t']);
    },
  );
});

const failureOf = (sql: string): unknown => {
  try {
    return analysisOf(sql).form.type;
  } catch (error) {
    if (error instanceof Failure) return [error.fields.sqlstate, error.message, error.fields.position];
    throw error;
  }
};

describe('what only a write may say is refused in the query around it', () => {
  const misplaced = (position: number): readonly unknown[] => [
    '42601',
    'MERGE_ACTION() can only be used in the RETURNING list of a MERGE command',
    position,
  ];
  it.each([
    ['WITH x AS (INSERT INTO a VALUES (DEFAULT)) SELECT merge_action()', misplaced(51)],
    ["WITH x AS (UPDATE a SET b = DEFAULT WHERE CURRENT OF c) SELECT 'é', merge_action()", misplaced(69)],
    ['WITH x AS (MERGE INTO a USING b ON c WHEN MATCHED THEN DELETE RETURNING merge_action()) SELECT 1', 'Query'],
    ['SELECT a.f()', 'Query'],
    ['SELECT d.a.f()', ['0A000', 'a function name with a database is not supported through pg-airlock', 8]],
  ])('%s', (sql, expected) => {
    expect(failureOf(sql)).toEqual(expected);
  });
});

/** `SELECT` of a tree that is `depth` levels deep. */
const deep = (depth: number, innermost: Tree, around: (inner: Tree) => Tree): Tree => {
  let tree = innermost;
  for (let level = 0; level < depth; level++) tree = around(tree);
  return tree;
};

const RANGE = { RangeVar: { relname: 'a', inh: true } };

const SHAPES: Readonly<Record<string, (depth: number) => Tree>> = {
  expressions: (depth) => ({
    targetList: [{ ResTarget: { val: deep(depth, { A_Const: {} }, (inner) => ({ NullTest: { arg: inner } })) } }],
  }),
  joins: (depth) => ({ fromClause: [deep(depth, RANGE, (inner) => ({ JoinExpr: { larg: inner, rarg: RANGE } }))] }),
  unions: (depth) => deep(depth, {}, (inner) => ({ larg: inner, rarg: {} })),
  queries: (depth) => deep(depth, {}, (inner) => ({ fromClause: [{ RangeSubselect: { subquery: { SelectStmt: inner } } }] })),
};

const analyzed = (select: Tree): string => {
  try {
    return analyze({ node: { SelectStmt: select }, start: 0, end: 1 }, Buffer.from(' ')).form.type;
  } catch (error) {
    if (error instanceof Failure) return error.fields.detail ?? '';
    throw error;
  }
};

describe('depth', () => {
  it.each(Object.entries(SHAPES))('of %s is bounded', (_, of) => {
    // By a limit, or by the end of the stack.
    const refused = ['Its expressions are nested more than 6000 deep.', 'Its expressions are nested too deeply.'];
    expect([analyzed(of(400)), ...refused]).toEqual(['Query', ...refused]);
    expect(refused).toContain(analyzed(of(6_001)));
  });

  it.each<readonly [string, Tree]>([
    ['values', { targetList: Array(7_000).fill({ ResTarget: { val: { NullTest: { arg: { A_Const: {} } } } } }) }],
    ['relations', { fromClause: Array(7_000).fill(RANGE) }],
    ['unions', { fromClause: Array(7_000).fill({ RangeSubselect: { subquery: { SelectStmt: { larg: {}, rarg: {} } } } }) }],
  ])('is not a matter of how many %s stand beside each other', (_, select) => {
    expect(analyzed(select)).toBe('Query');
  });
});
