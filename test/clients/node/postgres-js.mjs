/** postgres.js: `postgres-js.mjs URL`. */
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import { CATALOG_QUERIES, refusal, session, sqlstateOf, versionOf } from './session.mjs';

const url = process.argv[2];
// Without a proxy too: notices are not for the output.
const sql = postgres(url, { max: 3, onnotice: () => undefined });
const one = async () => (await sql`SELECT 1 AS one`)[0].one;
const count = async () => (await sql`SELECT count(*)::int AS n FROM orders WHERE amount = 12345`)[0].n;
const insert = (tx) => tx`INSERT INTO orders ${tx({ customer_id: 1, amount: 12345, region: 'eu' })}`;
const removeOrders = () => sql`DELETE FROM orders WHERE amount = 12345`;

await session('postgres.js', versionOf('postgres'), {
  connect: async () => {
    const [row] = await sql`SELECT current_database(), current_schema(), current_setting('TimeZone') AS zone`;
    return [row, sql.parameters.server_encoding, sql.parameters.standard_conforming_strings, sql.parameters.is_superuser];
  },
  introspect: async () => {
    const answers = [];
    for (const text of CATALOG_QUERIES) answers.push(await sql.unsafe(text));
    const { types, columns } = await sql`SELECT id, name, joined FROM customers WHERE id = ${1}`.describe();
    return [answers, types, columns.map(({ name, type }) => [name, type])];
  },
  text: async () => [
    await sql`SELECT id, name, joined FROM customers WHERE id = ${3} OR email = ${'5@example.com'} ORDER BY id`,
    await sql`SELECT id FROM orders WHERE customer_id = ANY(${[1, 5, 9]}) AND placed < ${new Date('2026-01-20')} ORDER BY id`,
    await sql`SELECT ${sql.json({ a: [1, 'ü'] })}::jsonb AS document, ${Buffer.from([0, 255])}::bytea AS bytes, ${sql.array(['x', '"'])}::text[] AS texts`,
    await sql`SELECT id FROM customers WHERE id IN ${sql([7, 9])} AND ${sql('name')} LIKE ${'customer%'} ORDER BY id`.values(),
    await sql`SELECT id, name FROM customers WHERE id < 3 ORDER BY id`.raw(),
    await sql.unsafe('SELECT $1::int4 + $2::int8 AS sum, $3::bool AS b, $4::text AS t', [1, '9007199254740993', true, null]),
  ],
  binary: 'speaks text only',
  batch: async () => [
    // All in one go: on three connections, each a pipeline.
    (await Promise.all(Array.from({ length: 200 }, (_, n) => sql`SELECT ${n}::int AS n`))).map(([{ n }]) => n),
    await Promise.all([
      sql`SELECT 1 AS a`,
      sqlstateOf(sql`SELECT 1/0`),
      sqlstateOf(sql`SELECT nothing FROM customers`),
      sql`SELECT 2 AS b`,
    ]),
    await sql`SELECT 1 AS a; SELECT count(*)::int AS n FROM customers`.simple(),
  ],
  stream: async () => {
    const portions = [];
    await sql`SELECT id, value FROM readings ORDER BY id`.cursor(300, (rows) => void portions.push([rows.length, rows[0]]));
    let sum = 0;
    for await (const rows of sql`SELECT value FROM readings`.cursor(100)) for (const { value } of rows) sum += value;
    await sql`SELECT value FROM readings WHERE id <= 500`.forEach(({ value }) => {
      sum += value;
    });
    const chunks = [];
    for await (const chunk of await sql`COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT`.readable()) chunks.push(chunk);
    await pipeline(['6\tcopied\n', '7\tcop', 'ied\n'], await sql`COPY order_tags (order_id, tag) FROM STDIN`.writable());
    return [portions, sum, Buffer.concat(chunks).toString(), (await sql`DELETE FROM order_tags WHERE tag = 'copied'`).count];
  },
  cancel: async () => {
    const running = sql`SELECT pg_sleep(60)`.execute();
    const ended = sqlstateOf(running);
    setTimeout(() => running.cancel(), 200);
    return { sqlstate: await ended, after: await one() };
  },
  transact: async () => {
    await sql.begin((tx) => insert(tx));
    const committed = await count();
    await removeOrders();
    await sql
      .begin('ISOLATION LEVEL SERIALIZABLE', async (tx) => (await insert(tx), Promise.reject(new Error('undone'))))
      .catch(() => undefined);
    const rolledBack = await count();
    let aborted;
    await sql
      .begin(async (tx) => {
        await sqlstateOf(tx`SELECT 1/0`);
        aborted = await sqlstateOf(tx`SELECT 1`);
      })
      .catch(() => undefined);
    await sql.begin(async (tx) => {
      await sqlstateOf(tx.savepoint((inner) => inner`INSERT INTO orders (customer_id, amount) VALUES (1, -1)`));
      await tx.savepoint(insert);
    });
    const savepoint = await count();
    await removeOrders();
    return { committed, rolledBack, aborted, savepoint };
  },
  types: async () => {
    const rows = await sql`SELECT * FROM samples ORDER BY id`;
    const names = rows.columns.map(({ name }) => name).filter((name) => name !== 'id');
    const texts = await sql.unsafe(`SELECT id, ${names.map((name) => `"${name}"::text`).join()} FROM samples ORDER BY id`);
    // It cannot send a NULL in an array of numbers.
    const { document, binary_document: binary, numbers: _, ...others } = rows[0];
    await sql`INSERT INTO samples ${sql({ ...others, id: 11, document: sql.json(document), binary_document: sql.json(binary) })}`;
    const again = await sql.unsafe(
      `SELECT id - 10 AS id, ${names.map((name) => `"${name}"::text`).join()} FROM samples WHERE id > 10 ORDER BY id`,
    );
    await sql`DELETE FROM samples WHERE id > 10`;
    return [rows, texts, again];
  },
  prepared: async () => {
    const answers = [];
    for (const id of [1, 2, 3, 1]) answers.push(await sql`SELECT name, ssn FROM customers WHERE id = ${id}`);
    const unnamed = postgres(url, { max: 1, prepare: false, fetch_types: false });
    answers.push(await unnamed`SELECT name, ssn FROM customers WHERE id = ${4}`);
    await unnamed.end();
    return answers;
  },
  write: async () => {
    const [created] = await sql`INSERT INTO customers ${sql({ name: 'js', email: 'js@x', ssn: '***5' })} RETURNING id, name, mood, joined`;
    const upsert = () => sql`INSERT INTO customers ${sql({ name: 'js', email: 'js@x' })}
      ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn`;
    const upserted = [await upsert(), await upsert()];
    const many =
      await sql`INSERT INTO orders ${sql([1, 2, 3].map((amount) => ({ customer_id: created.id, amount })))} RETURNING amount, region`;
    const updated = await sql`UPDATE customers SET ${sql({ city: 'Ulm', mood: 'happy' })} WHERE id = ${created.id}`;
    const duplicate = await sqlstateOf(sql`INSERT INTO customers (name, email) VALUES ('x', 'js@x')`);
    const orders = await sql`DELETE FROM orders WHERE customer_id = ${created.id}`;
    return [
      created,
      upserted,
      many,
      updated.count,
      duplicate,
      orders.count,
      await sql`DELETE FROM customers WHERE id = ${created.id} RETURNING id, city`,
    ];
  },
  refused: () => refusal(() => sql`SELECT token FROM secrets`, one),
  masked: async () => ({ text: Object.values((await sql`SELECT id, ssn, salary FROM customers WHERE id = ${7}`)[0]), binary: null }),
});
await sql.end();
