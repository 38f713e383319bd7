/**
 * Forms of conditions, and of the queries inside of them.
 */
import { isTree, listOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { fieldsOf } from './sight.ts';

/** What all has to be true for a condition to be. */
export const conjuncts = (expression: Tree): readonly Tree[] => {
  const [tag, node] = unwrap(expression);
  return tag === 'BoolExpr' && node.boolop === 'AND_EXPR' ? listOf(node.args).flatMap(conjuncts) : [expression];
};

/** The columns that an expression names. */
export const columnsOf = (value: unknown): readonly (readonly string[])[] => {
  if (Array.isArray(value)) return value.flatMap(columnsOf);
  if (!isTree(value)) return [];
  return isTree(value.ColumnRef)
    ? [fieldsOf(value.ColumnRef)]
    : Object.keys(value).flatMap((key) => (key === 'A_Const' ? [] : columnsOf(value[key])));
};

/** Comparisons that are NULL where their left side is. Not so `<> ALL` of nothing, which is true. */
const STRICT = new Set(
  `AEXPR_OP AEXPR_IN AEXPR_OP_ANY AEXPR_LIKE AEXPR_BETWEEN AEXPR_NOT_BETWEEN AEXPR_BETWEEN_SYM AEXPR_NOT_BETWEEN_SYM`.split(' '),
);

/** Is the condition not met where its columns are NULL? Then it may be asked of a relation before an outer join gives it such rows. */
export const rejectsNull = (condition: Tree): boolean => {
  const [tag, node] = unwrap(condition);
  if (tag === 'ColumnRef') return true;
  if (tag === 'BoolExpr') return node.boolop !== 'NOT_EXPR' && listOf(node.args).every(rejectsNull);
  return tag === 'A_Expr' && STRICT.has(stringOf(node.kind) ?? '') && unwrap(treeOf(node.lexpr))[0] === 'ColumnRef';
};

const isPlainItem = (wrapped: Tree, isPlain: (rangeVar: Tree) => boolean): boolean => {
  const [tag, node] = unwrap(wrapped);
  if (tag === 'RangeVar') return isPlain(node);
  return tag === 'JoinExpr' && isPlainItem(treeOf(node.larg), isPlain) && isPlainItem(treeOf(node.rarg), isPlain);
};

/** What a query may consist of that is run on each row of another: no more than is made a join of. */
const PLAIN = new Set(['targetList', 'fromClause', 'whereClause', 'limitOption', 'limitCount', 'op']);

/** Does the query only find rows, of relations that `isPlain` says can be read without failing? */
export const isPlainQuery = (select: Tree, isPlain: (rangeVar: Tree) => boolean): boolean =>
  Object.keys(select).every((field) => PLAIN.has(field)) &&
  (select.limitCount === undefined || unwrap(treeOf(select.limitCount))[0] === 'A_Const') &&
  listOf(select.fromClause).every((item) => isPlainItem(item, isPlain));
