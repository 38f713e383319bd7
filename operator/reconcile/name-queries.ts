/**
 * What the database is asked about the names in policies.
 */
import { type ColumnType } from '../specs/mask-fit.ts';
import { type DatabaseNames, expressionKey, nameKey, type WantedNames } from '../specs/policy-names.ts';
import { quotedIdentifier, quotedLiteral, quotedName } from '../specs/sql-names.ts';
import { type AskDatabase, isRefusal } from './database-session.ts';

const RELATIONS = `
WITH RECURSIVE wanted AS (SELECT * FROM unnest($1::text[], $2::text[]) AS w (schema, name)),
columns AS (
  SELECT w.schema, w.name, a.attname::text AS column, a.attnum, a.atttypid AS type, a.atttypmod AS modifier, 0 AS depth
  FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
  UNION ALL
  SELECT d.schema, d.name, d.column, d.attnum, t.typbasetype, t.typtypmod, d.depth + 1
  FROM columns d JOIN pg_type t ON t.oid = d.type WHERE t.typtype = 'd'
)
SELECT DISTINCT ON (d.schema, d.name, d.attnum) d.schema, d.name, d.column, t.typname::text AS type, n.nspname::text AS type_schema,
  t.typcategory::text AS category, format_type(d.type, d.modifier) AS written
FROM columns d LEFT JOIN pg_type t ON t.oid = d.type LEFT JOIN pg_namespace n ON n.oid = t.typnamespace
ORDER BY d.schema, d.name, d.attnum, d.depth DESC`;

type ColumnRow = {
  readonly schema: string;
  readonly name: string;
  readonly column: string | null;
  readonly type: string;
  readonly type_schema: string;
  readonly category: string;
  readonly written: string;
};

const FUNCTIONS = `SELECT DISTINCT n.nspname::text AS schema, p.proname::text AS name
FROM unnest($1::text[], $2::text[]) AS w (schema, name) JOIN pg_namespace n ON n.nspname = w.schema
JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = w.name`;

/** In search of the nearest name. */
const MOST_COMPARED = 5_000;

const ALL_RELATIONS = `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT ${MOST_COMPARED}`;

const ALL_FUNCTIONS = `SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS name
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT ${MOST_COMPARED}`;

const LISTS = {
  schemas: 'SELECT nspname::text AS name FROM pg_namespace',
  extensions: 'SELECT extname::text AS name FROM pg_extension',
  settings: 'SELECT lower(name) AS name FROM pg_settings',
} as const;

/** What is kept of a list is compared with what policies name, and held in memory: whatever the server sends. */
const MOST_NAMES = 20_000;
const LONGEST_NAME = 300;
const LONGEST_SAYING = 500;

const namesOf = async (ask: AskDatabase, sql: string, most = MOST_NAMES): Promise<readonly string[]> =>
  (await ask<{ name: string | undefined }>(sql)).slice(0, most).map(({ name = '' }) => name.slice(0, LONGEST_NAME));

/** What PostgreSQL says to a statement that is prepared and never run; undefined where it takes it, or cannot say now. */
const saidOf = async (ask: AskDatabase, statement: string, number: number): Promise<string | undefined> => {
  try {
    await ask(`PREPARE pg_airlock_${number} AS ${statement}`);
    return undefined;
  } catch (error) {
    return isRefusal(error) ? error.message.slice(0, LONGEST_SAYING) : undefined;
  }
};

const askRelations = async (
  ask: AskDatabase,
  { relations }: WantedNames,
): Promise<ReadonlyMap<string, ReadonlyMap<string, ColumnType>>> => {
  const rows = await ask<ColumnRow>(RELATIONS, [relations.map(({ schema }) => schema), relations.map(({ name }) => name)]);
  const found = new Map<string, Map<string, ColumnType>>();
  const wanted = new Set(relations.map(nameKey));
  for (const { schema, name, column, type, type_schema: typeSchema, category, written } of rows) {
    const key = nameKey({ schema, name });
    if (!wanted.has(key)) continue;
    const columns = found.get(key) ?? new Map<string, ColumnType>();
    found.set(key, columns);
    if (column !== null) columns.set(column, { name: type, schema: typeSchema, category, written });
  }
  return found;
};

const askBroken = async (
  ask: AskDatabase,
  wanted: WantedNames,
  relations: ReadonlyMap<string, ReadonlyMap<string, ColumnType>>,
): Promise<ReadonlyMap<string, string>> => {
  const broken = new Map<string, string>();
  let number = 0;
  for (const { relation, sql, column } of wanted.expressions) {
    const columns = relations.get(nameKey(relation));
    const type = column === undefined ? undefined : columns?.get(column);
    if (columns === undefined || (column !== undefined && type === undefined)) continue;
    // A line break ends a comment that the expression may end in; what closes the parenthesis early is one statement still, or none.
    const value = type === undefined ? `WHERE (${sql}\n)` : '';
    const shown = type === undefined ? '1' : `(${sql}\n)::${type.written}`;
    const said = await saidOf(ask, `SELECT ${shown} FROM ${quotedName(relation)} ${value}`, ++number);
    if (said !== undefined) broken.set(expressionKey(relation, column, sql), said);
  }
  for (const { relation, column, value } of wanted.constants) {
    const type = relations.get(nameKey(relation))?.get(column);
    if (type === undefined) continue;
    const said = await saidOf(ask, `SELECT ${quotedLiteral(value)}::${type.written} AS ${quotedIdentifier(column)}`, ++number);
    if (said !== undefined) broken.set(expressionKey(relation, column, value), said);
  }
  return broken;
};

/** Asks for all that policies of the database name. */
export const askNames = async (ask: AskDatabase, wanted: WantedNames): Promise<DatabaseNames> => {
  const relations = await askRelations(ask, wanted);
  const functionRows = await ask<{ schema: string; name: string }>(FUNCTIONS, [
    wanted.functions.map(({ schema }) => schema),
    wanted.functions.map(({ name }) => name),
  ]);
  const functions = new Set(functionRows.map(nameKey));
  const listed = async (list: keyof typeof LISTS): Promise<readonly string[]> =>
    wanted.lists.has(list) ? await namesOf(ask, LISTS[list]) : [];
  const lacks = wanted.relations.some((name) => !relations.has(nameKey(name)));
  return {
    relations,
    functions,
    otherRelations: lacks ? await namesOf(ask, ALL_RELATIONS, MOST_COMPARED) : [],
    otherFunctions: wanted.functions.some((name) => !functions.has(nameKey(name))) ? await namesOf(ask, ALL_FUNCTIONS, MOST_COMPARED) : [],
    schemas: new Set(await listed('schemas')),
    extensions: await listed('extensions'),
    settings: await listed('settings'),
    broken: await askBroken(ask, wanted, relations),
  };
};
