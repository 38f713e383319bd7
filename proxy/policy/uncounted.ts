/**
 * Statements whose affected rows cannot be counted: where a rule depends on the figure, they are refused.
 */
import type { Failure } from '../../kernel/failure.ts';
import { approvalRequired, ruleRefused } from '../../kernel/policy-failure.ts';
import type { RunningTerms, Watch } from './judgement.ts';

/** Does the rule end a statement that affects too many rows? */
export const endsByRowsAffected = ({ action, counts }: Watch): boolean => counts === 'RowsAffected' && action !== 'Audit';

/** What makes rows uncountable, as a fact of the statement, and what to do instead. */
type Obstacle = { readonly fact: string; readonly hint: string };

const SEVERAL: Obstacle = {
  fact: 'Affected rows are not counted where one text has several statements.',
  hint: 'Send the statements one by one, in a transaction if they belong together.',
};

const refusedBy = ({ rule, policy, action }: Watch, { fact, hint }: Obstacle): Failure =>
  action === 'RequireApproval' ? approvalRequired(rule, policy, fact) : ruleRefused(rule, policy, fact, hint);

/** A text of several statements is committed whole before any of its counts could be judged. Undefined: nothing has to be counted. */
export const severalUncounted = (terms: readonly RunningTerms[]): Failure | undefined => {
  const watch = terms.length > 1 ? terms.flatMap(({ watches }) => watches).find(endsByRowsAffected) : undefined;
  return watch === undefined ? undefined : refusedBy(watch, SEVERAL);
};
