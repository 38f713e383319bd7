/**
 * Temporary tables that a rule opens, on a real server: that they work, and that they hold nothing but what the agent could see.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Session, startWorkshop, type Workshop } from './workshop.ts';

const RULES = `
    - name: scratch
      match: { statements: [Create, Alter, Drop, Truncate, Analyze], schemas: [pg_temp] }
      action: Allow
`;

/** Functions and triggers that write to what they do not qualify, and to temporary tables of their own. */
const SQL = `
CREATE TABLE app.log (line text);
CREATE TABLE app.audit (id int PRIMARY KEY, line text);
CREATE FUNCTION app.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = app AS $$
BEGIN INSERT INTO log SELECT note FROM secrets; RETURN NEW; END $$;
CREATE TRIGGER keep AFTER INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.keep();
CREATE FUNCTION app.collect() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN CREATE TEMP TABLE IF NOT EXISTS Staged (note text); INSERT INTO staged SELECT note FROM app.secrets; RETURN 1; END $$;
CREATE FUNCTION app.dynamic() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE target text := 'heap of notes'; other text := 'heaped';
BEGIN EXECUTE 'INSERT INTO ' || quote_ident(other) || ' SELECT note FROM app.secrets'; RETURN 1; END $$;
CREATE FUNCTION app.harmless(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE TYPE app.shade AS ENUM ('dark');
`;

let workshop: Workshop;
beforeAll(async () => {
  workshop = await startWorkshop(18, { sql: SQL, rules: RULES });
}, 60_000);
afterAll(() => workshop.stop());

const inSession = async (...statements: readonly string[]): Promise<readonly unknown[]> => {
  const session = await workshop.session();
  try {
    const answers: unknown[] = [];
    for (const statement of statements) answers.push(await session.run(statement));
    return answers;
  } finally {
    await session.end();
  }
};

const last = async (...statements: readonly string[]): Promise<unknown> => {
  const answers = await inSession(...statements);
  for (const answer of answers.slice(0, -1)) expect(answer).toEqual(expect.any(Array));
  return answers.at(-1);
};

const UNKNOWN = expect.stringMatching(/^42P01: relation "t" does not exist/);

