/** `NAMEDATALEN - 1` bytes of a name count. */
const NAME_BYTES = 63;

/** What PostgreSQL takes for white space here (`scanner_isspace`): less than JavaScript does. */
const SPACES = ' \\t\\n\\r\\f';

const ELEMENT = new RegExp(`[${SPACES}]*(?:"((?:[^"]|"")*)"|([^${SPACES},"][^${SPACES},]*))[${SPACES}]*(,|$)`, 'y');

const BLANK = new RegExp(`^[${SPACES}]*$`);

/** Up to 15 a vertical tab is part of a name, and white space from 16 on. */
const UNCLEAR = /\v/;

/** As `downcase_identifier` where the encoding has several bytes to a letter: others than ASCII stay as they are. */
const folded = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** As `truncate_identifier`: whole characters only. */
const truncated = (name: string): string => {
  if (name.length * 3 <= NAME_BYTES) return name;
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES) return name;
  let end = NAME_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
};

/**
 * The names in a text, such as a value of search_path, as `SplitIdentifierString` of `src/backend/utils/adt/varlena.c` reads them;
 * undefined where PostgreSQL would call it invalid.
 *
 * INVARIANT: PostgreSQL reads the same names in it, or the session looks names up elsewhere than we think.
 */
export const splitIdentifiers = (text: string): readonly string[] | undefined => {
  if (UNCLEAR.test(text)) return undefined;
  if (BLANK.test(text)) return [];
  const names: string[] = [];
  ELEMENT.lastIndex = 0;
  for (;;) {
    const match = ELEMENT.exec(text);
    if (match === null) return undefined;
    const [, quoted, bare = '', separator] = match;
    names.push(truncated(quoted === undefined ? folded(bare) : quoted.replaceAll('""', '"')));
    if (separator === '') return names;
  }
};
