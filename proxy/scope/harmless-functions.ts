/**
 * Functions where a condition may be near: aggregates in HAVING, and functions in FROM.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { listOf, namesOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { type HarmlessContext, operandOf } from './harmless.ts';
import { isOrdinaryOperator } from './harmless-operators.ts';

const AGGREGATES = new Set(['count', 'sum', 'avg', 'min', 'max']);

/** Functions of FROM that are no query in disguise. */
const IN_FROM = new Set(
  `generate_series unnest generate_subscripts json_array_elements json_array_elements_text json_each json_each_text json_object_keys
  jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys regexp_matches regexp_split_to_table
  string_to_table`.split(/\s+/),
);

const isOwnCall = (expression: Tree, names: ReadonlySet<string>, catalog: Catalog): boolean => {
  const [tag, node] = unwrap(expression);
  const parts = namesOf(node.funcname);
  const name = parts.at(-1) ?? '';
  const builtin = parts.length === 1 ? !catalog.functions.has(name) : parts.length === 2 && parts[0] === 'pg_catalog';
  return tag === 'FuncCall' && builtin && names.has(name);
};

/** Is the item of FROM, a list of a function and its columns, one of PostgreSQL's own that is called as it is? */
export const isHarmlessFunction = (item: Tree, catalog: Catalog): boolean => {
  const [call] = listOf(treeOf(item.List).items);
  return call !== undefined && isOwnCall(call, IN_FROM, catalog);
};

const COMPARISONS = new Set(['=', '<>', '<', '>', '<=', '>=']);

/** Does the condition compare an aggregate with a constant? It waits for the groups then, which no hidden row is in. */
export const isHarmlessAggregate = (condition: Tree, context: HarmlessContext): boolean => {
  const [tag, node] = unwrap(condition);
  const name = namesOf(node.name).join('.');
  if (tag !== 'A_Expr' || node.kind !== 'AEXPR_OP' || !COMPARISONS.has(name) || !isOrdinaryOperator(name, context.catalog)) return false;
  const value = operandOf(treeOf(node.rexpr), context);
  return isOwnCall(treeOf(node.lexpr), AGGREGATES, context.catalog) && value?.column === false;
};
