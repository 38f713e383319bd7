/**
 * Statements that say something of a session's state, change it, or fail in it.
 */
import fc from 'fast-check';

/** `refused`: by the policy, so that the plain server gets a statement that fails at the same place. */
export type Statement = { readonly sql: string; readonly refused: boolean };

/** Fails in the parser, as what the proxy sends in place of a refused statement does. */
export const FAILS = 'refused by policy';

const one = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);

/** `{}` is replaced by what comes from the next arbitrary. */
const form = (text: string, ...parts: readonly fc.Arbitrary<string | number>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((values) => values.reduce<string>((made, value) => made.replace('{}', () => String(value)), text));

const id = fc.integer({ min: 1, max: 6 });
const count = fc.integer({ min: 0, max: 3 });
/** Statements and cursors have the same names in SQL and in the protocol. */
export const NAMES = ['s', 'u'] as const;
export const CURSORS = ['c', 'p'] as const;
const name = one(...NAMES);
const cursor = one(...CURSORS);
const savepoint = one('a', 'b', '"A"', 'A');

const reading = fc.oneof(
  one(
    'SELECT id, v, n FROM t ORDER BY id',
    'SELECT v FROM t ORDER BY id',
    'TABLE t',
    'SELECT count(*) FROM t',
    'SELECT f()',
    'SELECT id, ssn FROM people ORDER BY id',
    'SELECT id, name FROM people ORDER BY id',
    "SELECT id FROM people WHERE ssn = 'hidden' ORDER BY id",
    'SELECT * FROM part ORDER BY id',
    'SELECT count(*) FROM part',
    'SELECT i FROM generate_series(1, 5) i',
    'VALUES (1, $$a$$), (2, NULL)',
    'SELECT t::text FROM other.t ORDER BY id LIMIT 1',
    'SELECT v FROM other.t ORDER BY id',
  ),
  form('SELECT v FROM t WHERE id = {}', id),
  form('SELECT 6 / (id - {}) FROM t ORDER BY id', id),
  form('SELECT v FROM public.t WHERE id = {} FOR UPDATE', id),
);

const failing = one('SELECT 1/0', 'SELECT nothing FROM t', 'SELEC 1', "SELECT 'x'::int", 'SELECT id FROM part GROUP BY v', 'SELECT (1, ');

const writing = fc.oneof(
  form("INSERT INTO public.t VALUES ({}, 'new', {})", id, fc.integer({ min: 0, max: 3 })),
  form("INSERT INTO public.t VALUES ({}, 'new', 1) ON CONFLICT DO NOTHING", id),
  form("UPDATE public.t SET v = 'set', n = n - 1 WHERE id <= {}", id),
  form('DELETE FROM public.t WHERE id = {} RETURNING id, v', id),
  form('INSERT INTO d VALUES ({}, {})', id, fc.integer({ min: 1, max: 9 })),
  form('WITH gone AS (DELETE FROM public.t WHERE id = {} RETURNING *) SELECT v FROM gone', id),
);

const transaction = fc.oneof(
  one(
    'BEGIN',
    'BEGIN',
    'START TRANSACTION READ ONLY',
    'BEGIN ISOLATION LEVEL REPEATABLE READ',
    'COMMIT',
    'COMMIT',
    'END',
    'ROLLBACK',
    'ROLLBACK',
    'ABORT',
    'COMMIT AND CHAIN',
    'ROLLBACK AND CHAIN',
    'SET TRANSACTION READ ONLY',
    'SET CONSTRAINTS ALL IMMEDIATE',
    'SET CONSTRAINTS ALL DEFERRED',
  ),
  form('SAVEPOINT {}', savepoint),
  form('SAVEPOINT {}', savepoint),
  form('RELEASE {}', savepoint),
  form('ROLLBACK TO SAVEPOINT {}', savepoint),
  form('ROLLBACK TO {}', savepoint),
);

const path = one('other', 'public', 'other, public', '"$user", public', "''");

const settings = fc.oneof(
  form('SET search_path = {}', path),
  form('SET search_path TO {}', path),
  form('SET LOCAL search_path = {}', path),
  form("SELECT set_config('search_path', '{}', {})", one('other', 'public', 'other,public', '"$user", public', ''), one('true', 'false')),
  one(
    'RESET search_path',
    'SET search_path TO DEFAULT',
    'SET LOCAL search_path TO DEFAULT',
    'RESET ALL',
    'SET LOCAL application_name = $$local$$',
    "SET application_name = 'mine'",
    "SELECT set_config('application_name', 'by function', true)",
    'RESET application_name',
    'SET DateStyle = German',
    "SET LOCAL TimeZone = 'Europe/Berlin'",
    "SET TIME ZONE 'America/New_York'",
    'SET extra_float_digits = 0',
    'SET client_min_messages = error',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
    'RESET default_transaction_read_only',
  ),
);

const showing = one(
  'SHOW search_path',
  'SHOW search_path',
  'SHOW application_name',
  'SHOW TimeZone',
  'SHOW DateStyle',
  'SHOW transaction_isolation',
  'SHOW transaction_read_only',
  'SHOW default_transaction_read_only',
  'SHOW extra_float_digits',
  "SELECT current_setting('search_path'), current_setting('application_name')",
  'SELECT current_schemas(false), current_user, session_user',
  'SELECT now() = statement_timestamp()',
);

const cursors = fc.oneof(
  form(
    'DECLARE {} {} CURSOR {} FOR {}',
    cursor,
    one('', 'SCROLL', 'NO SCROLL', 'INSENSITIVE', 'BINARY'),
    one('', '', 'WITH HOLD', 'WITHOUT HOLD'),
    reading,
  ),
  form('FETCH {} FROM {}', one('1', '2', 'NEXT', 'ALL', 'BACKWARD 1', 'PRIOR', 'FIRST', 'LAST', 'ABSOLUTE 2', 'RELATIVE 0', '0'), cursor),
  form('FETCH {}', cursor),
  form('MOVE {} IN {}', one('1', 'ALL', 'BACKWARD ALL', 'LAST'), cursor),
  form('CLOSE {}', cursor),
  one('CLOSE ALL'),
);

const prepared = fc.oneof(
  form('PREPARE {} AS {}', name, fc.oneof(reading, writing)),
  form('PREPARE {} (int) AS SELECT v FROM t WHERE id = $1', name),
  form('EXECUTE {}', name),
  form('EXECUTE {}({})', name, id),
  form('DEALLOCATE {}', name),
  form('DEALLOCATE PREPARE {}', name),
  one('DEALLOCATE ALL'),
);

const discarding = one('DISCARD ALL', 'DISCARD PLANS', 'DISCARD SEQUENCES', 'DISCARD TEMP');

const copying = one(
  'COPY (SELECT id, v FROM t ORDER BY id) TO STDOUT',
  'COPY people TO STDOUT',
  'COPY part (id) TO STDOUT (FORMAT csv, HEADER)',
  'COPY (SELECT 6 / (id - 2) FROM t ORDER BY id) TO STDOUT',
);

const refused = one(
  'SELECT * FROM dark.secret',
  'SELECT secret FROM dark.secret LIMIT count_of_nothing',
  'SET ROLE postgres',
  'SET search_path FROM CURRENT',
  'RESET ROLE',
  'SET SESSION AUTHORIZATION postgres',
  'SET LOCAL ROLE NONE',
  "SELECT set_config('role', 'postgres', false)",
  "SELECT set_config('search_path', v, false) FROM t",
  'SET search_path = dark',
  "SELECT set_config('search_path', 'dark', true)",
  'SET standard_conforming_strings = off',
  'SET client_min_messages = debug5',
  "DO $$BEGIN PERFORM set_config('search_path', 'dark', false); END$$",
  'CREATE TEMP TABLE t (id int)',
  'CREATE TABLE s (id int)',
  'LISTEN x',
  'PREPARE TRANSACTION $$x$$',
  'COMMIT PREPARED $$x$$',
  "COPY t TO PROGRAM 'cat'",
  "SELECT pg_read_file('PG_VERSION')",
  'SELECT pg_terminate_backend(pg_backend_pid())',
  'PREPARE s AS SELECT * FROM dark.secret',
  'DECLARE c CURSOR FOR SELECT * FROM dark.secret',
  'INSERT INTO other.t VALUES (1)',
  'SELECT id, v FROM part WHERE v::int = 0 AND dark.nothing()',
);

const allowed = (texts: fc.Arbitrary<string>): fc.Arbitrary<Statement> => texts.map((sql) => ({ sql, refused: false }));

/** One statement. */
export const statement: fc.Arbitrary<Statement> = fc.oneof(
  { arbitrary: allowed(reading), weight: 5 },
  { arbitrary: allowed(failing), weight: 2 },
  { arbitrary: allowed(writing), weight: 4 },
  { arbitrary: allowed(transaction), weight: 9 },
  { arbitrary: allowed(settings), weight: 5 },
  { arbitrary: allowed(showing), weight: 4 },
  { arbitrary: allowed(cursors), weight: 7 },
  { arbitrary: allowed(prepared), weight: 6 },
  { arbitrary: allowed(discarding), weight: 1 },
  { arbitrary: allowed(copying), weight: 1 },
  { arbitrary: refused.map((sql) => ({ sql, refused: true })), weight: 3 },
);

/**
 * One statement that can be bound and run in portions. No FETCH: PostgreSQL itself crashes where one is described whose cursor has gone
 * (`FrontendHandler` keeps it from that), and the plain server would take both sides with it.
 */
export const portalStatement: fc.Arbitrary<Statement> = fc
  .oneof(
    { arbitrary: allowed(reading), weight: 3 },
    { arbitrary: allowed(form('SELECT id, v FROM t WHERE id > {} ORDER BY id', count)), weight: 1 },
    { arbitrary: statement, weight: 3 },
  )
  .filter(({ sql }) => !sql.startsWith('FETCH'));

/** What a Query may carry: several statements, one, or none. */
export const text: fc.Arbitrary<Statement> = fc.oneof(
  { arbitrary: statement, weight: 6 },
  {
    arbitrary: fc.array(statement, { minLength: 2, maxLength: 5 }).map((all) => ({
      sql: all.map(({ sql }) => sql).join('; '),
      refused: all.some((each) => each.refused),
    })),
    weight: 3,
  },
  { arbitrary: allowed(one('', ';', '-- nothing', ' /* é */ ;; ')), weight: 1 },
);

/** COPY that waits for the client's data. */
export const copyIn: fc.Arbitrary<Statement> = allowed(
  one('COPY public.t FROM STDIN', 'COPY public.t (id, v) FROM STDIN (FORMAT csv)', 'COPY locked FROM STDIN', 'COPY public.d FROM STDIN'),
);
