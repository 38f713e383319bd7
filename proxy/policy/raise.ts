/**
 * How a check that stands in a statement says no: it reads a setting that cannot exist, and the server's error carries the setting's name.
 * Reading a setting is STABLE, so that the planner does not do it ahead of the condition that it depends on.
 */
import type { Failure } from '../../kernel/failure.ts';
import { maskWrittenBack, rowFilterViolated, viewChanged } from '../../kernel/policy-failure.ts';

/** What was violated. */
export type Violation =
  | { readonly type: 'RowFilter'; readonly relation: string }
  /** A view is not the one that was traced. */
  | { readonly type: 'View'; readonly relation: string }
  | { readonly type: 'Mask'; readonly relation: string; readonly column: string };

const KINDS = { RowFilter: 'row_filter', View: 'view', Mask: 'mask' } as const;

const encoded = (text: string): string => encodeURIComponent(text).replaceAll("'", '%27');

/** An expression of type text that fails whenever it is evaluated. Nobody can define a setting of that name: `<` may not be in one. */
export const raiseSql = (violation: Violation): string => {
  const about = [violation.relation, ...(violation.type === 'Mask' ? [violation.column] : [])].map(encoded).join(' ');
  return `pg_catalog.current_setting('pg_airlock.${KINDS[violation.type]} <${about}>')`;
};

/** SQLSTATE `undefined_object`. */
const UNDEFINED_OBJECT = '42704';

/** The failure that an error of the server stands for; undefined for any other error. The message may be in any language. */
export const raisedFailure = (sqlstate: string | undefined, message: string | undefined): Failure | undefined => {
  if (sqlstate !== UNDEFINED_OBJECT || message === undefined) return undefined;
  const [, kind, relation, column] = /pg_airlock\.(row_filter|view|mask) <([^ <>]+)(?: ([^ <>]+))?>/.exec(message) ?? [];
  if (relation === undefined || !isEncoded(relation) || (column !== undefined && !isEncoded(column))) return undefined;
  if (kind === 'view') return viewChanged(decodeURIComponent(relation));
  if (kind === 'row_filter') return rowFilterViolated(decodeURIComponent(relation));
  return column === undefined ? undefined : maskWrittenBack(decodeURIComponent(column), decodeURIComponent(relation));
};

/** The agent may have the server quote a text of its own, which looks like ours. */
const isEncoded = (text: string): boolean => {
  try {
    return encoded(decodeURIComponent(text)) === text;
  } catch {
    return false;
  }
};
