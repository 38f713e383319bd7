/**
 * Temporary relations are made as ordinary ones and dropped at the end of their file: the proxy knows no temporary relations, and what is
 * read from and written into them would not be compared.
 */
const NAME = String.raw`((?:[\w$\u0080-\uffff]+|"[^"]+")(?:\.(?:[\w$\u0080-\uffff]+|"[^"]+"))?)`;
const CREATE = new RegExp(
  String.raw`^(\s*CREATE\s+(?:OR\s+REPLACE\s+)?)(?:(?:LOCAL|GLOBAL)\s+)?TEMP(?:ORARY)?\s+((TABLE|(?:RECURSIVE\s+)?VIEW|SEQUENCE)\s+(?:IF\s+NOT\s+EXISTS\s+)?${NAME})`,
  'i',
);
const INTO = new RegExp(String.raw`(\bINTO\s+)TEMP(?:ORARY)?\s+(?:TABLE\s+)?${NAME}`, 'i');

/** The text, and how what it makes is dropped again. What only a temporary relation can have stays as it is. */
export const withoutTemporary = (text: string): { readonly text: string; readonly drop: string | undefined } => {
  if (/\bON\s+COMMIT\b|\bpg_temp\b/i.test(text)) return { text, drop: undefined };
  const created = CREATE.exec(text);
  if (created !== null) {
    const kind = (created[3] ?? '').replace(/RECURSIVE\s+/i, '').toUpperCase();
    return { text: text.replace(CREATE, '$1$2'), drop: `DROP ${kind} IF EXISTS ${created[4]} CASCADE` };
  }
  const into = /^\s*(?:SELECT|WITH|VALUES|EXPLAIN)\b/i.test(text) ? INTO.exec(text) : null;
  return into === null ? { text, drop: undefined } : { text: text.replace(INTO, '$1$2'), drop: `DROP TABLE IF EXISTS ${into[2]} CASCADE` };
};
