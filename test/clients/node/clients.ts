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
];
