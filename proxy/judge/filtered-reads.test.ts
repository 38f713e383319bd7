import { beforeAll, describe, expect, it } from 'vitest';
import { sentRead } from '../../test/support/read-world.ts';
import { casesFrom } from '../../test/support/small-judge.ts';
import { Grammar } from '../sql/grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const CASES = casesFrom(String.raw`
SELECT * FROM tasks
=> SELECT * FROM <open> AS "tasks"
SELECT * FROM tasks WHERE id = 5
=> SELECT * FROM <open> AS "tasks" WHERE id = 5
SELECT * FROM tasks WHERE 1 / id > 0
=> SELECT * FROM <fenced> AS "tasks" WHERE 1 / id > 0
SELECT * FROM tasks WHERE id = 5 AND 1 / id > 0
=> SELECT * FROM <fenced AND (r."id" = 5)> AS "tasks" WHERE id = 5 AND 1 / id > 0
SELECT * FROM tasks t WHERE (t.id = 5 OR t.owner = 6) AND lower(title) = 'a'
=> SELECT * FROM <fenced AND ((r."id" = 5) OR (r."owner" = 6))> t WHERE (t.id = 5 OR t.owner = 6) AND lower(title) = 'a'
SELECT * FROM tasks WHERE (id = 5 OR lower(title) = 'a') AND owner > 3 AND lower(title) = 'a'
=> SELECT * FROM <fenced AND (r."owner" > 3)> AS "tasks" WHERE (id = 5 OR lower(title) = 'a') AND owner > 3 AND lower(title) = 'a'
SELECT * FROM tasks WHERE id IS NULL AND 1 / id > 0
=> SELECT * FROM <fenced> AS "tasks" WHERE id IS NULL AND 1 / id > 0
SELECT * FROM tasks WHERE done AND NOT done AND 1 / id > 0
=> SELECT * FROM <fenced AND r."done"> AS "tasks" WHERE done AND NOT done AND 1 / id > 0
SELECT * FROM tasks WHERE id IN (1, 2) AND id NOT IN (3) AND title LIKE 'a%' AND title NOT LIKE 'b%' AND lower(title) = 'a'
=> SELECT * FROM <fenced AND (r."id" IN (1, 2)) AND (r."id" NOT IN (3)) AND (r."title" LIKE 'a%') AND (r."title" NOT LIKE 'b%')> AS "tasks" WHERE id IN (1, 2) AND id NOT IN (3) AND title LIKE 'a%' AND title NOT LIKE 'b%' AND lower(title) = 'a'
SELECT * FROM tasks WHERE price = 1.5 AND id BETWEEN 1 AND 5 AND done = true AND done <> false AND lower(title) = 'a'
=> SELECT * FROM <fenced AND (r."price" = 1.5) AND (r."id" BETWEEN 1 AND 5) AND (r."done" = true)> AS "tasks" WHERE price = 1.5 AND id BETWEEN 1 AND 5 AND done = true AND done <> false AND lower(title) = 'a'
SELECT * FROM tasks WHERE id = ANY ('{1}'::int4[]) AND id OPERATOR(pg_catalog.=) 3 AND title = NULL AND lower(title) = 'a'
=> SELECT * FROM <fenced AND (r."id" = ANY (('{1}')::"int4"[])) AND (r."id" OPERATOR("pg_catalog".=) 3) AND (r."title" = NULL)> AS "tasks" WHERE id = ANY ('{1}'::int4[]) AND id OPERATOR(pg_catalog.=) 3 AND title = NULL AND lower(title) = 'a'
SELECT * FROM tasks WHERE 5 = id AND id <> ALL ('{1}') AND lower(title) = 'a'
=> SELECT * FROM <fenced> AS "tasks" WHERE 5 = id AND id <> ALL ('{1}') AND lower(title) = 'a'
SELECT * FROM tasks WHERE true AND lower(title) = 'a'
=> SELECT * FROM <fenced> AS "tasks" WHERE true AND lower(title) = 'a'
SELECT * FROM tasks WHERE id = $1 AND lower(title) = $2
=> SELECT * FROM <fenced AND (r."id" = $1)> AS "tasks" WHERE id = $1 AND lower(title) = $2
SELECT * FROM box WHERE id = 1
=> SELECT * FROM <box> AS "box" WHERE id = 1
SELECT * FROM tasks, box WHERE tasks.id = 1
=> SELECT * FROM <open> AS "tasks", <box> AS "box" WHERE tasks.id = 1
SELECT lower(title), 1 / id FROM tasks ORDER BY 1 / id
=> SELECT lower(title), 1 / id FROM <open> AS "tasks" ORDER BY 1 / id
SELECT * FROM tasks, log WHERE tasks.id = log.id
=> SELECT * FROM <open> AS "tasks", log WHERE tasks.id = log.id
SELECT * FROM tasks, log WHERE tasks.id = log.id AND line > 'a' AND lower(line) = 'a'
=> SELECT * FROM <fenced> AS "tasks", log WHERE tasks.id = log.id AND line > 'a' AND lower(line) = 'a'
SELECT * FROM tasks, log WHERE id = 1
=> SELECT * FROM <fenced> AS "tasks", log WHERE id = 1
SELECT * FROM tasks, log WHERE tasks.id = 5 AND 1 / log.id > 0
=> SELECT * FROM <fenced AND (r."id" = 5)> AS "tasks", log WHERE tasks.id = 5 AND 1 / log.id > 0
SELECT * FROM tasks, words WHERE tasks.title = words.id
=> SELECT * FROM <open> AS "tasks", words WHERE tasks.title = words.id
SELECT * FROM tasks, words WHERE tasks.id = words.id
=> SELECT * FROM <fenced> AS "tasks", words WHERE tasks.id = words.id
SELECT * FROM tasks, people WHERE tasks.title = people.ssn
=> SELECT * FROM <fenced> AS "tasks", <people> AS "people" WHERE tasks.title = people.ssn
SELECT * FROM tasks a, tasks b WHERE a.id = b.id AND a.id = 1 AND b.owner = 2 AND lower(a.title) = 'a'
=> SELECT * FROM <fenced AND (r."id" = 1)> a, <fenced AND (r."owner" = 2)> b WHERE a.id = b.id AND a.id = 1 AND b.owner = 2 AND lower(a.title) = 'a'
SELECT * FROM tasks JOIN log ON tasks.id = log.id
=> SELECT * FROM <open> AS "tasks" JOIN log ON tasks.id = log.id
SELECT * FROM tasks JOIN log ON 1 / log.id > 0
=> SELECT * FROM <fenced> AS "tasks" JOIN log ON 1 / log.id > 0
SELECT * FROM tasks t JOIN log l ON t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM <fenced AND (r."id" = 5)> t JOIN log l ON t.id = 5 AND 1 / l.id > 0
SELECT * FROM tasks t LEFT JOIN log l ON t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM <fenced> t LEFT JOIN log l ON t.id = 5 AND 1 / l.id > 0
SELECT * FROM log l LEFT JOIN tasks t ON t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM log l LEFT JOIN <fenced AND (r."id" = 5)> t ON t.id = 5 AND 1 / l.id > 0
SELECT * FROM tasks t RIGHT JOIN log l ON t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM <fenced AND (r."id" = 5)> t RIGHT JOIN log l ON t.id = 5 AND 1 / l.id > 0
SELECT * FROM log l RIGHT JOIN tasks t ON t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM log l RIGHT JOIN <fenced> t ON t.id = 5 AND 1 / l.id > 0
SELECT * FROM tasks t FULL JOIN log l ON t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM <fenced> t FULL JOIN log l ON t.id = 5 AND 1 / l.id > 0
SELECT * FROM log l LEFT JOIN tasks t ON true WHERE t.id = 5 AND 1 / l.id > 0
=> SELECT * FROM log l LEFT JOIN <fenced AND (r."id" = 5)> t ON true WHERE t.id = 5 AND 1 / l.id > 0
SELECT * FROM tasks JOIN log USING (id)
=> SELECT * FROM <open> AS "tasks" JOIN log USING (id)
SELECT * FROM tasks JOIN words USING (owner)
=> SELECT * FROM <open> AS "tasks" JOIN words USING (owner)
SELECT * FROM tasks JOIN words USING (id)
=> SELECT * FROM <fenced> AS "tasks" JOIN words USING (id)
SELECT * FROM words JOIN tasks USING (id)
=> SELECT * FROM words JOIN <fenced> AS "tasks" USING (id)
SELECT * FROM tasks JOIN log USING (id) WHERE id = 5
=> SELECT * FROM <open> AS "tasks" JOIN log USING (id) WHERE id = 5
SELECT * FROM tasks JOIN log USING (id) WHERE id = 5 AND 1 / id > 0
=> SELECT * FROM <fenced> AS "tasks" JOIN log USING (id) WHERE id = 5 AND 1 / id > 0
SELECT * FROM tasks JOIN people USING (id) WHERE ssn = 'a'
=> SELECT * FROM <fenced> AS "tasks" JOIN <people> AS "people" USING (id) WHERE ssn = 'a'
SELECT * FROM tasks JOIN log USING (id) AS j WHERE j.id = 5
=> SELECT * FROM <fenced> AS "tasks" JOIN log USING (id) AS j WHERE j.id = 5
SELECT * FROM tasks JOIN log USING (id) AS j WHERE tasks.id = 5 AND j.id = 5
=> SELECT * FROM <fenced AND (r."id" = 5)> AS "tasks" JOIN log USING (id) AS j WHERE tasks.id = 5 AND j.id = 5
SELECT * FROM tasks JOIN generate_series(1, 2) id USING (id)
=> SELECT * FROM <fenced> AS "tasks" JOIN generate_series(1, 2) id USING (id)
SELECT * FROM tasks JOIN (SELECT id FROM log) l USING (id)
=> SELECT * FROM <open> AS "tasks" JOIN (SELECT id FROM log) l USING (id)
SELECT * FROM tasks JOIN (SELECT 1 AS id) l USING (id)
=> SELECT * FROM <fenced> AS "tasks" JOIN (SELECT 1 AS id) l USING (id)
SELECT * FROM tasks NATURAL JOIN log
=> SELECT * FROM <open> AS "tasks" NATURAL JOIN log
SELECT * FROM tasks NATURAL JOIN words
=> SELECT * FROM <fenced> AS "tasks" NATURAL JOIN words
SELECT * FROM tasks NATURAL JOIN (SELECT line FROM log) l
=> SELECT * FROM <open> AS "tasks" NATURAL JOIN (SELECT line FROM log) l
SELECT * FROM tasks NATURAL JOIN (SELECT lower(line) FROM log) l
=> SELECT * FROM <fenced> AS "tasks" NATURAL JOIN (SELECT lower(line) FROM log) l
SELECT * FROM (SELECT lower(line) FROM log) l NATURAL JOIN tasks
=> SELECT * FROM (SELECT lower(line) FROM log) l NATURAL JOIN <fenced> AS "tasks"
SELECT * FROM tasks NATURAL JOIN generate_series(1, 2) g
=> SELECT * FROM <fenced> AS "tasks" NATURAL JOIN generate_series(1, 2) g
SELECT * FROM (tasks JOIN log ON true) j WHERE j.owner = 5
=> SELECT * FROM (<fenced> AS "tasks" JOIN log ON true) j WHERE j.owner = 5
SELECT * FROM (tasks t JOIN log l ON t.id = l.id) j
=> SELECT * FROM (<open> t JOIN log l ON t.id = l.id) j
SELECT * FROM tasks t JOIN log l USING (id) JOIN words w USING (owner) WHERE id = 1 AND owner = 2
=> SELECT * FROM <fenced> t JOIN log l USING (id) JOIN words w USING (owner) WHERE id = 1 AND owner = 2
SELECT * FROM tasks t, LATERAL (SELECT 1 FROM log l WHERE l.id = t.id) x
=> SELECT * FROM <open> t, LATERAL (SELECT 1 FROM log l WHERE l.id = t.id) x
SELECT * FROM tasks t, LATERAL (SELECT 1 FROM log l WHERE 1 / t.id > 0) x
=> SELECT * FROM <fenced> t, LATERAL (SELECT 1 FROM log l WHERE 1 / t.id > 0) x
SELECT * FROM words id JOIN (SELECT id.id FROM log id) x ON x.id = 5, tasks
=> SELECT * FROM words id JOIN (SELECT id.id FROM log id) x ON x.id = 5, <open> AS "tasks"
SELECT * FROM log l JOIN LATERAL (SELECT 1 FROM tasks t WHERE t.id = l.id) x ON true
=> SELECT * FROM log l JOIN LATERAL (SELECT 1 FROM <open> t WHERE t.id = l.id) x ON true
SELECT * FROM words t, (SELECT 1 FROM tasks WHERE id = 1) x WHERE t.id = 'a'
=> SELECT * FROM words t, (SELECT 1 FROM <open> AS "tasks" WHERE id = 1) x WHERE t.id = 'a'
SELECT (SELECT x.id FROM words t, (SELECT t.id FROM log WHERE t.id = 5) x) FROM tasks t
=> SELECT (SELECT x.id FROM words t, (SELECT t.id FROM log WHERE t.id = 5) x) FROM <open> t
SELECT (SELECT x.id FROM words t, LATERAL (SELECT t.id FROM log WHERE t.id = 5) x) FROM tasks t
=> SELECT (SELECT x.id FROM words t, LATERAL (SELECT t.id FROM log WHERE t.id = 5) x) FROM <fenced> t
SELECT * FROM (SELECT id, title AS name FROM tasks) q WHERE q.id = 1 AND q.name = 'a'
=> SELECT * FROM (SELECT id, title AS name FROM <open> AS "tasks") q WHERE q.id = 1 AND q.name = 'a'
SELECT * FROM (SELECT id FROM tasks) q WHERE q.id = 1 AND 1 / q.id > 0
=> SELECT * FROM (SELECT id FROM <fenced> AS "tasks") q WHERE q.id = 1 AND 1 / q.id > 0
SELECT * FROM (SELECT id + 1 AS id FROM tasks) q WHERE q.id = 1
=> SELECT * FROM (SELECT id + 1 AS id FROM <fenced> AS "tasks") q WHERE q.id = 1
SELECT * FROM (SELECT * FROM tasks) q WHERE q.id = 1
=> SELECT * FROM (SELECT * FROM <open> AS "tasks") q WHERE q.id = 1
SELECT * FROM (SELECT id, id AS b FROM tasks LIMIT 5) q (a) WHERE q.a = 1 AND q.b = 2
=> SELECT * FROM (SELECT id, id AS b FROM <open> AS "tasks" LIMIT 5) q (a) WHERE q.a = 1 AND q.b = 2
SELECT * FROM (SELECT id FROM tasks UNION ALL SELECT id FROM log) q WHERE q.id = 1
=> SELECT * FROM (SELECT id FROM <open> AS "tasks" UNION ALL SELECT id FROM log) q WHERE q.id = 1
SELECT * FROM (SELECT id FROM tasks UNION ALL SELECT 1) q WHERE q.id = 1
=> SELECT * FROM (SELECT id FROM <fenced> AS "tasks" UNION ALL SELECT 1) q WHERE q.id = 1
SELECT id FROM tasks UNION SELECT id FROM log WHERE 1 / id > 0
=> SELECT id FROM <fenced> AS "tasks" UNION SELECT id FROM log WHERE 1 / id > 0
SELECT id FROM log WHERE 1 / id > 0 UNION SELECT id FROM tasks
=> SELECT id FROM log WHERE 1 / id > 0 UNION SELECT id FROM <fenced> AS "tasks"
SELECT id FROM tasks UNION SELECT id FROM log ORDER BY (SELECT id FROM log WHERE 1 / id > 0)
=> SELECT id FROM <fenced> AS "tasks" UNION SELECT id FROM log ORDER BY (SELECT id FROM log WHERE 1 / id > 0)
SELECT id FROM tasks UNION SELECT id FROM log LIMIT (SELECT id FROM log WHERE 1 / id > 0)
=> SELECT id FROM <fenced> AS "tasks" UNION SELECT id FROM log LIMIT (SELECT id FROM log WHERE 1 / id > 0)
SELECT id FROM tasks LIMIT (SELECT id FROM log WHERE 1 / id > 0)
=> SELECT id FROM <fenced> AS "tasks" LIMIT (SELECT id FROM log WHERE 1 / id > 0)
SELECT (SELECT id FROM log WHERE 1 / id > 0) FROM tasks
=> SELECT (SELECT id FROM log WHERE 1 / id > 0) FROM <fenced> AS "tasks"
SELECT * FROM tasks, (VALUES (1)) v (n) WHERE tasks.id = v.n
=> SELECT * FROM <fenced> AS "tasks", (VALUES (1)) v (n) WHERE tasks.id = v.n
SELECT * FROM tasks, (VALUES ((SELECT id FROM log WHERE 1 / id > 0))) v (n)
=> SELECT * FROM <fenced> AS "tasks", (VALUES ((SELECT id FROM log WHERE 1 / id > 0))) v (n)
WITH x AS (SELECT id FROM tasks) SELECT * FROM x WHERE x.id = 1
=> WITH x AS (SELECT id FROM <open> AS "tasks") SELECT * FROM x WHERE x.id = 1
WITH x (a) AS (SELECT id FROM tasks) SELECT * FROM x WHERE x.a = 1 AND 1 / x.a > 0
=> WITH x (a) AS (SELECT id FROM <fenced> AS "tasks") SELECT * FROM x WHERE x.a = 1 AND 1 / x.a > 0
WITH x (a) AS (SELECT id FROM tasks) SELECT * FROM x WHERE x.id = 1
=> WITH x (a) AS (SELECT id FROM <fenced> AS "tasks") SELECT * FROM x WHERE x.id = 1
WITH x AS (SELECT id FROM tasks), y AS (SELECT id FROM x WHERE id = 1) SELECT * FROM y
=> WITH x AS (SELECT id FROM <open> AS "tasks"), y AS (SELECT id FROM x WHERE id = 1) SELECT * FROM y
WITH x AS (SELECT 1 / id AS id FROM tasks) SELECT * FROM x WHERE x.id = 1
=> WITH x AS (SELECT 1 / id AS id FROM <fenced> AS "tasks") SELECT * FROM x WHERE x.id = 1
WITH RECURSIVE x AS (SELECT id FROM tasks) SELECT * FROM x WHERE x.id = 1
=> WITH RECURSIVE x AS (SELECT id FROM <fenced> AS "tasks") SELECT * FROM x WHERE x.id = 1
WITH RECURSIVE x AS (SELECT id FROM tasks) SELECT * FROM x
=> WITH RECURSIVE x AS (SELECT id FROM <open> AS "tasks") SELECT * FROM x
WITH d AS (DELETE FROM log RETURNING id) SELECT * FROM tasks WHERE id = 1
=> WITH d AS (DELETE FROM log RETURNING id) SELECT * FROM <fenced AND (r."id" = 1)> AS "tasks" WHERE id = 1
WITH log AS (SELECT id FROM words) SELECT * FROM tasks, log WHERE log.id = 1
=> WITH log AS (SELECT id FROM words) SELECT * FROM <fenced> AS "tasks", log WHERE log.id = 1
WITH log AS (SELECT id FROM words) SELECT * FROM tasks, public.log WHERE log.id = 1
=> WITH log AS (SELECT id FROM words) SELECT * FROM <open> AS "tasks", log WHERE log.id = 1
WITH x AS (SELECT id FROM log) SELECT * FROM tasks WHERE EXISTS (WITH x AS (SELECT id FROM words) SELECT 1 FROM x WHERE x.id = tasks.id)
=> WITH x AS (SELECT id FROM log) SELECT * FROM <fenced> AS "tasks" WHERE EXISTS (WITH x AS (SELECT id FROM words) SELECT 1 FROM x WHERE x.id = tasks.id)
WITH x AS (SELECT id FROM log) SELECT (WITH y AS (SELECT id FROM words) SELECT x.id FROM x WHERE x.id = tasks.id) FROM tasks
=> WITH x AS (SELECT id FROM log) SELECT (WITH y AS (SELECT id FROM words) SELECT x.id FROM x WHERE x.id = tasks.id) FROM <open> AS "tasks"
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log l WHERE l.id = t.id)
=> SELECT * FROM <open> t WHERE EXISTS (SELECT 1 FROM log l WHERE l.id = t.id)
SELECT * FROM tasks t WHERE NOT EXISTS (SELECT * FROM log l WHERE l.id = t.id)
=> SELECT * FROM <open> t WHERE NOT EXISTS (SELECT * FROM log l WHERE l.id = t.id)
SELECT * FROM tasks t WHERE EXISTS (SELECT lower(line) FROM log)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT lower(line) FROM log)
SELECT * FROM tasks t WHERE EXISTS (SELECT id, lower(line) FROM log)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT id, lower(line) FROM log)
SELECT * FROM tasks t WHERE EXISTS (SELECT id FROM log l JOIN words w ON w.line = l.line)
=> SELECT * FROM <open> t WHERE EXISTS (SELECT id FROM log l JOIN words w ON w.line = l.line)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log l JOIN words w ON w.id = l.id)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM log l JOIN words w ON w.id = l.id)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM box)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM <box> AS "box")
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log, box)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM log, <box> AS "box")
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log JOIN box ON true)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM log JOIN <box> AS "box" ON true)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM tasks u WHERE u.id = t.id)
=> SELECT * FROM <open> t WHERE EXISTS (SELECT 1 FROM <open> u WHERE u.id = t.id)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM people p WHERE p.id = t.id)
=> SELECT * FROM <open> t WHERE EXISTS (SELECT 1 FROM <people> p WHERE p.id = t.id)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM (SELECT 1) q)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM (SELECT 1) q)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log LIMIT 1)
=> SELECT * FROM <open> t WHERE EXISTS (SELECT 1 FROM log LIMIT 1)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log LIMIT 1 + 1)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM log LIMIT 1 + 1)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log OFFSET 1)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM log OFFSET 1)
SELECT * FROM tasks t WHERE EXISTS (SELECT 1 FROM log GROUP BY id)
=> SELECT * FROM <fenced> t WHERE EXISTS (SELECT 1 FROM log GROUP BY id)
SELECT * FROM tasks t WHERE EXISTS (VALUES (1))
=> SELECT * FROM <fenced> t WHERE EXISTS (VALUES (1))
SELECT * FROM tasks t WHERE id IN (SELECT id FROM log)
=> SELECT * FROM <open> t WHERE id IN (SELECT id FROM log)
SELECT * FROM tasks t WHERE id IN (SELECT l.id FROM log l WHERE l.line = t.title)
=> SELECT * FROM <open> t WHERE id IN (SELECT l.id FROM log l WHERE l.line = t.title)
SELECT * FROM tasks t WHERE id = ANY (SELECT id FROM log)
=> SELECT * FROM <open> t WHERE id = ANY (SELECT id FROM log)
SELECT * FROM tasks t WHERE id OPERATOR(pg_catalog.=) ANY (SELECT id FROM log)
=> SELECT * FROM <fenced> t WHERE id OPERATOR(pg_catalog.=) ANY (SELECT id FROM log)
SELECT * FROM tasks t WHERE id > ANY (SELECT id FROM log)
=> SELECT * FROM <fenced> t WHERE id > ANY (SELECT id FROM log)
SELECT * FROM tasks t WHERE id = ALL (SELECT id FROM log)
=> SELECT * FROM <fenced> t WHERE id = ALL (SELECT id FROM log)
SELECT * FROM tasks t WHERE id NOT IN (SELECT id FROM log)
=> SELECT * FROM <open> t WHERE id NOT IN (SELECT id FROM log)
SELECT * FROM tasks t WHERE id IN (SELECT id FROM words)
=> SELECT * FROM <fenced> t WHERE id IN (SELECT id FROM words)
SELECT * FROM tasks t WHERE id IN (SELECT id + 1 FROM log)
=> SELECT * FROM <fenced> t WHERE id IN (SELECT id + 1 FROM log)
SELECT * FROM tasks t WHERE id IN (SELECT max(id) FROM log)
=> SELECT * FROM <fenced> t WHERE id IN (SELECT max(id) FROM log)
SELECT * FROM tasks t WHERE id + 1 IN (SELECT id FROM log)
=> SELECT * FROM <fenced> t WHERE id + 1 IN (SELECT id FROM log)
SELECT * FROM tasks t WHERE (id, owner) IN (SELECT id, owner FROM words)
=> SELECT * FROM <fenced> t WHERE (id, owner) IN (SELECT id, owner FROM words)
SELECT * FROM tasks t WHERE title IN (SELECT ssn FROM people)
=> SELECT * FROM <fenced> t WHERE title IN (SELECT ssn FROM <people> AS "people")
SELECT * FROM tasks t WHERE id IN (SELECT log.* FROM log)
=> SELECT * FROM <fenced> t WHERE id IN (SELECT log.* FROM log)
SELECT * FROM tasks t WHERE id = (SELECT id FROM log)
=> SELECT * FROM <fenced> t WHERE id = (SELECT id FROM log)
SELECT * FROM tasks t WHERE id IN (1, (SELECT id FROM log WHERE 1 / id > 0))
=> SELECT * FROM <fenced> t WHERE id IN (1, (SELECT id FROM log WHERE 1 / id > 0))
SELECT * FROM tasks, generate_series(1, 2) g
=> SELECT * FROM <open> AS "tasks", generate_series(1, 2) g
SELECT * FROM tasks, generate_series(1, 2) g WHERE g = 1
=> SELECT * FROM <fenced> AS "tasks", generate_series(1, 2) g WHERE g = 1
SELECT * FROM tasks, generate_series(1, (SELECT id FROM log WHERE 1 / id > 0)) g
=> SELECT * FROM <fenced> AS "tasks", generate_series(1, (SELECT id FROM log WHERE 1 / id > 0)) g
SELECT * FROM tasks, lower('a') g
=> SELECT * FROM <fenced> AS "tasks", lower('a') g
SELECT * FROM tasks, ROWS FROM (generate_series(1, 2), lower('a')) g
=> SELECT * FROM <fenced> AS "tasks", ROWS FROM (generate_series(1, 2), lower('a')) g
SELECT * FROM tasks, unnest(ARRAY[1]) u WHERE tasks.id = 1
=> SELECT * FROM <open> AS "tasks", unnest(ARRAY[1]) u WHERE tasks.id = 1
SELECT * FROM tasks TABLESAMPLE bernoulli (10)
=> SELECT * FROM (SELECT r."id", r."owner", r."title", r."done", r."price" FROM "public"."tasks" AS r TABLESAMPLE bernoulli (10) WHERE (r.owner = 7)) AS "tasks" 
SELECT * FROM ONLY tasks WHERE id = 1
=> SELECT * FROM (SELECT r."id", r."owner", r."title", r."done", r."price" FROM ONLY "public"."tasks" AS r WHERE (r.owner = 7)) AS "tasks" WHERE id = 1
SELECT * FROM log TABLESAMPLE system ((SELECT 1 WHERE 1 / 1 > 0)), tasks
=> SELECT * FROM log TABLESAMPLE system ((SELECT 1 WHERE 1 / 1 > 0)), <fenced> AS "tasks"
SELECT * FROM tasks, XMLTABLE('/a' PASSING '<a/>' COLUMNS v int PATH '.') x
=> SELECT * FROM <open> AS "tasks", XMLTABLE('/a' PASSING '<a/>' COLUMNS v int PATH '.') x
SELECT * FROM tasks, XMLTABLE('/a' PASSING (SELECT line FROM log WHERE 1 / id > 0) COLUMNS v int PATH '.') x
=> SELECT * FROM <fenced> AS "tasks", XMLTABLE('/a' PASSING (SELECT line FROM log WHERE 1 / id > 0) COLUMNS v int PATH '.') x
SELECT count(*) FROM tasks GROUP BY owner HAVING count(*) > 1
=> SELECT count(*) FROM <open> AS "tasks" GROUP BY owner HAVING count(*) > 1
SELECT count(*) FROM tasks GROUP BY owner HAVING owner = 1
=> SELECT count(*) FROM <open> AS "tasks" GROUP BY owner HAVING owner = 1
SELECT count(*) FROM tasks GROUP BY owner HAVING 1 / owner > 0
=> SELECT count(*) FROM <fenced> AS "tasks" GROUP BY owner HAVING 1 / owner > 0
SELECT count(*) FROM tasks GROUP BY owner HAVING count(*) > 1 AND 1 / owner > 0
=> SELECT count(*) FROM <fenced> AS "tasks" GROUP BY owner HAVING count(*) > 1 AND 1 / owner > 0
SELECT count(*) FROM tasks GROUP BY owner HAVING count(*) > (SELECT id FROM log WHERE 1 / id > 0)
=> SELECT count(*) FROM <fenced> AS "tasks" GROUP BY owner HAVING count(*) > (SELECT id FROM log WHERE 1 / id > 0)
SELECT count(*) FROM tasks GROUP BY owner HAVING max(1 / id) > 1
=> SELECT count(*) FROM <open> AS "tasks" GROUP BY owner HAVING max(1 / id) > 1
SELECT count(*) FROM tasks GROUP BY owner HAVING max((SELECT id FROM log WHERE 1 / id > 0)) > 1
=> SELECT count(*) FROM <fenced> AS "tasks" GROUP BY owner HAVING max((SELECT id FROM log WHERE 1 / id > 0)) > 1
SELECT (SELECT 1 FROM log GROUP BY id HAVING count(*) > 1) FROM tasks
=> SELECT (SELECT 1 FROM log GROUP BY id HAVING count(*) > 1) FROM <fenced> AS "tasks"
SELECT * FROM tasks WHERE title LIKE '%a\'
=> SELECT * FROM <blind> AS "tasks" WHERE title LIKE '%a\'
SELECT * FROM tasks WHERE title ~ 'a'
=> SELECT * FROM <blind> AS "tasks" WHERE title ~ 'a'
SELECT * FROM tasks WHERE lower(title) LIKE lower('a')
=> SELECT * FROM <blind> AS "tasks" WHERE lower(title) LIKE lower('a')
SELECT * FROM tasks WHERE id = 1 FOR UPDATE
=> SELECT * FROM <open> AS "tasks" WHERE id = 1 FOR UPDATE
SELECT * FROM tasks WHERE 1 / id > 0 FOR UPDATE
=> refused: locking rows of "tasks", which has a row filter, by conditions that can fail is not supported through pg-airlock
SELECT * FROM tasks, log WHERE 1 / log.id > 0 FOR UPDATE OF log
=> SELECT * FROM <fenced> AS "tasks", log WHERE 1 / log.id > 0 FOR UPDATE OF log
SELECT 1 / id FROM (SELECT id FROM tasks WHERE id = 1 LIMIT 1 FOR UPDATE) q WHERE 1 / id > 0
=> SELECT 1 / id FROM (SELECT id FROM <open> AS "tasks" WHERE id = 1 LIMIT 1 FOR UPDATE) q WHERE 1 / id > 0
SELECT 1 / id FROM (SELECT id FROM tasks WHERE 1 / id > 0 LIMIT 1 FOR UPDATE) q
=> refused: locking rows of "tasks", which has a row filter, by conditions that can fail is not supported through pg-airlock
SELECT 1 / id FROM (SELECT id FROM tasks WHERE id = 1 FOR UPDATE) q WHERE 1 / id > 0
=> refused: locking rows of "tasks", which has a row filter, by conditions that can fail is not supported through pg-airlock
WITH q AS (SELECT id FROM tasks WHERE id = 1 FOR UPDATE) SELECT * FROM q WHERE 1 / id > 0
=> WITH q AS (SELECT id FROM <open> AS "tasks" WHERE id = 1 FOR UPDATE) SELECT * FROM q WHERE 1 / id > 0
WITH q AS (SELECT id FROM tasks WHERE id = 1) SELECT * FROM q WHERE 1 / id > 0
=> WITH q AS (SELECT id FROM <fenced AND (r."id" = 1)> AS "tasks" WHERE id = 1) SELECT * FROM q WHERE 1 / id > 0
UPDATE log SET line = 'a' FROM (SELECT id FROM tasks WHERE owner = 1 LIMIT 1 FOR UPDATE SKIP LOCKED) q WHERE log.id = q.id
=> UPDATE log SET line = 'a' FROM (SELECT id FROM <open> AS "tasks" WHERE owner = 1 LIMIT 1 FOR UPDATE SKIP LOCKED) q WHERE log.id = q.id
UPDATE log SET line = 'a' FROM tasks WHERE log.id = tasks.id
=> UPDATE log SET line = 'a' FROM <fenced> AS "tasks" WHERE log.id = tasks.id
COPY tasks TO STDOUT
=> COPY (SELECT * FROM (SELECT r."id", r."owner", r."title", r."done", r."price" FROM ONLY "public"."tasks" AS r WHERE (r.owner = 7)) AS "tasks") TO STDOUT
COPY tasks (id, title) TO STDOUT
=> COPY (SELECT "id", "title" FROM (SELECT r."id", r."owner", r."title", r."done", r."price" FROM ONLY "public"."tasks" AS r WHERE (r.owner = 7)) AS "tasks") TO STDOUT
COPY (SELECT id FROM tasks WHERE id = 1) TO STDOUT
=> COPY (SELECT id FROM <open> AS "tasks" WHERE id = 1) TO STDOUT
EXPLAIN SELECT * FROM tasks WHERE id = 1
=> EXPLAIN (COSTS OFF) SELECT * FROM <blind> AS "tasks" WHERE id = 1
EXPLAIN ANALYZE SELECT * FROM tasks, people WHERE tasks.id = 1
=> EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM <blind> AS "tasks", (SELECT r."id", CASE WHEN r."ssn" IS NULL THEN NULL::text ELSE '***'::text END AS "ssn" FROM "public"."people" AS r OFFSET 0) AS "people" WHERE tasks.id = 1
EXPLAIN SELECT * FROM people
=> EXPLAIN (COSTS OFF) SELECT * FROM <people> AS "people"
PREPARE p AS SELECT * FROM tasks WHERE id = $1
=> PREPARE p AS SELECT * FROM <open> AS "tasks" WHERE id = $1
DECLARE c CURSOR FOR SELECT * FROM tasks WHERE id = 1
=> DECLARE c CURSOR FOR SELECT * FROM <open> AS "tasks" WHERE id = 1
WITH x AS (SELECT id FROM log) SELECT * FROM tasks, (WITH RECURSIVE x AS (SELECT id FROM words UNION ALL SELECT x.id FROM x WHERE x.id = 'a') SELECT 1 FROM x) q
=> WITH x AS (SELECT id FROM log) SELECT * FROM <fenced> AS "tasks", (WITH RECURSIVE x AS (SELECT id FROM words UNION ALL SELECT x.id FROM x WHERE x.id = 'a') SELECT 1 FROM x) q
SELECT * FROM (tasks t JOIN log l ON true) j (owner, id) WHERE owner = 5 AND 1 / owner > 0
=> SELECT * FROM (<fenced> t JOIN log l ON true) j (owner, id) WHERE owner = 5 AND 1 / owner > 0
SELECT (SELECT 1 FROM tasks t JOIN log l USING (id) AS j WHERE j.id = 'a') FROM words j
=> SELECT (SELECT 1 FROM <fenced> t JOIN log l USING (id) AS j WHERE j.id = 'a') FROM words j
SELECT (SELECT 1 FROM (tasks t JOIN log l ON true) j WHERE j.id = 'a') FROM words j
=> SELECT (SELECT 1 FROM (<fenced> t JOIN log l ON true) j WHERE j.id = 'a') FROM words j
SELECT * FROM log WHERE id = (SELECT owner FROM tasks WHERE id = 5)
=> SELECT * FROM log WHERE id = (SELECT owner FROM <fenced AND (r."id" = 5)> AS "tasks" WHERE id = 5)
SELECT * FROM tasks NATURAL JOIN (VALUES (1)) v
=> SELECT * FROM <fenced> AS "tasks" NATURAL JOIN (VALUES (1)) v
SELECT * FROM tasks NATURAL JOIN (VALUES (1)) v (id)
=> SELECT * FROM <fenced> AS "tasks" NATURAL JOIN (VALUES (1)) v (id)
SELECT * FROM tasks t JOIN log l USING (id) JOIN pairs p ON p.a = t.owner WHERE id = 5
=> SELECT * FROM <open> t JOIN log l USING (id) JOIN <pairs> p ON p.a = t.owner WHERE id = 5
`);

describe('a read of a relation with a row filter', () => {
  it.each(CASES)('%s', async (sql, expected) => {
    expect(await sentRead(sql, grammar)).toBe(expected);
  });
});
