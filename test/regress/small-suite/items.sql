SET search_path TO shop, public;
COPY items FROM STDIN;
1	pen	1.5
2	book; "quoted"	12
\.
INSERT INTO items VALUES (3, 'lamp', 40) RETURNING *;
INSERT INTO items VALUES (3, 'lamp', 40);
INSERT INTO items VALUES (4, 'gift', 0);
SELECT name, taxed(price) FROM items ORDER BY id;
SELECT missing FROM items;
SELECT FROM WHERE;
SELECT count(*), min(unique1), max(unique1) FROM onek \gset the_
SELECT :the_count AS counted, :'the_max' AS largest;
UPDATE items SET price = price * 2 WHERE id = 1;
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 1;
\if :{?the_count}
SELECT 'taken';
\else
SELECT 'left out';
\endif
\d items
BEGIN;
SAVEPOINT before;
DELETE FROM items;
ROLLBACK TO before;
SELECT count(*) FROM items;
COMMIT;
PREPARE by_id (int) AS SELECT name FROM items WHERE id = $1;
EXECUTE by_id(2);
EXECUTE by_id('x');
DEALLOCATE by_id;
COPY items FROM STDIN\; COPY items FROM STDIN;
10	first	1
\.
11	second	2
\.
SELECT id, name FROM items WHERE id >= 10 ORDER BY id;
