/**
 * Prisma: `prisma.mjs URL`. `prisma db pull` writes the schema from the database, `prisma generate` the client from it, and the client
 * does the rest, on its driver for node-postgres. No native engine is run.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { session, versionOf } from './session.mjs';

const url = process.argv[2];
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(here, 'prisma-'));
const schema = join(folder, 'schema.prisma');
mkdirSync(folder, { recursive: true });
writeFileSync(
  schema,
  `generator client {
  provider               = "prisma-client"
  output                 = "./client"
  engineType             = "client"
  moduleFormat           = "esm"
  generatedFileExtension = "ts"
  importFileExtension    = "ts"
}
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
`,
);
/** Prisma's command line wants a native engine to be there, and does not run it. */
const run = (...parameters) => {
  const env = {
    ...process.env,
    DATABASE_URL: url,
    PRISMA_SCHEMA: schema,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  };
  const program = join(here, '..', 'node_modules', 'prisma', 'build', 'index.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...parameters, '--config', join(here, 'prisma.config.mjs')], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prisma ${parameters.join(' ')}: ${stdout} ${stderr}`);
};

let prisma;
const one = async () => (await prisma.$queryRaw`SELECT 1 AS one`)[0].one;
const made = { where: { amount: 12345 } };
const insert = (client) => client.orders.create({ data: { customer_id: 1, amount: 12345 } });
const seen = { id: true, name: true, email: true, city: true, mood: true, version: true, joined: true, ssn: true, salary: true };
/** The driver's error in Prisma's. */
const told = (promise) =>
  promise.then(
    () => ({ sqlstate: 'none' }),
    ({ code, message, meta }) => {
      const { originalCode, originalMessage } = meta?.driverAdapterError?.cause ?? {};
      return { sqlstate: originalCode ?? code, message: originalMessage ?? message, hint: null };
    },
  );

await session('@prisma/client', versionOf('@prisma/client'), {
  connect: async () => {
    // The first answer needs the client, and that needs the schema.
    run('db', 'pull', '--force');
    run('generate');
    const { PrismaClient } = await import(pathToFileURL(join(folder, 'client', 'client.ts')).href);
    prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 3 }) });
    await prisma.$connect();
    return prisma.$queryRaw`SELECT current_database(), current_schema()`;
  },
  introspect: async () => readFileSync(schema, 'utf8').split('\n'),
  text: async () => [
    await prisma.customers.findMany({ where: { OR: [{ id: 3 }, { email: '5@example.com' }] }, select: seen, orderBy: { id: 'asc' } }),
    await prisma.orders.findMany({
      where: { customer_id: { in: [1, 5] }, placed: { lt: new Date('2026-01-20') } },
      orderBy: { id: 'asc' },
    }),
    await prisma.customers.findMany({
      take: 3,
      skip: 1,
      orderBy: { id: 'asc' },
      select: { name: true, ssn: true, orders: { orderBy: { id: 'asc' } } },
    }),
    await prisma.orders.findMany({ where: { customers: { city: 'Ulm' }, lines: { path: ['n'], gt: 35 } }, orderBy: { id: 'asc' } }),
    await prisma.orders.groupBy({ by: ['region'], _sum: { amount: true }, _count: true }),
    await prisma.orders.aggregate({ _max: { amount: true }, _avg: { amount: true } }),
    await prisma.customers.findMany({ where: { orders: { some: { amount: { gte: 50 } } } }, select: { id: true }, orderBy: { id: 'asc' } }),
    await prisma.$queryRaw`SELECT id, ssn FROM customers WHERE id = ANY(${[1, 2]}) ORDER BY id`,
  ],
  binary: 'speaks text only',
  batch: async () => {
    const data = Array.from({ length: 50 }, (_, n) => ({ order_id: 1 + (n % 10), tag: `batch ${n}` }));
    return [
      await prisma.order_tags.createMany({ data }),
      await prisma.order_tags.createManyAndReturn({ data: [{ order_id: 3, tag: 'batch' }] }),
      await prisma.$transaction([prisma.order_tags.count(), prisma.order_tags.deleteMany({ where: { tag: { startsWith: 'batch' } } })]),
    ];
  },
  stream: 'has no streams and no cursors',
  cancel: 'cannot cancel',
  transact: async () => {
    await prisma.$transaction(insert);
    const committed = await prisma.orders.count(made);
    await prisma.orders.deleteMany(made);
    await prisma.$transaction(async (t) => (await insert(t), Promise.reject(new Error('undone')))).catch(() => undefined);
    const rolledBack = await prisma.orders.count(made);
    let aborted;
    const failed = async (t) => {
      await told(t.$queryRaw`SELECT 1/0`);
      aborted = (await told(t.$queryRaw`SELECT 1`)).sqlstate;
      throw new Error('undone');
    };
    await prisma.$transaction(failed, { isolationLevel: 'Serializable' }).catch(() => undefined);
    await prisma.$transaction(async (t) => {
      await t.$executeRaw`SAVEPOINT a`;
      await told(t.orders.create({ data: { customer_id: 1, amount: -1 } }));
      await t.$executeRaw`ROLLBACK TO a`;
      await insert(t);
    });
    const savepoint = await prisma.orders.count(made);
    await prisma.orders.deleteMany(made);
    return { committed, rolledBack, aborted, savepoint };
  },
  types: async () => {
    // Not what JavaScript has no value for, money, nor lists with a NULL in them: Prisma reads none of these.
    const names = [
      'small',
      'big',
      'yes',
      'letters',
      'padded',
      'short',
      'bytes',
      'identity',
      'document',
      'binary_document',
      'mood',
      'network',
      'bits',
    ];
    const select = Object.fromEntries(names.map((name) => [name, true]));
    const rows = await prisma.samples.findMany({ orderBy: { id: 'asc' }, select });
    const written = await prisma.samples.create({ data: { ...rows[0], id: 11 }, select });
    await prisma.samples.delete({ where: { id: 11 } });
    return [rows, written];
  },
  prepared: 'its statements have no names',
  write: async () => {
    const { customers, orders } = prisma;
    const data = { name: 'prisma', email: 'p@x', ssn: '***5' };
    const created = await customers.create({
      data: { ...data, orders: { create: [{ amount: 1 }, { amount: 2 }] } },
      select: { ...seen, orders: true },
    });
    const upsert = () => customers.upsert({ where: { email: 'p@x' }, create: data, update: { version: { increment: 1 } }, select: seen });
    const upserted = await upsert();
    const updated = await orders.updateMany({ where: { customer_id: created.id }, data: { amount: { multiply: 10 } } });
    const { sqlstate } = await told(customers.create({ data, select: seen }));
    const removed = await customers.delete({ where: { id: created.id }, select: seen });
    return [created, upserted, updated, sqlstate, removed, await orders.count()];
  },
  refused: async () => ({ ...(await told(prisma.$queryRaw`SELECT token FROM secrets`)), after: await one() }),
  masked: async () => {
    const { id, ssn, salary } = await prisma.customers.findUniqueOrThrow({
      where: { id: 7 },
      select: { id: true, ssn: true, salary: true },
    });
    return { text: [id, ssn, salary], binary: null };
  },
});
await prisma?.$disconnect();
rmSync(folder, { recursive: true });
