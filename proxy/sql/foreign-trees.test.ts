import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { analyze } from './analyze.ts';
import { Grammar } from './grammar.ts';
import { isTree, type Tree } from './tree.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

/** Changeable, as `structuredClone` makes it. */
type Plain = { [field: string]: unknown };

/** What is said of a statement once its tree has something else at a place (`SelectStmt.targetList.0`). */
const saidOf = (sql: string, path: string, put: unknown): string => {
  const [statement] = grammar.parse(sql);
  const node = structuredClone(statement!.node) as Plain;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let place: Plain = node;
  for (const step of steps) {
    if (typeof place[step] !== 'object') throw new Error(`nothing at "${step}" of ${JSON.stringify(place)}`);
    place = place[step] as Plain;
  }
  place[last] = isTree(put) && isTree(place[last]) && Object.hasOwn(put, 'and') ? { ...place[last], ...(put.and as Tree) } : put;
  try {
    return analyze({ ...statement!, node }, Buffer.from(sql)).form.type;
  } catch (error) {
    if (error instanceof Failure) return `${error.fields.sqlstate} ${error.message}`;
    throw error;
  }
};

const unknown = (what: string): string => `0A000 ${what} is not supported through pg-airlock`;

const UNHEARD = { UnheardOf: {} };
const TARGET = 'SelectStmt.targetList.0.ResTarget.val';

