/**
 * What an agent sees of the relations of pg_catalog and information_schema in PostgreSQL 14 to 18: names, types, keys, indexes, comments,
 * defaults and counters, but no passwords, values, query texts, function bodies, view definitions, options or paths.
 */
import { listed } from './listed.ts';
import { HIDDEN_SETTINGS } from './setting-names.ts';

/**
 * `hide`: columns that are NULL of their type; one that a server's version does not have is passed over. `where`: a condition over the
 * relation's own columns, written so that no search_path changes its meaning.
 */
export type SystemRelation =
  | { readonly type: 'Open' }
  | { readonly type: 'Refused' }
  | { readonly type: 'Scoped'; readonly hide: readonly string[]; readonly where: string | undefined };

const OPEN_CATALOG = listed(`
  pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_auth_members pg_available_extension_versions pg_available_extensions pg_cast pg_class
  pg_collation pg_constraint pg_conversion pg_database pg_default_acl pg_depend pg_description pg_enum pg_event_trigger pg_extension
  pg_group pg_index pg_indexes pg_inherits pg_init_privs pg_language pg_largeobject_metadata pg_namespace pg_opclass pg_operator
  pg_opfamily pg_parameter_acl pg_partitioned_table pg_policies pg_policy pg_publication pg_publication_namespace pg_publication_rel
  pg_publication_tables pg_range pg_seclabel pg_seclabels pg_sequence pg_shdepend pg_shdescription pg_shseclabel pg_statistic_ext
  pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict
  pg_ts_parser pg_ts_template pg_type pg_wait_events
  -- Counters.
  pg_stat_archiver pg_stat_checkpointer pg_stat_database_conflicts pg_stat_progress_analyze
  pg_stat_progress_basebackup pg_stat_progress_cluster pg_stat_progress_copy pg_stat_progress_create_index pg_stat_progress_vacuum
  pg_stat_recovery_prefetch pg_stat_slru pg_stat_user_functions pg_stat_wal pg_stat_xact_user_functions pg_statio_all_sequences
  pg_statio_sys_sequences pg_statio_user_sequences
`);

const REFUSED_CATALOG = listed(`
  -- Passwords, options with passwords, settings of roles.
  pg_authid pg_shadow pg_user_mapping
  -- Values out of tables.
  pg_largeobject pg_statistic pg_statistic_ext_data pg_stats pg_stats_ext pg_stats_ext_exprs
  -- Texts of queries in the names of memory contexts.
  pg_backend_memory_contexts
  -- Configuration, files, memory of the server.
  pg_aios pg_config pg_file_settings pg_hba_file_rules pg_ident_file_mappings pg_shmem_allocations pg_shmem_allocations_numa
  -- Replication.
  pg_replication_origin pg_replication_origin_status pg_stat_subscription_stats pg_subscription_rel
`);

const OPEN_INFORMATION_SCHEMA = listed(`
  administrable_role_authorizations applicable_roles attributes character_sets check_constraint_routine_usage check_constraints
  collation_character_set_applicability collations column_column_usage column_domain_usage column_options column_privileges
  column_udt_usage columns constraint_column_usage constraint_table_usage data_type_privileges domain_constraints domain_udt_usage
  domains element_types enabled_roles foreign_data_wrappers foreign_servers foreign_tables information_schema_catalog_name
  key_column_usage parameters referential_constraints role_column_grants role_routine_grants role_table_grants role_udt_grants
  role_usage_grants routine_column_usage routine_privileges routine_routine_usage routine_sequence_usage routine_table_usage schemata
  sequences sql_features sql_implementation_info sql_parts sql_sizing table_constraints table_privileges tables transforms
  triggered_update_columns triggers udt_privileges usage_privileges user_defined_types user_mappings view_column_usage
  view_routine_usage view_table_usage
`);

const REFUSED_INFORMATION_SCHEMA = listed(`
  _pg_foreign_data_wrappers _pg_foreign_servers _pg_foreign_table_columns _pg_foreign_tables _pg_user_mappings user_mapping_options
`);

const OWN_SESSION = 'pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()';

const VISIBLE_SETTINGS = [
  "pg_catalog.strpos(name, '.') OPERATOR(pg_catalog.=) 0",
  `name OPERATOR(pg_catalog.<>) ALL ('{${HIDDEN_SETTINGS.join(',')}}'::pg_catalog.text[])`,
].join(' AND ');

const hiding = (columns: string, where?: string): SystemRelation => ({ type: 'Scoped', hide: listed(columns), where });

const COUNTED = ['all', 'sys', 'user'];

/**
 * Counters that go up with the rows that an index finds: those of hidden rows too, where a condition is evaluated beside a row filter.
 */
