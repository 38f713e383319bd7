/**
 * A database that is full of canaries wherever the agent must not look, and statements that make PostgreSQL print values in messages.
 */

/** Of every value that is hidden. Numbers are as long as no figure that an agent writes here. */
export const CANARY = /CANARY|77000\d{3}/;

export const SCHEMA = `
  CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);
  CREATE TABLE accounts (
    id int PRIMARY KEY, name text NOT NULL CHECK (name <> 'bad'), region text, amount int,
    secret text UNIQUE, hidden int NOT NULL DEFAULT 77000999 CHECK (hidden > 0), worth positive DEFAULT 1,
    share int GENERATED ALWAYS AS (1000 / amount) STORED);
  INSERT INTO accounts (id, name, region, amount, secret, hidden)
    SELECT i, CASE WHEN i % 2 = 0 THEN 'name ' || i ELSE 'CANARY-name-' || i END, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'us' END, i,
      'CANARY-secret-' || i, 77000000 + i FROM generate_series(1, 8) i;
  CREATE TABLE ledger (account int REFERENCES accounts, note text);
  INSERT INTO ledger SELECT i, 'CANARY-note' FROM generate_series(1, 8) i;
  CREATE TABLE later (id int PRIMARY KEY, account int REFERENCES accounts DEFERRABLE INITIALLY DEFERRED, hidden text DEFAULT 'CANARY-later');
  CREATE TABLE slots (id int PRIMARY KEY, during int4range, hidden text DEFAULT 'CANARY-slot', EXCLUDE USING gist (during WITH &&));
  INSERT INTO slots VALUES (1, '[77000100,77000200)'), (2, '[10,20)');
  CREATE TABLE parts (id int, hidden int DEFAULT 77000555) PARTITION BY LIST (hidden);
  CREATE TABLE part_a PARTITION OF parts FOR VALUES IN (1);
  CREATE TABLE watched (id int PRIMARY KEY, note text, hidden text DEFAULT 'CANARY-watched', number int DEFAULT 77000777);
  INSERT INTO watched (id, note) VALUES (1, 'one'), (2, 'two');
  CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE found int;
    BEGIN
      CASE NEW.note
        WHEN 'notice' THEN RAISE NOTICE 'it was %', NEW.hidden USING DETAIL = NEW.hidden, HINT = NEW.hidden;
        WHEN 'warning' THEN RAISE WARNING 'it was %', NEW.hidden;
        WHEN 'info' THEN RAISE INFO 'it was %', NEW.hidden;
        WHEN 'raise' THEN RAISE 'it was %', NEW.hidden USING DETAIL = NEW.hidden, HINT = NEW.hidden, COLUMN = NEW.hidden;
        WHEN 'code' THEN RAISE 'it was %', NEW.hidden USING ERRCODE = '23505', DETAIL = 'Key (id)=(' || NEW.hidden || ') already exists.',
          SCHEMA = 'public', TABLE = 'watched';
        WHEN 'names' THEN RAISE 'it was %', NEW.hidden USING ERRCODE = '42703';
        WHEN 'assert' THEN ASSERT false, NEW.hidden;
        WHEN 'cast' THEN found := NEW.hidden::int;
        WHEN 'divide' THEN found := 1 / (NEW.number - NEW.number);
        WHEN 'dynamic' THEN EXECUTE 'SELECT 1 FROM accounts WHERE nothing = ' || quote_literal(NEW.hidden);
        WHEN 'syntax' THEN EXECUTE 'SELEC ' || quote_literal(NEW.hidden);
        WHEN 'many' THEN SELECT a.id INTO STRICT found FROM accounts a WHERE a.secret LIKE NEW.hidden || '%';
        WHEN 'key' THEN INSERT INTO accounts (id, name, region, amount, secret) VALUES (70, 'x', 'eu', 1, 'CANARY-secret-1');
        WHEN 'json' THEN PERFORM NEW.hidden::json;
        WHEN 'xml' THEN PERFORM NEW.hidden::xml;
        ELSE NULL;
      END CASE;
      RETURN NEW;
    END $$;
  CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION watch();
  CREATE FUNCTION asks() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELECT nothing FROM ledger WHERE note = ' ||
    (SELECT quote_literal(note) FROM ledger LIMIT 1); END$$;
  CREATE FUNCTION asks_lines() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELECT 1 / 0 /* ' ||
    (SELECT E'\n SQL function "x" statement 1\nPL/pgSQL function "' || note || E'"() line 1 at RAISE\n' FROM ledger LIMIT 1) || '*/'; END$$;
  CREATE FUNCTION says_body() RETURNS int LANGUAGE plpgsql AS $$DECLARE found int; BEGIN PERFORM asks_body(); RETURN found; END$$;
  CREATE FUNCTION asks_body() RETURNS int LANGUAGE plpgsql AS $$DECLARE found int; BEGIN
    found := 1 / (0 * length('CANARY-body')); RETURN found; END$$;
  CREATE FUNCTION asks_sql() RETURNS int LANGUAGE sql AS $$SELECT 1 / (0 * length('CANARY-body' || random()))$$;
  CREATE FUNCTION asks_all() RETURNS void LANGUAGE plpgsql AS $$BEGIN
    PERFORM 1 / (0 * length('CANARY-body' || account)) FROM ledger; END$$;
  CREATE TABLE patient (id int PRIMARY KEY, hidden text DEFAULT 'CANARY-patient');
  CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'patient %', NEW.hidden USING ERRCODE = '25P01'; END$$;
  CREATE CONSTRAINT TRIGGER complain AFTER INSERT ON patient DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION complain();
  CREATE TABLE own (id int PRIMARY KEY, code text UNIQUE, n int NOT NULL CHECK (n > 0), account int REFERENCES watched);
  INSERT INTO own VALUES (1, 'a', 1, 1);
  CREATE TABLE own_parts (id int, n int) PARTITION BY LIST (id);
  CREATE TABLE own_part PARTITION OF own_parts FOR VALUES IN (1, 2) PARTITION BY LIST (n);
  CREATE TABLE own_leaf (n int, id int CHECK (id <> 2));
  ALTER TABLE own_part ATTACH PARTITION own_leaf FOR VALUES IN (1);
  CREATE TABLE keyed_parts (id int PRIMARY KEY, n int CHECK (n > 0), hidden text DEFAULT 'CANARY-keyed') PARTITION BY LIST (id);
  CREATE TABLE keyed_part PARTITION OF keyed_parts FOR VALUES IN (1, 2);
  INSERT INTO keyed_parts VALUES (1, 1);
  CREATE TABLE own_parent (id int CHECK (id > 0));
  CREATE TABLE wider_child (hidden text DEFAULT 'CANARY-wider') INHERITS (own_parent);
  INSERT INTO wider_child VALUES (1);
  ANALYZE`;

