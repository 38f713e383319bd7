/**
 * Which comparisons cannot fail for any two values of their types, and do nothing else: those that the server marks as leakproof,
 * and some that are argued here. Types are names of pg_catalog.
 */
import { readyExtension } from '../catalog/builtin/extensions.ts';
import type { Catalog } from '../catalog/catalog.ts';

export type Operand = {
  /** `unknown`: a literal or parameter that takes the type of what it meets. `enum`: see `enumType`. */
  readonly type: string;
  readonly column: boolean;
  /** Written into the statement: it is converted while the statement is planned, if it has to be. */
  readonly literal?: boolean;
  /** Of a column, where it is not the default. */
  readonly collation: string | undefined;
  readonly enumType?: string;
};

/** Types without a conversion that asks the catalog, and without a collation of their own. */
const CASTABLE = new Set(
  `bool int2 int4 int8 numeric float4 float8 text varchar bpchar bytea date time timetz timestamp timestamptz interval uuid inet macaddr
  macaddr8 money`.split(/\s+/),
);

/** Can a constant be cast to this type of pg_catalog, and be compared then? */
export const isCastable = (type: string): boolean => CASTABLE.has(type);

/**
 * Is an operator of this name PostgreSQL's own, whatever the operands? One of the database's own could be a better fit for types
 * that have none, or stand before it on the search_path.
 */
export const isOrdinaryOperator = (name: string, catalog: Catalog): boolean =>
  (catalog.operators.get(name) ?? []).every(
    ({ extension, operandTypes, operands }) =>
      extension !== undefined && readyExtension(extension) !== undefined && operandTypes.length === operands,
  );

const INTEGERS = ['int2', 'int4', 'int8'];
const FLOATS = ['float4', 'float8'];
const MOMENTS = ['date', 'timestamp', 'timestamptz'];

const pairs = (lefts: readonly string[], rights: readonly string[]): readonly string[] =>
  lefts.flatMap((left) => rights.flatMap((right) => [`${left} ${right}`, `${right} ${left}`]));

/**
 * Pairs whose operator exists for just these types.
 * numeric: `cmp_numerics` raises nothing. Moments of different types: what is beyond a type's range counts as infinite
 * (`date2timestamp_opt_overflow` and its like).
 */
const TOTAL = new Set(['numeric numeric', ...pairs(MOMENTS, MOMENTS)]);

/**
 * Pairs that meet in a wider type, into which neither can fail to be converted. An int8 beside a numeric or a float8 is converted
 * with rounding at most. A numeric beside a float8 is not here: it may be too large.
 */
const WIDENED = new Set([...pairs(INTEGERS, ['numeric', ...FLOATS]), ...pairs(['varchar'], ['text', 'varchar'])]);

/** Is `left name right` evaluated without failing on any values? */
export const comparesHarmlessly = (left: Operand, name: string, right: Operand, catalog: Catalog): boolean => {
  if (!isOrdinaryOperator(name, catalog)) return false;
  // Two collations that are not the default conflict, and the comparison fails when it is evaluated.
  if (left.column && right.column && left.collation !== right.collation) return false;
  if (left.type === 'enum' || right.type === 'enum') return comparesEnums(left, name, right);
  const [from, to] = left.type === 'unknown' ? [right.type, right.type] : [left.type, right.type === 'unknown' ? left.type : right.type];
  if (from === 'unknown') return true;
  const pair = `${from} ${to}`;
  if (catalog.ordinaryCasts && (isFloatBesideLiteral(left, right) || isFloatBesideLiteral(right, left))) return true;
  return catalog.leakproof.has(`${from} ${name} ${to}`) || TOTAL.has(pair) || (WIDENED.has(pair) && catalog.ordinaryCasts);
};

const isFloatBesideLiteral = (value: Operand, other: Operand): boolean =>
  FLOATS.includes(value.type) && other.literal === true && other.type === 'numeric';

/** `enum_eq` compares oids. Their order is looked up. */
const comparesEnums = (left: Operand, name: string, right: Operand): boolean => {
  const same = left.enumType === right.enumType || left.type === 'unknown' || right.type === 'unknown';
  return same && (name === '=' || name === '<>');
};
