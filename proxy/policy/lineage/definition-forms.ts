/**
 * What a part of a view's definition has in it, by its syntax alone.
 */
import { listed } from '../../catalog/builtin/listed.ts';
import { namesOf, type Tree } from '../../sql/tree.ts';

const anywhere = (value: unknown, fits: (tree: Tree) => boolean): boolean => {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) pending.push(...(next as unknown[]));
    else if (typeof next === 'object' && next !== null) {
      if (fits(next as Tree)) return true;
      pending.push(...Object.values(next));
    }
  }
  return false;
};

const isCallOf =
  (names: ReadonlySet<string>) =>
  ({ funcname }: Tree): boolean =>
    names.has(namesOf(funcname).at(-1) ?? '');

const AGGREGATES = new Set(listed('array_agg avg count json_agg jsonb_agg string_agg sum'));

const MAKING_ROWS = new Set(
  listed(`
    aclexplode generate_series generate_subscripts json_array_elements json_array_elements_text json_each json_each_text json_object_keys
    json_populate_recordset json_to_recordset jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys
    jsonb_path_query jsonb_path_query_tz jsonb_populate_recordset jsonb_to_recordset regexp_matches regexp_split_to_table string_to_table
    ts_debug ts_parse ts_token_type txid_snapshot_xip pg_snapshot_xip unnest
  `),
);

/** Does it call a function of PostgreSQL's own that makes rows? */
export const makesRows = (value: unknown): boolean => anywhere(value, isCallOf(MAKING_ROWS));

/** Does it call any function? */
export const hasCall = (value: unknown): boolean => anywhere(value, ({ funcname }) => funcname !== undefined);

/** Are its rows made of several? */
export const isAggregated = ({ groupClause, targetList }: Tree): boolean =>
  groupClause !== undefined || hasWindow(targetList) || anywhere(targetList, isCallOf(AGGREGATES));

/** Does it look at other rows through a window? */
export const hasWindow = (value: unknown): boolean => anywhere(value, ({ over }) => over !== undefined);

/** Does it ask for a setting? */
export const asksSetting = (value: unknown): boolean => anywhere(value, ({ funcname }) => namesOf(funcname).at(-1) === 'current_setting');
