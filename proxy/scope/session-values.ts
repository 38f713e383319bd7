/**
 * Values that a policy's filter takes from the session, as `current_user` or `current_setting('app.tenant')::int`.
 */
import { isTree, listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import type { Operand } from './harmless-operators.ts';

const ROLES = new Set(['SVFOP_CURRENT_ROLE', 'SVFOP_CURRENT_USER', 'SVFOP_USER', 'SVFOP_SESSION_USER']);

const isConstant = (expression: Tree): boolean => unwrap(expression)[0] === 'A_Const';

/** A text of the session: `current_setting('...')`, also with NULLIF around it. */
export const isSessionText = (expression: Tree): boolean => {
  const [tag, node] = unwrap(expression);
  if (tag === 'A_Expr') return node.kind === 'AEXPR_NULLIF' && isConstant(treeOf(node.rexpr)) && isSessionText(treeOf(node.lexpr));
  if (tag !== 'FuncCall') return false;
  const names = namesOf(node.funcname);
  return ['current_setting', 'pg_catalog.current_setting'].includes(names.join('.')) && listOf(node.args).every(isBare);
};

const isBare = (expression: Tree): boolean => {
  const [tag, node] = unwrap(expression);
  return tag === 'A_Const' || (tag === 'TypeCast' && isTree(node.arg) && isConstant(node.arg));
};

/** The operand that such a value is; undefined where it is none. */
export const sessionValueOf = (expression: Tree): Operand | undefined => {
  const [tag, node] = unwrap(expression);
  // The collation of a name is not the default, and conflicts with that of a column that has another.
  if (tag === 'SQLValueFunction' && ROLES.has(stringOf(node.op) ?? '')) return { type: 'name', column: true, collation: undefined };
  return isSessionText(expression) ? { type: 'text', column: false, collation: undefined } : undefined;
};
