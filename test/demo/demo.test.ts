/** `make demo ONCE=1`, as a program. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProgramEnd, runProgram } from '../clients/program.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

/** Takes the usual port, unless it is taken already. */
const occupy = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(server));
    server.listen(5432, '127.0.0.1', () => resolve(server));
  });

/** The lines from one statement of the agent to what follows. */
const answered = (output: string, statement: string): string => {
  const [, rest] = output.split(`agent> ${statement}\n`);
  return rest?.split(/^(?! {2})/m)[0]?.trim() ?? `the agent never sent ${statement}`;
};

const REFUSAL = 'BLOCKED   ERROR 42501: permission denied for ';

describe('make demo ONCE=1', () => {
  let usualPort: Server;
  let ended: ProgramEnd;
  let shop: string;

  beforeAll(async () => {
    usualPort = await occupy();
    shop = await readFile(join(import.meta.dirname, 'shop.sql'), 'utf8');
    ended = await runProgram(process.execPath, [MAIN], { env: { ONCE: '1' } });
  }, 120_000);
  afterAll(() => usualPort.close());

  it('ends by itself, without a complaint', () => {
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('takes the next port where 5432 is taken, and says so', () => {
    const [, port, remark] = /^The airlock listens on 127\.0\.0\.1:(\d+)( \(5432 is taken\))?, /m.exec(ended.stdout) ?? [];
    // Somebody else who had the port may have gone in the meantime.
    expect(usualPort.listening && port === '5432').toBe(false);
    expect(remark !== undefined).toBe(port !== '5432');
    expect(ended.stdout).toContain(`$ psql "postgres://reporting-agent:agent-password@127.0.0.1:${port}/shop"\n`);
  });

  it.each([
    [
      'SELECT city, count(*) FROM customers GROUP BY city ORDER BY 2 DESC, 1 LIMIT 2',
      'ALLOWED   city    | count\n            Berlin  | 3\n            Hamburg | 3',
    ],
    [
      'SELECT region, count(*), sum(amount) FROM orders GROUP BY region',
      'FILTERED  region = eu | count = 24 | sum = 6860.40\n            Past the airlock the table has: apac 12, eu 24, us 24.',
    ],
    ['SELECT ssn AS name FROM customers LIMIT 1', 'MASKED    name = ***'],
    [
      "SELECT name FROM customers WHERE ssn LIKE '92%'",
      "MASKED    (0 rows)\n            Past the airlock that finds 3: the agent's condition met the masks.",
    ],
    ['SELECT ssn::int FROM customers', 'MASKED    ERROR 22P02: invalid input syntax for type integer: "***"'],
    [
      'SELECT * FROM secrets',
      `${REFUSAL}relation "secrets"\n            DETAIL: No policy in force grants it to this agent.\n            HINT: Relations that may be read: public.customers, public.orders.`,
    ],
    ["SELECT name, email FROM customers WHERE city = 'Bern'", 'MASKED    name = Bruno Keller | email = ***@keller.example'],
  ])('shows what came of %s', (statement, expected) => {
    expect(answered(ended.stdout, statement)).toBe(expected);
  });

  it.each([
    ["SELECT api_key_of('payments')", 'function api_key_of'],
    ["SELECT pg_read_file('/etc/passwd')", 'function pg_read_file'],
    ['SELECT 1; DROP TABLE orders', 'DROP TABLE'],
    ["SELECT name, phone, email FROM customers WHERE city = 'Bern'", 'column "phone" of relation "public.customers"'],
  ])('shows that %s is refused', (statement, what) => {
    expect(answered(ended.stdout, statement).split('\n')[0]).toBe(`${REFUSAL}${what}`);
  });

  it('shows the policy changing under a session, and a slip that changes nothing', () => {
    const answers = ended.stdout.match(/(?<=agent> SELECT name, city FROM customers ORDER BY id LIMIT 1\n).*/g);
    const masked = '  MASKED    name = A*** | city = Hamburg';
    expect(answers).toEqual([masked, masked]);
    expect(ended.stdout).toContain('unknown field "colums". Did you mean "columns"?');
  });

  it('shows the policy opening writes, and rules that stop accidents', () => {
    const first = (statement: string): string | undefined => answered(ended.stdout, statement).split('\n')[0];
    expect(first("UPDATE orders SET status = 'paid' WHERE id = 2")).toBe('FILTERED  UPDATE 1');
    expect(answered(ended.stdout, "UPDATE orders SET status = 'paid' WHERE 1 = 1")).toBe(
      `BLOCKED   ERROR 42501: permission denied by rule "no-mass-change"
            DETAIL: The statement is UPDATE and has no WHERE clause that leaves a row out. Rule "no-mass-change" of policy default/reporting refuses that.
            HINT: Add a WHERE clause that names the rows that are meant.`,
    );
    expect(answered(ended.stdout, "UPDATE orders SET status = 'paid' WHERE id > 2")).toMatch(
      /^UNDONE {4}ERROR 42501: permission denied by rule "few-at-a-time"\n.*\n.*\n {12}Past the airlock (\d+) orders were paid before, and \1 are now\.$/,
    );
    expect(first("UPDATE orders SET region = 'us' WHERE id = 2")).toBe(
      'UNDONE    ERROR 42501: new row violates the row filter of relation "public.orders"',
    );
    expect(first('UPDATE orders SET amount = 0 WHERE id = 2')).toBe(
      'BLOCKED   ERROR 42501: permission denied to update column "amount" of relation "orders"',
    );
    expect(answered(ended.stdout, "UPDATE orders SET status = 'paid' WHERE id = 3")).toBe(
      'FILTERED  UPDATE 0\n            Order 3 is in region apac: not there for the agent, not even to write.',
    );
  });

  it('ends with the audit trail, its check and what was counted', () => {
    expect(ended.stdout.match(/^\d{4}-.* (Allow|Deny) /gm)?.length).toBe(24);
    expect(ended.stdout).toMatch(/^intact: 1 segment, \d+ records$/m);
    expect(ended.stdout).toContain('pg_airlock_blocked_total{rule="rules",reason="definition-unopened"} 1');
    expect(ended.stdout).toContain('pg_airlock_masked_rows_total{relation="public.customers",column="ssn"}');
    expect(ended.stdout).toContain('pg_airlock_policy_reloads_total{result="Refused"} 1');
    expect(ended.stdout).toContain('pg_airlock_blocked_total{rule="rules",reason="rule-refused"} 1');
  });

  it('shows none of what the shop hides', () => {
    const hidden = [/\d{3}-\d\d-\d{4}/g, /\b\d{16}\b/g, /\+\d+ \d+ \d+/g, /live-\w+/g, /(?<=')[\w.]+@(?=[\w.]+\.example')/g].map(
      (each) => shop.match(each) ?? [],
    );
    expect(hidden.map((values) => values.length)).toEqual([12, 12, 12, 3, 12]);
    expect(hidden.flat().filter((value) => ended.stdout.includes(value))).toEqual([]);
  });

  it('fits on a few screens, without colour where there is no terminal', () => {
    expect(stripVTControlCharacters(ended.stdout)).toBe(ended.stdout);
    expect(ended.stdout.split('\n').length).toBeLessThan(190);
  });
});