const writable = (name: string, columns: readonly string[], more: Readonly<Record<string, unknown>> = {}): unknown => ({
  name: `public.${name}`,
  select: { columns, ...more },
  insert: { columns },
  update: { columns },
  delete: {},
});

export const RELATIONS: readonly unknown[] = [
  {
    ...(writable('accounts', ['id', 'name', 'region', 'amount'], { masks: [{ column: 'secret', mask: { type: 'Redact' } }] }) as object),
    where: "region = 'eu'",
  },
  { ...(writable('slots', ['id', 'during']) as object), where: 'id > 1' },
  writable('later', ['id', 'account']),
  writable('parts', ['id']),
  writable('watched', ['id', 'note']),
  writable('patient', ['id']),
  writable('own', ['*']),
  writable('own_parts', ['*']),
  writable('own_parent', ['*']),
  writable('keyed_parts', ['id', 'n']),
];

/** Granted: what they read is their own, and so is what they say; the texts of what they run are not told. */
export const FUNCTIONS: readonly string[] = ['asks', 'asks_lines', 'says_body', 'asks_body', 'asks_sql', 'asks_all'];

const NOTES = 'notice warning info raise code names assert cast divide dynamic syntax many key json xml'.split(' ');

/** What an agent may try on values that it cannot see. `{}`: an expression of text. */
const PRINTERS = [
  '({})::int',
  '({})::numeric(3,1)',
  '({})::date',
  '({})::timestamptz',
  '({})::interval',
  '({})::json',
  '({})::jsonb',
  '({})::xml',
  '({})::uuid',
  '({})::inet',
  '({})::bytea::text',
  '({})::bit(3)',
  '({})::int4range',
  '({})::text[]',
  '({})::point',
  '({})::bool',
  '({})::tsquery',
  '({})::jsonpath',
  "'a' ~ ('(' || ({}))",
  "regexp_replace('a', '[' || ({}), '')",
  "to_date({}, 'YYYY-MM-DD')",
  "to_timestamp({}, 'YYYY-MM-DD')",
  "to_number({}, '999')",
  "decode({}, 'hex')",
  'decode(name, {})',
  "format('%' || ({}), 1)",
  'date_trunc({}, now())',
  'now() AT TIME ZONE ({})',
  "'a' LIKE ({}) ESCAPE ({})",
  "jsonb_path_query('{}', ({})::jsonpath)",
  'to_tsquery({})',
  "string_to_array({}, ',')::int[]",
  "convert_from(convert_to({}, 'UTF8'), ({}))",
  "('{\"a\": ' || ({}) || '}')::json",
  'xmlparse(document {})',
  'make_interval(days => length({}) * 1000000000)',
  'repeat({}, 1000000000)',
  'power(10, 400) || ({})',
];

