/**
 * `make demo`: a real PostgreSQL, the real proxy in front of it, and an agent's session over a real client. Nothing in it is
 * staged: what is printed is what came back. `ONCE=1` ends it by itself.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { SHOP, TABLES } from './shop.ts';
import { heading, quote, refusal, rows, say, statement, type Verdict } from './story.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PASSWORD = 'agent-password';
const run = promisify(execFile);

/** What is to be undone, newest first, whatever happens. */
const undo: (() => Promise<unknown>)[] = [];

/** The first free port from 5432 on. */
const freePort = async (from: number): Promise<number> => {
  for (let port = from; port < from + 100; port++) {
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error(`no free port from ${from} on`);
};

/** One statement of the agent, and what came of it. */
const ask = async (agent: pg.Client, sql: string, verdict: Verdict): Promise<void> => {
  statement(sql);
  try {
    const result = await agent.query({ text: sql, rowMode: 'array' });
    rows(
      verdict,
      result.fields.map((field) => field.name),
      result.rows as unknown[][],
    );
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const blocked = error.code === '42501';
    refusal(blocked ? 'blocked' : 'failed', {
      message: error.message,
      ...(error.code === undefined ? {} : { code: error.code }),
      ...(error.detail === undefined ? {} : { detail: error.detail }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
};

/** The policy file with one change, put in place as an editor does it; resolves when the proxy has looked at it. */
const edit = async (proxy: TestProxy, path: string, change: (text: string) => string, message: string): Promise<void> => {
  const seen = proxy.log().length;
  await writeFile(path, change(await readFile(path, 'utf8')));
  await proxy.logged((line) => proxy.log().indexOf(line) >= seen && line.msg === message);
};

const session = async (agent: pg.Client): Promise<void> => {
  heading('2. What the agent may read');
  await ask(agent, 'SELECT id, name, city FROM customers ORDER BY id LIMIT 3', 'allowed');
  await ask(agent, 'SELECT name, email, card_number, ssn FROM customers ORDER BY id LIMIT 3', 'masked');
  await ask(agent, 'SELECT region, count(*), sum(amount) FROM orders GROUP BY region', 'filtered');

  heading('3. Masked at read: the database itself computes on the mask, so no trick finds the value');
  await ask(agent, "SELECT upper(ssn) AS city, row_to_json(c)->>'card_number' AS name FROM customers c WHERE id = 1", 'masked');
  await ask(agent, "SELECT count(*) FROM customers WHERE ssn LIKE '5%'", 'masked');
  await ask(agent, 'SELECT ssn::int FROM customers WHERE id = 1', 'masked');

  heading('4. What the agent may not do');
  await ask(agent, 'SELECT service, key FROM api_keys', 'blocked');
  await ask(agent, "SELECT pg_read_file('/etc/passwd')", 'blocked');
  await ask(agent, 'COMMIT; DROP TABLE customers', 'blocked');
  await ask(agent, 'DELETE FROM orders', 'blocked');

  heading('5. Errors are written for an agent that wants to do better');
  await ask(agent, 'SELECT name, phone FROM customers WHERE id = 2', 'blocked');
  await ask(agent, 'SELECT name, city FROM customers WHERE id = 2', 'allowed');
};

const policyChanges = async (agent: pg.Client, proxy: TestProxy, policy: string): Promise<void> => {
  heading('6. Policy is a file, and a change holds from the next statement on');
  const masked = (text: string): string =>
    text
      .replace('columns: [id, name, city, created_at]', 'columns: [id, name, created_at]')
      .replace('masks:', 'masks:\n          - { column: city, mask: { type: Redact } }');
  await edit(proxy, policy, masked, 'policy in force');
  say('city is masked now, in the session that is open:');
  await ask(agent, 'SELECT name, city FROM customers WHERE id = 2', 'masked');
  await edit(
    proxy,
    policy,
    (text) => text.replace('type: Redact', 'type: Redcat'),
    'the change is refused; the last good policy stays in force',
  );
  const problem = proxy.log().findLast((line) => line.msg === 'manifest' && line.level === 'error');
  say('');
  say('A file with a mistake is refused, and the last good policy stays:');
  quote(String(problem?.problem));
};

const records = async (proxy: TestProxy): Promise<void> => {
  const cli = join(ROOT, 'cli', 'main.ts');
  heading('7. Everything is on record: pg-airlock audit show, then verify');
  // A completion follows its decision within a moment.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { stdout: shown } = await run(process.execPath, [cli, 'audit', 'show', proxy.auditDirectory]);
  quote(shown);
  const { stdout: verified } = await run(process.execPath, [cli, 'audit', 'verify', proxy.auditDirectory]);
  quote(verified);

  heading('8. And counted: /metrics');
  const listening = await proxy.logged((line) => line.msg === 'listening');
  const metrics = await (await fetch(`http://${String(listening.metrics)}/metrics`)).text();
  quote(
    metrics
      .split('\n')
      .filter((text) => /^pg_airlock_(statements|blocked|masked_statements|masked_rows|rows|audit_failures)_total/.test(text))
      .join('\n'),
  );
};

const play = async (): Promise<void> => {
  heading('1. A shop on PostgreSQL, and pg-airlock in front of it');
  const postgres = await startPostgres();
  undo.unshift(() => postgres.stop());
  await postgres.sql(SHOP.split(';')[0]!);
  await postgres.sql(SHOP.split(';')[1]!);
  await postgres.sql(TABLES, 'shop');
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-demo-'));
  undo.unshift(() => rm(folder, { recursive: true, force: true }));
  await cp(join(ROOT, 'examples', 'quickstart'), folder, { recursive: true });
  const connection = join(folder, 'connection.yaml');
  await writeFile(connection, (await readFile(connection, 'utf8')).replace('port: 5433', `port: ${postgres.port}`));
  const port = await freePort(5432);
  const proxy = await startProxy({ manifests: folder, flags: ['--listen', `127.0.0.1:${port}`] });
  undo.unshift(() => proxy.stop());
  say(`PostgreSQL 18 with customers, orders and api_keys; the proxy's role owns them all.`);
  say(`pg-airlock listens on 127.0.0.1:${port}${port === 5432 ? '' : ' (5432 is taken)'}, with the manifests of examples/quickstart:`);
  quote((await readFile(join(folder, 'policy.yaml'), 'utf8')).split('relations:')[1]!.replace(/^\n/, ''));

  const agent = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'reporting-agent',
    password: PASSWORD,
    database: 'shop',
    application_name: 'demo',
  });
  await agent.connect();
  undo.unshift(() => agent.end().catch(() => undefined));
  agent.on('error', () => undefined);
  await session(agent);
  await policyChanges(agent, proxy, join(folder, 'policy.yaml'));
  await records(proxy);

  heading('9. Your turn');
  say(`psql postgres://reporting-agent:${PASSWORD}@127.0.0.1:${port}/shop`);
  if (process.env.ONCE) return;
  say(`The policy is ${join(folder, 'policy.yaml')}: edit it while you are connected. Ctrl-C ends the demo.`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
};

try {
  await play();
} finally {
  for (const step of undo) await step();
}
process.exit(0);
