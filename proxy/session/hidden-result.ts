import { NO_TERMS, type RunningTerms } from '../policy/judgement.ts';
import { encodeNoData } from '../wire/describe-close.ts';
import { BACKEND } from '../wire/message-type.ts';
import { Span } from '../wire/span.ts';
import type { Sent } from './expectations.ts';
import type { StatementText } from './running-statement.ts';

const NO_DATA = new Span(encodeNoData());

/** What lasts of a text's judgement while its statement number `index` runs. */
export const termsOf = (text: StatementText | undefined, index: number): RunningTerms =>
  text === undefined ? NO_TERMS : text.judged === undefined ? text.prepared.terms : (text.judged.terms[index] ?? NO_TERMS);

/**
 * What the client gets in place of an answer to a statement whose result is for our own sake: it is told what it would be told
 * of the same statement without RETURNING. Undefined: nothing.
 */
export const withoutResult = (sent: Sent, type: number, raw: Span): Span | undefined => {
  if (type !== BACKEND.rowDescription) {
    return raw;
  }
  return sent === 'DescribeStatement' || sent === 'DescribePortal' ? NO_DATA : undefined;
};
