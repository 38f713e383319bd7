-- Set-up that only the session itself can do, and what a proxy refuses on purpose.
CREATE TEMP TABLE scratch (n int);
INSERT INTO scratch SELECT generate_series(1, 3);
SELECT sum(n) FROM scratch;
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA shop TO regress_reader;
SET ROLE regress_reader;
SELECT current_user;
SELECT * FROM shop.items;
RESET ROLE;
DO $$ BEGIN RAISE NOTICE 'hello'; END $$;
SELECT random() < 2, clock_timestamp() AS now;
SELECT pg_read_file('/etc/hostname') IS NOT NULL;
SELECT 1 AS one\; SELECT 2 AS two;
\c -
SHOW search_path;
DROP ROLE regress_reader;
