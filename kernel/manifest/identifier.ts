/**
 * Names as SQL writes them: PostgreSQL's identifier syntax (`identifier` in src/backend/parser/scan.l).
 */
import type { QualifiedName } from '../policy.ts';

/** `folded`: it was written with capitals outside quotes, which PostgreSQL reads as small letters. */
export type ParsedName<Name> =
  | { readonly type: 'Name'; readonly name: Name; readonly folded: boolean }
  | { readonly type: 'Invalid'; readonly message: string; readonly remedy: string };

/** NAMEDATALEN - 1. */
const MAX_BYTES = 63;

const UNQUOTED = /[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_$\u0080-\u{10ffff}]*/uy;
const QUOTED = /"(?:[^"\0]|"")+"/uy;

type Part = { readonly name: string; readonly folded: boolean; readonly end: number };

/** One identifier at an offset. Only ASCII letters are folded, as PostgreSQL does in UTF-8 databases. */
const partAt = (text: string, offset: number): Part | undefined => {
  const quoted = text.charAt(offset) === '"';
  const pattern = quoted ? QUOTED : UNQUOTED;
  pattern.lastIndex = offset;
  const raw = pattern.exec(text)?.[0];
  if (raw === undefined) return undefined;
  const name = quoted ? raw.slice(1, -1).replaceAll('""', '"') : raw.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
  return { name, folded: !quoted && name !== raw, end: offset + raw.length };
};

const partsOf = (text: string): readonly Part[] | undefined => {
  const parts: Part[] = [];
  let offset = 0;
  for (;;) {
    const part = partAt(text, offset);
    if (part === undefined) return undefined;
    parts.push(part);
    if (part.end === text.length) return parts;
    if (text.charAt(part.end) !== '.') return undefined;
    offset = part.end + 1;
  }
};

const invalid = (message: string, remedy: string): { readonly type: 'Invalid'; readonly message: string; readonly remedy: string } => ({
  type: 'Invalid',
  message,
  remedy,
});

const malformed = (text: string): ReturnType<typeof invalid> =>
  invalid(
    `${JSON.stringify(text)} is not a name in SQL`,
    'Put a part with capitals, spaces or other signs in double quotes, and double a quote within it.',
  );

/** What a name of so many parts looks like. */
const FORMS = {
  1: ['has several parts', 'Name it alone, as in customers.'],
  2: ['is not of the form schema.name', 'Name the schema, a dot and the name, as in public.customers.'],
  3: ['is not of the form schema.relation.column', 'Name the schema, the relation and the column, as in public.customers.email.'],
} as const;

const parse = (text: string, count: 1 | 2 | 3): readonly Part[] | ReturnType<typeof invalid> => {
  const parts = partsOf(text);
  if (parts === undefined) return malformed(text);
  if (parts.length !== count) {
    const [message, remedy] = FORMS[count];
    return invalid(`${JSON.stringify(text)} ${message}`, remedy);
  }
  const long = parts.find(({ name }) => new TextEncoder().encode(name).length > MAX_BYTES);
  return long === undefined
    ? parts
    : invalid(`the name ${JSON.stringify(long.name)} is longer than ${MAX_BYTES} bytes`, 'PostgreSQL has no such names: correct it.');
};

/** A name of one part, such as a column's. */
export const parseIdentifier = (text: string): ParsedName<string> => {
  const parts = parse(text, 1);
  if ('type' in parts) return parts;
  const [part] = parts;
  return part === undefined ? malformed(text) : { type: 'Name', name: part.name, folded: part.folded };
};

/** A name of the form `schema.name`. */
export const parseQualifiedName = (text: string): ParsedName<QualifiedName> => {
  const parts = parse(text, 2);
  if ('type' in parts) return parts;
  const [schema, name] = parts;
  if (schema === undefined || name === undefined) return malformed(text);
  return { type: 'Name', name: { schema: schema.name, name: name.name }, folded: schema.folded || name.folded };
};

/** A name of the form `schema.relation.column`. */
export const parseColumnName = (text: string): ParsedName<{ readonly relation: QualifiedName; readonly column: string }> => {
  const parts = parse(text, 3);
  if ('type' in parts) return parts;
  const [schema, name, column] = parts;
  if (schema === undefined || name === undefined || column === undefined) return malformed(text);
  return {
    type: 'Name',
    name: { relation: { schema: schema.name, name: name.name }, column: column.name },
    folded: parts.some(({ folded }) => folded),
  };
};
