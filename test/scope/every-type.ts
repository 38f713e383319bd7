/** Column type and a value of it, as SQL. */
export const COLUMNS: readonly (readonly [string, string])[] = [
  ['text', "'mary@example.org'"],
  ['varchar(20)', "'4111111111111111'"],
  ['varchar(2)', "'ab'"],
  ['varchar', "'abcdefgh'"],
  ['char(1)', "'x'"],
  ['char(30)', "'some text'"],
  ['name', "'somename'"],
  ['"char"', "'c'"],
  ['citext', "'Mary@Example.org'"],
  ['text COLLATE "C"', "'collated'"],
  ['text COLLATE other', "'collated'"],
  ['int2', '12345'],
  ['int4', '-123456789'],
  ['int8', '1234567890123'],
  ['oid', '4242'],
  ['numeric', '12.50'],
  ['numeric(10,2)', '1234.56'],
  ['numeric(4,2)', '12.34'],
  ['numeric(3,0)', '999'],
  ['float4', '1.5'],
  ['float8', '2.5'],
  ['money', "'12.34'"],
  ['bool', 'true'],
  ['date', "'2024-05-17'"],
  ['timestamp', "'2024-05-17 10:11:12'"],
  ['timestamp(0)', "'2024-05-17 10:11:12'"],
  ['timestamptz', "'2024-05-17 10:11:12+02'"],
  ['time', "'10:11:12'"],
  ['timetz', "'10:11:12+02'"],
  ['interval', "'3 days'"],
  ['interval year to month', "'3 months'"],
  ['uuid', "'6f1c2b1e-6a0c-4c1f-9a52-0b1b5a3c9d10'"],
  ['bytea', "'\\x0102'"],
  ['json', '\'{"a":1}\''],
  ['jsonb', '\'{"a":1}\''],
  ['xml', "'<a/>'"],
  ['bit(3)', "B'101'"],
  ['varbit(5)', "B'101'"],
  ['inet', "'10.1.2.3'"],
  ['cidr', "'10.1.0.0/16'"],
  ['macaddr', "'08:00:2b:01:02:03'"],
  ['macaddr8', "'08:00:2b:01:02:03:04:05'"],
  ['tsvector', "'a b'"],
  ['tsquery', "'a & b'"],
  ['point', "'(1,2)'"],
  ['polygon', "'((0,0),(1,1),(1,0))'"],
  ['int4range', "'[1,5)'"],
  ['datemultirange', "'{[2024-01-01,2024-02-01)}'"],
  ['text[]', "'{a,b}'"],
  ['int4[]', "'{1,2}'"],
  ['varchar(5)[]', "'{a,b}'"],
  ['int2vector', "'1 2'"],
  ['oidvector', "'1 2'"],
  ['regclass', "'pg_class'"],
  ['xid', "'42'"],
  ['pg_lsn', "'0/1'"],
  ['jsonpath', "'$.a'"],
  ['mood', "'sad'"],
  ['"Odd Schema"."Odd Enum"', "'it''s'"],
  ['mood[]', "'{sad}'"],
  ['pair', "'(1,x)'"],
  ['pair[]', "ARRAY['(1,x)'::pair]"],
  ['email', "'mary@example.org'"],
  ['email2', "'mary@example.org'"],
  ['small', '7'],
  ['tags', "'{a}'"],
  ['textrange', "'[a,b)'"],
  ['"public"."text"', "'enum called text'"],
];

/** A table of every type with NULLs, and one without. */
export const SCHEMA = `
CREATE EXTENSION citext;
CREATE COLLATION other FROM "POSIX";
CREATE SCHEMA "Odd Schema";
CREATE TYPE "Odd Schema"."Odd Enum" AS ENUM ('it''s', 'other');
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN email AS varchar(60) CHECK (VALUE LIKE '%@%');
CREATE DOMAIN email2 AS email NOT NULL CHECK (length(VALUE) > 3);
CREATE DOMAIN small AS int4 CHECK (VALUE BETWEEN 1 AND 9);
CREATE DOMAIN tags AS text[] CHECK (cardinality(VALUE) > 0);
CREATE TYPE textrange AS RANGE (subtype = text);
CREATE TYPE "public"."text" AS ENUM ('enum called text', 'another');
CREATE TABLE everything (${COLUMNS.map(([type], index) => `c${index} ${type}`).join(', ')});
INSERT INTO everything VALUES (${COLUMNS.map(([, value]) => value).join(', ')});
CREATE TABLE required (${COLUMNS.map(([type], index) => `c${index} ${type} NOT NULL`).join(', ')});
INSERT INTO required SELECT * FROM everything;
INSERT INTO everything (c${COLUMNS.findIndex(([type]) => type === 'email2')}) VALUES ('a@bc');
`;
