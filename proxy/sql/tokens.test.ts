import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import {
  closingParenthesis,
  decodeText,
  isPunctuation,
  isWord,
  lastOfName,
  readTokens,
  refuseForeignNames,
  textOf,
  TOKEN,
  tokenAt,
} from './tokens.ts';

const kindNames = Object.fromEntries(Object.entries(TOKEN).map(([name, kind]) => [kind, name]));
const tokensOf = (text: string) => readTokens(Buffer.from(text));
const listed = (text: string): readonly string[] => {
  const tokens = tokensOf(text);
  return tokens.kinds.map((kind, index) => `${kindNames[kind]} ${textOf(tokens, index)}`);
};
const failureOf = (act: () => unknown): string => {
  try {
    act();
    return 'none';
  } catch (error) {
    return error instanceof Failure ? `${error.fields.sqlstate} ${error.fields.detail ?? error.message}` : String(error);
  }
};

describe('readTokens()', () => {
  it.each([
    ['SELECT a.b', ['word SELECT', 'word a', 'punctuation .', 'word b']],
    [`"a""b" 'it''s'`, ['quoted "a""b"', `string 'it''s'`]],
    [String.raw`'\' -- '`, [String.raw`string '\'`]],
    [String.raw`E'\'' x`, [String.raw`string E'\''`, 'word x']],
    [`U&"d!0061t" UESCAPE '!'`, ['quoted U&"d!0061t"', 'word UESCAPE', `string '!'`]],
    [`B'01' X'ff' N'n' U&'u'`, [`string B'01'`, `string X'ff'`, `string N'n'`, `string U&'u'`]],
    ['$1 $$ a $b$ $$ $t$ $$ $t$', ['parameter $1', 'string $$ a $b$ $$', 'string $t$ $$ $t$']],
    ['a$b$c', ['word a$b$c']],
    ['/* a /* b */ c */ 1 -- 2\n3', ['number 1', 'number 3']],
    ['1--2', ['number 1']],
    ['1*/*x*/2', ['number 1', 'operator *', 'number 2']],
    ['1.5e-3 .5 0x1F', ['number 1.5e-3', 'number .5', 'number 0x1F']],
    ['0xe-users.id', ['number 0xe', 'operator -', 'word users', 'punctuation .', 'word id']],
    [
      '0.5 0e-1 1e5 1E+5 1e*5 1e',
      ['number 0.5', 'number 0e-1', 'number 1e5', 'number 1E+5', 'number 1e', 'operator *', 'number 5', 'number 1e'],
    ],
    ['1..2 1xe-3 3-e', ['number 1', 'punctuation .', 'number .2', 'number 1xe-3', 'number 3', 'operator -', 'word e']],
    ['a/b a-b a*/b', ['word a', 'operator /', 'word b', 'word a', 'operator -', 'word b', 'word a', 'operator */', 'word b']],
    ['+-1 -+ /-/ *-/ -/*x*/ +--x', ['operator +-', 'number 1', 'operator -+', 'operator /-/', 'operator *-/', 'operator -', 'operator +']],
    ['/* /x *x **/ 1 /*/ */ */ 2', ['number 1', 'operator */', 'number 2']],
    ['-- a\rb', ['word b']],
    [`E'a''b' e'\\\\' x'\\' 1`, [`string E'a''b'`, `string e'\\\\'`, `string x'\\'`, 'number 1']],
    [`a'b' Q'c' b 'd'`, ['word a', `string 'b'`, 'word Q', `string 'c'`, 'word b', `string 'd'`]],
    [
      `u&'a' U &'b' u&c x&'d'`,
      [`string u&'a'`, 'word U', 'operator &', `string 'b'`, 'word u', 'operator &', 'word c', 'word x', 'operator &', `string 'd'`],
    ],
    [`u&"a""b" U+"c"`, ['quoted u&"a""b"', 'word U', 'operator +', 'quoted "c"']],
    ['$ $a b $a$c', ['string $', 'string $', 'word a', 'word b', 'string $a$c']],
    ['$é1$ x $é1$ $1a$', ['string $é1$ x $é1$', 'parameter $1', 'word a$']],
    [`E'\\`, [`string E'\\`]],
    [`'a`, [`string 'a`]],
    ['"a', ['quoted "a']],
    ['$$a', ['string $$a']],
    ['/* a', []],
    ['-- a', []],
    ['été <> "naïve"', ['word été', 'operator <>', 'quoted "naïve"']],
  ])('reads %s', (text, expected) => {
    expect(listed(text)).toEqual(expected);
  });

  it('gives tokens in order that never overlap and lie inside of the text, whatever the text', () => {
    const pieces = fc.constantFrom(
      `'`,
      `"`,
      '$',
      '$a$',
      '--',
      '/*',
      '*/',
      '\n',
      'a',
      'é',
      '1',
      '.',
      '(',
      ')',
      '+',
      'E',
      'U&',
      ' ',
      '\\',
      '0x',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: 'grapheme' })), { maxLength: 40 }), (parts) => {
        const bytes = Buffer.from(parts.join(''));
        const tokens = readTokens(bytes, { bytes: 1e6, tokens: 1e6, depth: 1e6 });
        let end = 0;
        for (let index = 0; index < tokens.count; index++) {
          expect(tokens.starts[index]).toBeGreaterThanOrEqual(end);
          expect(tokens.ends[index]).toBeGreaterThan(tokens.starts[index]!);
          end = tokens.ends[index]!;
          expect(tokenAt(tokens, tokens.starts[index]!)).toBe(index);
        }
        expect(end).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['too many bytes', 'x'.repeat(101), '54000 The statement has 101 bytes, and the limit is 100.'],
    ['too many tokens', '1 '.repeat(11), '54000 The statement has more than 10 tokens.'],
    ['deep parentheses', '((((', '54001 Parentheses are nested more than 3 deep.'],
    ['deep comments', '/*/*/*/*', '54001 Comments are nested more than 3 deep.'],
    ['a long operator', '+'.repeat(64), '54001 An operator has more than 63 characters.'],
  ])('refuses %s', (_, text, expected) => {
    expect(failureOf(() => readTokens(Buffer.from(text), { bytes: 100, tokens: 10, depth: 3 }))).toBe(expected);
  });
});

