import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Mask } from '../../kernel/policy.ts';
import { column } from '../../test/support/small-catalog.ts';
import { maskSql } from './mask.ts';

const KEY = Buffer.from('key');
const S = { category: 'S' } as const;
const COLUMNS = {
  text: column('c'),
  'text, sorted': column('c', 'text', { collation: 'pg_catalog."C"' }),
  'text, never null': column('c', 'text', { notNull: true }),
  'varchar(20)': column('c', 'varchar', { ...S, castTo: 'character varying(20)', length: 20 }),
  'varchar(8)': column('c', 'varchar', { ...S, castTo: 'character varying(8)', length: 8 }),
  citext: column('c', 'citext', { ...S, baseTypeSchema: 'public', castTo: 'public.citext' }),
  'text of its own': column('c', 'text', { ...S, baseTypeSchema: 'public', castTo: 'public.text' }),
  char: column('c', 'char', { category: 'Z', castTo: '"char"' }),
  int4: column('c', 'int4', { castTo: 'integer' }),
  int2: column('c', 'int2', { castTo: 'smallint' }),
  int8: column('c', 'int8', { castTo: 'bigint' }),
  numeric: column('c', 'numeric'),
  'numeric(2,-2)': column('c', 'numeric', { castTo: 'numeric(2,-2)' }),
  'numeric(17,-2)': column('c', 'numeric', { castTo: 'numeric(17,-2)' }),
  'numeric(9,2)': column('c', 'numeric', { castTo: 'numeric(9,2)' }),
  'numeric(4,2)': column('c', 'numeric', { castTo: 'numeric(4,2)' }),
  'numeric(5,2)': column('c', 'numeric', { castTo: 'numeric(5,2)' }),
  'numeric(30,2)': column('c', 'numeric', { castTo: 'numeric(30,2)' }),
  'numeric(3,-2)': column('c', 'numeric', { castTo: 'numeric(3,-2)' }),
  'numeric(18,0)': column('c', 'numeric', { castTo: 'numeric(18,0)' }),
  'numeric(19,0)': column('c', 'numeric', { castTo: 'numeric(19,0)' }),
  uuid: column('c', 'uuid', { category: 'U' }),
  bytea: column('c', 'bytea', { category: 'U' }),
  bool: column('c', 'bool', { category: 'B' }),
  date: column('c', 'date', { category: 'D' }),
  timestamp: column('c', 'timestamp', { category: 'D' }),
  timestamptz: column('c', 'timestamptz', { category: 'D' }),
  jsonb: column('c', 'jsonb', { category: 'U' }),
  point: column('c', 'point', { category: 'G' }),
  'text[]': column('c', '_text', { category: 'A', castTo: 'text[]' }),
  oidvector: column('c', 'oidvector', { category: 'A' }),
  enum: column('c', 'mood', { category: 'E', baseTypeSchema: 'public', castTo: 'public.mood' }),
  'enum named text': column('c', 'text', { category: 'E', baseTypeSchema: 'public', castTo: 'public.text' }),
  'date of its own': column('c', 'date', { category: 'D', baseTypeSchema: 'public', castTo: 'public.date' }),
  'int4 of its own': column('c', 'int4', { baseTypeSchema: 'public', castTo: 'public.int4' }),
} as const;

const MASKS: Readonly<Record<string, Mask>> = {
  Redact: { type: 'Redact' },
  Null: { type: 'Null' },
  'KeepLast 4': { type: 'KeepLast', characters: 4 },
  'KeepFirst 2': { type: 'KeepFirst', characters: 2 },
  Email: { type: 'Email' },
  Hash: { type: 'Hash', key: KEY },
  'Date Year': { type: 'Date', precision: 'Year' },
  'Date Quarter': { type: 'Date', precision: 'Quarter' },
  'Date Month': { type: 'Date', precision: 'Month' },
  'Date Week': { type: 'Date', precision: 'Week' },
  'Date Day': { type: 'Date', precision: 'Day' },
  'Date Hour': { type: 'Date', precision: 'Hour' },
  Constant: { type: 'Constant', value: "it's" },
  Expression: { type: 'Expression', expression: 'upper(c)' },
};

const expression = (sql: string) => ({ ok: true as const, sql: `<${sql}>` });

/** With short words for what is repeated in each: `@` for what is qualified as PostgreSQL's own, `hex<...>` for the digest of a value. */
const short = (sql: string): string =>
  sql
    .replaceAll(/OPERATOR\(pg_catalog\.([^)]+)\)/g, '@$1')
    .replaceAll('pg_catalog.', '@')
    .replaceAll(/@encode\(@sha256\('<key>' @\|\| @sha256\('<key>' @\|\| (.*?)\)\), 'hex'\)/g, 'hex<$1>')
    .replaceAll('(r."c")::@text COLLATE @"C"', '<text>');

