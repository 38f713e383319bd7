/** Sequelize: `sequelize.mjs URL`. */
import { DataTypes, literal, Op, QueryTypes, Sequelize } from 'sequelize';
import { refusal, session, sqlstateOf, versionOf } from './session.mjs';

const db = new Sequelize(process.argv[2], { logging: false, pool: { max: 3 } });
const options = { timestamps: false, underscored: true };
const customerFields = {
  name: DataTypes.TEXT,
  email: { type: DataTypes.TEXT, unique: true },
  city: DataTypes.STRING(40),
  version: DataTypes.INTEGER,
};
const hidden = { ssn: DataTypes.TEXT, salary: DataTypes.DECIMAL(10, 2) };
const Customer = db.define('Customer', { ...customerFields, ...hidden }, { ...options, tableName: 'customers' });
const orderFields = {
  customerId: DataTypes.INTEGER,
  region: DataTypes.TEXT,
  amount: DataTypes.DECIMAL,
  placed: DataTypes.DATEONLY,
  lines: DataTypes.JSONB,
};
const Order = db.define('Order', orderFields, { ...options, tableName: 'orders' });
Customer.hasMany(Order, { foreignKey: 'customerId' });
Order.belongsTo(Customer, { foreignKey: 'customerId' });
const plain = { raw: true };
const select = (text, values) => db.query(text, { bind: values, type: QueryTypes.SELECT });
const one = async () => (await select('SELECT 1 AS one'))[0].one;
const made = { where: { amount: 12345 } };
const insert = (transaction) => Order.create({ customerId: 1, amount: 12345, region: 'eu' }, { transaction });

await session('sequelize', versionOf('sequelize'), {
  connect: async () => {
    await db.authenticate();
    return [await select('SELECT current_database() AS d, current_schema() AS s'), (await db.databaseVersion()).length > 0];
  },
  introspect: async () => {
    const inspector = db.getQueryInterface();
    const indexes = (await inspector.showIndex('orders')).map(({ name, unique, primary, fields, definition }) => ({
      name,
      unique,
      primary,
      fields,
      definition,
    }));
    return [
      (await inspector.showAllTables()).sort((a, b) => String(a.tableName ?? a).localeCompare(String(b.tableName ?? b))),
      await inspector.showAllSchemas(),
      await inspector.describeTable('customers'),
      await inspector.describeTable('samples'),
      await inspector.describeTable('targets', { schema: 'sales' }),
      indexes,
      await inspector.showConstraint('orders'),
      await inspector.getForeignKeyReferencesForTable('orders'),
      await inspector.tableExists('customers'),
    ];
  },
  text: async () => [
    await select('SELECT id, name, joined FROM customers WHERE id = $1 OR email = $2 ORDER BY id', [3, '5@example.com']),
    await Order.findAll({ where: { customerId: [1, 5, 9], placed: { [Op.lt]: '2026-01-20' } }, order: ['id'], ...plain }),
    (await Customer.findAll({ where: { id: { [Op.lte]: 4 } }, include: Order, order: ['id', [Order, 'id', 'DESC']] })).map((row) =>
      row.toJSON(),
    ),
    await Customer.findAndCountAll({ where: { city: { [Op.iLike]: 'ul%' } }, limit: 3, offset: 2, order: [['id', 'ASC']], ...plain }),
    await Order.findAll({
      attributes: ['region', [db.fn('SUM', db.col('amount')), 'total'], [db.fn('COUNT', literal('*')), 'n']],
      group: 'region',
      ...plain,
    }),
    await Order.findAll({ where: { lines: { n: { [Op.gt]: 37 } } }, order: ['id'], ...plain }),
    await Order.sum('amount'),
  ],
  binary: 'speaks text only',
  batch: async () => [
    (
      await Order.bulkCreate(
        [1, 2, 3].map((n) => ({ customerId: 1, amount: 12345, lines: { n } })),
        { returning: ['lines', 'region'] },
      )
    ).map((row) => [row.lines, row.region]),
    await Order.destroy(made),
    await db.query('SELECT 1 AS a; SELECT 2 AS b').then(([rows]) => rows),
  ],
  stream: 'has no streams and no cursors',
  cancel: 'cannot cancel',
  transact: async () => {
    await db.transaction(insert);
    const committed = await Order.count(made);
    await Order.destroy(made);
    await db.transaction(async (t) => (await insert(t), Promise.reject(new Error('undone')))).catch(() => undefined);
    const rolledBack = await Order.count(made);
    const failed = await db.transaction({ isolationLevel: 'SERIALIZABLE' });
    await sqlstateOf(db.query('SELECT 1/0', { transaction: failed }));
    const aborted = await sqlstateOf(db.query('SELECT 1', { transaction: failed }));
    await failed.rollback();
    await db.transaction(async (t) => {
      await db
        .transaction({ transaction: t }, (inner) => Order.create({ customerId: 1, amount: -1 }, { transaction: inner }))
        .catch(() => undefined);
      await db.transaction({ transaction: t }, insert);
    });
    const savepoint = await Order.count(made);
    await Order.destroy(made);
    return { committed, rolledBack, aborted, savepoint };
  },
  types: () => select('SELECT * FROM samples ORDER BY id'),
  prepared: 'its statements have no names',
  write: async () => {
    const created = await Customer.create({ name: 'sequelize', email: 's@x', ssn: '***5' });
    const upsert = () => Customer.upsert({ name: 'again', email: 's@x', version: 7 }, { conflictFields: ['email'] });
    const [upserted] = await upsert();
    const [found, isNew] = await Customer.findOrCreate({ where: { email: 's@x' }, defaults: { name: 'never' } });
    const updated = await Customer.update({ city: 'Ulm' }, { where: { id: created.id }, returning: ['city', 'ssn'] });
    const incremented = await Order.increment('amount', { by: 2, where: { id: 1 } });
    const duplicate = await sqlstateOf(Customer.create({ name: 'x', email: 's@x' }));
    await found.reload();
    await found.destroy();
    return [created.toJSON(), upserted.toJSON(), found.toJSON(), isNew, updated, incremented, duplicate, await Customer.count()];
  },
  refused: () => refusal(() => select('SELECT token FROM secrets'), one),
  masked: async () => ({
    text: Object.values(await Customer.findByPk(7, { attributes: ['id', 'ssn', 'salary'], ...plain })),
    binary: null,
  }),
});
await db.close();