const reading = PRINTERS.flatMap((printer) =>
  ['name', 'secret', 'secret || name'].map(
    (column) =>
      `SELECT ${printer
        .replaceAll('({})', `(${column})`)
        .replaceAll('{}', column)
        .replace("jsonb_path_query('" + column + "'", "jsonb_path_query('{}'")} FROM accounts`,
  ),
);

/** Each a conversation of its own. */
export const TELLING: readonly (readonly string[])[] = [
  ...reading.map((sql) => [sql]),
  ...reading.filter((_, index) => index % 3 === 0).map((sql) => [`COPY (${sql}) TO STDOUT`]),
  ...PRINTERS.slice(0, 16).map((printer) => [`SELECT id FROM accounts WHERE ${printer.replaceAll('{}', 'name')} IS NULL`]),
  ['SELECT 1 / (amount - 3) FROM accounts'],
  ['SELECT (amount * 1000000000)::int FROM accounts WHERE amount = 7'],
  ['SELECT hidden FROM accounts'],
  ['SELECT accounts.share FROM accounts'],
  [
    'DECLARE c CURSOR WITH HOLD FOR SELECT name::int FROM accounts',
    'BEGIN',
    'DECLARE c CURSOR WITH HOLD FOR SELECT name::int FROM accounts',
    'COMMIT',
  ],
  ['BEGIN', 'DECLARE c CURSOR FOR SELECT name::date FROM accounts', 'FETCH ALL FROM c'],
  ["INSERT INTO accounts (id, name, region, amount) VALUES (20, 'bad', 'eu', 1)"],
  ["INSERT INTO accounts (id, name, region, amount) VALUES (1, 'x', 'eu', 1)"],
  ["INSERT INTO accounts (id, name, region, amount) VALUES (2, 'x', 'eu', 1)"],
  ["INSERT INTO accounts (id, name, region, amount) VALUES (20, NULL, 'eu', 1)"],
  ["INSERT INTO accounts (id, name, region, amount) VALUES (20, 'x', 'us', 1)"],
  ["INSERT INTO accounts (id, name, region, amount) VALUES (20, 'x', 'eu', 0)"],
  [
    'INSERT INTO accounts (id, name, region, amount) SELECT id + 1, name, region, amount FROM accounts ON CONFLICT (id) DO UPDATE SET name = NULL',
  ],
  ["UPDATE accounts SET name = 'bad'"],
  ['UPDATE accounts SET name = NULL'],
  ['UPDATE accounts SET amount = 0'],
  ['UPDATE accounts SET id = 1'],
  ["UPDATE accounts SET region = 'us'"],
  ['UPDATE accounts SET id = id + 1'],
  ['UPDATE accounts SET amount = 1 / (amount - 4)'],
  ['UPDATE accounts SET amount = secret::int'],
  ['UPDATE accounts SET name = name WHERE name::int = 1'],
  ['DELETE FROM accounts'],
  ['DELETE FROM accounts WHERE name::int = 1'],
  ['DELETE FROM accounts WHERE id = 2 RETURNING secret::int'],
  ['MERGE INTO accounts a USING (SELECT 2 AS id) s ON a.id = s.id WHEN MATCHED THEN UPDATE SET name = NULL'],
  ['BEGIN', 'INSERT INTO later (id, account) VALUES (1, 99)', 'COMMIT'],
  ['INSERT INTO later (id, account) VALUES (1, 99)'],
  ['BEGIN', 'INSERT INTO later (id, account) VALUES (1, 99)', 'SET CONSTRAINTS ALL IMMEDIATE'],
  ["INSERT INTO slots (id, during) VALUES (5, '[1,100000000)')"],
  ["INSERT INTO slots (id, during) VALUES (5, '[15,16)')"],
  ["UPDATE slots SET during = '[77,99999999)' WHERE id = 2"],
  ['INSERT INTO parts (id) VALUES (1)'],
  ...NOTES.flatMap((note) => [
    [`UPDATE watched SET note = '${note}' WHERE id = 1`],
    [`INSERT INTO watched (id, note) VALUES (9, '${note}')`],
    ['BEGIN', `WITH changed AS (UPDATE watched SET note = '${note}' WHERE id = 1 RETURNING id) SELECT * FROM changed`],
    [`PREPARE p AS UPDATE watched SET note = '${note}' WHERE id = 1`, 'EXECUTE p'],
    [`SELECT 1; UPDATE watched SET note = '${note}' WHERE id = 1; SELECT 2`],
  ]),
  ...FUNCTIONS.flatMap((name) => [
    [`SELECT ${name}()`],
    [`SELECT n FROM own WHERE ${name}() IS NULL`],
    [`PREPARE p AS SELECT ${name}()`, 'EXECUTE p'],
  ]),
  ['INSERT INTO patient (id) VALUES (1)'],
  ['BEGIN', 'INSERT INTO patient (id) VALUES (1)', 'SELECT 1', 'COMMIT'],
  ['BEGIN', 'INSERT INTO patient (id) VALUES (1)', 'SET CONSTRAINTS ALL IMMEDIATE'],
  ['INSERT INTO patient (id) VALUES (1); SELECT 1'],
  ['SET client_min_messages = debug5', 'SELECT secret FROM accounts'],
  ["SELECT set_config('client_min_messages', 'debug1', false)", 'UPDATE accounts SET amount = 5'],
  ['SET client_min_messages = log', 'SELECT secret FROM accounts'],
  ['SET debug_print_plan = on', 'SELECT secret FROM accounts'],
  ['SET log_statement_stats = on', 'SELECT secret FROM accounts'],
  ['EXPLAIN (VERBOSE) SELECT secret FROM accounts', 'EXPLAIN ANALYZE SELECT * FROM accounts'],
];

