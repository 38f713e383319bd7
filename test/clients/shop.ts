/**
 * A small shop behind the airlock, for tests with real clients: things start here with `startShop`.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresOptions, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

export const AGENT = { name: 'ann', password: "ann's password" } as const;
/** The role that the proxy uses. */
export const ROLE = { name: 'shop_app', password: 'shop secret' } as const;
/** Part of every value that no client may ever see. */
export const CANARY = 'CANARY';

const SCHEMA = `
  CREATE ROLE ${ROLE.name} LOGIN PASSWORD '${ROLE.password}';
  CREATE TABLE customers (
    id int PRIMARY KEY, name text NOT NULL, city text, email text, ssn text NOT NULL, born date, tags text[], profile jsonb,
    photo bytea, balance numeric(10, 2), joined timestamptz);
  INSERT INTO customers SELECT i, 'customer ' || i, CASE WHEN i % 2 = 0 THEN 'Ulm' ELSE 'Bonn' END, '${CANARY}' || i || '@example.com',
    '${CANARY}-' || i, date '1980-01-01' + i, ARRAY['a' || i, 'b,"' || i], jsonb_build_object('n', i, 'list', jsonb_build_array(1, null, 'x')),
    decode(lpad(to_hex(i), 4, '0'), 'hex'), i * 1.5, timestamptz '2026-01-01 12:00:00+00' + i * interval '1 hour'
    FROM generate_series(1, 100) i;
  CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, region text NOT NULL, amount numeric(10, 2));
  INSERT INTO orders SELECT i, 1 + i % 100, CASE WHEN i % 2 = 0 THEN 'eu' ELSE '${CANARY}' END, i FROM generate_series(1, 200) i;
  CREATE INDEX ON orders (customer_id);
  CREATE TABLE secrets (id int, token text);
  INSERT INTO secrets VALUES (1, '${CANARY}');
  CREATE VIEW bonn AS SELECT id, name FROM customers WHERE city = 'Bonn';
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${ROLE.name};
  ANALYZE`;

/** What may differ from shop to shop, and from one moment to the next. */
export type Manifests = {
  readonly port?: number;
  readonly host?: string;
  readonly rolePassword?: string;
  readonly agentPassword?: string;
  /** PEM of the authority that the database's certificate is verified against; without it the way there is not encrypted. */
  readonly ca?: string;
  /** More of the policy's `spec`, as YAML indented by two. */
  readonly spec?: string;
  /** Functions that are granted. */
  readonly functions?: readonly string[];
  /** More relations, as YAML list items indented by four. */
  readonly relations?: string;
};

/** The files of a manifests folder, by name. */
export const manifestFiles = (
  postgres: { readonly port: number },
  options: Manifests = {},
): Record<'connection.yaml' | 'policy.yaml' | 'secrets.yaml', string> => ({
  'connection.yaml': `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop }
spec:
  host: ${options.host ?? '127.0.0.1'}
  port: ${options.port ?? postgres.port}
  database: shop
  tls: ${options.ca === undefined ? '{ mode: Disable }' : '{ mode: VerifyFull, caSecretRef: { name: ca } }'}
  credentials: { secretRef: { name: shop-database } }
  audit: { durability: Write }
`,
  'policy.yaml': `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: reading }
spec:
  connectionRef: { name: shop }
  subjects:
    - agent: { name: ${AGENT.name}, passwordSecretRef: { name: ann } }
  functions: [${(options.functions ?? ['pg_catalog.pg_sleep']).map((name) => `{ name: ${name} }`).join(', ')}]
${options.spec ?? ''}
  relations:
    - name: public.customers
      select:
        columns: [id, name, city, born, tags, profile, photo, balance, joined]
        masks:
          - { column: email, mask: { type: Email } }
          - { column: ssn, mask: { type: KeepLast, keepLast: { characters: 1 } } }
    - name: public.orders
      where: region = 'eu'
      select: { columns: ['*'] }
    - name: public.bonn
      select: { columns: [id, name] }
${options.relations ?? ''}
`,
  'secrets.yaml': `
apiVersion: v1
kind: Secret
metadata: { name: shop-database }
stringData: { username: ${ROLE.name}, password: ${JSON.stringify(options.rolePassword ?? ROLE.password)} }
---
apiVersion: v1
kind: Secret
metadata: { name: ann }
stringData: { password: ${JSON.stringify(options.agentPassword ?? AGENT.password)} }
---
apiVersion: v1
kind: Secret
metadata: { name: ca }
stringData: { ca.crt: ${JSON.stringify(options.ca ?? '')} }
`,
});

