/**
 * Definitions that a rule opens, on a real server: what they may do, and that none is a way around masks, filters and grants.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorkshop, type Workshop } from './workshop.ts';

let workshop: Workshop;

beforeAll(async () => {
  workshop = await startWorkshop();
}, 60_000);
afterAll(() => workshop.stop());

/** Runs statements in a session of their own, one after the other; undoes nothing. */
const inSession = async (...statements: readonly string[]): Promise<readonly unknown[]> => {
  const session = await workshop.session();
  try {
    const answers: unknown[] = [];
    for (const statement of statements) answers.push(await session.run(statement));
    return answers;
  } finally {
    await session.run('ROLLBACK');
    await session.end();
  }
};

describe('a definition is refused, for it could show what is hidden:', () => {
  it.each([
    // Masked: its columns keep their names and types, and nothing looks at its rows.
    'ALTER TABLE users RENAME COLUMN ssn TO x',
    'ALTER TABLE users RENAME TO people2',
    'ALTER VIEW users RENAME TO notes',
    'ALTER INDEX users RENAME TO notes',
    'ALTER SEQUENCE users RENAME TO notes',
    'ALTER TABLE users SET SCHEMA other',
    'ALTER TABLE users ALTER COLUMN ssn TYPE varchar USING ssn || 1',
    'ALTER TABLE users ADD COLUMN copy text GENERATED ALWAYS AS (ssn) STORED',
    'ALTER TABLE users ADD COLUMN more int',
    "ALTER TABLE users ADD CHECK (ssn <> '123-45-6789')",
    'ALTER TABLE users DROP COLUMN ssn',
    'ALTER TABLE users ALTER COLUMN ssn SET DEFAULT 1',
    'DROP TABLE users',
    'DROP TABLE IF EXISTS users CASCADE',
    'CREATE INDEX ON users ((1 / (pin - 4711)))',
    'CREATE UNIQUE INDEX ON users (ssn)',
    'CREATE SEQUENCE s OWNED BY users.id',
    'CREATE VIEW notes AS SELECT * FROM users',
    'CREATE MATERIALIZED VIEW notes AS SELECT * FROM orders',
    'CREATE TABLE notes (LIKE users)',
    'CREATE TABLE notes () INHERITS (users)',
    'CREATE TABLE notes OF users',
    'CREATE TABLE notes (u users)',
    'CREATE TABLE notes (u app.users[])',
    'CREATE DOMAIN d AS users',
    'TRUNCATE users',
    // Filtered.
    'ALTER TABLE tickets RENAME COLUMN tenant TO x',
    'ALTER TABLE tickets ADD CHECK (tenant = 1)',
    'CREATE INDEX ON tickets ((1 / (tenant - 2)))',
    'CREATE TABLE notes (id int REFERENCES tickets)',
    'CREATE VIEW notes AS SELECT * FROM tickets',
    'TRUNCATE tickets',
    "ALTER TYPE kind RENAME VALUE 'mine' TO 'ours'",
    'ALTER TYPE kind RENAME TO kind2',
    // Partitions and views of what is hidden in part.
    'ALTER TABLE people_a RENAME TO notes',
    'ALTER TABLE people_a RENAME COLUMN ssn TO x',
    'ALTER TABLE people DETACH PARTITION people_a',
    "CREATE TABLE people_b PARTITION OF people FOR VALUES IN ('b')",
    'DROP VIEW narrow',
    'CREATE OR REPLACE VIEW narrow AS SELECT 1 AS id',
    // Not granted at all.
    'ALTER TABLE secrets RENAME TO notes',
    'ALTER TABLE secrets RENAME TO unheard_of',
    'ALTER INDEX secrets RENAME TO notes',
    'ALTER TABLE secrets SET SCHEMA other',
    'ALTER TABLE secrets RENAME COLUMN pin TO id2',
    'ALTER TABLE secrets ADD CHECK (pin <> 4711)',
    'ALTER TABLE secrets ADD CONSTRAINT c CHECK (pin <> 4711) NOT VALID',
    'ALTER TABLE secrets ADD COLUMN x int GENERATED ALWAYS AS (1 / (pin - 4711)) STORED',
    'ALTER TABLE secrets ADD COLUMN x int CHECK (pin <> 4711)',
    'ALTER TABLE secrets ADD COLUMN x int NOT NULL',
    'ALTER TABLE secrets ADD COLUMN x int NOT NULL DEFAULT NULL',
    'ALTER TABLE secrets ADD COLUMN x int DEFAULT 1 UNIQUE',
    'ALTER TABLE secrets ADD COLUMN x int DEFAULT 7 REFERENCES orders',
    'ALTER TABLE secrets ADD COLUMN x int DEFAULT 1 REFERENCES orders ON DELETE CASCADE',
    'ALTER TABLE secrets ADD COLUMN x int DEFAULT 1 / floor(random())',
    'ALTER TABLE secrets ADD COLUMN x varchar(1) DEFAULT gen_random_uuid()',
    'ALTER TABLE secrets ADD COLUMN x present',
    'ALTER TABLE secrets ADD COLUMN x smallserial',
    'ALTER TABLE secrets ADD COLUMN x int GENERATED ALWAYS AS IDENTITY (MAXVALUE 1)',
    'ALTER TABLE vault ADD COLUMN x int PRIMARY KEY',
    'ALTER TABLE secrets ALTER COLUMN pin TYPE text USING (1 / (pin - 4711))::text',
    'ALTER TABLE secrets ALTER COLUMN note SET NOT NULL',
    'CREATE UNIQUE INDEX ON vault (pin)',
    'CREATE INDEX ON secrets ((1 / (pin - 4711)))',
    'CREATE INDEX ON secrets (id) WHERE 1 / (pin - 4711) > 0',
    'CREATE TABLE notes (pin int REFERENCES secrets (pin))',
    'CREATE TABLE notes (pin int, FOREIGN KEY (pin) REFERENCES app.secrets (pin))',
    'ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES secrets (pin)',
    'ALTER TABLE secrets ADD FOREIGN KEY (pin) REFERENCES orders',
    'CREATE VIEW notes AS SELECT * FROM secrets',
    'CREATE TABLE notes AS SELECT * FROM secrets',
    'CREATE OR REPLACE VIEW all_secrets AS SELECT * FROM orders',
    'CREATE TABLE notes (a int DEFAULT (SELECT pin FROM secrets))',
    'CREATE TABLE notes PARTITION OF secrets DEFAULT',
    'ALTER TABLE people ATTACH PARTITION vault DEFAULT',
    'ALTER TABLE orders INHERIT vault',
    // What else falls with it is hidden in part.
    'DROP TABLE secrets CASCADE',
    'DROP TABLE whole CASCADE',
    'ALTER TABLE whole DROP COLUMN id CASCADE',
    'DROP VIEW whole_view CASCADE',
    'ALTER TABLE typed DROP COLUMN id CASCADE',
    'DROP TABLE called CASCADE',
    // Deleting is not granted, and rows would go with those of another relation.
    'ALTER TABLE whole ADD COLUMN x int DEFAULT 1 REFERENCES orders ON DELETE CASCADE',
    'ALTER TABLE whole ADD FOREIGN KEY (id) REFERENCES orders ON DELETE CASCADE',
    'ALTER TABLE secrets DROP COLUMN note CASCADE',
    // A granted name is not given to another relation.
    'ALTER TABLE orders RENAME TO notes',
    'ALTER TABLE orders RENAME TO users2; ALTER TABLE users2 RENAME TO later',
    // Elsewhere, temporary, or PostgreSQL's own.
    'CREATE TABLE other.x (a int)',
    'DROP TABLE orders, other.x',
    'CREATE TEMP TABLE users (a int)',
    'CREATE TABLE pg_temp.users (a int)',
    'CREATE TABLE pg_catalog.users (a int)',
    'SELECT 1 AS a INTO TEMP users',
    'CREATE TEMP VIEW users AS SELECT 1',
    'CREATE SCHEMA other2',
    'COMMENT ON TABLE pg_catalog.pg_class IS NULL',
    'VACUUM',
    'VACUUM (VERBOSE) orders',
    'REINDEX DATABASE postgres',
    'TRUNCATE orders CASCADE',
    'EXPLAIN ANALYZE CREATE TABLE notes AS SELECT 1',
    // Code, rights and owners, whatever the rules say.
    'ALTER TABLE orders OWNER TO owner',
    'ALTER TABLE orders DISABLE TRIGGER ALL',
    'ALTER TABLE orders ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE orders SET (fillfactor = 50)',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT pin FROM app.secrets $$',
    'CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE RULE r AS ON INSERT TO orders DO INSTEAD SELECT * FROM app.secrets',
    'CREATE POLICY p ON orders',
    'CREATE EXTENSION dblink',
    'CREATE AGGREGATE a (int) (SFUNC = int4pl, STYPE = int)',
    'CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)',
    'CREATE CAST (text AS int) WITH INOUT',
    'CREATE STATISTICS s ON pin, note FROM app.secrets',
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC',
    'ALTER ROLE owner SUPERUSER',
    'ALTER SYSTEM SET log_statement = 1',
    'ALTER SCHEMA app RENAME TO app2',
    'DROP SCHEMA app CASCADE',
    'DROP OWNED BY owner',
    'GRANT ALL ON app.secrets TO PUBLIC',
    'DO $$ BEGIN END $$',
    'ALTER DOMAIN d ADD CHECK (value > 1)',
    "SECURITY LABEL ON TABLE orders IS 'x'",
  ])('%s', async (sql) => {
    const before = await workshop.server.sql(FINGERPRINT);
    const [answer] = await inSession(sql);
    expect(answer).toMatch(/^(42501|0A000|42P01): /);
    expect(await workshop.server.sql(FINGERPRINT)).toEqual(before);
  });
});

