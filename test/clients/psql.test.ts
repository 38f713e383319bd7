import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { type ProgramEnd, programVersion, runProgram } from './program.ts';
import { CANARY, eventually, type Shop, startShop } from './shop.ts';

const installed = programVersion('psql');

/** Backslash commands that tell about the database, and come out as they do without the airlock. */
const CATALOG_COMMANDS = String.raw`
\d
\d customers
\d+ orders
\d bonn
\dS+ pg_class
\dt+
\dv
\di+
\ds
\dm
\dE
\dn+
\df
\dfS lower
\dT
\dTS int*
\dp
\z orders
\dx
\dD
\dg
\du+
\l
\l+ shop
\dC int4
\do =
\dO
\dA
\dAc btree
\dF
\dFd
\dy
\des
\dew
\det
\dL
\dRp
\dX
\dc ascii*
\dP
\ddp
\dd
\dRs
\drds
\deu+
\dl
\dconfig+ work_mem
\db
\db+ pg_default
`;

/** Backslash commands that answer, but without texts of views and functions. */
const DEFINITIONS = String.raw`
\d+ bonn
\df+ twice
\sf twice
\sv bonn
`;

/** What else people type, on what is granted in the clear. */
const SESSION = String.raw`
\encoding
\pset null '(none)'
SELECT id, name, born, tags, profile, photo, balance, joined FROM customers WHERE id < 4 ORDER BY id;
SELECT city, count(*), sum(balance) FROM customers GROUP BY city ORDER BY city \gx
\set FETCH_COUNT 3
SELECT id, name FROM customers WHERE id < 12 ORDER BY id;
\unset FETCH_COUNT
\copy (SELECT id, name, tags FROM customers WHERE id < 4 ORDER BY id) to stdout
\copy (SELECT id, born FROM customers WHERE id < 4 ORDER BY id) to stdout (format csv, header)
COPY (SELECT id, joined FROM customers WHERE id < 3 ORDER BY id) TO STDOUT;
SELECT 41 + 1 AS answer, 'x y' AS "a b" \gset
\echo :answer :"a b"
SELECT format('SELECT %s AS n', i) FROM generate_series(1, 2) i \gexec
SELECT id, city, name FROM customers WHERE id < 3 ORDER BY id \crosstabview id city name
SELECT id, balance, joined FROM customers \gdesc
SELECT 1 \; SELECT 2 \; SELECT 3;
SET TIME ZONE 'Europe/Berlin';
SHOW timezone;
SELECT joined FROM customers WHERE id = 1;
RESET timezone;
SET statement_timeout = '20s';
SHOW statement_timeout;
PREPARE p(int) AS SELECT name FROM customers WHERE id = $1;
EXECUTE p(3);
DEALLOCATE p;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM orders WHERE region = 'eu' ORDER BY id;
FETCH 2 FROM c;
MOVE 3 IN c;
FETCH c;
CLOSE c;
SAVEPOINT s;
SELECT nope FROM customers;
ROLLBACK TO s;
SELECT 1/0;
\errverbose
ROLLBACK;
EXPLAIN (COSTS OFF) SELECT 1;
SELECT * FROM nowhere;
SELEC 1;
\sf nothing
`;

