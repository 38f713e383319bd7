/**
 * What an expression of a view's definition is made of.
 */
import { isTree, listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from '../../sql/tree.ts';
import { type Item, wholeRow } from './names.ts';
import { CONSTANT, derived, either, type Leaf, type Value } from './value.ts';

/** What an expression asks of the query around it. */
export type ValueContext = {
  readonly name: (fields: readonly string[]) => Value;
  readonly row: (table: string | undefined) => readonly Item[];
  readonly opaque: (schema: string | undefined, name: string) => string | undefined;
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
  return { ...derived(context.row(namesOf(fields.slice(0, -1)).at(-1)).map(wholeRow)), plain: false };
};

const subLink = (node: Tree, context: ValueContext): Value => {
  const { outputs, told } = context.query(treeOf(treeOf(node.subselect).SelectStmt));
  const decided: Value = { plain: false, same: [], only: false, by: told };
  const [only] = outputs;
  if (node.subLinkType === 'EXPR_SUBLINK' && only?.plain === true)
    return { ...only, only: false, by: derived([{ ...only, same: [] }, decided]).by };
  // EXISTS shows no column, only whether there is a row.
  const shown = node.subLinkType === 'EXISTS_SUBLINK' ? [] : outputs;
  return derived([...shown, decided, traceValue(treeOf(node.testexpr), context)]);
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
      return derived([...outputs, { plain: false, same: [], only: false, by: told }]);
    }
    case 'CollateClause':
      // It compares otherwise.
      return { ...traceValue(node.arg, context), only: false };
    case 'TypeCast': {
      const inner = traceValue(node.arg, context);
      return keepsText(node) ? inner : derived([inner]);
    }
    case 'CoalesceExpr':
      return either(listOf(node.args).map((each) => traceValue(each, context)));
    case 'FuncCall': {
      const names = namesOf(node.funcname);
      const opaque = context.opaque(names.length > 1 ? names.at(-2) : undefined, names.at(-1) ?? '');
      return derived([withinNode(node, context)], opaque);
    }
    case 'A_Const':
    case 'TypeName':
      return CONSTANT;
    default:
      return withinNode(value, context);
  }
};

const withinNode = (node: Tree, context: ValueContext): Value => {
  const values = Object.entries(node).flatMap(([field, inner]) =>
    typeof inner === 'object' && field !== 'funcname' && field !== 'typeName' ? [traceValue(inner, context)] : [],
  );
  const all = derived(values);
  return stringOf(all.unknown) === undefined && all.by.length === 0 ? CONSTANT : { ...all, plain: false };
};
