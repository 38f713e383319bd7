/**
 * A policy that grants everything that was ever in the regression database, in portions that the schema of policies allows.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LISTABLE } from '../../proxy/catalog/builtin/setting-names.ts';
import { DATABASE, type Names } from './side.ts';

export const AGENT = 'regress';

const API = 'pg-airlock.dev/v1alpha1';

const portions = <Value>(values: Iterable<Value>, size: number): readonly (readonly Value[])[] => {
  const all = [...values];
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));
};

const whole = (name: string): unknown => ({
  name,
  select: { columns: ['*'] },
  insert: { columns: ['*'] },
  update: { columns: ['*'] },
  delete: {},
  // Rules, triggers and foreign tables of the suite may do what they do.
  beneath: 'Ignore',
});

/** Writes manifests for the server, or what stands in front of it, on this port. */
export const grantEverything = async (folder: string, port: number, { relations, functions }: Names): Promise<void> => {
  const connection = {
    apiVersion: API,
    kind: 'DatabaseConnection',
    metadata: { name: DATABASE },
    spec: {
      host: '127.0.0.1',
      port,
      database: DATABASE,
      tls: { mode: 'Disable' },
      credentials: { secretRef: { name: 'superuser' } },
      audit: { durability: 'Write' },
    },
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'superuser' },
    stringData: { username: 'postgres', password: 'postgres' },
  };
  const specs: Readonly<Record<string, unknown>>[] = [
    ...portions(relations, 500).map((some) => ({ relations: some.map(whole) })),
    ...portions(functions, 500).map((some) => ({ functions: some.map((name) => ({ name })) })),
    ...portions(LISTABLE, 60).map((settings) => ({ settings })),
    { rules: [{ name: 'settle', match: { statements: ['Comment'], schemas: ['airlock_beside'] }, action: 'Allow' }] },
  ];
  const policies = specs.map((spec, index) => ({
    apiVersion: API,
    kind: 'DatabaseAccessPolicy',
    metadata: { name: `everything-${index}` },
    spec: { connectionRef: { name: DATABASE }, subjects: [{ agent: { name: AGENT } }], ...spec },
  }));
  const objects = [secret, connection, ...policies];
  await Promise.all(objects.map((object, index) => writeFile(join(folder, `${index}.json`), JSON.stringify(object))));
};