const written = (mask: Mask, name: keyof typeof COLUMNS, alias?: string): string => {
  const found = maskSql(mask, COLUMNS[name], expression, alias);
  if (!found.ok) return found.problem;
  if (mask.type !== 'Hash') expect(found.recorded).toBe(found.sql);
  return short(found.recorded);
};

const CASES: Readonly<Record<string, Partial<Readonly<Record<keyof typeof COLUMNS, string>>>>> = {
  Redact: {
    text: `CASE WHEN r."c" IS NULL THEN NULL::text ELSE '***'::text END`,
    'text, sorted': `CASE WHEN r."c" IS NULL THEN NULL::text ELSE '***'::text COLLATE @"C" END`,
    'text, never null': `'***'::text`,
    'varchar(20)': `CASE WHEN r."c" IS NULL THEN NULL::character varying(20) ELSE '***'::character varying(20) END`,
    'varchar(8)': `CASE WHEN r."c" IS NULL THEN NULL::character varying(8) ELSE '***'::character varying(8) END`,
    citext: `CASE WHEN r."c" IS NULL THEN NULL::public.citext ELSE '***'::public.citext END`,
    'text of its own': 'NULL::public.text',
    char: `CASE WHEN r."c" IS NULL THEN NULL::"char" ELSE '*'::"char" END`,
    int4: `CASE WHEN r."c" IS NULL THEN NULL::integer ELSE '0'::integer END`,
    int2: `CASE WHEN r."c" IS NULL THEN NULL::smallint ELSE '0'::smallint END`,
    int8: `CASE WHEN r."c" IS NULL THEN NULL::bigint ELSE '0'::bigint END`,
    numeric: `CASE WHEN r."c" IS NULL THEN NULL::numeric ELSE '0'::numeric END`,
    'numeric(2,-2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(2,-2) ELSE '0'::numeric(2,-2) END`,
    'numeric(17,-2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(17,-2) ELSE '0'::numeric(17,-2) END`,
    'numeric(9,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(9,2) ELSE '0'::numeric(9,2) END`,
    'numeric(4,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(4,2) ELSE '0'::numeric(4,2) END`,
    'numeric(5,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(5,2) ELSE '0'::numeric(5,2) END`,
    'numeric(30,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(30,2) ELSE '0'::numeric(30,2) END`,
    'numeric(3,-2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(3,-2) ELSE '0'::numeric(3,-2) END`,
    'numeric(18,0)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(18,0) ELSE '0'::numeric(18,0) END`,
    'numeric(19,0)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(19,0) ELSE '0'::numeric(19,0) END`,
    uuid: `CASE WHEN r."c" IS NULL THEN NULL::uuid ELSE '00000000-0000-0000-0000-000000000000'::uuid END`,
    bytea: `CASE WHEN r."c" IS NULL THEN NULL::bytea ELSE '\\x'::bytea END`,
    bool: `CASE WHEN r."c" IS NULL THEN NULL::bool ELSE 'false'::bool END`,
    date: `CASE WHEN r."c" IS NULL THEN NULL::date ELSE '1970-01-01'::date END`,
    timestamp: `CASE WHEN r."c" IS NULL THEN NULL::timestamp ELSE '1970-01-01 00:00:00'::timestamp END`,
    timestamptz: `CASE WHEN r."c" IS NULL THEN NULL::timestamptz ELSE '1970-01-01 00:00:00+00'::timestamptz END`,
    jsonb: `CASE WHEN r."c" IS NULL THEN NULL::jsonb ELSE '{}'::jsonb END`,
    point: 'NULL::point',
    'text[]': `CASE WHEN r."c" IS NULL THEN NULL::text[] ELSE '{}'::text[] END`,
    oidvector: `CASE WHEN r."c" IS NULL THEN NULL::oidvector ELSE ''::oidvector END`,
    enum: 'NULL::public.mood',
    'enum named text': 'NULL::public.text',
    'date of its own': 'NULL::public.date',
    'int4 of its own': 'NULL::public.int4',
  },
  Null: {
    text: 'NULL::text',
    int4: 'NULL::integer',
  },
  'KeepLast 4': {
    text: `((CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(<text>) @>= 8 THEN '***'::@text @|| @right(<text>, 4) ELSE '***'::@text END)::text) COLLATE @"default"`,
    'text, sorted': `((CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(<text>) @>= 8 THEN '***'::@text @|| @right(<text>, 4) ELSE '***'::@text END)::text) COLLATE @"C"`,
    'varchar(20)': `((CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(<text>) @>= 8 THEN '***'::@text @|| @right(<text>, 4) ELSE '***'::@text END)::character varying(20)) COLLATE @"default"`,
    citext: `((CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(<text>) @>= 8 THEN '***'::@text @|| @right(<text>, 4) ELSE '***'::@text END)::public.citext) COLLATE @"default"`,
    int4: `(CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(@ltrim((r."c")::@text, '-')) @>= 8 THEN (@right(@ltrim((r."c")::@text, '-'), 4))::integer ELSE 0 END)::integer`,
    numeric: `mask KeepLast cannot serve column "c" of type numeric`,
    char: `mask KeepLast cannot serve column "c" of type "char"`,
    'text of its own': `mask KeepLast cannot serve column "c" of type public.text`,
    'int4 of its own': `mask KeepLast cannot serve column "c" of type public.int4`,
    uuid: `mask KeepLast cannot serve column "c" of type uuid`,
  },
  'KeepFirst 2': {
    text: `((CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(<text>) @>= 4 THEN @left(<text>, 2) @|| '***'::@text ELSE '***'::@text END)::text) COLLATE @"default"`,
    int8: `(CASE WHEN r."c" IS NULL THEN NULL WHEN @char_length(@ltrim((r."c")::@text, '-')) @>= 4 THEN (@rpad(@left(@ltrim((r."c")::@text, '-'), 2), @char_length(@ltrim((r."c")::@text, '-')), '0'))::bigint ELSE 0 END)::bigint`,
    bool: `mask KeepFirst cannot serve column "c" of type bool`,
  },
  Email: {
    text: `((CASE WHEN r."c" IS NULL THEN NULL WHEN <text> @~ '^[^@[:space:]]+@[A-Za-z0-9.-]+$' THEN @regexp_replace(<text>, '^[^@]+@', '***@') ELSE '***'::@text END)::text) COLLATE @"default"`,
    citext: `((CASE WHEN r."c" IS NULL THEN NULL WHEN <text> @~ '^[^@[:space:]]+@[A-Za-z0-9.-]+$' THEN @regexp_replace(<text>, '^[^@]+@', '***@') ELSE '***'::@text END)::public.citext) COLLATE @"default"`,
    int4: `mask Email cannot serve column "c" of type integer`,
    jsonb: `mask Email cannot serve column "c" of type jsonb`,
  },
  Hash: {
    text: `CASE WHEN r."c" IS NULL THEN NULL::text ELSE ((@left(hex<@convert_to((r."c")::@text, 'UTF8')>, 32))::text) COLLATE @"default" END`,
    'text, sorted': `CASE WHEN r."c" IS NULL THEN NULL::text ELSE ((@left(hex<@convert_to((r."c")::@text, 'UTF8')>, 32))::text) COLLATE @"C" END`,
    'text, never null': `((@left(hex<@convert_to((r."c")::@text, 'UTF8')>, 32))::text) COLLATE @"default"`,
    'varchar(20)': `CASE WHEN r."c" IS NULL THEN NULL::character varying(20) ELSE ((@left(hex<@convert_to((r."c")::@text, 'UTF8')>, 20))::character varying(20)) COLLATE @"default" END`,
    'varchar(8)': `mask Hash cannot serve column "c" of type character varying(8)`,
    citext: `CASE WHEN r."c" IS NULL THEN NULL::public.citext ELSE ((@left(hex<@convert_to(@lower((r."c")::@text), 'UTF8')>, 32))::public.citext) COLLATE @"default" END`,
    'text of its own': `mask Hash cannot serve column "c" of type public.text`,
    char: `mask Hash cannot serve column "c" of type "char"`,
    int4: `CASE WHEN r."c" IS NULL THEN NULL::integer ELSE (('x' @|| @left(hex<@convert_to((r."c")::@text, 'UTF8')>, 7))::@bit(28)::@int4)::integer END`,
    int2: `CASE WHEN r."c" IS NULL THEN NULL::smallint ELSE (('x' @|| @left(hex<@convert_to((r."c")::@text, 'UTF8')>, 3))::@bit(12)::@int4)::smallint END`,
    int8: `CASE WHEN r."c" IS NULL THEN NULL::bigint ELSE (('x' @|| @left(hex<@convert_to((r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8)::bigint END`,
    numeric: `CASE WHEN r."c" IS NULL THEN NULL::numeric ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8)::numeric END`,
    'numeric(2,-2)': `mask Hash cannot serve column "c" of type numeric(2,-2)`,
    'numeric(17,-2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(17,-2) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8 @% 100000000000000000 @* 1e2)::numeric(17,-2) END`,
    'numeric(9,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(9,2) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8 @% 10000000)::numeric(9,2) END`,
    'numeric(4,2)': `mask Hash cannot serve column "c" of type numeric(4,2)`,
    'numeric(5,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(5,2) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8 @% 1000)::numeric(5,2) END`,
    'numeric(30,2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(30,2) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8)::numeric(30,2) END`,
    'numeric(3,-2)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(3,-2) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8 @% 1000 @* 1e2)::numeric(3,-2) END`,
    'numeric(18,0)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(18,0) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8 @% 1000000000000000000)::numeric(18,0) END`,
    'numeric(19,0)': `CASE WHEN r."c" IS NULL THEN NULL::numeric(19,0) ELSE (('x' @|| @left(hex<@convert_to(@trim_scale(r."c")::@text, 'UTF8')>, 15))::@bit(60)::@int8)::numeric(19,0) END`,
    uuid: `CASE WHEN r."c" IS NULL THEN NULL::uuid ELSE (@left(hex<@convert_to((r."c")::@text, 'UTF8')>, 32))::uuid END`,
    bytea: `CASE WHEN r."c" IS NULL THEN NULL::bytea ELSE @sha256('<key>' @|| @sha256('<key>' @|| r."c")) END`,
    bool: `mask Hash cannot serve column "c" of type bool`,
    date: `mask Hash cannot serve column "c" of type date`,
    timestamp: `mask Hash cannot serve column "c" of type timestamp`,
    timestamptz: `mask Hash cannot serve column "c" of type timestamptz`,
    jsonb: `mask Hash cannot serve column "c" of type jsonb`,
    point: `mask Hash cannot serve column "c" of type point`,
    'text[]': `mask Hash cannot serve column "c" of type text[]`,
    oidvector: `mask Hash cannot serve column "c" of type oidvector`,
    enum: `mask Hash cannot serve column "c" of type public.mood`,
    'enum named text': `mask Hash cannot serve column "c" of type public.text`,
    'date of its own': `mask Hash cannot serve column "c" of type public.date`,
    'int4 of its own': `mask Hash cannot serve column "c" of type public.int4`,
  },
  'Date Year': {
    date: `(@date_trunc('year', (r."c")::@timestamp))::date`,
    timestamp: `(@date_trunc('year', (r."c")::@timestamp))::timestamp`,
    timestamptz: `(@date_trunc('year', r."c", 'UTC'))::timestamptz`,
    text: `mask Date cannot serve column "c" of type text`,
    'date of its own': `mask Date cannot serve column "c" of type public.date`,
  },
  'Date Hour': {
    date: `mask Date cannot serve column "c" of type date`,
    timestamp: `(@date_trunc('hour', (r."c")::@timestamp))::timestamp`,
    timestamptz: `(@date_trunc('hour', r."c", 'UTC'))::timestamptz`,
  },
  Constant: {
    text: `'it''s'::text`,
    'text, sorted': `'it''s'::text COLLATE @"C"`,
    int4: `'it''s'::integer`,
  },
  Expression: {
    text: `((<upper(c)>)::text) COLLATE @"default"`,
    int4: '(<upper(c)>)::integer',
    'text, sorted': `((<upper(c)>)::text) COLLATE @"C"`,
  },
  'Date Quarter': { date: `(@date_trunc('quarter', (r."c")::@timestamp))::date` },
  'Date Month': { date: `(@date_trunc('month', (r."c")::@timestamp))::date` },
  'Date Week': { date: `(@date_trunc('week', (r."c")::@timestamp))::date` },
  'Date Day': { date: `(@date_trunc('day', (r."c")::@timestamp))::date` },
};

