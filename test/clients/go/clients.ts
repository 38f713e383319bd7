/**
 * The clients of Go.
 */
import type { Client } from '../compatibility/client.ts';
import { goClients } from '../toolchains.ts';

const program =
  (client: string): Client['ready'] =>
  async () => {
    const built = await goClients();
    return 'missing' in built ? built.missing : ({ url }) => ({ program: built.path, parameters: [client, url] });
  };

export const GO_CLIENTS: readonly Client[] = [
  {
    id: 'pgx',
    name: 'pgx',
    language: 'Go',
    ready: program('pgx'),
    notes: ['with pgxpool, SendBatch and CopyFrom, in all five modes of queries'],
  },
  {
    id: 'lib-pq',
    name: 'lib/pq',
    language: 'Go',
    ready: program('pq'),
    notes: ['through database/sql; a context that ends cancels the statement; binary is `binary_parameters=yes`'],
  },
];
