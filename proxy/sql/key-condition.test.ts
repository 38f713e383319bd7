import { describe, expect, it } from 'vitest';
import { Grammar } from './grammar.ts';
import { keyValues } from './key-condition.ts';
import { treeOf } from './tree.ts';

const grammar = new Grammar(18);

const valuesOf = async (where: string, key: readonly string[] = ['id']): Promise<number> => {
  if (!grammar.ready) await grammar.load();
  const [statement] = grammar.parse(`DELETE FROM orders o WHERE ${where}`);
  const tree = treeOf(treeOf(statement?.node.DeleteStmt).whereClause);
  return keyValues(tree, { names: new Set(['o', 'orders']), key });
};

describe('keyValues()', () => {
  it.each([
    ['id = 5', 1],
    ['5 = o.id', 1],
    ['id = -5', 1],
    ['id = $1', 1],
    ["id = '5'::bigint", 1],
    ['id = $1::int', 1],
    ['id = 5 AND total > 3', 1],
    ['total > 3 AND (note IS NULL OR id = 2) AND id = 5', 1],
    ['id IN (1, 2, 3)', 3],
    ['id IN ($1, $2)', 2],
    ['id = ANY (ARRAY[1, 2])', 2],
    ['id = ANY (ARRAY[-1, $1::int, 3::bigint])', 3],
    ["id = ANY ('{1,2,3,4}')", 4],
    ["id = ANY ('{1,2}'::int[])", 2],
    ['id = 1 OR id = 2', 2],
    ['(id = 1 OR id = 2) AND total = 4', 2],
    ['id IN (1, 2) AND id = 1', 1],
    ['CURRENT OF c', 1],
    ['id = - $1', 1],
    ['id = ~ 5', 1],
    ["id = ANY (ARRAY['a'::text, $1::pg_catalog.uuid])", 2],
    ["id = ANY (ARRAY[5, - 6, - '7'::int])", 3],
    ['id = ANY (ARRAY[1, 2]::bigint[])', 2],
    ["id = ANY ('{}')", 1],
    ['(id = 1 OR id = 2 OR id IN (3, 4)) AND (id = 5 OR id = 6)', 2],
    ['(id) = ANY (ARRAY[5])', 1],
  ])('%s leaves %d', async (where, expected) => {
    expect(await valuesOf(where)).toBe(expected);
  });

  it.each([
    'id > 5',
    'id <> 5',
    'id = id',
    'id = total',
    'id = 1 + 1',
    'id = (SELECT 1)',
    'id IN (SELECT id FROM orders)',
    'id = ANY (ARRAY(SELECT id FROM orders))',
    'id = ANY ($1)',
    'id = ALL (ARRAY[1])',
    "id = ANY (ARRAY['{1,2,3}'::int[]])",
    "id = ANY (ARRAY['{1,2,3}'::_int4])",
    "id = ANY (ARRAY['{1,2,3}'::app.numbers])",
    'id = ANY (ARRAY[$1::int[]])',
    'id = ANY (ARRAY[$1])',
    'id = 5 OR total = 3',
    'NOT (id = 5)',
    'id NOT IN (1)',
    'c.id = 5',
    'id BETWEEN 1 AND 2',
    'id OPERATOR(public.=) 5',
    'total = 5',
    'id = - total',
    '5 IN (1, 2)',
    '5 = ANY (ARRAY[1])',
    'id = total - 5',
    'id = - (SELECT 1)',
    'id IN (1, total)',
    'id IN (1, total, 2)',
    'id = ANY (ARRAY[1, total])',
    'id = ANY (ARRAY[1, ARRAY[2, 3]])',
    'id = ANY (ARRAY[1, $1::app.x.int4])',
    'id = ANY (ARRAY[1, $1::app.int4])',
    'id = ANY (ARRAY[1, - $1])',
    'id = ANY (ARRAY[1, total::int])',
    "id = ANY ('1,2')",
    "id = ANY ('x{1}')",
    "id = ANY ('{1}x')",
    `id = ANY ('{{1,2},{3,4}}')`,
    `id = ANY ('{"1"}')`,
    'id = ANY (5)',
    '(id, total) = (5, 6, 7)',
    '(id, total) = 5',
    '(id, total) = (5, note)',
    '(id, total) IN ((1, 2), (3, note))',
    '(id, 5) = (6, 5)',
    '(id, o.*) = (6, 5)',
    'o.* = (5)',
    '(o).id = 5',
    'f(id) = 5',
    'id::text = $$5$$',
    'id IS NOT DISTINCT FROM 5',
    'id LIKE $$5$$',
    'NULLIF(id, 5)',
    'id = 5 IS TRUE',
    'o.id.x = 5',
    'id = 5 OR NOT (id = 6)',
  ])('%s leaves it open', async (where) => {
    expect(await valuesOf(where)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    ['a = 1 AND b = 2', 1],
    ['a IN (1, 2) AND b IN (1, 2, 3)', 6],
    ['(a, b) = (1, 2)', 1],
    ['(a, b) IN ((1, 2), (3, 4))', 2],
    ['(a, b) IN ((1, 1), (1, 2), (1, 3)) AND a = 1', 3],
    ['(a, b) IN ((1, 1), (1, 2), (1, 3)) AND (b, a) IN ((1, 1), (2, 1), (3, 1))', 3],
    ['(a, b) IN ((1, 1), (1, 2), (1, 3)) AND (b, a) = (1, 1)', 1],
    ['a = 1', Number.POSITIVE_INFINITY],
    ['a = 1 AND o.b = 2 AND c > 4', 1],
  ])('of two columns: %s leaves %d', async (where, expected) => {
    expect(await valuesOf(where, ['a', 'b'])).toBe(expected);
  });

  it('leaves the key of a relation without one open', async () => {
    expect(await valuesOf('id = 5', [])).toBe(Number.POSITIVE_INFINITY);
  });
});
