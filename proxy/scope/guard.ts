/**
 * What is written around the first argument of a call that may only see some values of it.
 */
import { at, notUnderstood } from '../../kernel/failure.ts';
import { HIDDEN_SETTINGS } from '../catalog/builtin/setting-names.ts';
import type { Guard } from '../policy/decision.ts';
import { characterAt } from '../sql/analyze.ts';
import { mayShow } from '../catalog/builtin/settings.ts';
import { closingParenthesis, isPunctuation, lastOfName, type Tokens, tokenAt } from '../sql/tokens.ts';

/** Texts to insert at byte offsets. */
export type GuardTexts = {
  readonly before: { readonly offset: number; readonly text: string };
  readonly after: { readonly offset: number; readonly text: string };
};

/** What PostgreSQL takes a string without a type for, where that is not an oid. */
const UNTYPED: ReadonlyMap<string, string> = new Map([
  ['current_setting', 'text'],
  ['pg_blocking_pids', 'int4'],
  ['pg_get_sequence_data', 'regclass'],
  ['pg_get_viewdef', 'text'],
  ['pg_relation_filepath', 'regclass'],
  ['pg_sequence_last_value', 'regclass'],
]);

/** Index behind the last token of the argument that begins at `from`. */
const endOfArgument = (tokens: Tokens, from: number, close: number): number => {
  let depth = 0;
  for (let index = from; index < close; index++) {
    if (isPunctuation(tokens, index, '(') || isPunctuation(tokens, index, '[')) depth++;
    else if (isPunctuation(tokens, index, ')') || isPunctuation(tokens, index, ']')) depth--;
    else if (depth === 0 && isPunctuation(tokens, index, ',')) return index;
  }
  return close;
};

const arrayOf = (names: readonly string[]): string => `'{${names.join(',')}}'::pg_catalog.text[]`;

/** True where the setting of this name may be shown; PostgreSQL folds only the letters of ASCII in it. */
const shown = (argument: string, added: readonly string[]): string => {
  const name = `pg_catalog.lower(((${argument})::pg_catalog.text) COLLATE pg_catalog."C")`;
  const visible = `pg_catalog.strpos((${argument})::pg_catalog.text, '.') OPERATOR(pg_catalog.=) 0 AND ${name} OPERATOR(pg_catalog.<>) ALL (${arrayOf(HIDDEN_SETTINGS)})`;
  const custom = added.filter((setting) => mayShow(setting, added) && setting.includes('.'));
  return custom.length === 0
    ? visible
    : `(${visible} OR ${name} OPERATOR(pg_catalog.=) ANY (${arrayOf(custom.map((setting) => setting.toLowerCase()))}))`;
};

/**
 * INVARIANT: all functions that are guarded are strict, so that they are not run at all where the guard is not true.
 * @throws Failure where the argument is not found
 */
export const guardTexts = (guard: Guard, tokens: Tokens): GuardTexts => {
  const { use } = guard;
  const name = tokenAt(tokens, use.location);
  const open = name < 0 ? -1 : lastOfName(tokens, name) + 1;
  const close = open < 0 || !isPunctuation(tokens, open, '(') ? -1 : closingParenthesis(tokens, open);
  if (close < 0) throw at(notUnderstood('this form of a call'), characterAt(tokens.bytes, use.location));
  const end = endOfArgument(tokens, open + 1, close);
  const cast = use.first?.type === 'Untyped' ? `::pg_catalog.${UNTYPED.get(use.name) ?? 'oid'}` : '';
  const argument = tokens.bytes.toString('utf8', tokens.starts[open + 1], tokens.ends[end - 1]);
  const condition = guard.type === 'Silent' ? 'false' : shown(argument, guard.settings);
  return {
    before: { offset: tokens.ends[open]!, text: `CASE WHEN ${condition} THEN (` },
    after: { offset: tokens.starts[end]!, text: `)${cast} END` },
  };
};
