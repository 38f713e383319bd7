import { describe, expect, it } from 'vitest';
import { Grammar } from './grammar.ts';
import { rowCondition } from './row-condition.ts';
import { treeOf } from './tree.ts';

const grammar = new Grammar(18);

/** Of `DELETE FROM orders o WHERE ...`, whose `id` is never NULL. */
const conditionOf = async (where: string): Promise<string> => {
  if (!grammar.ready) await grammar.load();
  const [statement] = grammar.parse(`DELETE FROM orders o USING customers c WHERE ${where}`);
  const tree = treeOf(treeOf(statement?.node.DeleteStmt).whereClause);
  return rowCondition(tree, { names: new Set(['o', 'orders']), joined: false, notNull: (column) => column === 'id' });
};

describe('rowCondition()', () => {
  it.each([
    'true',
    "'t'::bool",
    "'yes'",
    '1 = 1',
    '1 < 2',
    "'a' = 'a'",
    "'a' <> 'b'",
    '2 > 1 AND 1 = 1',
    'NOT false',
    'NOT (1 = 2)',
    'NOT NOT true',
    'NOT (NOT 1 = 1)',
    'NOT (NOT 1 < 1 + 1)',
    'NOT (id = id AND $1)',
    'NOT ((id = id AND $1) IS TRUE)',
    '(id = id AND $1) IS NOT TRUE',
    '(id = id AND $1) = false',
    'NULL IS DISTINCT FROM id',
    'true OR id = 5',
    'id = 5 OR true',
    'id = id',
    'o.id = id',
    'id >= o.id',
    'total = total',
    'id IS NOT DISTINCT FROM id',
    'NOT (id <> id)',
    'NOT (id < id)',
    'id = id AND total = total',
    'id = id OR id = 5',
    '(id = id) = true',
    '(id = id) IS TRUE',
    '(id = id) IS NOT FALSE',
    '(id <> id) IS NOT TRUE',
    'id IS NOT NULL',
    'o.id IS DISTINCT FROM NULL',
    '(id = 5) IS NOT NULL',
    'NOT (id IS NULL)',
    'total IS NULL OR total IS NOT NULL',
    'total = 5 OR total <> 5',
    'total < 5 OR total >= 5',
    'total = 5 OR NOT (o.total = 5)',
    'CASE WHEN id = 1 THEN true ELSE true END',
    'COALESCE(id = id, true)',
    'COALESCE(true, id = 5)',
    "note LIKE '%'",
    "note ILIKE '%%'",
    "note SIMILAR TO '%'",
    "note ~ ''",
    "note ~ '.*'",
    'note LIKE note',
    'id IN (id)',
    'id IN (1, id)',
    'id = ANY (ARRAY[id])',
    'id BETWEEN id AND id',
    'id IN (SELECT id FROM orders)',
    'o.id IN (SELECT x.id FROM orders x WHERE true)',
    'now() > current_date',
    'random() < 2',
    '$1',
    '$1 = 5',
    'NOT $1',
    'EXISTS (SELECT 1)',
    'EXISTS (SELECT 1 FROM customers x WHERE x.id = 5)',
    '(SELECT true)',
    // Which customers there are says nothing of which orders are deleted.
    'c.id = 5',
    "c.name LIKE 'A%' AND c.id > 3",
  ])('leaves no row out: %s', async (where) => {
    expect(await conditionOf(where)).toBe('All');
  });

  it.each([
    'false',
    "'f'::bool",
    '1 = 2',
    'NULL',
    'NULL::bool',
    'NOT true',
    'id <> id',
    'id IS NULL',
    'id = 5 AND false',
    "'a' = 'b'",
    '1 = NULL',
  ])('leaves every row out: %s', async (where) => {
    expect(await conditionOf(where)).toBe('None');
  });

  it.each([
    'id = 5',
    'id > -1',
    'total IS NOT NULL',
    'note IS NULL',
    "note LIKE 'a%'",
    'id = total',
    'o.id = c.id',
    'id = 5 OR total = 6',
    'id = 5 AND true',
    'NOT (id = 5)',
    'active',
    'CASE WHEN id = 1 THEN true ELSE false END',
    'COALESCE(active, true)',
    'id IN (1, 2)',
    'id = ANY ($1)',
    'id IN (SELECT order_id FROM items)',
    'id IN (SELECT id FROM orders LIMIT 5)',
    'EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id)',
    'CURRENT OF cursor',
    '(id = 5) IS TRUE',
    'total = 5 OR total > 5',
  ])('may leave rows out: %s', async (where) => {
    expect(await conditionOf(where)).toBe('Some');
  });
});
