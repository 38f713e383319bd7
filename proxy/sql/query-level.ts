/**
 * What later steps need to know of one SELECT apart from the objects that it touches: how GROUP BY names its items, and
 * which parameters stand beside which columns.
 */
import type { GroupItem, ParameterUse, SelectTarget } from './analysis.ts';
import { isTree, listOf, locationOf, namesOf, numberOf, stringOf, type Tree, treeOf, unwrap } from './tree.ts';

/** Plain columns and ordinals of GROUP BY; undefined where it has grouping sets. */
export const groupItems = (items: readonly Tree[]): readonly GroupItem[] | undefined => {
  const result: GroupItem[] = [];
  for (const wrapped of items) {
    const [tag, node] = unwrap(wrapped);
    if (tag === 'GroupingSet') return undefined;
    if (tag === 'ColumnRef') result.push({ type: 'Column', fields: namesOf(node.fields), location: locationOf(node) });
    if (isTree(node.ival)) {
      result.push({ type: 'Ordinal', ordinal: numberOf(node.ival.ival), location: locationOf(node) });
    }
    // `GROUP BY (a, b)` is `GROUP BY a, b`.
    if (node.row_format === 'COERCE_IMPLICIT_CAST') result.push(...(groupItems(listOf(node.args)) ?? []));
  }
  return result;
};

/** An entry of the select list, as far as GROUP BY can name it. */
export const targetOf = (wrapped: Tree): SelectTarget => {
  const [, target] = unwrap(wrapped);
  const [tag, value] = unwrap(treeOf(target.val));
  const column = tag === 'ColumnRef' ? namesOf(value.fields) : undefined;
  return { name: stringOf(target.name) ?? column?.at(-1), column };
};

/** Which parameters meet which columns in this operator, without the operators inside of it. */
export const parametersOf = (expression: Tree): readonly ParameterUse[] => {
  const parameters = new Set<number>();
  const columns = new Set<string>();
  const pending: unknown[] = [expression.lexpr, expression.rexpr];
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) pending.push(...(value.length < 10_000 ? value : []));
    else if (isTree(value)) {
      if (isTree(value.ParamRef)) parameters.add(numberOf(value.ParamRef.number));
      else if (isTree(value.ColumnRef)) columns.add(namesOf(value.ColumnRef.fields).at(-1) ?? '');
      // A constant is not looked into: a judgement that does not read it holds for any other (see literal-watch.ts of the judge).
      else if (value.SubLink === undefined && value.A_Expr === undefined && value.A_Const === undefined) {
        for (const key of Object.keys(value)) pending.push(value[key]);
      }
    }
  }
  return [...parameters].map((parameter) => ({ parameter, columns: [...columns] }));
};
