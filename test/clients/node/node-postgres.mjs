/** node-postgres with pg-cursor, pg-query-stream and pg-copy-streams: `node-postgres.mjs URL`. */
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import { CATALOG_QUERIES, refusal, session, sqlstateOf, versionOf } from './session.mjs';

const connectionString = process.argv[2];
const client = new pg.Client({ connectionString, application_name: 'node-postgres', statement_timeout: 60_000 });
const query = async (text, values, options = {}) => (await client.query({ text, values, ...options })).rows;
const value = async (text, values) => Object.values((await query(text, values))[0])[0];
const one = () => value('SELECT 1');
const MASKED = 'SELECT id, ssn, salary FROM customers WHERE id = $1';
const PARAMETERS = [
  ['SELECT id, name, joined FROM customers WHERE id = $1 OR email = $2 ORDER BY id', [3, '5@example.com']],
  ['SELECT id FROM orders WHERE customer_id = ANY($1) AND placed < $2 ORDER BY id', [[1, 5, 9], '2026-01-20']],
  ['SELECT $1::jsonb AS document, $2::bytea AS bytes, $3::text[] AS texts', [{ a: [1, 'ü'] }, Buffer.from([0, 255]), ['x', null, '"']]],
  ['SELECT $1::int4 + $2::int8 AS sum, $3::float8 AS f, $4::bool AS b, $5::text AS t', [1, '9007199254740993', 1.5, true, null]],
];

const asked = async (options) => {
  const answers = [];
  for (const [text, values] of PARAMETERS) {
    const { rows, fields, rowCount, command } = await client.query({ text, values, ...options });
    answers.push([
      rows,
      rowCount,
      command,
      fields.map(({ name, dataTypeID, format }) => [name, dataTypeID < 10_000 && dataTypeID, format]),
    ]);
  }
  return answers;
};

const copied = async (text) => {
  const chunks = [];
  await pipeline(client.query(copyTo(text)), new Writable({ write: (chunk, _encoding, done) => done(void chunks.push(chunk)) }));
  const bytes = Buffer.concat(chunks);
  return [bytes.length, bytes.subarray(0, 40).toString('hex')];
};

const cancel = () => {
  const request = new pg.Client({ connectionString });
  request.connection.once('connect', () => request.connection.cancel(client.processID, client.secretKey));
  request.connection.connect(client.port, client.host);
};

