/**
 * What an expression of a view's definition is made of.
 */
import { isTree, listOf, namesOf, type Tree, treeOf, unwrap } from '../../sql/tree.ts';
import type { Opaque } from './lineage.ts';
import { type Item, wholeRow } from './names.ts';
import { CONSTANT, derived, either, type Leaf, leavesOf, type Value } from './value.ts';

/** What an expression asks of the query around it. */
export type ValueContext = {
  readonly name: (fields: readonly string[]) => Value;
  readonly row: (table: string | undefined) => readonly Item[];
  readonly opaque: Opaque;
  /** What an opaque call makes, as a column of its own. */
  readonly itself: (what: string, calledWith: readonly Leaf[]) => Leaf;
  /** A sub-query: its columns, and what decides about its rows. */
  readonly query: (select: Tree) => { readonly outputs: readonly Value[]; readonly told: readonly Leaf[] };
};

const TEXT = new Set(['text', 'varchar']);

/** A cast that keeps every character. */
const keepsText = (node: Tree): boolean => {
  const type = treeOf(node.typeName);
  const names = namesOf(type.names);
  const builtin = names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog');
  return builtin && TEXT.has(names.at(-1) ?? '') && type.typmods === undefined && type.arrayBounds === undefined;
};

const columnRef = (node: Tree, context: ValueContext): Value => {
  const fields = listOf(node.fields);
  if (fields.at(-1)?.A_Star === undefined) return context.name(namesOf(node.fields));
  return derived(context.row(namesOf(fields.slice(0, -1)).at(-1)).map(wholeRow));
};

const subLink = (node: Tree, context: ValueContext): Value => {
  const { outputs, told } = context.query(treeOf(treeOf(node.subselect).SelectStmt));
  const decided: Value = { ...CONSTANT, by: told };
  const [only] = outputs;
  if (node.subLinkType === 'EXPR_SUBLINK' && only !== undefined)
    return { ...only, only: false, by: derived([{ ...only, same: [] }, decided]).by };
  // EXISTS shows no column, only whether there is a row.
  const shown = node.subLinkType === 'EXISTS_SUBLINK' ? [] : outputs;
  const compared = derived([...shown, decided, traceValue(treeOf(node.testexpr), context)]);
  return node.operName === undefined ? compared : made(compared, opaqueBy('Operator', node.operName, context), context);
};

const opaqueBy = (by: Parameters<Opaque>[0], name: unknown, { opaque }: ValueContext): string | undefined => {
  const names = namesOf(name);
  return opaque(by, names.at(-2), names.at(-1) ?? '');
};

/** What is made of a value. `unknown`: by what may read by itself; called with columns, a condition may compare it with others. */
const made = (value: Value, unknown: string | undefined, context: ValueContext): Value => {
  const leaves = leavesOf(value);
  if (unknown === undefined || leaves.length === 0) return derived([value], unknown);
  return { plain: false, same: [], only: false, by: [context.itself(unknown, leaves)], unknown };
};

/** Traces a node, a list of them, or whatever stands in a node: what it does not know it takes for something computed. */
export const traceValue = (value: unknown, context: ValueContext): Value => {
  if (Array.isArray(value)) return derived(value.map((each) => traceValue(each, context)));
  if (!isTree(value)) return CONSTANT;
  const [tag, node] = unwrap(value);
  switch (tag) {
    case 'ColumnRef':
      return columnRef(node, context);
    case 'SubLink':
      return subLink(node, context);
    case 'SelectStmt': {
      const { outputs, told } = context.query(node);
      return derived([...outputs, { ...CONSTANT, by: told }]);
    }
    case 'CollateClause':
      // It compares otherwise.
      return { ...traceValue(node.arg, context), only: false };
    case 'TypeCast': {
      const inner = traceValue(node.arg, context);
      const unknown = opaqueBy('Cast', treeOf(node.typeName).names, context);
      return keepsText(node) && unknown === undefined ? inner : made(inner, unknown, context);
    }
    case 'CoalesceExpr':
      return either(listOf(node.args).map((each) => traceValue(each, context)));
    case 'FuncCall':
      return made(withinNode(node, context), opaqueBy('Function', node.funcname, context), context);
    case 'A_Expr': {
      const unknown = opaqueBy('Operator', node.name, context);
      return unknown === undefined ? withinNode(value, context) : made(withinNode(node, context), unknown, context);
    }
    case 'A_Const':
      return CONSTANT;
    default:
      return withinNode(value, context);
  }
};

const withinNode = (node: Tree, context: ValueContext): Value => derived(Object.values(node).map((inner) => traceValue(inner, context)));
