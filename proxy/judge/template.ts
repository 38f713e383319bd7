/**
 * A text without its literals: texts of one template differ in nothing but the values of plain numbers and strings.
 */
import { TOKEN, type Tokens } from '../sql/tokens.ts';

/** A literal: first byte, byte behind the last. */
export type Slot = { readonly start: number; readonly end: number };

export type Template = { readonly key: string; readonly slots: readonly Slot[] };

/** Beyond this many literals a text is a list of values, of which there are as many templates as texts. */
const MAX_SLOTS = 64;

/** INVARIANT: no other literal can make a text so long that it is refused for its length. */
const MAX_BYTES = 64 * 1024;

/** So many digits are an integer in every version of the grammar; more may be another kind of number. */
const MAX_DIGITS = 9;

const isDigits = (bytes: Buffer, start: number, end: number): boolean => {
  if (end - start > MAX_DIGITS) return false;
  for (let at = start; at < end; at += 1) if (bytes[at]! < 48 || bytes[at]! > 57) return false;
  return true;
};

/** `'...'` that ends: no prefix changes how it is read. */
const isPlainString = (bytes: Buffer, start: number, end: number): boolean =>
  end - start >= 2 && bytes[start] === 39 && bytes[end - 1] === 39;

/** The template of a text that is valid UTF-8 without NUL; undefined where there is nothing to leave out, or too much. */
export const templateOf = (bytes: Buffer, tokens: Tokens): Template | undefined => {
  if (bytes.length > MAX_BYTES) return undefined;
  const slots: Slot[] = [];
  let key = '';
  let from = 0;
  for (let token = 0; token < tokens.count; token += 1) {
    const kind = tokens.kinds[token];
    if (kind !== TOKEN.number && kind !== TOKEN.string) continue;
    const start = tokens.starts[token]!;
    const end = tokens.ends[token]!;
    const isNumber = kind === TOKEN.number;
    if (!(isNumber ? isDigits(bytes, start, end) : isPlainString(bytes, start, end))) continue;
    if (slots.length === MAX_SLOTS) return undefined;
    slots.push({ start, end });
    // No text has a NUL: two templates with the same key have the same bytes around their literals.
    key += `${bytes.toString('latin1', from, start)}\u0000${isNumber ? 'n' : 's'}`;
    from = end;
  }
  return slots.length === 0 ? undefined : { key: key + bytes.toString('latin1', from), slots };
};
