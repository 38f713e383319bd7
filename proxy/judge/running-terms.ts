import { NO_TERMS, type RunningTerms, type SessionState, type StatementEffect, type Telling, type Watch } from '../policy/judgement.ts';
import type { Analysis } from '../sql/analysis.ts';

/**
 * The terms under which a statement runs: its own and those of what it runs by name. What PREPARE and DECLARE name has terms of its
 * own only once it is run, and what EXPLAIN prints is nobody's result.
 */
export const runningTerms = (
  effect: StatementEffect,
  own: RunningTerms,
  { explain, seen }: { readonly explain: boolean; readonly seen: SessionState },
): RunningTerms => {
  switch (effect.type) {
    case 'Prepare':
    case 'Declare':
      return NO_TERMS;
    case 'Execute':
      return explain
        ? withTelling(own, uncounted(seen.prepared(effect.name)?.terms.telling))
        : joined(own, seen.prepared(effect.name)?.terms);
    case 'Fetch':
      return joined(own, seen.cursor(effect.name)?.terms);
    default:
      return own;
  }
};

const joined = (own: RunningTerms, named: RunningTerms = NO_TERMS): RunningTerms =>
  named === NO_TERMS
    ? own
    : withTelling(
        { ...own, watches: [...own.watches, ...named.watches], hidesResult: own.hidesResult || named.hidesResult },
        named.telling,
      );

const withTelling = (own: RunningTerms, telling: Telling | undefined): RunningTerms => (telling === undefined ? own : { ...own, telling });

/** As it is where the tag of the statement is not that of the write: what may be left out counts as left out. */
export const uncounted = (telling: Telling | undefined): Telling | undefined =>
  telling && { ...telling, proposed: 0, upfront: telling.upfront + telling.proposed };

/** The watches of what EXPLAIN ANALYZE EXECUTE runs. */
export const explainedWatches = ({ form }: Analysis, seen: SessionState): readonly Watch[] =>
  form.type === 'Explain' && form.execute !== undefined ? (seen.prepared(form.execute)?.terms.watches ?? []) : [];
