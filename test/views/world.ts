/** A database and agents with policies over it, to be asked as they would ask. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

export type World = {
  readonly postgres: TestPostgres;
  readonly proxy: TestProxy;
  /** Rows of one statement of this agent's, each as the texts of its values; or the error's message with its detail. */
  readonly ask: (agent: string, sql: string) => Promise<readonly (readonly (string | null)[])[] | string>;
  /** A session that stays open. */
  readonly session: (agent: string) => Promise<Session>;
  readonly stop: () => Promise<void>;
};

export type Session = {
  readonly ask: (sql: string, name?: string) => Promise<readonly (readonly (string | null)[])[] | string>;
  readonly end: () => Promise<void>;
};

const CONNECTION = (port: number, role: string): string => `
apiVersion: v1
kind: Secret
metadata: { name: db }
stringData: { username: ${role}, password: postgres }
---
apiVersion: v1
kind: Secret
metadata: { name: agent }
stringData: { password: agent, key: 0123456789abcdef0123456789abcdef }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: db }
spec: { host: 127.0.0.1, port: ${port}, database: postgres, tls: { mode: Disable }, credentials: { secretRef: { name: db } } }
`;

/** `relations`: YAML of the entries of \`spec.relations\`; more of \`spec\` may follow them, two spaces deep. */
const policyOf = (agent: string, relations: string): string => `---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: ${agent} }
spec:
  connectionRef: { name: db }
  subjects: [{ agent: { name: ${agent}, passwordSecretRef: { name: agent } } }]
  relations:
${relations}
`;

const asText = { getTypeParser: () => String };

/** `policies`: by agent. */
export const startWorld = async (options: {
  readonly version?: PostgresVersion;
  readonly schema: string;
  readonly policies: Readonly<Record<string, string>>;
  /** Whom the proxy connects as; the superuser where nothing is said. */
  readonly role?: string;
}): Promise<World> => {
  const postgres = await startPostgres(options.version === undefined ? {} : { version: options.version });
  const manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-views-'));
  await postgres.sql(options.schema);
  const policies = Object.entries(options.policies).map(([agent, relations]) => policyOf(agent, relations));
  await writeFile(join(manifests, 'policy.yaml'), CONNECTION(postgres.port, options.role ?? 'postgres') + policies.join(''));
  const proxy = await startProxy({ manifests });
  const open = new Map<string, Promise<Session>>();
  const session = async (agent: string): Promise<Session> => {
    const client = new pg.Client({ connectionString: proxy.url(agent, 'postgres', 'agent') });
    client.on('error', () => undefined);
    await client.connect();
    const ask: Session['ask'] = async (sql, name) => {
      try {
        const query = { text: sql, rowMode: 'array' as const, types: asText, ...(name !== undefined && { name }) };
        const { rows } = await client.query<(string | null)[]>(query);
        return rows;
      } catch (error) {
        const { message, detail } = error as Error & { readonly detail?: string };
        return detail === undefined ? message : `${message} ${detail}`;
      }
    };
    return { ask, end: () => client.end() };
  };
  const ask: World['ask'] = async (agent, sql) => {
    if (!open.has(agent)) open.set(agent, session(agent));
    return await (await open.get(agent)!).ask(sql);
  };
  const stop = async (): Promise<void> => {
    for (const each of open.values()) await (await each).end();
    await proxy.stop();
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
  };
  return { postgres, proxy, ask, session, stop };
};
