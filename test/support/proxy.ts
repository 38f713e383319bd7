/**
 * The proxy as a child process, the way that it is run: `node cli/main.ts proxy`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type ProxyOptions = {
  /** Folder of manifests, or the operator that says what would stand there. */
  readonly manifests: string | { readonly url: string; readonly access: string; readonly connections: readonly string[] };
  /** A temporary folder unless told. */
  readonly audit?: string;
  /** Where it listens for the agents of a folder of manifests: a free port of 127.0.0.1 unless told. */
  readonly listen?: string;
  readonly logLevel?: string;
  /** More of the command line. */
  readonly flags?: readonly string[];
  /** Milliseconds that it may take to listen, 15,000 unless told: large policies take their time. */
  readonly patience?: number;
  /** What Node runs: the sources unless told. */
  readonly entry?: string;
};

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

export type TestProxy = {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly auditDirectory: string;
  readonly process: ChildProcess;
  readonly url: (user: string, database: string, password?: string) => string;
  /** What it has logged so far. */
  readonly log: () => readonly LogLine[];
  /** The first line, of those there are or still to come, that fits. */
  readonly logged: (fits: (line: LogLine) => boolean, timeoutMs?: number) => Promise<LogLine>;
  /** Sends a signal and resolves with the exit code, null when the signal killed it. */
  readonly kill: (signal: NodeJS.Signals) => Promise<number | null>;
  /** Ends the process, and removes the audit folder that was made for it. */
  readonly stop: () => Promise<void>;
};

const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

/** Starts the proxy and waits until it listens. */
export const startProxy = async (options: ProxyOptions): Promise<TestProxy> => {
  const auditDirectory = options.audit ?? (await mkdtemp(join(tmpdir(), 'pg-airlock-audit-')));
  const { manifests } = options;
  const source =
    typeof manifests === 'string'
      ? ['--manifests', manifests, '--listen', options.listen ?? '127.0.0.1:0']
      : [
          '--control',
          manifests.url,
          '--access',
          manifests.access,
          ...manifests.connections.flatMap((connection) => ['--listen', `127.0.0.1:0=${connection}`]),
        ];
  const where = [...source, '--metrics', '127.0.0.1:0', '--audit', auditDirectory];
  const parameters = [options.entry ?? MAIN, 'proxy', ...where, '--log-level', options.logLevel ?? 'info', ...(options.flags ?? [])];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines: LogLine[] = [];
  let text = '';
  let stderr = '';
  let exited = false;
  const watchers = new Set<() => void>();
  const notify = (): void => {
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (text + chunk).split('\n');
    text = parts.pop() ?? '';
    lines.push(...parts.map(parseLine));
    notify();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.once('close', () => {
    exited = true;
    notify();
  });

  const logged: TestProxy['logged'] = (fits, timeoutMs = 15_000) =>
    new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        watchers.delete(look);
        act();
      };
      const complaint = (what: string): Error => new Error(`${what}: ${JSON.stringify(lines.slice(-20), null, 1)}\n${stderr}`);
      const look = (): void => {
        const found = lines.find(fits);
        if (found) finish(() => resolve(found));
        else if (exited) finish(() => reject(complaint('the proxy ended')));
      };
      const timer = setTimeout(() => finish(() => reject(complaint('no such line in the log'))), timeoutMs);
      watchers.add(look);
      look();
    });
  const kill = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  const stop = async (): Promise<void> => {
    if (!exited) {
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await kill('SIGTERM');
      clearTimeout(timer);
    }
    if (options.audit === undefined) await rm(auditDirectory, { recursive: true, force: true });
  };

  try {
    const { address } = await logged(({ msg }) => msg === 'listening', options.patience);
    const port = Number(/:(\d+)$/.exec(String(address))?.[1]);
    if (!(port > 0)) throw new Error(`the proxy listens on "${String(address)}"`);
    const url: TestProxy['url'] = (user, database, password) =>
      `postgres://${encodeURIComponent(user)}${password === undefined ? '' : `:${encodeURIComponent(password)}`}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
    return { host: '127.0.0.1', port, auditDirectory, process: child, url, log: () => lines, logged, kill, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const parseLine = (line: string): LogLine => {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
};
