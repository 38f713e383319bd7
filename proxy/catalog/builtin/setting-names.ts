/**
 * The settings of PostgreSQL 14 to 18 as data, by lower-case name: which an agent may set, which a policy may add, which are not shown.
 */
import { listed } from './listed.ts';

/** What values of a setting are accepted; `settings.ts` says how. */
export type SettingRule =
  | { readonly type: 'Any' }
  | { readonly type: 'OneOf'; readonly values: readonly string[] }
  | { readonly type: 'TrueOnly'; readonly mayReset: boolean }
  | { readonly type: 'Utf8Only' }
  /** `limit`: of the policy, which bounds it. */
  | { readonly type: 'Timeout'; readonly limit: 'statementTimeout' | 'transactionTimeout' };

const ANY: SettingRule = { type: 'Any' };
const TIMEOUT: SettingRule = { type: 'Timeout', limit: 'statementTimeout' };
const ISOLATION: SettingRule = {
  type: 'OneOf',
  values: ['serializable', 'repeatable read', 'read committed', 'read uncommitted'],
};

/** What every agent may set: drivers send these, and none changes how SQL is read, what is seen, or what others feel. */
export const SETTABLE: ReadonlyMap<string, SettingRule> = new Map<string, SettingRule>([
  ...listed(`
    application_name bytea_output datestyle default_transaction_deferrable escape_string_warning extra_float_digits intervalstyle jit
    plan_cache_mode search_path synchronize_seqscans timezone transaction_deferrable
  `).map((name) => [name, ANY] as const),
  // Below notice, the server would send its log to the client: trees and texts of statements as rewritten.
  ['client_min_messages', { type: 'OneOf', values: ['notice', 'warning', 'error'] }],
  // INVARIANT: the grammar that judges reads UTF-8 and standard strings. A session starts with both, so a reset returns to them.
  ['client_encoding', { type: 'Utf8Only' }],
  ['standard_conforming_strings', { type: 'TrueOnly', mayReset: true }],
  ['default_transaction_isolation', ISOLATION],
  ['transaction_isolation', ISOLATION],
  ['default_transaction_read_only', { type: 'TrueOnly', mayReset: true }],
  // PostgreSQL 14 resets it to off, whatever the session's default is.
  ['transaction_read_only', { type: 'TrueOnly', mayReset: false }],
  // What pg_dump sets (with --enable-row-security): the one is the server's own default, the other can only turn an answer into an error.
  ['row_security', { type: 'TrueOnly', mayReset: true }],
  ['restrict_nonsystem_relation_kind', { type: 'OneOf', values: ['view, foreign-table'] }],
  ['statement_timeout', TIMEOUT],
  ['lock_timeout', TIMEOUT],
  ['idle_in_transaction_session_timeout', TIMEOUT],
  ['transaction_timeout', { type: 'Timeout', limit: 'transactionTimeout' }],
]);

/**
 * What no policy can add. They change who the session is, what it may see, how its SQL is read, which code is loaded, what triggers
 * and rules do, or what is logged; or they break data.
 */
export const UNSETTABLE: ReadonlySet<string> = new Set(
  listed(`
    -- Identity and privileges.
    createrole_self_grant is_superuser role session_authorization session_replication_role event_triggers
    lo_compat_privileges allow_system_table_mods allow_in_place_tablespaces password_encryption
    scram_iterations md5_password_warnings
    -- How SQL and its values are read.
    array_nulls backslash_quote transform_null_equals timezone_abbreviations check_function_bodies
    -- Code and paths.
    dynamic_library_path extension_control_path local_preload_libraries session_preload_libraries jit_debugging_support
    jit_dump_bitcode jit_profiling_support
    -- Where objects go.
    default_table_access_method default_tablespace temp_tablespaces
    -- What is logged and traced: texts as rewritten, or the absence of a trace.
    backtrace_functions compute_query_id debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten
    log_connections log_disconnections log_duration log_error_verbosity log_executor_stats log_lock_failures log_lock_waits
    log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages log_parameter_max_length
    log_parameter_max_length_on_error log_parser_stats log_planner_stats log_replication_commands log_statement
    log_statement_sample_rate log_statement_stats log_temp_files log_transaction_sample_rate trace_notify trace_sort track_activities
    track_cost_delay_timing track_counts track_functions track_io_timing track_wal_io_timing update_process_title
    -- Durability, damage and developers.
    commit_delay commit_siblings deadlock_timeout debug_discard_caches debug_logical_replication_streaming exit_on_error
    file_copy_method ignore_checksum_failure ignore_system_indexes lc_messages max_stack_depth post_auth_delay
    synchronous_commit temp_file_limit wal_compression wal_consistency_checking wal_init_zero wal_recycle wal_sender_timeout
    wal_skip_threshold zero_damaged_pages
  `),
);

/** What a policy may add by name (`spec.settings`), besides custom settings with a dot: the planner, memory, formats. */
export const LISTABLE: ReadonlySet<string> = new Set(
  listed(`
    -- Formats and languages.
    default_text_search_config icu_validation_level lc_monetary lc_numeric lc_time quote_all_identifiers xmlbinary xmloption
    -- Memory and parallel work.
    hash_mem_multiplier logical_decoding_work_mem maintenance_work_mem max_parallel_maintenance_workers max_parallel_workers
    max_parallel_workers_per_gather parallel_leader_participation temp_buffers work_mem
    -- The planner.
    constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction debug_parallel_query
    default_statistics_target effective_cache_size enable_async_append enable_bitmapscan enable_distinct_reordering
    enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
    enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash
    enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
    enable_self_join_elimination enable_seqscan enable_sort enable_tidscan force_parallel_mode from_collapse_limit geqo geqo_effort
    geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold jit_above_cost jit_expressions
    jit_inline_above_cost jit_optimize_above_cost jit_tuple_deforming join_collapse_limit min_parallel_index_scan_size
    min_parallel_table_scan_size parallel_setup_cost parallel_tuple_cost random_page_cost recursive_worktable_factor seed
    seq_page_cost
    -- Storage and the connection.
    backend_flush_after client_connection_check_interval default_toast_compression effective_io_concurrency gin_fuzzy_search_limit
    gin_pending_list_limit idle_session_timeout io_combine_limit maintenance_io_concurrency stats_fetch_consistency
    tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout
    vacuum_buffer_usage_limit vacuum_cost_delay vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit
    vacuum_cost_page_miss vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate
    vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate
  `),
);

/** What is not shown: paths of the server, commands, connection strings. Custom settings, which have a dot, are not shown either. */
export const HIDDEN_SETTINGS: readonly string[] = listed(`
  archive_cleanup_command archive_command archive_library config_file data_directory dynamic_library_path extension_control_path
  external_pid_file hba_file ident_file krb_server_keyfile log_directory log_filename primary_conninfo primary_slot_name
  promote_trigger_file recovery_end_command restore_command ssl_ca_file ssl_cert_file ssl_crl_dir ssl_crl_file ssl_dh_params_file
  ssl_key_file ssl_passphrase_command stats_temp_directory synchronized_standby_slots synchronous_standby_names
  unix_socket_directories
`);
