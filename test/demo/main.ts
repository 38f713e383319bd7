/**
 * `make demo`: an agent's session through the airlock, on a real PostgreSQL. Things start here; ONCE=1 ends it by itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { connectAgent } from './agent.ts';
import { command, heading, quote, say } from './page.ts';
import { type DemoAirlock, startAirlock, type Undo, USUAL_PORT } from './start-airlock.ts';
import { play } from './story.ts';

const CLI = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const COUNTERS = /^pg_airlock_(statements_total|blocked_total|masked_rows_total|policy_reloads_total)\{/;

const introduce = async ({ postgres, proxy, policy }: DemoAirlock, version: string): Promise<void> => {
  const usual = proxy.port === USUAL_PORT ? '' : ` (${USUAL_PORT} is taken)`;
  say(`A PostgreSQL ${version} with a small shop runs on port ${postgres.port}. The role that the airlock has there owns every table:`);
  say('whatever is refused below, the database itself would do.');
  say(`The airlock listens on 127.0.0.1:${proxy.port}${usual}, with the manifests of examples/quickstart. Their policy grants the agent:`);
  quote(/^ {2}relations:\n((?: {4}.*\n)+)/m.exec(await policy())?.[1] ?? '');
};

const runCli = async (...args: string[]): Promise<void> => {
  command(`npx pg-airlock ${args.join(' ')}`);
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`pg-airlock ${args.join(' ')} ended with ${code}`);
};

const showTrail = async ({ proxy: { auditDirectory } }: DemoAirlock): Promise<void> => {
  heading('Every statement has its record');
  await runCli('audit', 'show', auditDirectory);
  await runCli('audit', 'verify', auditDirectory);
};

const showMetrics = async ({ metrics }: DemoAirlock): Promise<void> => {
  heading('... and is counted');
  command(`curl http://${metrics}/metrics | grep pg_airlock_`);
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  quote(
    text
      .split('\n')
      .filter((line) => COUNTERS.test(line))
      .join('\n'),
  );
};

const demonstrate = async (undo: Undo, stop: AbortSignal): Promise<void> => {
  say('Starting PostgreSQL and the airlock ...');
  const airlock = await startAirlock(undo);
  stop.throwIfAborted();
  const owner = new pg.Client({ connectionString: airlock.directUrl });
  await owner.connect();
  const directly = async (sql: string): Promise<readonly string[]> =>
    (await owner.query<string[]>({ text: sql, rowMode: 'array' })).rows[0] ?? [];
  const agent = await connectAgent(airlock.url, airlock.proxy.auditDirectory);
  undo.push(() => Promise.all([agent.end(), owner.end()]));
  const [version = ''] = await directly("SELECT split_part(current_setting('server_version'), ' ', 1)");
  await introduce(airlock, version);
  await play({ agent, airlock, directly }, stop);
  await agent.end();
  await showTrail(airlock);
  await showMetrics(airlock);

  heading('Your turn');
  command(`psql "${airlock.url}"`);
  if (process.env['ONCE'] === '1') return;
  say(`All of it stays up until Ctrl-C. Edit ${join(airlock.manifests, 'policy.yaml')}, and the next statement follows it.`);
  if (!stop.aborted) await once(stop, 'abort');
};

const undo: Undo = [];
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
try {
  await demonstrate(undo, stopping.signal);
} catch (error) {
  if (!stopping.signal.aborted) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  for (const step of undo.reverse()) await step().catch(() => undefined);
}
