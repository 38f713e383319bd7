import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FUNCTION_CLASSES, INFORMATION_SCHEMA_FUNCTIONS, functionClass } from '../../proxy/catalog/builtin/functions.ts';
import { HARMLESS_IMMUTABLE } from '../../proxy/catalog/builtin/harmless-immutable.ts';
import { HARMLESS_STABLE } from '../../proxy/catalog/builtin/harmless-stable.ts';
import { INTERNAL_FUNCTIONS } from '../../proxy/catalog/builtin/internal-functions.ts';
import {
  EFFECT_FUNCTIONS,
  READING_FUNCTIONS,
  REVEALING_FUNCTIONS,
  SILENT_FUNCTIONS,
} from '../../proxy/catalog/builtin/refused-functions.ts';
import { SET_RETURNING } from '../../proxy/catalog/builtin/set-returning.ts';
import { POSTGRES_VERSIONS, type PostgresVersion } from '../support/postgres-binaries.ts';
import { startPostgres } from '../support/postgres.ts';

type Row = {
  readonly schema: string;
  readonly name: string;
  readonly volatility: string;
  readonly strict: boolean;
  readonly set: boolean;
  readonly pointers: boolean;
  readonly body: string | null;
};

const FUNCTIONS = `
  SELECT nspname AS schema, proname AS name, provolatile AS volatility, proisstrict AS strict, proretset AS set, 'internal'::regtype = ANY (proargtypes) AS pointers,
    CASE WHEN lanname = 'sql' THEN coalesce(pg_get_function_sqlbody(p.oid), prosrc) END AS body
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace JOIN pg_language l ON l.oid = prolang
  WHERE nspname IN ('pg_catalog', 'information_schema') AND p.oid < 16384`;

const rows = new Map<PostgresVersion, readonly Row[]>();
const all = (): readonly Row[] => [...rows.values()].flat();
const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();

beforeAll(async () => {
  for (const version of POSTGRES_VERSIONS) {
    const server = await startPostgres({ version });
    try {
      rows.set(version, (await server.sql(FUNCTIONS)) as Row[]);
    } finally {
      await server.stop();
    }
  }
}, 60_000);

afterAll(() => rows.clear());

describe('SET_RETURNING', () => {
  it('names every function that makes rows', () => {
    const made = all().filter(({ schema, set }) => schema === 'pg_catalog' && set);
    expect(unique(made.map(({ name }) => name))).toEqual([...SET_RETURNING].sort());
  });
});

describe('FUNCTION_CLASSES', () => {
  it.each(POSTGRES_VERSIONS)('knows every function of PostgreSQL %i', (version) => {
    const found = rows.get(version) ?? [];
    expect(found.length).toBeGreaterThan(3000);
    expect(unique(found.filter(({ schema, name }) => functionClass(schema, name) === undefined).map(({ name }) => name))).toEqual([]);
  });

  it('gives each name one class', () => {
    const lists = [
      HARMLESS_IMMUTABLE,
      HARMLESS_STABLE,
      INTERNAL_FUNCTIONS,
      READING_FUNCTIONS,
      EFFECT_FUNCTIONS,
      REVEALING_FUNCTIONS,
      SILENT_FUNCTIONS,
    ];
    const names = [...lists.flat(), 'set_config', 'current_setting', 'pg_input_is_valid', 'pg_input_error_info'];
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(FUNCTION_CLASSES.size).toBe(names.length);
  });

  it('guards only functions that are not run with NULL', () => {
    const guarded = [...SILENT_FUNCTIONS, 'current_setting'];
    const found = all().filter(({ schema, name }) => schema === 'pg_catalog' && guarded.includes(name));
    expect(unique(found.map(({ name }) => name))).toEqual([...guarded].sort());
    expect(found.filter(({ strict }) => !strict)).toEqual([]);
  });

  it('names nothing that no version has', () => {
    const found = new Set(all().map(({ schema, name }) => `${schema}.${name}`));
    const named = [
      ...[...FUNCTION_CLASSES.keys()].map((name) => `pg_catalog.${name}`),
      ...[...INFORMATION_SCHEMA_FUNCTIONS.keys()].map((name) => `information_schema.${name}`),
    ];
    expect(named.filter((name) => !found.has(name))).toEqual([]);
  });

  it('calls nothing immutable that is not so in each version', () => {
    const immutable = new Set(HARMLESS_IMMUTABLE);
    const other = all().filter(({ schema, name, volatility }) => schema === 'pg_catalog' && immutable.has(name) && volatility !== 'i');
    expect(unique(other.map(({ name }) => name))).toEqual([]);
  });

  it('has nothing with an argument of type internal as harmless but the methods of TABLESAMPLE', () => {
    const pointers = all().filter(({ schema, name, pointers }) => pointers && functionClass(schema, name) === 'harmless');
    expect(unique(pointers.map(({ name }) => name))).toEqual(['bernoulli', 'system']);
  });

  it('has nothing as harmless whose SQL body calls a function that is refused', () => {
    const callers = all().flatMap(({ schema, name, body }) => {
      if (body === null || functionClass(schema, name) !== 'harmless') return [];
      const called = body.match(/[a-z_][a-z0-9_]*(?=\s*\()/gi) ?? [];
      return called
        .filter((word) => ['reads', 'effect', 'reveals'].includes(functionClass('pg_catalog', word) ?? ''))
        .map((word) => `${name}: ${word}`);
    });
    expect(unique(callers)).toEqual([]);
  });

  it.each([
    ['query_to_xml', 'reads'],
    ['ts_rewrite', 'reads'],
    ['lo_get', 'reads'],
    ['pg_read_file', 'reads'],
    ['pg_stat_file', 'reads'],
    ['nextval', 'effect'],
    ['pg_notify', 'effect'],
    ['pg_sleep', 'effect'],
    ['pg_try_advisory_lock', 'effect'],
    ['pg_import_system_collations', 'effect'],
    ['pg_nextoid', 'effect'],
    ['current_query', 'reveals'],
    ['pg_get_viewdef', 'silent'],
    ['pg_mcv_list_items', 'reveals'],
    ['plpgsql_call_handler', 'internal'],
    ['domain_in', 'internal'],
    ['set_config', 'judged'],
    ['current_setting', 'judged'],
    ['pg_input_is_valid', 'typed'],
    ['pg_advisory_unlock_all', 'harmless'],
    ['pg_get_expr', 'harmless'],
    ['count', 'harmless'],
    ['row_number', 'harmless'],
  ] as const)('has %s as %s', (name, expected) => {
    expect(functionClass('pg_catalog', name)).toBe(expected);
  });

  it('knows no function of another schema', () => {
    expect(functionClass('public', 'lower')).toBeUndefined();
  });
});
