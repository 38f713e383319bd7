import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';

/*
 * Prisma's adapter does not know the catalogs' own type "char", and its introspection fails for that, whatever the server. So it is told
 * that these columns are text, and its engine that they are characters.
 */
const [CHAR, TEXT] = [18, 25];
const CHARACTER_OF_ADAPTERS = 6;
let characters = [];
const { addFields } = pg.Result.prototype;
pg.Result.prototype.addFields = function (fields) {
  characters = fields.flatMap(({ dataTypeID }, index) => (dataTypeID === CHAR ? [index] : []));
  return addFields.call(
    this,
    fields.map((field, index) => (characters.includes(index) ? { ...field, dataTypeID: TEXT } : field)),
  );
};
const knowingCharacters = (adapter) => {
  const { queryRaw } = adapter;
  adapter.queryRaw = async (query) => {
    const result = await queryRaw.call(adapter, query);
    for (const index of characters) result.columnTypes[index] = CHARACTER_OF_ADAPTERS;
    return result;
  };
  return adapter;
};

/** The engine that is compiled to WebAssembly, on the driver of node-postgres. */
const config = {
  experimental: { adapter: true },
  engine: 'js',
  schema: process.env.PRISMA_SCHEMA,
  adapter: async () => {
    const factory = new PrismaPg({ connectionString: process.env.DATABASE_URL });
    const { connect } = factory;
    factory.connect = async () => knowingCharacters(await connect.call(factory));
    return factory;
  },
};
export default config;