describe('a temporary table', () => {
  it.each<[string, readonly string[], unknown]>([
    ['of columns', ['CREATE TEMP TABLE t (id int PRIMARY KEY, b text)', "INSERT INTO t VALUES (1, 'x') RETURNING *"], [{ id: 1, b: 'x' }]],
    [
      'of a query',
      ['CREATE TEMPORARY TABLE t AS SELECT id, total FROM orders', 'SELECT id, total FROM t WHERE id = 1'],
      [{ id: 1, total: 10 }],
    ],
    ['of SELECT INTO', ['SELECT id INTO TEMP t FROM orders', 'SELECT max(id) AS most FROM pg_temp.t'], [{ most: 3 }]],
    ['by its schema', ['CREATE TABLE pg_temp.t (a int)', 'INSERT INTO pg_temp.t VALUES (1)', 'TABLE t'], [{ a: 1 }]],
    [
      'with a serial column',
      ['CREATE TEMP TABLE t (id serial, b int)', 'INSERT INTO t (b) VALUES (5), (6)', 'SELECT max(id) FROM t'],
      [{ max: 2 }],
    ],
    [
      'that is updated, merged, upserted, deleted from',
      [
        'CREATE TEMP TABLE t (id int PRIMARY KEY, n int CHECK (n > 0))',
        'INSERT INTO t SELECT id, total FROM orders',
        'INSERT INTO t VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = excluded.n + t.n',
        'UPDATE t SET n = t.n + o.total FROM orders o WHERE o.id = t.id',
        'MERGE INTO t USING orders o ON o.id = t.id WHEN MATCHED AND o.id = 3 THEN DELETE',
        'DELETE FROM t WHERE id = 2',
        'SELECT t.* FROM t',
      ],
      [{ id: 1, n: 21 }],
    ],
    [
      'joined with what is masked and filtered',
      [
        'CREATE TEMP TABLE t AS SELECT 1 AS id, 2 AS other',
        'SELECT u.ssn, k.subject, t.other FROM t JOIN users u ON u.id = t.id JOIN tickets k ON k.id = t.id AND k.tenant < t.other',
      ],
      [{ ssn: '***', subject: 'mine', other: 2 }],
    ],
    [
      'with a column of a name that is hidden elsewhere',
      ['CREATE TEMP TABLE t AS SELECT 7 AS tenant, id FROM users', 'SELECT tenant FROM users JOIN t USING (id) WHERE id = 1'],
      [{ tenant: 7 }],
    ],
    [
      'that is altered, indexed, analyzed, emptied',
      [
        'CREATE TEMP TABLE t AS SELECT * FROM orders',
        'ALTER TABLE t ADD COLUMN x text DEFAULT now()::text, DROP COLUMN total',
        'ALTER TABLE t RENAME COLUMN x TO y',
        'ALTER TABLE t ADD CONSTRAINT t_unique UNIQUE (id)',
        'CREATE INDEX t_y ON t (lower(y))',
        'ALTER INDEX t_y RENAME TO t_z',
        'DROP INDEX t_z',
        'ANALYZE t',
        'ALTER TABLE t RENAME TO t2',
        'TRUNCATE t2',
        'SELECT id, y FROM t2',
      ],
      [],
    ],
    [
      'that is made if it is not there',
      ['CREATE TEMP TABLE IF NOT EXISTS t (a int)', 'CREATE TEMP TABLE IF NOT EXISTS t (b int)', 'SELECT a FROM t'],
      [],
    ],
    ['that is dropped', ['DROP TABLE IF EXISTS t', 'CREATE TEMP TABLE t (a int)', 'DROP TABLE t', 'SELECT * FROM t'], UNKNOWN],
    [
      'that goes with its transaction',
      ['BEGIN', 'CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1 AS a', 'COMMIT', 'SELECT * FROM t'],
      UNKNOWN,
    ],
    ['whose rows go with it', ['BEGIN', 'CREATE TEMP TABLE t ON COMMIT DELETE ROWS AS SELECT 1 AS a', 'COMMIT', 'SELECT * FROM t'], []],
    [
      'of a transaction that is undone',
      ['BEGIN', 'CREATE TEMP TABLE t (a int)', 'SELECT * FROM t', 'ROLLBACK', 'SELECT * FROM t'],
      UNKNOWN,
    ],
    [
      'before and after a savepoint',
      ['BEGIN', 'CREATE TEMP TABLE t (a int)', 'SAVEPOINT s', 'DROP TABLE t', 'ROLLBACK TO s', 'COMMIT', 'SELECT a FROM t'],
      [],
    ],
    ['that is discarded', ['CREATE TEMP TABLE t (a int)', 'DISCARD TEMP', 'SELECT * FROM t'], UNKNOWN],
    ['that is discarded and not', ['CREATE TEMP TABLE t (a int)', 'BEGIN', 'DISCARD TEMP', 'ROLLBACK', 'SELECT * FROM t'], []],
    ['that is discarded with all', ['CREATE TEMP TABLE t (a int)', 'DISCARD ALL', 'SELECT * FROM t'], UNKNOWN],
    [
      'that refers to another',
      ['CREATE TEMP TABLE t (a int PRIMARY KEY)', 'CREATE TEMP TABLE t2 (a int REFERENCES t)', 'DROP TABLE t, t2'],
      [],
    ],
    ['in one text', ['CREATE TEMP TABLE t AS SELECT 5 AS a; INSERT INTO t VALUES (6); SELECT sum(a)::int FROM t'], [{ sum: 11 }]],
    [
      'that a permanent one is made of',
      ['CREATE TEMP TABLE t AS SELECT 5 AS a', 'CREATE TABLE notes AS SELECT a FROM t', 'DROP TABLE notes'],
      [],
    ],
    [
      'in PL and COPY',
      ['CREATE TEMP TABLE t AS SELECT 5 AS a', "SELECT count(*)::int FROM pg_class WHERE relname = 't' AND pg_table_is_visible(oid)"],
      [{ count: 1 }],
    ],
    ['whose rows are locked', ['CREATE TEMP TABLE t AS SELECT 5 AS a', 'SELECT a FROM t FOR UPDATE'], [{ a: 5 }]],
    ['by a cursor', ['CREATE TEMP TABLE t AS SELECT 5 AS a', 'BEGIN', 'DECLARE c CURSOR FOR SELECT a FROM t', 'FETCH c'], [{ a: 5 }]],
    ['by EXPLAIN', ['CREATE TEMP TABLE t (a int)', 'EXPLAIN (COSTS OFF) SELECT a FROM t'], [{ 'QUERY PLAN': 'Seq Scan on t' }]],
  ])('%s', async (_what, statements, expected) => {
    expect(await last(...statements)).toEqual(expected);
  });

  it('keeps what was made in the statement before an error', async () => {
    expect(await inSession('CREATE TEMP TABLE t (a int)', 'SELECT 1/0', 'SELECT a FROM t')).toEqual([
      [],
      expect.stringMatching(/^22012/),
      [],
    ]);
  });

  it('that an error undoes is not there', async () => {
    expect(await inSession('CREATE TEMP TABLE t (a int); SELECT 1/0', 'SELECT a FROM t')).toEqual([
      expect.stringMatching(/^22012/),
      UNKNOWN,
    ]);
  });

  it('is of its session alone', async () => {
    const own = await workshop.session();
    await own.run('CREATE TEMP TABLE t (a int)');
    expect([await own.run('SELECT a FROM t'), await inSession('SELECT a FROM t', 'SELECT a FROM pg_temp.t')]).toEqual([
      [],
      [UNKNOWN, expect.stringMatching(/^42P01/)],
    ]);
    await own.end();
  });

  it('tells whole what is wrong with its rows', async () => {
    const client = new pg.Client({ connectionString: workshop.proxy.url('builder', 'postgres', 'agent') });
    await client.connect();
    await client.query('CREATE TEMP TABLE t (a int CHECK (a > 0), b text)');
    await expect(client.query("INSERT INTO t VALUES (-1, 'x')")).rejects.toMatchObject({
      code: '23514',
      detail: 'Failing row contains (-1, x).',
    });
    await client.end();
  });

  it('may be made and asked for without waiting', async () => {
    const own = await workshop.session();
    const answers = await Promise.all(
      ['BEGIN', 'CREATE TEMP TABLE t AS SELECT 1 AS a', 'SELECT a FROM t', 'ROLLBACK', 'SELECT a FROM t'].map((sql) => own.run(sql)),
    );
    expect(answers).toEqual([[], [], [{ a: 1 }], [], UNKNOWN]);
    await own.end();
  });

  it('is another one for a prepared statement when it is made anew', async () => {
    const own: Session = await workshop.session();
    await own.run('CREATE TEMP TABLE t AS SELECT 1 AS a');
    const first = await own.prepared('p', 'SELECT a FROM t');
    await own.run('DROP TABLE t');
    const gone = await own.prepared('p', 'SELECT a FROM t');
    await own.run("CREATE TEMP TABLE t AS SELECT 2 AS a, 'x' AS b");
    expect([first, gone, await own.prepared('p', 'SELECT a FROM t')]).toEqual([[{ a: 1 }], UNKNOWN, [{ a: 2 }]]);
    await own.end();
  });
});

