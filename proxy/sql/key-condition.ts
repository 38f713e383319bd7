/**
 * How many values a condition leaves for a relation's primary key, by the syntax alone.
 */
import { constantOf, isTree, listOf, namesOf, type Tree, treeOf, unwrap } from './tree.ts';

export type KeyTarget = {
  /** Names that qualify its columns. */
  readonly names: ReadonlySet<string>;
  readonly key: readonly string[];
};

const NONE = Number.POSITIVE_INFINITY;

/** A constant, a parameter, or a cast of one. */
const isGiven = (wrapped: Tree): boolean => {
  const [tag, node] = unwrap(wrapped);
  if (tag === 'ParamRef') return true;
  if (tag === 'TypeCast') return isGiven(treeOf(node.arg));
  // `-1` of what is not a number's own sign.
  if (tag === 'A_Expr') return node.lexpr === undefined && isGiven(treeOf(node.rexpr));
  return tag === 'A_Const';
};

const SCALAR = /^(int[248]|numeric|float[48]|text|varchar|bpchar|uuid|date|time|timetz|timestamp|timestamptz|bool)$/;

/** One value of ARRAY[...]: an array in there, as a parameter may be, would hold many. */
const isElement = (wrapped: Tree): boolean => {
  const [tag, node] = unwrap(wrapped);
  if (tag === 'A_Expr') return isElement(treeOf(node.rexpr));
  if (tag !== 'TypeCast') return tag === 'A_Const';
  const type = treeOf(node.typeName);
  const names = namesOf(type.names);
  const isScalar = type.arrayBounds === undefined && (names.length === 1 || names[0] === 'pg_catalog') && SCALAR.test(names.at(-1) ?? '');
  return isScalar && isGiven(treeOf(node.arg));
};

/** Elements of ARRAY[...] or of a constant like '{1,2}'; undefined where their number is not known, as of a parameter. */
const elementsOf = (wrapped: Tree): readonly Tree[] | undefined => {
  const [tag, node] = unwrap(wrapped);
  if (tag === 'TypeCast') return elementsOf(treeOf(node.arg));
  if (tag === 'A_ArrayExpr') {
    const elements = listOf(node.elements);
    return elements.every(isElement) ? elements : undefined;
  }
  const text = constantOf(wrapped) ?? '';
  return /^\{[^{}"\\]*\}$/.test(text) ? text.split(',').map(() => wrapped) : undefined;
};

type Values = { readonly columns: readonly string[]; readonly count: number };

class KeyCondition {
  readonly #target: KeyTarget;

  constructor(target: KeyTarget) {
    this.#target = target;
  }

  /** Key values that the condition leaves; infinite where it leaves them open. */
  count(wrapped: Tree): number {
    const [tag, node] = unwrap(wrapped);
    if (tag === 'CurrentOfExpr') return 1;
    if (tag !== 'BoolExpr') return this.#product([wrapped]);
    const args = listOf(node.args);
    if (node.boolop === 'OR_EXPR') return args.reduce((sum, arg) => sum + this.count(arg), 0);
    if (node.boolop !== 'AND_EXPR') return NONE;
    return Math.min(this.#product(args), ...args.map((arg) => this.count(arg)));
  }

  #product(conditions: readonly Tree[]): number {
    const { key } = this.#target;
    const found = new Map<string, number>();
    let whole = NONE;
    for (const condition of conditions) {
      const values = this.#values(condition);
      if (values === undefined) continue;
      for (const column of values.columns) found.set(column, Math.min(found.get(column) ?? NONE, values.count));
      if (key.every((column) => values.columns.includes(column))) whole = Math.min(whole, values.count);
    }
    return Math.min(
      whole,
      key.reduce((product, column) => product * (found.get(column) ?? NONE), 1),
    );
  }

  #values(wrapped: Tree): Values | undefined {
    const [, node] = unwrap(wrapped);
    if (namesOf(node.name).join('.') !== '=') return undefined;
    const left = treeOf(node.lexpr);
    const right = treeOf(node.rexpr);
    if (node.kind === 'AEXPR_OP') return this.#equal(left, right) ?? this.#equal(right, left);
    if (node.kind === 'AEXPR_IN') return this.#among(left, listOf(treeOf(right.List).items));
    return node.kind === 'AEXPR_OP_ANY' ? this.#among(left, elementsOf(right)) : undefined;
  }

  #equal(column: Tree, value: Tree): Values | undefined {
    const columns = this.#columns(column);
    const given = columns !== undefined && this.#isGivenFor(columns, value);
    return given ? { columns, count: 1 } : undefined;
  }

  #among(column: Tree, values: readonly Tree[] | undefined): Values | undefined {
    const columns = this.#columns(column);
    if (columns === undefined || values === undefined || !values.every((value) => this.#isGivenFor(columns, value))) return undefined;
    return { columns, count: values.length };
  }

  #isGivenFor(columns: readonly string[], value: Tree): boolean {
    if (!isTree(value.RowExpr)) return columns.length === 1 && isGiven(value);
    const values = listOf(value.RowExpr.args);
    return values.length === columns.length && values.every(isGiven);
  }

  /** A column of the target, or a row of them. */
  #columns(wrapped: Tree): readonly string[] | undefined {
    const [tag, node] = unwrap(wrapped);
    // Whatever else stands in the row: two rows that are compared are of one length.
    if (tag === 'RowExpr') return listOf(node.args).flatMap((arg) => this.#columns(arg) ?? []);
    if (tag !== 'ColumnRef') return undefined;
    const parts = listOf(node.fields);
    const fields = namesOf(node.fields);
    if (parts.some((part) => part.A_Star !== undefined) || (fields.length > 1 && !this.#target.names.has(fields.at(-2) ?? '')))
      return undefined;
    const name = fields.at(-1) ?? '';
    return [name];
  }
}

/** Key values that a WHERE clause leaves; infinite where it does not hold the whole key to constants or parameters. */
export const keyValues = (where: Tree | undefined, target: KeyTarget): number =>
  where === undefined || target.key.length === 0 ? NONE : new KeyCondition(target).count(where);
