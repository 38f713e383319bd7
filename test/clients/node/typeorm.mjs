/** TypeORM: `typeorm.mjs URL`. */
import { Between, DataSource, EntitySchema, ILike, In, LessThan } from 'typeorm';
import { refusal, session, sqlstateOf, versionOf } from './session.mjs';

const column = (type, options = {}) => ({ type, nullable: true, ...options });
const Customer = new EntitySchema({
  name: 'Customer',
  tableName: 'customers',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    name: { type: 'text' },
    email: { type: 'text', unique: true },
    city: column('varchar', { length: 40 }),
    mood: { type: 'enum', enum: ['sad', 'ok', 'happy'], enumName: 'mood', default: 'ok' },
    version: { type: 'int', version: true, default: 1 },
    joined: { type: 'timestamptz', default: '2026-01-01' },
    ssn: column('text'),
    salary: column('numeric'),
  },
  relations: { orders: { type: 'one-to-many', target: 'Order', inverseSide: 'customer' } },
});
const Order = new EntitySchema({
  name: 'Order',
  tableName: 'orders',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'identity', generatedIdentity: 'BY DEFAULT' },
    customerId: { type: 'int', name: 'customer_id' },
    region: { type: 'text', default: 'eu' },
    amount: { type: 'numeric', precision: 10, scale: 2 },
    placed: column('date'),
    lines: column('jsonb'),
  },
  relations: { customer: { type: 'many-to-one', target: 'Customer', inverseSide: 'orders', joinColumn: { name: 'customer_id' } } },
});
const sampleTypes = {
  small: 'smallint',
  big: 'bigint',
  real4: 'real',
  real8: 'double precision',
  exact: 'numeric',
  yes: 'boolean',
  letters: 'text',
  short: 'varchar',
  bytes: 'bytea',
  day: 'date',
  time: 'time',
  moment: 'timestamp',
  instant: 'timestamptz',
  span: 'interval',
  identity: 'uuid',
  document: 'json',
  network: 'inet',
  range: 'int4range',
  bits: 'varbit',
  vector: 'tsvector',
  price: 'money',
};
const Sample = new EntitySchema({
  name: 'Sample',
  tableName: 'samples',
  columns: {
    id: { type: 'int', primary: true },
    ...Object.fromEntries(Object.entries(sampleTypes).map(([name, type]) => [name, column(type)])),
  },
});

const db = new DataSource({ type: 'postgres', url: process.argv[2], entities: [Customer, Order, Sample], installExtensions: false });
const one = async () => (await db.query('SELECT 1 AS one'))[0].one;
const orders = () => db.getRepository(Order);
const made = { amount: 12345 };
const insert = (manager) => manager.getRepository(Order).insert({ customerId: 1, amount: 12345 });

/** What TypeORM read of a table, without what is not about it. */
const shape = ({ name, columns, indices, foreignKeys, uniques, checks, comment }) => [
  name,
  comment,
  columns.map(
    ({ name, type, isNullable, isPrimary, isGenerated, generationStrategy, default: value, length, enum: labels, isArray, comment }) => [
      name,
      type,
      isNullable,
      isPrimary,
      isGenerated,
      generationStrategy,
      value,
      length,
      labels,
      isArray,
      comment,
    ],
  ),
  indices.map(({ name, columnNames, isUnique, where }) => [name, columnNames, isUnique, where]),
  foreignKeys.map(({ name, columnNames, referencedTableName, referencedColumnNames, onDelete }) => [
    name,
    columnNames,
    referencedTableName,
    referencedColumnNames,
    onDelete,
  ]),
  uniques.map(({ name, columnNames }) => [name, columnNames]),
  checks.map(({ name, expression }) => [name, expression]),
];

