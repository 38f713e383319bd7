import { describe, expect, it } from 'vitest';
import type { StatementEffect } from '../policy/judgement.ts';
import { SearchPath } from './search-path.ts';

const set = (...path: string[]): StatementEffect => ({ type: 'SetSearchPath', path, local: false });
const setLocal = (...path: string[]): StatementEffect => ({ type: 'SetSearchPath', path, local: true });
const reset: StatementEffect = { type: 'SetSearchPath', path: undefined, local: false };
const transaction = (action: Extract<StatementEffect, { type: 'Transaction' }>['action'], name?: string): StatementEffect => ({
  type: 'Transaction',
  action,
  name,
  chain: false,
});
const begin = transaction('Begin');
const commit = transaction('Commit');
const rollback = transaction('Rollback');

type Step = StatementEffect | 'error' | 'I' | 'T' | 'E';
const STATUS = { I: 'Idle', T: 'Transaction', E: 'Failed' } as const;

const after = (...steps: Step[]): readonly string[] | undefined => {
  const path = new SearchPath();
  for (const step of steps) {
    if (step === 'error') {
      path.failed();
    } else if (typeof step === 'string') {
      path.ready(STATUS[step]);
    } else {
      const pending = path.propose(step, 1);
      if (pending !== undefined) {
        path.confirm(pending, 'SET');
      }
    }
  }
  return path.inForce(2, false).path;
};

describe('SearchPath', () => {
  it.each<[string, Step[], string[] | undefined]>([
    ['is the default at first', [], undefined],
    ['follows SET', [set('a'), 'I'], ['a']],
    ['follows RESET', [set('a'), 'I', reset, 'I'], undefined],
    ['follows RESET ALL', [set('a'), 'I', { type: 'ResetAll' }, 'I'], undefined],
    ['follows DISCARD ALL', [set('a'), 'I', { type: 'DiscardAll' }, 'I'], undefined],
    ['keeps what was set before COMMIT', [begin, 'T', set('a'), 'T', commit, 'I'], ['a']],
    ['loses what was set before ROLLBACK', [set('z'), 'I', begin, 'T', set('a'), 'T', rollback, 'I'], ['z']],
    ['loses what an implicit transaction set before it failed', [set('a'), 'error', 'I'], undefined],
    ['has SET LOCAL inside of the transaction', [begin, 'T', setLocal('a'), 'T'], ['a']],
    ['loses SET LOCAL with the transaction', [set('z'), 'I', begin, 'T', setLocal('a'), 'T', commit, 'I'], ['z']],
    ['loses SET LOCAL outside of a transaction block', [setLocal('a'), 'I'], undefined],
    ['lets SET override SET LOCAL', [begin, 'T', setLocal('a'), set('b'), commit, 'I'], ['b']],
    ['lets SET LOCAL hide SET until the end', [begin, 'T', set('b'), setLocal('a'), 'T', commit, 'I'], ['b']],
    ['goes back to the savepoint', [begin, set('a'), transaction('Savepoint', 's'), set('b'), transaction('RollbackTo', 's'), 'T'], ['a']],
    [
      'goes back to the savepoint more than once',
      [begin, transaction('Savepoint', 's'), set('a'), transaction('RollbackTo', 's'), set('b'), transaction('RollbackTo', 's'), 'T'],
      undefined,
    ],
    [
      'keeps what was set since a savepoint that is released',
      [begin, transaction('Savepoint', 's'), set('a'), transaction('Release', 's'), commit, 'I'],
      ['a'],
    ],
    [
      'takes the newest savepoint of a name',
      [begin, transaction('Savepoint', 's'), set('a'), transaction('Savepoint', 's'), set('b'), transaction('RollbackTo', 's'), 'T'],
      ['a'],
    ],
    ['loses all when a failed transaction is committed', [set('z'), 'I', begin, 'T', set('a'), 'error', 'E', commit, 'I'], ['z']],
    [
      'comes back from a failure by way of a savepoint',
      [begin, set('a'), transaction('Savepoint', 's'), set('b'), 'error', 'E', transaction('RollbackTo', 's'), 'T', commit, 'I'],
      ['a'],
    ],
    ['keeps what COMMIT AND CHAIN committed', [begin, set('a'), commit, 'T', set('b'), rollback, 'I'], ['a']],
  ])('%s', (_what, steps, path) => {
    expect(after(...steps)).toEqual(path);
  });

  it('relies at once on what was set in the same segment, and not on what an earlier one may still set', () => {
    const path = new SearchPath();
    const pending = path.propose(set('a'), 1);
    expect(path.inForce(1, false)).toEqual({ path: ['a'], certain: true });
    expect(path.inForce(2, true)).toEqual({ path: ['a'], certain: false });
    path.discard(pending as NonNullable<typeof pending>);
    path.failed();
    path.ready('Idle');
    expect(path.inForce(2, false)).toEqual({ path: undefined, certain: true });
  });

  it('is uncertain where what was set may still be rolled back', () => {
    const path = new SearchPath();
    const pending = path.propose(set('a'), 1);
    path.confirm(pending as NonNullable<typeof pending>, 'SET');
    expect(path.inForce(2, true).certain).toBe(false);
    expect(path.inForce(2, false).certain).toBe(true);
    path.ready('Idle');
    expect(path.inForce(3, true).certain).toBe(true);
  });

  it('takes a COMMIT that answers ROLLBACK for one', () => {
    const path = new SearchPath();
    for (const [effect, tag] of [
      [set('a'), 'SET'],
      [commit, 'ROLLBACK'],
    ] as const) {
      const pending = path.propose(effect, 1);
      path.confirm(pending as NonNullable<typeof pending>, tag);
    }
    expect(path.inForce(2, false).path).toBeUndefined();
  });
});

describe('SearchPath with savepoints without end', () => {
  it('follows each at the same cost, sent together or one by one', () => {
    const path = new SearchPath();
    const effect = (index: number) => ({ type: 'Transaction', action: 'Savepoint', name: `s${index}`, chain: false }) as const;
    const pending = Array.from({ length: 20_000 }, (_, index) => {
      path.inForce(index, true);
      return path.propose(effect(index), index);
    });
    for (const [index, one] of pending.entries()) {
      path.inForce(index + 20_000, true);
      if (one !== undefined) path.confirm(one, 'SAVEPOINT');
      path.ready('Transaction');
    }
    expect(path.savepoints).toBe(20_000);
    const back = path.propose({ type: 'Transaction', action: 'RollbackTo', name: 's9', chain: false }, 50_000);
    if (back !== undefined) path.confirm(back, 'ROLLBACK');
    expect(path.savepoints).toBe(10);
  });
});
