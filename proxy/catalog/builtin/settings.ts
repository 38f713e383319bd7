/**
 * Which settings an agent may set and see, in whichever way it asks: SET, set_config, startup parameters, `options`, SHOW,
 * current_setting.
 */
import { HIDDEN_SETTINGS, LISTABLE, SETTABLE, UNSETTABLE } from './setting-names.ts';
import type { SettingRule } from './setting-names.ts';

export type SettingVerdict = { readonly ok: true } | { readonly ok: false; readonly detail: string; readonly hint: string };

/** `extra`: names that the policy adds. `statementTimeout`, `transactionTimeout`: its limits in milliseconds, which bound the timeouts. */
export type SettingContext = {
  readonly extra: readonly string[];
  readonly statementTimeout: number | undefined;
  readonly transactionTimeout?: number | undefined;
};

const OK: SettingVerdict = { ok: true };
const refusal = (detail: string, hint: string): SettingVerdict => ({ ok: false, detail, hint });

const HIDDEN: ReadonlySet<string> = new Set(HIDDEN_SETTINGS);

// As PostgreSQL's guc_name_compare: letters beyond ASCII stay as they are.
const folded = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

const ruleOf = (name: string, extra: readonly string[]): SettingRule | undefined => {
  const known = SETTABLE.get(name);
  if (known !== undefined) return known;
  if (UNSETTABLE.has(name) || !extra.some((added) => folded(added) === name)) return undefined;
  return LISTABLE.has(name) || name.includes('.') ? { type: 'Any' } : undefined;
};

const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['us', 0.001],
  ['ms', 1],
  ['', 1],
  ['s', 1_000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const milliseconds = (value: string): number | undefined => {
  const [, digits, unit] = /^\s*(\d{1,15}(?:\.\d{0,15})?)\s*(us|ms|s|min|h|d|)\s*$/.exec(value) ?? [];
  const factor = MILLISECONDS.get(unit ?? '?');
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
};

const judgeTimeout = (value: string, limit: number | undefined, what: string): SettingVerdict => {
  if (limit === undefined) return OK;
  const time = milliseconds(value);
  // Less than 1 ms would round to 0, which means no timeout at all.
  if (time !== undefined && time >= 1 && time <= limit) return OK;
  return refusal(`The policy limits a ${what} to ${limit} ms.`, `Use a value from 1 to ${limit} ms.`);
};

// PostgreSQL's parse_bool takes any prefix that is not ambiguous.
const isTrue = (value: string): boolean => /^(on|1|t|tr|tru|true|y|ye|yes)$/i.test(value);

// As PostgreSQL's clean_encoding_name, which ignores all but letters and digits.
const isUtf8 = (value: string): boolean => /^(utf8|unicode)$/i.test(value.replace(/[^0-9A-Za-z]/g, ''));

/** Whether every value of this setting is accepted, so that one not known yet (a parameter) is. */
export const acceptsAnyValue = (name: string, context: SettingContext): boolean => {
  const rule = ruleOf(folded(name), context.extra);
  return rule?.type === 'Any' && !isSearchPath(name);
};

/**
 * Whether the agent may give this setting this value, as PostgreSQL would read it (list items joined by `, `); undefined means DEFAULT
 * or RESET. The schemas of search_path are for the caller to judge.
 */
export const judgeSetting = (name: string, value: string | undefined, context: SettingContext): SettingVerdict => {
  const rule = ruleOf(folded(name), context.extra);
  if (rule === undefined) {
    return refusal(
      'It is not among the settings that an agent may change.',
      'Leave it as it is, or ask for it in the policy (spec.settings).',
    );
  }
  switch (rule.type) {
    case 'Any':
      return OK;
    case 'OneOf':
      return value === undefined || rule.values.includes(folded(value))
        ? OK
        : refusal('An agent may not give it this value.', `Values that may be set: ${rule.values.join(', ')}.`);
    case 'TrueOnly':
      return (value === undefined && rule.mayReset) || (value !== undefined && isTrue(value))
        ? OK
        : refusal('An agent may only turn it on.', 'Leave it as it is.');
    case 'Utf8Only':
      return value === undefined || isUtf8(value) ? OK : refusal('Statements are read as UTF-8.', 'Use client_encoding UTF8.');
    case 'Timeout':
      return value === undefined
        ? OK
        : judgeTimeout(value, context[rule.limit], rule.limit === 'statementTimeout' ? 'statement' : 'transaction');
    default:
      return rule satisfies never;
  }
};

/** Whether this is the setting whose schemas have to be judged as well. */
export const isSearchPath = (name: string): boolean => folded(name) === 'search_path';

/** Whether SHOW and current_setting may tell it; a custom setting only where the policy adds it. `all` is no: read pg_settings instead. */
export const mayShow = (name: string, extra: readonly string[] = []): boolean => {
  const setting = folded(name);
  if (setting === 'all' || HIDDEN.has(setting)) return false;
  return !setting.includes('.') || extra.some((added) => folded(added) === setting);
};
