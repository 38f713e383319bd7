/**
 * SQL expressions of a policy's author, which are written into statements between parentheses.
 */
import type { FieldPath } from './field-path.ts';
import { type Building, faulty } from './resource.ts';

/** What parentheses in it do not count in; as PostgreSQL reads it (src/backend/parser/scan.l), but for comments, which nest. */
const OPAQUE =
  /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[a-z_\u0080-\uffff][a-z0-9_\u0080-\uffff]*)?\$).*?\1|--[^\r\n]*/isy;
const WORD = /[a-z_\u0080-\uffff][a-z0-9_$\u0080-\uffff]*|[0-9]+/iy;

const matchedAt = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
};

const behindComment = (text: string, at: number): number => {
  let depth = 0;
  for (let index = at; index < text.length; index++) {
    const pair = text.slice(index, index + 2);
    if (pair !== '/*' && pair !== '*/') continue;
    depth += pair === '/*' ? 1 : -1;
    index += 1;
    if (depth === 0) return index + 1;
  }
  return text.length;
};

/** What keeps it from being one expression by itself; undefined where its signs say that it is. Whether PostgreSQL knows it, the grammar says. */
const obstacleIn = (text: string): string | undefined => {
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const behind = text.startsWith('/*', at) ? behindComment(text, at) : matchedAt(OPAQUE, text, at);
    const next = behind > at ? behind : matchedAt(WORD, text, at);
    if (next > at) {
      at = next;
      continue;
    }
    const sign = text.charAt(at);
    at += 1;
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (depth < 0) return 'it closes a parenthesis that it has not opened';
    if (sign === ';') return 'it has a semicolon';
  }
  return depth > 0 ? 'it opens a parenthesis that it does not close' : undefined;
};

/**
 * An expression, which PostgreSQL can hold: no NUL and no half characters; undefined after a fault.
 * INVARIANT: `true) OR (true` is none. It would be one between parentheses, and mean something else beside other conditions.
 */
export const sqlExpression = (building: Building, text: string, path: FieldPath): string | undefined => {
  const obstacle = obstacleIn(text);
  return obstacle === undefined
    ? sqlText(building, text, path)
    : faulty(building, path, `is not one SQL expression: ${obstacle}`, 'Write one expression, which stands by itself.');
};

/** SQL or a value that becomes SQL: PostgreSQL knows no NUL and no half characters. */
export const sqlText = (building: Building, text: string, path: FieldPath): string | undefined =>
  text.includes('\0') || !text.isWellFormed()
    ? faulty(building, path, 'has a character that PostgreSQL has not', 'Remove NUL characters and halves of surrogate pairs.')
    : text;
