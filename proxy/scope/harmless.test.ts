import { beforeAll, describe, expect, it } from 'vitest';
import { catalogOf, column } from '../../test/support/small-catalog.ts';
import type { Catalog, CatalogColumn, CatalogOperator } from '../catalog/catalog.ts';
import { Grammar } from '../sql/grammar.ts';
import { parameterTypes } from '../sql/parameter-types.ts';
import { treeOf } from '../sql/tree.ts';
import { isHarmless } from './harmless.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const COLUMNS = new Map<string, CatalogColumn>(
  [
    column('id', 'int8'),
    column('age', 'int4'),
    column('amount', 'numeric'),
    column('ratio', 'float8'),
    column('name', 'text'),
    column('nick', 'varchar'),
    column('sorted', 'text', { collation: 'pg_catalog."C"' }),
    column('active', 'bool'),
    column('day', 'date'),
    column('seen', 'timestamptz'),
    column('key', 'uuid'),
    column('doc', 'jsonb'),
    column('tags', '_text'),
    column('mood', 'mood', { baseTypeSchema: 'public', category: 'E' }),
    column('temper', 'temper', { baseTypeSchema: 'public', category: 'E' }),
    column('label', 'citext', { baseTypeSchema: 'public', category: 'S' }),
  ].map((each) => [each.name, each]),
);

const SAME = 'int2 int4 int8 float4 float8 text bool date timestamp timestamptz uuid bpchar'.split(' ');
const NAMES = ['=', '<>', '<', '>', '<=', '>='];
const LEAKPROOF = new Set([
  ...SAME.flatMap((type) => NAMES.map((name) => `${type} ${name} ${type}`)),
  ...NAMES.flatMap((name) => [`int4 ${name} int8`, `int8 ${name} int4`, `int8 ${name} int2`]),
]);

const own = (name: string, rest: Partial<CatalogOperator> = {}): CatalogOperator => ({
  schema: 'public',
  name,
  extension: undefined,
  function: { schema: 'public', name: 'f' },
  operandTypes: ['public.citext', 'public.citext'],
  operands: 2,
  ...rest,
});

const CATALOG = catalogOf({ leakproof: LEAKPROOF, operators: new Map() });

const harmless = (sql: string, { catalog = CATALOG, declared = [] }: { catalog?: Catalog; declared?: readonly number[] } = {}): boolean => {
  const statement = grammar.parse(`SELECT 1 WHERE ${sql}`)[0]!.node;
  const parameters = parameterTypes(statement, declared, (name) => catalog.userTypes.has(name));
  const columnOf = (fields: readonly string[]) => (fields.length > 2 ? undefined : COLUMNS.get(fields.at(-1) ?? ''));
  return isHarmless(treeOf(treeOf(statement.SelectStmt).whereClause), { columnOf, parameters, catalog });
};

describe('isHarmless() accepts', () => {
  it.each([
    'id = 5',
    'r.id = 3000000000',
    'id = 12345678901234567890',
    'age < 2.5',
    'amount >= 10',
    'amount = age',
    'ratio > 1.5',
    'ratio = 1 AND age > 1::float8',
    "name = 'Ada' OR name > 'B'",
    "nick = 'a' AND nick <> name",
    "sorted = 'x'",
    'active',
    'NOT active AND active IS NOT TRUE AND (id = 1) IS UNKNOWN',
    'active = true',
    "day BETWEEN '2024-01-01' AND date '2024-12-31'",
    'day NOT BETWEEN SYMMETRIC seen AND current_date',
    "seen > now() - interval '7 days' AND seen <= CURRENT_TIMESTAMP AND day > current_date - 30",
    "key = '6f1c2b1e-6a0c-4c1f-9a52-0b1b5a3c9d10'",
    'id IN (1, 2, 3000000000)',
    "name NOT IN ('a', $1)",
    "id = ANY ('{1,2}') AND id = ANY ($1) AND id <> ALL ($2::int8[]) AND age = ANY (ARRAY[1, 2])",
    'doc IS NULL AND tags IS NOT NULL AND label IS NULL',
    "mood = 'sad' AND mood <> $1 AND mood IN ('calm', 'glad')",
    'id = $1 AND age = $2::int4',
    'id IS DISTINCT FROM $1 AND name IS NOT DISTINCT FROM NULL',
    'id OPERATOR(pg_catalog.=) 1',
    "name LIKE 'a%' AND nick NOT LIKE '%x_'",
    '1 IS NULL AND $1 IS NOT NULL',
    'id IN (1, 2.5)',
    "id IN ('1', 2)",
    "id = ANY (ARRAY[1, 3000000000]) AND id = ANY ('{1}'::int8[])",
    "name = CAST('a' AS pg_catalog.text) AND age = CAST(5 AS pg_catalog.int4)",
    'true',
    'NULL',
  ])('%s', (sql) => {
    expect(harmless(sql)).toBe(true);
  });
});

