/**
 * Statements whose affected rows cannot be counted by the tag of their completion: a rule that depends on the figure refuses them.
 */
import type { Failure } from '../../kernel/failure.ts';
import { approvalRequired, ruleRefused } from '../../kernel/policy-failure.ts';
import type { Analysis } from '../sql/analysis.ts';
import type { RunningTerms, Watch } from './judgement.ts';

/** Does the rule end a statement that affects too many rows? */
export const endsByRowsAffected = ({ action, counts }: Watch): boolean => counts === 'RowsAffected' && action !== 'Audit';

/** What makes rows uncountable, as a fact of the statement, and what to do instead. */
type Obstacle = { readonly fact: string; readonly hint: string };

const SEVERAL: Obstacle = {
  fact: 'Affected rows are not counted where one text has several statements.',
  hint: 'Send the statements one by one, in a transaction if they belong together.',
};

const ANALYZED: Obstacle = {
  fact: 'EXPLAIN ANALYZE runs the statement, and does not tell how many rows it affects.',
  hint: 'Leave ANALYZE out.',
};

const IN_WITH: Obstacle = {
  fact: 'Rows that are affected within WITH are not counted.',
  hint: 'Send each INSERT, UPDATE, DELETE and MERGE as a statement of its own, in a transaction if they belong together.',
};

const refusedBy = ({ rule, policy, action }: Watch, { fact, hint }: Obstacle): Failure =>
  action === 'RequireApproval' ? approvalRequired(rule, policy, fact) : ruleRefused(rule, policy, fact, hint);

/** Whoever is over this has lost count: a statement with such a watch is only held until its end is known. */
const NEVER = Number.POSITIVE_INFINITY;

/** A text of several statements is committed whole before any of its counts could be judged. None: nothing has to be counted. */
export const severalUncounted = (terms: readonly RunningTerms[]): readonly Failure[] => {
  const watches = terms.length > 1 ? terms.flatMap((each) => each.watches) : [];
  const watch = watches.find((each) => endsByRowsAffected(each) && each.over < NEVER);
  return watch === undefined ? [] : [refusedBy(watch, SEVERAL)];
};

/** What the rules that count come to for one statement. */
export type Counted = {
  readonly watches: readonly Watch[];
  readonly refusals: readonly Failure[];
  /** Rules that only mark the record: what cannot be counted may be over. */
  readonly rules: readonly string[];
};

const obstacleOf = ({ form, writes }: Analysis): Obstacle | undefined => {
  if (form.type === 'Explain') return ANALYZED;
  return writes.some(({ outermost }) => !outermost) ? IN_WITH : undefined;
};

/** Affects rows by itself, and says how many. */
const affects = ({ form, kind, writes }: Analysis, named: readonly Watch[]): boolean => {
  if (form.type === 'Explain') return form.analyzed && (writes.length > 0 || named.some(({ counts }) => counts === 'RowsAffected'));
  return writes.length > 0 || kind === 'CreateTableAs';
};

/**
 * The watches that a statement runs under, of those that the rules have for it; `named`: those of what it runs by name.
 * A write that may end for what it returns is held as well, since its rows come before its end.
 */
export const countWatches = (watches: readonly Watch[], analysis: Analysis, named: readonly Watch[] = []): Counted => {
  const returned = watches.filter(({ counts }) => counts !== 'RowsAffected');
  if (!affects(analysis, named)) return { watches: returned, refusals: [], rules: [] };
  const explained = analysis.form.type === 'Explain';
  const affected = [...watches, ...(explained ? named : [])].filter(({ counts, over }) => counts === 'RowsAffected' && over < NEVER);
  const obstacle = obstacleOf(analysis);
  if (obstacle !== undefined && affected.length > 0) {
    return {
      watches: returned,
      refusals: affected.filter(endsByRowsAffected).map((watch) => refusedBy(watch, obstacle)),
      rules: affected.filter((watch) => !endsByRowsAffected(watch)).map(({ rule }) => rule),
    };
  }
  const ending = explained ? undefined : returned.find(({ action }) => action !== 'Audit');
  const held: readonly Watch[] = ending === undefined ? [] : [{ ...ending, counts: 'RowsAffected', over: NEVER }];
  return { watches: [...returned, ...affected, ...held], refusals: [], rules: [] };
};