/** Everything that definitions could change. */
const FINGERPRINT = `SELECT md5(string_agg(x, ',' ORDER BY x)) FROM (
  SELECT c.oid || c.relname || c.relnamespace || c.relowner || c.relrowsecurity AS x FROM pg_class c WHERE c.oid > 16383 AND c.relkind <> 't'
  UNION ALL SELECT attrelid || attname || atttypid FROM pg_attribute WHERE attrelid > 16383 AND NOT attisdropped
  UNION ALL SELECT oid || conname FROM pg_constraint WHERE oid > 16383
  UNION ALL SELECT oid || proname FROM pg_proc WHERE oid > 16383
  UNION ALL SELECT oid || typname FROM pg_type WHERE oid > 16383
  UNION ALL SELECT oid || nspname FROM pg_namespace WHERE oid > 16383) AS parts`;

describe('what a transaction made and undid is not taken for what is there:', () => {
  const REMADE = 'DROP TABLE vault; CREATE TABLE vault (pin int)';
  const PROBE = 'CREATE UNIQUE INDEX ON vault (pin)';
  const REFUSED = expect.stringMatching(/^42501: permission denied to alter "app.vault"/);

  it('in one text', async () => {
    expect(await inSession(`BEGIN; ${REMADE}; ROLLBACK; ${PROBE}`)).toEqual([REFUSED]);
    expect(await inSession(`BEGIN; SAVEPOINT a; ${REMADE}; ROLLBACK TO a; ${PROBE}`)).toEqual([REFUSED]);
    expect(await inSession(`BEGIN; SAVEPOINT a; ${REMADE}; RELEASE a; ROLLBACK; ${PROBE}`)).toEqual([REFUSED]);
  });

  it('in several', async () => {
    expect((await inSession('BEGIN', REMADE, 'ROLLBACK', PROBE)).at(-1)).toEqual(REFUSED);
    expect((await inSession('BEGIN', 'SAVEPOINT a', REMADE, 'ROLLBACK TO a', PROBE)).at(-1)).toEqual(REFUSED);
  });

  it('after a transaction that failed and was "committed"', async () => {
    expect((await inSession('BEGIN', REMADE, 'SELECT 1/0', `COMMIT; ${PROBE}`)).at(-1)).toEqual(REFUSED);
    expect((await inSession('BEGIN', REMADE, 'SAVEPOINT a', 'SELECT 1/0', `COMMIT; ${PROBE}`)).at(-1)).toEqual(REFUSED);
  });

  it('by a statement that was prepared meanwhile', async () => {
    const own = await workshop.session();
    await own.run('BEGIN');
    await own.run(REMADE);
    expect(await own.prepared('p', PROBE)).toEqual([]);
    await own.run('ROLLBACK');
    expect(await own.prepared('p', PROBE)).toEqual(REFUSED);
    await own.end();
  });

  it('by several messages at once', async () => {
    const own = await workshop.session();
    const answers = await Promise.all(['BEGIN', REMADE, 'ROLLBACK', PROBE].map((sql) => own.run(sql)));
    expect(answers.at(-1)).toEqual(REFUSED);
    await own.end();
  });
});

