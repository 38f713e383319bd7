import { beforeAll, describe, expect, it } from 'vitest';
import { Grammar } from './grammar.ts';
import { parameterTypes } from './parameter-types.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const typesOf = (sql: string, declared?: readonly number[]): Readonly<Record<number, string>> =>
  Object.fromEntries(parameterTypes(grammar.parse(sql)[0]!.node, declared, (name) => name === 'uuid'));

describe('parameterTypes()', () => {
  it.each<readonly [string, readonly number[] | undefined, Readonly<Record<number, string>>]>([
    ['SELECT $1, $2', [23, 25], { 1: 'int4', 2: 'text' }],
    ['SELECT $1, $1', [23], { 1: 'int4' }],
    // What it meets decides, and only one place can.
    ['SELECT $1', [], { 1: 'unknown' }],
    ['SELECT $1', [0], { 1: 'unknown' }],
    ['SELECT $1', [705], { 1: 'unknown' }],
    ['SELECT $1, $1', [], {}],
    ['SELECT $1, $1', [705], {}],
    ['SELECT $2, $1, (SELECT $2)', [], { 1: 'unknown' }],
    // Not of pg_catalog, or not known.
    ['SELECT $1, $2', [16_385, 23], { 2: 'int4' }],
    ['SELECT $1', undefined, {}],
    ['SELECT 1', [23], {}],
    ['PREPARE p AS SELECT $1', undefined, { 1: 'unknown' }],
    ['PREPARE p AS SELECT $1 + $1', undefined, {}],
    ['PREPARE p (int, text) AS SELECT $1, $2, $2', undefined, { 1: 'int4', 2: 'text' }],
    ['PREPARE p (unknown) AS SELECT $1, $1', undefined, {}],
    ['PREPARE p (pg_catalog.uuid) AS SELECT $1', undefined, { 1: 'uuid' }],
    ['PREPARE p (uuid) AS SELECT $1', undefined, {}],
    ['PREPARE p (public.text) AS SELECT $1', undefined, {}],
    ['PREPARE p (int[]) AS SELECT $1', undefined, { 1: '_int4' }],
    ['PREPARE p (text[5]) AS SELECT $1', undefined, { 1: '_text' }],
    ['PREPARE p (json[]) AS SELECT $1', undefined, {}],
    ['PREPARE p (SETOF int) AS SELECT $1', undefined, {}],
    ['PREPARE p (circle) AS SELECT $1', undefined, {}],
    // What the message declares is of another statement.
    ['PREPARE p AS SELECT $1', [23], { 1: 'unknown' }],
  ])('of %s, declared %j', (sql, declared, expected) => {
    expect(typesOf(sql, declared)).toEqual(expected);
  });
});
