import { describe, expect, it } from 'vitest';
import { printable, printableWithin } from './printable.ts';

describe('printable()', () => {
  it.each([
    ['plain text', "SELECT 'é', '🐘'", "SELECT 'é', '🐘'"],
    ['line ends and tabs', 'a\r\n\tb', 'a\\r\\n\\tb'],
    ['escape sequences', '\u001b[2K\u001b]0;title\u0007', '\\u{1b}[2K\\u{1b}]0;title\\u{7}'],
    ['control characters of Latin-1', '\u009b2J', '\\u{9b}2J'],
    ['reordering', 'a\u202eb\u2066c', 'a\\u{202e}b\\u{2066}c'],
    ['separators and what has no width', 'a\u2028b\u200bc\ufeff', 'a\\u{2028}b\\u{200b}c\\u{feff}'],
    ['lone surrogates and tags', '\ud800\u{e0041}', '\\u{d800}\\u{e0041}'],
  ])('shows %s plainly', (_name, text, expected) => {
    expect(printable(text)).toBe(expected);
  });
});

describe('printableWithin()', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['🐘🐘🐘', 3, '🐘🐘🐘'],
    ['🐘🐘🐘🐘', 3, '🐘🐘…'],
    ['\n\n', 3, '\\n…'],
    ['', 3, ''],
  ])('fits %j into %i characters', (text, width, expected) => {
    expect(printableWithin(text, width)).toBe(expected);
  });

  it('cuts a text of any length', () => {
    expect(printableWithin('x'.repeat(16 * 1024 * 1024), 5)).toBe('xxxx…');
  });
});
