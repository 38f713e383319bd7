/**
 * Which types the parameters of a statement have, as far as that is certain before the server has analyzed it.
 */
import { isTree, listOf, namesOf, numberOf, type Tree, treeOf } from './tree.ts';

/** Oids of pg_catalog's types, which no server changes. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [16, 'bool'],
  [17, 'bytea'],
  [20, 'int8'],
  [21, 'int2'],
  [23, 'int4'],
  [25, 'text'],
  [700, 'float4'],
  [701, 'float8'],
  [705, 'unknown'],
  [869, 'inet'],
  [1000, '_bool'],
  [1001, '_bytea'],
  [1005, '_int2'],
  [1007, '_int4'],
  [1009, '_text'],
  [1014, '_bpchar'],
  [1015, '_varchar'],
  [1016, '_int8'],
  [1021, '_float4'],
  [1022, '_float8'],
  [1042, 'bpchar'],
  [1043, 'varchar'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1115, '_timestamp'],
  [1182, '_date'],
  [1184, 'timestamptz'],
  [1185, '_timestamptz'],
  [1186, 'interval'],
  [1231, '_numeric'],
  [1266, 'timetz'],
  [1700, 'numeric'],
  [2950, 'uuid'],
  [2951, '_uuid'],
]);

const NAMES = new Set(TYPES.values());

/** How often each parameter stands in the statement. */
const occurrences = (root: Tree): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) for (const each of value) pending.push(each);
    else if (isTree(value)) {
      if (isTree(value.ParamRef)) {
        const number = numberOf(value.ParamRef.number);
        counts.set(number, (counts.get(number) ?? 0) + 1);
      }
      // What a literal says is nobody's business here: see `watchLiterals`.
      for (const key of Object.keys(value)) if (key !== 'A_Const') pending.push(value[key]);
    }
  }
  return counts;
};

/** A type named by PREPARE, where it surely is PostgreSQL's own. */
const namedType = (typeName: Tree, isOwn: (name: string) => boolean): string | undefined => {
  const names = namesOf(typeName.names);
  const name = `${listOf(typeName.arrayBounds).length > 0 ? '_' : ''}${names.at(-1) ?? ''}`;
  const builtin = (names.length === 2 && names[0] === 'pg_catalog') || (names.length === 1 && !isOwn(names[0] ?? ''));
  return builtin && typeName.setof !== true && NAMES.has(name) ? name : undefined;
};

/**
 * Types by the number of the parameter, from those that the client declared (oids; 0 where it did not, undefined where nothing is known of it) or PREPARE names.
 * `unknown`: it takes the type of what it meets, since it stands in one place only. A parameter that is missing may have any type.
 * `isOwn`: has the database a type of that name outside of pg_catalog?
 */
export const parameterTypes = (
  statement: Tree,
  declared: readonly number[] | undefined,
  isOwn: (name: string) => boolean,
): ReadonlyMap<number, string> => {
  const types = new Map<number, string>();
  const isPrepare = isTree(statement.PrepareStmt);
  if (declared === undefined && !isPrepare) return types;
  const prepared = treeOf(statement.PrepareStmt).argtypes;
  for (const [number, count] of occurrences(statement)) {
    const named = listOf(prepared)[number - 1];
    const oid = isPrepare ? 0 : (declared?.[number - 1] ?? 0);
    let type: string | undefined;
    if (named !== undefined) type = namedType(treeOf(named.TypeName), isOwn);
    else type = oid === 0 ? 'unknown' : TYPES.get(oid);
    if (type === 'unknown' && count > 1) type = undefined;
    if (type !== undefined) types.set(number, type);
  }
  return types;
};
