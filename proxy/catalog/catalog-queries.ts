/**
 * What is asked of the server to know its catalog, and the rows that come back. The queries run with `search_path` empty.
 */

const USER_SCHEMA = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`;

/**
 * Cheap enough to run often: changes when a relation, column, function, operator, view or inheritance does. `settings`: when what a new session
 * starts with does.
 */
export const FINGERPRINT_SQL = `
SELECT pg_catalog.md5(all_of_it) AS fingerprint, (SELECT COALESCE(pg_catalog.string_agg(s.setdatabase || '.' || s.setrole || ':' || s.xmin, ','
  ORDER BY s.setdatabase, s.setrole), '') FROM pg_catalog.pg_db_role_setting s) AS settings FROM (SELECT COALESCE(pg_catalog.string_agg(x, ',' ORDER BY x), '') AS all_of_it FROM (
  SELECT 'c' || c.oid || ':' || c.xmin AS x FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r','v','m','p','f','S','i','I') AND ${USER_SCHEMA}
  UNION ALL SELECT 'a' || a.attrelid || '.' || a.attnum || ':' || a.xmin FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND c.relkind IN ('r','v','m','p','f') AND ${USER_SCHEMA}
  UNION ALL SELECT 'p' || p.oid || ':' || p.xmin FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'o' || o.oid || ':' || o.xmin FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'n' || n.oid || ':' || n.xmin FROM pg_catalog.pg_namespace n WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'i' || i.inhrelid || '.' || i.inhparent FROM pg_catalog.pg_inherits i
  UNION ALL SELECT 'y' || y.oid || ':' || y.xmin FROM pg_catalog.pg_policy y
  UNION ALL SELECT 'r' || r.oid || ':' || r.xmin FROM pg_catalog.pg_rewrite r WHERE r.oid >= 16384
  UNION ALL SELECT 'g' || g.oid || ':' || g.xmin FROM pg_catalog.pg_trigger g WHERE g.tgtype & 64 <> 0
  UNION ALL SELECT 'd' || d.oid || ':' || d.xmin FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attgenerated <> '' AND c.relpersistence <> 't'
  UNION ALL SELECT 'k' || k.oid || ':' || k.xmin FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
    WHERE (k.contype IN ('p', 'u', 'x', 'c', 'f') OR k.contypid <> 0) AND n.nspname !~ '^pg_temp'
  UNION ALL SELECT 'e' || e.oid || ':' || e.xmin FROM pg_catalog.pg_extension e
  UNION ALL SELECT 't' || t.oid || ':' || t.xmin FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'x' || x.oid || ':' || x.xmin FROM pg_catalog.pg_cast x WHERE x.oid >= 16384
  UNION ALL SELECT 's' || s.setdatabase || '.' || s.setrole || ':' || s.xmin FROM pg_catalog.pg_db_role_setting s
) AS parts) AS whole`;

export const SESSION_SQL = `
SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major, pg_catalog.current_database() AS database,
       session_user::text AS role, pg_catalog.getdatabaseencoding() AS encoding, pg_catalog.array_to_json(pg_catalog.current_schemas(false))::text AS path,
       -- The catalog's own session sets it.
       (SELECT reset_val OPERATOR(pg_catalog.=) 'on' FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'default_transaction_read_only') AS "readOnly"`;

export const COLUMNS_SQL = `
SELECT c.oid::int8::text AS oid, n.nspname AS schema, c.relname AS relation, c.relkind::text AS kind, a.attname AS column,
       a.attnotnull AS not_null, a.atttypid::int8::text AS type, pg_catalog.format_type(a.atttypid, a.atttypmod) AS formatted, a.atttypmod AS typmod,
       a.attgenerated = 'v' AS virtual, a.attnum AS number,
       CASE WHEN a.attcollation NOT IN (0, 100) THEN (SELECT pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
         FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END AS collation
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r','v','m','p','f','S') AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY c.oid, a.attnum`;

export const TYPES_SQL = `
SELECT t.oid::int8::text AS oid, n.nspname AS schema, t.typname AS name, t.typtype::text AS kind, t.typcategory::text AS category,
       t.typbasetype::int8::text AS base, pg_catalog.format_type(t.typbasetype, t.typtypmod) AS base_formatted, t.typtypmod AS base_typmod,
       (SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1) AS label
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^pg_temp'`;

const EXTENSION_OF = (table: string, oid: string): string =>
  `(SELECT x.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.${table}'::regclass AND d.objid = ${oid} AND d.deptype = 'e' LIMIT 1)`;

/** Types inside of types outside of pg_catalog: elements, attributes, bases, subtypes. */
export const PARTS_SQL = `
SELECT t.oid::int8::text AS oid, t.typelem::int8::text AS part FROM pg_catalog.pg_type t WHERE t.typelem <> 0
UNION SELECT t.oid::int8::text, t.typbasetype::int8::text FROM pg_catalog.pg_type t WHERE t.typbasetype <> 0
UNION SELECT t.oid::int8::text, a.atttypid::int8::text FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE ${USER_SCHEMA}
UNION SELECT g.rngtypid::int8::text, g.rngsubtype::int8::text FROM pg_catalog.pg_range g
UNION SELECT g.rngmultitypid::int8::text, g.rngtypid::int8::text FROM pg_catalog.pg_range g`;

/** Functions outside of pg_catalog that a cast to a type calls: those of casts, and those in the checks of domains. */
export const CONVERSIONS_SQL = `
SELECT DISTINCT c.target::int8::text AS target, c.source::int8::text AS source, n.nspname AS schema, p.proname AS name, ${EXTENSION_OF('pg_proc', 'p.oid')} AS extension
FROM (
  SELECT x.casttarget AS target, x.castsource AS source, x.castfunc AS function FROM pg_catalog.pg_cast x WHERE x.castfunc <> 0
  UNION SELECT k.contypid, 0::oid, d.refobjid FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
    WHERE k.contypid <> 0
  UNION SELECT k.contypid, 0::oid, o.oprcode FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid AND d.refclassid = 'pg_catalog.pg_operator'::regclass
    JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid WHERE k.contypid <> 0
) AS c JOIN pg_catalog.pg_proc p ON p.oid = c.function JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog'`;

export const KEYS_SQL = `
SELECT k.conrelid::int8::text AS oid, a.attname AS column FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) WHERE k.contype = 'p'`;

export const INDEXES_SQL = `
SELECT n.nspname AS schema, c.relname AS name, i.indrelid::int8::text AS table FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${USER_SCHEMA}`;

/** Both ways for inheritance: a parent shows its children's rows, and a child's rows stand in the parent. */
export const REACHES_SQL = `
SELECT inhrelid::int8::text AS oid, inhparent::int8::text AS target FROM pg_catalog.pg_inherits
UNION SELECT inhparent::int8::text, inhrelid::int8::text FROM pg_catalog.pg_inherits
UNION SELECT r.ev_class::int8::text, d.refobjid::int8::text FROM pg_catalog.pg_rewrite r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class`;

/** Views outside of PostgreSQL's own schemas, with what they show. */
export const DEFINITIONS_SQL = `
SELECT c.oid::int8::text AS oid, pg_catalog.pg_get_viewdef(c.oid) AS definition,
       (SELECT w.xmin::text FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename = '_RETURN') AS version
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND ${USER_SCHEMA}`;

/** Functions outside of PostgreSQL's own that a view's definition calls, whether it names them or an operator or cast does. */
export const VIEW_CALLS_SQL = `
SELECT DISTINCT r.ev_class::int8::text AS oid, n.nspname AS schema, p.proname AS name FROM (
  SELECT d.objid AS rule, d.refobjid AS function FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_proc'::regclass
  UNION SELECT d.objid, o.oprcode FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_operator'::regclass
) AS c JOIN pg_catalog.pg_rewrite r ON r.oid = c.rule AND r.rulename = '_RETURN' AND r.oid >= 16384
JOIN pg_catalog.pg_proc p ON p.oid = c.function JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace`;

/** Relations that make something else of what is written to them: by rules but for _RETURN, or by INSTEAD OF triggers (64 of \`tgtype\`). */
export const DIVERSIONS_SQL = `
SELECT r.ev_class::int8::text AS oid FROM pg_catalog.pg_rewrite r WHERE r.ev_type <> '1' AND r.oid >= 16384
UNION SELECT t.tgrelid::int8::text FROM pg_catalog.pg_trigger t WHERE t.tgtype & 64 <> 0`;

export const PARENTS_SQL = `SELECT i.inhrelid::int8::text AS oid, i.inhparent::int8::text AS parent FROM pg_catalog.pg_inherits i`;

/** Columns that a generated column's expression names. Up to version 14 the dependency is the column's own, then that of its default. */
export const MADE_OF_SQL = `
SELECT DISTINCT a.attrelid::int8::text AS oid, a.attname AS column, s.attname AS source FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid > 0
  AND d.refobjsubid <> a.attnum
  AND (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = x.oid
    OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum)
JOIN pg_catalog.pg_attribute s ON s.attrelid = a.attrelid AND s.attnum = d.refobjsubid
WHERE a.attgenerated <> ''`;

/** Relations that more than views and foreign keys falls with: row-level policies, functions, and columns of their row types. */
export const TIES_SQL = `
SELECT DISTINCT t.oid::int8::text AS oid FROM (
  SELECT d.refobjid AS oid FROM pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n'
    AND d.classid IN ('pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_proc'::regclass)
  UNION SELECT r.typrelid FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_type y ON y.oid = d.refobjid
    JOIN pg_catalog.pg_type r ON r.oid = CASE WHEN y.typrelid <> 0 THEN y.oid ELSE y.typelem END AND r.typrelid <> 0
    WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'n'
) AS t WHERE t.oid >= 16384`;

/** Pseudo-types that a row of no named type can be passed as. */
const ROW_TAKERS = ['record', 'any', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray']
  .map((type) => `'pg_catalog."${type}"'::regtype`)
  .join(', ');

export const FUNCTIONS_SQL = `
SELECT n.nspname AS schema, p.proname AS name, pg_catalog.bool_or(p.pronargs - p.pronargdefaults <= 1 AND (p.pronargs >= 1 OR p.provariadic <> 0)) AS unary,
       COALESCE(pg_catalog.bool_or(p.proargtypes[0] IN (${ROW_TAKERS}) OR p.provariadic IN (${ROW_TAKERS})), false) AS takes_row,
       pg_catalog.bool_or(p.proretset) AS returns_set, ${EXTENSION_OF('pg_proc', 'p.oid')} AS extension
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' GROUP BY 1, 2, 6`;

export const BUILTINS_SQL = `
SELECT DISTINCT p.proname AS name FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace`;

export const OPERATORS_SQL = `
SELECT n.nspname AS schema, o.oprname AS name, pn.nspname AS function_schema, p.proname AS function,
       ${EXTENSION_OF('pg_operator', 'o.oid')} AS extension,
       (SELECT tn.nspname || '.' || t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
         WHERE t.oid = o.oprleft AND tn.nspname <> 'pg_catalog') AS left_type,
       (SELECT tn.nspname || '.' || t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
         WHERE t.oid = o.oprright AND tn.nspname <> 'pg_catalog') AS right_type,
       CASE WHEN o.oprleft = 0 THEN 1 ELSE 2 END AS operands
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'`;

/** Comparisons that can neither fail nor tell, and the implicit casts that decide which comparison types without one get. */
export const LEAKPROOF_SQL = `
SELECT l.typname || ' ' || o.oprname || ' ' || r.typname AS operator
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
JOIN pg_catalog.pg_type l ON l.oid = o.oprleft JOIN pg_catalog.pg_type r ON r.oid = o.oprright
WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=') AND p.proleakproof`;

export const IMPLICIT_CASTS_SQL = `
SELECT s.typname AS source, pg_catalog.count(*)::int AS casts FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type s ON s.oid = c.castsource
WHERE c.castcontext = 'i' AND s.typnamespace = 'pg_catalog'::regnamespace AND s.typname IN ('int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'varchar')
GROUP BY 1`;

/** Bodies of functions, whose names are looked up when they run. */
export const BODIES_SQL = `
SELECT DISTINCT p.prosrc AS body FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE l.lanname NOT IN ('internal', 'c') AND p.prosrc <> '' AND ${USER_SCHEMA}`;

export const SCHEMAS_SQL = `SELECT nspname AS name FROM pg_catalog.pg_namespace`;

export type ColumnRow = {
  oid: string;
  schema: string;
  relation: string;
  kind: string;
  column: string | null;
  not_null: boolean | null;
  type: string | null;
  formatted: string | null;
  typmod: number | null;
  virtual: boolean | null;
  number: number | null;
  collation: string | null;
};
export type TypeRow = {
  oid: string;
  schema: string;
  name: string;
  kind: string;
  category: string;
  base: string;
  base_formatted: string;
  base_typmod: number;
  label: string | null;
};
export type FunctionRow = {
  schema: string;
  name: string;
  unary: boolean;
  takes_row: boolean;
  returns_set: boolean;
  extension: string | null;
};
export type OperatorRow = {
  schema: string;
  name: string;
  function_schema: string;
  function: string;
  extension: string | null;
  left_type: string | null;
  right_type: string | null;
  operands: number;
};

export type ConversionRow = { target: string; source: string; schema: string; name: string; extension: string | null };
