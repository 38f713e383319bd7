/**
 * Text of an agent on a terminal of an operator: what could move the cursor, change colours, hide or reorder text is written as an
 * escape, so that a statement can neither forge a line of output nor look like another one.
 */

const NAMES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Control and format characters, line and paragraph separators, lone surrogates, private and unassigned code points. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

const escaped = (character: string): string => NAMES[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** The text on one line, with everything that is not plainly visible escaped. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped);

/** At most `width` characters of the printable text, the last an ellipsis where something was cut off. */
export const printableWithin = (text: string, width: number): string => {
  // One more character than fits is enough to know; a character has at most two code units.
  const characters = Array.from(printable(text.slice(0, 2 * width + 2)));
  if (characters.length <= width && text.length <= 2 * width + 2) return characters.join('');
  return `${characters.slice(0, Math.max(width - 1, 0)).join('')}…`;
};
