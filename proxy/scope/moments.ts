/**
 * Moments that a statement counts from, as `now() - interval '7 days'`: they are the same for every row, and too near to overflow.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { isTree, listOf, namesOf, numberOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { isOrdinaryOperator } from './harmless-operators.ts';

const VALUE_FUNCTIONS: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_DATE: 'date',
  SVFOP_CURRENT_TIMESTAMP: 'timestamptz',
  SVFOP_LOCALTIMESTAMP: 'timestamp',
};

const PLAIN_CALL = new Set(['funcname', 'funcformat', 'location']);

/** The type of `now()`, `current_date` and their like. */
const presentOf = (tag: string, node: Tree, catalog: Catalog): string | undefined => {
  if (tag === 'SQLValueFunction') return VALUE_FUNCTIONS[stringOf(node.op) ?? ''];
  if (tag !== 'FuncCall' || !Object.keys(node).every((field) => PLAIN_CALL.has(field))) return undefined;
  const names = namesOf(node.funcname);
  const builtin = names.length === 1 ? !catalog.functions.has('now') : names.length === 2 && names[0] === 'pg_catalog';
  return builtin && names.at(-1) === 'now' ? 'timestamptz' : undefined;
};

const MOST_DAYS = 100_000;
const NEAR = /^\d{1,4} ?(second|minute|hour|day|week|month|year)s?$/;

const isNearInterval = (tag: string, node: Tree): boolean => {
  const type = treeOf(node.typeName);
  const [inner, value] = unwrap(treeOf(node.arg));
  const names = namesOf(type.names);
  const isInterval = names.join('.') === 'pg_catalog.interval' && type.typmods === undefined && type.arrayBounds === undefined;
  return tag === 'TypeCast' && isInterval && inner === 'A_Const' && isTree(value.sval) && NEAR.test(stringOf(value.sval.sval) ?? '');
};

/** The type of a moment; undefined where the expression is none. */
export const momentOf = (expression: Tree, catalog: Catalog): string | undefined => {
  const [tag, node] = unwrap(expression);
  if (tag !== 'A_Expr') return presentOf(tag, node, catalog);
  const name = namesOf(node.name).join('.');
  if (node.kind !== 'AEXPR_OP' || (name !== '+' && name !== '-') || !isOrdinaryOperator(name, catalog)) return undefined;
  const [leftTag, left] = unwrap(treeOf(node.lexpr));
  const type = presentOf(leftTag, left, catalog);
  const [rightTag, right] = unwrap(treeOf(node.rexpr));
  if (type === undefined) return undefined;
  if (isNearInterval(rightTag, right)) return type === 'date' ? 'timestamp' : type;
  const days = rightTag === 'A_Const' && isTree(right.ival) ? numberOf(right.ival.ival) : undefined;
  return type === 'date' && days !== undefined && Math.abs(days) <= MOST_DAYS && listOf(right.items).length === 0 ? type : undefined;
};
