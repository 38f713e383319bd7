/**
 * A linear lexer over UTF-8 bytes, after PostgreSQL's `src/backend/parser/scan.l` with standard_conforming_strings on.
 * It enforces caps before the real grammar runs (which is quadratic on some inputs) and tells where names begin and end.
 * It never decides what a statement means: the grammar does, and the rewritten text is parsed again.
 */
import { invalidText, notUnderstood, statementTooComplex, statementTooLarge } from '../../kernel/failure.ts';

/** Caps on what is parsed at all. */
export type TextLimits = {
  readonly bytes: number;
  readonly tokens: number;
  /** Parentheses, brackets and comments. */
  readonly depth: number;
};

export const DEFAULT_TEXT_LIMITS: TextLimits = { bytes: 16 * 1024 * 1024, tokens: 200_000, depth: 500 };

/** NAMEDATALEN: PostgreSQL refuses longer operators. */
const MAX_OPERATOR = 63;

export const TOKEN = { word: 1, quoted: 2, string: 3, number: 4, parameter: 5, operator: 6, punctuation: 7 } as const;

/** Tokens as parallel arrays: kind, first byte, byte behind the last. */
export type Tokens = {
  readonly bytes: Buffer;
  readonly count: number;
  readonly kinds: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
};

const SPACE = 1;
const WORD_START = 2;
const WORD = 4;
const DIGIT = 8;
const OPERATOR = 16;

const CLASSES = new Uint8Array(256);
for (const c of ' \t\n\r\f\v') CLASSES[c.charCodeAt(0)]! |= SPACE;
for (let c = 0; c < 256; c++) {
  const letter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c >= 128;
  if (letter) CLASSES[c]! |= WORD_START | WORD;
  if (c >= 48 && c <= 57) CLASSES[c]! |= WORD | DIGIT;
}
CLASSES[36]! |= WORD;
for (const c of '~!@#^&|`?+-*/%<>=') CLASSES[c.charCodeAt(0)]! |= OPERATOR;

const classOf = (byte: number | undefined): number => CLASSES[byte ?? 0]!;

// A byte order mark is text like any other: leaving it out would shift every location.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a statement. @throws Failure when it is not valid UTF-8 or holds a NUL. */
export const decodeText = (bytes: Buffer): string => {
  if (bytes.includes(0)) throw invalidText('The text holds a NUL byte.');
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalidText('The text is not valid UTF-8.');
  }
};

/** Reads tokens in one pass. @throws Failure when a cap is exceeded. Unterminated constructs end the list: the grammar reports them. */
export const readTokens = (bytes: Buffer, limits: TextLimits = DEFAULT_TEXT_LIMITS): Tokens => {
  if (bytes.length > limits.bytes) {
    throw statementTooLarge(`The statement has ${bytes.length} bytes, and the limit is ${limits.bytes}.`);
  }
  const kinds: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const end = bytes.length;
  let depth = 0;
  let at = 0;
  const push = (kind: number, from: number, to: number): void => {
    if (kinds.length >= limits.tokens) throw statementTooLarge(`The statement has more than ${limits.tokens} tokens.`);
    kinds.push(kind);
    starts.push(from);
    ends.push(to);
  };
  while (at < end) {
    const byte = bytes[at]!;
    const kind = CLASSES[byte]!;
    if (kind & SPACE) {
      at++;
      continue;
    }
    const next = bytes[at + 1];
    if (byte === 45 && next === 45) {
      at = skipLineComment(bytes, at + 2);
      continue;
    }
    if (byte === 47 && next === 42) {
      at = skipBlockComment(bytes, at + 2, limits.depth);
      continue;
    }
    const from = at;
    if (kind & WORD_START) {
      const prefixed = prefixedLiteral(bytes, at);
      if (prefixed !== undefined) {
        at = prefixed.end;
        push(prefixed.kind, from, at);
        continue;
      }
      at++;
      while (classOf(bytes[at]) & WORD) at++;
      push(TOKEN.word, from, at);
    } else if (byte === 34) {
      at = skipQuoted(bytes, at + 1, 34);
      push(TOKEN.quoted, from, at);
    } else if (byte === 39) {
      at = skipQuoted(bytes, at + 1, 39);
      push(TOKEN.string, from, at);
    } else if (byte === 36) {
      at = skipDollar(bytes, at);
      push(classOf(bytes[from + 1]) & DIGIT ? TOKEN.parameter : TOKEN.string, from, at);
    } else if (kind & DIGIT || (byte === 46 && classOf(next) & DIGIT)) {
      at = skipNumber(bytes, at);
      push(TOKEN.number, from, at);
    } else if (kind & OPERATOR) {
      at = skipOperator(bytes, at);
      if (at - from > MAX_OPERATOR) throw statementTooComplex(`An operator has more than ${MAX_OPERATOR} characters.`);
      push(TOKEN.operator, from, at);
    } else {
      if (byte === 40 || byte === 91) depth++;
      else if (byte === 41 || byte === 93) depth--;
      if (depth > limits.depth) throw statementTooComplex(`Parentheses are nested more than ${limits.depth} deep.`);
      at++;
      push(TOKEN.punctuation, from, at);
    }
  }
  return { bytes, count: kinds.length, kinds, starts, ends };
};

