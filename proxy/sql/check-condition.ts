/**
 * Which columns a condition of the database or a policy relates to each other, by its syntax.
 */
import { isTree, listOf, namesOf, type Tree, treeOf, unwrap } from './tree.ts';

/** The expression of a SELECT of nothing else. */
export const soleExpression = (statement: Tree): Tree => treeOf(treeOf(listOf(treeOf(statement.SelectStmt).targetList)[0]?.ResTarget).val);

/** The conditions that AND joins. */
const conjuncts = (wrapped: Tree): readonly Tree[] => {
  const [, node] = unwrap(wrapped);
  return node.boolop === 'AND_EXPR' ? listOf(node.args).flatMap(conjuncts) : [wrapped];
};

type Found = { readonly named: Set<string>; readonly compared: Set<string> };

const columnOf = (wrapped: Tree): string | undefined => {
  // Nothing else has fields.
  const [, node] = unwrap(wrapped);
  return namesOf(node.fields).at(-1);
};

/** Not by recursion: a condition may be nested deeper than a stack is. */
const find = (value: unknown, found: Found): void => {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (!isTree(next)) {
      if (Array.isArray(next)) for (const each of next as readonly unknown[]) pending.push(each);
      continue;
    }
    // Whether it is NULL is one answer, and no more can be asked.
    const tested = isTree(next.NullTest) ? columnOf(treeOf(next.NullTest.arg)) : undefined;
    const column = columnOf(next);
    if (tested !== undefined) found.named.add(tested);
    else if (column !== undefined) {
      found.named.add(column);
      found.compared.add(column);
    } else for (const each of Object.values(next)) pending.push(each);
  }
};

/**
 * Columns of a CHECK that stand in one condition with one of `set`; `compared`: those whose value counts there, and not only whether it is
 * NULL. A condition without them is true already.
 */
export const comparedColumns = (
  check: Tree,
  set: ReadonlySet<string>,
): { readonly related: ReadonlySet<string>; readonly compared: ReadonlySet<string> } => {
  const related = new Set<string>();
  const compared = new Set<string>();
  for (const condition of conjuncts(check)) {
    const found: Found = { named: new Set(), compared: new Set() };
    find(condition, found);
    if (![...found.named].some((column) => set.has(column))) continue;
    for (const column of found.named) related.add(column);
    for (const column of found.compared) compared.add(column);
  }
  return { related, compared };
};

/** Columns that a row filter holds to one value, the same for all rows. */
export const heldColumns = (filter: Tree): ReadonlySet<string> => {
  const held = new Set<string>();
  for (const condition of conjuncts(filter)) {
    const [, node] = unwrap(condition);
    if (node.kind !== 'AEXPR_OP' || namesOf(node.name).join('.') !== '=') continue;
    const sides = [treeOf(node.lexpr), treeOf(node.rexpr)] as const;
    for (const [side, other] of [sides, [sides[1], sides[0]] as const]) {
      const column = columnOf(side);
      const found: Found = { named: new Set(), compared: new Set() };
      find(other, found);
      if (column !== undefined && found.named.size === 0) held.add(column);
    }
  }
  return held;
};
