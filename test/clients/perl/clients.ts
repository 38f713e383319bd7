/**
 * The client of Perl.
 */
import { join } from 'node:path';
import type { Client } from '../compatibility/client.ts';
import { missing } from '../toolchains.ts';

const SCRIPT = join(import.meta.dirname, 'session.pl');

export const PERL_CLIENTS: readonly Client[] = [
  {
    id: 'dbd-pg',
    name: 'DBD::Pg',
    language: 'Perl',
    ready: async () =>
      (await missing("Perl's DBD::Pg", 'perl', ['-MDBD::Pg', '-e', '1'])) ??
      (({ host, port, user, password, database }) => ({
        program: 'perl',
        parameters: [SCRIPT, host, String(port), user, password, database],
      })),
    machinesOwn: true,
    notes: ['with table_info, column_info and their like, server-side prepare and asynchronous queries'],
  },
];
