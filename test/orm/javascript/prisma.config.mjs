import { PrismaPg } from '@prisma/adapter-pg';

/** Migrations by the engine that is compiled to WebAssembly. */
const config = {
  experimental: { adapter: true },
  engine: 'js',
  schema: 'schema.prisma',
  migrations: { path: 'prisma/migrations' },
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }),
};
export default config;
