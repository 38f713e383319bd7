/**
 * A small market twice: behind the airlock, with rows and values that are hidden, and its twin, whose data are what the agent may see:
 * masks are the values, filtered rows are not there. A client has to fare the same with both. Things start here with `startMarket`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionTo, policyFor, secret, writeObjects } from '../../support/manifest-objects.ts';
import { type PostgresOptions, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { startProxy } from '../../support/proxy.ts';
import type { Target } from './client.ts';
import { DATA, HIDDEN, SCHEMA, VISIBLE } from './market-data.ts';

const AGENT = { user: 'buyer', password: "buyer's password" } as const;
/** The role that the proxy uses, and clients of the twin. */
const ROLE = { user: 'market_app', password: 'market secret' } as const;
const DATABASE = 'market';

const everything = { select: { columns: ['*'] }, insert: { columns: ['*'] }, update: { columns: ['*'] }, delete: {} };
const CUSTOMER_COLUMNS = ['id', 'name', 'email', 'city', 'mood', 'version', 'joined'];

const POLICY = {
  subjects: [{ agent: { name: AGENT.user, passwordSecretRef: { name: 'buyer' } } }],
  functions: [{ name: 'pg_catalog.pg_sleep' }],
  relations: [
    {
      name: 'public.customers',
      select: {
        columns: CUSTOMER_COLUMNS,
        masks: [
          { column: 'ssn', mask: { type: 'KeepLast', keepLast: { characters: 1 } } },
          { column: 'salary', mask: { type: 'Null' } },
        ],
      },
      insert: { columns: [...CUSTOMER_COLUMNS, 'ssn', 'salary'] },
      update: { columns: [...CUSTOMER_COLUMNS, 'ssn', 'salary'] },
      delete: {},
    },
    { name: 'public.orders', where: "region = 'eu'", ...everything },
    { name: 'public.order_tags', ...everything },
    { name: 'public.samples', ...everything },
    { name: 'public.readings', select: { columns: ['*'] } },
    { name: 'public."Odd Names"', select: { columns: ['*'] } },
    { name: 'public.bonn', select: { columns: ['id', 'name'] } },
    { name: 'sales.targets', select: { columns: ['*'] } },
  ],
};

const manifests = (port: number, more: object): readonly object[] => [
  ...connectionTo('market', { port, database: DATABASE, login: { username: ROLE.user, password: ROLE.password } }),
  secret('buyer', { password: AGENT.password }),
  policyFor('market', 'buyers', { ...POLICY, ...more }),
];

export type Market = {
  readonly through: Target;
  readonly direct: Target;
  /** Puts all data back as they were. */
  readonly reset: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export type MarketOptions = {
  readonly version?: PostgresOptions['version'];
  /** More of the policy's `spec`. */
  readonly policy?: { readonly rules?: readonly object[]; readonly relations?: readonly object[] };
};

const HBA = `host all ${ROLE.user} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`;

/** Starts both servers, and the proxy in front of one. */
export const startMarket = async ({ version, policy = {} }: MarketOptions = {}): Promise<Market> => {
  const options: PostgresOptions = { hba: HBA, ...(version === undefined ? {} : { version }) };
  const started = await Promise.allSettled([startPostgres(options), startPostgres(options)]);
  const servers = started.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-market-'));
  const release = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop('immediate')));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [hidden, twin] = servers;
    if (hidden === undefined || twin === undefined) throw new Error('a server did not start', { cause: started });
    const reset = async (): Promise<void> => {
      await Promise.all([hidden.sql(DATA + HIDDEN, DATABASE), twin.sql(DATA + VISIBLE, DATABASE)]);
    };
    for (const server of servers) {
      await server.sql(`CREATE ROLE ${ROLE.user} LOGIN PASSWORD '${ROLE.password}'`);
      await server.sql(`CREATE DATABASE ${DATABASE}`);
      await server.sql(
        `${SCHEMA}; GRANT USAGE, CREATE ON SCHEMA public TO ${ROLE.user}; GRANT USAGE ON SCHEMA sales TO ${ROLE.user};
        GRANT ALL ON ALL TABLES IN SCHEMA public, sales TO ${ROLE.user};
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${ROLE.user}`,
        DATABASE,
      );
    }
    await reset();
    const { relations = [], ...others } = policy;
    await writeObjects(folder, manifests(hidden.port, { ...others, relations: [...POLICY.relations, ...relations] }));
    const proxy = await startProxy({ manifests: folder });
    return {
      through: target(proxy, AGENT),
      direct: target(twin, ROLE),
      reset,
      stop: async () => {
        await proxy.stop();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
};

const target = ({ host, port, url }: Pick<TestPostgres, 'host' | 'port' | 'url'>, who: typeof AGENT | typeof ROLE): Target => ({
  url: url(who.user, DATABASE, who.password),
  host,
  port,
  ...who,
  database: DATABASE,
});
