import { describe, expect, it } from 'vitest';
import { catalogOf, contextOf, grantsOf, policy } from '../../../test/support/small-catalog.ts';
import { decisionOf, reasonsOf } from '../../../test/support/small-decisions.ts';
import type { CatalogFunction } from '../../catalog/catalog.ts';

const DENIED = '42501';

describe('decide() on functions', () => {
  const refused = (name: string): string => `${DENIED} function-refused: permission denied for function ${name}`;
  it.each([
    ['SELECT count(*), pg_catalog.lower(name) FROM users', []],
    ['SELECT pg_sleep(1)', [refused('pg_sleep')]],
    [`SELECT * FROM query_to_xml('', true, true, '')`, [refused('query_to_xml')]],
    ['SELECT purge(1), public.purge(1)', [refused('purge'), refused('public.purge')]],
    ['SELECT granted(1), public.granted(1)', []],
    ['SELECT hr.granted(1)', [refused('hr.granted')]],
    ['SELECT similarity(1)', []],
    ['SELECT nothing(1)', ['42883 function-unknown: function nothing does not exist']],
    ['SELECT hr.lower(1)', ['42883 function-unknown: function hr.lower does not exist']],
    ['SELECT pg_temp.purge(1)', ['42883 function-unknown: function pg_temp.purge does not exist']],
    [`SELECT text('a')`, []],
    [`SELECT 1 FROM users ORDER BY (SELECT pg_sleep(1))`, [refused('pg_sleep')]],
  ])('%s', (sql, expected) => {
    expect(reasonsOf(sql)).toEqual(expected);
  });

  it('pins a built-in name that the database overloads, and a function of the path', () => {
    expect(decisionOf('SELECT lower(name), granted(1), count(*) FROM users').pins).toEqual([
      { location: 7, schema: 'pg_catalog' },
      { location: 20, schema: 'public' },
    ]);
  });

  it('refuses what is not harmless of an extension, and an extension that nobody has reviewed', () => {
    const of = (name: string, extension: string) => {
      const functions = new Map([[name, [{ ...catalogOf().functions.get('similarity')![0]!, name, extension }]]]);
      const context = contextOf({ catalog: catalogOf({ functions }), grants: grantsOf(policy({ extensions: ['pg_trgm', 'own'] }))! });
      return reasonsOf(`SELECT ${name}(1), public.${name}(1)`, context);
    };
    expect(of('word_similarity', 'pg_trgm')).toEqual([]);
    expect(of('set_limit', 'pg_trgm')).toEqual([refused('set_limit'), refused('public.set_limit')]);
    expect(of('anything', 'own')).toEqual([refused('anything'), refused('public.anything')]);
    expect(of('anything', 'citext')).toEqual([refused('anything'), refused('public.anything')]);
  });

  it('allows an overloaded name only where each of its functions is', () => {
    const own = catalogOf()
      .functions.get('granted')!
      .filter(({ schema }) => schema === 'public');
    const other = { ...own[0]!, name: 'similarity', extension: 'pg_trgm' };
    const refusedBeside = { ...own[0]!, name: 'similarity' };
    const of = (...functions: readonly CatalogFunction[]) =>
      reasonsOf(
        'SELECT similarity(1), public.similarity(1)',
        contextOf({ catalog: catalogOf({ functions: new Map([['similarity', functions]]) }) }),
      );
    expect(of(other, other)).toEqual([]);
    expect(of(other, refusedBeside)).toEqual([refused('similarity'), refused('public.similarity')]);
    expect(of(refusedBeside, other)).toEqual([refused('similarity'), refused('public.similarity')]);
  });

  it('pins a built-in name unless each function of the database that bears it is allowed', () => {
    const lower = catalogOf().functions.get('lower')![0]!;
    const of = (...functions: readonly (typeof lower)[]) =>
      decisionOf('SELECT lower(name) FROM users', contextOf({ catalog: catalogOf({ functions: new Map([['lower', functions]]) }) })).pins;
    const allowed = { ...lower, extension: 'pg_trgm' };
    expect(of()).toEqual([]);
    expect(of(allowed)).toEqual([]);
    expect(of(allowed, lower)).toEqual([{ location: 7, schema: 'pg_catalog' }]);
    expect(of({ ...lower, schema: 'elsewhere' })).toEqual([{ location: 7, schema: 'pg_catalog' }]);
  });

  it('tells a function out of sight from one that is refused', () => {
    const of = (sql: string, searchPath: readonly string[]) => reasonsOf(sql, contextOf({ state: { ...contextOf().state, searchPath } }));
    expect(of('SELECT granted(1)', ['hr'])).toEqual([refused('granted')]);
    expect(of('SELECT granted(1)', ['elsewhere', 'public', 'hr'])).toEqual([]);
    expect(of('SELECT granted(1)', [])).toEqual(['42883 function-unknown: function granted does not exist']);
    expect(of('SELECT purge(1)', [])).toEqual([refused('purge')]);
  });

  it("lets functions of information_schema and of PostgreSQL's own be granted by name", () => {
    const functions = [{ schema: 'pg_catalog', name: 'pg_sleep' }];
    const context = contextOf({ grants: grantsOf(policy({ functions }))! });
    expect(reasonsOf('SELECT pg_sleep(1), pg_catalog.pg_sleep(1)', context)).toEqual([]);
    expect(reasonsOf('SELECT information_schema._pg_truetypid(1)')).toEqual([]);
    expect(reasonsOf('SELECT information_schema.other(1)')).toEqual([refused('information_schema.other')]);
    expect(reasonsOf('SELECT pg_catalog.text(1), pg_catalog.nothing(1)')).toEqual([
      '42883 function-unknown: function nothing does not exist',
    ]);
  });

  it('silences calls of which it knows the first argument, and refuses others', () => {
    const called = (sql: string) => {
      const { guards, reasons } = decisionOf(sql);
      return [guards.map(({ type }) => type), reasons.map(({ failure }) => failure.message)];
    };
    expect(called('SELECT pg_catalog.pg_get_viewdef(1)')).toEqual([['Silent'], []]);
    expect(called('SELECT pg_catalog.pg_get_viewdef(VARIADIC ARRAY[1])')).toEqual([[], ['permission denied for function pg_get_viewdef']]);
  });

  it('refuses an extension whose functions stand beside one of the database under the same name', () => {
    const functions = catalogOf().functions.get('similarity')!;
    const catalog = catalogOf({ functions: new Map([['similarity', [...functions, { ...functions[0]!, extension: undefined }]]]) });
    expect(reasonsOf('SELECT similarity(1)', contextOf({ catalog }))).toEqual([refused('similarity')]);
  });
});

