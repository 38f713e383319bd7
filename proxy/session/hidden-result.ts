import { rowFilterViolated } from '../../kernel/policy-failure.ts';
import type { Failure } from '../../kernel/failure.ts';
import { NO_TERMS, type RunningTerms } from '../policy/judgement.ts';
import { encodeNoData } from '../wire/describe-close.ts';
import { BACKEND } from '../wire/message-type.ts';
import type { ResponseFields } from '../wire/error-response.ts';
import type { Sent } from './expectations.ts';
import type { StatementText } from './running-statement.ts';

const NO_DATA = encodeNoData();

/** SQLSTATE `undefined_object`: what reading a setting that nobody has raises. */
const UNDEFINED_OBJECT = '42704';

/** The setting that the check of a row filter reads where a row is outside of it. */
const CHECK = 'pg_airlock.row_filter';

/** What lasts of a text's judgement while its statement number `index` runs. */
export const termsOf = (text: StatementText | undefined, index: number): RunningTerms =>
  text === undefined ? NO_TERMS : text.judged === undefined ? text.prepared.terms : (text.judged.terms[index] ?? NO_TERMS);

/**
 * What the client gets in place of an answer to a statement whose result is for our own sake: it is told what it would be told
 * of the same statement without RETURNING. Undefined: nothing.
 */
export const withoutResult = (sent: Sent, type: number, raw: Buffer): Buffer | undefined => {
  if (type !== BACKEND.rowDescription) {
    return raw;
  }
  return sent === 'DescribeStatement' || sent === 'DescribePortal' ? NO_DATA : undefined;
};

/**
 * The failure that stands for an error of the check of a row filter. An agent that reads the setting itself is told the same, of a
 * statement that fails all the same.
 */
export const rowFilterFailure = (fields: ResponseFields, text: StatementText | undefined): Failure | undefined => {
  const filtered = text?.prepared.filtered ?? [];
  if (fields.get('C') !== UNDEFINED_OBJECT || filtered.length === 0 || !fields.get('M')?.includes(CHECK)) {
    return undefined;
  }
  return rowFilterViolated(filtered.join('" or "'));
};
