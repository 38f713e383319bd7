/**
 * The value of a condition that names no column, as far as its syntax tells.
 * INVARIANT: what PostgreSQL could see in another way is not certain: numbers that differ in the last digits, strings that a type reads,
 * casts that make something else of their constant, operators of other schemas.
 */
import { constantOf, isTree, namesOf, type Tree, treeOf, unwrap } from './tree.ts';

/** `Untyped`: a string, which takes the type of what it meets. */
type Constant = { readonly type: 'Untyped' | 'Text' | 'Number' | 'Boolean'; readonly text: string };

/** PostgreSQL's `bool` input. */
const truthOf = (text: string): boolean | undefined => {
  const word = text.trim().toLowerCase();
  if (/^(t|tr|tru|true|y|ye|yes|on|1)$/.test(word)) return true;
  return /^(f|fa|fal|fals|false|n|no|of|off|0)$/.test(word) ? false : undefined;
};

/** NULL, also where it is cast. */
export const isNull = (wrapped: Tree): boolean => {
  const [tag, node] = unwrap(wrapped);
  return tag === 'TypeCast' ? isNull(treeOf(node.arg)) : node.isnull === true;
};

const constantIn = (wrapped: Tree): Constant | undefined => {
  const [tag, node] = unwrap(wrapped);
  const text = constantOf(wrapped);
  if (text === undefined) return undefined;
  if (tag === 'TypeCast') return { type: namesOf(treeOf(node.typeName).names).at(-1) === 'bool' ? 'Boolean' : 'Text', text };
  if (isTree(node.sval)) return { type: 'Untyped', text };
  return { type: isTree(node.boolval) ? 'Boolean' : 'Number', text };
};

/** So many characters a number may have for its digits to be told apart in binary. */
const MOST_DIGITS = 15;

const numberIn = (text: string): number | undefined =>
  text.length <= MOST_DIGITS && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;

/** The type that both sides are compared as. */
const commonType = (left: Constant, right: Constant): Constant['type'] | undefined => {
  if (left.type === right.type) return left.type;
  if (left.type === 'Untyped') return right.type;
  return right.type === 'Untyped' ? left.type : undefined;
};

const READERS = {
  Number: numberIn,
  Boolean: (text: string): number | undefined => {
    const truth = truthOf(text);
    return truth === undefined ? undefined : Number(truth);
  },
};

/** Less than zero, zero, or more; `Unequal`: which of the two is more is not told. */
const orderOf = (left: Constant, right: Constant): number | 'Unequal' | undefined => {
  const type = commonType(left, right);
  if (type === undefined) return undefined;
  if (type === 'Text' || type === 'Untyped') return left.text === right.text ? 0 : 'Unequal';
  const [a, b] = [READERS[type](left.text), READERS[type](right.text)];
  return a === undefined || b === undefined ? undefined : a - b;
};

/** What an operator says of an order. */
const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

const comparison = (node: Tree): boolean | undefined => {
  const sides = [treeOf(node.lexpr), treeOf(node.rexpr)] as const;
  const operator = namesOf(node.name).join('.');
  const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  if (node.kind !== 'AEXPR_OP' || compare === undefined) return undefined;
  if (sides.some(isNull)) return false;
  const [left, right] = [constantIn(sides[0]), constantIn(sides[1])];
  const order = left === undefined || right === undefined ? undefined : orderOf(left, right);
  if (order === 'Unequal') return operator === '=' || operator === '<>' ? compare(1) : undefined;
  return order === undefined ? undefined : compare(order);
};

/** NULL counts as false. Undefined: it is not certain. */
export const knownTruth = (wrapped: Tree): boolean | undefined => {
  const [tag, node] = unwrap(wrapped);
  if (isNull(wrapped)) return false;
  if (tag === 'A_Expr') return comparison(node);
  const constant = constantIn(wrapped);
  return constant?.type === 'Boolean' || constant?.type === 'Untyped' ? truthOf(constant.text) : undefined;
};
