/**
 * Manifests as objects, as tests make them of what they find and write them into a folder.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const API = 'pg-airlock.dev/v1alpha1';

export const secret = (name: string, stringData: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});

export type Login = { readonly username: string; readonly password: string };

/** What the server of a test, which trusts everybody, takes for a login. */
export const trusted = (username: string): Login => ({ username, password: username });

export type Reached = { readonly port: number; readonly database: string; readonly login: Login; readonly durability?: 'Fsync' | 'Write' };

/** A connection to a database on this machine, and the Secret that opens it. */
export const connectionTo = (name: string, { port, database, login, durability = 'Write' }: Reached): readonly object[] => [
  secret(`${name}-login`, login),
  {
    apiVersion: API,
    kind: 'DatabaseConnection',
    metadata: { name },
    spec: {
      host: '127.0.0.1',
      port,
      database,
      tls: { mode: 'Disable' },
      credentials: { secretRef: { name: `${name}-login` } },
      audit: { durability },
    },
  },
];

/** `spec` without `connectionRef`. */
export const policyFor = (connection: string, name: string, spec: object): object => ({
  apiVersion: API,
  kind: 'DatabaseAccessPolicy',
  metadata: { name },
  spec: { connectionRef: { name: connection }, ...spec },
});

/** Writes each of them into a file of its own. */
export const writeObjects = async (folder: string, objects: readonly object[]): Promise<void> => {
  await Promise.all(objects.map((object, index) => writeFile(join(folder, `${index}.json`), JSON.stringify(object, null, 1))));
};
