/**
 * Expressions that the database computes whenever a row is written: of generated columns, indexes and partition keys.
 */
import { isTree, listOf, namesOf, type Tree, treeOf, unwrap } from './tree.ts';

/** The expressions of a list, as `pg_get_expr` prints those of an index. */
export const expressionsIn = (wrapped: Tree): readonly Tree[] => {
  const [tag, node] = unwrap(wrapped);
  return tag === 'RowExpr' ? listOf(node.args) : [wrapped];
};

/** Names of the columns in it. Not by recursion: it may be nested deeper than a stack is. */
export const columnsIn = (expression: Tree): ReadonlySet<string> => {
  const found = new Set<string>();
  const pending: unknown[] = [expression];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) for (const each of next as readonly unknown[]) pending.push(each);
    else if (isTree(next)) {
      if (isTree(next.ColumnRef)) found.add(namesOf(next.ColumnRef.fields).at(-1) ?? '');
      else for (const each of Object.values(next)) pending.push(each);
    }
  }
  return found;
};

const OPERATORS = new Set(['||', '=', '<>', '<', '>', '<=', '>=']);
const KINDS = new Set(['AEXPR_OP', 'AEXPR_DISTINCT', 'AEXPR_NOT_DISTINCT', 'AEXPR_IN', 'AEXPR_OP_ANY', 'AEXPR_NULLIF']);
const FUNCTIONS = new Set(
  'btrim char_length concat initcap left length lower ltrim md5 octet_length replace reverse right rtrim setweight substr substring to_tsvector translate upper'.split(
    ' ',
  ),
);
const TEXT = new Set(['text', 'varchar']);
const PASSED_ON = new Set([
  'BoolExpr',
  'BooleanTest',
  'CaseExpr',
  'CaseWhen',
  'CoalesceExpr',
  'CollateClause',
  'List',
  'MinMaxExpr',
  'NullTest',
  'A_ArrayExpr',
]);

const isBuiltin = (names: readonly string[]): boolean => names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog');

const isKnown = (name: unknown, known: ReadonlySet<string>): boolean => {
  const names = namesOf(name);
  return isBuiltin(names) && known.has(names.at(-1) ?? '');
};

/** Does computing it succeed whatever its columns hold, but for their size? Those are of types of which `||` makes text. */
export const isCertain = (expression: Tree): boolean => {
  const pending: Tree[] = [expression];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [tag, node] = unwrap(next);
    if (tag === 'ColumnRef' || tag === 'A_Const' || tag === '') continue;
    const isFine =
      PASSED_ON.has(tag) ||
      (tag === 'A_Expr' && KINDS.has(String(node.kind)) && isKnown(node.name, OPERATORS)) ||
      (tag === 'FuncCall' && isKnown(node.funcname, FUNCTIONS)) ||
      (tag === 'TypeCast' && isCertainCast(node));
    if (!isFine) return false;
    for (const field of ['arg', 'args', 'expr', 'lexpr', 'rexpr', 'defresult', 'result', 'items', 'elements']) {
      const inner = node[field];
      pending.push(...(Array.isArray(inner) ? listOf(inner) : [treeOf(inner)]));
    }
  }
  return true;
};

/** Of a constant it is made once. */
const isCertainCast = ({ arg, typeName }: Tree): boolean => {
  const { names, typmods, arrayBounds } = treeOf(typeName);
  return unwrap(treeOf(arg))[0] === 'A_Const' || (isKnown(names, TEXT) && typmods === undefined && arrayBounds === undefined);
};