describe('isHarmless() has doubts about', () => {
  it.each([
    '1 / (id - 5) > 0',
    'id + 1 = 5',
    'lower(name) = $1',
    'id::int4 = 1',
    'id::text = $1',
    "name::date > '2024-01-01'",
    // Too large a numeric is no float8.
    'amount = 1.5::float8',
    'amount = ratio',
    'ARRAY[amount] = tags',
    'doc = $1',
    "doc @> '{}'",
    "tags = '{}'",
    "label = 'x'",
    'label = $1',
    "mood > 'sad'",
    'mood = temper',
    'sorted = name',
    'name COLLATE "C" = $1',
    "name ~ 'a'",
    "name ILIKE 'a%'",
    "name LIKE 'a\\'",
    "name LIKE 'a' ESCAPE 'b'",
    'name LIKE $1',
    'name LIKE nick',
    `name LIKE '${'%'.repeat(300)}'`,
    "sorted LIKE 'a%'",
    '(id, age) = (1, 2)',
    'id = (SELECT 1)',
    'EXISTS (SELECT 1)',
    'id IN (SELECT 1)',
    'id IN (1, ratio)',
    'id = CASE WHEN active THEN 1 ELSE 2 END',
    'COALESCE(active, true)',
    'hidden = 1',
    'a.b.id = 1',
    'r.* IS NULL',
    'now() = seen AND clock_timestamp() > seen',
    "seen > now() - interval '999999 years'",
    'seen > now() - $1::interval',
    "seen > now('x')",
    'day > current_date - 2000000000',
    "id = 'pg_class'::regclass",
    "id = '1'::mood",
    "name = 'abc'::varchar(2)",
    // The first place where it stands may have made it an oid, which an int8 can be too large for.
    'id = $1 AND $1 > 5',
    'id = $1::text',
    'id OPERATOR(public.=) 1',
    'id = ANY (ARRAY[1, ratio])',
    'id = ANY (tags)',
    'id OPERATOR(pg_catalog.other.=) 1',
    "name BETWEEN 'a' AND sorted",
    'id IS DISTINCT FROM ratio + 1',
    "doc IN ('{}')",
    "doc = ANY ('{}')",
    'id IN (1, age)',
    'id IN (1, 2::float8)',
    'id = ANY (5)',
    'id = ANY (ARRAY[])',
    'id = ANY (ARRAY[]::int8[])',
    "name = ANY (ARRAY['a', 'b'])",
    "id = ANY (ARRAY[1, '2'])",
    "id = ANY ('{}'::int8[][])",
    'id = ANY (5::int8[])',
    "id = ANY (current_setting('a')::int8[])",
    'id = ANY (lower($1)::int8[])',
    "day = '2024-01-01'::other.date",
    "day = '2024-01-01'::pg_catalog.other.date",
    "day = '{}'::date[]",
    "id = lower('5')::int8",
    'id = age::int8',
    'day = 5::date',
    'age = 1.5::int4',
    'active = 1::bool',
    'age = true::int4',
    'name = current_user',
    "name = current_setting('a')",
    "name = current_setting('a')::text",
    "'a' LIKE 'b'",
    "key LIKE 'a'",
    'amount + amount',
  ])('%s', (sql) => {
    expect(harmless(sql)).toBe(false);
  });

  it('a parameter that the client declares as another type', () => {
    const declared = (sql: string, ...types: readonly number[]): boolean => harmless(sql, { declared: types });
    expect([declared('id = $1', 20), declared('id = $1', 1700), declared('id = $1', 701), declared('id = $1', 26)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect([declared('amount = $1', 1700), declared('amount = $1', 701), declared('amount = $1', 50_000)]).toEqual([true, false, false]);
    expect([declared('name = $1', 25), declared('name = $1', 1043), declared('name = $1', 19), declared('name = $1', 3802)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([declared('day = $1::date', 1082), declared('day = $1::date', 25)]).toEqual([true, false]);
    expect([declared('id = $1::int4', 21), declared('id = $1::int4', 20), declared('id = $1::int8', 1700)]).toEqual([true, false, false]);
    expect([declared('name = $1::varchar', 25), declared('name = $1::text', 1114)]).toEqual([true, false]);
    expect([declared('id = ANY ($1::int8[])', 1016), declared('id = ANY ($1::int8[])', 1007), declared('id = $1', 1016)]).toEqual([
      true,
      false,
      false,
    ]);
    expect([declared('id = ANY ($1)', 1016), declared('id = ANY ($1)', 1028), declared('id = ANY ($1)', 20)]).toEqual([true, false, false]);
    // What the client declares has that type in every place.
    expect([declared('id = $1 AND $1 > 5', 20), declared('id = $1 AND $1 > 5', 26)]).toEqual([true, false]);
  });

  it("operators of the database's own", () => {
    const extended = (...operators: readonly CatalogOperator[]): readonly boolean[] => {
      const catalog = { ...CATALOG, operators: new Map([['=', operators]]) };
      return [harmless('id = 5', { catalog }), harmless('id < 5', { catalog }), harmless('id BETWEEN 1 AND 2', { catalog })];
    };
    expect(extended(own('='))).toEqual([false, true, true]);
    expect(extended(own('=', { extension: 'citext' }))).toEqual([true, true, true]);
    expect(extended(own('=', { extension: 'citext', operandTypes: ['public.citext'] }))).toEqual([false, true, true]);
    expect(extended(own('=', { extension: 'unheard_of' }))).toEqual([false, true, true]);
    const catalog = { ...CATALOG, operators: new Map([['<=', [own('<=')]]]) };
    expect([harmless('id BETWEEN 1 AND 2', { catalog }), harmless('id >= 1', { catalog })]).toEqual([false, true]);
  });

  it('types that shadow, casts that were added and operators that are not leakproof on this server', () => {
    const userTypes = new Map([['date', [{ schema: 'public', reach: ['public.date'] }]]]);
    expect(harmless("day = date '2024-01-01'", { catalog: { ...CATALOG, userTypes } })).toBe(false);
    const widened = { ...CATALOG, ordinaryCasts: false };
    expect(['id = 5', 'id = 1.5', 'nick = name'].map((sql) => harmless(sql, { catalog: widened }))).toEqual([true, false, false]);
    const numbers = ['3000000000', '-3000000000', '9223372036854775807', '9223372036854775808', '30000000000000000000', '3e9'];
    expect(numbers.map((number) => harmless(`id = ${number}`, { catalog: widened }))).toEqual([true, true, true, false, false, false]);
    expect(harmless('id = 5', { catalog: { ...CATALOG, leakproof: new Set() } })).toBe(false);
  });
});
