/**
 * The clients of Java.
 */
import type { Client } from '../compatibility/client.ts';
import { javaClients } from '../toolchains.ts';

const program =
  (main: string): Client['ready'] =>
  async () => {
    const built = await javaClients();
    if ('missing' in built) return built.missing;
    return ({ host, port, database, user, password }) => ({
      program: 'java',
      parameters: ['-XX:TieredStopAtLevel=1', '-cp', built.path, main, `jdbc:postgresql://${host}:${port}/${database}`, user, password],
    });
  };

export const JAVA_CLIENTS: readonly Client[] = [
  {
    id: 'pgjdbc',
    name: 'pgJDBC',
    language: 'Java',
    ready: program('PgJdbc'),
    notes: [
      'DatabaseMetaData, server-side prepare from the fifth execution on, binary transfer, fetch size, reWriteBatchedInserts, updatable result sets',
    ],
  },
  {
    id: 'hibernate',
    name: 'Hibernate',
    language: 'Java',
    ready: program('HibernateSession'),
    notes: ['over pgJDBC; the schema is validated; entities with versions and named enums, pages, scrolling, batched inserts'],
  },
];
