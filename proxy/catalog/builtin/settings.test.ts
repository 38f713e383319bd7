import { describe, expect, it } from 'vitest';
import { LISTABLE, SETTABLE, UNSETTABLE } from './setting-names.ts';
import { acceptsAnyValue, judgeSetting, mayShow } from './settings.ts';

const context = { extra: ['work_mem', 'App.Tenant', 'row_security', 'client_encoding'], statementTimeout: 3000 };
const accepted = (name: string, value: string | undefined): boolean => judgeSetting(name, value, context).ok;

describe('judgeSetting()', () => {
  it.each<[string, string | undefined]>([
    ['application_name', 'anything'],
    ['DateStyle', 'ISO, MDY'],
    ['TIMEZONE', undefined],
    ['search_path', '"$user", public'],
    ['client_min_messages', 'Warning'],
    ['client_min_messages', undefined],
    ['client_encoding', 'utf-8'],
    ['client_encoding', 'Unicode'],
    ['client_encoding', undefined],
    ['standard_conforming_strings', 'ON'],
    ['standard_conforming_strings', 'yes'],
    ['standard_conforming_strings', undefined],
    ['transaction_isolation', 'REPEATABLE READ'],
    ['default_transaction_read_only', 'on'],
    ['default_transaction_read_only', undefined],
    ['transaction_read_only', 't'],
    ['statement_timeout', '3000'],
    ['statement_timeout', ' 3 s '],
    ['statement_timeout', '0.05min'],
    ['lock_timeout', '1ms'],
    ['lock_timeout', undefined],
    ['jit', 'off'],
    ['work_mem', '64MB'],
    ['app.tenant', '7'],
  ])('lets %s be %s', (name, value) => {
    expect(judgeSetting(name, value, context)).toEqual({ ok: true });
  });

  it.each<[string, string | undefined]>([
    ['client_min_messages', 'log'],
    ['client_min_messages', 'debug1'],
    ['client_min_messages', ''],
    ['client_encoding', 'SJIS'],
    ['client_encoding', 'SQL_ASCII'],
    ['client_encoding', 'utf16'],
    ['standard_conforming_strings', 'off'],
    ['standard_conforming_strings', 'o'],
    ['standard_conforming_strings', '0'],
    ['transaction_isolation', 'chaos'],
    ['default_transaction_read_only', 'off'],
    ['transaction_read_only', 'off'],
    ['transaction_read_only', undefined],
    ['statement_timeout', '0'],
    ['statement_timeout', '-1'],
    ['statement_timeout', '3001'],
    ['statement_timeout', '4s'],
    ['statement_timeout', '0.4'],
    ['statement_timeout', '999us'],
    ['statement_timeout', '1e9'],
    ['statement_timeout', '0x7fff'],
    ['statement_timeout', '1 S'],
    ['statement_timeout', ''],
    ['idle_in_transaction_session_timeout', '0'],
    ['role', 'postgres'],
    ['role', undefined],
    ['session_authorization', undefined],
    ['session_replication_role', 'replica'],
    ['transform_null_equals', 'on'],
    ['row_security', 'off'],
    ['restrict_nonsystem_relation_kind', ''],
    ['restrict_nonsystem_relation_kind', 'view'],
    ['synchronous_commit', 'off'],
    ['temp_buffers', '1GB'],
    ['app.other', '1'],
    ['no_such_setting', '1'],
  ])('does not let %s be %s', (name, value) => {
    expect(accepted(name, value)).toBe(false);
  });

  it('says what may be set instead', () => {
    expect(judgeSetting('statement_timeout', '1min', context)).toEqual({
      ok: false,
      detail: 'The policy limits a statement to 3000 ms.',
      hint: 'Use a value from 1 to 3000 ms.',
    });
    expect(judgeSetting('client_min_messages', 'debug5', context)).toEqual({
      ok: false,
      detail: 'An agent may not give it this value.',
      hint: 'Values that may be set: notice, warning, error.',
    });
  });

  it('leaves timeouts alone where the policy has no limit', () => {
    expect(judgeSetting('statement_timeout', '0', { extra: [], statementTimeout: undefined })).toEqual({ ok: true });
  });

  it('lets no policy add a setting that changes what is seen or how SQL is read', () => {
    const refused = [...UNSETTABLE].filter((name) => judgeSetting(name, 'x', { extra: [name], statementTimeout: undefined }).ok);
    expect(refused).toEqual([]);
    expect(judgeSetting('client_encoding', 'SJIS', context).ok).toBe(false);
  });

  it('lets a policy add every setting that is listable', () => {
    const refused = [...LISTABLE].filter((name) => !judgeSetting(name, 'x', { extra: [name], statementTimeout: undefined }).ok);
    expect(refused).toEqual([]);
  });
});

describe('the names of settings', () => {
  it('are lower case, and in one list each', () => {
    const names = [...SETTABLE.keys(), ...LISTABLE, ...UNSETTABLE];
    expect(names.filter((name) => name !== name.toLowerCase())).toEqual([]);
    expect(names.length).toBe(new Set(names).size);
  });
});

describe('acceptsAnyValue()', () => {
  it('is true only where no value is refused', () => {
    const names = [
      'JIT',
      'application_name',
      'work_mem',
      'app.tenant',
      'search_path',
      'statement_timeout',
      'client_encoding',
      'role',
      'temp_buffers',
    ];
    expect(names.filter((name) => acceptsAnyValue(name, context))).toEqual(['JIT', 'application_name', 'work_mem', 'app.tenant']);
  });
});

describe('mayShow()', () => {
  it('hides paths, commands, connection strings, custom settings and ALL', () => {
    const names = ['server_version', 'TimeZone', 'search_path', 'max_connections', 'transaction_isolation', 'role'];
    const hidden = ['data_directory', 'HBA_file', 'archive_command', 'primary_conninfo', 'ssl_key_file', 'app.tenant', 'all', 'ALL'];
    expect([...names, ...hidden].filter((name) => mayShow(name))).toEqual(names);
  });

  it('shows a custom setting that the policy adds', () => {
    expect(mayShow('app.tenant', ['App.Tenant'])).toBe(true);
    expect(mayShow('data_directory', ['data_directory'])).toBe(false);
  });
});
