/**
 * A small store twice: behind the airlock, with rows and values that are hidden, and as the agent sees it, without them. An ORM's
 * session has to come out the same in both.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionTo, policyFor, secret, trusted, writeObjects } from '../support/manifest-objects.ts';
import { startPostgres } from '../support/postgres.ts';
import { startProxy } from '../support/proxy.ts';

const AGENT = { name: 'clerk', password: 'clerk' } as const;
/** The role that the proxy uses: it owns all tables. */
const OWNER = 'store_owner';
/** Part of every value that no agent may see. */
export const CANARY = 'CANARY';

const TABLES = `
  SET ROLE ${OWNER};
  CREATE TABLE customers (
    id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, city text, ssn text, version int NOT NULL DEFAULT 1,
    notes text DEFAULT '${CANARY}');
  CREATE TABLE orders (
    id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers ON DELETE CASCADE, region text NOT NULL DEFAULT 'eu', amount int NOT NULL);
  CREATE TABLE secrets (id int);
  INSERT INTO customers (name, email, city, ssn) SELECT 'customer ' || i, i || '@example.com', CASE i % 2 WHEN 0 THEN 'Ulm' ELSE 'Bonn' END,
    '***' FROM generate_series(1, 6) i;
  INSERT INTO orders (customer_id, amount) SELECT 1 + i % 6, i FROM generate_series(1, 12) i;`;

const HIDDEN = `
  UPDATE customers SET ssn = '${CANARY}' || id;
  INSERT INTO orders (id, customer_id, region, amount) SELECT 1000 + i, 1 + i % 6, 'us', 666 FROM generate_series(1, 12) i;`;

const RELATIONS = [
  {
    name: 'public.customers',
    select: {
      columns: ['id', 'name', 'email', 'city', 'version'],
      masks: [{ column: 'ssn', mask: { type: 'Redact' } }],
    },
    insert: { columns: ['name', 'email', 'city', 'ssn', 'version'] },
    update: { columns: ['name', 'email', 'city', 'ssn', 'version'] },
    delete: {},
  },
  {
    name: 'public.orders',
    where: "region = 'eu'",
    select: { columns: ['*'] },
    insert: { columns: ['customer_id', 'region', 'amount'] },
    update: { columns: ['customer_id', 'region', 'amount'] },
    delete: {},
  },
];

/** What a policy says beyond reading and writing the store. */
export type More = { readonly relations?: readonly object[]; readonly rules?: readonly object[]; readonly functions?: readonly object[] };

export type Store = {
  /** Through the airlock. */
  readonly url: string;
  /** The database without what is hidden, as the owner. */
  readonly plainUrl: string;
  /** The database behind the airlock, as the owner. */
  readonly ownerUrl: string;
  /** Runs SQL as superuser in the database behind the airlock. */
  readonly sql: (text: string) => Promise<Record<string, unknown>[]>;
  readonly stop: () => Promise<void>;
};

export const startStore = async ({ relations = [], ...more }: More = {}): Promise<Store> => {
  const postgres = await startPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-store-'));
  const release = async (): Promise<void> => {
    await postgres.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await postgres.sql(`CREATE ROLE ${OWNER} LOGIN`);
    for (const database of ['store', 'plain']) {
      await postgres.sql(`CREATE DATABASE ${database} OWNER ${OWNER}`);
      await postgres.sql(`ALTER SCHEMA public OWNER TO ${OWNER}; ${TABLES} ${database === 'store' ? HIDDEN : ''}`, database);
    }
    await writeObjects(folder, [
      ...connectionTo('store', { port: postgres.port, database: 'store', login: trusted(OWNER) }),
      secret('clerk', { password: AGENT.password }),
      policyFor('store', 'clerks', {
        subjects: [{ agent: { name: AGENT.name, passwordSecretRef: { name: 'clerk' } } }],
        relations: [...RELATIONS, ...relations],
        ...more,
      }),
    ]);
    const proxy = await startProxy({ manifests: folder });
    const stop = async (): Promise<void> => {
      await proxy.stop();
      await release();
    };
    return {
      url: proxy.url(AGENT.name, 'store', AGENT.password),
      plainUrl: postgres.url(OWNER, 'plain'),
      ownerUrl: postgres.url(OWNER, 'store'),
      sql: (text) => postgres.sql(text, 'store'),
      stop,
    };
  } catch (error) {
    await release();
    throw error;
  }
};
