/**
 * What of a call the policy needs to know, by its syntax alone.
 */
import type { FirstArgument, FunctionUse, NameUse, RelationReference } from './analysis.ts';
import { constantOf, isPlainCast, isTree, listOf, locationOf, namesOf, stringOf, tagOf, type Tree, treeOf, unwrap } from './tree.ts';

/** A name that may have a schema, as `node` writes it. */
export const nameUse = (names: readonly string[], node: Tree): NameUse => ({
  schema: names.length > 1 ? names.at(-2) : undefined,
  name: names.at(-1) ?? '',
  location: locationOf(node),
});

const PLAIN_CALL = new Set(['funcname', 'args', 'funcformat', 'location']);

/** The first argument of a call without ORDER BY, OVER and their like; undefined where there is none, or it is named. */
const firstArgument = (call: Tree): FirstArgument | undefined => {
  const first = listOf(call.args)[0];
  if (first === undefined || Object.keys(call).some((field) => !PLAIN_CALL.has(field))) return undefined;
  const [tag, node] = unwrap(first);
  switch (tag) {
    case 'NamedArgExpr':
      return undefined;
    case 'ParamRef':
      return { type: 'Untyped', parameter: true };
    case 'TypeCast':
      return { type: 'Other', ...(isPlainCast(node) && tagOf(treeOf(node.arg)) === 'ParamRef' && { parameter: true }) };
    case 'A_Const':
      return { type: isTree(node.sval) || node.isnull === true ? 'Untyped' : 'Other' };
    case 'ColumnRef':
      return { type: listOf(node.fields).every((part) => part.String !== undefined) ? 'Column' : 'Other' };
    case 'CaseExpr':
      return { type: 'Guarded', location: locationOf(node) };
    default:
      return { type: 'Other' };
  }
};

/** A call, and what its first argument can only be, if that is settled. */
export const functionUse = (call: Tree, settled: string | undefined): FunctionUse => {
  const names = namesOf(call.funcname);
  const first = firstArgument(call);
  return {
    schema: names.length > 1 ? names[0] : undefined,
    name: names.at(-1) ?? '',
    constants: listOf(call.args).map(constantOf),
    ...(first === undefined ? {} : { first }),
    ...(settled === undefined ? {} : { settled }),
    location: locationOf(call),
  };
};

/** Views whose rows are those of a function: who calls it reads the view. */
const VIEWED: ReadonlyMap<string, string> = new Map([['pg_show_all_settings', 'pg_settings']]);

/** A FROM item that is nothing but `f()` of pg_catalog, where a view has the same rows: the view. */
export const viewedCall = (item: Tree): RelationReference | undefined => {
  if (item.ordinality === true || item.is_rowsfrom === true || item.coldeflist !== undefined) return undefined;
  // Without ROWS FROM it is one function, and without column definitions.
  const [list = {}] = listOf(item.functions);
  const [part = {}] = listOf(treeOf(list.List).items);
  const call = treeOf(part.FuncCall);
  if (call.args !== undefined) return undefined;
  if (Object.keys(call).some((field) => !PLAIN_CALL.has(field))) return undefined;
  const names = namesOf(call.funcname);
  const calledAs = names.at(-1) ?? '';
  // pg_catalog comes first in every search_path that an agent may set.
  const isBuiltin = names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog');
  const name = isBuiltin ? VIEWED.get(calledAs) : undefined;
  if (name === undefined) return undefined;
  const alias = treeOf(item.alias);
  const place = { database: undefined, schema: 'pg_catalog', name, location: locationOf(call) };
  const columnAliases = alias.colnames !== undefined;
  return { ...place, only: false, alias: stringOf(alias.aliasname), columnAliases, sampled: false, calledAs };
};

const isName = (wrapped: Tree): boolean => {
  const [, node] = unwrap(wrapped);
  // Of a ColumnRef: nothing else has fields.
  return namesOf(node.fields).join('.') === 'name';
};

/**
 * `SELECT set_config(name, ...) FROM pg_settings WHERE name = 'x'`, as pg_dump asks for a setting that a server need not have: the
 * calls in the select list whose name can only be that constant, and the constant.
 */
export const settledCalls = (select: Tree): readonly (readonly [call: Tree, name: string])[] => {
  const [item, ...others] = listOf(select.fromClause);
  const from = treeOf(item?.RangeVar);
  const schema = stringOf(from.schemaname);
  const isSettings = stringOf(from.relname) === 'pg_settings' && (schema === undefined || schema === 'pg_catalog');
  if (others.length > 0 || !isSettings || treeOf(from.alias).colnames !== undefined) return [];
  const [, condition] = unwrap(treeOf(select.whereClause));
  if (condition.kind !== 'AEXPR_OP' || namesOf(condition.name).join('.') !== '=') return [];
  if (!isName(treeOf(condition.lexpr))) return [];
  const calls = listOf(select.targetList).flatMap((target) => {
    const call = treeOf(treeOf(treeOf(target.ResTarget).val).FuncCall);
    const first = listOf(call.args)[0];
    return first !== undefined && isName(first) ? [call] : [];
  });
  const constant = treeOf(treeOf(condition.rexpr).A_Const);
  const name = isTree(constant.sval) ? stringOf(constant.sval.sval) : undefined;
  return name === undefined ? [] : calls.map((call) => [call, name]);
};
