import { listOf, type Tree, treeOf } from './tree.ts';

/** What a SELECT of nothing but a list of values has: no row can be missing, and none comes twice. */
const BARE = new Set(['targetList', 'limitOption', 'op']);

/** Locations of the calls that a statement is sure to make, and once: the values of a SELECT without anything else. */
export const outrightCalls = (tag: string, node: Tree): readonly number[] => {
  if (tag !== 'SelectStmt' || Object.keys(node).some((field) => !BARE.has(field))) return [];
  return listOf(node.targetList).flatMap((target) => {
    const call = treeOf(treeOf(treeOf(target.ResTarget).val).FuncCall);
    return typeof call.location === 'number' ? [call.location] : [];
  });
};
