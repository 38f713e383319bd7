import { raisedFailure } from '../policy/raise.ts';
import { failureResponseFields, type ResponseFields, withFields, withoutFields } from '../wire/error-response.ts';
import { agentPosition } from './positions.ts';
import type { StatementText } from './running-statement.ts';

/** What the agent is told of an error of the server, and what is only recorded. */
export type ToldError = {
  readonly fields: ResponseFields;
  /** The server's own words, where the agent got others. */
  readonly withheld: string | undefined;
};

/** Internal query and position, and context: the insides of functions and triggers. */
const INTERNAL = 'qpW';

/**
 * SQLSTATE classes whose DETAIL prints rows and keys of the table, in columns that the agent may not be allowed to see:
 * integrity constraints ("Failing row contains ...") and WITH CHECK OPTION.
 */
const PRINTS_ROWS = /^(23|44)/;

/**
 * Codes that tell nothing of a value, whatever raised them: names and types (class 42), names of prepared statements and cursors,
 * transaction state, serialization and deadlocks, cancelled, lock not available, out of resources.
 */
const HARMLESS = /^(42|25|26|34|40|53|57014|55P03)/;

/**
 * Rewrites an error of the server for the agent. `text` undefined: it is about no statement in particular.
 * `cursorMayFail`: it may as well come from a cursor that the transaction has declared, whatever the text.
 */
export const errorForAgent = (fields: ResponseFields, text: StatementText | undefined, cursorMayFail = false): ToldError => {
  const violated = raisedFailure(fields.get('C'), fields.get('M'));
  if (violated !== undefined) {
    return { fields: failureResponseFields(violated.fields), withheld: wordsOf(fields) };
  }
  const sqlstate = fields.get('C') ?? 'XX000';
  // Constraints are named, and their DETAIL is dropped; what a trigger or function says itself comes with a CONTEXT.
  const isInside = text?.prepared.withholdInside === true && fields.has('W') && !PRINTS_ROWS.test(sqlstate);
  if ((cursorMayFail || text?.prepared.withholdErrors === true || isInside) && !HARMLESS.test(sqlstate)) {
    const told = new Map([...withoutFields(fields, `${INTERNAL}DHPFLRstcdn`), ['M', 'could not compute a value that the policy protects']]);
    return { fields: told, withheld: wordsOf(fields) };
  }
  const dropsDetail = PRINTS_ROWS.test(sqlstate) && fields.has('D');
  const told = withoutFields(fields, dropsDetail ? `${INTERNAL}D` : INTERNAL);
  return { fields: withPosition(told, text), withheld: dropsDetail ? wordsOf(fields) : undefined };
};

const wordsOf = (fields: ResponseFields): string => [fields.get('M'), fields.get('D')].filter((part) => part !== undefined).join(' — ');

const withPosition = (fields: ResponseFields, text: StatementText | undefined): ResponseFields => {
  const position = Number(fields.get('P'));
  if (!Number.isSafeInteger(position) || position < 1 || text?.judged === undefined) {
    return withoutFields(fields, 'P');
  }
  const { sent, edits } = text.judged;
  return withFields(fields, { P: agentPosition(position, sent, edits, text.sql).toString() });
};

/** A notice for the agent: DETAIL and what tells of the insides can carry values. */
export const noticeForAgent = (fields: ResponseFields): ResponseFields => withoutFields(fields, `${INTERNAL}DP`);
