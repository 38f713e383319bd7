/**
 * The variables by which PostgreSQL's clients find the sidecar.
 */
import { type Json, listOf, objectOf, textOf } from './pod.ts';

export type Variable = { readonly name: string; readonly value: string };

const HOST = '127.0.0.1';
const OWN_HOSTS: ReadonlySet<string | undefined> = new Set([HOST, 'localhost']);

/**
 * What a container lacks. A variable that is there stays; a container that names a host of its own gets none, for port and sslmode would then
 * be about that host, and `disable` would take the encryption from it.
 *
 * `env` wins over `envFrom`, whose content is not known here: a container that has PGHOST in a ConfigMap names it in `env` (valueFrom).
 */
export const missingVariables = (container: Json, port: number): readonly Variable[] => {
  const given = listOf(container['env']).map(objectOf);
  const names = new Set(given.map(({ name }) => name));
  const elsewhere = given.some(({ name, value }) => (name === 'PGHOST' || name === 'PGHOSTADDR') && !OWN_HOSTS.has(textOf(value)));
  if (elsewhere) return [];
  const wanted: readonly Variable[] = [
    { name: 'PGHOST', value: HOST },
    { name: 'PGPORT', value: `${port}` },
    { name: 'PGSSLMODE', value: 'disable' },
  ];
  return wanted.filter(({ name }) => !names.has(name));
};
