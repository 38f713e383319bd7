import { spawnSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../clients/program.ts';
import { eventually, type Shop, startShop } from '../clients/shop.ts';
import { send, types } from '../support/raw-client.ts';
import { endOf, errorOf, openSession, startSession, valuesOf } from './sessions.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.stop());

describe('/metrics', () => {
  /** Samples of these families, without those that measure time. */
  const samples = async (): Promise<string[]> => {
    const { body } = await shop.probe('/metrics');
    const counted =
      /^pg_airlock_(statements_total|statement_results_total|blocked_total|masked_\w+|rows_total|bytes_total|sessions\w*|statement_errors_total|decision_duration_seconds_count|upstream_duration_seconds_count)\b/;
    return body
      .split('\n')
      .filter((line) => counted.test(line))
      .toSorted();
  };

  it('counts each statement of a session, once, as what came of it', async () => {
    const session = await openSession(shop);
    const { client } = session;
    await client.query('SELECT id, name FROM customers WHERE id <= 10');
    await client.query('SELECT ssn, email FROM customers WHERE id <= 4');
    await client.query('SELECT count(*) FROM orders');
    await client.query('SELECT * FROM secrets');
    await client.query("SELECT pg_read_file('/etc/passwd')");
    await client.query('DELETE FROM orders');
    await client.query('SELECT 1/0');
    await client.query('SELEC 1');
    await client.query('BEGIN');
    await client.query('COMMIT');
    const run = [send.bind('', 'p', ['3']), send.execute(), send.sync()];
    await client.exchange(send.parse('p', 'SELECT ssn FROM customers WHERE id = $1'), ...run);
    await client.exchange(...run);
    client.write(send.terminate());
    await endOf(session);
    await startSession(shop, 'wrong');
    await eventually(async () => (await samples()).includes('pg_airlock_sessions 0'));
    expect(await samples()).toMatchInlineSnapshot(`
      [
        "pg_airlock_blocked_total{rule="functions",reason="function-refused"} 1",
        "pg_airlock_blocked_total{rule="grammar",reason="syntax-error"} 1",
        "pg_airlock_blocked_total{rule="relations",reason="relation-refused"} 1",
        "pg_airlock_blocked_total{rule="relations",reason="write-refused"} 1",
        "pg_airlock_bytes_total{direction="from_agent"} 793",
        "pg_airlock_bytes_total{direction="to_agent"} 442",
        "pg_airlock_decision_duration_seconds_count 12",
        "pg_airlock_masked_rows_total{relation="public.customers",column="email"} 4",
        "pg_airlock_masked_rows_total{relation="public.customers",column="ssn"} 6",
        "pg_airlock_masked_statements_total{relation="public.customers",column="email"} 1",
        "pg_airlock_masked_statements_total{relation="public.customers",column="ssn"} 3",
        "pg_airlock_rows_total 17",
        "pg_airlock_sessions 0",
        "pg_airlock_sessions_total{result="Accepted"} 1",
        "pg_airlock_sessions_total{result="AuthenticationFailed"} 1",
        "pg_airlock_statement_errors_total{class="22"} 1",
        "pg_airlock_statement_results_total{result="Completed"} 7",
        "pg_airlock_statement_results_total{result="Failed"} 1",
        "pg_airlock_statement_results_total{result="Refused"} 4",
        "pg_airlock_statements_total{decision="Allow",kind="Select"} 6",
        "pg_airlock_statements_total{decision="Allow",kind="Transaction"} 2",
        "pg_airlock_statements_total{decision="Deny",kind="Delete"} 1",
        "pg_airlock_statements_total{decision="Deny",kind="Other"} 1",
        "pg_airlock_statements_total{decision="Deny",kind="Select"} 2",
        "pg_airlock_upstream_duration_seconds_count 8",
      ]
    `);
  });
});

describe('/readyz', () => {
  it('says what is ready', async () => {
    const { status, body } = await shop.probe('/readyz');
    expect(status).toBe(200);
    expect(body.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'ready: listener:',
      'ready: audit',
      'ready: catalog:',
      'ready: manifests:',
      '',
    ]);
  });
});

const canLimit = spawnSync('prlimit', ['--version']).status === 0;
if (!canLimit) process.stderr.write('\nprlimit is not installed: the audit store that cannot be written is SKIPPED\n');

describe.skipIf(!canLimit)('an audit store that cannot be written', () => {
  /** The kernel refuses what would make the proxy's files larger, as a full disk would. */
  const limit = async (size: string): Promise<void> => {
    const { code, stderr } = await runProgram('prlimit', [`--pid=${shop.proxy.process.pid}`, `--fsize=${size}:unlimited`]);
    expect([code, stderr]).toEqual([0, '']);
  };
  const size = async (): Promise<number> => {
    const names = (await readdir(shop.proxy.auditDirectory)).filter((name) => name.endsWith('.jsonl')).toSorted();
    return (await stat(join(shop.proxy.auditDirectory, names.at(-1) ?? ''))).size;
  };

  it('stops statements with 58030, says so to /readyz, and goes on without a gap when it can be written again', async () => {
    const { client } = await openSession(shop);
    await client.query('BEGIN');
    await limit(String(await size()));
    const refused = await client.query("SELECT 'unrecorded'");
    expect(errorOf(refused)).toEqual({ severity: 'ERROR', code: '58030', message: 'could not write the audit record' });
    expect(types(refused)).toBe('E Z');
    const extended = await client.exchange(send.parse('', "SELECT 'unrecorded'"), send.bind('', ''), send.execute(), send.sync());
    expect([types(extended), errorOf(extended)?.code]).toEqual(['E Z', '58030']);
    // A new session is recorded first of all.
    expect(errorOf((await startSession(shop)).started)?.code).toBe('58030');
    const { status, body } = await shop.probe('/readyz');
    expect(status).toBe(503);
    expect(body).toContain('not ready: audit: The audit store could not be written');
    expect((await shop.probe('/metrics')).body).toMatch(/^pg_airlock_audit_failures_total [1-9]/m);
    await limit('unlimited');
    // The store finds out by itself.
    await eventually(async () => (await shop.probe('/readyz')).status === 200);
    expect(types(await client.query('ROLLBACK'))).toBe('C Z');
    expect(valuesOf(await client.query("SELECT 'recorded'"))).toEqual(['recorded']);
    const verified = await runProgram(process.execPath, [
      join(import.meta.dirname, '../../cli/main.ts'),
      'audit',
      'verify',
      shop.proxy.auditDirectory,
    ]);
    expect([verified.code, verified.stderr]).toEqual([0, '']);
  });
});
