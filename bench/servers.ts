/**
 * What is compared: PostgreSQL itself, PgBouncer before it, a relay in Node that reads nothing, and pg-airlock with the audit log's two
 * durabilities.
 */
import { spawn } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestPostgres } from '../test/support/postgres.ts';
import { postgresInstallation, temporaryFolder } from '../test/support/postgres-binaries.ts';
import { accepting, ended, freePort, versionOf } from './child-process.ts';
import { AGENT, DATABASE, ROLE, writeManifests } from './database.ts';
import { startAirlock } from './start-airlock.ts';

export type ServerName = 'direct' | 'PgBouncer' | 'bare relay' | 'pg-airlock' | 'pg-airlock (Write)' | 'pg-airlock (detectors)';

/** Somewhere that speaks PostgreSQL. */
export type Server = {
  readonly name: ServerName;
  readonly port: number;
  readonly user: string;
  /** Undefined for PostgreSQL, whose work is spread over processes that come and go. */
  readonly pid: number | undefined;
  readonly stop: () => Promise<void>;
};

const startPgBouncer = async (program: string, postgres: TestPostgres): Promise<Server> => {
  const { user } = await postgresInstallation(18);
  const folder = await mkdtemp(join(await temporaryFolder(), 'pg-airlock-bench-bouncer-'));
  const port = await freePort();
  const settings = [
    '[databases]',
    `${DATABASE} = host=127.0.0.1 port=${postgres.port} dbname=${DATABASE} user=${ROLE}`,
    '[pgbouncer]',
    `listen_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =`,
    'auth_type = any\npool_mode = session\nmax_client_conn = 1000\ndefault_pool_size = 200',
    'log_connections = 0\nlog_disconnections = 0',
    `ignore_startup_parameters = extra_float_digits`,
  ];
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, `${settings.join('\n')}\n`);
  if (user !== undefined) {
    await chown(folder, user.uid, user.gid);
    await chown(file, user.uid, user.gid);
  }
  const child = spawn(program, ['--quiet', file], { ...user, cwd: folder, stdio: 'ignore' });
  await accepting(port, child);
  const stop = async (): Promise<void> => {
    await ended(child, 'SIGINT');
    await rm(folder, { recursive: true, force: true });
  };
  return { name: 'PgBouncer', port, user: ROLE, pid: child.pid, stop };
};

const startProxyServer = async (name: ServerName, postgres: TestPostgres, durability: 'Fsync' | 'Write'): Promise<Server> => {
  const manifests = await writeManifests(postgres.port, durability, name === 'pg-airlock (detectors)');
  const airlock = await startAirlock(manifests);
  const stop = async (): Promise<void> => {
    await airlock.stop();
    await rm(manifests, { recursive: true, force: true });
  };
  return { name, port: airlock.port, user: AGENT, pid: airlock.process.pid, stop };
};

/** What Node alone comes to, without any work of ours. */
const startBareRelay = async (postgres: TestPostgres): Promise<Server> => {
  const port = await freePort();
  const program = join(import.meta.dirname, 'bare-relay.ts');
  const child = spawn(process.execPath, [program, String(port), String(postgres.port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  await accepting(port, child);
  return { name: 'bare relay', port, user: ROLE, pid: child.pid, stop: () => ended(child) };
};

/** Whether the workload is for the server: detectors are compared where they have something to look at, the relay where Node is what limits. */
export const takesPart = ({ name }: Server, workload: string): boolean => {
  if (name === 'pg-airlock (detectors)') return workload.startsWith('rows detect');
  return name !== 'bare relay' || workload.startsWith('select-only prepared');
};

/** Starts all that can be started, the one to compare with first. */
export const startServers = async (postgres: TestPostgres, pgbouncer: string): Promise<readonly Server[]> => {
  const direct: Server = { name: 'direct', port: postgres.port, user: ROLE, pid: undefined, stop: () => Promise.resolve() };
  const servers = [direct];
  if (versionOf(pgbouncer) !== undefined) servers.push(await startPgBouncer(pgbouncer, postgres));
  servers.push(await startBareRelay(postgres));
  servers.push(await startProxyServer('pg-airlock', postgres, 'Fsync'), await startProxyServer('pg-airlock (Write)', postgres, 'Write'));
  servers.push(await startProxyServer('pg-airlock (detectors)', postgres, 'Write'));
  return servers;
};
