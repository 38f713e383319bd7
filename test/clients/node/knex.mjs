/** Knex: `knex.mjs URL`. */
import knex from 'knex';
import { refusal, session, sqlstateOf, versionOf } from './session.mjs';

const db = knex({ client: 'pg', connection: process.argv[2], pool: { min: 1, max: 3 } });
const one = async () => (await db.raw('SELECT 1 AS one')).rows[0].one;
const made = (table = db) => table('orders').where({ amount: 12345 });
const count = async () => Number((await made().count())[0].count);
const insert = (transaction) => transaction('orders').insert({ customer_id: 1, amount: 12345, region: 'eu' });

await session('knex', versionOf('knex'), {
  connect: async () => (await db.raw('SELECT current_database(), current_schema(), version() LIKE ? AS postgres', ['PostgreSQL%'])).rows,
  introspect: async () => [
    await db.schema.hasTable('customers'),
    await db.schema.hasTable('nothing'),
    await db.schema.hasColumn('customers', 'city'),
    await db('customers').columnInfo(),
    await db('samples').columnInfo(),
    await db('targets').withSchema('sales').columnInfo('target'),
    await db.schema.withSchema('sales').hasTable('targets'),
  ],
  text: async () => [
    await db('customers').where('id', 3).orWhere('email', '5@example.com').orderBy('id').select('id', 'name', 'joined'),
    await db('orders').whereIn('customer_id', [1, 5, 9]).whereBetween('placed', ['2026-01-02', '2026-01-20']).pluck('id'),
    await db('orders as o')
      .join('customers as c', 'c.id', 'o.customer_id')
      .groupBy('c.city')
      .select('c.city')
      .sum('o.amount')
      .count('* as n')
      .orderBy('c.city'),
    await db
      .with('large', db('orders').where('amount', '>', 30))
      .from('large')
      .whereJsonPath('lines', '$.n', '>', 35)
      .pluck('id'),
    await db('Odd Names').select('Id', 'größe').orderBy('Id').first(),
    await db('bonn').limit(2).offset(1).orderBy('id'),
  ],
  binary: 'speaks text only',
  batch: async () => [
    await db
      .batchInsert(
        'order_tags',
        Array.from({ length: 50 }, (_, n) => ({ order_id: 1 + (n % 10), tag: `batch ${n}` })),
        20,
      )
      .returning('tag'),
    await db('order_tags').where('tag', 'like', 'batch%').delete(),
    (await db.raw('SELECT 1 AS a; SELECT 2 AS b')).map(({ rows }) => rows),
  ],
  stream: async () => {
    const seen = [];
    for await (const { value } of db('readings').select('value').orderBy('id').stream({ highWaterMark: 50 })) seen.push(value);
    return [seen.length, seen[1999], seen.reduce((sum, value) => sum + value)];
  },
  cancel: async () => {
    const running = db.raw('SELECT pg_sleep(60)').timeout(300, { cancel: true });
    // Knex cancels with pg_cancel_backend on another connection, and then throws an error of its own.
    const ended = await running.then(
      () => 'done',
      ({ name }) => name,
    );
    return { sqlstate: ended === 'KnexTimeoutError' ? '57014' : ended, after: await one() };
  },
  transact: async () => {
    await db.transaction(insert);
    const committed = await count();
    await made().delete();
    await db.transaction(async (t) => (await insert(t), t.rollback(new Error('undone')))).catch(() => undefined);
    const rolledBack = await count();
    const failed = await db.transaction();
    await sqlstateOf(failed.raw('SELECT 1/0'));
    const aborted = await sqlstateOf(failed.raw('SELECT 1'));
    await failed.rollback();
    await db.transaction(
      async (t) => {
        await t.transaction((inner) => inner('orders').insert({ customer_id: 1, amount: -1 })).catch(() => undefined);
        await t.transaction(insert);
      },
      { isolationLevel: 'repeatable read' },
    );
    const savepoint = await count();
    await made().delete();
    return { committed, rolledBack, aborted, savepoint };
  },
  types: async () => {
    const rows = await db('samples').orderBy('id');
    // A point that it read it cannot write.
    const { id, document, binary_document: binary, place: _, ...others } = rows[0];
    const json = { document: JSON.stringify(document), binary_document: JSON.stringify(binary) };
    const written = await db('samples').insert({ ...others, ...json, id: id + 10 }, '*');
    await db('samples').where('id', 11).delete();
    return [rows, written];
  },
  prepared: 'its statements have no names',
  write: async () => {
    const [created] = await db('customers').insert({ name: 'knex', email: 'knex@x', ssn: '***5' }, ['id', 'name', 'mood', 'joined']);
    const upsert = () =>
      db('customers')
        .insert({ name: 'again', email: 'knex@x' })
        .onConflict('email')
        .merge({ name: 'again', version: db.raw('customers.version + 1') })
        .returning(['name', 'version', 'ssn']);
    return [
      created,
      await upsert(),
      await upsert(),
      (await db('customers').insert({ name: 'x', email: 'knex@x' }).onConflict('email').ignore()).rowCount,
      await db('customers').where({ id: created.id }).update({ city: 'Ulm' }).increment('version', 1),
      await sqlstateOf(db('customers').insert({ name: 'x', email: 'knex@x' })),
      await db('customers').where({ id: created.id }).forUpdate().select('city'),
      await db('customers').where({ id: created.id }).delete(['id', 'city']),
    ];
  },
  refused: () => refusal(() => db('secrets').select('token'), one),
  masked: async () => ({ text: Object.values(await db('customers').where('id', 7).first('id', 'ssn', 'salary')), binary: null }),
});
await db.destroy();
