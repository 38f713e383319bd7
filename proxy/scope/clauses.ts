/**
 * Where the clauses of a write begin and end in its text: positions of tokens, outside of every parenthesis.
 * A mistake here is caught when the text that is sent is parsed again.
 */
import { closingParenthesis, isPunctuation, isWord, lastOfName, textOf, TOKEN, type Tokens, tokenAt } from '../sql/tokens.ts';
import type { Write } from '../sql/analysis.ts';

/** Token indexes, `first` to `last`, both inclusive; empty where `last` is less. */
export type Run = { readonly first: number; readonly last: number };

/** One WHEN ... THEN of MERGE. */
export type WhenClause = {
  readonly when: number;
  /** Last word of MATCHED [BY SOURCE]. */
  readonly matched: number;
  readonly and: number | undefined;
  /** THEN. */
  readonly action: number;
};

export type Clauses = {
  /** Of the whole write, behind its target's name. */
  readonly run: Run;
  /** Keywords; undefined where the clause is not there. */
  readonly where: number | undefined;
  readonly returning: number | undefined;
  /** ON of MERGE. */
  readonly on: number | undefined;
  readonly whens: readonly WhenClause[];
};

const OPENING = '([';
const CLOSING = ')]';

const isAny = (tokens: Tokens, index: number, characters: string): boolean =>
  tokens.kinds[index] === TOKEN.punctuation && characters.includes(String.fromCharCode(tokens.bytes[tokens.starts[index]!]!));

/** Tokens of `run` that stand in no parenthesis of it; a parenthesis itself is one. */
export const topLevel = (tokens: Tokens, { first, last }: Run): readonly number[] => {
  const found: number[] = [];
  let depth = 0;
  for (let index = first; index <= last; index++) {
    if (isAny(tokens, index, CLOSING)) depth--;
    if (depth === 0) found.push(index);
    if (isAny(tokens, index, OPENING)) depth++;
  }
  return found;
};

/** Runs between the commas of `run`. */
export const items = (tokens: Tokens, run: Run): readonly Run[] => {
  const found: Run[] = [];
  let { first } = run;
  for (const index of topLevel(tokens, run)) {
    if (!isPunctuation(tokens, index, ',')) continue;
    found.push({ first, last: index - 1 });
    first = index + 1;
  }
  return [...found, { first, last: run.last }];
};

/** A reserved word that is neither a field nor a label. */
const isKeyword = (tokens: Tokens, index: number, word: string): boolean =>
  isWord(tokens, index, word) && !isPunctuation(tokens, index - 1, '.') && !isWord(tokens, index - 1, 'as');

/** The write ends where a parenthesis around it closes, at a semicolon, or with the statement. */
const runOf = (tokens: Tokens, first: number, end: number): Run => {
  let depth = 0;
  let index = first;
  for (; index < tokens.count && tokens.starts[index]! < end; index++) {
    if (isAny(tokens, index, OPENING)) depth++;
    else if (isAny(tokens, index, CLOSING) && --depth < 0) break;
    else if (depth === 0 && isPunctuation(tokens, index, ';')) break;
  }
  return { first, last: index - 1 };
};

/** Where `write` stands; `end` is the byte behind its statement. Undefined where its parts are not found. */
export const clausesOf = (tokens: Tokens, write: Write, end: number): Clauses | undefined => {
  const name = tokenAt(tokens, write.reference.location);
  if (name < 0) return undefined;
  const inParentheses = isPunctuation(tokens, name - 1, '(') && isWord(tokens, name - 2, 'only');
  const run = runOf(tokens, lastOfName(tokens, name) + (inParentheses ? 2 : 1), end);
  const top = topLevel(tokens, run);
  const last = (word: string): number | undefined => top.findLast((index) => isKeyword(tokens, index, word));
  const returning = write.returning === undefined ? undefined : last('returning');
  if (write.returning !== undefined && returning === undefined) return undefined;
  const bodyEnd = (returning ?? run.last + 1) - 1;
  const body = top.filter((index) => index <= bodyEnd);
  const after = (from: number, word: string): number | undefined => body.find((index) => index >= from && isKeyword(tokens, index, word));
  const whens = write.command === 'Merge' ? whensOf(tokens, body) : [];
  const on = whens === undefined ? undefined : body.findLast((index) => index < (whens[0]?.when ?? 0) && isKeyword(tokens, index, 'on'));
  if (write.command === 'Merge' && (whens?.length !== write.merge.length || on === undefined)) return undefined;
  let from = run.first;
  if (write.conflict !== undefined) {
    const conflict = tokenAt(tokens, write.conflict.location);
    const action = conflict < 0 ? undefined : after(conflict, 'do');
    if (action === undefined) return undefined;
    from = action;
  }
  const isSetting = write.command === 'Update' || write.upsert;
  const setting = isSetting ? after(from, 'set') : undefined;
  const filtering = isSetting || write.command === 'Delete';
  const where = filtering ? after(setting ?? from, 'where') : undefined;
  const condition = write.upsert ? write.conflict?.where : write.where;
  if ((filtering && (where === undefined) !== (condition === undefined)) || (isSetting && setting === undefined)) return undefined;
  return {
    run,
    where,
    returning,
    on,
    whens: whens ?? [],
  };
};

