import { listed } from './listed.ts';

/**
 * Functions that read data by name, or run a text as a query, past every scope.
 */
export const READING_FUNCTIONS: readonly string[] = listed(`
  -- A query given as text, a cursor, or a relation given by name.
  currtid2 cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema query_to_xml
  query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema table_to_xml
  table_to_xml_and_xmlschema table_to_xmlschema ts_rewrite ts_stat
  -- Files of the server.
  pg_ls_archive_statusdir pg_ls_dir pg_ls_logdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir
  pg_ls_tmpdir pg_ls_waldir pg_read_binary_file pg_read_file pg_read_file_old pg_stat_file
  -- Large objects.
  lo_close lo_get lo_lseek lo_lseek64 lo_open lo_tell lo_tell64 loread
`);

/**
 * Functions that change or hold up something outside of the statement: data, locks, files, other sessions, the server.
 */
export const EFFECT_FUNCTIONS: readonly string[] = listed(`
  -- Sequences.
  nextval setval
  -- Large objects.
  lo_creat lo_create lo_export lo_from_bytea lo_import lo_put lo_truncate lo_truncate64 lo_unlink lowrite
  -- Time, locks and messages: they hold up this session or others.
  pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
  pg_export_snapshot pg_notify pg_sleep pg_sleep_for pg_sleep_until pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
  -- Other sessions and the server.
  pg_backup_start pg_backup_stop pg_cancel_backend pg_create_restore_point pg_log_backend_memory_contexts pg_log_standby_snapshot
  pg_promote pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_start_backup pg_stop_backup pg_switch_wal pg_terminate_backend
  pg_wal_replay_pause pg_wal_replay_resume
  -- Replication.
  pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_create_logical_replication_slot
  pg_create_physical_replication_slot pg_drop_replication_slot pg_logical_emit_message pg_logical_slot_get_binary_changes
  pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes pg_logical_slot_peek_changes pg_replication_origin_advance
  pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_session_reset pg_replication_origin_session_setup
  pg_replication_origin_xact_reset pg_replication_origin_xact_setup pg_replication_slot_advance pg_sync_replication_slots
  -- Statistics.
  pg_clear_attribute_stats pg_clear_relation_stats pg_restore_attribute_stats pg_restore_relation_stats pg_stat_force_next_flush
  pg_stat_reset pg_stat_reset_backend_stats pg_stat_reset_replication_slot pg_stat_reset_shared pg_stat_reset_single_function_counters
  pg_stat_reset_single_table_counters pg_stat_reset_slru pg_stat_reset_subscription_stats
  -- Maintenance of indexes and catalogs, upgrades, event triggers.
  binary_upgrade_add_sub_rel_state binary_upgrade_create_empty_extension binary_upgrade_logical_slot_has_caught_up
  binary_upgrade_replorigin_advance binary_upgrade_set_missing_value binary_upgrade_set_next_array_pg_type_oid
  binary_upgrade_set_next_heap_pg_class_oid binary_upgrade_set_next_heap_relfilenode binary_upgrade_set_next_index_pg_class_oid
  binary_upgrade_set_next_index_relfilenode binary_upgrade_set_next_multirange_array_pg_type_oid
  binary_upgrade_set_next_multirange_pg_type_oid binary_upgrade_set_next_pg_authid_oid binary_upgrade_set_next_pg_enum_oid
  binary_upgrade_set_next_pg_tablespace_oid binary_upgrade_set_next_pg_type_oid binary_upgrade_set_next_toast_pg_class_oid
  binary_upgrade_set_next_toast_relfilenode binary_upgrade_set_record_init_privs brin_desummarize_range brin_summarize_new_values
  brin_summarize_range gin_clean_pending_list pg_event_trigger_ddl_commands pg_event_trigger_dropped_objects
  pg_event_trigger_table_rewrite_oid pg_event_trigger_table_rewrite_reason pg_extension_config_dump pg_import_system_collations pg_nextoid
  pg_stop_making_pinned_objects
`);

/**
 * Functions that tell what the agent may not know: definitions, other sessions, files and paths, the rewritten text.
 */
export const REVEALING_FUNCTIONS: readonly string[] = listed(`
  -- The text that the server received, which may carry the key of a mask.
  current_query pg_cursor pg_prepared_statement
  -- Other sessions.
  pg_get_multixact_members pg_isolation_test_session_is_blocked pg_last_committed_xact pg_lock_status pg_prepared_xact
  pg_safe_snapshot_blocking_pids pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_backend_activity_start
  pg_stat_get_backend_client_addr pg_stat_get_backend_client_port pg_stat_get_backend_dbid pg_stat_get_backend_idset
  pg_stat_get_backend_io pg_stat_get_backend_pid pg_stat_get_backend_start pg_stat_get_backend_subxact pg_stat_get_backend_userid
  pg_stat_get_backend_wait_event pg_stat_get_backend_wait_event_type pg_stat_get_backend_wal pg_stat_get_backend_xact_start
  pg_xact_commit_timestamp_origin
  -- Memory and modules of the server.
  pg_get_aios pg_get_backend_memory_contexts pg_get_loaded_modules pg_get_shmem_allocations pg_get_shmem_allocations_numa
  -- Configuration and paths.
  pg_config pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system pg_current_logfile pg_hba_file_rules
  pg_ident_file_mappings pg_show_all_file_settings pg_show_all_settings
  -- Replication and the write-ahead log.
  pg_available_wal_summaries pg_get_replication_slots pg_get_wal_summarizer_state pg_replication_origin_oid pg_replication_origin_progress
  pg_replication_origin_session_is_setup pg_replication_origin_session_progress pg_show_replication_origin_status
  pg_stat_get_replication_slot pg_stat_get_subscription pg_stat_get_subscription_stats pg_stat_get_wal_receiver pg_stat_get_wal_senders
  pg_wal_summary_contents
  -- Values out of statistics.
  pg_mcv_list_items pg_mcv_list_out pg_mcv_list_send
  -- How many rows an index found, those that a row filter hides among them: of a relation, and of a database that nobody else uses.
  pg_stat_get_buf_alloc pg_stat_get_db_blk_read_time pg_stat_get_db_blocks_fetched pg_stat_get_db_blocks_hit
  pg_stat_get_db_tuples_fetched pg_stat_get_db_tuples_returned pg_stat_get_io
  pg_stat_get_blocks_fetched pg_stat_get_blocks_hit pg_stat_get_tuples_fetched pg_stat_get_tuples_returned pg_stat_get_xact_blocks_fetched
  pg_stat_get_xact_blocks_hit pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_returned
`);

/**
 * Functions that tell such things too, and that catalogs of tools call by the way: they are run with NULL for their first argument. All
 * are strict.
 */
export const SILENT_FUNCTIONS: readonly string[] = listed(`
  -- Definitions of views, rules and functions: their texts tell about relations and values that are not granted.
  pg_get_function_sqlbody pg_get_functiondef pg_get_ruledef pg_get_viewdef
  -- Sequences: how far they are.
  pg_get_sequence_data pg_sequence_last_value
  -- Other sessions, and paths.
  pg_blocking_pids pg_relation_filepath pg_tablespace_location
`);
