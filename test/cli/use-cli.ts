/** A server, a folder of manifests in front of it, and a command of ours run on them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { CommandOutput } from '../../cli/command-output.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

type Ran = { readonly code: number; readonly out: string; readonly err: string };

type UsedCli = {
  /** Runs it with `--manifests` and the rest. */
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** Puts other manifests into the folder. */
  readonly write: (manifests: string) => Promise<void>;
  readonly server: () => TestPostgres;
  readonly directory: () => string;
};

type Command = (args: readonly string[], output: CommandOutput) => Promise<number>;

/** The connection `shop`, under a role that is no superuser. */
const connectionManifests = (port: number): string => `
apiVersion: v1
kind: Secret
metadata: { name: shop-database }
stringData: { username: app, password: upstream-password }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop }
spec: { host: 127.0.0.1, port: ${port}, database: postgres, tls: { mode: Disable }, credentials: { secretRef: { name: shop-database } } }
---
apiVersion: v1
kind: Secret
metadata: { name: agents }
stringData: { password: agent-password, key: a-key-that-nobody-may-ever-see }
---
`;

/** Starts a server with `schema`, and writes `manifests` of policies beside its connection. */
export const useCli = (command: Command, schema: string, manifests: string): UsedCli => {
  let server: TestPostgres;
  let folder: string;
  const write = async (text: string): Promise<void> => writeFile(join(folder, 'all.yaml'), connectionManifests(server.port) + text);
  beforeAll(async () => {
    server = await startPostgres();
    await server.sql(`CREATE ROLE app LOGIN PASSWORD 'upstream-password'; ${schema}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO app`);
    folder = await mkdtemp(join(tmpdir(), 'pg-airlock-cli-'));
    await write(manifests);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await server.stop();
  });
  const run = async (...args: readonly string[]): Promise<Ran> => {
    const text = { out: '', err: '' };
    const code = await command(['--manifests', folder, ...args], {
      out: (more) => void (text.out += more),
      err: (more) => void (text.err += more),
      columns: 120,
    });
    return { code, ...text };
  };
  return { run, write, server: () => server, directory: () => folder };
};