describe('a temporary table holds what the agent could see:', () => {
  it.each<[string, string, unknown]>([
    ['masks', 'CREATE TEMP TABLE t AS SELECT id, ssn AS x FROM users WHERE id = 1', [{ id: 1, x: '***' }]],
    ['stars', 'CREATE TEMP TABLE t AS TABLE users', [{ id: 1, name: 'ann', ssn: '***', pin: 4711 }, expect.anything()]],
    ['row filters', 'SELECT * INTO TEMP t FROM tickets', [{ id: 1, tenant: 1, subject: 'mine' }]],
    ['masks beneath partitions', 'CREATE TEMP TABLE t AS SELECT ssn FROM people', [{ ssn: '***' }]],
  ])('%s', async (_what, made, expected) => {
    expect(await last(made, 'SELECT * FROM t')).toEqual(expected);
  });

  it.each([
    'CREATE TEMP TABLE t AS SELECT * FROM secrets',
    'CREATE TEMP TABLE t (a int DEFAULT (SELECT pin FROM secrets))',
    'CREATE TEMP TABLE t (LIKE secrets INCLUDING ALL)',
    'CREATE TEMP TABLE t () INHERITS (secrets)',
    'CREATE TEMP TABLE t OF secrets',
    'CREATE TEMP TABLE t (s secrets)',
    "CREATE TEMP TABLE t PARTITION OF people FOR VALUES IN ('b')",
    'CREATE TEMP TABLE t (a int) PARTITION BY LIST (a)',
    'CREATE TEMP TABLE t (a int REFERENCES secrets (pin))',
    'CREATE TEMP TABLE t (a int DEFAULT app.harmless(1))',
    "CREATE TEMP TABLE t (a text DEFAULT pg_read_file('x'))",
    'CREATE TEMP TABLE t AS EXECUTE p',
    'CREATE TEMP VIEW t AS SELECT 1',
    'CREATE VIEW pg_temp.t AS SELECT 1',
    'CREATE TEMP SEQUENCE t',
    'CREATE SEQUENCE pg_temp.t',
    "CREATE TYPE pg_temp.t AS ENUM ('a')",
    'CREATE DOMAIN pg_temp.t AS int',
    'CREATE FUNCTION pg_temp.t() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE SCHEMA pg_temp',
    'DROP SCHEMA pg_temp',
    'CREATE TABLE pg_temp_3.t (a int)',
    'SELECT * FROM pg_temp_3.t',
    'ALTER TABLE notes SET SCHEMA pg_temp',
    'SET search_path = app, pg_temp',
    'CREATE TEMP TABLE app.t (a int)',
    'COMMENT ON TABLE pg_temp.t IS NULL',
  ])('refused: %s', async (sql) => {
    expect(await last(sql)).toEqual(expect.stringMatching(/^(42501|42P01|0A000|42704|26000|22023): /));
  });

  it.each([
    ['CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'],
    ['CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING'],
    ['ALTER TABLE t SET SCHEMA app'],
    ['ALTER TABLE t INHERIT secrets'],
    ['CREATE VIEW notes AS SELECT a FROM t'],
    ['CREATE MATERIALIZED VIEW notes AS SELECT a FROM t'],
    ['CREATE TABLE notes (a t)'],
    ['DROP TABLE t, orders'],
    ['ALTER TABLE t ADD COLUMN u secrets'],
    ['GRANT ALL ON t TO PUBLIC'],
  ])('refused on one: %s', async (sql) => {
    expect(await last('CREATE TEMP TABLE t (a int)', sql)).toEqual(expect.stringMatching(/^(42501|0A000): /));
  });

  it.each([
    ['another relation', 'CREATE TEMP TABLE log (line text)'],
    ['another relation, elsewhere', 'CREATE TABLE pg_temp.pg_class (line text)'],
    ['a relation that is made meanwhile', 'BEGIN; CREATE TABLE notes (a int); CREATE TEMP TABLE notes (a int)'],
    ['an index', 'CREATE TEMP TABLE secrets_note (a int)'],
    ['a type', 'CREATE TEMP TABLE shade (line text)'],
    ['a type of PostgreSQL', 'CREATE TEMP TABLE "int4" (line text)'],
    ['a row type', 'CREATE TEMP TABLE _log (line text)'],
    ['what a function makes itself', 'CREATE TEMP TABLE staged (note text)'],
    ['the same, in other letters', 'CREATE TEMP TABLE "STAGED" (note text)'],
    ['what a function puts together', 'CREATE TEMP TABLE heaped (note text)'],
  ])('refused, since it has the name of %s', async (_what, sql) => {
    expect(await last(sql)).toEqual(expect.stringMatching(/^42501: permission denied to create "pg_temp\./));
  });

  it.each([
    ['ALTER TABLE t RENAME TO log'],
    ['CREATE INDEX log ON t (a)'],
    ['ALTER TABLE t ADD CONSTRAINT log UNIQUE (a)'],
    ['ALTER TABLE t ADD COLUMN b int CONSTRAINT log PRIMARY KEY'],
    ['CREATE TEMP TABLE t2 (a int CONSTRAINT log UNIQUE)'],
    ['ALTER TABLE t ADD CONSTRAINT c UNIQUE (a); ALTER TABLE t RENAME CONSTRAINT c TO log'],
    ['CREATE INDEX i ON t (a); ALTER INDEX i RENAME TO log'],
  ])('refused, since what it makes would have the name of another: %s', async (sql) => {
    expect(await last('CREATE TEMP TABLE t (a int)', sql)).toEqual(expect.stringMatching(/^42501: permission denied to /));
  });

  it('and what a function makes under a name is not read by it', async () => {
    const own = await workshop.session();
    await workshop.server.sql('ALTER FUNCTION app.keep() RENAME TO kept');
    expect(await own.run('SELECT note FROM staged')).toMatch(/^42P01/);
    await workshop.server.sql('ALTER FUNCTION app.kept() RENAME TO keep');
    await own.end();
  });

  it('and is refused once another has its name', async () => {
    const own = await workshop.session();
    await own.run('CREATE TEMP TABLE newcomer (line text)');
    await own.run("INSERT INTO newcomer VALUES ('own')");
    expect(await own.run('SELECT line FROM newcomer')).toEqual([{ line: 'own' }]);
    await workshop.server.sql('CREATE TABLE other.newcomer (line text)');
    // A definition is judged by the newest catalog.
    await own.run('CREATE TEMP TABLE t (a int)');
    const refused = expect.stringMatching(/^42501: permission denied to use "newcomer"/);
    expect([
      await own.run('SELECT line FROM newcomer'),
      await own.run('INSERT INTO newcomer VALUES (1)'),
      await own.run('DROP TABLE newcomer'),
      await own.run('SELECT line FROM newcomer'),
    ]).toEqual([refused, refused, [], expect.stringMatching(/^42P01/)]);
    await own.end();
    await workshop.server.sql('DROP TABLE other.newcomer');
  });

  it('so that what a trigger writes stays where it belongs', async () => {
    expect(
      await last('CREATE TEMP TABLE t AS SELECT 1 AS a', 'INSERT INTO orders VALUES (100, 1, 1)', 'DELETE FROM orders WHERE id = 100'),
    ).toEqual([]);
    expect(await workshop.server.sql('SELECT line FROM app.log')).toEqual([{ line: 'raw-secret' }]);
  });
});

describe('without a rule', () => {
  it('temporary tables are refused, and the error says what would open them', async () => {
    const plain = await startWorkshop(18);
    const client = new pg.Client({ connectionString: plain.proxy.url('builder', 'postgres', 'agent') });
    await client.connect();
    for (const sql of ['CREATE TEMP TABLE t (a int)', 'SELECT 1 AS a INTO TEMP t', 'CREATE TEMP TABLE t AS SELECT 1 AS a'])
      await expect(client.query(sql)).rejects.toMatchObject({
        code: '42501',
        detail: 'No rule of a policy in force allows that to this agent for pg_temp.t.',
        hint: 'A rule would have to open temporary tables: match: { statements: [Create], schemas: [pg_temp] }, action: Allow.',
      });
    await client.end();
    await plain.stop();
  });
});
