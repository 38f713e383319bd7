import { beforeAll, describe, expect, it } from 'vitest';
import { Grammar } from '../sql/grammar.ts';
import { listOf, treeOf } from '../sql/tree.ts';
import { columnName } from './column-name.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const nameOf = (expression: string): string | undefined => {
  const select = treeOf(grammar.parse(`SELECT ${expression}`)[0]!.node.SelectStmt);
  return columnName(treeOf(treeOf(listOf(select.targetList)[0]!.ResTarget).val));
};

describe('columnName()', () => {
  it.each([
    ['a', 'a'],
    ['t.a', 'a'],
    ['t.*', 't'],
    ['f(a)', 'f'],
    ['s.f(a)', 'f'],
    ['count(*)', 'count'],
    ['(t).b', 'b'],
    ['(t).b[1]', 'b'],
    ['a[1]', 'a'],
    ['(ARRAY[1])[1]', 'array'],
    ['1', '?column?'],
    ["'a'", '?column?'],
    ['$1', '?column?'],
    ['a + 1', '?column?'],
    ['a = b', '?column?'],
    ['a IS NULL', '?column?'],
    ['a IS TRUE', '?column?'],
    ['a AND b', '?column?'],
    ['NOT a', '?column?'],
    ['nullif(a, b)', 'nullif'],
    ['coalesce(a, b)', 'coalesce'],
    ['greatest(a, b)', 'greatest'],
    ['least(a, b)', 'least'],
    ['ARRAY[1]', 'array'],
    ['ROW(1, 2)', 'row'],
    ['(1, 2)', 'row'],
    ['grouping(a)', 'grouping'],
    ['merge_action()', 'merge_action'],
    ['a::int', 'a'],
    ['f(a)::int', 'f'],
    ['1::int', 'int4'],
    ["'a'::text", 'text'],
    ["'a'::s.mood", 'mood'],
    ["date '2020-01-01'", 'date'],
    ['(a + 1)::numeric', 'numeric'],
    ['(1::int)::text', 'text'],
    ['a COLLATE "C"', 'a'],
    [`'a' COLLATE "C"`, '?column?'],
    ['CASE WHEN a THEN 1 END', 'case'],
    ['CASE WHEN a THEN 1 ELSE 2 END', 'case'],
    ['CASE WHEN a THEN 1 ELSE b END', 'b'],
    ['CASE WHEN a THEN 1 ELSE f(b) END', 'f'],
    ['current_date', 'current_date'],
    ['current_timestamp', 'current_timestamp'],
    ['current_timestamp(3)', 'current_timestamp'],
    ['localtime(3)', 'localtime'],
    ['current_user', 'current_user'],
    ['EXISTS (SELECT 1)', 'exists'],
    ['ARRAY(SELECT 1)', 'array'],
    ['a IN (SELECT 1)', '?column?'],
    ['(SELECT a FROM t)', 'a'],
    ['(SELECT 1 AS b)', 'b'],
    ['(SELECT f(a))', 'f'],
    ['(SELECT 1)', '?column?'],
    ['(SELECT 1)::int', '?column?'],
    ['CASE WHEN a THEN 1 ELSE (SELECT 1) END', '?column?'],
    ['(SELECT a::text)', 'a'],
    ['(SELECT 1::int)', 'int4'],
    // What is not certain.
    ["xmlelement(name a, 'b')", undefined],
    ["xmlelement(name a, 'b')::text", undefined],
    ["CASE WHEN a THEN 1 ELSE xmlelement(name a, 'b') END", undefined],
    ["(SELECT xmlelement(name a, 'b'))", undefined],
    ['(VALUES (1))', undefined],
    ['(SELECT)', undefined],
  ])('of %s is %s', (expression, expected) => {
    expect(nameOf(expression)).toBe(expected);
  });
});