describe('a function of PostgreSQL', () => {
  const pinned = (name: string) => ({ functions: new Map([[name, [{ ...catalogOf().functions.get('lower')![0]!, name }]]]) });
  const pinsOf = (sql: string, name: string, granted: readonly string[] = []) => {
    const grants = grantsOf(policy({ functions: granted.map((each) => ({ schema: 'pg_catalog', name: each })) }))!;
    const { pins, reasons, guards } = decisionOf(
      sql,
      contextOf({ catalog: catalogOf({ ...pinned(name), builtinFunctions: new Set([name]) }), grants }),
    );
    return [pins.map(({ schema }) => schema), reasons.length, guards.length];
  };

  it('that a function of the database overloads is pinned, whatever allows it', () => {
    expect(pinsOf('SELECT upper(name) FROM users', 'upper')).toEqual([['pg_catalog'], 0, 0]);
    expect(pinsOf('SELECT pg_sleep(1)', 'pg_sleep', ['pg_sleep'])).toEqual([['pg_catalog'], 0, 0]);
    expect(pinsOf("SELECT pg_input_is_valid('1', 'text')", 'pg_input_is_valid')).toEqual([['pg_catalog'], 0, 0]);
    expect(pinsOf("SELECT current_setting('jit')", 'current_setting')).toEqual([['pg_catalog'], 0, 0]);
    expect(pinsOf('SELECT pg_get_viewdef(1)', 'pg_get_viewdef')).toEqual([['pg_catalog'], 0, 1]);
  });

  it('is not allowed for the name of a type in its second argument', () => {
    expect(reasonsOf("SELECT query_to_xml('SELECT 1', 'text')")).toEqual([
      `${DENIED} function-refused: permission denied for function query_to_xml`,
    ]);
  });

  it('may be a cast to a type of that name', () => {
    const of = (builtinFunctions: readonly string[], functions = new Map<string, readonly CatalogFunction[]>()) => {
      const catalog = catalogOf({ builtinTypes: new Set(['point_of_view']), builtinFunctions: new Set(builtinFunctions), functions });
      const { pins, reasons } = decisionOf("SELECT point_of_view('a')", contextOf({ catalog }));
      return [pins, reasons.map(({ failure }) => failure.fields.code)];
    };
    expect(of([])).toEqual([[], []]);
    expect(of(['point_of_view'])).toEqual([[], ['function-unknown']]);
    const own = { ...catalogOf().functions.get('granted')![0]!, name: 'point_of_view' };
    expect(of([], new Map([['point_of_view', [own]]]))).toEqual([[], ['function-refused']]);
    expect(of([], new Map([['point_of_view', [{ ...own, extension: 'pg_trgm' }]]]))).toEqual([[{ location: 7, schema: 'public' }], []]);
  });

  it('that is harmless may be written as a field', () => {
    expect(reasonsOf('SELECT (u).count, u.overlay FROM users u')).toEqual([]);
    expect(reasonsOf('SELECT (u).pg_sleep FROM users u')).toEqual([`${DENIED} function-refused: permission denied for function pg_sleep`]);
    expect(reasonsOf('SELECT (u).set_config FROM users u')).toEqual([
      `${DENIED} function-refused: permission denied for function set_config`,
    ]);
  });
});

describe('decide() on types that a text names', () => {
  const catalog = catalogOf({ builtinFunctions: new Set(['pg_input_is_valid', 'pg_input_error_info']) });

  it.each([
    ["SELECT pg_input_is_valid('1', 'integer')", true],
    ["SELECT * FROM pg_input_error_info('1', 'text[]')", true],
    ["SELECT pg_input_is_valid(name, 'character varying (3)') FROM users", true],
    ["SELECT pg_input_is_valid('1', 'mood')", false],
    ["SELECT pg_input_is_valid('1', 'public.mood')", false],
    ["SELECT pg_input_is_valid('1', name) FROM users", false],
    ["SELECT pg_input_is_valid('1', 'int' || 'eger')", false],
    ["SELECT pg_input_error_info('1', '\"text\"')", false],
    ["SELECT pg_input_is_valid('1')", false],
  ])('%s', (sql, allowed) => {
    const found = reasonsOf(sql, contextOf({ catalog }));
    expect(found.some((text) => text.includes('function-refused'))).toBe(!allowed);
  });
});
