/** Drizzle: `drizzle.mjs URL`, and `drizzle-kit pull` for the introspection. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { and, asc, count, eq, gt, ilike, inArray, lt, or, sql, sum } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOfPostgresJs } from 'drizzle-orm/postgres-js';
import {
  bigint,
  boolean,
  customType,
  date,
  doublePrecision,
  inet,
  integer,
  interval,
  json,
  jsonb,
  numeric,
  pgEnum,
  pgSchema,
  pgTable,
  pgView,
  point,
  real,
  serial,
  smallint,
  text,
  time,
  timestamp,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { relations } from 'drizzle-orm/relations';
import pg from 'pg';
import postgres from 'postgres';
import { refusal, session, sqlstateOf, versionOf } from './session.mjs';

const url = process.argv[2];
const mood = pgEnum('mood', ['sad', 'ok', 'happy']);
const customers = pgTable('customers', {
  id: serial().primaryKey(),
  name: text().notNull(),
  email: text().notNull().unique(),
  city: varchar({ length: 40 }),
  mood: mood().notNull().default('ok'),
  version: integer().notNull().default(1),
  joined: timestamp({ withTimezone: true }).notNull().defaultNow(),
  ssn: text(),
  salary: numeric(),
});
const orders = pgTable('orders', {
  id: bigint({ mode: 'bigint' }).primaryKey().generatedByDefaultAsIdentity(),
  customerId: integer('customer_id')
    .notNull()
    .references(() => customers.id),
  region: text().notNull().default('eu'),
  amount: numeric({ mode: 'number' }).notNull(),
  placed: date(),
  lines: jsonb(),
});
const bytea = customType({ dataType: () => 'bytea' });
const samples = pgTable('samples', {
  id: integer().primaryKey(),
  small: smallint(),
  big: bigint({ mode: 'bigint' }),
  real4: real(),
  real8: doublePrecision(),
  exact: numeric(),
  yes: boolean(),
  letters: text(),
  short: varchar({ length: 10 }),
  bytes: bytea(),
  day: date(),
  time: time(),
  moment: timestamp({ mode: 'string' }),
  instant: timestamp({ withTimezone: true, mode: 'string' }),
  span: interval(),
  identity: uuid(),
  document: json(),
  binaryDocument: jsonb('binary_document'),
  texts: text().array(),
  mood: mood(),
  network: inet(),
  place: point(),
});
const readings = pgTable('readings', { id: integer().primaryKey(), value: doublePrecision().notNull() });
const tags = pgTable('order_tags', { orderId: bigint('order_id', { mode: 'number' }), tag: text() });
const odd = pgTable('Odd Names', { id: integer('Id').primaryKey(), size: text('größe') });
const targets = pgSchema('sales').table('targets', { region: text().primaryKey(), target: numeric() });
const bonn = pgView('bonn', { id: integer(), name: text() }).existing();
const secrets = pgTable('secrets', { token: text() });
const schema = {
  customers,
  orders,
  customersRelations: relations(customers, ({ many }) => ({ orders: many(orders) })),
  ordersRelations: relations(orders, ({ one }) => ({
    customer: one(customers, { fields: [orders.customerId], references: [customers.id] }),
  })),
};

const pool = new pg.Pool({ connectionString: url, max: 3 });
const db = drizzle(pool, { schema });
const one = async () => (await db.execute(sql`SELECT 1 AS one`)).rows[0].one;
const made = eq(orders.amount, 12345);
const insert = (transaction) => transaction.insert(orders).values({ customerId: 1, amount: 12345 });
const masked = db.select({ id: customers.id, ssn: customers.ssn, salary: customers.salary }).from(customers);

const pull = () => {
  const folder = mkdtempSync(join(tmpdir(), 'drizzle-'));
  const kit = fileURLToPath(new URL('../node_modules/drizzle-kit/bin.cjs', import.meta.url));
  // Without the view: it stops at a definition that is NULL.
  const filters = ['--tablesFilter=*', '--tablesFilter=!bonn', '--schemaFilters=public', '--schemaFilters=sales'];
  const parameters = ['pull', '--dialect=postgresql', `--url=${url}`, `--out=${folder}`, ...filters];
  const { stdout, stderr, status } = spawnSync(process.execPath, [kit, ...parameters], {
    encoding: 'utf8',
    cwd: new URL('..', import.meta.url),
  });
  try {
    if (status !== 0) throw new Error(`drizzle-kit: ${stdout} ${stderr}`);
    return [readFileSync(join(folder, 'schema.ts'), 'utf8'), readFileSync(join(folder, 'relations.ts'), 'utf8')];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

await session('drizzle-orm', versionOf('drizzle-orm'), {
  connect: async () => (await db.execute(sql`SELECT current_database(), current_schema()`)).rows,
  introspect: async () => pull(),
  text: async () => [
    await db
      .select({ id: customers.id, joined: customers.joined })
      .from(customers)
      .where(or(eq(customers.id, 3), eq(customers.email, '5@example.com')))
      .orderBy(asc(customers.id)),
    await db
      .select()
      .from(orders)
      .where(and(inArray(orders.customerId, [1, 5]), lt(orders.placed, '2026-01-20')))
      .orderBy(asc(orders.id)),
    await db.query.customers.findMany({
      limit: 3,
      orderBy: asc(customers.id),
      with: { orders: { columns: { amount: true, lines: true }, orderBy: asc(orders.id) } },
    }),
    await db.query.orders.findFirst({ where: eq(orders.id, 7n), with: { customer: { columns: { name: true, ssn: true } } } }),
    await db
      .select({ city: customers.city, total: sum(orders.amount), n: count() })
      .from(orders)
      .innerJoin(customers, eq(customers.id, orders.customerId))
      .groupBy(customers.city)
      .orderBy(customers.city),
    await db.select().from(odd).orderBy(odd.id),
    await db.select().from(targets).orderBy(targets.region),
    await db.select().from(bonn).orderBy(bonn.id).limit(2),
    await db.$count(customers, ilike(customers.city, 'UL%')),
  ],
  binary: 'speaks text only',
  batch: async () => [
    await db
      .insert(tags)
      .values(Array.from({ length: 50 }, (_, n) => ({ orderId: 1 + (n % 10), tag: `batch ${n}` })))
      .returning(),
    (await db.delete(tags).where(gt(tags.tag, 'batch'), ilike(tags.tag, 'batch%')).returning()).length > 0,
  ],
  stream: 'has no streams and no cursors',
  cancel: 'cannot cancel',
  transact: async () => {
    await db.transaction(insert);
    const committed = await db.$count(orders, made);
    await db.delete(orders).where(made);
    await db.transaction(async (t) => (await insert(t), t.rollback())).catch(() => undefined);
    const rolledBack = await db.$count(orders, made);
    let aborted;
    const failed = async (t) => {
      await sqlstateOf(t.execute(sql`SELECT 1/0`));
      aborted = await sqlstateOf(t.execute(sql`SELECT 1`));
      t.rollback();
    };
    await db.transaction(failed, { isolationLevel: 'serializable', accessMode: 'read only', deferrable: true }).catch(() => undefined);
    await db.transaction(async (t) => {
      await t.transaction((inner) => inner.insert(orders).values({ customerId: 1, amount: -1 })).catch(() => undefined);
      await t.transaction(insert);
    });
    const savepoint = await db.$count(orders, made);
    await db.delete(orders).where(made);
    return { committed, rolledBack, aborted, savepoint };
  },
  types: async () => {
    const rows = await db.select().from(samples).orderBy(samples.id);
    const written = await db
      .insert(samples)
      .values({ ...rows[0], id: 11 })
      .returning();
    await db.delete(samples).where(eq(samples.id, 11));
    return [rows, written];
  },
  prepared: async () => {
    const statement = masked.where(eq(customers.id, sql.placeholder('id'))).prepare('by_id');
    const client = postgres(url, { max: 1 });
    const other = drizzleOfPostgresJs(client);
    const again = other
      .select({ ssn: customers.ssn })
      .from(customers)
      .where(eq(customers.id, sql.placeholder('id')))
      .prepare('again');
    const answers = [];
    for (const id of [1, 2, 3, 1]) answers.push(await statement.execute({ id }), await again.execute({ id }));
    await client.end();
    return answers;
  },
  write: async () => {
    const [created] = await db
      .insert(customers)
      .values({ name: 'drizzle', email: 'd@x', ssn: '***5', joined: new Date(0) })
      .returning();
    const upsert = () =>
      db
        .insert(customers)
        .values({ name: 'again', email: 'd@x' })
        .onConflictDoUpdate({ target: customers.email, set: { name: sql`excluded.name`, version: sql`${customers.version} + 1` } })
        .returning();
    return [
      created,
      await upsert(),
      await upsert(),
      (await db.insert(customers).values({ name: 'x', email: 'd@x' }).onConflictDoNothing()).rowCount,
      await db
        .update(customers)
        .set({ city: 'Ulm' })
        .where(eq(customers.email, 'd@x'))
        .returning({ city: customers.city, ssn: customers.ssn }),
      await sqlstateOf(db.insert(customers).values({ name: 'x', email: 'd@x' })),
      await db.delete(customers).where(eq(customers.email, 'd@x')).returning({ id: customers.id }),
      await db.$count(readings),
    ];
  },
  refused: () => refusal(() => db.select().from(secrets), one),
  masked: async () => ({ text: Object.values((await masked.where(eq(customers.id, 7)))[0]), binary: null }),
});
await pool.end();
