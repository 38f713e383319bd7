/**
 * The ODBC driver.
 */
import { join } from 'node:path';
import type { Client } from '../compatibility/client.ts';
import { ODBC_DRIVER, odbcPython } from '../toolchains.ts';

const SCRIPT = join(import.meta.dirname, 'session.py');

export const ODBC_CLIENTS: readonly Client[] = [
  {
    id: 'psqlodbc',
    name: 'psqlODBC',
    language: 'ODBC',
    ready: async () => {
      const built = await odbcPython();
      if ('missing' in built) return built.missing;
      return ({ host, port, user, password, database }) => ({
        program: built.path,
        parameters: [SCRIPT, ODBC_DRIVER, host, String(port), user, password, database],
      });
    },
    withoutHints: true,
    machinesOwn: true,
    notes: ['through unixODBC and pyodbc, with the catalog calls SQLTables, SQLColumns and their like; it shows no hints'],
  },
];
