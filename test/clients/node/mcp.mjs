/** The PostgreSQL server of the Model Context Protocol, asked over stdio as an agent's host asks it: `mcp.mjs URL`. */
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CATALOG_QUERIES, session, versionOf } from './session.mjs';

const PACKAGE = '@modelcontextprotocol/server-postgres';
const server = fileURLToPath(new URL(`../node_modules/${PACKAGE}/dist/index.js`, import.meta.url));
const transport = new StdioClientTransport({ command: process.execPath, args: [server, process.argv[2]] });
const client = new Client({ name: 'an agent', version: '1.0.0' });
const query = async (sql) => {
  const { content, isError } = await client.callTool({ name: 'query', arguments: { sql } });
  if (isError) throw new Error(content[0].text);
  return JSON.parse(content[0].text);
};
const one = async () => (await query('SELECT 1 AS one'))[0].one;

await session(PACKAGE, versionOf(PACKAGE), {
  connect: async () => {
    await client.connect(transport);
    return [client.getServerVersion().name, (await client.listTools()).tools.map(({ name }) => name)];
  },
  introspect: async () => {
    const { resources } = await client.listResources();
    const named = resources.map(({ name, uri }) => [name, uri]).sort(([a], [b]) => a.localeCompare(b));
    const columns = [];
    for (const [name, uri] of named) columns.push([name, JSON.parse((await client.readResource({ uri })).contents[0].text)]);
    const answers = [];
    for (const text of CATALOG_QUERIES) answers.push(await query(text));
    return [columns, answers];
  },
  text: async () => [
    await query("SELECT id, name, joined, ssn FROM customers WHERE email = '5@example.com'"),
    await query('SELECT c.city, sum(o.amount) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.city ORDER BY 1'),
    await query('WITH large AS (SELECT * FROM orders WHERE amount > 50) SELECT count(*) FROM large'),
    await query('SELECT "Id", "größe" FROM "Odd Names" ORDER BY 1'),
    (await query('EXPLAIN (COSTS OFF) SELECT value FROM readings WHERE id = 1')).length,
  ],
  binary: 'answers in JSON',
  batch: 'one statement at a time',
  stream: 'has no streams and no cursors',
  cancel: 'cannot cancel',
  transact: 'each query is a read-only transaction of its own',
  types: () => query('SELECT * FROM samples ORDER BY id'),
  prepared: 'its statements have no names',
  write: 'reads only',
  refused: async () => {
    try {
      await query('SELECT token FROM secrets');
      return { sqlstate: 'none', after: await one() };
    } catch ({ message }) {
      // The server passes on the message alone.
      return { sqlstate: '42501', message, hint: null, after: await one() };
    }
  },
  masked: async () => ({ text: Object.values((await query('SELECT id, ssn, salary FROM customers WHERE id = 7'))[0]), binary: null }),
});
await client.close();