const skipLineComment = (bytes: Buffer, from: number): number => {
  let at = from;
  while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++;
  return at;
};

const skipBlockComment = (bytes: Buffer, from: number, limit: number): number => {
  let depth = 1;
  let at = from;
  while (at < bytes.length && depth > 0) {
    if (bytes[at] === 47 && bytes[at + 1] === 42) {
      depth++;
      if (depth > limit) throw statementTooComplex(`Comments are nested more than ${limit} deep.`);
      at += 2;
    } else if (bytes[at] === 42 && bytes[at + 1] === 47) {
      depth--;
      at += 2;
    } else at++;
  }
  return at;
};

/** Behind the closing quote; a doubled quote stands for itself. */
const skipQuoted = (bytes: Buffer, from: number, quote: number): number => {
  let at = from;
  while (at < bytes.length) {
    if (bytes[at] !== quote) at++;
    else if (bytes[at + 1] === quote) at += 2;
    else return at + 1;
  }
  return at;
};

const skipEscaped = (bytes: Buffer, from: number): number => {
  let at = from;
  while (at < bytes.length) {
    if (bytes[at] === 92) at += 2;
    else if (bytes[at] !== 39) at++;
    else if (bytes[at + 1] === 39) at += 2;
    else return at + 1;
  }
  return Math.min(at, bytes.length);
};

/** `E''`, `B''`, `X''`, `N''`, `U&''` and `U&""`. */
const prefixedLiteral = (bytes: Buffer, at: number): { kind: number; end: number } | undefined => {
  const letter = bytes[at]! | 32;
  const next = bytes[at + 1];
  if (next === 39) {
    if (letter === 101) return { kind: TOKEN.string, end: skipEscaped(bytes, at + 2) };
    if (letter === 98 || letter === 120 || letter === 110) return { kind: TOKEN.string, end: skipQuoted(bytes, at + 2, 39) };
  }
  if (letter === 117 && next === 38) {
    if (bytes[at + 2] === 39) return { kind: TOKEN.string, end: skipQuoted(bytes, at + 3, 39) };
    if (bytes[at + 2] === 34) return { kind: TOKEN.quoted, end: skipQuoted(bytes, at + 3, 34) };
  }
  return undefined;
};

/** `$1`, or `$tag$ ... $tag$`, or a lone dollar sign. */
const skipDollar = (bytes: Buffer, from: number): number => {
  let at = from + 1;
  if (classOf(bytes[at]) & DIGIT) {
    while (classOf(bytes[at]) & DIGIT) at++;
    return at;
  }
  while (classOf(bytes[at]) & WORD && bytes[at] !== 36) at++;
  if (bytes[at] !== 36) return from + 1;
  const tag = bytes.subarray(from, at + 1);
  const close = bytes.indexOf(tag, at + 1);
  return close < 0 ? bytes.length : close + tag.length;
};

