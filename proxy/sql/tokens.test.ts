import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { closingParenthesis, decodeText, lastOfName, readTokens, refuseForeignNames, textOf, TOKEN, tokenAt } from './tokens.ts';

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
  ])('in %s', (text, expected) => {
    expect(failureOf(() => refuseForeignNames(tokensOf(text)))).toBe(expected);
  });
});