const COUNTERS: readonly (readonly [string, SystemRelation])[] = [
  // Of a database that nobody else uses: the same.
  ['pg_catalog.pg_stat_bgwriter', hiding('buffers_alloc')],
  ['pg_catalog.pg_stat_database', hiding('tup_returned tup_fetched blks_read blks_hit blk_read_time')],
  ['pg_catalog.pg_stat_io', hiding('reads read_bytes read_time hits evictions reuses')],
  ...COUNTED.flatMap((of): readonly (readonly [string, SystemRelation])[] => [
    [`pg_catalog.pg_stat_${of}_indexes`, hiding('idx_tup_read idx_tup_fetch')],
    [`pg_catalog.pg_stat_${of}_tables`, hiding('idx_tup_fetch')],
    [`pg_catalog.pg_stat_xact_${of}_tables`, hiding('idx_tup_fetch')],
    [`pg_catalog.pg_statio_${of}_indexes`, hiding('idx_blks_read idx_blks_hit')],
    [
      `pg_catalog.pg_statio_${of}_tables`,
      hiding('heap_blks_read heap_blks_hit idx_blks_read idx_blks_hit toast_blks_read toast_blks_hit tidx_blks_read tidx_blks_hit'),
    ],
  ]),
];

const NO_REPLICATION: readonly (readonly [string, SystemRelation])[] = listed(`
  pg_replication_slots pg_stat_replication pg_stat_replication_slots pg_stat_subscription pg_stat_wal_receiver
`).map((name) => [`pg_catalog.${name}`, hiding('', 'false')]);

const SCOPED: readonly (readonly [string, SystemRelation])[] = [
  // The value that rows from before ADD COLUMN have: data, also of a masked column.
  ['pg_catalog.pg_attribute', hiding('attmissingval')],
  ['pg_catalog.pg_db_role_setting', hiding('setconfig')],
  ['pg_catalog.pg_foreign_data_wrapper', hiding('fdwoptions')],
  ['pg_catalog.pg_foreign_server', hiding('srvoptions')],
  ['pg_catalog.pg_foreign_table', hiding('ftoptions')],
  ['pg_catalog.pg_locks', hiding('', OWN_SESSION)],
  ['pg_catalog.pg_matviews', hiding('definition')],
  ['pg_catalog.pg_prepared_xacts', hiding('gid')],
  ['pg_catalog.pg_proc', hiding('prosrc probin prosqlbody proconfig')],
  // pgAdmin asks whether there are any, to choose what it shows.
  ...NO_REPLICATION,
  ['pg_catalog.pg_rewrite', hiding('ev_qual ev_action')],
  ['pg_catalog.pg_roles', hiding('rolconfig')],
  ['pg_catalog.pg_rules', hiding('definition')],
  ['pg_catalog.pg_sequences', hiding('last_value')],
  ['pg_catalog.pg_settings', hiding('sourcefile sourceline', VISIBLE_SETTINGS)],
  ['pg_catalog.pg_stat_gssapi', hiding('principal', OWN_SESSION)],
  ['pg_catalog.pg_stat_ssl', hiding('client_dn client_serial issuer_dn', OWN_SESSION)],
  ['pg_catalog.pg_subscription', hiding('subconninfo')],
  ['pg_catalog.pg_user', hiding('useconfig')],
  ['pg_catalog.pg_user_mappings', hiding('umoptions')],
  ['pg_catalog.pg_views', hiding('definition')],
  // INVARIANT: the texts of the agent's own session are as hidden as those of others: the server has them as rewritten, with keys of masks.
  ['pg_catalog.pg_cursors', hiding('statement')],
  ['pg_catalog.pg_prepared_statements', hiding('statement')],
  ['pg_catalog.pg_stat_activity', hiding('query query_id application_name client_addr client_hostname client_port')],
  ['information_schema.foreign_data_wrapper_options', hiding('option_value')],
  ['information_schema.foreign_server_options', hiding('option_value')],
  ['information_schema.foreign_table_options', hiding('option_value')],
  ['information_schema.routines', hiding('routine_definition')],
  ['information_schema.views', hiding('view_definition')],
];

const OPEN: SystemRelation = { type: 'Open' };
const REFUSED: SystemRelation = { type: 'Refused' };

/** Every table and view of the two schemas, by `schema.name`. */
export const SYSTEM_RELATIONS: ReadonlyMap<string, SystemRelation> = new Map<string, SystemRelation>([
  ...OPEN_CATALOG.map((name) => [`pg_catalog.${name}`, OPEN] as const),
  ...REFUSED_CATALOG.map((name) => [`pg_catalog.${name}`, REFUSED] as const),
  ...OPEN_INFORMATION_SCHEMA.map((name) => [`information_schema.${name}`, OPEN] as const),
  ...REFUSED_INFORMATION_SCHEMA.map((name) => [`information_schema.${name}`, REFUSED] as const),
  ...COUNTERS,
  ...SCOPED,
]);

/** What may be seen of a system relation; undefined where it is not known, and so refused. Names as the catalog has them. */
export const systemRelation = (schema: string, name: string): SystemRelation | undefined =>
  schema === 'pg_catalog' || schema === 'information_schema' ? SYSTEM_RELATIONS.get(`${schema}.${name}`) : undefined;