describe.skipIf(installed === undefined).for(POSTGRES_VERSIONS)('psql, PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({
      postgres: { version },
      setup: "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'; CREATE SEQUENCE loose",
    });
  });
  afterAll(() => shop.stop());
  const psql = (url: string, script: string, parameters: readonly string[] = []): Promise<ProgramEnd> =>
    runProgram('psql', ['-X', ...parameters, url], { input: script });

  it.for(['', '-A', '-1'])('shows what is granted as it is without the airlock (%s)', async (flag) => {
    const parameters = flag === '' ? [] : [flag];
    const direct = await psql(shop.directUrl, SESSION, parameters);
    expect(direct.stdout).toContain('customer 11');
    expect(await psql(shop.url, SESSION, parameters)).toEqual(direct);
  });

  it('describes the database as it does without the airlock', async () => {
    // psql 15 does not know each column that newer servers have renamed: what fails directly fails alike.
    const direct = await psql(shop.directUrl, CATALOG_COMMANDS);
    expect(direct.stdout).toContain('customers');
    expect(await psql(shop.url, CATALOG_COMMANDS)).toEqual(direct);
  });

  it('tells of views and functions all but their texts', async () => {
    const parameters = ['-A', '-t', '-F', ' '];
    const direct = await psql(shop.directUrl, DEFINITIONS, parameters);
    expect(direct.stdout).toContain('Bonn');
    expect(direct.stdout).toContain('$1 * 2');
    const through = await psql(shop.url, DEFINITIONS, parameters);
    expect(through).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^id integer .*public twice integer .*invoker .*CREATE OR REPLACE VIEW/s),
    });
    expect(through.stdout).not.toMatch(/Bonn|\$1/);
  });

  it('masks, filters and refuses', async () => {
    const script = String.raw`
SELECT id, email, ssn FROM customers WHERE id = 7 \gx
\set FETCH_COUNT 2
SELECT ssn FROM customers ORDER BY id LIMIT 3;
\unset FETCH_COUNT
\copy (SELECT ssn FROM customers WHERE id = 8) to stdout
\copy customers (id, email) to stdout
COPY orders TO STDOUT (FORMAT csv);
SELECT * FROM secrets;
\copy secrets to stdout
SELECT count(*) FROM orders;
\timing on
SELECT max(ssn) FROM customers;
\timing off
BEGIN;
SELECT * FROM secrets;
SELECT 1;
COMMIT;
SELECT 'goes on';
`;
    const { code, stdout, stderr } = await psql(shop.url, script, ['-A', '-t']);
    expect(stdout + stderr).not.toContain(CANARY);
    const lines = stdout.split('\n').map((line) => line.replace(/^Time: .*/, 'Time:'));
    expect(lines.slice(0, 8)).toEqual(['id|7', 'email|***@example.com', 'ssn|***7', '***1', '***2', '***3', '***8', '1\t***@example.com']);
    expect(lines.slice(107, 110)).toEqual(['2,3,eu,2.00', '4,5,eu,4.00', '6,7,eu,6.00']);
    expect(lines.slice(207)).toEqual(['100', 'Timing is on.', '***9', 'Time:', 'Timing is off.', 'BEGIN', 'ROLLBACK', 'goes on', '']);
    expect(stderr.split('\n').filter((line) => line.startsWith('ERROR'))).toEqual([
      ...Array<string>(3).fill('ERROR:  permission denied for relation "secrets"'),
      'ERROR:  current transaction is aborted, commands ignored until end of transaction block',
    ]);
    expect(code).toBe(0);
  });

  it.skipIf((installed ?? 0) < 16)('binds parameters', async () => {
    const script = 'SELECT id, ssn FROM customers WHERE id = $1 \\bind 5 \\g\nSELECT $1 || $2 \\bind a b \\g\n';
    expect((await psql(shop.url, script, ['-A', '-t'])).stdout).toBe('5|***5\nab\n');
  });

  it('cancels on Ctrl-C, and goes on', async () => {
    const interrupt = new AbortController();
    const ended = runProgram('psql', ['-X', '-A', '-t', shop.url], {
      input: "SELECT pg_sleep(600), 'to be cancelled';\nSELECT 'goes on';\n",
      signal: interrupt.signal,
    });
    const running = `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'`;
    await eventually(async () => (await shop.postgres.sql(running)).length === 1);
    interrupt.abort();
    // Not interactive, psql ends with the statement.
    const { stderr } = await ended;
    expect(stderr).toMatch(/^(Cancel request sent\n)?ERROR: {2}canceling statement due to user request\n/);
    await eventually(async () => (await shop.postgres.sql(running)).length === 0);
  });

  it('tells why it cannot connect', async () => {
    const wrong = await psql(shop.proxy.url('ann', 'shop', 'wrong'), 'SELECT 1');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('FATAL:  password authentication failed for user "ann"')]);
    const elsewhere = await psql(shop.url.replace(/shop$/, 'postgres'), 'SELECT 1');
    expect([elsewhere.code, elsewhere.stderr]).toEqual([
      2,
      expect.stringContaining('FATAL:  database "postgres" is not available to this agent'),
    ]);
  });
});
