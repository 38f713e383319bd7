/**
 * Proof that the row filter of each target stands in the parsed text as it was meant: before what finds rows, around what meets a
 * conflict, and in a check of what is returned of new rows.
 */
import type { Write } from '../sql/analysis.ts';
import { isTree, listOf, type Tree, treeOf } from '../sql/tree.ts';
import { conjuncts } from './condition-forms.ts';
import { qualified, withoutPlaces } from './condition-text.ts';
import type { TargetScope } from './target.ts';

const textOf = (trees: readonly Tree[]): string => JSON.stringify(trees.map(withoutPlaces));

/** Does the condition begin with the filter? */
const beginsWith = (condition: Tree | undefined, filter: readonly Tree[]): boolean =>
  condition !== undefined && textOf(conjuncts(condition).slice(0, filter.length)) === textOf(filter);

/** `CASE WHEN filter THEN ...`, with nothing that is asked before. */
const asksFirst = (expression: Tree | undefined, filter: readonly Tree[]): boolean => {
  const found = treeOf(expression?.CaseExpr);
  return found.arg === undefined && beginsWith(treeOf(treeOf(listOf(found.args)[0]?.CaseWhen).expr), filter);
};

/** What is wrong with how a write stands in the text; undefined where its target has no filter or nothing is. */
export const targetFault = (write: Write, { filter, filtered }: TargetScope): string | undefined => {
  if (!filtered) return undefined;
  if (filter === undefined) return 'a row filter is not known';
  const alias = write.reference.alias ?? write.reference.name;
  const over = (name: string): readonly Tree[] => conjuncts(qualified(filter, (fields) => [name, fields.at(-1) ?? '']));
  const own = over(alias);
  if (write.command === 'CopyIn') return 'a copy is not filtered';
  if (write.reach !== undefined && !beginsWith(write.reach.condition, own)) return 'a row filter does not stand first';
  const bySource = write.merge.filter(({ when }) => when === 'NotMatchedBySource');
  if (!bySource.every(({ condition }) => beginsWith(condition, own) || asksFirst(condition, own))) return 'a row filter of WHEN is missing';
  if (write.upsert && !asksFirst(write.conflict?.where, [...own, ...over('excluded')])) return 'a row filter of a conflict is missing';
  if (write.inserts.length === 0 && write.updates.length === 0) return undefined;
  const isChecked = write.returning?.some(({ val }) => isTree(val) && asksFirst(val, own)) === true;
  return isChecked ? undefined : 'new rows are not checked';
};
