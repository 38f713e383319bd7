import { beforeAll, describe, expect, it } from 'vitest';
import { comparedColumns, heldColumns, soleExpression } from './check-condition.ts';
import { Grammar } from './grammar.ts';
import type { Tree } from './tree.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const parsed = (sql: string): Tree => soleExpression(grammar.parse(`SELECT ${sql}`)[0]!.node);

describe('comparedColumns()', () => {
  it.for([
    ['a <= b', 'a b', 'a b'],
    ['a <= 5', 'a', 'a'],
    ['a <= 5 AND b > 0', 'a', 'a'],
    ['(a > 0 AND (b > a)) AND c > 0', 'a b', 'a b'],
    ['NOT a OR b IS NOT NULL', 'a b', 'a'],
    ['a = 1 OR b IS NULL OR b > c', 'a b c', 'a b c'],
    ['(a IS NULL) = (b IS NULL)', 'a b', ''],
    ['CASE WHEN a THEN length(b) > 3 ELSE true END', 'a b', 'a b'],
    ['b > 0', '', ''],
    ['"a" ~ ANY (ARRAY["B c"])', 'a|B c', 'a|B c'],
  ] as const)('finds in %s what counts for a', ([sql, related, compared]) => {
    const found = comparedColumns(parsed(sql), new Set(['a']));
    const set = (names: string): ReadonlySet<string> => new Set(names === '' ? [] : names.split(names.includes('|') ? '|' : ' '));
    expect(found).toEqual({ related: set(related), compared: set(compared) });
  });

  it('looks into conditions that are nested deeper than a stack is', () => {
    const sum = (depth: number, inner: Tree): Tree => {
      let tree = inner;
      for (let level = 0; level < depth; level += 1) tree = { A_Expr: { kind: 'AEXPR_OP', lexpr: tree } };
      return tree;
    };
    expect(comparedColumns(sum(50_000, parsed('a > b')), new Set(['a'])).compared).toEqual(new Set(['a', 'b']));
  });
});

describe('heldColumns()', () => {
  it.for([
    ['a = 1', 'a'],
    ["'x' = a AND b > 1 AND c = current_setting('app.c')::int", 'a c'],
    ['a = b', ''],
    ['a = 1 OR b = 2', ''],
    ['NOT (a = 1)', ''],
    ['f(a = 1 AND b = 2 AND c)', ''],
    ['a <> 1 AND a IN (1, 2)', ''],
    ['lower(a) = $$x$$', ''],
    ['a = ANY (ARRAY[1])', ''],
    ['a OPERATOR(public.=) 1', ''],
  ] as const)('holds in %s: %s', ([sql, expected]) => {
    expect([...heldColumns(parsed(sql))].join(' ')).toBe(expected);
  });
});
