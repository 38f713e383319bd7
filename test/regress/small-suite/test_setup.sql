-- A suite of the shape of PostgreSQL's, small enough for every run of the tests. It is our own.
\getenv abs_srcdir PG_ABS_SRCDIR
CREATE SCHEMA shop;
CREATE TABLE shop.items (id int PRIMARY KEY, name text NOT NULL, price numeric CHECK (price > 0));
CREATE FUNCTION shop.taxed(price numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT price * 1.2; $$;
CREATE TABLE onek (
  unique1 int4, unique2 int4, two int4, four int4, ten int4, twenty int4, hundred int4, thousand int4, twothousand int4,
  fivethous int4, tenthous int4, odd int4, even int4, stringu1 name, stringu2 name, string4 name
);
\set filename :abs_srcdir '/data/onek.data'
COPY onek FROM :'filename';
