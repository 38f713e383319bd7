/**
 * What a locking clause locks, after `transformLockingClause`: relations of the FROM clause and of the sub-queries in it, never a CTE.
 */
import type { FromItem, Lock, QueryLevel, RelationReference } from './analysis.ts';
import { listOf, stringOf, type Tree, treeOf } from './tree.ts';

const STRENGTHS: Readonly<Record<string, Lock['strength']>> = {
  LCS_FORUPDATE: 'Update',
  LCS_FORNOKEYUPDATE: 'NoKeyUpdate',
  LCS_FORSHARE: 'Share',
  LCS_FORKEYSHARE: 'KeyShare',
};

/** Relations that rows of these items come from, as a locking clause follows them. */
export const lockable = (items: readonly FromItem[] = []): readonly RelationReference[] =>
  items.flatMap((item) => item.reference ?? item.within ?? []);

/** One LockingClause of a query; undefined for a strength that is not known. Without OF it is about every item. */
export const lockOf = (clause: Tree, { items }: QueryLevel): Lock | undefined => {
  const strength = STRENGTHS[String(clause.strength)];
  const of = listOf(clause.lockedRels).map((relation) => stringOf(treeOf(relation.RangeVar).relname) ?? '');
  const locked = of.length === 0 ? items : items.filter((item) => of.includes(item.name ?? ''));
  return strength === undefined ? undefined : { strength, of, references: lockable(locked) };
};
