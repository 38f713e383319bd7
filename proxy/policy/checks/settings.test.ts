import { describe, expect, it } from 'vitest';
import { catalogOf, contextOf, grantsOf, policy } from '../../../test/support/small-catalog.ts';
import { decisionOf, reasonsOf } from '../../../test/support/small-decisions.ts';
import type { FunctionUse } from '../../sql/analysis.ts';
import { isShownByName, isWritingAsUsual } from './settings.ts';

const DENIED = '42501';

describe('decide() on settings', () => {
  const UNNAMED = [`${DENIED} setting-unnamed: permission denied for function set_config`];
  const set = (name: string): readonly string[] => [`${DENIED} setting-refused: permission denied to set parameter "${name}"`];
  it.each([
    ['SET jit = off', []],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE', []],
    ['START TRANSACTION READ WRITE', []],
    ['SET TRANSACTION READ WRITE', set('transaction_read_only')],
    ['SET transaction_read_only = off', set('transaction_read_only')],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', set('transaction_read_only')],
    ["SELECT set_config('transaction_read_only', 'off', true)", set('transaction_read_only')],
    ['SET role = postgres', set('role')],
    ['RESET session_authorization', set('session_authorization')],
    ['SET search_path = hr', set('search_path')],
    ['SET search_path = public, pg_catalog', set('search_path')],
    ['SET search_path = pg_catalog, public', []],
    ['SET statement_timeout = 0', set('statement_timeout')],
    [`SELECT set_config('role', 'x', false) WHERE false`, set('role')],
    [`SELECT set_config('search_path', 'public, "hr"', true)`, set('search_path')],
    [`SELECT set_config('statement_timeout', '0100'::varchar(1), false)`, set('statement_timeout')],
    [`SELECT set_config(is_local => true, setting_name => 'role', new_value => 'jit')`, UNNAMED],
    [`SELECT set_config('jit', 'off', a) FROM users`, set('jit')],
    ['SELECT set_config(name, ssn, true) FROM users', UNNAMED],
    [`SELECT current_setting('jit'), current_setting('app.tenant', true)`, []],
    [`SELECT current_setting('data_directory')`, [`${DENIED} setting-hidden: permission denied to examine parameter "data_directory"`]],
    ['SHOW app.tenant', []],
    ['SHOW other.tenant', [`${DENIED} setting-hidden: permission denied to examine parameter "other.tenant"`]],
    ['SHOW ALL', [`${DENIED} setting-hidden: permission denied to examine parameter "all"`]],
  ])('%s', (sql, expected) => {
    expect(reasonsOf(sql)).toEqual(expected);
  });

  it('takes BEGIN READ WRITE for what it is where transactions may write anyway', () => {
    const begin = (sql: string, readOnlyByDefault: boolean) => reasonsOf(sql, contextOf({ catalog: catalogOf({ readOnlyByDefault }) }));
    const refusal = set('transaction_read_only');
    expect(begin('BEGIN READ WRITE', false)).toEqual([]);
    expect(begin('BEGIN READ WRITE', true)).toEqual(refusal);
    expect(begin('BEGIN READ ONLY', true)).toEqual([]);
    expect(begin('BEGIN', true)).toEqual([]);
    expect(begin('SET TRANSACTION READ WRITE', false)).toEqual(refusal);
    expect(begin('BEGIN DEFERRABLE', true)).toEqual([]);
  });

  it.each(['on', 'true', 'TRUE', ' t ', 'tr', 'tru', 'y', 'ye', 'yes', '1'])('reads %j as true, whether a setting is local', (local) => {
    expect(decisionOf(`SELECT set_config('search_path', 'public', '${local}')`).pathChange?.local).toBe(true);
  });

  it.each(['off', 'o', 'false', 'n', '0', '', 'yess', 'no t', '10', '-1', 'trues'])('and %j as false', (local) => {
    expect(decisionOf(`SELECT set_config('search_path', 'public', '${local}')`).pathChange?.local).toBe(false);
  });

  it.each([
    ["SELECT current_setting('jit')", false],
    ['SELECT current_setting(name) FROM users', true],
    ['SELECT current_setting(users.name) FROM users', true],
    ['SELECT current_setting($1)', true],
    ['SELECT current_setting($1::text)', true],
    ["SELECT current_setting('a' || 'b')", false],
    ["SELECT set_config(name, 'a', true) FROM users", false],
    ["SELECT set_config($1, 'a', true)", false],
    ["SELECT current_setting(name) FROM pg_catalog.pg_class AS s (oid, name) WHERE name = 'jit'", true],
  ])('shows settings by name only in current_setting of a column or a parameter: %s', (sql, shown) => {
    expect(decisionOf(sql).guards.map(({ type }) => type)).toEqual(shown ? ['ShownSettings'] : []);
  });

  it.each([
    [`SET LOCAL search_path = "$user", public, nowhere`, undefined],
    [`SET LOCAL search_path = "$user", public`, { type: 'SetSearchPath', path: ['agent', 'public'], local: true }],
    [`SET search_path TO ''`, { type: 'SetSearchPath', path: [], local: false }],
    [`SELECT set_config('search_path', 'PUBLIC', 'yes')`, { type: 'SetSearchPath', path: ['public'], local: true }],
    ['RESET search_path', { type: 'SetSearchPath', path: undefined, local: false }],
  ])('%s changes the path', (sql, expected) => {
    expect(decisionOf(sql).pathChange).toEqual(expected);
  });
});

