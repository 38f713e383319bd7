/**
 * Can an expression be evaluated on a row that the agent must not see? Only where that can neither fail, nor tell, nor do anything,
 * whatever the row holds: PostgreSQL may then evaluate it beside a row filter, where it also finds the indexes.
 * INVARIANT: what is not named here is not harmless.
 */
import type { Catalog, CatalogColumn } from '../catalog/catalog.ts';
import { isTree, listOf, namesOf, numberOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { isPlainPattern } from './estimates.ts';
import { comparesHarmlessly, isCastable, isOrdinaryOperator, type Operand } from './harmless-operators.ts';
import { momentOf } from './moments.ts';
import { isSessionText, sessionValueOf } from './session-values.ts';
import { fieldsOf } from './sight.ts';

export type HarmlessContext = {
  /** The column that a reference means for certain, with its value as it is stored; undefined for a mask and for all that is in doubt. */
  readonly columnOf: (fields: readonly string[]) => CatalogColumn | undefined;
  /** Types of the parameters whose type is certain: see `parameterTypes`. */
  readonly parameters: ReadonlyMap<number, string>;
  readonly catalog: Catalog;
  /** A policy's own condition, which may ask who is there: the answer is the same for every row. */
  readonly asksForSession?: boolean;
};

/** `expression` is a condition: a wrapped node of the parse tree. */
export const isHarmless = (expression: Tree, context: HarmlessContext): boolean => {
  const [tag, node] = unwrap(expression);
  switch (tag) {
    case 'BoolExpr':
      return listOf(node.args).every((each) => isHarmless(each, context));
    case 'BooleanTest':
      return isHarmless(treeOf(node.arg), context);
    case 'NullTest':
      return isColumn(treeOf(node.arg), context) || operandOf(treeOf(node.arg), context) !== undefined;
    case 'A_Expr':
      return isHarmlessOperator(node, context);
    default: {
      const type = operandOf(expression, context)?.type;
      return type === 'bool' || type === 'unknown';
    }
  }
};

/** A column of any type: its value is only asked whether it is NULL. */
const isColumn = (expression: Tree, { columnOf }: HarmlessContext): boolean => {
  const [tag, node] = unwrap(expression);
  return tag === 'ColumnRef' && columnOf(fieldsOf(node))?.virtual === false;
};

/** The operators that each kind of A_Expr stands for. */
const COMPARED: Readonly<Record<string, readonly string[]>> = {
  AEXPR_DISTINCT: ['='],
  AEXPR_NOT_DISTINCT: ['='],
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
  AEXPR_BETWEEN_SYM: ['>=', '<='],
  AEXPR_NOT_BETWEEN_SYM: ['<', '>'],
};

const COMPARISONS = new Set(['=', '<>', '<', '>', '<=', '>=']);

const comparisonOf = (node: Tree): string | undefined => {
  const names = namesOf(node.name);
  const builtin = names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog');
  const name = names.at(-1) ?? '';
  return builtin && COMPARISONS.has(name) ? name : undefined;
};

const isHarmlessOperator = (node: Tree, context: HarmlessContext): boolean => {
  const kind = stringOf(node.kind) ?? '';
  const left = operandOf(treeOf(node.lexpr), context);
  if (left === undefined) return false;
  if (kind === 'AEXPR_LIKE') return isHarmlessPattern(left, node, context);
  const compares = (names: readonly string[], operands: readonly (Operand | undefined)[]): boolean =>
    operands.every((right) => right !== undefined && names.every((name) => comparesHarmlessly(left, name, right, context.catalog)));
  const operators = COMPARED[kind];
  if (operators !== undefined) {
    const isRange = kind.includes('BETWEEN');
    const right = isRange ? listOf(treeOf(treeOf(node.rexpr).List).items) : [treeOf(node.rexpr)];
    return compares(
      operators,
      right.map((each) => operandOf(each, context)),
    );
  }
  const name = comparisonOf(node);
  if (name === undefined) return false;
  switch (kind) {
    case 'AEXPR_OP':
      return compares([name], [operandOf(treeOf(node.rexpr), context)]);
    case 'AEXPR_IN': {
      const items = listOf(treeOf(treeOf(node.rexpr).List).items).map((item) => operandOf(item, context));
      return isUniform(items) && compares([name], items);
    }
    case 'AEXPR_OP_ANY':
    case 'AEXPR_OP_ALL':
      return compares([name], elementsOf(treeOf(node.rexpr), context));
    default:
      return false;
  }
};

/** Values of one type, or literals that take it, or numbers that have a type in common: what an array makes no trouble of. */
const isUniform = (items: readonly (Operand | undefined)[]): items is readonly Operand[] => {
  const exact = new Set(['int2', 'int4', 'int8', 'numeric']);
  const types = new Set(items.map((item) => item?.type));
  types.delete('unknown');
  return items.every((item) => item?.column === false) && (types.size <= 1 || [...types].every((type) => exact.has(type ?? '')));
};

/** What the elements of an array are: a literal, a parameter, or ARRAY[...]. `[undefined]` where that is not certain. */
const elementsOf = (expression: Tree, context: HarmlessContext): readonly (Operand | undefined)[] => {
  const [tag, node] = unwrap(expression);
  const element = (type: string | undefined): readonly (Operand | undefined)[] => {
    const inner = type === 'unknown' ? type : type?.startsWith('_') ? type.slice(1) : undefined;
    return [inner === undefined ? undefined : { type: inner, column: false, collation: undefined }];
  };
  if (tag === 'A_ArrayExpr') {
    const items = listOf(node.elements).map((item) => operandOf(item, context));
    // Literals alone would make a text[].
    const typed = items.length > 0 && items.every((item) => item !== undefined && item.type !== 'unknown');
    return typed && isUniform(items) ? items : [undefined];
  }
  if (tag === 'A_Const') return element(isTree(node.sval) ? 'unknown' : undefined);
  if (tag === 'ParamRef') return element(context.parameters.get(numberOf(node.number)));
  if (tag !== 'TypeCast') return [undefined];
  const [inner, value] = unwrap(treeOf(node.arg));
  const bounds = listOf(treeOf(node.typeName).arrayBounds);
  const type = castTypeOf(treeOf(node.typeName), bounds.length === 1, context.catalog);
  const isText = (inner === 'A_Const' && isTree(value.sval)) || (context.asksForSession === true && isSessionText(treeOf(node.arg)));
  const parameter = inner === 'ParamRef' ? context.parameters.get(numberOf(value.number)) : undefined;
  return element(isText || parameter === 'unknown' || parameter === `_${type}` ? `_${type}` : undefined);
};

/** The name of a type of pg_catalog that a cast names for certain, and that a constant can be cast to. */
const castTypeOf = (typeName: Tree, array: boolean, catalog: Catalog): string | undefined => {
  const names = namesOf(typeName.names);
  const name = names.at(-1) ?? '';
  const qualified = names.length === 2 && names[0] === 'pg_catalog';
  const isArray = listOf(typeName.arrayBounds).length > 0;
  if (isArray !== array || typeName.typmods !== undefined || typeName.setof === true || !isCastable(name)) return undefined;
  return qualified || (names.length === 1 && !catalog.userTypes.has(name)) ? name : undefined;
};

/** Types that a value of a type always fits into: drivers declare the smallest one, and write the column's as a cast. */
const WIDER: Readonly<Record<string, ReadonlySet<string>>> = {
  int2: new Set(['int4', 'int8', 'numeric', 'float4', 'float8']),
  int4: new Set(['int8', 'numeric', 'float8']),
  int8: new Set(['numeric', 'float8']),
  float4: new Set(['float8']),
  text: new Set(['varchar']),
  varchar: new Set(['text']),
};

const NUMBERS = new Set(['int4', 'int8', 'numeric', 'float8']);
const INT8_MAX = 2n ** 63n - 1n;

/** What PostgreSQL's grammar makes of a number with a point, an exponent, or more digits than an int4 has. */
const numberType = (text: string): string => (/^-?\d+$/.test(text) && BigInt(text.replace('-', '')) <= INT8_MAX ? 'int8' : 'numeric');

/** A value that something is compared with; undefined where computing it could fail or tell. */
export const operandOf = (expression: Tree, context: HarmlessContext): Operand | undefined => {
  const [tag, node] = unwrap(expression);
  const constant = (type: string | undefined): Operand | undefined =>
    type === undefined || type.startsWith('_') ? undefined : { type, column: false, collation: undefined };
  switch (tag) {
    case 'A_Const': {
      const type = constantType(node);
      return type === undefined ? undefined : { type, column: false, literal: true, collation: undefined };
    }
    case 'ParamRef':
      return constant(context.parameters.get(numberOf(node.number)));
    case 'ColumnRef': {
      const column = context.columnOf(fieldsOf(node));
      if (column === undefined || column.virtual) return undefined;
      const { baseType, baseTypeSchema, category, collation } = column;
      if (category === 'E') return { type: 'enum', column: true, collation: undefined, enumType: `${baseTypeSchema}.${baseType}` };
      return baseTypeSchema === 'pg_catalog' ? { type: baseType, column: true, collation } : undefined;
    }
    case 'TypeCast': {
      const type = castTypeOf(treeOf(node.typeName), false, context.catalog);
      const [inner, value] = unwrap(treeOf(node.arg));
      if (type === undefined) return undefined;
      if (inner === 'ParamRef') {
        // INVARIANT: a parameter of another type is converted while rows are read, and may fail on the first one.
        const declared = context.parameters.get(numberOf(value.number)) ?? '';
        return declared === 'unknown' || declared === type || WIDER[declared]?.has(type) === true ? constant(type) : undefined;
      }
      if (context.asksForSession === true && isSessionText(treeOf(node.arg))) return constant(type);
      if (inner !== 'A_Const') return undefined;
      const from = constantType(value);
      // A literal is converted while the statement is analyzed.
      if (from === 'unknown') return constant(type);
      return from === 'int4' && NUMBERS.has(type) ? constant(type) : undefined;
    }
    default:
      return context.asksForSession === true && sessionValueOf(expression) !== undefined
        ? sessionValueOf(expression)
        : constant(momentOf(expression, context.catalog));
  }
};

const constantType = (node: Tree): string | undefined => {
  if (node.isnull === true || isTree(node.sval)) return 'unknown';
  if (isTree(node.ival)) return 'int4';
  if (isTree(node.fval)) return numberType(stringOf(node.fval.fval) ?? '');
  return isTree(node.boolval) ? 'bool' : undefined;
};

const isHarmlessPattern = (left: Operand, node: Tree, { catalog }: HarmlessContext): boolean => {
  const name = namesOf(node.name).at(-1) ?? '';
  if (!isPlainPattern(treeOf(node.rexpr))) return false;
  const isText = left.column && (left.type === 'text' || left.type === 'varchar') && left.collation === undefined;
  return isText && (name === '~~' || name === '!~~') && isOrdinaryOperator(name, catalog);
};
