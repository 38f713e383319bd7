/**
 * What pgAdmin and DBeaver ask the catalogs, as far as their sources tell, in our own words.
 */

/** `$1`: the schema's oid, `$2`: a table's. */
export const PGADMIN: readonly string[] = [
  "SELECT set_config('bytea_output', 'hex', false) FROM pg_catalog.pg_show_all_settings() WHERE name = 'bytea_output'",
  "SELECT setting FROM pg_show_all_settings() WHERE name = 'log_destination'",
  `SELECT d.oid, d.datname, pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datallowconn, pg_catalog.has_database_privilege(d.oid, 'CREATE') AS cancreate,
    (SELECT a.rolname FROM pg_catalog.pg_roles a WHERE a.oid = d.datdba) AS owner, pg_catalog.shobj_description(d.oid, 'pg_database') AS description
    FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_tablespace t ON d.dattablespace = t.oid ORDER BY d.datname`,
  `SELECT r.rolname, r.rolcanlogin, ARRAY(SELECT (CASE WHEN m.admin_option THEN '1' ELSE '0' END) || r2.rolname FROM pg_catalog.pg_auth_members m
    JOIN pg_catalog.pg_roles r2 ON m.roleid = r2.oid WHERE m.member = r.oid ORDER BY r2.rolname) AS rolmembership, r.rolconfig
    FROM pg_catalog.pg_roles r ORDER BY 1`,
  'SELECT count(*) FROM pg_catalog.pg_stat_replication',
  'SELECT count(*) FROM pg_catalog.pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())',
  "SELECT split_part(conf.v, '=', 1) AS name FROM (SELECT unnest(s.setconfig) AS v FROM pg_catalog.pg_db_role_setting s) conf",
  `SELECT rel.oid, rel.relname, rel.relkind, pg_catalog.obj_description(rel.oid, 'pg_class') AS comment, am.amname,
    (SELECT st.setting FROM pg_catalog.pg_show_all_settings() st WHERE st.name = 'default_table_access_method') AS default_amname,
    (SELECT count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = rel.oid AND NOT t.tgisinternal) AS triggercount,
    pg_catalog.pg_get_partkeydef(rel.oid) AS partitions, substring(pg_catalog.array_to_string(rel.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor
    FROM pg_catalog.pg_class rel LEFT JOIN pg_catalog.pg_am am ON am.oid = rel.relam WHERE rel.relkind IN ('r', 's', 't', 'p') AND rel.relnamespace = $1::oid
    AND NOT rel.relispartition ORDER BY rel.relname`,
  `SELECT a.attname, pg_catalog.format_type(t.oid, a.atttypmod) AS type, pg_catalog.col_description(a.attrelid, a.attnum) AS description,
    pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS defval, a.attidentity, seq.seqstart, cl.collname
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_attrdef def ON def.adrelid = a.attrelid AND def.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_depend dep ON dep.refobjid = a.attrelid AND dep.refobjsubid = a.attnum AND dep.deptype = 'i'
    LEFT JOIN pg_catalog.pg_sequence seq ON seq.seqrelid = dep.objid LEFT JOIN pg_catalog.pg_collation cl ON cl.oid = a.attcollation
    WHERE a.attrelid = $2::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
  `SELECT c.oid, c.relname, pg_catalog.pg_get_viewdef(c.oid, true) AS definition, pg_catalog.array_to_string(c.relacl::text[], ', ') AS acl
    FROM pg_catalog.pg_class c WHERE c.relkind = 'v' AND c.relnamespace = $1::oid ORDER BY 2`,
  `SELECT pr.oid, pr.proname, lanname, pg_catalog.pg_get_function_identity_arguments(pr.oid) AS args, pg_catalog.pg_get_functiondef(pr.oid) AS sql, prosrc,
    pg_catalog.pg_get_function_sqlbody(pr.oid) AS body FROM pg_catalog.pg_proc pr JOIN pg_catalog.pg_language l ON l.oid = prolang WHERE pr.prokind = 'f' AND pronamespace = $1::oid`,
  `SELECT rw.oid, rw.rulename, pg_catalog.pg_get_ruledef(rw.oid) AS definition FROM pg_catalog.pg_rewrite rw WHERE rw.ev_class = $2::oid ORDER BY 2`,
  'SELECT spcname, pg_catalog.pg_tablespace_location(oid) AS spclocation, pg_catalog.pg_get_userbyid(spcowner) FROM pg_catalog.pg_tablespace ORDER BY 1',
  "SELECT pid, datname, usename, state, pg_catalog.pg_blocking_pids(pid) AS blocking_pids FROM pg_catalog.pg_stat_activity WHERE backend_type = 'nobody'",
  `SELECT indexrelid, pg_catalog.pg_get_indexdef(indexrelid, 0, true), pg_catalog.pg_get_expr(indpred, indrelid, true) FROM pg_catalog.pg_index
    WHERE indrelid = $2::oid ORDER BY 1`,
];

export const DBEAVER: readonly string[] = [
  'SELECT current_schema(), session_user',
  'SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate OR db.datname = current_database() ORDER BY db.datname',
  'SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 ORDER BY nspname',
  "SELECT t.oid, t.*, c.relkind, pg_catalog.format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base, d.description FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') ORDER BY t.oid",
  "SELECT c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr, pg_catalog.pg_get_partkeydef(c.oid) AS partition_key FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass WHERE c.relnamespace = $1::oid AND c.relkind NOT IN ('i', 'I', 'c') ORDER BY c.oid",
  "SELECT c.relname, a.attname, a.attnum, a.attmissingval, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON a.attrelid = c.oid LEFT JOIN pg_catalog.pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum LEFT JOIN pg_catalog.pg_description dsc ON c.oid = dsc.objoid AND a.attnum = dsc.objsubid LEFT JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid WHERE NOT a.attisdropped AND c.oid = $2::oid ORDER BY a.attnum",
  'SELECT c.oid, c.*, t.relname AS tabrelname, rt.relnamespace AS refnamespace, d.description, pg_catalog.pg_get_constraintdef(c.oid, true) AS definition FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class t ON t.oid = c.conrelid LEFT JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid WHERE t.relnamespace = $1::oid ORDER BY c.oid',
  'SELECT i.*, i.indkey AS keys, c.relname, c.relam, tc.relname AS tabrelname, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred, pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr, pg_catalog.pg_relation_size(i.indexrelid) > 0 AS has_size FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid WHERE i.indrelid = $2::oid ORDER BY tabrelname, c.relname',
  'SELECT p.oid AS poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) AS arg_defaults FROM pg_catalog.pg_proc p WHERE p.pronamespace = $1::oid ORDER BY p.proname',
  'SELECT r.oid, r.*, pg_get_ruledef(r.oid) AS definition FROM pg_rewrite r WHERE r.ev_class = $2::oid',
  'SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c WHERE i.inhrelid = $2::oid AND c.oid = i.inhparent ORDER BY i.inhseqno',
  'SELECT s.setconfig, pd.datname FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_database pd ON s.setdatabase = pd.oid ORDER BY 2',
  'SELECT * FROM pg_catalog.pg_sequences ORDER BY 1, 2',
  'SELECT e.oid, e.*, (SELECT array_agg(oid) FROM pg_class WHERE oid = ANY (e.extconfig)) FROM pg_catalog.pg_extension e',
  'SELECT * FROM pg_catalog.pg_settings ORDER BY name',
  'SELECT name, setting, current_setting(name) FROM pg_settings s ORDER BY 1',
  'SELECT a.*, t.oid, t.spcname, pg_catalog.pg_tablespace_location(t.oid) AS loc FROM pg_catalog.pg_tablespace t JOIN pg_catalog.pg_roles a ON a.oid = t.spcowner',
  'SELECT pg_catalog.pg_get_functiondef($2::oid) WHERE $1::oid IS NULL',
  "SELECT * FROM pg_catalog.pg_policies WHERE schemaname = 'public' AND tablename = 'customers'",
  'SELECT * FROM information_schema.table_privileges WHERE table_catalog = current_database() ORDER BY 1, 2, 3, 4, 5, 6',
];
