/**
 * What a part of a view's definition has in it, by its syntax alone.
 */
import { listed } from '../../catalog/builtin/listed.ts';
import { SET_RETURNING } from '../../catalog/builtin/set-returning.ts';
import { listOf, namesOf, tagOf, type Tree } from '../../sql/tree.ts';

const anywhere = (value: unknown, fits: (tree: Tree) => boolean): boolean => {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (fits(next as Tree)) return true;
    for (const each of Object.values(next)) pending.push(each);
  }
  return false;
};

const isCallOf =
  (names: ReadonlySet<string>) =>
  ({ funcname }: Tree): boolean =>
    names.has(namesOf(funcname).at(-1) ?? '');

const AGGREGATES = new Set(listed('array_agg avg count json_agg jsonb_agg string_agg sum'));

/** Does it call a function of PostgreSQL's own that makes rows? */
export const makesRows = (value: unknown): boolean => anywhere(value, isCallOf(SET_RETURNING));

/** Does it call any function? */
export const hasCall = (value: unknown): boolean => anywhere(value, ({ funcname }) => funcname !== undefined);

/** Are its rows made of several? */
export const isAggregated = ({ groupClause, targetList }: Tree): boolean =>
  groupClause !== undefined || hasWindow(targetList) || anywhere(targetList, isCallOf(AGGREGATES));

/** Does it look at other rows through a window? */
export const hasWindow = (value: unknown): boolean => anywhere(value, ({ over }) => over !== undefined);

/**
 * Does it make rows of several that differ in columns which it shows as they are? DISTINCT and GROUP BY do not: whoever leaves out rows by
 * such columns may do so afterwards.
 */
export const mixesRows = ({ distinctClause, groupClause, windowClause, targetList }: Tree): boolean =>
  listOf(distinctClause).some((each) => tagOf(each) !== '') ||
  listOf(groupClause).some((each) => tagOf(each) === 'GroupingSet') ||
  windowClause !== undefined ||
  hasWindow(targetList);

/** Does it ask for a setting? */
export const asksSetting = (value: unknown): boolean => anywhere(value, ({ funcname }) => namesOf(funcname).at(-1) === 'current_setting');