export const writeManifests = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
};

export type ShopOptions = {
  readonly postgres?: PostgresOptions;
  readonly manifests?: Manifests;
  /** SQL that the superuser runs in the shop's database. */
  readonly setup?: string;
  readonly flags?: readonly string[];
  readonly audit?: string;
};

export type Shop = {
  readonly postgres: TestPostgres;
  readonly proxy: TestProxy;
  /** The folder of the manifests. */
  readonly manifests: string;
  /** The shop through the airlock, as the agent. */
  readonly url: string;
  /** The shop without it, under the proxy's role. */
  readonly directUrl: string;
  /** Answers of /metrics and its neighbours. */
  readonly probe: (path: string) => Promise<{ readonly status: number; readonly body: string }>;
  /** Replaces manifests, and waits until the change is in force. */
  readonly change: (options: Manifests) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** The role's password counts, as it does in earnest. */
const HBA = `host all ${ROLE.name} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`;

/** Makes the shop's database and the proxy's role; `setup` is more SQL for it. */
export const createShop = async (postgres: TestPostgres, setup = ''): Promise<void> => {
  await postgres.sql('CREATE DATABASE shop');
  await postgres.sql(`${SCHEMA}; ${setup}`, 'shop');
};

/** Starts PostgreSQL with the shop in it, and the proxy in front. */
export const startShop = async (options: ShopOptions = {}): Promise<Shop> => {
  const postgres = await startPostgres({ hba: HBA, ...options.postgres });
  const manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-manifests-'));
  let proxy: TestProxy;
  try {
    await createShop(postgres, options.setup);
    await writeManifests(manifests, manifestFiles(postgres, options.manifests));
    const { flags = [], audit } = options;
    proxy = await startProxy({ manifests, flags, ...(audit === undefined ? {} : { audit }) });
  } catch (error) {
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
    throw error;
  }
  const metrics = String(proxy.log().find(({ msg }) => msg === 'listening')?.['metrics']);
  const probe: Shop['probe'] = async (path) => {
    const response = await fetch(`http://${metrics}${path}`);
    return { status: response.status, body: await response.text() };
  };
  const change: Shop['change'] = async (changed) => {
    const applied = (): number => proxy.log().filter(({ msg }) => msg === 'policy in force').length;
    const before = applied();
    const wanted = Object.entries(manifestFiles(postgres, { ...options.manifests, ...changed }));
    const present = await Promise.all(wanted.map(([name]) => readFile(join(manifests, name), 'utf8').catch(() => undefined)));
    const different = wanted.filter(([, text], index) => text !== present[index]);
    await writeManifests(manifests, Object.fromEntries(different));
    await eventually(() => different.length === 0 || applied() > before);
  };
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
  };
  return {
    postgres,
    proxy,
    manifests,
    url: proxy.url(AGENT.name, 'shop', AGENT.password),
    directUrl: postgres.url(ROLE.name, 'shop', ROLE.password),
    probe,
    change,
    stop,
  };
};

/** Waits for it, for 20 seconds at most. */
export const eventually = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** The SQLSTATE of what a driver threw. */
export const sqlstateOf = (error: unknown): string => String((error as { readonly code?: unknown } | undefined)?.code);
