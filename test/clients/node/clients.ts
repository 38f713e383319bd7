/**
 * The clients of Node.js.
 */
import { join } from 'node:path';
import type { Client } from '../compatibility/client.ts';
import { nodeClients } from '../node-environment.ts';

const program =
  (script: string): Client['ready'] =>
  async () => {
    const folder = await nodeClients();
    if (folder === undefined) return 'its packages could not be installed from the registry of npm';
    return ({ url }) => ({ program: process.execPath, parameters: [join(folder, 'programs', script), url] });
  };

export const NODE_CLIENTS: readonly Client[] = [
  {
    id: 'node-postgres',
    name: 'node-postgres',
    language: 'Node.js',
    ready: program('node-postgres.mjs'),
    notes: ['with pg-cursor, pg-query-stream, pg-copy-streams and pg-pool'],
  },
  { id: 'postgres-js', name: 'postgres.js', language: 'Node.js', ready: program('postgres-js.mjs') },
  {
    id: 'prisma',
    name: 'Prisma',
    language: 'Node.js',
    ready: program('prisma.mjs'),
    withoutHints: true,
    notes: [
      '`prisma db pull`, then the client that is generated from what it found',
      'both on the driver adapter `@prisma/adapter-pg`; the native engines were not run',
    ],
  },
  {
    id: 'drizzle',
    name: 'Drizzle',
    language: 'Node.js',
    ready: program('drizzle.mjs'),
    notes: [
      'on node-postgres, its prepared statements on postgres.js too',
      '`drizzle-kit pull` stops at views, whose definitions are NULL for it: leave them out by `tablesFilter`',
    ],
  },
  { id: 'typeorm', name: 'TypeORM', language: 'Node.js', ready: program('typeorm.mjs') },
  {
    id: 'knex',
    name: 'Knex',
    language: 'Node.js',
    ready: program('knex.mjs'),
    differs: { cancel: '`timeout(..., { cancel: true })` calls pg_cancel_backend(), which reaches other sessions and is refused' },
  },
  { id: 'sequelize', name: 'Sequelize', language: 'Node.js', ready: program('sequelize.mjs') },
  {
    id: 'mcp-server-postgres',
    name: "MCP's server-postgres",
    language: 'Node.js',
    ready: program('mcp.mjs'),
    withoutHints: true,
    notes: ['asked over stdio as an agent host asks it: resources, their schemas, the tool `query`'],
  },
];
