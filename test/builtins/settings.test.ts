import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HIDDEN_SETTINGS, LISTABLE, SETTABLE, UNSETTABLE } from '../../proxy/catalog/builtin/setting-names.ts';
import { judgeSetting } from '../../proxy/catalog/builtin/settings.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

// Settings that pg_settings does not list.
const UNLISTED = ['is_superuser', 'role', 'seed', 'session_authorization'];

/** No session can set them, and they are shown: features, sizes and habits of the server, no path, command or secret. */
const SHOWN = `
  allow_alter_system archive_mode archive_timeout authentication_timeout autovacuum autovacuum_analyze_scale_factor
  autovacuum_analyze_threshold autovacuum_freeze_max_age autovacuum_max_workers autovacuum_multixact_freeze_max_age
  autovacuum_naptime autovacuum_vacuum_cost_delay autovacuum_vacuum_cost_limit autovacuum_vacuum_insert_scale_factor
  autovacuum_vacuum_insert_threshold autovacuum_vacuum_max_threshold autovacuum_vacuum_scale_factor autovacuum_vacuum_threshold
  autovacuum_work_mem autovacuum_worker_slots bgwriter_delay bgwriter_flush_after bgwriter_lru_maxpages bgwriter_lru_multiplier
  block_size bonjour bonjour_name checkpoint_completion_target checkpoint_flush_after checkpoint_timeout checkpoint_warning
  cluster_name commit_timestamp_buffers data_checksums data_directory_mode data_sync_retry db_user_namespace debug_assertions
  debug_io_direct dynamic_shared_memory_type event_source file_extend_method fsync full_page_writes gss_accept_delegation
  hot_standby hot_standby_feedback huge_page_size huge_pages huge_pages_status idle_replication_slot_timeout ignore_invalid_pages
  in_hot_standby integer_datetimes io_max_combine_limit io_max_concurrency io_method io_workers jit_provider krb_caseins_users
  lc_collate lc_ctype listen_addresses log_autovacuum_min_duration log_checkpoints log_destination log_file_mode log_hostname
  log_line_prefix log_recovery_conflict_waits log_rotation_age log_rotation_size log_startup_progress_interval log_timezone
  log_truncate_on_rotation logging_collector max_active_replication_origins max_connections max_files_per_process
  max_function_args max_identifier_length max_index_keys max_locks_per_transaction max_logical_replication_workers
  max_notify_queue_pages max_parallel_apply_workers_per_subscription max_pred_locks_per_page max_pred_locks_per_relation
  max_pred_locks_per_transaction max_prepared_transactions max_replication_slots max_slot_wal_keep_size max_standby_archive_delay
  max_standby_streaming_delay max_sync_workers_per_subscription max_wal_senders max_wal_size max_worker_processes
  min_dynamic_shared_memory min_wal_size multixact_member_buffers multixact_offset_buffers notify_buffers num_os_semaphores
  oauth_validator_libraries old_snapshot_threshold port pre_auth_delay recovery_init_sync_method recovery_min_apply_delay
  recovery_prefetch recovery_target recovery_target_action recovery_target_inclusive recovery_target_lsn recovery_target_name
  recovery_target_time recovery_target_timeline recovery_target_xid remove_temp_files_after_crash reserved_connections
  restart_after_crash segment_size send_abort_for_crash send_abort_for_kill serializable_buffers server_encoding server_version
  server_version_num shared_buffers shared_memory_size shared_memory_size_in_huge_pages shared_memory_type
  shared_preload_libraries ssl ssl_ciphers ssl_ecdh_curve ssl_groups ssl_library ssl_max_protocol_version ssl_min_protocol_version
  ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers ssl_tls13_ciphers subtransaction_buffers summarize_wal
  superuser_reserved_connections sync_replication_slots syslog_facility syslog_ident syslog_sequence_numbers syslog_split_messages
  trace_connection_negotiation trace_recovery_messages track_activity_query_size track_commit_timestamp transaction_buffers
  unix_socket_group unix_socket_permissions vacuum_defer_cleanup_age wal_block_size wal_buffers wal_decode_buffer_size
  wal_keep_size wal_level wal_log_hints wal_receiver_create_temp_slot wal_receiver_status_interval wal_receiver_timeout
  wal_retrieve_retry_interval wal_segment_size wal_summary_keep_time wal_sync_method wal_writer_delay wal_writer_flush_after
`;

const servers: TestPostgres[] = [];
const names = new Set<string>(UNLISTED);
const settableOnServer = new Set<string>();