await session('node-postgres', versionOf('pg'), {
  connect: async () => {
    await client.connect();
    const settings = [
      'server_encoding',
      'client_encoding',
      'DateStyle',
      'TimeZone',
      'application_name',
      'statement_timeout',
      'search_path',
    ];
    const shown = [];
    for (const name of settings) shown.push(await value(`SHOW ${name}`));
    return [shown, await value('SELECT current_database()'), await value("SELECT current_setting('server_version_num')::int / 10000 > 13")];
  },
  introspect: async () => {
    const answers = [];
    for (const text of CATALOG_QUERIES) answers.push(await query(text));
    return answers;
  },
  text: () => asked({}),
  binary: () => asked({ binary: true }),
  batch: async () => {
    const pool = new pg.Pool({ connectionString, max: 4 });
    const pooled = await Promise.all(
      Array.from({ length: 40 }, (_, n) => pool.query('SELECT name FROM customers WHERE id = $1', [1 + (n % 20)])),
    );
    await pool.end();
    const several = await client.query('SELECT 1 AS a; SELECT count(*)::int AS n FROM customers; SHOW DateStyle');
    return [pooled.map(({ rows }) => rows[0].name), several.map(({ rows, command }) => [rows, command])];
  },
  stream: async () => {
    const cursor = client.query(new Cursor('SELECT id, value FROM readings WHERE id > $1 ORDER BY id', [10]));
    const portions = [await cursor.read(100), await cursor.read(100)];
    await cursor.close();
    let sum = 0;
    for await (const row of client.query(new QueryStream('SELECT value FROM readings', [], { batchSize: 100 }))) sum += row.value;
    const text = await copied('COPY (SELECT id, name, city FROM customers ORDER BY id) TO STDOUT (FORMAT csv, HEADER)');
    const binary = await copied('COPY readings TO STDOUT (FORMAT binary)');
    const masked = await copied('COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT');
    const into = client.query(copyFrom('COPY order_tags (order_id, tag) FROM STDIN'));
    await pipeline(['6\tcopied\n', '7\tcop', 'ied\n'], into);
    const removed = await client.query("DELETE FROM order_tags WHERE tag = 'copied'");
    return [portions.map((rows) => [rows.length, rows[0]]), sum, text, binary, masked, into.rowCount, removed.rowCount];
  },
  cancel: async () => {
    const running = sqlstateOf(client.query('SELECT pg_sleep(60)'));
    setTimeout(cancel, 200);
    return { sqlstate: await running, after: await one() };
  },
  transact: async () => {
    const insert = () => client.query("INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')");
    const count = () => value('SELECT count(*)::int FROM orders WHERE amount = 12345');
    await client.query('BEGIN');
    await insert();
    await client.query('COMMIT');
    const committed = await count();
    await client.query('DELETE FROM orders WHERE amount = 12345');
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await insert();
    await client.query('ROLLBACK');
    const rolledBack = await count();
    await client.query('BEGIN');
    await sqlstateOf(client.query('SELECT 1/0'));
    const aborted = await sqlstateOf(client.query('SELECT 1'));
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('SAVEPOINT a');
    await sqlstateOf(client.query('INSERT INTO orders (customer_id, amount) VALUES (1, -1)'));
    await client.query('ROLLBACK TO a');
    await insert();
    await client.query('RELEASE a');
    await client.query('COMMIT');
    const savepoint = await count();
    await client.query('DELETE FROM orders WHERE amount = 12345');
    return { committed, rolledBack, aborted, savepoint };
  },
  types: async () => {
    const rows = await query('SELECT * FROM samples ORDER BY id');
    const columns = Object.keys(rows[0]);
    const asText = columns.map((name) => `"${name}"::text`).join();
    // As text, for JavaScript's own types lose digits.
    const texts = await query(`SELECT ${asText} FROM samples ORDER BY id`);
    const places = columns.map((_, index) => `$${index + 1}`);
    for (const row of texts)
      await query(`INSERT INTO samples VALUES (${places.join()})`, [10 + Number(row.id), ...Object.values(row).slice(1)]);
    const again = await query(`SELECT ${asText} FROM samples WHERE id > 10 ORDER BY id`);
    await query('DELETE FROM samples WHERE id > 10');
    return [rows, texts, again];
  },
  prepared: async () => {
    const run = async (id) => (await query('SELECT name, ssn FROM customers WHERE id = $1', [id], { name: 'by id' }))[0];
    return [await run(1), await run(2), await run(3), await run(1)];
  },
  write: async () => {
    const [created] = await query("INSERT INTO customers (name, email, ssn) VALUES ($1, $2, '***5') RETURNING id, name, mood, joined", [
      'pg',
      'pg@x',
    ]);
    const upsert = `INSERT INTO customers (name, email) VALUES ('pg', 'pg@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1
      RETURNING version, ssn`;
    const upserted = [await query(upsert), await query(upsert)];
    const updated = await client.query('UPDATE customers SET city = $1 WHERE id = $2', ['Ulm', created.id]);
    const duplicate = await sqlstateOf(client.query("INSERT INTO customers (name, email) VALUES ('x', 'pg@x')"));
    const removed = await query('DELETE FROM customers WHERE id = $1 RETURNING id, city', [created.id]);
    return [created, upserted, updated.rowCount, duplicate, removed];
  },
  refused: () => refusal(() => client.query('SELECT token FROM secrets'), one),
  masked: async () => ({
    text: Object.values((await query(MASKED, [7]))[0]),
    binary: Object.values((await query(MASKED, [7], { binary: true }))[0]),
  }),
});
await client.end();
