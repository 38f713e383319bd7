/**
 * A scope as the sub-select that stands in the place of its relation.
 */
import { BASE_ALIAS } from './mask.ts';
import { quoteName } from './quote.ts';
import type { ScopedRelation } from './scope.ts';

export type SubSelect = {
  readonly sent: string;
  readonly recorded: string;
  /** Where the relation's name begins, in bytes, given the select list that was taken. */
  readonly offset: (list: string) => number;
  /** Where the witness's relation begins; undefined without one. */
  readonly witness: (list: string) => number | undefined;
};

/** `extra`: system columns that the statement names. `sample`: its TABLESAMPLE. */
export const subSelect = (scope: ScopedRelation, only: boolean, extra: readonly string[], sample: string): SubSelect => {
  const base = quoteName(scope.relation.schema, scope.relation.name);
  const more = extra.map((column) => `, ${BASE_ALIAS}.${column} AS ${column}`).join('');
  const from = `${more} FROM ${only ? 'ONLY ' : ''}`;
  const rest = `${base} AS ${BASE_ALIAS}${sample}${scope.tail})`;
  const { witness } = scope;
  const before = witness === undefined ? '' : `(SELECT ${BASE_ALIAS}.* FROM `;
  const behind = witness === undefined ? '' : ` AS ${BASE_ALIAS} WHERE ${witness.sql})`;
  const text = (list: string): string => `${before}(SELECT ${list}${from}${rest}`;
  return {
    sent: text(scope.list) + behind,
    recorded: text(scope.recordedList) + behind,
    offset: (list) => Buffer.byteLength(`${before}(SELECT ${list}${from}`),
    witness: (list) => witness && Buffer.byteLength(`${text(list)} AS ${BASE_ALIAS} WHERE `) + witness.offset,
  };
};
