import { beforeAll, describe, expect, it } from 'vitest';
import { casesFrom } from '../../test/support/small-judge.ts';
import { sentShort } from '../../test/support/written-world.ts';
import { Grammar } from '../sql/grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const CASES = casesFrom(String.raw`
UPDATE notes SET body = $1 FROM log l JOIN people p ON true WHERE notes.id = l.id AND notes.owner = 7
=> hidden: UPDATE "public"."notes" SET body = $1 FROM "public"."log" l JOIN (<people>) p ON true WHERE <filter notes> AND ("notes"."owner" = 7) AND CASE WHEN <filter notes> THEN ( notes.id = l.id AND notes.owner = 7) ELSE false END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
DELETE FROM notes USING people WHERE people.ssn = 'a' AND notes.id = people.id
=> DELETE FROM "public"."notes" USING (<people>) AS "people" WHERE <filter notes> AND ("notes"."id" = "people"."id") AND CASE WHEN <filter notes> THEN ( people.ssn = 'a' AND notes.id = people.id) ELSE false END
UPDATE people SET ssn = phone
=> refused: permission denied to write a mask over column "ssn" of relation "public.people"
UPDATE people SET ssn = lower(phone)
=> UPDATE "public"."people" SET ssn = (SELECT CASE WHEN (w.v)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v AS pg_catalog.text) END FROM (SELECT (lower((NULL::text))) AS v OFFSET 0) AS w)
UPDATE people SET phone = $1
=> UPDATE "public"."people" SET phone = CASE WHEN CAST($1 AS text) IS NULL THEN <mask of phone>::text ELSE CAST($1 AS pg_catalog.text) END
UPDATE people SET pin = 5
=> UPDATE "public"."people" SET pin = CASE WHEN CAST(5 AS int4)::C @= ('0'::int4)::C THEN <mask of pin>::int4 ELSE 5 END
UPDATE people SET pin = '5'
=> UPDATE "public"."people" SET pin = CASE WHEN CAST('5' AS int4)::C @= ('0'::int4)::C THEN <mask of pin>::int4 ELSE '5' END
UPDATE people SET ssn = NULL
=> UPDATE "public"."people" SET ssn = CASE WHEN CAST(NULL AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE NULL END
UPDATE people SET ssn = 5
=> UPDATE "public"."people" SET ssn = CASE WHEN CAST(5 AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(5 AS pg_catalog.text) END
UPDATE people SET ssn = hidden
=> refused: permission denied for column "hidden" of relation "public.people"
UPDATE people SET ssn = id
=> UPDATE "public"."people" SET ssn = CASE WHEN CAST(id AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(id AS pg_catalog.text) END
UPDATE people SET ssn = 'a' || $1, id = 2
=> UPDATE "public"."people" SET ssn = (SELECT CASE WHEN (w.v)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v AS pg_catalog.text) END FROM (SELECT ('a' || $1) AS v OFFSET 0) AS w), id = 2
UPDATE people SET ssn = CASE WHEN id = 1 THEN 'a' ELSE 'b' END WHERE id = 1
=> UPDATE "public"."people" SET ssn = (SELECT CASE WHEN (w.v)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v AS pg_catalog.text) END FROM (SELECT (CASE WHEN id = 1 THEN 'a' ELSE 'b' END) AS v OFFSET 0) AS w) WHERE id = 1
UPDATE people SET (id, ssn) = (1, 'a')
=> UPDATE "public"."people" SET (id, ssn) = (1, CASE WHEN CAST('a' AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE 'a' END)
UPDATE people SET (id, ssn, phone) = ROW (1, 'a', $1) WHERE true
=> UPDATE "public"."people" SET (id, ssn, phone) = ROW (1, CASE WHEN CAST('a' AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE 'a' END, CASE WHEN CAST($1 AS text) IS NULL THEN <mask of phone>::text ELSE CAST($1 AS pg_catalog.text) END) WHERE true
UPDATE people SET (ssn, phone) = (SELECT 'a', 'b'), id = 1
=> UPDATE "public"."people" SET (ssn, phone) = (SELECT CASE WHEN (w.v1)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v1 AS pg_catalog.text) END, CASE WHEN (w.v2) IS NULL THEN <mask of phone>::text ELSE CAST(w.v2 AS pg_catalog.text) END FROM (SELECT 'a', 'b') AS w (v1, v2)), id = 1
UPDATE people SET (ssn, phone) = (SELECT line, line FROM log) RETURNING id
=> UPDATE "public"."people" SET (ssn, phone) = (SELECT CASE WHEN (w.v1)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v1 AS pg_catalog.text) END, CASE WHEN (w.v2) IS NULL THEN <mask of phone>::text ELSE CAST(w.v2 AS pg_catalog.text) END FROM (SELECT line, line FROM "public"."log") AS w (v1, v2)) RETURNING id
UPDATE people SET (id) = (SELECT 1)
=> UPDATE "public"."people" SET (id) = (SELECT 1)
UPDATE people SET (ssn) = ROW ('a')
=> UPDATE "public"."people" SET (ssn) = ROW (CASE WHEN CAST('a' AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE 'a' END)
UPDATE people SET ssn = (SELECT line FROM log WHERE id = 1)
=> UPDATE "public"."people" SET ssn = (SELECT CASE WHEN (w.v)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v AS pg_catalog.text) END FROM (SELECT ((SELECT line FROM "public"."log" WHERE id = 1)) AS v OFFSET 0) AS w)
UPDATE people SET ssn = DEFAULT, (id, phone) = (DEFAULT, DEFAULT)
=> UPDATE "public"."people" SET ssn = DEFAULT, (id, phone) = (DEFAULT, DEFAULT)
UPDATE people SET ssn =-1
=> UPDATE "public"."people" SET ssn =CASE WHEN CAST(-1 AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(-1 AS pg_catalog.text) END
UPDATE people SET ssn = id IS DISTINCT FROM 3 FROM log
=> UPDATE "public"."people" SET ssn = (SELECT CASE WHEN (w.v)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST(w.v AS pg_catalog.text) END FROM (SELECT (id IS DISTINCT FROM 3) AS v OFFSET 0) AS w) FROM "public"."log"
UPDATE people SET ssn = $1 RETURNING ssn, phone AS p, pin
=> UPDATE "public"."people" SET ssn = CASE WHEN CAST($1 AS text)::C @= <ssn people>::C THEN <mask of ssn>::text ELSE CAST($1 AS pg_catalog.text) END RETURNING <ssn people> AS "ssn", (NULL::text) AS p, ('0'::int4) AS "pin"
UPDATE people SET id = 1 RETURNING *
=> UPDATE "public"."people" SET id = 1 RETURNING "people"."id", <ssn people> AS "ssn", (NULL::text) AS "phone", ('0'::int4) AS "pin"
UPDATE people p SET id = 1 FROM log RETURNING *
=> UPDATE "public"."people" p SET id = 1 FROM "public"."log" RETURNING "p"."id", <ssn p> AS "ssn", (NULL::text) AS "phone", ('0'::int4) AS "pin", "log".*
UPDATE people SET id = 1 RETURNING hidden
=> refused: permission denied for column "hidden" of relation "public.people"
DELETE FROM people USING log, notes RETURNING *
=> refused: RETURNING * with several other items is not supported through pg-airlock
DELETE FROM people USING (SELECT 1 AS one) RETURNING *
=> refused: RETURNING * with an item that has no alias is not supported through pg-airlock
DELETE FROM people USING log RETURNING log.*
=> DELETE FROM "public"."people" USING "public"."log" RETURNING log.*
DELETE FROM people RETURNING ssn || 'a', ssn::int, lower(ssn), coalesce(ssn, 'a')
=> DELETE FROM "public"."people" RETURNING <ssn people> || 'a' AS "?column?", <ssn people>::int AS "ssn", lower(<ssn people>) AS "lower", coalesce(<ssn people>, 'a') AS "coalesce"
DELETE FROM people RETURNING ssn = 'a', (ssn)
=> DELETE FROM "public"."people" RETURNING <ssn people> = 'a' AS "?column?", (<ssn people>) AS "ssn"
DELETE FROM people RETURNING CASE WHEN ssn IS NULL THEN 1 END
=> DELETE FROM "public"."people" RETURNING CASE WHEN <ssn people> IS NULL THEN 1 END AS "case"
DELETE FROM people RETURNING people.ssn AS x, people.*
=> DELETE FROM "public"."people" RETURNING <ssn people> AS x, "people"."id", <ssn people> AS "ssn", (NULL::text) AS "phone", ('0'::int4) AS "pin"
DELETE FROM people WHERE phone IS NULL AND pin = 0
=> DELETE FROM "public"."people" WHERE (NULL::text) IS NULL AND ('0'::int4) = 0
COPY people FROM STDIN
=> COPY "public"."people" FROM STDIN
COPY log (id) FROM STDIN
=> COPY "public"."log" (id) FROM STDIN
MERGE INTO people p USING log l ON p.id = l.id WHEN MATCHED THEN UPDATE SET ssn = l.line RETURNING *
=> MERGE INTO "public"."people" p USING "public"."log" l ON p.id = l.id WHEN MATCHED THEN UPDATE SET ssn = CASE WHEN CAST(l.line AS text)::C @= <ssn p>::C THEN <mask of ssn>::text ELSE CAST(l.line AS pg_catalog.text) END RETURNING "l".*, "p"."id", <ssn p> AS "ssn", (NULL::text) AS "phone", ('0'::int4) AS "pin"
MERGE INTO people p USING log l ON p.ssn = l.line WHEN MATCHED AND p.pin = 1 THEN UPDATE SET ssn = CASE WHEN l.id = 1 THEN 'when matched then' END WHEN NOT MATCHED THEN INSERT VALUES (1, 'a')
=> MERGE INTO "public"."people" p USING "public"."log" l ON <ssn p> = l.line WHEN MATCHED AND ('0'::int4) = 1 THEN UPDATE SET ssn = (SELECT CASE WHEN (w.v)::C @= <ssn p>::C THEN <mask of ssn>::text ELSE CAST(w.v AS pg_catalog.text) END FROM (SELECT (CASE WHEN l.id = 1 THEN 'when matched then' END) AS v OFFSET 0) AS w) WHEN NOT MATCHED THEN INSERT VALUES (1, 'a')
MERGE INTO people p USING log l ON p.id = l.id WHEN MATCHED THEN DELETE RETURNING merge_action(), p.ssn, l.*
=> MERGE INTO "public"."people" p USING "public"."log" l ON p.id = l.id WHEN MATCHED THEN DELETE RETURNING merge_action(), <ssn p> AS "ssn", l.*
UPDATE log SET line = $1 WHERE id = 1 RETURNING *
=> UPDATE "public"."log" SET line = $1 WHERE id = 1 RETURNING *
INSERT INTO log SELECT id, ssn FROM people RETURNING id
=> INSERT INTO "public"."log" SELECT id, ssn FROM (<people>) AS "people" RETURNING id
DELETE FROM cards RETURNING *
=> DELETE FROM "public"."cards" RETURNING "cards"."id", (NULL::text) AS "number"
DELETE FROM cards RETURNING cards.*, cards
=> DELETE FROM "public"."cards" RETURNING "cards"."id", (NULL::text) AS "number", (SELECT "pg_airlock row" FROM (SELECT "cards"."id" AS "id", (NULL::text) AS "number") AS "pg_airlock row") AS "cards"
UPDATE cards SET id = 1 FROM log RETURNING *
=> UPDATE "public"."cards" SET id = 1 FROM "public"."log" RETURNING "cards"."id", (NULL::text) AS "number", "log".*
UPDATE cards SET number = number || 'a' WHERE number = 'a'
=> refused: permission denied to write a mask over column "number" of relation "public.cards"
DELETE FROM files RETURNING *
=> DELETE FROM "public"."files" WHERE <filter files> RETURNING "files"."id", "files"."owner", (NULL::text) AS "path"
UPDATE files SET id = 1 RETURNING path
=> UPDATE "public"."files" SET id = 1 WHERE <filter files> RETURNING CASE WHEN <filter files> THEN ((NULL::text)) WHEN <raise> THEN NULL::text ELSE NULL::text END AS "path"
UPDATE files SET id = 1 RETURNING path, id
=> UPDATE "public"."files" SET id = 1 WHERE <filter files> RETURNING CASE WHEN <filter files> THEN ((NULL::text)) WHEN <raise> THEN NULL::text ELSE NULL::text END AS "path", id
UPDATE files SET id = 1 RETURNING files
=> UPDATE "public"."files" SET id = 1 WHERE <filter files> RETURNING CASE WHEN <filter files> THEN ((SELECT "pg_airlock row" FROM (SELECT "files"."id" AS "id", "files"."owner" AS "owner", (NULL::text) AS "path") AS "pg_airlock row")) WHEN <raise> THEN NULL END AS "files"
UPDATE files SET id = 1 RETURNING *
=> UPDATE "public"."files" SET id = 1 WHERE <filter files> RETURNING CASE WHEN <filter files> THEN "files"."id" WHEN <raise> THEN "files"."id" ELSE "files"."id" END AS "id", "files"."owner", (NULL::text) AS "path"
UPDATE files SET path = $1 WHERE path IS NULL RETURNING id
=> UPDATE "public"."files" SET path = CASE WHEN CAST($1 AS text) IS NULL THEN <mask of path>::text ELSE CAST($1 AS pg_catalog.text) END WHERE <filter files> AND CASE WHEN <filter files> THEN ( (NULL::text) IS NULL) ELSE false END RETURNING CASE WHEN <filter files> THEN (id) WHEN <raise> THEN id ELSE id END AS "id"
INSERT INTO files VALUES (1, 7, 'a') ON CONFLICT (id) DO UPDATE SET path = excluded.path RETURNING path
=> INSERT INTO "public"."files" VALUES (1, 7, 'a') ON CONFLICT (id) DO UPDATE SET path = CASE WHEN CAST(excluded.path AS text) IS NULL THEN <mask of path>::text ELSE CAST(excluded.path AS pg_catalog.text) END WHERE CASE WHEN <filter files> AND <filter excluded> THEN true ELSE <raise> END RETURNING CASE WHEN <filter files> THEN ((NULL::text)) WHEN <raise> THEN NULL::text ELSE NULL::text END AS "path"
UPDATE files f SET id = 1 FROM log RETURNING log.*, f.path
=> UPDATE "public"."files" f SET id = 1 FROM "public"."log" WHERE <filter f> RETURNING log.*, CASE WHEN <filter f> THEN ((NULL::text)) WHEN <raise> THEN NULL::text ELSE NULL::text END AS "path"
INSERT INTO files VALUES (1) RETURNING 'x' || path AS "a b"
=> INSERT INTO "public"."files" VALUES (1) RETURNING CASE WHEN <filter files> THEN ('x' || (NULL::text)) WHEN <raise> THEN NULL END AS "a b"
`);

describe('a write of a relation with masks, and beside one', () => {
  it.each(CASES)('%s', async (sql, expected) => {
    expect(await sentShort(sql, grammar)).toBe(expected);
  });
});