describe('maskSql()', () => {
  const cases = Object.entries(CASES).flatMap(([mask, of]) =>
    Object.entries(of).map(([name, text]) => [mask, name as keyof typeof COLUMNS, text] as const),
  );
  it.each(cases)('%s of %s: %s', (mask, name, text) => {
    expect(written(MASKS[mask]!, name)).toBe(text);
  });

  it('stands over another relation where that is said', () => {
    expect(written({ type: 'Redact' }, 'bool', '"t"')).toBe(`CASE WHEN "t"."c" IS NULL THEN NULL::bool ELSE 'false'::bool END`);
  });

  it('says what is wrong with an expression', () => {
    const problem = { ok: false, problem: 'no' } as const;
    expect(maskSql({ type: 'Expression', expression: 'x' }, COLUMNS.text, () => problem)).toEqual(problem);
  });

  it.each([KEY, Buffer.alloc(64, 7), Buffer.alloc(65, 7)])(
    'has the key of a hash in what is sent, padded or digested to a block: %#',
    (key) => {
      const found = maskSql({ type: 'Hash', key }, COLUMNS.bytea, expression);
      if (!found.ok) throw new Error(found.problem);
      const block = Buffer.alloc(64);
      (key.length > 64 ? createHash('sha256').update(key).digest() : key).copy(block);
      const pad = (byte: number): string => `'\\x${Buffer.from(block.map((each) => each ^ byte)).toString('hex')}'::pg_catalog.bytea`;
      expect(found.sql).toBe(found.recorded.replace("'<key>'", pad(0x5c)).replace("'<key>'", pad(0x36)));
    },
  );
});
