import { describe, expect, it } from 'vitest';
import { splitIdentifiers } from './identifier-list.ts';

describe('splitIdentifiers()', () => {
  it.each<[string, string[] | undefined]>([
    ['', []],
    [' \t', []],
    ['public', ['public']],
    [' "$user",\n Public ', ['$user', 'public']],
    ['a,"b ""c"" , d"', ['a', 'b "c" , d']],
    ['""', ['']],
    ['a"b"', ['a"b"']],
    ['a"', ['a"']],
    ['\u00a0a', ['\u00a0a']],
    ['a\u2003b', ['a\u2003b']],
    ['\u212ait, \u00c9', ['\u212ait', '\u00c9']],
    ['x'.repeat(70), ['x'.repeat(63)]],
    [`"${'é'.repeat(40)}"`, ['é'.repeat(31)]],
    [`"${'\u{1f600}'.repeat(20)}"`, ['\u{1f600}'.repeat(15)]],
    ['a\vb', undefined],
    ['a,', undefined],
    [',a', undefined],
    ['a,,b', undefined],
    ['a b', undefined],
    ['"a" b', undefined],
    ['"a"b', undefined],
    ['"a', undefined],
  ])('reads %j', (text, names) => {
    expect(splitIdentifiers(text)).toEqual(names);
  });
});
