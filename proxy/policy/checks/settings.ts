/**
 * Which settings a session may change and read, in whichever way it tries.
 */
import { settingHidden, settingRefused, settingUnnamed } from '../../../kernel/failure.ts';
import { acceptsAnyValue, isSearchPath, judgeSetting, mayShow } from '../../catalog/builtin/settings.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { FunctionUse, SettingChange } from '../../sql/analysis.ts';
import { splitIdentifiers } from '../../sql/identifier-list.ts';
import type { DecisionContext, Reason } from '../decision.ts';
import type { StatementEffect } from '../judgement.ts';

type PathEffect = Extract<StatementEffect, { type: 'SetSearchPath' }>;

export type SettingVerdict = { readonly reason: Reason | undefined; readonly path: PathEffect | undefined };

const reasonOf = (failure: Reason['failure'], location: number): SettingVerdict => ({
  reason: { failure, location, auditable: false },
  path: undefined,
});

/** No schema can have the empty name: `SET search_path TO ''` says that nothing is looked up. */
const ALWAYS = new Set(['public', '$user', '']);

/** Schemas that names are looked up in, also those that are not there: PostgreSQL finds them once they are made. */
export const resolvedPath = (schemas: readonly string[], { role }: Pick<Catalog, 'role'>): readonly string[] =>
  schemas.map((schema) => (schema === '$user' ? role : schema)).filter((schema) => schema !== '');

const checkPath = (schemas: readonly string[], local: boolean, location: number, context: DecisionContext): SettingVerdict => {
  const { grants, catalog } = context;
  for (const [index, schema] of schemas.entries()) {
    const first = schema === 'pg_catalog' && index === 0;
    if (ALWAYS.has(schema) || first || (grants.schemas.has(schema) && !schema.startsWith('pg_'))) continue;
    const allowed = [...new Set(['public', '"$user"', ...grants.schemas])].join(', ');
    return reasonOf(
      settingRefused('search_path', `Schema "${schema}" holds nothing that is granted.`, `Schemas that may be listed: ${allowed}.`),
      location,
    );
  }
  return { reason: undefined, path: { type: 'SetSearchPath', path: resolvedPath(schemas, catalog), local } };
};

/** `BEGIN READ WRITE`, which drivers write out, where a transaction could write without it too. */
export const isWritingAsUsual = ({ name, values }: SettingChange, { catalog }: DecisionContext): boolean =>
  name === 'transaction_read_only' && values?.[0] === 'off' && !catalog.readOnlyByDefault;

/** Judges SET, RESET and the modes of a transaction. */
export const checkSetting = (change: SettingChange, context: DecisionContext, location = 0): SettingVerdict => {
  const value = change.values?.join(', ');
  const { grants } = context;
  const { statementTimeout, transactionTimeout } = grants.limits;
  const verdict = judgeSetting(change.name, value, { extra: grants.settings, statementTimeout, transactionTimeout });
  if (!verdict.ok) return reasonOf(settingRefused(change.name, verdict.detail, verdict.hint), location);
  if (!isSearchPath(change.name)) return { reason: undefined, path: undefined };
  if (change.values === undefined) {
    return { reason: undefined, path: { type: 'SetSearchPath', path: undefined, local: change.local } };
  }
  return checkPath(change.values, change.local, location, context);
};

/** Judges SHOW and current_setting. */
export const checkShow = (name: string, location: number, context: DecisionContext): Reason | undefined =>
  mayShow(name, context.grants.settings) ? undefined : { failure: settingHidden(name), location, auditable: false };

/** As PostgreSQL's parse_bool: any prefix that is not ambiguous. */
const isTrue = (text: string): boolean => /^\s*(on|1|t|tr|tru|true|y|ye|yes)\s*$/i.test(text);

/** `current_setting(name)` of a list of settings, and `current_setting($1)`. */
export const isShownByName = ({ name, first, settled }: FunctionUse): boolean =>
  name === 'current_setting' &&
  settled === undefined &&
  (first?.type === 'Column' || (first?.type !== 'Guarded' && first?.parameter === true));

/** Judges set_config and current_setting by their arguments, which have to be constants. */
export const checkSettingFunction = (
  use: FunctionUse,
  { outright, earlier }: { readonly outright: readonly number[]; readonly earlier: PathEffect | undefined },
  context: DecisionContext,
): SettingVerdict => {
  const [constant, value, local] = use.constants;
  const name = constant ?? use.settled;
  if (name === undefined) return reasonOf(settingUnnamed(use.name), use.location);
  if (use.name === 'current_setting') return { reason: checkShow(name, use.location, context), path: undefined };
  if (value === undefined) {
    const { settings, limits } = context.grants;
    const { statementTimeout, transactionTimeout } = limits;
    // A driver sends it as a parameter.
    if (acceptsAnyValue(name, { extra: settings, statementTimeout, transactionTimeout })) return { reason: undefined, path: undefined };
    return reasonOf(settingRefused(name, 'The value is not a constant.', 'Write the value as a constant, or use SET.'), use.location);
  }
  if (local === undefined) {
    return reasonOf(settingRefused(name, 'Whether it is local is not a constant.', 'Write true or false, or use SET.'), use.location);
  }
  // INVARIANT: the session follows the path, so that it has to be certain that the call is made, once, and by this statement.
  if (isSearchPath(name) && (earlier !== undefined || !outright.includes(use.location))) {
    return reasonOf(
      settingRefused(name, 'Whether it is set depends on how the statement runs.', 'Call set_config in a SELECT of its own, or use SET.'),
      use.location,
    );
  }
  const values = isSearchPath(name) ? splitIdentifiers(value) : [value];
  if (values === undefined) {
    return reasonOf(settingRefused(name, 'The list of names has an invalid syntax.', 'Separate names by commas.'), use.location);
  }
  return checkSetting({ name: name.toLowerCase(), values, local: isTrue(local) }, context, use.location);
};
