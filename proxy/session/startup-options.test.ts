import { describe, expect, it } from 'vitest';
import { encodingRefused, type Failure, protocolViolation, replicationRefused, startupOptionRefused } from '../../kernel/failure.ts';
import { readStartup, splitOptions } from './startup-options.ts';

const read = (parameters: Record<string, string>) => readStartup(new Map(Object.entries({ user: 'ann', ...parameters })));

describe('readStartup()', () => {
  it('reads user, database and settings', () => {
    expect(
      read({
        database: 'shop',
        application_name: 'psql',
        client_encoding: 'UTF8',
        DateStyle: 'ISO, MDY',
        options: '-c statement_timeout=5s --search-path=a',
        '_pq_.x': '1',
        replication: 'false',
      }),
    ).toEqual({
      user: 'ann',
      database: 'shop',
      applicationName: 'psql',
      settings: new Map([
        ['statement_timeout', '5s'],
        ['search_path', 'a'],
        ['application_name', 'psql'],
        ['client_encoding', 'UTF8'],
        ['datestyle', 'ISO, MDY'],
      ]),
      unknownExtensions: ['_pq_.x'],
    });
  });

  it('takes the user for the database where none is named', () => {
    expect(read({}).database).toBe('ann');
    expect(read({ database: '' }).database).toBe('ann');
  });

  it.each(['UTF8', 'utf-8', "'UTF-8'", 'unicode', 'Utf_8'])('accepts %s as an encoding', (encoding) => {
    expect(read({ client_encoding: encoding }).settings.get('client_encoding')).toBe(encoding);
  });

  it.each<[string, Record<string, string>, Failure]>([
    ['another encoding', { client_encoding: 'LATIN1' }, encodingRefused('LATIN1')],
    ['another encoding in another case', { Client_Encoding: 'SQL_ASCII' }, encodingRefused('SQL_ASCII')],
    ['another encoding among the options', { options: '-c client-encoding=SJIS' }, encodingRefused('SJIS')],
    ['physical replication', { replication: 'true' }, replicationRefused()],
    ['logical replication', { replication: 'database' }, replicationRefused()],
    ['a replication value that cannot be read', { replication: 'o' }, replicationRefused()],
    ['an empty user', { user: '' }, protocolViolation('no PostgreSQL user name specified in startup packet')],
    [
      'other switches of the command line',
      { options: '-d5' },
      startupOptionRefused('options', 'Only -c name=value and --name=value are read, and "-d5" is neither.'),
    ],
  ])('refuses %s', (_what, parameters, failure) => {
    expect(() => read(parameters)).toThrow(failure);
  });
});

describe('splitOptions()', () => {
  it.each<[string, [string, string][]]>([
    ['', []],
    ['  ', []],
    ['-c a=1', [['a', '1']]],
    ['-ca=1', [['a', '1']]],
    ['--a-b=1', [['a_b', '1']]],
    [
      '-c a=1  --b=2\t-cc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['-c search_path=a\\ b', [['search_path', 'a b']]],
    ['-c a=x\\\\y', [['a', 'x\\y']]],
    ['-c A=', [['a', '']]],
    ['-c a=b=c', [['a', 'b=c']]],
    ['\\-c a=1', [['a', '1']]],
  ])('reads %j', (options, settings) => {
    expect(splitOptions(options)).toEqual(settings);
  });

  it.each(['-c', '-c a', '--a', '-c =1', 'a=1', '-B 10', '-', '--'])('refuses %j', (options) => {
    expect(() => splitOptions(options)).toThrow('permission denied to set parameter "options" at connection start');
  });
});
