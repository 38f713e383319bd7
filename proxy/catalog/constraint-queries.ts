/**
 * What is asked of the server to know which constraints can tell of rows and columns, as rows of `ConstraintRow`.
 */

export type ConstraintRow = {
  /** Of the relation whose writes it meets. */
  oid: string;
  name: string;
  type: 'Unique' | 'Exclusion' | 'Check' | 'ForeignKey' | 'Referenced' | 'Computed';
  /** JSON. */
  columns: string;
  compared: string | null;
  expression: string | null;
  other: string | null;
  other_columns: string | null;
  deletes: boolean | null;
  updates: boolean | null;
};

const USER_RELATION = (oid: string): string => `${oid} >= 16384`;

/** Columns of `relation` for which `condition` on `a` holds, as JSON. */
const columnsWhere = (relation: string, condition: string): string =>
  `(SELECT COALESCE(pg_catalog.json_agg(a.attname ORDER BY a.attnum), '[]')::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ${relation} AND a.attnum > 0 AND NOT a.attisdropped AND (${condition}))`;

const DEPENDS = `EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid
  AND d.refobjsubid = a.attnum AND ((d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid)
    OR (d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid)))`;

/** Places of the key whose operator is not equality; without operators there is none. */
const COMPARED_KEYS = `SELECT i.indkey[n - 1] FROM pg_catalog.generate_series(1, pg_catalog.array_length(k.conexclop, 1)) n
  JOIN pg_catalog.pg_operator o ON o.oid = k.conexclop[n] WHERE o.oprname <> '='`;

/** Types that what is computed does not have to be made to fit into. */
const ROOMY = `'text'::regtype, 'bool'::regtype, 'int4'::regtype, 'int8'::regtype, 'tsvector'::regtype`;

/** What is computed when a row is written: a virtual column only where it must not be NULL. */
const COMPUTED = `
  SELECT x.adrelid AS relation, a.attname AS name, pg_catalog.pg_get_expr(x.adbin, x.adrelid)
    || CASE WHEN a.atttypid IN (${ROOMY}) OR (a.atttypid = 'varchar'::regtype AND a.atttypmod < 0) THEN '' ELSE '::' || pg_catalog.format_type(a.atttypid, a.atttypmod) END AS expression
  FROM pg_catalog.pg_attrdef x JOIN pg_catalog.pg_attribute a ON a.attrelid = x.adrelid AND a.attnum = x.adnum
  WHERE a.attgenerated = 's' OR (a.attgenerated = 'v' AND a.attnotnull)
  UNION ALL SELECT i.indrelid, c.relname, pg_catalog.concat_ws(', ', pg_catalog.pg_get_expr(i.indexprs, i.indrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid))
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
  UNION ALL SELECT p.partrelid, c.relname, pg_catalog.pg_get_expr(p.partexprs, p.partrelid)
  FROM pg_catalog.pg_partitioned_table p JOIN pg_catalog.pg_class c ON c.oid = p.partrelid WHERE p.partexprs IS NOT NULL`;

export const CONSTRAINTS_SQL = `
SELECT i.indrelid::int8::text AS oid, c.relname::text AS name, CASE WHEN i.indisexclusion THEN 'Exclusion' ELSE 'Unique' END AS type,
  ${columnsWhere('i.indrelid', `a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) OR ((i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND ${DEPENDS})`)} AS columns,
  ${columnsWhere('i.indrelid', `a.attnum IN (${COMPARED_KEYS}) OR (0 IN (${COMPARED_KEYS}) AND ${DEPENDS})`)} AS compared,
  NULL::text AS expression, NULL::text AS other, NULL::text AS other_columns, NULL::bool AS deletes, NULL::bool AS updates
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
WHERE (i.indisunique OR i.indisexclusion) AND ${USER_RELATION('i.indrelid')}
UNION ALL SELECT k.conrelid::int8::text, k.conname::text, 'Check', ${columnsWhere('k.conrelid', 'a.attnum = ANY (k.conkey) OR 0 = ANY (k.conkey)')}, NULL,
  pg_catalog.pg_get_expr(k.conbin, k.conrelid), NULL, NULL, NULL, NULL
FROM pg_catalog.pg_constraint k WHERE k.contype = 'c' AND k.conrelid <> 0 AND ${USER_RELATION('k.conrelid')}
UNION ALL SELECT k.conrelid::int8::text, k.conname::text, 'ForeignKey', ${columnsWhere('k.conrelid', 'a.attnum = ANY (k.conkey)')}, NULL,
  NULL, k.confrelid::int8::text, ${columnsWhere('k.confrelid', 'a.attnum = ANY (k.confkey)')}, NULL, NULL
FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND ${USER_RELATION('k.conrelid')}
UNION ALL SELECT k.confrelid::int8::text, k.conname::text, 'Referenced', ${columnsWhere('k.confrelid', 'a.attnum = ANY (k.confkey)')}, NULL,
  NULL, k.conrelid::int8::text, ${columnsWhere('k.conrelid', 'a.attnum = ANY (k.conkey)')}, k.confdeltype IN ('a', 'r'), k.confupdtype IN ('a', 'r')
FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND ${USER_RELATION('k.conrelid')}
UNION ALL SELECT e.relation::int8::text, e.name::text, 'Computed', '[]', NULL, e.expression, NULL, NULL, NULL, NULL
FROM (${COMPUTED}) AS e WHERE ${USER_RELATION('e.relation')} AND e.expression IS NOT NULL`;
