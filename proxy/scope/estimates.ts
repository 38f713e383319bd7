/**
 * PostgreSQL estimates how many rows a condition finds by trying its operator on values that it has sampled, those of hidden rows
 * among them: where the role may read the table, also operators that can fail. A fence does not keep it from that.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { isTree, namesOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { isOrdinaryOperator } from './harmless-operators.ts';

/** PostgreSQL's own of these names fail on no value that can be stored in a column of their operands' type, or are not tried. */
const SAFE = new Set(['=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '%', '||', '->', '->>', '#>', '#>>']);
const PATTERNS = new Set(['~~', '!~~', '~~*', '!~~*']);
const PATTERN_LENGTH = 200;

/** Functions that are estimated like the operator that calls them. */
const LIKE_AN_OPERATOR = /like$|regex(eq|ne)$|^starts_with$/;

/**
 * LIKE fails on a value that gets as far as an escape character at the end of the pattern, and where `%` nest too deep for the
 * stack; a short pattern without a backslash has neither. `pattern` is a wrapped node.
 */
export const isPlainPattern = (pattern: Tree): boolean => {
  const [tag, node] = unwrap(pattern);
  const text = tag === 'A_Const' && isTree(node.sval) ? (stringOf(node.sval.sval) ?? '') : undefined;
  return text !== undefined && text.length <= PATTERN_LENGTH && !text.includes('\\');
};

const mayFail = (tag: string, node: Tree, catalog: Catalog): boolean => {
  const builtin = (names: readonly string[]): boolean => names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog');
  const safe = (names: readonly string[]): boolean =>
    builtin(names) && SAFE.has(names.at(-1) ?? '') && isOrdinaryOperator(names.at(-1) ?? '', catalog);
  if (tag === 'A_Expr') {
    const names = namesOf(node.name);
    if (stringOf(node.kind)?.includes('BETWEEN') === true) return !['<', '>', '<=', '>='].every((name) => safe([name]));
    const name = names.at(-1) ?? '';
    if (PATTERNS.has(name) && node.kind !== 'AEXPR_OP_ANY' && node.kind !== 'AEXPR_OP_ALL') {
      return !builtin(names) || !isPlainPattern(treeOf(node.rexpr)) || !isOrdinaryOperator(name, catalog);
    }
    return !safe(names);
  }
  if (tag === 'SubLink') return node.operName !== undefined && !safe(namesOf(node.operName));
  if (tag !== 'FuncCall') return false;
  const name = namesOf(node.funcname).at(-1) ?? '';
  // A function in SQL may be such a condition itself.
  return LIKE_AN_OPERATOR.test(name) || catalog.functions.has(name);
};

/** Does the statement hold a condition that may fail on a sampled value? `statement` is any part of a parse tree. */
export const mayFailOnSamples = (statement: Tree, catalog: Catalog): boolean => {
  if (!isOrdinaryOperator('=', catalog)) return true;
  const pending: unknown[] = [statement];
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) for (const each of value) pending.push(each);
    else if (isTree(value)) {
      for (const key of Object.keys(value)) {
        const inner = value[key];
        if (isTree(inner) && mayFail(key, inner, catalog)) return true;
        // What a literal says is not looked at without need: see `watchLiterals`.
        if (key !== 'A_Const') pending.push(inner);
      }
    }
  }
  return false;
};

/**
 * A column that the planner has no samples of: for it, this is an expression. The condition is not known before the statement runs,
 * so that it is never simplified; both branches are the column, which keeps its type and modifier.
 */
export const withoutSamples = (column: string): string => `CASE WHEN CURRENT_TIMESTAMP IS NULL THEN ${column} ELSE ${column} END`;
