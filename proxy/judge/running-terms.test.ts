import { describe, expect, it } from 'vitest';
import { NO_TERMS, type PreparedByText, type RunningTerms, type StatementEffect, type Watch } from '../policy/judgement.ts';
import { runningTerms } from './running-terms.ts';

const watch = (rule: string): Watch => ({ rule, policy: 'shop/p', action: 'Deny', counts: 'RowsAffected', over: 10 });
const own: RunningTerms = { watches: [watch('own')], hidesResult: false };
const terms: RunningTerms = { watches: [watch('named')], hidesResult: true };
const prepared: PreparedByText = {
  revision: '1',
  keyed: false,
  unfenced: false,
  withholdErrors: false,
  relations: [],
  masked: [],
  filtered: [],
  policies: [],
  terms,
};
const known = (name: string): PreparedByText | undefined => (name === 'known' ? prepared : undefined);
const seen = { searchPath: [], prepared: known, cursor: known };
const both: RunningTerms = { watches: [watch('own'), watch('named')], hidesResult: true };

describe('runningTerms()', () => {
  it.each<[string, StatementEffect, boolean, RunningTerms]>([
    ['a statement that runs itself has its own', { type: 'None' }, false, own],
    ['PREPARE runs nothing', { type: 'Prepare', name: 'known', prepared }, false, NO_TERMS],
    ['DECLARE returns nothing', { type: 'Declare', name: 'known', prepared }, false, NO_TERMS],
    ['EXECUTE has those of what was prepared too', { type: 'Execute', name: 'known' }, false, both],
    ['EXECUTE of what is not known fails', { type: 'Execute', name: 'unknown' }, false, own],
    ['EXPLAIN of it shows the plan', { type: 'Execute', name: 'known' }, true, own],
    ['FETCH has those of its cursor too', { type: 'Fetch', name: 'known' }, false, both],
  ])('%s', (_what, effect, explain, expected) => {
    expect(runningTerms(effect, own, { explain, seen })).toEqual(expected);
  });
});
