/** What the programs beside this one share: each step's result is one line of JSON. */
import { readFileSync } from 'node:fs';

/** The version of a package as it is installed. */
export const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

/** The value with its type where JSON has none for it. */
const plain = (value) => {
  if (typeof value === 'bigint') return `bigint:${value}`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `number:${value}`;
  if (value instanceof Date) return `Date:${Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString()}`;
  if (ArrayBuffer.isView(value)) return `bytes:${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.toJSON === 'function') return plain(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
};

const print = (line) => console.log(JSON.stringify(line));

/** Runs the steps, in the order in which they are written: functions, or a sentence why there is no such step. */
export const session = async (client, version, steps) => {
  print({ client, version });
  for (const [step, run] of Object.entries(steps)) {
    if (typeof run === 'string') print({ step, none: run });
    else
      await run().then(
        (result) => print({ step, result: plain(result) }),
        (error) => print({ step, error: error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : JSON.stringify(error) }),
      );
  }
};

/** The error of the driver, however it is wrapped. */
const innermost = (error) => {
  let inner = error;
  for (;;) {
    const next = inner.driverError ?? inner.original ?? inner.cause;
    if (next === undefined || next === inner) return inner;
    inner = next;
  }
};

/** The SQLSTATE that it fails with, `none` where it does not fail. */
export const sqlstateOf = (promise) =>
  promise.then(
    () => 'none',
    (error) => innermost(error).code ?? String(error),
  );

/** The result of the step `refused`: what the client is told, and that its session goes on. */
export const refusal = async (read, one) => {
  const told = await read().then(
    () => ({ sqlstate: 'none' }),
    (error) => {
      const { code, message, hint } = innermost(error);
      return { sqlstate: code ?? String(error), message, hint: hint ?? null };
    },
  );
  return { ...told, after: await one() };
};

/** What agents and tools ask the catalogs, whatever the driver. */
export const CATALOG_QUERIES = [
  "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema IN ('public', 'sales') ORDER BY 1, 2",
  `SELECT column_name, data_type, udt_name, is_nullable, column_default, character_maximum_length FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = 'customers' ORDER BY ordinal_position`,
  `SELECT tc.constraint_type, kcu.column_name, ccu.table_name AS refers_to FROM information_schema.table_constraints tc
    JOIN information_schema.key_column_usage kcu USING (constraint_schema, constraint_name, table_name)
    JOIN information_schema.constraint_column_usage ccu USING (constraint_schema, constraint_name)
    WHERE tc.table_name = 'orders' ORDER BY 1, 2`,
  `SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS "default"
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'public.orders'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
  "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
  'SELECT t.typname, e.enumlabel FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid ORDER BY 1, e.enumsortorder',
  "SELECT obj_description('customers'::regclass) AS comment, col_description('customers'::regclass, 4) AS city",
];
