import { beforeAll, describe, expect, it } from 'vitest';
import type { FirstArgument, FunctionUse } from './analysis.ts';
import { analyze } from './analyze.ts';
import { Grammar } from './grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const callsOf = (sql: string): readonly FunctionUse[] => analyze(grammar.parse(sql)[0]!, Buffer.from(sql)).functions;

describe('the first argument of a call', () => {
  it.each<readonly [string, FirstArgument | undefined]>([
    ['f()', undefined],
    ["f('a')", { type: 'Untyped' }],
    ['f(NULL)', { type: 'Untyped' }],
    ['f(1)', { type: 'Other' }],
    ['f(true)', { type: 'Other' }],
    ['f(1 + 1)', { type: 'Other' }],
    ['f($1)', { type: 'Untyped', parameter: true }],
    ['f($1::text)', { type: 'Other', parameter: true }],
    ['f($1::pg_catalog.text, 2)', { type: 'Other', parameter: true }],
    ['f($1::s.text)', { type: 'Other' }],
    ['f($1::s.x.text)', { type: 'Other' }],
    ['f($1::text[])', { type: 'Other' }],
    ['f($1::varchar(5))', { type: 'Other' }],
    ['f($1::date)', { type: 'Other' }],
    ['f($1::text::text)', { type: 'Other' }],
    ["f('a'::text)", { type: 'Other' }],
    ['f(a)', { type: 'Column' }],
    ['f(a.b, c)', { type: 'Column' }],
    ['f(a.*)', { type: 'Other' }],
    ['f(CASE WHEN a THEN b END)', { type: 'Guarded', location: 9 }],
    ['f(x => a)', undefined],
    // Not a call of plain arguments.
    ['f(*)', undefined],
    ['f(DISTINCT a)', undefined],
    ['f(ALL a)', { type: 'Column' }],
    ['f(VARIADIC a)', undefined],
    ['f(a ORDER BY b)', undefined],
    ['f(a) FILTER (WHERE b)', undefined],
    ['f(a) OVER ()', undefined],
    ['f(a) WITHIN GROUP (ORDER BY b)', undefined],
  ])('%s', (call, expected) => {
    expect(callsOf(`SELECT ${call}`)[0]?.first).toEqual(expected);
  });
});

describe('a call is told with its name and its constants', () => {
  it.each<readonly [string, Partial<FunctionUse>]>([
    ['f()', { schema: undefined, name: 'f', constants: [], location: 7 }],
    [
      "s.f('', 'a', 2.5, 3, false, B'1', NULL)",
      { schema: 's', name: 'f', constants: ['', 'a', '2.5', '3', 'off', undefined, undefined], location: 7 },
    ],
    [
      "f('a'::bool, 'b'::pg_catalog.varchar, 'c'::s.text, 'd'::s.x.text, 'e'::text[], ('f'::text)::text, a::text)",
      {
        constants: ['a', 'b', undefined, undefined, undefined, undefined, undefined],
      },
    ],
  ])('%s', (call, expected) => {
    expect(callsOf(`SELECT ${call}`)[0]).toMatchObject(expected);
  });
});

describe('what the argument of a call can only be', () => {
  const settled = (sql: string): readonly (string | undefined)[] => callsOf(sql).map((call) => call.settled);

  it.each<readonly [string, readonly (string | undefined)[]]>([
    ["SELECT set_config(name, 'a', false) FROM pg_settings WHERE name = 'b'", ['b']],
    ["SELECT f(name, 1), g(1), h(name) FROM pg_catalog.pg_settings AS s WHERE name = 'b'", ['b', undefined, 'b']],
    ["SELECT name, f(name) FROM pg_settings WHERE name = 'b'", ['b']],
    // It is the row's name that is asked for; what the row is, the condition says.
    ["SELECT f(setting) FROM pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT f(s.name) FROM pg_settings s WHERE name = 'b'", [undefined]],
    ["SELECT f(1, name) FROM pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT f() FROM pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT f('name') FROM pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT 1 + f(name) FROM pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE setting = 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE 'b' = name", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE s.name = 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name <> 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name OPERATOR(s.=) 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name IN ('b')", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name = ANY ('{b}')", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name LIKE 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name = 'b' AND true", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name = 'b' OR true", [undefined]],
    ['SELECT f(name) FROM pg_settings WHERE name = $1', [undefined]],
    ['SELECT f(name) FROM pg_settings WHERE name = 1', [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name = ''", [undefined]],
    ["SELECT f(name) FROM pg_settings WHERE name = 'b'::text", [undefined]],
    ['SELECT f(name) FROM pg_settings', [undefined]],
    ["SELECT f(name) FROM pg_settings AS s (setting, name) WHERE name = 'b'", [undefined]],
    ["SELECT f(name) FROM s.pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT f(name) FROM other WHERE name = 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings, other WHERE name = 'b'", [undefined]],
    ["SELECT f(name) FROM pg_settings JOIN other ON true WHERE name = 'b'", [undefined]],
    ["WITH pg_settings AS (SELECT 'c' AS name) SELECT f(name) FROM pg_settings WHERE name = 'b'", [undefined]],
    ["SELECT (SELECT f(name) FROM pg_settings WHERE name = 'b')", ['b']],
  ])('%s', (sql, expected) => {
    expect(settled(sql)).toEqual(expected);
  });
});

describe('calls that are sure to be made once', () => {
  it.each<readonly [string, readonly number[]]>([
    ['SELECT f(), 1, g(1) AS a, 1 + h()', [7, 15]],
    ['SELECT ALL f()', [11]],
    ['SELECT f() FROM a', []],
    ['SELECT f() WHERE a', []],
    ['SELECT f() LIMIT 1', []],
    ['SELECT DISTINCT f()', []],
    ['SELECT f() GROUP BY 1', []],
    ['SELECT f() ORDER BY 1', []],
    ['SELECT f() UNION SELECT g()', []],
    ['WITH a AS (SELECT 1) SELECT f()', []],
    ['VALUES (f())', []],
    ['INSERT INTO a VALUES (f())', []],
    ['EXPLAIN SELECT f()', []],
  ])('%s', (sql, expected) => {
    expect(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)).outright).toEqual(expected);
  });
});
