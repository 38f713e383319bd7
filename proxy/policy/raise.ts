/**
 * How a check that stands in a statement says no: it reads a setting that cannot exist, and the server's error carries the setting's name.
 * Reading a setting is STABLE, so that the planner does not do it ahead of the condition that it depends on.
 */
import type { Failure } from '../../kernel/failure.ts';
import { maskWrittenBack, rowFilterViolated } from '../../kernel/policy-failure.ts';

/** What was violated. */
export type Violation =
  | { readonly type: 'RowFilter'; readonly relation: string }
  | { readonly type: 'Mask'; readonly relation: string; readonly column: string };

const encoded = (text: string): string => encodeURIComponent(text).replaceAll("'", '%27');

/** An expression of type text that fails whenever it is evaluated. Nobody can define a setting of that name: `<` may not be in one. */
export const raiseSql = (violation: Violation): string => {
  const name =
    violation.type === 'RowFilter'
      ? `pg_airlock.row_filter <${encoded(violation.relation)}>`
      : `pg_airlock.mask <${encoded(violation.relation)} ${encoded(violation.column)}>`;
  return `pg_catalog.current_setting('${name}')`;
};

/** SQLSTATE `undefined_object`. */
const UNDEFINED_OBJECT = '42704';

/** The failure that an error of the server stands for; undefined for any other error. The message may be in any language. */
export const raisedFailure = (sqlstate: string | undefined, message: string | undefined): Failure | undefined => {
  if (sqlstate !== UNDEFINED_OBJECT || message === undefined) return undefined;
  const [, kind, relation, column] = /pg_airlock\.(row_filter|mask) <([^ <>]+)(?: ([^ <>]+))?>/.exec(message) ?? [];
  if (relation === undefined) return undefined;
  if (kind === 'row_filter') return rowFilterViolated(decodeURIComponent(relation));
  return column === undefined ? undefined : maskWrittenBack(decodeURIComponent(column), decodeURIComponent(relation));
};
