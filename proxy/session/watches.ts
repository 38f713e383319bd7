import { approvalRequired, ruleRefused } from '../../kernel/policy-failure.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { RunningTerms, Watch } from '../policy/judgement.ts';
import { endsByRowsAffected } from '../policy/uncounted.ts';
import type { ResultSize } from './result-limit.ts';
import type { RunningStatement } from './running-statement.ts';

/** What has been counted of a statement. */
type Counts = Readonly<Record<Watch['counts'], number>>;

/** Rules that a statement has met while it ran; `failure`: of the one that ends it. */
type Crossed = { readonly rules: readonly string[]; readonly failure: Failure | undefined };

const NOTHING_CROSSED: Crossed = { rules: [], failure: undefined };

const FACTS: Readonly<Record<Watch['counts'], (over: number) => string>> = {
  RowsReturned: (over) => `The statement returned more than ${over} ${over === 1 ? 'row' : 'rows'}.`,
  BytesReturned: (over) => `The statement returned more than ${over} ${over === 1 ? 'byte' : 'bytes'}.`,
  RowsAffected: (over) => `The statement affected more than ${over} ${over === 1 ? 'row' : 'rows'}, and was undone.`,
};

const HINTS: Readonly<Record<Watch['counts'], string>> = {
  RowsReturned: 'Add a LIMIT, a narrower WHERE or an aggregate.',
  BytesReturned: 'Name fewer columns, or add a LIMIT, a narrower WHERE or an aggregate.',
  RowsAffected: 'Narrow the WHERE, so that fewer rows are affected.',
};

/** Must the statement end where it is over the figure? */
const enforced = ({ action }: Watch): boolean => action !== 'Audit';

/**
 * Is it known only at the end whether the statement may stand? Then nothing that could commit it is sent before.
 */
export const mayBeUndone = ({ watches }: RunningTerms): boolean => watches.some(endsByRowsAffected);

/** Commands whose tag ends in how many rows they changed; `SELECT` is that of CREATE TABLE AS. */
const COUNTED = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY|SELECT) (\d+)$/;

/** How many rows a command has changed, by the tag of its CommandComplete. */
export const rowsAffected = (tag: string): number => Number(COUNTED.exec(tag)?.[1] ?? 0);

/** The watches that these counts are over. */
const crossedBy = (watches: readonly Watch[], counts: Partial<Counts>): Crossed => {
  const crossed = watches.filter(({ counts: what, over }) => (counts[what] ?? 0) > over);
  if (crossed.length === 0) {
    return NOTHING_CROSSED;
  }
  const ends = crossed.find(enforced);
  return { rules: crossed.map(({ rule }) => rule), failure: ends === undefined ? undefined : failureOf(ends) };
};

const failureOf = ({ rule, policy, action, counts, over }: Watch): Failure => {
  const fact = FACTS[counts](over);
  return action === 'RequireApproval' ? approvalRequired(rule, policy, fact) : ruleRefused(rule, policy, fact, HINTS[counts]);
};

/** Notes the rules that the statement meets, and stops it where one of them ends it. */
export const meet = (running: RunningStatement, { rules, failure }: Crossed): void => {
  for (const rule of rules) {
    if (!running.rules.includes(rule)) {
      running.rules = [...running.rules, rule];
    }
  }
  running.stopped ??= failure;
};

/** Adds what came to what the statement has returned, and says which rules that meets. */
export const countReturned = (watches: readonly Watch[], size: ResultSize, rows: number, bytes: number): Crossed => {
  size.rows += rows;
  size.bytes += bytes;
  return crossedBy(watches, { RowsReturned: size.rows, BytesReturned: size.bytes });
};

/** The rules that a command meets by how many rows it has changed. */
export const countAffected = (watches: readonly Watch[], tag: string): Crossed => crossedBy(watches, { RowsAffected: rowsAffected(tag) });
