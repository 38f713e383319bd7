/** A session with Drizzle: `drizzle-session.mjs URL [migrate]`. */
import { fileURLToPath } from 'node:url';
import { and, asc, count, eq, gt, gte, sql, sum } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { failure, tell } from './tell.mjs';

const customers = pgTable('customers', {
  id: serial('id').primaryKey(),
  name: text('name').notNull(),
  email: text('email').notNull().unique(),
  city: text('city'),
  ssn: text('ssn'),
  version: integer('version').notNull().default(1),
});
const orders = pgTable('orders', {
  id: serial('id').primaryKey(),
  customerId: integer('customer_id').notNull(),
  region: text('region').notNull().default('eu'),
  amount: integer('amount').notNull(),
});

const pool = new pg.Pool({ connectionString: process.argv[2], max: 2 });
const db = drizzle(pool);

const session = async () => {
  const [created] = await db.insert(customers).values({ name: 'Drizzle', email: 'drizzle@example.com', city: 'Ulm' }).returning();
  const { id } = created;
  const upsert = () =>
    db
      .insert(customers)
      .values({ name: 'new', email: 'upsert@example.com' })
      .onConflictDoUpdate({
        target: customers.email,
        set: { name: sql`excluded.name || ' again'`, version: sql`${customers.version} + 1` },
      })
      .returning();
  const steps = {
    created,
    found: await db.select().from(customers).where(eq(customers.id, id)),
    'not there': await db.select().from(orders).where(eq(orders.id, 1001)),
    updated: await db
      .update(customers)
      .set({ city: 'Bonn', version: sql`${customers.version} + 1` })
      .where(eq(customers.id, id))
      .returning(),
    'optimistic lock': [
      (
        await db
          .update(customers)
          .set({ name: 'II', version: 3 })
          .where(and(eq(customers.id, id), eq(customers.version, 2)))
      ).rowCount,
      (
        await db
          .update(customers)
          .set({ name: 'lost' })
          .where(and(eq(customers.id, id), eq(customers.version, 2)))
      ).rowCount,
    ],
    upserted: [await upsert(), await upsert()],
    'bulk insert': [
      await db
        .insert(orders)
        .values([1, 2, 3, 4, 5].map((amount) => ({ customerId: id, amount })))
        .returning({ amount: orders.amount }),
      (await db.insert(customers).values({ name: 'x', email: 'upsert@example.com' }).onConflictDoNothing()).rowCount,
    ],
    page: await db
      .select()
      .from(customers)
      .leftJoin(orders, eq(orders.customerId, customers.id))
      .orderBy(asc(customers.id), asc(orders.id))
      .limit(5)
      .offset(2),
    'with many orders': await db
      .with(db.$with('large').as(db.select({ customerId: orders.customerId }).from(orders).where(gte(orders.amount, 5))))
      .select({ id: customers.id, name: customers.name })
      .from(customers)
      .where(sql`${customers.id} in (select customer_id from large)`)
      .orderBy(asc(customers.id)),
    counted: [
      await db.$count(customers),
      await db
        .select({ n: count(), total: sum(orders.amount) })
        .from(orders)
        .where(gt(orders.amount, 3)),
    ],
    'update from': await db
      .update(orders)
      .set({ amount: sql`${orders.amount} + ${customers.version}` })
      .from(customers)
      .where(and(eq(customers.id, orders.customerId), eq(customers.id, id), eq(orders.amount, 5)))
      .returning({ amount: orders.amount }),
    'rolled back': await failure(() =>
      db.transaction(async (transaction) => {
        await transaction.delete(orders);
        await transaction.transaction(async (inner) => inner.delete(customers).where(eq(customers.id, id)));
        throw Object.assign(new Error('on purpose'), { code: 'none' });
      }),
    ),
    locked: await db.transaction((transaction) => transaction.select({ id: orders.id }).from(orders).where(eq(orders.id, 1)).for('update')),
    deleted: [
      await db
        .delete(orders)
        .where(and(eq(orders.customerId, id), eq(orders.amount, 1)))
        .returning({ amount: orders.amount }),
      (await db.delete(customers).where(eq(customers.id, id)).returning()).length,
      await db.$count(orders),
    ],
  };
  const refused = {
    'out of the filter': await failure(() => db.insert(orders).values({ customerId: 1, amount: 1, region: 'us' })),
    'moved out of the filter': await failure(() => db.update(orders).set({ region: 'us' })),
    'the mask as value': await failure(() => db.update(customers).set({ ssn: '***' }).where(eq(customers.id, 1))),
    'not granted': await failure(() => db.execute(sql`DELETE FROM secrets`)),
  };
  return { steps, refused };
};

const toMigrate = process.argv[3] === 'migrate';
tell(
  toMigrate
    ? {
        migrated: await failure(() =>
          migrate(db, { migrationsFolder: fileURLToPath(new URL('drizzle', import.meta.url)), migrationsSchema: 'public' }),
        ),
      }
    : await session(),
);
await pool.end();