const skipNumber = (bytes: Buffer, from: number): number => {
  let at = from;
  if (bytes[from] === 48 && (bytes[from + 1]! | 32) === 120) {
    // In a hexadecimal number `e` is a digit.
    while (classOf(bytes[at]) & WORD) at++;
    return at;
  }
  while (classOf(bytes[at]) & WORD || bytes[at] === 46) {
    // `1..10` is two tokens in PL/pgSQL only, but a second dot ends the number here too.
    if (bytes[at] === 46 && bytes[at + 1] === 46) break;
    const exponent = (bytes[at]! | 32) === 101 && (bytes[at + 1] === 43 || bytes[at + 1] === 45);
    at += exponent ? 2 : 1;
  }
  return at;
};

const skipOperator = (bytes: Buffer, from: number): number => {
  let at = from;
  while (classOf(bytes[at]) & OPERATOR) {
    if (at > from && ((bytes[at] === 45 && bytes[at + 1] === 45) || (bytes[at] === 47 && bytes[at + 1] === 42))) break;
    at++;
  }
  return at;
};

/** Index of the token that begins at byte `start`, by binary search; -1 if none does. */
export const tokenAt = (tokens: Tokens, start: number): number => {
  let low = 0;
  let high = tokens.count - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = tokens.starts[middle]!;
    if (found === start) return middle;
    if (found < start) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
};

/** The token's text; '' outside of the list. */
export const textOf = (tokens: Tokens, index: number): string =>
  index < 0 || index >= tokens.count ? '' : tokens.bytes.toString('utf8', tokens.starts[index], tokens.ends[index]);

/** Is the token this unquoted word (ASCII case-insensitive)? */
export const isWord = (tokens: Tokens, index: number, word: string): boolean =>
  tokens.kinds[index] === TOKEN.word && textOf(tokens, index).toLowerCase() === word;

export const isPunctuation = (tokens: Tokens, index: number, character: string): boolean =>
  tokens.kinds[index] === TOKEN.punctuation && tokens.bytes[tokens.starts[index]!] === character.charCodeAt(0);

/** Index of the token that closes the parenthesis at `open`; -1 if none does. */
export const closingParenthesis = (tokens: Tokens, open: number): number => {
  let depth = 0;
  for (let index = open; index < tokens.count; index++) {
    if (isPunctuation(tokens, index, '(')) depth++;
    else if (isPunctuation(tokens, index, ')') && --depth === 0) return index;
  }
  return -1;
};

/** Last token of one name that begins at `first`: `U&"d!0061t" UESCAPE '!'` has three. */
export const lastOfPart = (tokens: Tokens, first: number): number => {
  const escaped =
    tokens.kinds[first] === TOKEN.quoted && tokens.bytes[tokens.starts[first]!] !== 34 && isWord(tokens, first + 1, 'uescape');
  return escaped ? first + 2 : first;
};

/** Last token of a possibly qualified name that begins at `first`: `a`, `a.b`, `"a"."b".c`. */
export const lastOfName = (tokens: Tokens, first: number): number => {
  let index = lastOfPart(tokens, first);
  while (isPunctuation(tokens, index + 1, '.')) {
    const kind = tokens.kinds[index + 2];
    if (kind !== TOKEN.word && kind !== TOKEN.quoted) break;
    index = lastOfPart(tokens, index + 2);
  }
  return index;
};

/** `NAMEDATALEN - 1`. */
const NAME_BYTES = 63;

/**
 * Refuses names that a database in another encoding than UTF8 could read differently than the grammar does: it folds
 * letters beyond ASCII, and cuts long names, by its own encoding.
 */
export const refuseForeignNames = (tokens: Tokens): void => {
  for (let index = 0; index < tokens.count; index++) {
    const kind = tokens.kinds[index];
    if (kind !== TOKEN.word && kind !== TOKEN.quoted) continue;
    const start = tokens.starts[index]!;
    const end = tokens.ends[index]!;
    const long = end - start > NAME_BYTES;
    if (long || (kind === TOKEN.word && tokens.bytes.subarray(start, end).some((byte) => byte >= 128))) {
      throw notUnderstood(long ? 'a name of more than 63 bytes' : 'an unquoted name beyond ASCII');
    }
  }
};