describe('no operator that a policy does not name is reached by a type', () => {
  it.each([
    ['CREATE TABLE notes (x money)', 'SELECT x ### x FROM notes'],
    ["CREATE TABLE notes AS SELECT '(1)'::money AS x", 'SELECT x ### x FROM notes'],
    ["CREATE VIEW notes AS SELECT '(1)'::money AS x", 'SELECT x ### x FROM notes'],
    ['ALTER TABLE orders ADD COLUMN x money', 'SELECT x ### x FROM orders'],
    ['CREATE TYPE wrapped AS (x money)', 'SELECT (\'("(1)")\'::wrapped).x ### (\'("(1)")\'::wrapped).x'],
    ['CREATE DOMAIN wrapped AS money', "SELECT '(1)'::wrapped ### '(1)'::wrapped"],
  ])('that its transaction made: %s', async (made, probe) => {
    expect(await inSession('BEGIN', made, probe)).toEqual([[], [], expect.stringMatching(/^42501: permission denied for operator ###/)]);
  });
});

describe('a rule opens definitions', () => {
  it('of a migration in one transaction, with the statements on what it has made', async () => {
    expect(
      await inSession(
        'BEGIN',
        'CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL DEFAULT now()::text, order_id int, CHECK (length(body) < 99))',
        'CREATE TABLE unheard_of (id int PRIMARY KEY, note_id int REFERENCES notes ON DELETE CASCADE)',
        'CREATE UNIQUE INDEX notes_body ON notes (lower(body)) WHERE id > 0',
        'ALTER TABLE notes ADD CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES orders (id), ADD COLUMN extra int',
        'ALTER TABLE unheard_of ADD COLUMN more int NOT NULL DEFAULT 5, ADD CONSTRAINT u UNIQUE (more)',
        'SELECT id, body, extra FROM notes',
        'SELECT * FROM unheard_of',
      ),
    ).toEqual([[], [], [], [], [], [], [], expect.stringContaining('permission denied for relation "unheard_of"')]);
  });

  it('in one text, and each is seen by those after it', async () => {
    const text =
      'CREATE TABLE notes (id int PRIMARY KEY); CREATE INDEX ON notes (id); SELECT * FROM notes; DROP TABLE notes; SELECT 1 AS one';
    expect(await inSession(text, 'SELECT * FROM notes')).toEqual([[{ one: 1 }], '42P01: relation "notes" does not exist']);
  });

  it('and the session sees what it committed at once, another does too', async () => {
    const other = await workshop.session();
    expect(await other.run('SELECT * FROM notes')).toMatch(/^42P01/);
    expect(
      await inSession(
        'CREATE TABLE IF NOT EXISTS notes (id int)',
        'SELECT id FROM notes',
        'ALTER TABLE notes ADD COLUMN b int',
        'SELECT b FROM notes',
      ),
    ).toEqual([[], [], [], []]);
    expect(await other.run('SELECT id, b FROM notes')).toEqual([]);
    expect(await other.run('DROP TABLE notes')).toEqual([]);
    expect(await inSession('SELECT * FROM notes')).toEqual(['42P01: relation "notes" does not exist']);
    await other.end();
  });

  it('of a name that the policy masks, and the mask holds from the first row on', async () => {
    const [made] = await inSession('CREATE TABLE later (id int, ssn text)');
    await workshop.server.sql("INSERT INTO app.later VALUES (1, 'raw-later')");
    expect([made, ...(await inSession('SELECT * FROM later', 'ALTER TABLE later RENAME COLUMN ssn TO x', 'DROP TABLE later'))]).toEqual([
      [],
      [{ id: 1, ssn: '***' }],
      expect.stringMatching(/^42501/),
      expect.stringMatching(/^42501/),
    ]);
    await workshop.server.sql('DROP TABLE app.later');
  });

  it.each([
    [
      'CREATE INDEX CONCURRENTLY orders_i ON orders USING btree (user_id DESC NULLS LAST, total) INCLUDE (id)',
      'DROP INDEX CONCURRENTLY IF EXISTS orders_i',
    ],
    ['CREATE INDEX secrets_i ON secrets (note)', 'ALTER INDEX secrets_i RENAME TO secrets_j', 'DROP INDEX app.secrets_j'],
    [
      "CREATE TYPE mood AS ENUM ('a')",
      "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'b' AFTER 'a'",
      "ALTER TYPE app.mood RENAME VALUE 'a' TO 'c'",
      'DROP TYPE mood',
    ],
    ['CREATE TYPE pair AS (a int, b text)', 'DROP TYPE IF EXISTS pair'],
    ['CREATE DOMAIN positive AS int CHECK (VALUE > 0)', 'CREATE TABLE notes (p positive)', 'DROP TABLE notes', 'DROP DOMAIN positive'],
    ['CREATE SEQUENCE s START 5', 'ALTER SEQUENCE s RESTART 7', 'DROP SEQUENCE s'],
    ['CREATE VIEW order_sums AS SELECT user_id, sum(total) AS total FROM orders GROUP BY user_id', 'DROP VIEW order_sums'],
    ['CREATE TABLE notes AS SELECT * FROM users', 'SELECT ssn FROM notes WHERE id = 1', 'DROP TABLE notes'],
    [
      'ALTER TABLE orders ADD COLUMN note text',
      'ALTER TABLE orders RENAME COLUMN note TO remark',
      'ALTER TABLE orders ALTER COLUMN remark TYPE varchar(9) USING upper(remark)',
      'ALTER TABLE orders DROP COLUMN remark',
    ],
    ['ALTER TABLE secrets ADD COLUMN IF NOT EXISTS extra int DEFAULT 5', 'ALTER TABLE secrets DROP COLUMN extra'],
    ["ALTER TABLE secrets ADD COLUMN extra varchar(9) DEFAULT 'a'::text NOT NULL", 'ALTER TABLE secrets DROP COLUMN extra'],
    ['ALTER TABLE secrets ADD COLUMN extra timestamptz DEFAULT now() NOT NULL', 'ALTER TABLE secrets DROP COLUMN extra'],
    ['BEGIN', "ALTER TYPE kind ADD VALUE 'other' BEFORE 'mine'", 'ROLLBACK'],
    [
      'CREATE TABLE notes (id int, at timestamptz) PARTITION BY RANGE (at)',
      "CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
      'DROP TABLE notes',
    ],
    [
      "COMMENT ON TABLE orders IS 'x'",
      "COMMENT ON COLUMN app.orders.id IS 'y'",
      'VACUUM (ANALYZE) orders',
      'ANALYZE orders (id)',
      'REINDEX TABLE orders',
    ],
    ['CREATE TABLE notes (user_id int REFERENCES users (id))', 'DROP TABLE notes'],
    [
      'CREATE TABLE notes (order_id int REFERENCES orders ON DELETE CASCADE)',
      'ALTER TABLE notes ADD COLUMN parent int REFERENCES orders ON DELETE CASCADE',
      'CREATE VIEW over_notes AS SELECT * FROM notes',
      'DROP TABLE IF EXISTS notes CASCADE',
    ],
    [
      'CREATE TABLE notes (id int PRIMARY KEY, parent int REFERENCES notes ON DELETE CASCADE, other int, FOREIGN KEY (other) REFERENCES app.notes (id))',
      'INSERT INTO notes VALUES (1, 1, 1)',
      'DROP TABLE notes',
    ],
    ['BEGIN', 'ALTER TABLE whole ADD FOREIGN KEY (id) REFERENCES orders ON DELETE RESTRICT NOT VALID', 'ROLLBACK'],
    ['BEGIN', 'ALTER TABLE orders ADD COLUMN x int REFERENCES orders ON DELETE CASCADE, DROP COLUMN total CASCADE', 'ROLLBACK'],
    ['BEGIN', 'LOCK TABLE orders IN SHARE MODE', 'TRUNCATE orders RESTART IDENTITY', 'ROLLBACK'],
    ['BEGIN', 'CREATE TABLE "Notes" ("Id" int)', 'ALTER TABLE "Notes" RENAME TO "notes ""2"', 'COMMIT', 'DROP TABLE "notes ""2" RESTRICT'],
  ])('%s, %s', async (...statements) => {
    const before = await workshop.server.sql(FINGERPRINT);
    for (const answer of await inSession(...statements)) expect(answer).toEqual(expect.any(Array));
    expect(await workshop.server.sql(FINGERPRINT)).toEqual(before);
  });

  it('but says which rule refuses, and what it would take', async () => {
    expect(await inSession('CREATE MATERIALIZED VIEW m AS SELECT * FROM orders', 'CREATE TABLE other.x (a int)')).toEqual([
      '42501: permission denied by rule "no-matviews"',
      '42501: permission denied for CREATE TABLE',
    ]);
  });
});

describe('a relation that somebody alters and does not commit', () => {
  it('holds up those who ask for it for a moment, and nobody else', async () => {
    const blocker = new pg.Client({ connectionString: workshop.server.superuserUrl });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE app.tickets');
    // What was checked before is checked again under another catalog.
    await inSession('CREATE SEQUENCE fresh', 'DROP SEQUENCE fresh');
    expect(await Promise.all([inSession('SELECT id FROM tickets'), inSession('SELECT id FROM orders WHERE id = 1')])).toEqual([
      [expect.stringMatching(/^57P03: could not check the grant/)],
      [[{ id: 1 }]],
    ]);
    await blocker.query('ROLLBACK');
    await blocker.end();
  });
});
