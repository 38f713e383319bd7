/**
 * Statements that together have every node, and every child of a node, that is let through: what is planted into.
 */
import type { GrammarVersion } from './declarations.ts';

/** By the oldest grammar that reads them. */
const SEEDS: Readonly<Record<GrammarVersion, string>> = {
  15: `
SELECT 1, 1.5, 'a', B'01', true, NULL, $1, current_date
SELECT *, u.*, u.name AS n FROM public.users AS u (a, b) WHERE u.a = 1 AND NOT u.b IS NULL OR u.c IS TRUE
SELECT DISTINCT ON (a) a FROM users GROUP BY GROUPING SETS ((a), ROLLUP (a, b)) HAVING count(*) > 1 ORDER BY a USING < LIMIT 1 OFFSET 2
SELECT DISTINCT a, grouping(a) FROM ONLY users GROUP BY DISTINCT a ORDER BY a DESC NULLS LAST FETCH FIRST 1 ROW WITH TIES
SELECT ARRAY[1, 2], (ARRAY[1])[1:2], ROW(1, 2), (a, b), CASE a WHEN 1 THEN 2 ELSE 3 END, coalesce(a, b), greatest(a, b) FROM users
SELECT a COLLATE "C", a::numeric(1, 2)[], (a).b, a BETWEEN 1 AND 2, a IN (1, 2), a = ANY (b), a LIKE 'x', nullif(a, b) FROM users
SELECT count(DISTINCT a ORDER BY b) FILTER (WHERE c), percentile_cont(0.5) WITHIN GROUP (ORDER BY a), overlay(a PLACING 'x' FROM 2), f(x => 1) FROM users
SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING), max(a) OVER w FROM users WINDOW w AS (PARTITION BY b)
SELECT (SELECT 1), EXISTS (SELECT 1), a IN (SELECT 1), a < ANY (SELECT 1), ARRAY(SELECT 1) FROM users
SELECT xmlelement(NAME a, xmlattributes(b AS c), d), xmlserialize(CONTENT a AS text), a IS DOCUMENT FROM users
SELECT 1 FROM users u JOIN orders o ON u.id = o.user_id LEFT JOIN (orders NATURAL JOIN users) AS j ON true JOIN orders p USING (id) AS k
SELECT 1 FROM (SELECT 1) AS s (a), LATERAL lower('a') WITH ORDINALITY AS f (b, c), json_to_record('{}') AS r (a int, b text COLLATE "C")
SELECT 1 FROM ROWS FROM (lower('a'), json_to_record('{}') AS (a int)) AS r, users TABLESAMPLE bernoulli (1) REPEATABLE (2)
SELECT 1 FROM XMLTABLE(XMLNAMESPACES('x' AS y), '/a' PASSING '<a/>' COLUMNS a int PATH 'b' DEFAULT 1 NOT NULL, c FOR ORDINALITY) AS x
VALUES (1, 2), (3, 4) ORDER BY 1
SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 3 ORDER BY 1 LIMIT 1
WITH RECURSIVE w (a) AS MATERIALIZED (SELECT 1 UNION ALL SELECT a FROM w) SEARCH DEPTH FIRST BY a SET s CYCLE a SET c TO 1 DEFAULT 0 USING p SELECT * FROM w
WITH i AS (INSERT INTO orders VALUES (1) RETURNING id), u AS (UPDATE orders SET id = 1 RETURNING id), d AS (DELETE FROM orders RETURNING *) SELECT * FROM i, u, d
SELECT * FROM users u, (SELECT 1 FROM orders) s FOR UPDATE OF u SKIP LOCKED FOR SHARE
INSERT INTO orders AS o (id, tags[1], part.x) VALUES (1, DEFAULT, 2) ON CONFLICT (id, lower(name) COLLATE "C" text_ops) WHERE id > 0 DO UPDATE SET (a, b) = (SELECT 1, 2), c[1] = excluded.c, d = DEFAULT WHERE o.id = 1 RETURNING o.id AS x
WITH w AS (SELECT 1) INSERT INTO orders OVERRIDING SYSTEM VALUE SELECT a FROM users ON CONFLICT ON CONSTRAINT k DO NOTHING
INSERT INTO orders DEFAULT VALUES
WITH w AS (SELECT 1) UPDATE ONLY users AS u SET a = 1, (b, c) = (2, 3), (d, e) = ROW(4, 5) FROM orders o WHERE o.id = u.id RETURNING *
UPDATE users SET a = 1 WHERE CURRENT OF c
WITH w AS (SELECT 1) DELETE FROM users USING orders o WHERE users.id = o.user_id RETURNING users.id
WITH w AS (SELECT 1) MERGE INTO users u USING (SELECT 1) s ON u.id = s.a WHEN MATCHED AND u.b THEN UPDATE SET a = s.b WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND s.c THEN INSERT (id, b[1]) OVERRIDING USER VALUE VALUES (s.a, DEFAULT) WHEN NOT MATCHED THEN DO NOTHING
EXPLAIN (ANALYZE true, FORMAT json) SELECT 1 FROM users
EXPLAIN EXECUTE p (1)
EXPLAIN WITH RECURSIVE w AS (SELECT 1 AS a UNION ALL SELECT a FROM w) SEARCH BREADTH FIRST BY a SET s SELECT * FROM w
EXPLAIN DECLARE c CURSOR FOR SELECT 1
COPY users (id) TO STDOUT WITH (FORMAT csv, FORCE_QUOTE (id))
COPY (SELECT id FROM users) TO STDOUT
COPY (DELETE FROM orders RETURNING id) TO STDOUT
COPY orders (id) FROM STDIN WITH (FORMAT csv, FORCE_NULL (id))
COPY orders (id) FROM STDIN WHERE lower(id::text) = 'x'
PREPARE p (int, numeric(1, 2)) AS SELECT $1
PREPARE p AS UPDATE orders SET id = 1
EXECUTE p (1, lower('a'))
DEALLOCATE p
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1 FROM users
FETCH 1 FROM c
CLOSE c
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
SAVEPOINT s
SET TIME ZONE INTERVAL '1' HOUR
SET work_mem = 1, 'a'
SET TRANSACTION READ ONLY
SHOW work_mem
SELECT f(VARIADIC a), sum(a) OVER (w ORDER BY b) FROM shop.public.users, LATERAL (SELECT 1) AS s, LATERAL XMLTABLE('/a' PASSING '<a/>' COLUMNS a int) AS x WINDOW w AS (PARTITION BY a)
SET seed = 0.5
DISCARD PLANS
SET CONSTRAINTS a, b.c DEFERRED
UNLISTEN *
LOCK TABLE users, ONLY orders IN ACCESS SHARE MODE
LOCK TABLE users
CREATE TABLE public.t (id int DEFAULT 1 PRIMARY KEY, b numeric(1, 2) COLLATE "C" CHECK (b > 0) REFERENCES users (id), c int GENERATED ALWAYS AS IDENTITY (START 2 OWNED BY a.b.c), d int GENERATED ALWAYS AS (id + 1) STORED, UNIQUE (b) INCLUDE (c) WITH (fillfactor = 10), FOREIGN KEY (b, c) REFERENCES users (b, c) ON DELETE SET NULL (b)) PARTITION BY RANGE (id, lower(b) COLLATE "C" text_ops) WITH (fillfactor = 70)
CREATE TABLE t PARTITION OF users FOR VALUES FROM (1, MINVALUE) TO (2, MAXVALUE)
CREATE TABLE t PARTITION OF users (CONSTRAINT k CHECK (a > 0)) FOR VALUES IN (1, 2)
CREATE TABLE t AS SELECT 1 FROM users
CREATE TABLE t (a, b) WITH (fillfactor = 70) AS SELECT 1 FROM users WITH NO DATA
CREATE MATERIALIZED VIEW m AS SELECT 1 FROM users
CREATE OR REPLACE VIEW v (a) WITH (security_barrier = true) AS SELECT 1 FROM users WITH LOCAL CHECK OPTION
CREATE UNIQUE INDEX i ON users USING btree (a COLLATE "C" text_ops (siglen = 1) DESC, (lower(b))) INCLUDE (c) WITH (fillfactor = 70) WHERE a > 0
CREATE SCHEMA IF NOT EXISTS s
CREATE SEQUENCE s AS int START 1 MAXVALUE 99999999999 CYCLE OWNED BY a.b.c
CREATE TABLE t (a SETOF int)
ALTER SEQUENCE s AS bigint RESTART 3 OWNED BY a.b
CREATE TYPE mood AS ENUM ('a', 'b')
ALTER TYPE mood ADD VALUE 'c' AFTER 'b'
ALTER TYPE mood RENAME VALUE 'c' TO 'd'
CREATE TYPE pair AS (a int, b text COLLATE "C")
CREATE DOMAIN d AS numeric(1, 2) COLLATE "C" DEFAULT 1 NOT NULL CHECK (VALUE > 0)
ALTER TABLE users ADD COLUMN a int DEFAULT 1 CHECK (a > 0), DROP COLUMN b CASCADE, ALTER COLUMN c TYPE numeric(1, 2) COLLATE "C" USING c + 1, ALTER c SET DEFAULT 1, ALTER c DROP DEFAULT, ALTER c SET NOT NULL, ALTER c DROP NOT NULL
ALTER TABLE users ADD CONSTRAINT k CHECK (a > 0), ADD PRIMARY KEY (a), DROP CONSTRAINT k, VALIDATE CONSTRAINT k, ALTER CONSTRAINT k DEFERRABLE
ALTER TABLE users ALTER a ADD GENERATED ALWAYS AS IDENTITY (START 1), ALTER a SET START 2, ALTER a DROP IDENTITY, ALTER b DROP EXPRESSION
ALTER TABLE users RENAME TO guests
ALTER TABLE users RENAME COLUMN a TO b
ALTER TABLE users RENAME CONSTRAINT a TO b
ALTER TYPE public.mood RENAME TO moods
ALTER DOMAIN public.d RENAME TO e
ALTER TABLE users SET SCHEMA hr
DROP TABLE IF EXISTS public.users, orders CASCADE
DROP TYPE public.mood
DROP SCHEMA hr
DROP INDEX CONCURRENTLY i
COMMENT ON TABLE public.users IS 'a'
COMMENT ON COLUMN public.users.a IS 'a'
COMMENT ON CONSTRAINT a ON public.users IS 'a'
COMMENT ON TYPE public.mood IS 'a'
COMMENT ON SCHEMA hr IS 'a'
TRUNCATE users, ONLY orders
VACUUM (ANALYZE, PARALLEL 1) users (a)
ANALYZE users
REINDEX (CONCURRENTLY) TABLE users
CLUSTER users USING i
REFRESH MATERIALIZED VIEW CONCURRENTLY m`,
  16: `
SELECT a IS JSON OBJECT WITH UNIQUE KEYS, json_object('a': 1 FORMAT JSON NULL ON NULL WITH UNIQUE KEYS RETURNING text FORMAT JSON ENCODING UTF8) FROM users
SELECT json_array(1, 2 ABSENT ON NULL RETURNING jsonb), json_object('a': 1 ABSENT ON NULL), json_objectagg('a': b WITH UNIQUE KEYS), json_array(SELECT 1 FORMAT JSON RETURNING text), system_user
SELECT json_objectagg('a': b ABSENT ON NULL RETURNING text) FILTER (WHERE c) OVER (PARTITION BY d), json_arrayagg(a FORMAT JSON ORDER BY b RETURNING numeric(1, 2)) FILTER (WHERE c) OVER (ORDER BY d) FROM users
SELECT xmlserialize(DOCUMENT a AS varchar(3) INDENT) FROM users`,
  17: `
SELECT json('1' FORMAT JSON WITH UNIQUE KEYS), json_scalar(1), json_serialize('1' FORMAT JSON RETURNING bytea)
SELECT json_value(a FORMAT JSON, '$' PASSING 1 AS x RETURNING numeric(1, 2) DEFAULT 1 ON EMPTY DEFAULT 2 ON ERROR), json_query(a, '$' WITH WRAPPER OMIT QUOTES), json_exists(a, '$' ERROR ON ERROR) FROM users
SELECT 1 FROM users, LATERAL JSON_TABLE('{}' FORMAT JSON, '$' AS p PASSING 1 AS x COLUMNS (i FOR ORDINALITY, a numeric(1, 2) PATH '$.a' DEFAULT 1 ON EMPTY DEFAULT 2 ON ERROR, b json FORMAT JSON PATH '$' KEEP QUOTES, c int EXISTS PATH '$' FALSE ON ERROR, NESTED PATH '$.n' AS n COLUMNS (d int)) EMPTY ON ERROR) AS j (z)
MERGE INTO users u USING orders s ON u.id = s.a WHEN NOT MATCHED BY SOURCE AND u.a THEN UPDATE SET a = 1 WHEN NOT MATCHED BY TARGET THEN INSERT DEFAULT VALUES RETURNING merge_action(), u.id
ALTER TABLE users ALTER a SET EXPRESSION AS (b + 1)`,
  18: `
WITH w AS (SELECT 1) INSERT INTO orders VALUES (1) RETURNING WITH (OLD AS o, NEW AS n) o.id, n.id
UPDATE users SET a = 1 RETURNING old.a, new.a
DELETE FROM users RETURNING old.a
MERGE INTO users u USING orders s ON true WHEN MATCHED THEN DELETE RETURNING WITH (OLD AS o) o.id
CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL, NOT NULL a, CHECK (a > 0) NOT ENFORCED)
ALTER TABLE users ALTER CONSTRAINT k NOT ENFORCED`,
};

/** The statements that a grammar reads. */
export const seedsFor = (version: GrammarVersion): readonly string[] =>
  Object.entries(SEEDS)
    .filter(([since]) => Number(since) <= version)
    .flatMap(([, text]) => text.trim().split('\n'));

/** Statements that write a relation with a masked column, `ssn`, and that may do all that they do. */
export const WRITES: readonly string[] = [
  "UPDATE users AS u SET name = 'a', settings = NULL FROM orders o WHERE u.id = o.id RETURNING u.id",
  "UPDATE users SET (name, settings) = ('a', NULL)",
  'DELETE FROM users USING orders o WHERE users.id = o.user_id RETURNING users.id',
  "INSERT INTO users (id, name) VALUES (1, 'a') ON CONFLICT (id) WHERE id > 0 DO UPDATE SET name = 'b' WHERE users.id > 0 RETURNING id",
  "MERGE INTO users u USING orders o ON u.id = o.user_id WHEN MATCHED AND u.id > 1 THEN UPDATE SET name = 'x' WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND o.id > 1 THEN INSERT (id) VALUES (o.id)",
];
