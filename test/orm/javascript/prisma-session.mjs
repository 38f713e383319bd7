/** A session with Prisma: `prisma-session.mjs URL`. */
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.ts';
import { failure, tell } from './tell.mjs';

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.argv[2] }) });
const { customer, order } = prisma;

const created = await customer.create({ data: { name: 'Prisma', email: 'prisma@example.com', city: 'Ulm' } });
const { id } = created;
const steps = {
  created,
  found: await customer.findUnique({ where: { id } }),
  'not there': await order.findUnique({ where: { id: 1001 } }),
  updated: await customer.update({ where: { id }, data: { city: 'Bonn', version: { increment: 1 } } }),
  'optimistic lock': [
    await customer.updateMany({ where: { id, version: 2 }, data: { name: 'Prisma II', version: { increment: 1 } } }),
    await customer.updateMany({ where: { id, version: 2 }, data: { name: 'lost' } }),
  ],
  upserted: [
    await customer.upsert({
      where: { email: 'upsert@example.com' },
      create: { name: 'new', email: 'upsert@example.com' },
      update: { name: 'old' },
    }),
    await customer.upsert({
      where: { email: 'upsert@example.com' },
      create: { name: 'new', email: 'upsert@example.com' },
      update: { name: 'old' },
    }),
  ],
  'bulk insert': [
    await order.createMany({ data: [1, 2, 3, 4, 5].map((amount) => ({ customerId: id, amount })) }),
    await order.createManyAndReturn({ data: [6, 7].map((amount) => ({ customerId: id, amount })), select: { amount: true, region: true } }),
    await customer.createMany({ data: [{ name: 'again', email: 'upsert@example.com' }], skipDuplicates: true }),
  ],
  nested: await customer.create({
    data: { name: 'with orders', email: 'nested@example.com', orders: { create: [{ amount: 10 }, { amount: 20 }] } },
    include: { orders: { orderBy: { id: 'asc' } } },
  }),
  page: await customer.findMany({ orderBy: { id: 'asc' }, skip: 1, take: 3, include: { orders: { orderBy: { id: 'asc' } } } }),
  joined: await order.findMany({
    where: { customer: { city: 'Ulm' }, amount: { gt: 2 } },
    orderBy: { id: 'asc' },
    include: { customer: true },
  }),
  'with many orders': await customer.findMany({ where: { orders: { some: { amount: { gte: 5 } } } }, orderBy: { id: 'asc' } }),
  counted: [await customer.count(), await order.count({ where: { amount: { gt: 3 } } })],
  sums: [
    await order.aggregate({ _sum: { amount: true }, _max: { amount: true } }),
    await order.groupBy({ by: ['region'], _sum: { amount: true }, orderBy: { region: 'asc' } }),
  ],
  'many updated': await order.updateMany({ where: { customerId: id, amount: { lt: 3 } }, data: { amount: { multiply: 100 } } }),
  'rolled back': await failure(() =>
    prisma.$transaction(async (transaction) => {
      await transaction.customer.delete({ where: { id } });
      await transaction.order.deleteMany({});
      throw Object.assign(new Error('on purpose'), { code: 'none' });
    }),
  ),
  'in one transaction': await prisma.$transaction([
    customer.count(),
    order.deleteMany({ where: { customerId: id, amount: 7 } }),
    order.count(),
  ]),
  isolated: await prisma.$transaction((transaction) => transaction.customer.count(), { isolationLevel: 'Serializable' }),
  deleted: [
    await order.delete({ where: { id: (await order.findFirstOrThrow({ where: { customerId: id } })).id } }),
    await customer.delete({ where: { id } }),
  ],
  raw: await prisma.$queryRaw`SELECT id, ssn FROM customers WHERE id < ${4} ORDER BY id`,
};
const refused = {
  'out of the filter': await failure(() => order.create({ data: { customerId: 1, amount: 1, region: 'us' } })),
  'moved out of the filter': await failure(() => order.updateMany({ data: { region: 'us' } })),
  'the mask as value': await failure(() => customer.update({ where: { id: 1 }, data: { ssn: '***' } })),
  'not granted': await failure(() => prisma.$executeRaw`DELETE FROM secrets`),
};
tell({ steps, refused });
await prisma.$disconnect();
