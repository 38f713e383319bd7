import { beforeAll, describe, expect, it } from 'vitest';
import { casesFrom } from '../../test/support/small-judge.ts';
import { sentShort } from '../../test/support/written-world.ts';
import { Grammar } from '../sql/grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const CASES = casesFrom(String.raw`
INSERT INTO notes VALUES (1) ON CONFLICT (id) DO UPDATE SET body = $1
=> hidden: INSERT INTO "public"."notes" VALUES (1) ON CONFLICT (id) DO UPDATE SET body = $1 WHERE CASE WHEN <filter notes> AND <filter excluded> THEN true ELSE <raise> END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
INSERT INTO notes AS n VALUES (1) ON CONFLICT (id) DO UPDATE SET body = $1 RETURNING n.id
=> INSERT INTO "public"."notes" AS n VALUES (1) ON CONFLICT (id) DO UPDATE SET body = $1 WHERE CASE WHEN <filter n> AND <filter excluded> THEN true ELSE <raise> END RETURNING CASE WHEN <filter n> THEN (n.id) WHEN <raise> THEN n.id ELSE n.id END AS "id"
INSERT INTO notes VALUES (1) ON CONFLICT (id) DO UPDATE SET body = $1 WHERE notes.id > 3 RETURNING id
=> INSERT INTO "public"."notes" VALUES (1) ON CONFLICT (id) DO UPDATE SET body = $1 WHERE CASE WHEN <filter notes> AND <filter excluded> THEN ( notes.id > 3) ELSE <raise> END RETURNING CASE WHEN <filter notes> THEN (id) WHEN <raise> THEN id ELSE id END AS "id"
INSERT INTO notes (id, body) VALUES (1, 'set where') ON CONFLICT DO NOTHING
=> hidden: INSERT INTO "public"."notes" (id, body) VALUES (1, 'set where') ON CONFLICT DO NOTHING RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
UPDATE notes SET body = $1 WHERE id = 5
=> hidden: UPDATE "public"."notes" SET body = $1 WHERE <filter notes> AND ( id = 5) RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
UPDATE notes SET body = $1 WHERE id = 5 AND 1 / id > 0
=> hidden: UPDATE "public"."notes" SET body = $1 WHERE <filter notes> AND ("notes"."id" = 5) AND CASE WHEN <filter notes> THEN ( id = 5 AND 1 / id > 0) ELSE false END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
UPDATE notes SET body = $1 WHERE (id = 5) AND lower(body) = 'a' RETURNING id
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> AND ("notes"."id" = 5) AND CASE WHEN <filter notes> THEN ( (id = 5) AND lower(body) = 'a') ELSE false END RETURNING CASE WHEN <filter notes> THEN (id) WHEN <raise> THEN id ELSE id END AS "id"
UPDATE notes n SET body = $1 WHERE n.id = 5 AND body > lower('x')
=> hidden: UPDATE "public"."notes" n SET body = $1 WHERE <filter n> AND ("n"."id" = 5) AND CASE WHEN <filter n> THEN ( n.id = 5 AND body > lower('x')) ELSE false END RETURNING CASE WHEN <filter n> THEN NULL WHEN <raise> THEN NULL END
UPDATE notes SET body = $1 FROM log WHERE notes.id = log.id AND lower(line) = 'a'
=> hidden: UPDATE "public"."notes" SET body = $1 FROM "public"."log" WHERE <filter notes> AND ("notes"."id" = "log"."id") AND CASE WHEN <filter notes> THEN ( notes.id = log.id AND lower(line) = 'a') ELSE false END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
UPDATE notes SET body = $1 FROM log WHERE id = 1
=> hidden: UPDATE "public"."notes" SET body = $1 FROM "public"."log" WHERE <filter notes> AND CASE WHEN <filter notes> THEN ( id = 1) ELSE false END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
DELETE FROM notes WHERE secret = 'a'
=> refused: permission denied for column "secret" of relation "public.notes"
DELETE FROM notes WHERE id = 1 OR id = 2
=> DELETE FROM "public"."notes" WHERE <filter notes> AND ( id = 1 OR id = 2)
DELETE FROM notes WHERE NOT (id = 1)
=> DELETE FROM "public"."notes" WHERE <filter notes> AND ( NOT (id = 1))
DELETE FROM notes USING notes n WHERE n.id = notes.id
=> DELETE FROM "public"."notes" USING (SELECT r."id", r."owner", r."body" FROM "public"."notes" AS r WHERE (r.owner = 7) OFFSET 0) n WHERE <filter notes> AND ( n.id = notes.id)
DELETE FROM box WHERE id = 1
=> DELETE FROM "public"."box" WHERE ("box".owner / "box".id = 7) AND CASE WHEN ("box".owner / "box".id = 7) THEN ( id = 1) ELSE false END
DELETE FROM vault WHERE true
=> DELETE FROM "public"."vault" WHERE <filter vault> AND ( true)
DELETE FROM notes WHERE id IN (SELECT id FROM log)
=> DELETE FROM "public"."notes" WHERE <filter notes> AND CASE WHEN <filter notes> THEN ( id IN (SELECT id FROM "public"."log")) ELSE false END
DELETE FROM notes RETURNING *
=> DELETE FROM "public"."notes" WHERE <filter notes> RETURNING "notes"."id", "notes"."owner", "notes"."body"
UPDATE notes SET body = $1 RETURNING *
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN "notes"."id" WHEN <raise> THEN "notes"."id" ELSE "notes"."id" END AS "id", "notes"."owner", "notes"."body"
UPDATE notes SET body = $1 RETURNING notes.*, 1 AS one
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN "notes"."id" WHEN <raise> THEN "notes"."id" ELSE "notes"."id" END AS "id", "notes"."owner", "notes"."body", 1 AS one
INSERT INTO vault (id) VALUES (1) RETURNING *
=> refused: permission denied for a whole row of relation "public.vault"
INSERT INTO vault (id) VALUES (1)
=> hidden: INSERT INTO "public"."vault" (id) VALUES (1) RETURNING CASE WHEN <filter vault> THEN NULL WHEN pg_catalog.current_setting('pg_airlock.row_filter <public.vault>') IS NULL THEN NULL END
UPDATE notes SET body = $1 FROM log RETURNING log.*
=> refused: RETURNING of another relation alone is not supported through pg-airlock
UPDATE notes SET body = $1 FROM log RETURNING log.*, notes.id
=> UPDATE "public"."notes" SET body = $1 FROM "public"."log" WHERE <filter notes> RETURNING log.*, CASE WHEN <filter notes> THEN (notes.id) WHEN <raise> THEN notes.id ELSE notes.id END AS "id"
UPDATE notes SET body = $1 FROM log l RETURNING l.*, *
=> UPDATE "public"."notes" SET body = $1 FROM "public"."log" l WHERE <filter notes> RETURNING l.*, CASE WHEN <filter notes> THEN "notes"."id" WHEN <raise> THEN "notes"."id" ELSE "notes"."id" END AS "id", "notes"."owner", "notes"."body", "l".*
UPDATE notes SET body = $1 RETURNING id + 1
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN (id + 1) WHEN <raise> THEN NULL END AS "?column?"
UPDATE notes SET body = $1 RETURNING id AS "my id"
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN (id) WHEN <raise> THEN id ELSE id END AS "my id"
UPDATE notes SET body = $1 RETURNING (id)
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN ((id)) WHEN <raise> THEN (id) ELSE (id) END AS "id"
UPDATE notes SET body = $1 RETURNING id AS U&"a!0041" UESCAPE '!', owner
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN (id) WHEN <raise> THEN id ELSE id END AS U&"a!0041" UESCAPE '!', owner
UPDATE notes SET body = $1 RETURNING id label
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN (id) WHEN <raise> THEN id ELSE id END label
UPDATE notes SET body = $1 RETURNING 'as', id
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN ('as') WHEN <raise> THEN NULL END AS "?column?", id
UPDATE notes SET body = $1 RETURNING notes
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN ((SELECT "pg_airlock row" FROM (SELECT "notes"."id" AS "id", "notes"."owner" AS "owner", "notes"."body" AS "body") AS "pg_airlock row")) WHEN <raise> THEN NULL END AS "notes"
UPDATE notes SET body = $1 RETURNING WITH (OLD AS o, NEW AS n) o.id, n.owner
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING WITH (OLD AS o, NEW AS n) CASE WHEN <filter notes> THEN (o.id) WHEN <raise> THEN o.id ELSE o.id END AS "id", n.owner
UPDATE notes SET body = $1 RETURNING old.id
=> UPDATE "public"."notes" SET body = $1 WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN (old.id) WHEN <raise> THEN old.id ELSE old.id END AS "id"
INSERT INTO notes DEFAULT VALUES RETURNING count(*)
=> INSERT INTO "public"."notes" DEFAULT VALUES RETURNING CASE WHEN <filter notes> THEN (count(*)) WHEN <raise> THEN NULL END AS "count"
MERGE INTO notes n USING log l ON n.id = l.id WHEN MATCHED THEN UPDATE SET body = l.line WHEN NOT MATCHED THEN INSERT (id) VALUES (l.id)
=> hidden: MERGE INTO "public"."notes" n USING "public"."log" l ON <filter n> AND ( n.id = l.id) WHEN MATCHED THEN UPDATE SET body = l.line WHEN NOT MATCHED THEN INSERT (id) VALUES (l.id) RETURNING CASE WHEN <filter n> THEN NULL WHEN <raise> THEN NULL END
MERGE INTO notes n USING log l ON n.id = l.id AND 1 / n.id > 0 WHEN MATCHED AND n.id > 3 THEN DELETE
=> MERGE INTO "public"."notes" n USING "public"."log" l ON <filter n> AND ("n"."id" = "l"."id") AND CASE WHEN <filter n> THEN ( n.id = l.id AND 1 / n.id > 0) ELSE false END WHEN MATCHED AND n.id > 3 THEN DELETE
MERGE INTO notes n USING log l ON 1 / n.id > 0 WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED BY TARGET THEN INSERT (id) VALUES (1)
=> refused: MERGE into a relation with a row filter, with NOT MATCHED BY both SOURCE and TARGET and this condition, is not supported through pg-airlock
MERGE INTO notes n USING log l ON n.id = l.id WHEN NOT MATCHED BY SOURCE AND n.id = 1 THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (1)
=> hidden: MERGE INTO "public"."notes" n USING "public"."log" l ON <filter n> AND ( n.id = l.id) WHEN NOT MATCHED BY SOURCE AND CASE WHEN <filter n> THEN ( n.id = 1) ELSE false END THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (1) RETURNING CASE WHEN <filter n> THEN NULL WHEN <raise> THEN NULL END
MERGE INTO notes n USING log l ON n.id = l.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET body = 'then when' WHEN MATCHED THEN DO NOTHING
=> hidden: MERGE INTO "public"."notes" n USING "public"."log" l ON <filter n> AND ( n.id = l.id) WHEN NOT MATCHED BY SOURCE AND <filter n> THEN UPDATE SET body = 'then when' WHEN MATCHED THEN DO NOTHING RETURNING CASE WHEN <filter n> THEN NULL WHEN <raise> THEN NULL END
MERGE INTO notes USING log ON notes.id = log.id WHEN MATCHED THEN UPDATE SET body = 'x' RETURNING *
=> MERGE INTO "public"."notes" USING "public"."log" ON <filter notes> AND ( notes.id = log.id) WHEN MATCHED THEN UPDATE SET body = 'x' RETURNING "log".*, CASE WHEN <filter notes> THEN "notes"."id" WHEN <raise> THEN "notes"."id" ELSE "notes"."id" END AS "id", "notes"."owner", "notes"."body"
WITH d AS (DELETE FROM notes WHERE id = 1 RETURNING *) SELECT * FROM d
=> WITH d AS (DELETE FROM "public"."notes" WHERE <filter notes> AND ( id = 1) RETURNING "notes"."id", "notes"."owner", "notes"."body") SELECT * FROM d
WITH d AS (UPDATE notes SET body = 'a;b)' WHERE (id) = (1)), e AS (INSERT INTO notes VALUES (2) RETURNING id) SELECT 1
=> WITH d AS (UPDATE "public"."notes" SET body = 'a;b)' WHERE <filter notes> AND ( (id) = (1)) RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END), e AS (INSERT INTO "public"."notes" VALUES (2) RETURNING CASE WHEN <filter notes> THEN (id) WHEN <raise> THEN id ELSE id END AS "id") SELECT 1
WITH l AS (SELECT 1 AS id) UPDATE notes SET body = $1 FROM l WHERE notes.id = l.id
=> hidden: WITH l AS (SELECT 1 AS id) UPDATE "public"."notes" SET body = $1 FROM l WHERE <filter notes> AND CASE WHEN <filter notes> THEN ( notes.id = l.id) ELSE false END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
EXPLAIN UPDATE notes SET body = $1 WHERE id = 5
=> EXPLAIN (COSTS OFF) UPDATE "public"."notes" SET body = $1 WHERE <filter notes> AND CASE WHEN <filter notes> THEN ( id = 5) ELSE false END RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
EXPLAIN (ANALYZE) DELETE FROM notes WHERE id = 5
=> EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM "public"."notes" WHERE <filter notes> AND CASE WHEN <filter notes> THEN ( id = 5) ELSE false END
PREPARE p AS UPDATE notes SET body = $1 WHERE id = $2
=> PREPARE p AS UPDATE "public"."notes" SET body = $1 WHERE <filter notes> AND ( id = $2) RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
DELETE FROM ONLY notes AS n WHERE n.id = 1
=> DELETE FROM ONLY "public"."notes" AS n WHERE <filter n> AND ( n.id = 1)
DELETE FROM ONLY (notes) WHERE id = 1
=> DELETE FROM ONLY ("public"."notes") WHERE <filter notes> AND ( id = 1)
UPDATE notes SET body = "where".id FROM log AS "where" WHERE notes.id = 1
=> hidden: UPDATE "public"."notes" SET body = "where".id FROM "public"."log" AS "where" WHERE <filter notes> AND ( notes.id = 1) RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
UPDATE notes SET body = x.returning FROM (SELECT 1 AS returning) x
=> hidden: UPDATE "public"."notes" SET body = x.returning FROM (SELECT 1 AS returning) x WHERE <filter notes> RETURNING CASE WHEN <filter notes> THEN NULL WHEN <raise> THEN NULL END
DELETE FROM notes WHERE id = ANY (ARRAY[1, 2]) AND body LIKE 'a%' AND owner BETWEEN 1 AND 5
=> DELETE FROM "public"."notes" WHERE <filter notes> AND ("notes"."id" = ANY (ARRAY[1, 2])) AND ("notes"."body" LIKE 'a%') AND CASE WHEN <filter notes> THEN ( id = ANY (ARRAY[1, 2]) AND body LIKE 'a%' AND owner BETWEEN 1 AND 5) ELSE false END
`);

describe('a write of a relation with a row filter', () => {
  it.each(CASES)('%s', async (sql, expected) => {
    expect(await sentShort(sql, grammar)).toBe(expected);
  });
});
