import { beforeAll, describe, expect, it } from 'vitest';
import { soleExpression } from './check-condition.ts';
import { Grammar } from './grammar.ts';
import { knownTruth } from './known-truth.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

describe('knownTruth()', () => {
  it.each<readonly [boolean | undefined, string]>([
    [true, `true | 't' | 'TRUE' | ' tru ' | 'yes' | 'ye' | 'y' | 'on' | '1' | 't'::bool | 1::bool | 'on'::pg_catalog.bool | 't'::BOOLEAN`],
    [
      false,
      `false | 'f' | 'fa' | 'fal' | 'fals' | 'false' | 'no' | 'n' | 'of' | 'OFF' | '0' | 0::bool | NULL | NULL::int | NULL::text::bool`,
    ],
    // They may be read as something else, or not at all.
    [
      undefined,
      `'truex' | 'xtrue' | 'xfalse' | 'falsex' | 'o' | '' | 'true'::text | 1 | 2::bool | 1.5 | $1 | a | 'f'::"char"::int::bool | '0'::"char"::int::bool | 'f'::app.bool | 'no'::varchar(1)::bool | f() | current_date | 'yes'::text::bool`,
    ],
    [
      true,
      `1 = 1 | -1 = -1 | 1 = 1.0 | 2 <> 1 | 2 != 1 | 1 < 2 | 1 <= 1 | 1 <= 2 | 2 > 1 | 2 >= 1 | 2 >= 2 | 1.5 < 1.6 | 1.25 <> 1.26 | 123456789012345 > 123456789012344`,
    ],
    [false, `1 = 2 | 1 <> 1 | 2 < 1 | 1 < 1 | 2 <= 1 | 1 > 2 | 1 > 1 | 1 >= 2`],
    // A string is what it meets.
    [
      true,
      `10 > '9' | '9' < 10 | '9' <> 10 | 't' = true | true = 'on' | 'f' < true | 'a' = 'a' | 'a' <> 'b' | 'a'::text = 'a' | '' = '' | '1' <> '1.0'`,
    ],
    [false, `'10' = 9 | 't' <> true | false = 't' | 'a' = 'b' | 'a' <> 'a' | 'a' < 'a' | 'a'::text = 'b'::varchar | '1' = '1.0'`],
    [true, `true = true | true > false | 'y'::bool = '1'::bool | 1::bool = true`],
    [false, `true = false | false > true | 'y'::bool = '0'::bool`],
    // Strings have an order that is not that of numbers, nor ours.
    [undefined, `'10' < '9' | 'a' < 'b' | 'b' > 'a' | 'a' <= 'b' | 'a' >= 'b' | 'a'::text < 'B'`],
    // Numbers beyond what is told apart in binary, or written otherwise.
    [
      undefined,
      `9007199254740993 <> 9007199254740992 | 1e400 = 10e399 | 1e1 = 10 | 1234567890123456 = 1234567890123456 | 0.10000000000000001 = 0.1 | 5 = '0x5' | 5 = ' 5' | 5 = '5.' | 5 = ''`,
    ],
    [
      undefined,
      `1 = true | true = 'maybe' | 'maybe' = true | 'maybe' < true | 'a'::text = 1 | true = 'a'::text | 1 = $1 | $1 = 1 | 1 = a | 1 = 1::bool | '1'::date = '2'::date`,
    ],
    [
      undefined,
      `1 + 1 | 1 OPERATOR(app.=) 2 | 1 OPERATOR(pg_catalog.=) 2 | 1 <<< 2 | 'a' ~ 'b' | 1 = ANY ('{2}') | 1 IN (2) | NULLIF(1, 2) | 1 IS DISTINCT FROM 2`,
    ],
    [false, `1 = NULL | NULL = 1 | NULL <> NULL | NULL::int > 1 | 1 < NULL::text::int | $1 = NULL`],
    [undefined, `NULL OPERATOR(app.=) 1 | NULL || 'a' | NULL IS DISTINCT FROM 1 | NULL = ANY ('{2}')`],
  ])('is %s of %s', (expected, conditions) => {
    const found = conditions.split(' | ').map((sql) => [sql, knownTruth(soleExpression(grammar.parse(`SELECT ${sql}`)[0]!.node))]);
    expect(found).toEqual(conditions.split(' | ').map((sql) => [sql, expected]));
  });
});
