import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { NODE_SHAPES } from './nodes.ts';

/** `Tag.field` to its type, out of the declarations that libpg_query's own protocol file makes. */
const declared = new Map<string, string>();
const types = readFileSync(
  createRequire(import.meta.url)
    .resolve('@pgsql/types')
    .replace('index.js', 'types.d.ts'),
  'utf8',
);
for (const [, tag, body] of types.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)) {
  for (const [, field, type] of (body ?? '').matchAll(/^\s+"?(\w+)"?\?: ([^;]+);/gm)) declared.set(`${tag}.${field}`, type ?? '');
}

const fields = Object.entries(NODE_SHAPES).flatMap(([tag, shape]) => Object.entries(shape).map(([field, slot]) => ({ tag, field, slot })));

/** Fields of single nodes that only older or newer grammars have, or that hold scalars wrapped as nodes. */
const typeFor = (slot: string): RegExp =>
  slot === 'node' ? /^Node$/ : slot === 'nodes' ? /^Node\[\]$|^Array/ : slot.startsWith('=') ? new RegExp(`^${slot.slice(1)}$`) : /./;

/** Fields of the grammars before 18. */
const OLDER = new Set([
  'MergeWhenClause.matched',
  'InsertStmt.returningList',
  'UpdateStmt.returningList',
  'DeleteStmt.returningList',
  'MergeStmt.returningList',
]);
const current = fields.filter(({ tag, field }) => !OLDER.has(`${tag}.${field}`));

describe('NODE_SHAPES', () => {
  it('is compared with declarations that were found', () => {
    expect(declared.get('SelectStmt.whereClause')).toBe('Node');
    expect(declared.get('SelectStmt.targetList')).toMatch(/Node\[\]/);
  });

  it('names every field as the grammar does', () => {
    expect(current.filter(({ tag, field }) => !declared.has(`${tag}.${field}`)).map(({ tag, field }) => `${tag}.${field}`)).toEqual([]);
  });

  it('expects of every field what the grammar puts there', () => {
    const wrong = current.filter(({ tag, field, slot }) => !typeFor(slot).test(declared.get(`${tag}.${field}`) ?? ''));
    expect(wrong.map(({ tag, field, slot }) => `${tag}.${field} ${slot} ${declared.get(`${tag}.${field}`)}`)).toEqual([]);
  });

  it('takes no field for a value that holds an expression', () => {
    const nodes = fields.filter(({ tag, field, slot }) => slot === 'value' && /Node/.test(declared.get(`${tag}.${field}`) ?? ''));
    expect(nodes.map(({ tag, field }) => `${tag}.${field}`)).toMatchInlineSnapshot(`
      [
        "A_Expr.name",
        "RowExpr.colnames",
        "CollateClause.collname",
        "TypeName.names",
        "TypeName.arrayBounds",
        "ColumnRef.fields",
        "FuncCall.funcname",
        "SubLink.operName",
        "SortBy.useOp",
        "RangeTableSample.method",
        "JoinExpr.usingClause",
        "Alias.colnames",
        "LockingClause.lockedRels",
        "IndexElem.collation",
        "IndexElem.opclass",
        "CommonTableExpr.aliascolnames",
        "CTESearchClause.search_col_list",
        "CTECycleClause.cycle_col_list",
      ]
    `);
  });
});
