/**
 * The name that PostgreSQL gives an entry of RETURNING without a label, as `FigureColname` (parse_target.c).
 */
import { listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';

/** `strong`: the name of a column or function, which the expressions around it take over. */
type Figured = { readonly name: string; readonly strong: boolean };

const NAMED: Readonly<Record<string, string>> = {
  GroupingFunc: 'grouping',
  MergeSupportFunc: 'merge_action',
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
};

/** Expressions that have no name of their own. */
const NAMELESS = new Set(['A_Const', 'ParamRef', 'BoolExpr', 'NullTest', 'BooleanTest']);

const strong = (name: string | undefined): Figured | undefined => (name === undefined ? undefined : { name, strong: true });
const NONE: Figured = { name: '?column?', strong: false };

const figure = (wrapped: Tree): Figured | undefined => {
  const [tag, node] = unwrap(wrapped);
  const known = Object.hasOwn(NAMED, tag) ? NAMED[tag] : undefined;
  if (known !== undefined) return strong(known);
  if (NAMELESS.has(tag)) return NONE;
  switch (tag) {
    case 'ColumnRef':
      return strong(namesOf(node.fields).findLast((name) => name !== ''));
    case 'FuncCall':
      return strong(namesOf(node.funcname).at(-1));
    case 'A_Indirection':
      return strong(namesOf(node.indirection).findLast((name) => name !== '')) ?? figure(treeOf(node.arg));
    case 'A_Expr':
      return node.kind === 'AEXPR_NULLIF' ? strong('nullif') : NONE;
    case 'TypeCast': {
      const inner = figure(treeOf(node.arg));
      if (inner === undefined || inner.strong) return inner;
      return { name: namesOf(treeOf(node.typeName).names).at(-1) ?? '', strong: false };
    }
    case 'CollateClause':
      return figure(treeOf(node.arg));
    case 'CaseExpr': {
      const inner = node.defresult === undefined ? NONE : figure(treeOf(node.defresult));
      return inner === undefined || inner.strong ? inner : { name: 'case', strong: false };
    }
    case 'MinMaxExpr':
      return strong(node.op === 'IS_GREATEST' ? 'greatest' : 'least');
    case 'SQLValueFunction':
      return strong(
        String(node.op)
          .replace(/^SVFOP_|_N$/g, '')
          .toLowerCase(),
      );
    case 'SubLink':
      return subLink(node);
    default:
      return undefined;
  }
};

const subLink = ({ subLinkType, subselect }: Tree): Figured | undefined => {
  if (subLinkType === 'EXISTS_SUBLINK') return strong('exists');
  if (subLinkType === 'ARRAY_SUBLINK') return strong('array');
  if (subLinkType !== 'EXPR_SUBLINK') return NONE;
  const [first] = listOf(treeOf(treeOf(subselect).SelectStmt).targetList);
  const target = treeOf(first?.ResTarget);
  const name = stringOf(target.name);
  if (name !== undefined) return strong(name);
  const inner = target.val === undefined ? undefined : figure(treeOf(target.val));
  return inner === undefined ? undefined : { ...inner, strong: true };
};

/** The name of an expression; undefined where it is not certain. */
export const columnName = (expression: Tree): string | undefined => figure(expression)?.name;
