/**
 * Oracles that write: what constraints tell of hidden rows and columns, and the budget that ends it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRaw, type RawClient, type RawFrame, responseFields, rowValues, send } from '../support/raw-client.ts';
import { AGENT, startWorld, type World } from './world.ts';

const SCHEMA = `
  CREATE EXTENSION btree_gist;
  CREATE TABLE customers (id int PRIMARY KEY, name text UNIQUE, email text UNIQUE, vip bool, price int, discount int, code int,
    qty int, CONSTRAINT below_price CHECK (discount <= price AND qty >= 0), CONSTRAINT vip_email CHECK (NOT vip OR email IS NOT NULL));
  CREATE UNIQUE INDEX customers_code ON customers ((code % 100)) WHERE code > 0;
  INSERT INTO customers (id, name, email, price, discount, code, qty)
    SELECT i, 'name ' || i, 'person' || i || '@example.com', 1000 + 7 * i, 0, i, 1 FROM generate_series(1, 50) i;
  CREATE TABLE tenants (tenant int, id int, slug text, PRIMARY KEY (tenant, id), UNIQUE (slug), UNIQUE (tenant, slug));
  INSERT INTO tenants SELECT 1 + i % 2, i, 'slug' || i FROM generate_series(1, 50) i;
  CREATE TABLE local (tenant int, key text, note text, PRIMARY KEY (tenant, key)); INSERT INTO local SELECT 1 + i % 2, 'k' || i FROM generate_series(1, 50) i;
  CREATE TABLE bookings (room int, at int4range, EXCLUDE USING gist (room WITH =, at WITH &&));
  INSERT INTO bookings VALUES (1, '[37,41)');
  CREATE TABLE vault (id int PRIMARY KEY); INSERT INTO vault SELECT 2 * i FROM generate_series(1, 50) i;
  CREATE TABLE refs (id int, vault int REFERENCES vault DEFERRABLE, customer int REFERENCES customers);
  CREATE TABLE shadows (tenant_slug text REFERENCES tenants (slug)); INSERT INTO shadows VALUES ('slug3');
  CREATE TABLE codes (id int PRIMARY KEY, code text UNIQUE); INSERT INTO codes SELECT i, 'c' || i FROM generate_series(1, 50) i;
  CREATE VIEW some_codes AS SELECT id, code FROM codes WHERE id > 25;
  CREATE TABLE parted (id int, pin text) PARTITION BY RANGE (id);
  CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (1000); CREATE UNIQUE INDEX only_low ON parted_low (pin);
  INSERT INTO parted SELECT i, 'p' || i FROM generate_series(1, 50) i;
  CREATE TABLE deferred (id int, key text UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO deferred VALUES (1, 'taken')`;

const mask = (column: string): object => ({ column, mask: { type: 'Redact' } });
const everything = { columns: ['*'] };
const relations = (guessable: readonly string[] = []): readonly object[] => [
  {
    name: 'public.customers',
    select: { columns: ['id', 'name', 'vip', 'discount', 'qty'], masks: [mask('email'), mask('price')] },
    insert: everything,
    update: everything,
    delete: {},
    ...(guessable.length === 0 ? {} : { guessable }),
  },
  { name: 'public.tenants', where: 'tenant = 2', select: everything, insert: everything, update: everything, delete: {} },
  { name: 'public.local', where: 'tenant = 2', select: everything, insert: everything, update: everything },
  { name: 'public.bookings', select: { columns: ['room'] }, insert: everything },
  { name: 'public.refs', select: everything, insert: everything, update: everything },
  { name: 'public.some_codes', select: everything, insert: everything },
  { name: 'public.parted', select: { columns: ['id'] }, insert: everything },
  { name: 'public.deferred', select: { columns: ['id'] }, insert: everything },
];

const told = (frames: readonly RawFrame[]): readonly string[] =>
  frames
    .filter(({ type }) => 'ECD'.includes(type))
    .map((frame) => {
      if (frame.type === 'D') return rowValues(frame).map(String).join();
      if (frame.type === 'C') return frame.body.toString('latin1', 0, frame.body.length - 1);
      const { S, C, M, D = '' } = responseFields(frame);
      return `${S} ${C} ${M}${D === '' ? '' : ` (${D})`}`;
    });

const code = (lines: readonly string[]): string =>
  /^(?:ERROR|FATAL) (\w+)/.exec(lines.find((line) => /^(ERROR|FATAL)/.test(line)) ?? '')?.[1] ?? 'done';

describe.each([15, 18] as const)('writes that tell, PostgreSQL %i', (version) => {
  let world: World;
  let generous: World;
  let client: RawClient;
  const open = async ({ proxy }: World): Promise<RawClient> => {
    const opened = await connectRaw(proxy.port);
    await opened.login({ user: AGENT, database: 'postgres' });
    return opened;
  };
  const ask = async (sql: string): Promise<readonly string[]> => {
    if (client.closed || client.socket.destroyed) client = await open(world);
    const frames = await client.query(sql);
    if (!client.closed && frames.at(-1)?.body.toString() !== 'I') await client.query('ROLLBACK');
    return told(frames);
  };
  /** How often something can be asked in one session before it ends, or all is refused; an answer that is given counts. */
  const asked = async (
    sql: (guess: number) => string,
    most = 40,
  ): Promise<{ readonly answers: number; readonly codes: ReadonlySet<string> }> => {
    client.destroy();
    client = await open(world);
    const codes = new Set<string>();
    let answers = 0;
    for (let guess = 1; guess <= most && !client.closed; guess += 1) {
      const found = code(await ask(sql(guess)));
      if (found === '53400') break;
      codes.add(found);
      if (!client.closed) answers += 1;
    }
    return { answers, codes };
  };
  beforeAll(async () => {
    world = await startWorld(version, { schema: SCHEMA, relations: relations(), limits: { probesPerSession: 5, probesPerHour: 100000 } });
    client = await open(world);
  });
  afterAll(async () => {
    client?.destroy();
    await world?.stop();
    await generous?.stop();
  });

  const ROLLED_BACK = (sql: string): string => `BEGIN; ${sql}; ROLLBACK`;
  const TELLS: readonly (readonly [string, string, (guess: number) => string])[] = [
    ['a unique masked column, INSERT', '23505', (n) => `INSERT INTO customers (id, email) VALUES (${1000 + n}, 'person${n}@example.com')`],
    ['a unique masked column, UPDATE', '23505', (n) => `UPDATE customers SET email = 'person${n}@example.com' WHERE id = 50`],
    [
      'the same by ON CONFLICT of another',
      '23505',
      (n) => `INSERT INTO customers (id, email) VALUES (${1000 + n}, 'person${n}@example.com') ON CONFLICT (name) DO NOTHING`,
    ],
    [
      'the same within WITH',
      '23505',
      (n) => `WITH x AS (INSERT INTO customers (id, email) VALUES (1000, 'person${n}@example.com') RETURNING 1) SELECT * FROM x`,
    ],
    ['the same explained', '23505', (n) => `EXPLAIN ANALYZE INSERT INTO customers (id, email) VALUES (1000, 'person${n}@example.com')`],
    ['the same of a query', '23505', (n) => `INSERT INTO customers (id, email) SELECT 1000, 'person${n}@example.com'`],
    [
      'the same prepared by SQL',
      '23505',
      (n) => `PREPARE p${n} AS INSERT INTO customers (id, email) VALUES (1000, $1); EXECUTE p${n} ('person${n}@example.com')`,
    ],
    [
      'an expression and a predicate over hidden columns',
      '23505',
      (n) => ROLLED_BACK(`INSERT INTO customers (id, email, code) VALUES (1000, 'x', ${100 + n})`),
    ],
    ['a key that hidden rows have', '23505', (n) => `INSERT INTO tenants VALUES (2, 1000, 'slug${n * 2}')`],
    ['a key that hidden rows have, UPDATE', '23505', (n) => `UPDATE tenants SET slug = 'slug${n * 2}' WHERE id = 49`],
    [
      'ON CONFLICT DO UPDATE of a hidden row',
      '42501',
      (n) => `INSERT INTO tenants VALUES (2, 1000, 'slug${n * 2}') ON CONFLICT (slug) DO UPDATE SET id = 1000`,
    ],
    ['a reference to a relation that is not granted', '23503', (n) => ROLLED_BACK(`INSERT INTO refs (id, vault) VALUES (1, ${2 * n + 1})`)],
    [
      'the same deferred, at COMMIT',
      '23503',
      (n) => `BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO refs (id, vault) VALUES (1, ${2 * n + 1}); COMMIT`,
    ],
    ['a hidden reference to a row', '23503', () => "DELETE FROM tenants WHERE slug = 'slug3'"],
    ['a unique key that is deferred', '23505', () => "INSERT INTO deferred VALUES (2, 'taken')"],
    ['a row that a view leaves out', '23505', (n) => `INSERT INTO some_codes VALUES (1000, 'c${1 + (n % 20)}')`],
    ['a key of a partition alone', '23505', (n) => `INSERT INTO parted VALUES (999, 'p${n}')`],
    [
      'MERGE',
      '23505',
      (n) =>
        `MERGE INTO customers USING (SELECT 1) x ON customers.id = 1000 WHEN NOT MATCHED THEN INSERT (id, email) VALUES (1000, 'person${n}@example.com')`,
    ],
  ];

  it.for(TELLS)('end after five: %s', async ([, expected, sql]) => {
    const { answers, codes } = await asked(sql);
    expect({ answers, codes: [...codes] }).toEqual({ answers: 5, codes: [expected] });
    if (!client.closed) return;
    expect(told(client.frames).at(-1)).toMatch(/^FATAL 53400 too many writes that tell/);
  });

  it('count what ON CONFLICT DO NOTHING leaves out', async () => {
    client.destroy();
    // Rows that cannot be counted one by one are refused together.
    expect(code(await ask("INSERT INTO customers (id, email) SELECT n, 'x' FROM generate_series(1, 9) n ON CONFLICT DO NOTHING"))).toBe(
      '42501',
    );
    for (const value of ["'person' || generate_series(1, 9)", "('{person1@example.com,person2@example.com}'::text[]).unnest"]) {
      expect(code(await ask(`INSERT INTO customers (id, email) VALUES (1, ${value}) ON CONFLICT DO NOTHING`))).toBe('42501');
    }
    const many = (n: number): string => Array.from({ length: n }, (_, i) => `(${2000 + i}, 'person${i + 1}@example.com')`).join();
    expect(code(await ask(`INSERT INTO customers (id, email) VALUES ${many(6)} ON CONFLICT DO NOTHING`))).toBe('53400');
    expect(await ask(`INSERT INTO customers (id, email) VALUES ${many(3)} ON CONFLICT DO NOTHING`)).toEqual(['INSERT 0 0']);
    expect(code(await ask(`INSERT INTO customers (id, email) VALUES ${many(3)} ON CONFLICT DO NOTHING`))).toBe('53400');
    expect(await ask(`INSERT INTO customers (id, email) VALUES ${many(2)} ON CONFLICT DO NOTHING`)).toEqual(['INSERT 0 0']);
    expect(code(await ask(`INSERT INTO customers (id, email) VALUES ${many(1)} ON CONFLICT DO NOTHING`))).toBe('53400');
    // In a statement that has another tag, all rows count as left out.
    const inner = await asked(
      (n) =>
        `WITH x AS (INSERT INTO customers (id, email) VALUES (1, 'person${n}@example.com') ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM x`,
    );
    expect(inner).toEqual({ answers: 5, codes: new Set(['done']) });
    const explained = await asked(
      (n) => `EXPLAIN ANALYZE INSERT INTO customers (id, email) VALUES (1, 'person${n}@example.com') ON CONFLICT DO NOTHING`,
    );
    expect(explained).toEqual({ answers: 5, codes: new Set(['done']) });
  });

  it('count what is left out though the client fetches nothing more', async () => {
    client.destroy();
    client = await open(world);
    for (let n = 0; n < 8 && !client.closed; n += 1) {
      const values = `(${6000 + n}, 'new${n}'), (${7000 + n}, 'person${n + 1}@example.com')`;
      const sql = `INSERT INTO customers (id, email) VALUES ${values} ON CONFLICT DO NOTHING RETURNING id`;
      await client.exchange(send.parse('', sql), send.bind('', ''), send.execute('', 1), send.sync());
    }
    expect(told(client.frames).filter((line) => line.startsWith('INSERT'))).toEqual(Array<string>(4).fill('INSERT 0 1'));
    expect(told(client.frames).at(-1)).toMatch(/^ERROR 53400/);
  });

  it('end a pipeline of guesses at the first that is too much', async () => {
    client.destroy();
    client = await open(world);
    const guesses = Array.from({ length: 30 }, (_, n) => [
      send.parse('', 'INSERT INTO customers (id, email) VALUES (1000, $1)'),
      send.bind('', '', [`person${n + 1}@example.com`]),
      send.execute(),
      send.sync(),
    ]);
    client.write(...guesses.flat());
    await client.waitClosed();
    const codes = told(client.frames).map((line) => code([line]));
    expect(codes).toEqual(['23505', '23505', '23505', '23505', '23505', '53400']);
  });

  it('are refused where a constraint compares with a hidden column', async () => {
    expect(await ask('UPDATE customers SET discount = 1003 WHERE id = 1')).toEqual([
      'ERROR 42501 permission denied to write column "discount" of relation "public.customers" (Constraint "below_price" compares it with column "price", which this agent may not read, so that its values could be found by trying.)',
    ]);
    expect(code(await ask("INSERT INTO bookings VALUES (1, '[38,39)')"))).toBe('42501');
    // What is given itself, or only tested for NULL, is not compared; what has no part in the condition neither.
    expect(code(await ask('INSERT INTO customers (id, discount, price) VALUES (3000, 5, 6)'))).toBe('done');
    expect(code(await ask('UPDATE customers SET discount = 1, price = 2 WHERE id = 3000'))).toBe('done');
    expect(code(await ask('UPDATE customers SET vip = true WHERE id = 1'))).toBe('done');
    expect(code(await ask('UPDATE customers SET vip = true WHERE id = 3000'))).toBe('23514');
    expect(code(await ask('UPDATE customers SET qty = 5 WHERE id = 1'))).toBe('done');
  });

  const PLAIN: readonly (readonly [string, string, (guess: number) => string])[] = [
    ['a key that is seen', '23505', () => "INSERT INTO customers (id, email) VALUES (1, 'new@example.com')"],
    ['a unique column that is seen', '23505', () => "UPDATE customers SET name = 'name 1' WHERE id = 2"],
    ['a key within what the filter shows', '23505', () => "INSERT INTO local VALUES (2, 'k1')"],
    ['the same left out', 'done', () => "INSERT INTO local VALUES (2, 'k1') ON CONFLICT DO NOTHING"],
    ['the same of a query', 'done', () => "INSERT INTO local SELECT 2, 'k' || n FROM generate_series(1, 9) n ON CONFLICT DO NOTHING"],
    ['NOT NULL', '23502', () => "INSERT INTO customers (id, email) VALUES (NULL, 'x')"],
    ['a reference to what is seen', '23503', () => 'INSERT INTO refs (id, customer) VALUES (1, 77)'],
    ['a condition on what is given', '23514', () => "INSERT INTO customers (id, email, discount, price) VALUES (4000, 'y', 2, 1)"],
    ['division by zero elsewhere', '22012', () => 'UPDATE customers SET name = (1 / 0)::text WHERE id = 1'],
    ['new values', 'done', (n) => `INSERT INTO customers (id, email) VALUES (${5000 + n}, 'new${n}@example.com')`],
    ['columns without constraints', 'done', () => 'UPDATE tenants SET id = id WHERE id = 1'],
  ];

  it.for(PLAIN)('do not count: %s', async ([, expected, sql]) => {
    expect(await asked(sql, 20)).toEqual({ answers: 20, codes: new Set([expected]) });
  });

  it('are counted for the agent, whatever its sessions', async () => {
    generous = await startWorld(version, { schema: SCHEMA, relations: relations(['price', 'at']), limits: { probesPerHour: 7 } });
    const codes: string[] = [];
    for (let session = 0; session < 3; session += 1) {
      const own = await open(generous);
      for (let n = 0; n < 4 && !own.closed; n += 1)
        codes.push(code(told(await own.query(`INSERT INTO customers (id, email) VALUES (1000, 'person${1 + n}@example.com')`))));
      own.destroy();
    }
    expect(codes).toEqual([...Array<string>(7).fill('23505'), ...Array<string>(5).fill('53400')]);
    const own = await open(generous);
    // Everything else goes on; so do writes that tell nothing.
    expect(told(await own.query("UPDATE customers SET name = 'other' WHERE id = 1; SELECT 1"))).toEqual(['UPDATE 1', '1', 'SELECT 1']);
    // Guesses that the policy allows count whether they succeed or not.
    expect(code(told(await own.query('UPDATE customers SET discount = 0 WHERE id = 1')))).toBe('53400');
    own.destroy();
    const segments = await readdir(generous.proxy.auditDirectory);
    const audit = await Promise.all(
      segments.filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(generous.proxy.auditDirectory, name), 'utf8')),
    );
    expect(audit.join('').match(/"probes":1/g)).toHaveLength(7);
  });
});
