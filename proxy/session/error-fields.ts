import { TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import { relationKey } from '../catalog/catalog.ts';
import { raisedFailure } from '../policy/raise.ts';
import { inAgentWords } from './agent-words.ts';
import { contextForAgent, isOfCopiedLine } from './context-lines.ts';
import { failureResponseFields, type ResponseFields, withFields, withoutFields } from '../wire/error-response.ts';
import { agentPosition, byteOffset } from './positions.ts';
import type { StatementText } from './running-statement.ts';

/** What the agent is told of an error of the server, and what is only recorded. */
export type ToldError = {
  readonly fields: ResponseFields;
  /** The server's own words, where the agent got others. */
  readonly withheld: string | undefined;
};

/** Internal query and position: bodies of functions and triggers. */
const INTERNAL = 'qp';

/**
 * SQLSTATE classes whose DETAIL prints rows and keys of the table, in columns that the agent may not be allowed to see:
 * integrity constraints ("Failing row contains ...") and WITH CHECK OPTION.
 */
const PRINTS_ROWS = /^(23|44)/;

/**
 * Codes that tell nothing of a value where PostgreSQL itself raises them: names of constraints (DETAIL apart), names and types (class 42),
 * names and state of prepared statements and cursors, the protocol, transactions, serialization and deadlocks, cancelled, locks, out of
 * resources.
 */
const HARMLESS = /^(08|0A|23|24|25|26|34|40|42|44|53|55|57014)/;

/** What earlier statements of the transaction may still raise, whatever the text: cursors that are declared, triggers that are deferred. */
export type Lingering = { readonly cursorMayFail: boolean; readonly insideMayTell: boolean };

const NOTHING: Lingering = { cursorMayFail: false, insideMayTell: false };

/** Source files of procedural languages: code, message and hint are then what a function or trigger chose to say. */
const SAID_INSIDE = /^(pl_|plpy|plperl|pltcl|plv8)/;

const isSaidInside = (fields: ResponseFields): boolean => SAID_INSIDE.test(fields.get('F') ?? '');

const mayFail = (text: StatementText | undefined, { cursorMayFail }: Lingering, index: number): boolean => {
  const judged = text?.judged;
  // Behind the last statement of a text its transaction ends.
  const one = judged?.withheld === undefined || index >= judged.effects.length ? undefined : judged.withheld.includes(index);
  return cursorMayFail || (one ?? text?.prepared.withholdErrors === true);
};

const mayTell = (text: StatementText | undefined, { insideMayTell }: Lingering): boolean =>
  insideMayTell || text?.prepared.withholdInside === true;

/** Rewrites an error of the server for the agent, of the text's statement number `index`. `text` undefined: it is about none in particular. */
export const errorForAgent = (
  fields: ResponseFields,
  text: StatementText | undefined,
  lingering: Lingering = NOTHING,
  index = 0,
): ToldError => {
  const violated = raisedFailure(fields.get('C'), fields.get('M'));
  if (violated !== undefined) {
    return { fields: failureResponseFields(violated.fields), withheld: wordsOf(fields) };
  }
  const sqlstate = fields.get('C') ?? 'XX000';
  const isSaid = isSaidInside(fields);
  // PostgreSQL's own errors about constraints name them, and their DETAIL is dropped.
  const hides = mayFail(text, lingering, index) || mayTell(text, lingering);
  const isInside =
    mayTell(text, lingering) && (isSaid || (fields.has('W') && !PRINTS_ROWS.test(sqlstate) && !isOfOwnLine(fields, text, index)));
  if ((mayFail(text, lingering, index) || isInside) && (isSaid || !HARMLESS.test(sqlstate))) {
    const told = new Map([
      ...withoutFields(fields, `${INTERNAL}WDHPFLRstcdn`),
      ['M', 'could not compute a value that the policy protects'],
    ]);
    return { fields: told, withheld: wordsOf(fields) };
  }
  const dropsDetail =
    PRINTS_ROWS.test(sqlstate) &&
    fields.has('D') &&
    !hidesNothing(text) &&
    !isOfOpen(fields, text) &&
    (isSaid || !isOfShownKey(fields, text));
  const told = withContext(withoutFields(fields, dropsDetail ? `${INTERNAL}D` : INTERNAL), text, { index, frames: !hides });
  return { fields: withPosition(told, text), withheld: dropsDetail ? wordsOf(fields) : undefined };
};

const hidesNothing = (text: StatementText | undefined): boolean => text?.judged?.hidesNothing === true;

const isCopy = (text: StatementText | undefined, index: number): boolean => text?.judged?.kinds[index] === 'Copy';

const isOfOwnLine = (fields: ResponseFields, text: StatementText | undefined, index: number): boolean =>
  isCopy(text, index) && isOfCopiedLine(fields.get('W'), fields.get('F'), text?.judged?.relations ?? []);

const withContext = (
  fields: ResponseFields,
  text: StatementText | undefined,
  { index, frames }: { readonly index: number; readonly frames: boolean },
): ResponseFields => {
  const told = contextForAgent(fields.get('W'), { frames, copies: isCopy(text, index), hidesNothing: hidesNothing(text) });
  return told === undefined ? withoutFields(fields, 'W') : withFields(fields, { W: told });
};

/** PostgreSQL names the table whose row or key it prints; of a view's WITH CHECK OPTION it names none. */
const isOfOpen = (fields: ResponseFields, text: StatementText | undefined): boolean =>
  text?.prepared.open?.includes(tableOf(fields)) === true;

/** The server calls the schema of a session's temporary relations by its number. */
const tableOf = (fields: ResponseFields): string =>
  relationKey((fields.get('s') ?? '').replace(/^pg_temp_\d+$/, TEMPORARY_SCHEMA), fields.get('t') ?? '');

/** The key of the row that was to be written. What stands there already is never printed by these. */
const OWN_KEY = /^Key \(([^()"]+)\)=\(.*\) (?:already exists\.|is not present in table ".*"\.)$/s;

/** Does a DETAIL print nothing of the relation but columns that the agent may read as they are? */
const isOfShownKey = (fields: ResponseFields, text: StatementText | undefined): boolean => {
  const shown = text?.judged?.shown?.[tableOf(fields)];
  const key = OWN_KEY.exec(fields.get('D') ?? '')?.[1];
  return key?.split(', ').every((column) => shown?.includes(column) === true) ?? false;
};

const wordsOf = (fields: ResponseFields): string => [fields.get('M'), fields.get('D')].filter((part) => part !== undefined).join(' — ');

const withPosition = (fields: ResponseFields, text: StatementText | undefined): ResponseFields => {
  const position = Number(fields.get('P'));
  if (!Number.isSafeInteger(position) || position < 1 || text?.judged === undefined) {
    return withoutFields(fields, 'P');
  }
  const { sent, edits } = text.judged;
  const own = { P: agentPosition(position, sent, edits, text.sql).toString() };
  const message = fields.get('M');
  if (edits.length === 0 || message === undefined) return withFields(fields, own);
  return withFields(fields, { ...own, M: inAgentWords(message, byteOffset(sent, position), edits, text.sql) });
};

/** A notice for the agent: DETAIL and texts of the insides can carry values. Undefined: all of it can. */
export const noticeForAgent = (
  fields: ResponseFields,
  text: StatementText | undefined,
  lingering: Lingering = NOTHING,
  index = 0,
): ResponseFields | undefined => {
  const hides = mayFail(text, lingering, index) || mayTell(text, lingering);
  if (hides && (fields.has('W') || isSaidInside(fields))) {
    return undefined;
  }
  const left = hides || !hidesNothing(text) ? `${INTERNAL}DP` : `${INTERNAL}P`;
  return withContext(withoutFields(fields, left), text, { index, frames: !hides });
};