/** Is this keyword behind the list of SET? `IS DISTINCT FROM` has a FROM that is no clause. */
const endsSet = (tokens: Tokens, index: number): boolean =>
  ['where', 'returning'].some((word) => isKeyword(tokens, index, word)) ||
  (isKeyword(tokens, index, 'from') && !isWord(tokens, index - 1, 'distinct')) ||
  (isKeyword(tokens, index, 'when') && isMatched(tokens, index));

/** Bytes of the value in `column = value`, by the place of the column; undefined inside of `(a, b) = ...`. */
export const valueAt = (
  tokens: Tokens,
  location: number,
  { run }: Clauses,
): { readonly start: number; readonly end: number } | undefined => {
  const column = tokenAt(tokens, location);
  if (column < 0) return undefined;
  let equals: number | undefined;
  let last = column;
  let cases = 0;
  for (const index of topLevel(tokens, { first: column, last: run.last })) {
    if (isKeyword(tokens, index, 'case')) cases++;
    else if (isKeyword(tokens, index, 'end') && cases > 0) cases--;
    // `CASE WHEN matched` is about a column.
    if (cases === 0 && (isPunctuation(tokens, index, ',') || endsSet(tokens, index))) break;
    // `=-1` is one operator here, and two for PostgreSQL.
    if (tokens.kinds[index] === TOKEN.operator && textOf(tokens, index)[0] === '=') equals ??= index;
    last = index;
  }
  if (equals === undefined) return undefined;
  let start = tokens.starts[equals]! + 1;
  while (/\s/.test(String.fromCharCode(tokens.bytes[start]!))) start++;
  return { start, end: tokens.ends[last]! };
};

/** What gives the columns of `(a, b) = ...` their values, by the place of one of them: the parentheses, and the runs between commas. */
export const valuesAt = (
  tokens: Tokens,
  location: number,
): { readonly open: number; readonly close: number; readonly values: readonly Run[] } | undefined => {
  let depth = 0;
  let columns = tokenAt(tokens, location) - 1;
  for (; columns >= 0 && !(depth === 0 && isPunctuation(tokens, columns, '(')); columns--) {
    if (isAny(tokens, columns, CLOSING)) depth++;
    else if (isAny(tokens, columns, OPENING)) depth--;
  }
  const equals = columns < 0 ? -1 : closingParenthesis(tokens, columns) + 1;
  const open = isWord(tokens, equals + 1, 'row') ? equals + 2 : equals + 1;
  if (equals < 1 || textOf(tokens, equals) !== '=' || !isPunctuation(tokens, open, '(')) return undefined;
  const close = closingParenthesis(tokens, open);
  return close < 0 ? undefined : { open, close, values: items(tokens, { first: open + 1, last: close - 1 }) };
};

/** WHEN, AND and THEN outside of CASE. */
const whensOf = (tokens: Tokens, body: readonly number[]): readonly WhenClause[] | undefined => {
  const clauses: WhenClause[] = [];
  let cases = 0;
  let open: Omit<WhenClause, 'action'> | undefined;
  for (const index of body) {
    if (isKeyword(tokens, index, 'case')) cases++;
    else if (isKeyword(tokens, index, 'end') && cases > 0) cases--;
    if (cases > 0) continue;
    if (isKeyword(tokens, index, 'when') && isMatched(tokens, index)) {
      let matched = isWord(tokens, index + 1, 'not') ? index + 2 : index + 1;
      if (isWord(tokens, matched + 1, 'by')) matched += 2;
      open = { when: index, matched, and: isWord(tokens, matched + 1, 'and') ? matched + 1 : undefined };
    } else if (open !== undefined && isKeyword(tokens, index, 'then')) {
      clauses.push({ ...open, action: index });
      open = undefined;
    }
  }
  return open === undefined ? clauses : undefined;
};

const isMatched = (tokens: Tokens, when: number): boolean =>
  isWord(tokens, when + 1, 'matched') || (isWord(tokens, when + 1, 'not') && isWord(tokens, when + 2, 'matched'));

/** The run's text as the agent wrote it. */
export const runText = (tokens: Tokens, { first, last }: Run): string =>
  tokens.bytes.toString('utf8', tokens.starts[first], tokens.ends[last]);
