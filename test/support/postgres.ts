/**
 * A real PostgreSQL server for tests: things start here with `startPostgres`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { type PostgresInstallation, type PostgresVersion, postgresInstallation, run, temporaryFolder } from './postgres-binaries.ts';

export type PostgresOptions = {
  /** 18 unless told. */
  readonly version?: PostgresVersion;
  /** Lines of postgresql.conf, on top of settings that make tests fast. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The whole pg_hba.conf; unless told, everybody is trusted from 127.0.0.1. */
  readonly hba?: string;
  /** PEM texts; turns TLS on. `ca` lets pg_hba ask for client certificates. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
};

export type StopMode = 'smart' | 'fast' | 'immediate';

export type TestPostgres = {
  readonly version: PostgresVersion;
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly dataDirectory: string;
  /** The database `postgres` as the superuser `postgres`, whose password is `postgres` too. */
  readonly superuserUrl: string;
  readonly url: (user: string, database: string, password?: string) => string;
  /** Runs SQL as superuser in one session and resolves with the rows of its last statement. */
  readonly sql: (text: string, database?: string) => Promise<Record<string, unknown>[]>;
  /** Ends the server; its data and port stay, so that `start` brings it back. */
  readonly halt: (mode?: StopMode) => Promise<void>;
  readonly start: () => Promise<void>;
  readonly restart: (mode?: StopMode) => Promise<void>;
  /** Ends the server and removes its data. */
  readonly stop: (mode?: StopMode) => Promise<void>;
  /** The last part of the server's log. */
  readonly logTail: () => string;
};

const FAST = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  jit: 'off',
  shared_buffers: '64MB',
  max_connections: '100',
  max_wal_size: '256MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const TRUST = 'host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n';
const SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
const LOG_CHARACTERS = 64 * 1024;

/** Starts PostgreSQL on a free port of 127.0.0.1 with its data in a temporary folder, also for root; it dies with this process. */
export const startPostgres = async (options: PostgresOptions = {}): Promise<TestPostgres> => {
  const version = options.version ?? 18;
  const installation = await postgresInstallation(version);
  const folder = await mkdtemp(join(await temporaryFolder(), 'pg-airlock-server-'));
  const dataDirectory = join(folder, 'data');
  const host = '127.0.0.1';
  let port = 0;
  let server: ChildProcess | undefined;
  const reaper = reap(folder);

  const start = async (): Promise<void> => {
    if (server) return;
    server = await launch(installation, folder, port);
    server.once('exit', () => {
      server = undefined;
    });
  };
  const halt = async (mode: StopMode = 'fast'): Promise<void> => {
    const running = server;
    if (!running) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.ref();
    running.kill(SIGNALS[mode]);
    await ended;
  };
  const stop = async (mode?: StopMode): Promise<void> => {
    await halt(mode);
    await rm(folder, { recursive: true, force: true });
    reaper.stdin?.end();
  };

  try {
    await prepare(installation, folder, options);
    for (let attempt = 1; !server; attempt++) {
      port = await freePort();
      // Between finding a port and taking it, another process may have taken it.
      await start().catch((error: unknown) => {
        if (attempt === 5 || !readLog(folder).includes('could not create any TCP/IP sockets')) throw error;
      });
    }
  } catch (error) {
    await stop('immediate');
    throw error;
  }

  const url = (user: string, database: string, password?: string): string =>
    `postgres://${encodeURIComponent(user)}${password === undefined ? '' : `:${encodeURIComponent(password)}`}@${host}:${port}/${encodeURIComponent(database)}`;
  const sql = async (text: string, database = 'postgres'): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url('postgres', database, 'postgres') });
    await client.connect();
    try {
      const result: unknown = await client.query(text);
      const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>;
      return last.rows;
    } finally {
      await client.end();
    }
  };
  const restart = async (mode?: StopMode): Promise<void> => {
    await halt(mode);
    await start();
  };
  const superuserUrl = url('postgres', 'postgres', 'postgres');
  return { version, host, port, dataDirectory, superuserUrl, url, sql, halt, start, restart, stop, logTail: () => readLog(folder) };
};

const prepare = async (installation: PostgresInstallation, folder: string, options: PostgresOptions): Promise<void> => {
  const { user, template } = installation;
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await run('cp', ['-R', template, data], user);
  const files: Record<string, string> = { 'pg_hba.conf': options.hba ?? TRUST };
  const settings: Record<string, string> = { ...FAST, listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings };
  if (options.tls) {
    files['server.key'] = options.tls.key;
    files['server.crt'] = options.tls.cert;
    Object.assign(settings, { ssl: 'on', ssl_key_file: 'server.key', ssl_cert_file: 'server.crt' });
    if (options.tls.ca !== undefined) {
      files['root.crt'] = options.tls.ca;
      settings['ssl_ca_file'] = 'root.crt';
    }
  }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    if (user) await chown(join(data, name), user.uid, user.gid);
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
};

/** Its log goes into a file: a pipe would stop the server whenever this process is too busy to read. */
const launch = async ({ bin, user }: PostgresInstallation, folder: string, port: number): Promise<ChildProcess> => {
  const dataDirectory = join(folder, 'data');
  const log = await open(join(folder, 'log'), 'a');
  // In a process group of its own: a terminal's Ctrl-C is for the program that started it.
  const child = spawn(join(bin, 'postgres'), ['-D', dataDirectory, '-p', String(port)], {
    ...user,
    cwd: dataDirectory,
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', log.fd],
  });
  await log.close();
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  child.once('exit', (code) => {
    failure ??= new Error(`PostgreSQL ended with ${code}: ${readLog(folder)}`);
  });
  while (!(await isReady(dataDirectory, child.pid))) {
    if (failure) throw failure;
    await setTimeout(10);
  }
  child.unref();
  return child;
};

/** The file says so to pg_ctl, too (`LOCK_FILE_LINE_PM_STATUS` of `src/include/utils/pidfile.h`). */
const isReady = async (dataDirectory: string, pid: number | undefined): Promise<boolean> => {
  const lines = (await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
};

const readLog = (folder: string): string => {
  const log = join(folder, 'log');
  return existsSync(log) ? readFileSync(log, 'utf8').slice(-LOG_CHARACTERS) : '';
};

/**
 * Ends the server and removes its folder once this process is gone, however it went: its end closes the pipe that the shell reads.
 */
const reap = (folder: string): ChildProcess => {
  const script = `
    cat >/dev/null
    if [ -f data/postmaster.pid ]; then kill -QUIT "$(head -n 1 data/postmaster.pid)"; fi
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -f data/postmaster.pid ] || break; sleep 0.2; done
    cd / && rm -rf "$1"`;
  const child = spawn('sh', ['-c', script, 'reaper', folder], { cwd: folder, detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  return child;
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