beforeAll(async () => {
  for (const version of POSTGRES_VERSIONS) {
    const server = await startPostgres({ version });
    servers.push(server);
    for (const { name, context } of await server.sql('SELECT lower(name) AS name, context FROM pg_settings')) {
      names.add(String(name));
      if (context === 'user' || context === 'superuser') settableOnServer.add(String(name));
    }
  }
}, 60_000);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

/** What the server makes of a value; undefined if it refuses it. */
const taken = async (server: TestPostgres, name: string, value: string): Promise<string | undefined> => {
  const text = value.replaceAll("'", "''");
  const show = `SELECT setting FROM pg_settings WHERE name = '${name}'`;
  return server.sql(`SET ${name} = '${text}'; ${show}`).then(
    ([row]) => String(row?.['setting']),
    () => undefined,
  );
};

describe('the names of settings', () => {
  it('exist in a version of PostgreSQL', () => {
    const named = [...SETTABLE.keys(), ...LISTABLE, ...UNSETTABLE, ...HIDDEN_SETTINGS];
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });

  it('are all that a session can set', () => {
    const known = (name: string): boolean => SETTABLE.has(name) || LISTABLE.has(name) || UNSETTABLE.has(name);
    expect(settableOnServer.size).toBeGreaterThan(150);
    expect([...settableOnServer].filter((name) => !known(name))).toEqual([]);
  });

  it('are each settable, listable, not settable, hidden or only shown', () => {
    const shown = new Set(SHOWN.trim().split(/\s+/));
    const known = (name: string): boolean =>
      SETTABLE.has(name) || LISTABLE.has(name) || UNSETTABLE.has(name) || HIDDEN_SETTINGS.includes(name);
    expect([...names].filter((name) => known(name) === shown.has(name))).toEqual([]);
  });

  it('hide whatever is named for a file, a directory, a command or a connection string', () => {
    const telling = [...names].filter((name) => /(_file|_dir|_directory|_directories|_path|_command|_conninfo)$/.test(name));
    expect(telling.filter((name) => !HIDDEN_SETTINGS.includes(name))).toEqual(['search_path']);
  });

  it('include those that pg_settings does not list', async () => {
    for (const server of servers) {
      for (const name of ['is_superuser', 'role', 'seed', 'session_authorization']) {
        expect(await server.sql(`SELECT current_setting('${name}') IS NOT NULL AS known`)).toEqual([{ known: true }]);
      }
    }
  });
});

describe('judgeSetting() against the server', () => {
  const TIMES = '0|1|010|0100000|08|2999|3000|3001|3s| 3 s|3.0004s|0.4|0.5|0.6ms|1us|999us|1e3|0x10|50e-3min'.split('|');
  const TRUTHS = ['on', 'off', 'o', 'of', 't', 'true', 'TRUE', ' true', 'tru', 'y', 'yes', '1', '0', 'n', 'f', '10', ''];
  const ENCODINGS = ['UTF8', 'utf-8', 'u.t/f 8', 'unicode', 'UTF-16', 'SQL_ASCII', 'latin1', 'SJIS', 'utf8x', 'MULE_INTERNAL', ''];

  it.each(POSTGRES_VERSIONS)('lets nothing through that PostgreSQL %i reads as something else', async (version) => {
    const server = servers.find((each) => each.version === version) as TestPostgres;
    const context = { extra: [], statementTimeout: 3000 };
    const outcome = async (name: string, values: readonly string[], good: (setting: string) => boolean): Promise<readonly string[]> => {
      const bad: string[] = [];
      for (const value of values) {
        const setting = judgeSetting(name, value, context).ok ? await taken(server, name, value) : undefined;
        if (setting !== undefined && !good(setting)) bad.push(`${value} became ${setting}`);
      }
      return bad;
    };
    expect(await outcome('statement_timeout', TIMES, (setting) => Number(setting) >= 1 && Number(setting) <= 3000)).toEqual([]);
    expect(await outcome('standard_conforming_strings', TRUTHS, (setting) => setting === 'on')).toEqual([]);
    expect(await outcome('client_encoding', ENCODINGS, (setting) => setting === 'UTF8')).toEqual([]);
  });

  it('lets through what drivers send', async () => {
    const sent: readonly (readonly [string, string])[] = [
      ['statement_timeout', '3s'],
      ['standard_conforming_strings', 'on'],
      ['client_encoding', 'utf-8'],
      ['client_min_messages', 'warning'],
      ['jit', 'off'],
    ];
    for (const [name, value] of sent) {
      expect(judgeSetting(name, value, { extra: [], statementTimeout: 3000 })).toEqual({ ok: true });
      expect(await taken(servers.at(-1) as TestPostgres, name, value)).toBeDefined();
    }
  });
});
