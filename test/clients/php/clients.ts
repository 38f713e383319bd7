/**
 * The client of PHP.
 */
import { join } from 'node:path';
import type { Client } from '../compatibility/client.ts';
import { missing } from '../toolchains.ts';

const SCRIPT = join(import.meta.dirname, 'session.php');

export const PHP_CLIENTS: readonly Client[] = [
  {
    id: 'pdo-pgsql',
    name: 'pdo_pgsql',
    language: 'PHP',
    ready: async () =>
      (await missing("PHP's pdo_pgsql", 'php', ['-r', "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"])) ??
      (({ host, port, user, password, database }) => ({
        program: 'php',
        parameters: [SCRIPT, host, String(port), user, password, database],
      })),
    differs: { introspect: 'getColumnMeta names no table for a masked column, which is an expression' },
    machinesOwn: true,
    notes: ['native and emulated prepares; it has no request to cancel: `statement_timeout` ends the statement'],
  },
];
