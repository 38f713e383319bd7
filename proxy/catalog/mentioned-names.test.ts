import { expect, it } from 'vitest';
import { mentionedNames } from './mentioned-names.ts';

it.each<[string, readonly string[]]>([
  ['BEGIN INSERT INTO Log VALUES (1); END', ['log']],
  ['CREATE TEMP TABLE IF NOT EXISTS staged (a int)', ['staged']],
  ['create local temporary table "My Rows" as select a from only app.notes n join app . "B" using (id)', ['my rows', 'notes', 'b']],
  ['SELECT a INTO TEMP kept FROM pg_temp.heap', ['kept', 'heap']],
  ['UPDATE ONLY a SET b = 1; TRUNCATE c; COPY d FROM STDIN; DELETE FROM e', ['a', 'c', 'd', 'stdin', 'e']],
  ["target := 'heaped'; RETURN 1", []],
  ["target := 'heaped'; EXECUTE format('INSERT INTO %I.\"Up\" SELECT x', target)", ['up', 'heaped', 'insert', 'into', 'i', 'select', 'x']],
  ["RAISE NOTICE 'from % to'", []],
  ['', []],
])('mentionedNames() of %s', async (body, expected) => {
  expect([...(await mentionedNames([body]))].sort()).toEqual([...expected].sort());
});

it('mentionedNames() of many bodies', async () => {
  const bodies = Array.from({ length: 2_000 }, (_, index) => `${'x := x + 1; '.repeat(50)} INSERT INTO log_${index} VALUES (1)`);
  expect((await mentionedNames(bodies)).size).toBe(2_000);
});
