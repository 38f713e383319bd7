/**
 * What a session has defined and not committed: followed statement by statement, as the server would have it. Pure.
 */
import { createHash } from 'node:crypto';
import type { CatalogChange } from '../catalog/catalog-change.ts';
import type { StatementEffect, Uncommitted } from './judgement.ts';

export const NOTHING_UNCOMMITTED: Uncommitted = { changes: [], kept: [], savepoints: [], failed: false };

const settled = (changes: readonly CatalogChange[]): Uncommitted => ({ changes, kept: changes, savepoints: [], failed: false });

type Transaction = Extract<StatementEffect, { type: 'Transaction' }>;

const afterTransaction = (state: Uncommitted, { action, name }: Transaction): Uncommitted => {
  const index = state.savepoints.findLastIndex((savepoint) => savepoint.name === (name ?? ''));
  const savepoint = state.savepoints[index];
  switch (action) {
    case 'Begin':
      return state;
    case 'Commit':
      return settled(state.failed ? state.kept : state.changes);
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
  if (effect.type === 'Define') return { ...state, changes: [...state.changes, ...effect.changes] };
  return effect.type === 'Transaction' ? afterTransaction(state, effect) : state;
};

/** After an error: what was defined since the savepoint, or since the transaction began, is undone. */
export const afterError = (state: Uncommitted): Uncommitted => ({
  ...state,
  changes: state.savepoints.at(-1)?.changes ?? state.kept,
  failed: true,
});

const digests = new WeakMap<readonly CatalogChange[], string>();

const digestOf = (changes: readonly CatalogChange[]): string => {
  const known = digests.get(changes) ?? createHash('sha256').update(JSON.stringify(changes)).digest('hex').slice(0, 16);
  digests.set(changes, known);
  return known;
};

/**
 * The revision of judgements made with these changes.
 * INVARIANT: what was judged in a transaction that defined something is not good outside of it, nor the other way round.
 */
export const revisionWith = (revision: string, changes: readonly CatalogChange[]): string =>
  changes.length === 0 ? revision : `${revision}+${digestOf(changes)}`;