await session('typeorm', versionOf('typeorm'), {
  connect: async () => {
    await db.initialize();
    return [await db.query('SELECT current_database(), current_schema()'), db.driver.database, db.driver.schema];
  },
  introspect: async () => {
    const runner = db.createQueryRunner();
    const tables = await runner.getTables(['customers', 'orders', 'order_tags', 'samples', 'Odd Names', 'sales.targets']);
    const views = await runner.getViews([]);
    const answers = [
      tables.map(shape),
      views.map(({ name }) => name),
      await runner.hasTable('customers'),
      await runner.hasColumn('customers', 'nothing'),
      await runner.getSchemas().catch(() => 'none'),
      await runner.getCurrentDatabase(),
      await runner.hasSchema('sales'),
    ];
    await runner.release();
    // What it would do to make the database like the entities.
    const { upQueries } = await db.driver.createSchemaBuilder().log();
    return [answers, upQueries.map(({ query }) => query)];
  },
  text: async () => [
    await db.getRepository(Customer).find({ where: [{ id: 3 }, { email: '5@example.com' }], order: { id: 'ASC' } }),
    await orders().find({ where: { customerId: In([1, 5]), placed: LessThan('2026-01-20') }, order: { id: 'ASC' } }),
    await db
      .getRepository(Customer)
      .find({ relations: { orders: true }, where: { id: Between(1, 3) }, order: { id: 'ASC', orders: { id: 'ASC' } } }),
    await db
      .getRepository(Customer)
      .findAndCount({ where: { city: ILike('ul%') }, relations: { orders: true }, skip: 2, take: 3, order: { id: 'ASC' } }),
    await orders()
      .createQueryBuilder('o')
      .innerJoin('o.customer', 'c')
      .select('c.city', 'city')
      .addSelect('SUM(o.amount)', 'total')
      .groupBy('c.city')
      .orderBy('c.city')
      .getRawMany(),
    await orders().sum('amount', {}),
    await orders().createQueryBuilder('o').where("(o.lines ->> 'n')::int > :n", { n: 37 }).orderBy('o.id').getMany(),
  ],
  binary: 'speaks text only',
  batch: async () => {
    const saved = await orders().save(
      Array.from({ length: 5 }, (_, n) => ({ customerId: 1, amount: 12345, lines: { n } })),
      { chunk: 2 },
    );
    return [saved.map(({ id, region }) => [typeof id, region]), (await orders().delete(made)).affected];
  },
  stream: async () => {
    const runner = db.createQueryRunner();
    let seen = 0;
    let sum = 0;
    for await (const { value } of await runner.stream('SELECT value FROM readings WHERE id > $1 ORDER BY id', [10])) {
      seen += 1;
      sum += value;
    }
    await runner.release();
    return [seen, sum];
  },
  cancel: 'cannot cancel',
  transact: async () => {
    await db.transaction(insert);
    const committed = await orders().countBy(made);
    await orders().delete(made);
    await db.transaction(async (manager) => (await insert(manager), Promise.reject(new Error('undone')))).catch(() => undefined);
    const rolledBack = await orders().countBy(made);
    const runner = db.createQueryRunner();
    await runner.startTransaction('SERIALIZABLE');
    await sqlstateOf(runner.query('SELECT 1/0'));
    const aborted = await sqlstateOf(runner.query('SELECT 1'));
    await runner.rollbackTransaction();
    await runner.release();
    await db.transaction(async (manager) => {
      await manager.transaction((inner) => inner.getRepository(Order).insert({ customerId: 1, amount: -1 })).catch(() => undefined);
      await manager.transaction(insert);
    });
    const savepoint = await orders().countBy(made);
    await orders().delete(made);
    return { committed, rolledBack, aborted, savepoint };
  },
  types: async () => {
    const samples = db.getRepository(Sample);
    const rows = await samples.find({ order: { id: 'ASC' } });
    await samples.insert({ ...rows[0], id: 11 });
    const written = await samples.findOneBy({ id: 11 });
    await samples.delete(11);
    return [rows, written];
  },
  prepared: 'its statements have no names',
  write: async () => {
    const customers = db.getRepository(Customer);
    const created = await customers.save({ name: 'typeorm', email: 't@x', ssn: '***5' });
    const first = { ...created };
    await customers.upsert({ name: 'again', email: 't@x' }, ['email']);
    const found = await customers.findOneByOrFail({ email: 't@x' });
    const second = { ...found };
    found.city = 'Ulm';
    await customers.save(found);
    const updated = await customers
      .createQueryBuilder()
      .update()
      .set({ mood: 'happy' })
      .where({ id: found.id })
      .returning(['mood', 'ssn'])
      .execute();
    const incremented = await customers.increment({ id: found.id }, 'version', 5);
    const duplicate = await sqlstateOf(customers.insert({ name: 'x', email: 't@x' }));
    const locked = await db.transaction((manager) =>
      manager.findOne(Customer, { where: { id: found.id }, lock: { mode: 'pessimistic_write' } }),
    );
    await customers.remove(found);
    return [first, second, updated.raw, incremented.affected, duplicate, locked, await customers.count()];
  },
  refused: () => refusal(() => db.query('SELECT token FROM secrets'), one),
  masked: async () => {
    const { id, ssn, salary } = await db.getRepository(Customer).findOneByOrFail({ id: 7 });
    return { text: [id, ssn, salary], binary: null };
  },
});
await db.destroy();
