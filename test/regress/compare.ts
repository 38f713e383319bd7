/**
 * In what two answers to the same statement differ.
 */
import type { Answer, Fields } from './answer.ts';

/** What is looked at, in this order; the first that differs names the difference. */
export type Aspect =
  | 'session'
  | 'error instead of a result'
  | 'result instead of an error'
  | 'SQLSTATE'
  | 'error message'
  | 'error position'
  | 'error DETAIL'
  | 'error HINT'
  | 'error CONTEXT'
  | 'error fields'
  | 'column names'
  | 'column types'
  | 'column origins'
  | 'order of rows'
  | 'rows'
  | 'command tag'
  | 'notices'
  | 'parameters and notifications'
  | 'state of the transaction';

const FIELDS: readonly (readonly [string, Aspect])[] = [
  ['C', 'SQLSTATE'],
  ['M', 'error message'],
  ['P', 'error position'],
  ['D', 'error DETAIL'],
  ['H', 'error HINT'],
  ['W', 'error CONTEXT'],
];

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const sorted = (rows: readonly string[]): readonly string[] => rows.toSorted();

/** In the order of their letters. */
export const sortedFields = (fields: Fields): readonly (readonly [string, string])[] =>
  Object.entries(fields).toSorted(([one], [other]) => (one < other ? -1 : 1));

const byField = (direct: Answer, other: Answer): Aspect | undefined => {
  if (direct.error === undefined || other.error === undefined) {
    if (direct.error === other.error) return undefined;
    return direct.error === undefined ? 'error instead of a result' : 'result instead of an error';
  }
  for (const [field, aspect] of FIELDS) if (direct.error[field] !== other.error[field]) return aspect;
  return same(sortedFields(direct.error), sortedFields(other.error)) ? undefined : 'error fields';
};

/** First oid of what is not PostgreSQL's own: a sequence of the whole server's, of which a refused statement may have taken one less. */
const OWN = 16_384;

const steady = (oid: string | number): string => {
  const [object = '', column = ''] = String(oid).split('.');
  return Number(object) >= OWN ? `own ${column}` : String(oid);
};

const columns = (answer: Answer, what: 'name' | 'type' | 'modifier' | 'origin'): unknown =>
  answer.columns.map((set) => set.map((column) => (what === 'type' || what === 'origin' ? steady(column[what]) : column[what])));

/** Undefined where a client sees the same. */
export const differenceOf = (direct: Answer, other: Answer): Aspect | undefined => {
  if (other.status === 'dead' || other.status === 'hung') return direct.status === other.status ? undefined : 'session';
  const error = byField(direct, other);
  if (error !== undefined) return error;
  if (!same(columns(direct, 'name'), columns(other, 'name'))) return 'column names';
  if (!same(columns(direct, 'type'), columns(other, 'type')) || !same(columns(direct, 'modifier'), columns(other, 'modifier'))) {
    return 'column types';
  }
  if (!same(columns(direct, 'origin'), columns(other, 'origin'))) return 'column origins';
  if (!same(direct.rows, other.rows)) return same(sorted(direct.rows), sorted(other.rows)) ? 'order of rows' : 'rows';
  if (!same(direct.tags, other.tags)) return 'command tag';
  if (!same(direct.notices, other.notices)) return 'notices';
  if (!same(direct.said, other.said)) return 'parameters and notifications';
  return direct.status === other.status ? undefined : 'state of the transaction';
};

/** Of two answers that differ without the proxy as well, what still has to be alike: columns, and that it succeeds or fails so. */
export const isAlike = (direct: Answer, other: Answer): boolean =>
  direct.error?.['C'] === other.error?.['C'] &&
  same(columns(direct, 'name'), columns(other, 'name')) &&
  same(columns(direct, 'type'), columns(other, 'type')) &&
  direct.status === other.status;
