import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HIDDEN_SETTINGS, LISTABLE, SETTABLE, UNSETTABLE } from '../../proxy/catalog/builtin/setting-names.ts';
import { judgeSetting } from '../../proxy/catalog/builtin/settings.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

// Settings that pg_settings does not list.
const UNLISTED = ['is_superuser', 'role', 'seed', 'session_authorization'];

const servers: TestPostgres[] = [];
const names = new Set<string>(UNLISTED);
const settableOnServer = new Set<string>();

beforeAll(async () => {
  for (const version of POSTGRES_VERSIONS) {
    const server = await startPostgres({ version });
    servers.push(server);
    for (const { name, context } of await server.sql('SELECT lower(name) AS name, context FROM pg_settings')) {
      names.add(String(name));
      if (context === 'user' || context === 'superuser') settableOnServer.add(String(name));
    }
  }
}, 60_000);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

/** What the server makes of a value; undefined if it refuses it. */
const taken = async (server: TestPostgres, name: string, value: string): Promise<string | undefined> => {
  const text = value.replaceAll("'", "''");
  const show = `SELECT setting FROM pg_settings WHERE name = '${name}'`;
  return server.sql(`SET ${name} = '${text}'; ${show}`).then(
    ([row]) => String(row?.['setting']),
    () => undefined,
  );
};

describe('the names of settings', () => {
  it('exist in a version of PostgreSQL', () => {
    const named = [...SETTABLE.keys(), ...LISTABLE, ...UNSETTABLE, ...HIDDEN_SETTINGS];
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });

  it('are all that a session can set', () => {
    const known = (name: string): boolean => SETTABLE.has(name) || LISTABLE.has(name) || UNSETTABLE.has(name);
    expect(settableOnServer.size).toBeGreaterThan(150);
    expect([...settableOnServer].filter((name) => !known(name))).toEqual([]);
  });

  it('hide whatever is named for a file, a directory, a command or a connection string', () => {
    const telling = [...names].filter((name) => /(_file|_dir|_directory|_directories|_path|_command|_conninfo)$/.test(name));
    expect(telling.filter((name) => !HIDDEN_SETTINGS.includes(name))).toEqual(['search_path']);
  });

  it('include those that pg_settings does not list', async () => {
    for (const server of servers) {
      for (const name of ['is_superuser', 'role', 'seed', 'session_authorization']) {
        expect(await server.sql(`SELECT current_setting('${name}') IS NOT NULL AS known`)).toEqual([{ known: true }]);
      }
    }
  });
});

describe('judgeSetting() against the server', () => {
  const TIMES = '0|1|010|0100000|08|2999|3000|3001|3s| 3 s|3.0004s|0.4|0.5|0.6ms|1us|999us|1e3|0x10|50e-3min'.split('|');
  const TRUTHS = ['on', 'off', 'o', 'of', 't', 'true', 'TRUE', ' true', 'tru', 'y', 'yes', '1', '0', 'n', 'f', '10', ''];
  const ENCODINGS = ['UTF8', 'utf-8', 'u.t/f 8', 'unicode', 'UTF-16', 'SQL_ASCII', 'latin1', 'SJIS', 'utf8x', 'MULE_INTERNAL', ''];

  it.each(POSTGRES_VERSIONS)('lets nothing through that PostgreSQL %i reads as something else', async (version) => {
    const server = servers.find((each) => each.version === version) as TestPostgres;
    const context = { extra: [], statementTimeout: 3000 };
    const outcome = async (name: string, values: readonly string[], good: (setting: string) => boolean): Promise<readonly string[]> => {
      const bad: string[] = [];
      for (const value of values) {
        const setting = judgeSetting(name, value, context).ok ? await taken(server, name, value) : undefined;
        if (setting !== undefined && !good(setting)) bad.push(`${value} became ${setting}`);
      }
      return bad;
    };
    expect(await outcome('statement_timeout', TIMES, (setting) => Number(setting) >= 1 && Number(setting) <= 3000)).toEqual([]);
    expect(await outcome('standard_conforming_strings', TRUTHS, (setting) => setting === 'on')).toEqual([]);
    expect(await outcome('client_encoding', ENCODINGS, (setting) => setting === 'UTF8')).toEqual([]);
  });

  it('lets through what drivers send', async () => {
    const sent: readonly (readonly [string, string])[] = [
      ['statement_timeout', '3s'],
      ['standard_conforming_strings', 'on'],
      ['client_encoding', 'utf-8'],
      ['client_min_messages', 'warning'],
      ['jit', 'off'],
    ];
    for (const [name, value] of sent) {
      expect(judgeSetting(name, value, { extra: [], statementTimeout: 3000 })).toEqual({ ok: true });
      expect(await taken(servers.at(-1) as TestPostgres, name, value)).toBeDefined();
    }
  });
});
