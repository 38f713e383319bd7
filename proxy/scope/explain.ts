/**
 * What EXPLAIN may tell of a scope.
 */
import type { Edit } from '../policy/judgement.ts';
import { closingParenthesis, isPunctuation, isWord, type Tokens } from '../sql/tokens.ts';
import type { Scope } from './scope.ts';

/** Does evaluating the scope read what it does not show? The planner's estimates then tell of it. */
export const hidesValues = (scope: Scope): boolean =>
  scope.type === 'Scoped' && (scope.masked.length > 0 || scope.filtered)
    ? true
    : scope.relation.kind === 'v' && scope.relation.schema !== 'pg_catalog' && scope.relation.schema !== 'information_schema';

/** What a query in parentheses can begin with, where EXPLAIN could have options. */
const QUERY_WORDS = ['select', 'with', 'values', 'table'];

/** The edit that adds COSTS OFF to the EXPLAIN that begins at or after byte `from`. */
export const withoutCosts = (tokens: Tokens, from: number): Edit => {
  const explain = tokens.starts.findIndex((start) => start >= from);
  const next = explain + 1;
  const isQuery = isPunctuation(tokens, next + 1, '(') || QUERY_WORDS.some((word) => isWord(tokens, next + 1, word));
  if (isPunctuation(tokens, next, '(') && !isQuery) {
    // The last of several wins.
    const at = tokens.starts[closingParenthesis(tokens, next)] ?? 0;
    return { start: at, end: at, text: ', COSTS OFF' };
  }
  const analyze = isWord(tokens, next, 'analyze') || isWord(tokens, next, 'analyse') ? ['ANALYZE'] : [];
  const verbose = isWord(tokens, next + analyze.length, 'verbose') ? ['VERBOSE'] : [];
  const last = explain + analyze.length + verbose.length;
  return {
    start: tokens.starts[explain] ?? 0,
    end: tokens.ends[last] ?? 0,
    text: `EXPLAIN (${[...analyze, ...verbose, 'COSTS OFF'].join(', ')})`,
  };
};