/** COPY FROM STDIN and its data. */
export const COPIES: readonly (readonly [string, string])[] = [
  ['COPY accounts (id, name, region, amount) FROM STDIN', '30\tbad\teu\t1\n'],
  ['COPY accounts (id, name, region, amount) FROM STDIN', '1\tx\teu\t1\n'],
  ['COPY accounts (id, name, region, amount) FROM STDIN', '31\tx\teu\t0\n'],
  ['COPY watched (id, note) FROM STDIN', '9\traise\n'],
  ['COPY watched (id, note) FROM STDIN', '9\tcast\n'],
  ['COPY watched (id, note) FROM STDIN WHERE 1 / (number - number) > id', '9\tx\n'],
  ['COPY watched (id, note) FROM STDIN WHERE watched::text::json IS NULL', '9\tx\n'],
  ['COPY patient (id) FROM STDIN WHERE hidden::int > 0', '9\n'],
  ...FUNCTIONS.map((name) => [`COPY own_parts FROM STDIN WHERE ${name}() IS NULL`, '1\t1\n'] as const),
  ['COPY patient FROM STDIN', '9\n'],
  ['COPY patient (id) FROM STDIN', '9\n'],
  ['COPY parts (id) FROM STDIN', '9\n'],
  ['COPY slots (id, during) FROM STDIN', '9\t[1,100000000)\n'],
];
