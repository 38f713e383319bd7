/**
 * What a session has defined and not committed: followed statement by statement, as the server would have it. Pure.
 */
import { createHash } from 'node:crypto';
import type { CatalogChange } from '../catalog/catalog-change.ts';
import { committed, lasting, withoutTemporary } from '../catalog/temporary.ts';
import type { StatementEffect, Uncommitted } from './judgement.ts';

const settled = (changes: readonly CatalogChange[]): Uncommitted => ({ changes, kept: changes, savepoints: [], failed: false });

export const NOTHING_UNCOMMITTED: Uncommitted = settled([]);

type Transaction = Extract<StatementEffect, { type: 'Transaction' }>;

const afterTransaction = (state: Uncommitted, { action, name }: Transaction): Uncommitted => {
  const index = state.savepoints.findLastIndex((savepoint) => savepoint.name === (name ?? ''));
  const savepoint = state.savepoints[index];
  switch (action) {
    case 'Begin':
      return state;
    case 'Commit':
      return settled(state.failed ? state.kept : committed(state.changes));
    case 'Rollback':
      return settled(state.kept);
    case 'Savepoint':
      return state.changes === state.kept
        ? state
        : { ...state, savepoints: [...state.savepoints, { name: name ?? '', changes: state.changes }] };
    case 'Release':
      return { ...state, savepoints: state.savepoints.slice(0, Math.max(index, 0)) };
    case 'RollbackTo':
      return { ...state, changes: savepoint?.changes ?? state.kept, savepoints: state.savepoints.slice(0, index + 1), failed: false };
    default:
      return action satisfies never;
  }
};

/** After a statement that succeeded. */
export const afterEffect = (state: Uncommitted, effect: StatementEffect): Uncommitted => {
  if (effect.type === 'Define') {
    return effect.changes.length === 0 ? state : { ...state, changes: [...state.changes, ...effect.changes] };
  }
  // DISCARD ALL stands in no transaction.
  if (effect.type === 'DiscardAll') return settled(withoutTemporary(state.kept));
  if (effect.type === 'DiscardTemporary') {
    const changes = withoutTemporary(state.changes);
    return changes === state.changes ? state : { ...state, changes };
  }
  return effect.type === 'Transaction' ? afterTransaction(state, effect) : state;
};

/** After an error: what was defined since the savepoint, or since the transaction began, is undone. */
export const afterError = (state: Uncommitted): Uncommitted => ({
  ...state,
  changes: state.savepoints.at(-1)?.changes ?? state.kept,
  failed: true,
});

/** When the transaction has ended, its other definitions are everybody's. */
export const afterEnd = (state: Uncommitted): Uncommitted => {
  const { failed, kept, savepoints } = state;
  const changes = lasting(failed ? kept : state.changes);
  if (changes.length === 0) return NOTHING_UNCOMMITTED;
  return changes === state.changes && changes === kept && !failed && savepoints.length === 0 ? state : settled(changes);
};

const digests = new WeakMap<readonly CatalogChange[], string>();

/** Stands for the changes, which an agent chooses: long enough that nobody finds two with the same. */
export const digestOf = (changes: readonly CatalogChange[]): string => {
  const known = digests.get(changes) ?? createHash('sha256').update(JSON.stringify(changes)).digest('hex').slice(0, 32);
  digests.set(changes, known);
  return known;
};

/**
 * The revision of judgements made with these changes.
 * INVARIANT: what was judged in a transaction that defined something is not good outside of it, nor the other way round.
 */
export const revisionWith = (revision: string, changes: readonly CatalogChange[]): string =>
  changes.length === 0 ? revision : `${revision}+${digestOf(changes)}`;