describe('a tree that no grammar makes today is refused', () => {
  it.each<readonly [string, string, unknown, string]>([
    // In place of a query.
    ['EXPLAIN SELECT 1', 'ExplainStmt.query', { ViewStmt: {} }, '42501 permission denied for EXPLAIN of CREATE VIEW'],
    ['PREPARE p AS SELECT 1', 'PrepareStmt.query', UNHEARD, unknown('"UnheardOf" as a query')],
    ['COPY (SELECT 1) TO STDOUT', 'CopyStmt.query', UNHEARD, unknown('"UnheardOf" as a query')],
    [
      'DECLARE c CURSOR FOR SELECT 1',
      'DeclareCursorStmt.query',
      { DeleteStmt: {} },
      '42501 permission denied for DECLARE CURSOR for DELETE',
    ],
    ['WITH a AS (SELECT 1) SELECT 1', 'SelectStmt.withClause.ctes.0', UNHEARD, unknown('"UnheardOf" in WITH')],
    ['WITH a AS (SELECT 1) SELECT 1', 'SelectStmt.withClause.ctes.0.CommonTableExpr.ctequery', UNHEARD, unknown('"UnheardOf" as a query')],
    ['INSERT INTO a SELECT 1', 'InsertStmt.selectStmt', { DeleteStmt: {} }, unknown('INSERT of "DeleteStmt"')],
    // In FROM.
    ['SELECT 1 FROM a', 'SelectStmt.fromClause.0', UNHEARD, unknown('"UnheardOf"')],
    ['SELECT 1 FROM a', 'SelectStmt.fromClause.0', { A_Star: {} }, unknown('"A_Star" in FROM')],
    ['SELECT 1 FROM f()', 'SelectStmt.fromClause.0.RangeFunction.functions.0', UNHEARD, unknown('"UnheardOf" as a function in FROM')],
    [
      'SELECT 1 FROM a TABLESAMPLE system (1)',
      'SelectStmt.fromClause.0.RangeTableSample.relation',
      { RangeSubselect: {} },
      unknown('TABLESAMPLE of "RangeSubselect"'),
    ],
    // As an expression.
    ['SELECT 1', TARGET, UNHEARD, unknown('"UnheardOf"')],
    ['SELECT 1', TARGET, { toString: {} }, unknown('"toString"')],
    ['SELECT 1', TARGET, {}, unknown('""')],
    ...['RangeVar', 'WithClause', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'MultiAssignRef'].map(
      (tag) => ['SELECT 1', TARGET, { [tag]: {} }, unknown(`"${tag}" in an expression`)] as const,
    ),
    ['SELECT 1', TARGET, { CurrentOfExpr: {} }, unknown('"CurrentOfExpr" in a query')],
    ['SELECT a.b.f()', `${TARGET}.FuncCall`, { and: {} }, unknown('a function name with a database')],
    // Fields that nobody judged.
    ['SELECT 1', 'SelectStmt', { and: { unheard: 1 } }, unknown('"unheard" of "SelectStmt"')],
    ['SELECT a', `${TARGET}.ColumnRef`, { and: { unheard: 1 } }, unknown('"unheard" of "ColumnRef"')],
    ['SELECT 1 FROM a AS b', 'SelectStmt.fromClause.0.RangeVar.alias', { and: { unheard: 1 } }, unknown('"unheard" of "Alias"')],
    ['SELECT 1 FROM a AS b', 'SelectStmt.fromClause.0.RangeVar', { and: { toString: 1 } }, unknown('"toString" of "RangeVar"')],
    // Nodes in the place of names and words.
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { FuncCall: {} }, unknown('"FuncCall" at this place')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { String: { sval: {} } }, unknown('"String" in this form')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { String: { other: 1 } }, unknown('"String" in this form')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { A_Star: { other: 1 } }, unknown('"A_Star" in this form')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { String: { sval: 'a' }, FuncCall: {} }, unknown('"String" in this form')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { String: 'a' }, unknown('"String" in this form')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { List: { items: [{ FuncCall: {} }] } }, unknown('"FuncCall" at this place')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { List: { items: [], other: 1 } }, unknown('"List" in this form')],
    ['SELECT a', `${TARGET}.ColumnRef.fields.0`, { funcname: 'f' }, unknown('a part at this place')],
    ['SELECT 1::int', `${TARGET}.TypeCast.typeName.names.0`, UNHEARD, unknown('"UnheardOf" at this place')],
    ['SELECT 1 FROM a JOIN b USING (c)', 'SelectStmt.fromClause.0.JoinExpr.usingClause.0', UNHEARD, unknown('"UnheardOf" at this place')],
    // Options.
    ['EXPLAIN (COSTS off) SELECT 1', 'ExplainStmt.options.0.DefElem', { and: { unheard: 1 } }, unknown('"DefElem" at this place')],
    ['EXPLAIN (COSTS off) SELECT 1', 'ExplainStmt.options.0.DefElem.arg', UNHEARD, unknown('"UnheardOf" at this place')],
    ['EXPLAIN (COSTS 1) SELECT 1', 'ExplainStmt.options.0.DefElem.arg', { A_Const: { unheard: 1 } }, unknown('"A_Const" at this place')],
    ['CREATE INDEX ON a USING gist (b) WITH (buffering = auto)', 'IndexStmt.options.0.DefElem', { and: {} }, 'Definition'],
    [
      'CREATE INDEX ON a USING gist (b) WITH (buffering = auto)',
      'IndexStmt.options.0.DefElem.arg.TypeName',
      { and: { typmods: [{ FuncCall: {} }] } },
      unknown('"TypeName" at this place'),
    ],
    // The second of two that are meant to be the same.
    [
      'UPDATE a SET (b, c) = (SELECT 1, 2)',
      'UpdateStmt.targetList.1.ResTarget.val.MultiAssignRef.source',
      { FuncCall: { funcname: [] } },
      unknown('"FuncCall" at this place'),
    ],
    // Words that are not known.
    ['SELECT 1 FROM a FOR UPDATE', 'SelectStmt.lockingClause.0.LockingClause.strength', 'LCS_UNHEARD', unknown('this locking clause')],
    [
      'MERGE INTO a USING b ON c WHEN MATCHED THEN DELETE',
      'MergeStmt.mergeWhenClauses.0.MergeWhenClause.matchKind',
      'MERGE_WHEN_UNHEARD',
      unknown('this WHEN of MERGE'),
    ],
    [
      'MERGE INTO a USING b ON c WHEN MATCHED THEN DELETE',
      'MergeStmt.mergeWhenClauses.0.MergeWhenClause.commandType',
      'CMD_UTILITY',
      unknown('this action of MERGE'),
    ],
    ['SET a = 1', 'VariableSetStmt.kind', 'VAR_UNHEARD', unknown('this form of SET')],
    ['SET a = 1', 'VariableSetStmt.args.0', { ParamRef: { number: 1 } }, unknown('SET to a value that is not a constant')],
    ["SET TIME ZONE INTERVAL '1' HOUR", 'VariableSetStmt.name', 'other', unknown('SET to a value that is not a constant')],
    ['DISCARD ALL', 'DiscardStmt.target', 'DISCARD_UNHEARD', unknown('this form of DISCARD')],
    ['CREATE TABLE a (b int)', 'CreateStmt.tableElts.0', UNHEARD, unknown('"UnheardOf" of a table')],
    ['CREATE TABLE a (b int UNIQUE)', 'CreateStmt.tableElts.0.ColumnDef.constraints.0', UNHEARD, unknown('"UnheardOf" of a column')],
    [
      'CREATE TABLE a (b int UNIQUE)',
      'CreateStmt.tableElts.0.ColumnDef.constraints.0.Constraint.contype',
      'CONSTR_UNHEARD',
      unknown('a constraint of kind "UNHEARD"'),
    ],
    [
      'CREATE TABLE a (b int UNIQUE)',
      'CreateStmt.tableElts.0.ColumnDef.constraints.0.Constraint.contype',
      'toString',
      unknown('a constraint of kind "toString"'),
    ],
    [
      'ALTER TABLE a DROP b',
      'AlterTableStmt.cmds.0.AlterTableCmd.subtype',
      'toString',
      '42501 permission denied for ALTER TABLE ... TO STRING',
    ],
    [
      'ALTER TABLE a DROP CONSTRAINT b, ALTER c DROP NOT NULL',
      'AlterTableStmt.cmds.1.AlterTableCmd.def',
      { A_Const: {} },
      unknown('this form of ALTER TABLE'),
    ],
  ])('%s with %s: %j', (sql, path, put, expected) => {
    expect(saidOf(sql, path, put)).toBe(expected);
  });

  it.each([
    'EXPLAIN SELECT 1',
    'EXPLAIN EXECUTE p',
    'COPY a TO STDOUT',
    'COPY a FROM STDIN',
    'PREPARE p AS SELECT 1',
    'EXECUTE p',
    'DEALLOCATE p',
    'DECLARE c CURSOR FOR SELECT 1',
    'FETCH 1 FROM c',
    'CLOSE c',
    'BEGIN',
    'SET a = 1',
    'SHOW a',
    'DISCARD ALL',
    'SET CONSTRAINTS ALL DEFERRED',
    'UNLISTEN a',
    'LOCK a IN ACCESS SHARE MODE',
    'LOCK a',
    'CREATE TABLE a (b int)',
    'CREATE INDEX ON a (b)',
    'ALTER TABLE a DROP b',
    'ALTER TABLE a RENAME TO b',
    'ALTER TABLE a SET SCHEMA b',
    'DROP TABLE a',
    'CREATE SCHEMA a',
    'CREATE SEQUENCE a',
    'ALTER SEQUENCE a RESTART',
    "CREATE TYPE a AS ENUM ('b')",
    "ALTER TYPE a ADD VALUE 'b'",
    'CREATE TYPE a AS (b int)',
    'CREATE DOMAIN a AS int',
    'CREATE VIEW a AS SELECT 1',
    'CREATE TABLE a AS SELECT 1',
    "COMMENT ON TABLE a IS 'b'",
    'TRUNCATE a',
    'VACUUM a',
    'REINDEX TABLE a',
    'CLUSTER a',
    'REFRESH MATERIALIZED VIEW a',
    'INSERT INTO a VALUES (1)',
    'UPDATE a SET b = 1',
    'DELETE FROM a',
  ])('with a field that nobody judged: %s', (sql) => {
    const tag = Object.keys(grammar.parse(sql)[0]!.node)[0]!;
    expect(saidOf(sql, tag, { and: {} })).not.toMatch(/^[0-9]/);
    expect(saidOf(sql, tag, { and: { unheard: 1 } })).toMatch(/^0A000 "unheard" of /);
  });

  it('where EXPLAIN explains an EXECUTE', () => {
    expect(saidOf('EXPLAIN EXECUTE p', 'ExplainStmt.query.ExecuteStmt', { and: { unheard: 1 } })).toBe(unknown('"unheard" of EXECUTE'));
  });

  it.each(['IntoClause', 'toString', 'Query', ''])('as a statement of its own: "%s"', (tag) => {
    const failure = (): unknown => analyze({ node: { [tag]: {} }, start: 0, end: 1 }, Buffer.from(' '));
    expect(failure).toThrow(expect.objectContaining({ fields: expect.objectContaining({ sqlstate: '42501' }) }));
  });
});