describe('a search_path', () => {
  const pathOf = (sql: string, context = contextOf()) => {
    const { pathChange, reasons } = decisionOf(sql, context);
    return pathChange?.path ?? reasons.map(({ failure }) => failure.fields.hint);
  };
  const hr = { schema: 'hr', name: 'granted' };
  const withHr = contextOf({ grants: grantsOf(policy({ functions: [hr, { schema: 'pg_toast', name: 'granted' }] }))! });

  it.each([
    [`SELECT set_config('search_path', '"$user", "public"', true)`, ['agent', 'public']],
    [`SELECT set_config('search_path', ' public , hr ', true)`, ['public', 'hr']],
    [`SELECT set_config('search_path', 'HR', true)`, ['hr']],
    ['SET search_path = hr, public', ['hr', 'public']],
    ['SET search_path = pg_catalog, hr', ['pg_catalog', 'hr']],
    ['SET search_path = hr, pg_catalog', ['Schemas that may be listed: public, "$user", pg_toast, hr.']],
    ['SET search_path = pg_toast', ['Schemas that may be listed: public, "$user", pg_toast, hr.']],
    [`SELECT set_config('search_path', '"h""r"', true)`, ['Schemas that may be listed: public, "$user", pg_toast, hr.']],
    [`SELECT set_config('search_path', '"HR"', true)`, ['Schemas that may be listed: public, "$user", pg_toast, hr.']],
  ])('has schemas of which something is granted: %s', (sql, expected) => {
    expect(
      [...pathOf(sql, withHr)].map((each) =>
        each?.replace('hr, pg_toast', 'pg_toast, hr').replace('public, "$user", public', 'public, "$user"'),
      ),
    ).toEqual(expected);
  });
});

describe('isWritingAsUsual() and isShownByName()', () => {
  const change = { name: 'transaction_read_only', values: ['off'], local: true };
  const context = (readOnlyByDefault: boolean) => contextOf({ catalog: catalogOf({ readOnlyByDefault }) });

  it('look for READ WRITE where nothing else is usual', () => {
    expect(isWritingAsUsual(change, context(false))).toBe(true);
    expect(isWritingAsUsual(change, context(true))).toBe(false);
    expect(isWritingAsUsual({ ...change, values: ['on'] }, context(false))).toBe(false);
    expect(isWritingAsUsual({ ...change, values: undefined }, context(false))).toBe(false);
    expect(isWritingAsUsual({ ...change, name: 'transaction_deferrable' }, context(false))).toBe(false);
  });

  const use = { schema: undefined, name: 'current_setting', constants: [undefined], location: 7 } as const;
  it.each<readonly [boolean, Partial<FunctionUse>]>([
    [true, { first: { type: 'Column' } }],
    [true, { first: { type: 'Untyped', parameter: true } }],
    [true, { first: { type: 'Other', parameter: true } }],
    [false, { first: { type: 'Other' } }],
    [false, { first: { type: 'Guarded', location: 9 } }],
    [false, {}],
    [false, { first: { type: 'Column' }, settled: 'jit' }],
    [false, { first: { type: 'Column' }, name: 'set_config' }],
  ])('and for a setting that a row or a parameter names: %s %#', (shown, rest) => {
    expect(isShownByName({ ...use, ...rest })).toBe(shown);
  });
});

describe('set_config()', () => {
  it.each([
    ["SELECT set_config('jit', $1, false)", []],
    ["SELECT set_config('app.tenant', $1, false)", []],
    ["SELECT set_config('other.tenant', $1, false)", ['The value is not a constant.']],
    ["SELECT set_config('statement_timeout', $1, false)", ['The value is not a constant.']],
    ["SELECT set_config('search_path', $1, false)", ['The value is not a constant.']],
    ["SELECT set_config('jit', 'off', $1)", ['Whether it is local is not a constant.']],
    ["SELECT set_config('transaction_read_only', 'on', true)", []],
    ["SELECT set_config('statement_timeout', '100', true)", []],
    ["SELECT set_config('statement_timeout', '', true)", ['The policy limits a statement to 3000 ms.']],
    ["SELECT set_config('JIT', 'off', true)", []],
  ])('takes a value that is not known only where any will do: %s', (sql, expected) => {
    expect(decisionOf(sql).reasons.map(({ failure }) => failure.fields.detail)).toEqual(expected);
  });
});
