/**
 * Reads a `Catalog` from the server. Its queries run with `search_path` empty, so that names and types come out qualified.
 */
import { createHash } from 'node:crypto';
import {
  type Catalog,
  type CatalogColumn,
  type CatalogFunction,
  type CatalogOperator,
  type CatalogRelation,
  relationKey,
} from './catalog.ts';

/** Runs one query under the proxy's role, rows as objects. */
export type CatalogQuery = <Row extends object>(sql: string) => Promise<readonly Row[]>;

const USER_SCHEMA = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`;

/** Cheap enough to run often: changes when a relation, column, function, operator, view or inheritance does. */
export const FINGERPRINT_SQL = `
SELECT pg_catalog.md5(all_of_it) AS fingerprint FROM (SELECT COALESCE(pg_catalog.string_agg(x, ',' ORDER BY x), '') AS all_of_it FROM (
  SELECT 'c' || c.oid || ':' || c.xmin AS x FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r','v','m','p','f') AND ${USER_SCHEMA}
  UNION ALL SELECT 'a' || a.attrelid || '.' || a.attnum || ':' || a.xmin FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND c.relkind IN ('r','v','m','p','f') AND ${USER_SCHEMA}
  UNION ALL SELECT 'p' || p.oid || ':' || p.xmin FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'o' || o.oid || ':' || o.xmin FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'n' || n.oid || ':' || n.xmin FROM pg_catalog.pg_namespace n WHERE ${USER_SCHEMA}
  UNION ALL SELECT 'i' || i.inhrelid || '.' || i.inhparent FROM pg_catalog.pg_inherits i
  UNION ALL SELECT 'r' || r.oid || ':' || r.xmin FROM pg_catalog.pg_rewrite r WHERE r.oid >= 16384
  UNION ALL SELECT 'k' || k.oid || ':' || k.xmin FROM pg_catalog.pg_constraint k WHERE k.contype IN ('p')
  UNION ALL SELECT 'e' || e.oid || ':' || e.xmin FROM pg_catalog.pg_extension e
  UNION ALL SELECT 's' || s.setdatabase || '.' || s.setrole || ':' || s.xmin FROM pg_catalog.pg_db_role_setting s
) AS parts) AS whole`;

const SESSION_SQL = `
SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS major, pg_catalog.current_database() AS database,
       session_user::text AS role, pg_catalog.array_to_json(pg_catalog.current_schemas(false))::text AS path`;

const COLUMNS_SQL = `
SELECT c.oid::int8::text AS oid, n.nspname AS schema, c.relname AS relation, c.relkind::text AS kind, a.attname AS column,
       a.attnotnull AS not_null, a.atttypid::int8::text AS type, pg_catalog.format_type(a.atttypid, a.atttypmod) AS formatted, a.atttypmod AS typmod,
       CASE WHEN a.attcollation NOT IN (0, 100) THEN (SELECT pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
         FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END AS collation
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r','v','m','p','f','S') AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY c.oid, a.attnum`;

const TYPES_SQL = `
SELECT t.oid::int8::text AS oid, n.nspname AS schema, t.typname AS name, t.typtype::text AS kind, t.typcategory::text AS category,
       t.typbasetype::int8::text AS base, pg_catalog.format_type(t.typbasetype, t.typtypmod) AS base_formatted, t.typtypmod AS base_typmod,
       (SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1) AS label
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`;

const KEYS_SQL = `
SELECT k.conrelid::int8::text AS oid, a.attname AS column FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) WHERE k.contype = 'p'`;

/** Both ways for inheritance: a parent shows its children's rows, and a child's rows stand in the parent. */
const REACHES_SQL = `
SELECT inhrelid::int8::text AS oid, inhparent::int8::text AS target FROM pg_catalog.pg_inherits
UNION SELECT inhparent::int8::text, inhrelid::int8::text FROM pg_catalog.pg_inherits
UNION SELECT r.ev_class::int8::text, d.refobjid::int8::text FROM pg_catalog.pg_rewrite r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class`;

const EXTENSION_OF = (table: string, oid: string): string =>
  `(SELECT x.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.${table}'::regclass AND d.objid = ${oid} AND d.deptype = 'e' LIMIT 1)`;

const FUNCTIONS_SQL = `
SELECT n.nspname AS schema, p.proname AS name, pg_catalog.bool_or(p.pronargs - p.pronargdefaults <= 1 AND (p.pronargs >= 1 OR p.provariadic <> 0)) AS unary,
       ${EXTENSION_OF('pg_proc', 'p.oid')} AS extension
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' GROUP BY 1, 2, 4`;

const BUILTINS_SQL = `
SELECT DISTINCT p.proname AS name FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace`;

const OPERATORS_SQL = `
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

const SCHEMAS_SQL = `SELECT nspname AS name FROM pg_catalog.pg_namespace`;

type ColumnRow = {
  oid: string;
  schema: string;
  relation: string;
  kind: string;
  column: string | null;
  not_null: boolean | null;
  type: string | null;
  formatted: string | null;
  typmod: number | null;
  collation: string | null;
};
type TypeRow = {
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
type FunctionRow = { schema: string; name: string; unary: boolean; extension: string | null };
type OperatorRow = {
  schema: string;
  name: string;
  function_schema: string;
  function: string;
  extension: string | null;
  left_type: string | null;
  right_type: string | null;
  operands: number;
};

const groupBy = <Row, Value>(rows: readonly Row[], key: (row: Row) => string, value: (row: Row) => Value): Map<string, Value[]> => {
  const groups = new Map<string, Value[]>();
  for (const row of rows) {
    const list = groups.get(key(row));
    if (list === undefined) groups.set(key(row), [value(row)]);
    else list.push(value(row));
  }
  return groups;
};

const columnOf = (row: ColumnRow, types: ReadonlyMap<string, TypeRow>): CatalogColumn => {
  let type = types.get(row.type ?? '');
  let castTo = row.formatted ?? 'text';
  let typmod = row.typmod ?? -1;
  while (type?.kind === 'd') {
    castTo = type.base_formatted;
    typmod = type.base_typmod;
    type = types.get(type.base);
  }
  const sized = type?.schema === 'pg_catalog' && (type.name === 'varchar' || type.name === 'bpchar') && typmod > 4;
  return {
    name: row.column ?? '',
    notNull: row.not_null === true,
    baseType: type?.name ?? 'unknown',
    baseTypeSchema: type?.schema ?? 'pg_catalog',
    castTo,
    category: type?.category ?? 'X',
    length: sized ? typmod - 4 : undefined,
    collation: row.collation ?? undefined,
    firstLabel: type?.label ?? undefined,
  };
};

/** Reads the whole catalog. `defaults` runs in a session with the role's own search_path. */
export const loadCatalog = async (query: CatalogQuery, defaults: CatalogQuery): Promise<Catalog> => {
  const [fingerprint] = await query<{ fingerprint: string }>(FINGERPRINT_SQL);
  const [session] = await defaults<{ major: number; database: string; role: string; path: string }>(SESSION_SQL);
  if (fingerprint === undefined || session === undefined) throw new Error('the server gave no answer to a catalog query');
  const columnRows = await query<ColumnRow>(COLUMNS_SQL);
  const types = new Map((await query<TypeRow>(TYPES_SQL)).map((row) => [row.oid, row]));
  const keys = groupBy(await query<{ oid: string; column: string }>(KEYS_SQL), (row) => row.oid, (row) => row.column);
  const reaches = groupBy(await query<{ oid: string; target: string }>(REACHES_SQL), (row) => row.oid, (row) => Number(row.target));
  const functionRows = await query<FunctionRow>(FUNCTIONS_SQL);
  const builtinRows = await query<{ name: string }>(BUILTINS_SQL);
  const operatorRows = await query<OperatorRow>(OPERATORS_SQL);
  const schemaRows = await query<{ name: string }>(SCHEMAS_SQL);

  const relations = new Map<string, CatalogRelation>();
  const relationsByOid = new Map<number, CatalogRelation>();
  const columnTypes = new Map<number, readonly string[]>();
  for (const [oid, rows] of groupBy(columnRows, (row) => row.oid, (row) => row)) {
    const first = rows[0]!;
    const columns = rows.filter((row) => row.column !== null).map((row) => columnOf(row, types));
    const relation: CatalogRelation = {
      oid: Number(oid),
      schema: first.schema,
      name: first.relation,
      kind: first.kind,
      columns,
      primaryKey: keys.get(oid) ?? [],
      reaches: reaches.get(oid) ?? [],
    };
    relations.set(relationKey(relation.schema, relation.name), relation);
    relationsByOid.set(relation.oid, relation);
    const own = rows.map((row) => types.get(row.type ?? '')).filter((type) => type !== undefined && type.schema !== 'pg_catalog');
    if (own.length > 0) columnTypes.set(relation.oid, own.map((type) => `${type!.schema}.${type!.name}`));
  }
  const path = JSON.parse(session.path) as readonly string[];
  const content = JSON.stringify([fingerprint.fingerprint, session, columnRows.length]);
  return {
    version: createHash('sha256').update(content).digest('hex').slice(0, 16),
    serverMajor: session.major,
    database: session.database,
    role: session.role,
    defaultSearchPath: path,
    schemas: new Set(schemaRows.map((row) => row.name)),
    relations,
    relationsByOid,
    columnTypes,
    builtinTypes: new Set([...types.values()].filter((type) => type.schema === 'pg_catalog').map((type) => type.name)),
    builtinFunctions: new Set(builtinRows.map((row) => row.name)),
    functions: groupBy(
      functionRows,
      (row) => row.name,
      (row): CatalogFunction => ({ ...row, extension: row.extension ?? undefined }),
    ),
    operators: groupBy(
      operatorRows,
      (row) => row.name,
      (row): CatalogOperator => ({
        schema: row.schema,
        name: row.name,
        extension: row.extension ?? undefined,
        function: { schema: row.function_schema, name: row.function },
        operandTypes: [row.left_type, row.right_type].filter((type) => type !== null),
        operands: row.operands,
      }),
    ),
  };
};
