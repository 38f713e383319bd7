/**
 * The clients of Rust.
 */
import type { Client } from '../compatibility/client.ts';
import { rustClients } from '../toolchains.ts';

const program =
  (client: string): Client['ready'] =>
  async () => {
    const built = await rustClients();
    return 'missing' in built ? built.missing : ({ url }) => ({ program: built.path, parameters: [client, url] });
  };

export const RUST_CLIENTS: readonly Client[] = [
  { id: 'tokio-postgres', name: 'tokio-postgres', language: 'Rust', ready: program('tokio-postgres') },
  {
    id: 'sqlx',
    name: 'sqlx',
    language: 'Rust',
    ready: program('sqlx'),
    differs: { introspect: 'whether a masked column can be NULL is not known, for it is an expression' },
    notes: ['with the queries that its macros describe statements by; it has no request to cancel: `statement_timeout` ends the statement'],
  },
];
