/** Every mask on every type of column, on a real server: usable and of the column's own type, or unusable with a reason. */
import { createHmac } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Mask } from '../../kernel/policy.ts';
import type { Catalog } from '../../proxy/catalog/catalog.ts';
import { loadCatalog } from '../../proxy/catalog/load-catalog.ts';
import { probeOf, type ScopedRelation, scopeOf } from '../../proxy/scope/scope.ts';
import { Grammar } from '../../proxy/sql/grammar.ts';
import { catalogReader } from '../support/catalog-reader.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { COLUMNS, SCHEMA } from './every-type.ts';

let server: TestPostgres;
let client: pg.Client;
let catalog: Catalog;
const grammar = new Grammar(18);

beforeAll(async () => {
  server = await startPostgres();
  await server.sql(SCHEMA);
  client = new pg.Client({ connectionString: server.superuserUrl });
  await client.connect();
  await grammar.load();
  catalog = await loadCatalog(catalogReader(client), 'f');
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

const relationOf = (name: string) => catalog.relations.get(`public\u0000${name}`)!;

type Shown = { readonly unusable: string } | { readonly type: number; readonly typmod: number; readonly rows: readonly unknown[] };

const show = async (sql: string): Promise<Shown> => {
  const result = await client.query({ text: sql, rowMode: 'array', types: { getTypeParser: () => String } });
  const field = result.fields[0]!;
  return { type: field.dataTypeID, typmod: field.dataTypeModifier, rows: result.rows.map((row) => row[0] as unknown) };
};

/** What an agent sees of one masked column, or why the scope is not usable. */
const masked = async (table: string, column: string, mask: Mask): Promise<Shown> => {
  const grant = {
    schema: 'public',
    name: table,
    select: { columns: [], masks: [{ column, mask }] },
    insert: undefined,
    update: undefined,
    delete: false,
    where: undefined,
  };
  const scope = scopeOf(relationOf(table), grant, grammar);
  if (scope.type !== 'Scoped') return { unusable: scope.type === 'Unusable' ? scope.problem : 'bare' };
  const problem = await client.query(probeOf(scope)).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (problem !== undefined) return { unusable: problem };
  return await show(bodyOf(scope));
};

const bodyOf = (scope: ScopedRelation): string =>
  `SELECT * FROM (SELECT ${scope.list} FROM public.${scope.relation.name} AS r${scope.tail}) AS masked`;

/** `type → value` for each type that the mask can serve, and the types that it cannot. */
const table = async (mask: Mask): Promise<string> => {
  const lines: string[] = [];
  const unusable: string[] = [];
  for (const [index, [type]] of COLUMNS.entries()) {
    const column = `c${index}`;
    for (const name of ['everything', 'required']) {
      const shown = await masked(name, column, mask);
      if ('unusable' in shown) {
        if (name === 'required') unusable.push(type);
        continue;
      }
      const direct = (await show(`SELECT ${column} FROM public.${name}`)) as Exclude<Shown, { unusable: string }>;
      expect([type, shown.type, shown.typmod, shown.rows.length]).toEqual([type, direct.type, direct.typmod, direct.rows.length]);
      if (name === 'required') lines.push(`${type} → ${String(shown.rows[0]).trimEnd()}`);
    }
  }
  return [...lines, `unusable: ${unusable.join(', ')}`].join('\n');
};

describe('a mask has the type and modifier of its column', () => {
  it('Redact', async () => {
    expect(await table({ type: 'Redact' })).toMatchInlineSnapshot(`
      "text → ***
      varchar(20) → ***
      varchar(2) → **
      varchar → ***
      char(1) → *
      char(30) → ***
      name → ***
      "char" → *
      citext → ***
      text COLLATE "C" → ***
      text COLLATE other → ***
      int2 → 0
      int4 → 0
      int8 → 0
      oid → 0
      numeric → 0
      numeric(10,2) → 0.00
      numeric(4,2) → 0.00
      numeric(3,0) → 0
      float4 → 0
      float8 → 0
      money → $0.00
      bool → f
      date → 1970-01-01
      timestamp → 1970-01-01 00:00:00
      timestamp(0) → 1970-01-01 00:00:00
      timestamptz → 1970-01-01 00:00:00+00
      time → 00:00:00
      timetz → 00:00:00+00
      interval → 00:00:00
      interval year to month → 00:00:00
      uuid → 00000000-0000-0000-0000-000000000000
      bytea → \\x
      json → {}
      jsonb → {}
      xml → null
      bit(3) → null
      varbit(5) → null
      inet → 0.0.0.0
      cidr → 0.0.0.0/0
      macaddr → 00:00:00:00:00:00
      macaddr8 → 00:00:00:00:00:00:00:00
      tsvector → null
      tsquery → null
      point → null
      polygon → null
      int4range → null
      datemultirange → null
      text[] → {}
      int4[] → {}
      varchar(5)[] → {}
      int2vector → 
      oidvector → 
      regclass → null
      xid → null
      pg_lsn → null
      jsonpath → null
      mood → null
      "Odd Schema"."Odd Enum" → null
      mood[] → {}
      pair → null
      pair[] → {}
      email → ***
      email2 → ***
      small → 0
      tags → {}
      textrange → null
      "public"."text" → null
      unusable: "
    `);
  });

  it('Null', async () => {
    const everyType = COLUMNS.map(([type]) => `${type} → null`);
    expect(await table({ type: 'Null' })).toBe([...everyType, 'unusable: '].join('\n'));
  });

  it('KeepLast', async () => {
    expect(await table({ type: 'KeepLast', characters: 4 })).toMatchInlineSnapshot(`
      "text → ***.org
      varchar(20) → ***1111
      varchar(2) → **
      varchar → ***efgh
      char(1) → *
      char(30) → ***text
      name → ***name
      citext → ***.org
      text COLLATE "C" → ***ated
      text COLLATE other → ***ated
      int2 → 0
      int4 → 6789
      int8 → 123
      email → ***.org
      email2 → ***.org
      small → 0
      unusable: "char", oid, numeric, numeric(10,2), numeric(4,2), numeric(3,0), float4, float8, money, bool, date, timestamp, timestamp(0), timestamptz, time, timetz, interval, interval year to month, uuid, bytea, json, jsonb, xml, bit(3), varbit(5), inet, cidr, macaddr, macaddr8, tsvector, tsquery, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], int2vector, oidvector, regclass, xid, pg_lsn, jsonpath, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], tags, textrange, "public"."text""
    `);
  });

  it('KeepFirst', async () => {
    expect(await table({ type: 'KeepFirst', characters: 4 })).toMatchInlineSnapshot(`
      "text → mary***
      varchar(20) → 4111***
      varchar(2) → **
      varchar → abcd***
      char(1) → *
      char(30) → some***
      name → some***
      citext → Mary***
      text COLLATE "C" → coll***
      text COLLATE other → coll***
      int2 → 0
      int4 → 123400000
      int8 → 1234000000000
      email → mary***
      email2 → mary***
      small → 0
      unusable: "char", oid, numeric, numeric(10,2), numeric(4,2), numeric(3,0), float4, float8, money, bool, date, timestamp, timestamp(0), timestamptz, time, timetz, interval, interval year to month, uuid, bytea, json, jsonb, xml, bit(3), varbit(5), inet, cidr, macaddr, macaddr8, tsvector, tsquery, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], int2vector, oidvector, regclass, xid, pg_lsn, jsonpath, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], tags, textrange, "public"."text""
    `);
  });

  it('Email', async () => {
    expect(await table({ type: 'Email' })).toMatchInlineSnapshot(`
      "text → ***@example.org
      varchar(20) → ***
      varchar(2) → **
      varchar → ***
      char(1) → *
      char(30) → ***
      name → ***
      citext → ***@Example.org
      text COLLATE "C" → ***
      text COLLATE other → ***
      email → ***@example.org
      email2 → ***@example.org
      unusable: "char", int2, int4, int8, oid, numeric, numeric(10,2), numeric(4,2), numeric(3,0), float4, float8, money, bool, date, timestamp, timestamp(0), timestamptz, time, timetz, interval, interval year to month, uuid, bytea, json, jsonb, xml, bit(3), varbit(5), inet, cidr, macaddr, macaddr8, tsvector, tsquery, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], int2vector, oidvector, regclass, xid, pg_lsn, jsonpath, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], small, tags, textrange, "public"."text""
    `);
  });

  it('Hash', async () => {
    expect(await table({ type: 'Hash', key: Buffer.from('the key') })).toMatchInlineSnapshot(`
      "text → b54635fa441926a475921184ec608398
      varchar(20) → 99708502688662b344c9
      varchar → 381d0ea0de70bd27647969a840bb54c8
      char(30) → 3b606ac174bf95f7d27d29eac3969b
      name → 070344ad63f13a55e74325a591f05d40
      citext → b54635fa441926a475921184ec608398
      text COLLATE "C" → 48e54dea1ca2586cf92101d7946aa3a7
      text COLLATE other → 48e54dea1ca2586cf92101d7946aa3a7
      int2 → 3787
      int4 → 7988951
      int8 → 773954070236929868
      numeric → 367468547659143160
      numeric(10,2) → 14797170.00
      numeric(3,0) → 668
      uuid → a011e583-5138-4d05-79c0-f3c8981976ea
      bytea → \\xca7cbffa2eb16d616097f0faae7c21c3e8d8127b41492198096b240bb39e2a3b
      email → b54635fa441926a475921184ec608398
      email2 → b54635fa441926a475921184ec608398
      small → 16306011
      unusable: varchar(2), char(1), "char", oid, numeric(4,2), float4, float8, money, bool, date, timestamp, timestamp(0), timestamptz, time, timetz, interval, interval year to month, json, jsonb, xml, bit(3), varbit(5), inet, cidr, macaddr, macaddr8, tsvector, tsquery, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], int2vector, oidvector, regclass, xid, pg_lsn, jsonpath, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], tags, textrange, "public"."text""
    `);
  });

  it('Date to the month', async () => {
    expect(await table({ type: 'Date', precision: 'Month' })).toMatchInlineSnapshot(`
      "date → 2024-05-01
      timestamp → 2024-05-01 00:00:00
      timestamp(0) → 2024-05-01 00:00:00
      timestamptz → 2024-05-01 00:00:00+00
      unusable: text, varchar(20), varchar(2), varchar, char(1), char(30), name, "char", citext, text COLLATE "C", text COLLATE other, int2, int4, int8, oid, numeric, numeric(10,2), numeric(4,2), numeric(3,0), float4, float8, money, bool, time, timetz, interval, interval year to month, uuid, bytea, json, jsonb, xml, bit(3), varbit(5), inet, cidr, macaddr, macaddr8, tsvector, tsquery, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], int2vector, oidvector, regclass, xid, pg_lsn, jsonpath, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], email, email2, small, tags, textrange, "public"."text""
    `);
  });

  it('Date to the hour', async () => {
    expect(await table({ type: 'Date', precision: 'Hour' })).toMatchInlineSnapshot(`
      "timestamp → 2024-05-17 10:00:00
      timestamp(0) → 2024-05-17 10:00:00
      timestamptz → 2024-05-17 08:00:00+00
      unusable: text, varchar(20), varchar(2), varchar, char(1), char(30), name, "char", citext, text COLLATE "C", text COLLATE other, int2, int4, int8, oid, numeric, numeric(10,2), numeric(4,2), numeric(3,0), float4, float8, money, bool, date, time, timetz, interval, interval year to month, uuid, bytea, json, jsonb, xml, bit(3), varbit(5), inet, cidr, macaddr, macaddr8, tsvector, tsquery, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], int2vector, oidvector, regclass, xid, pg_lsn, jsonpath, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], email, email2, small, tags, textrange, "public"."text""
    `);
  });

  it('Constant', async () => {
    expect(await table({ type: 'Constant', value: '1' })).toMatchInlineSnapshot(`
      "text → 1
      varchar(20) → 1
      varchar(2) → 1
      varchar → 1
      char(1) → 1
      char(30) → 1
      name → 1
      "char" → 1
      citext → 1
      text COLLATE "C" → 1
      text COLLATE other → 1
      int2 → 1
      int4 → 1
      int8 → 1
      oid → 1
      numeric → 1
      numeric(10,2) → 1.00
      numeric(4,2) → 1.00
      numeric(3,0) → 1
      float4 → 1
      float8 → 1
      money → $1.00
      bool → t
      interval → 00:00:01
      interval year to month → 1 mon
      bytea → \\x31
      json → 1
      jsonb → 1
      xml → 1
      bit(3) → 100
      varbit(5) → 1
      cidr → 1.0.0.0/8
      tsvector → '1'
      tsquery → '1'
      int2vector → 1
      oidvector → 1
      regclass → 1
      xid → 1
      jsonpath → 1
      email → 1
      email2 → 1
      small → 1
      unusable: date, timestamp, timestamp(0), timestamptz, time, timetz, uuid, inet, macaddr, macaddr8, point, polygon, int4range, datemultirange, text[], int4[], varchar(5)[], pg_lsn, mood, "Odd Schema"."Odd Enum", mood[], pair, pair[], tags, textrange, "public"."text""
    `);
  });

  it('Expression', async () => {
    const everyType = COLUMNS.map(([type]) => `${type} → null`);
    expect(await table({ type: 'Expression', expression: 'NULL' })).toBe([...everyType, 'unusable: '].join('\n'));
  });
});

describe('Hash', () => {
  it.each([3, 64, 65, 200])('is HMAC-SHA-256 with a key of %i bytes', async (length) => {
    const key = Buffer.alloc(length, 'k');
    const shown = (await masked('required', 'c0', { type: 'Hash', key })) as Exclude<Shown, { unusable: string }>;
    expect(shown.rows).toEqual([createHmac('sha256', key).update('mary@example.org').digest('hex').slice(0, 32)]);
  });
});