describe('caps of readTokens()', () => {
  it.each([
    ['bytes', 'x'.repeat(100)],
    ['tokens', '1 '.repeat(10)],
    ['parentheses', '(([])) [[('],
    ['parentheses beside each other', '()()()[][]'],
    ['comments', '/*/*/*'],
    ['comments beside each other', '/*/**/*//*/**/*//**//**/'],
    ['operators', '+'.repeat(63)],
  ])('let through as many %s', (_, text) => {
    expect(failureOf(() => readTokens(Buffer.from(text), { bytes: 100, tokens: 14, depth: 3 }).count)).toMatch(/^(none|[0-9]+)$/);
  });

  it.each([
    ['[[[[', '54001 Parentheses are nested more than 3 deep.'],
    ['()([[[', '54001 Parentheses are nested more than 3 deep.'],
    ['a((((', '54001 Parentheses are nested more than 3 deep.'],
  ])('refuse %s', (text, expected) => {
    expect(failureOf(() => readTokens(Buffer.from(text), { bytes: 100, tokens: 10, depth: 3 }))).toBe(expected);
  });
});

describe('tokenAt() and textOf()', () => {
  it('find a token by its first byte, and nothing elsewhere', () => {
    const tokens = tokensOf('a bc (d)');
    expect([0, 1, 2, 3, 5, 6, 7, 8, 99, -1].map((at) => tokenAt(tokens, at))).toEqual([0, -1, 1, -1, 2, 3, 4, -1, -1, -1]);
    expect([-1, 0, 1, 4, 5, 99].map((index) => textOf(tokens, index))).toEqual(['', 'a', 'bc', ')', '', '']);
  });

  it('tell words and punctuation', () => {
    const tokens = tokensOf(`Ab "ab" 'ab' ( .5 .`);
    expect([0, 1, 2, 3, 9].map((index) => isWord(tokens, index, 'ab'))).toEqual([true, false, false, false, false]);
    expect([isWord(tokens, 0, 'a'), isWord(tokens, 1, '"ab"')]).toEqual([false, false]);
    expect([0, 3, 4, 9].map((index) => isPunctuation(tokens, index, '('))).toEqual([false, true, false, false]);
    expect([3, 4, 5].map((index) => isPunctuation(tokens, index, '.'))).toEqual([false, false, true]);
  });
});

describe('decodeText()', () => {
  it('keeps a byte order mark, so that byte offsets stay what they are', () => {
    expect(decodeText(Buffer.from('\uFEFFSELECT 1'))).toBe('\uFEFFSELECT 1');
  });

  it.each([
    ['a NUL', Buffer.from('SELECT 1\0; DROP'), '22021 The text holds a NUL byte.'],
    ['a lone surrogate', Buffer.from([0x27, 0xed, 0xa0, 0x80, 0x27]), '22021 The text is not valid UTF-8.'],
    ['an overlong form', Buffer.from([0xc0, 0xa7]), '22021 The text is not valid UTF-8.'],
  ])('refuses %s', (_, bytes, expected) => {
    expect(failureOf(() => decodeText(bytes))).toBe(expected);
  });
});

describe('names and parentheses', () => {
  it.each([
    ['a', 'a'],
    ['a . "b" /* x */ . c d', 'c'],
    [`U&"a" UESCAPE '!' . b x`, 'b'],
    [`a.U&"b" UESCAPE '!' x`, `'!'`],
    ['a.*', 'a'],
    ['a .5 b', 'a'],
    ['a. (b', 'a'],
    [`"a" UESCAPE '!' b`, '"a"'],
    [`a uescape '!' b`, 'a'],
    [`U&"a" other '!' b`, 'U&"a"'],
  ])('ends the name %s at %s', (text, last) => {
    const tokens = tokensOf(text);
    expect(textOf(tokens, lastOfName(tokens, 0))).toBe(last);
  });

  it('finds the parenthesis that closes one, and -1 where none does', () => {
    expect(closingParenthesis(tokensOf(`(a, ')', (b))`), 0)).toBe(8);
    expect(closingParenthesis(tokensOf('(('), 0)).toBe(-1);
  });
});

describe('refuseForeignNames()', () => {
  it.each([
    ['SELECT café', '0A000 pg-airlock refuses what it cannot judge.'],
    [`SELECT "${'a'.repeat(62)}"`, '0A000 pg-airlock refuses what it cannot judge.'],
    [`SELECT "café", 'café', plain`, 'none'],
    [`SELECT ${'a'.repeat(63)}, "${'a'.repeat(61)}", ${'b'.repeat(40)}`, 'none'],
    [`SELECT ${'a'.repeat(64)}`, '0A000 pg-airlock refuses what it cannot judge.'],
    [`SELECT '${'é'.repeat(64)}' /* é */`, 'none'],
  ])('in %s', (text, expected) => {
    expect(failureOf(() => refuseForeignNames(tokensOf(text)))).toBe(expected);
  });
});
