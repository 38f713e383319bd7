/**
 * Two databases that show an agent the same: one behind the proxy, where the policy hides what the other does not have at all.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

export const AGENT = 'agent';
/** The role that both databases are used as. */
export const ROLE = 'app';
export const SUBJECT = 'subject';
export const REFERENCE = 'reference';

const schemaSql = (hidden: boolean): string => `
  CREATE SCHEMA other; CREATE SCHEMA dark;
  CREATE TABLE public.t (id int PRIMARY KEY, v text, n int CHECK (n > 0));
  CREATE TABLE other.t (id int PRIMARY KEY, v text, n int);
  CREATE TABLE public.d (id int PRIMARY KEY, t int REFERENCES public.t DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE public.people (id int PRIMARY KEY, name text, ssn text);
  CREATE TABLE public.part (id int PRIMARY KEY, region text, v text);
  CREATE TABLE public.locked (id int);
  CREATE TABLE dark.secret (id int, token text);
  INSERT INTO other.t SELECT i, 'other ' || i, i FROM generate_series(1, 4) i;
  INSERT INTO public.people SELECT i, 'name ' || i, ${hidden ? `'123-45-' || i` : `'hidden'`} FROM generate_series(1, 4) i;
  INSERT INTO public.part SELECT i, 'eu', 'part ' || i FROM generate_series(1, 3) i;
  ${hidden ? `INSERT INTO public.part SELECT i, 'us', '0' FROM generate_series(4, 9) i;` : ''}
  INSERT INTO dark.secret VALUES (1, 'hidden');
  CREATE FUNCTION public.f() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'f of public'$$;
  CREATE FUNCTION other.f() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'f of other'$$;
  CREATE FUNCTION public.complain() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'the table is locked'; END$$;
  CREATE TRIGGER locked BEFORE INSERT ON public.locked FOR EACH STATEMENT EXECUTE FUNCTION public.complain();
  GRANT USAGE ON SCHEMA public, other, dark TO ${ROLE};
  GRANT ALL ON ALL TABLES IN SCHEMA public, other, dark TO ${ROLE};
  ANALYZE`;

/** What conversations change, as it is at the beginning of each. TRUNCATE would change the catalog, and so what is judged, some time later. */
const RESET = `BEGIN; LOCK TABLE public.t, public.d; DELETE FROM public.d; DELETE FROM public.t;
  INSERT INTO public.t SELECT i, 'public ' || i, i FROM generate_series(1, 4) i; COMMIT`;

const writable = (name: string): unknown => ({
  name,
  select: { columns: ['*'] },
  insert: { columns: ['*'] },
  update: { columns: ['*'] },
  delete: {},
});

const API = 'pg-airlock.dev/v1alpha1';

/** Two policies, of which the second grants less: one relation not at all, and one column masked. */
export type Variant = 'Wide' | 'Narrow';

const manifests = (port: number): readonly unknown[] => [
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' }, stringData: { username: ROLE, password: ROLE } },
  {
    apiVersion: API,
    kind: 'DatabaseConnection',
    metadata: { name: 'db' },
    spec: {
      host: '127.0.0.1',
      port,
      database: SUBJECT,
      tls: { mode: 'Disable' },
      credentials: { secretRef: { name: 'db' } },
      audit: { durability: 'Write' },
    },
  },
];

const constant = (column: string, value: string): unknown => ({ column, mask: { type: 'Constant', constant: { value } } });

const policy = (variant: Variant): unknown => ({
  apiVersion: API,
  kind: 'DatabaseAccessPolicy',
  metadata: { name: 'model' },
  spec: {
    connectionRef: { name: 'db' },
    subjects: [{ agent: { name: AGENT } }],
    functions: [{ name: 'public.f' }, { name: 'other.f' }, { name: 'pg_catalog.pg_sleep' }],
    relations: [
      ...['public.t', 'public.d', 'public.locked'].map(writable),
      ...(variant === 'Wide' ? [{ name: 'other.t', select: { columns: ['*'] } }] : []),
      {
        name: 'public.people',
        select: {
          columns: variant === 'Wide' ? ['id', 'name'] : ['id'],
          masks: [constant('ssn', 'hidden'), ...(variant === 'Wide' ? [] : [constant('name', 'veiled')])],
        },
      },
      { name: 'public.part', where: "region = 'eu'", select: { columns: ['*'] } },
    ],
  },
});

export type World = {
  readonly postgres: TestPostgres;
  readonly proxy: TestProxy;
  /** Puts a policy in force; on the plain server, takes or gives the rights. */
  readonly reload: (variant: Variant) => Promise<void>;
  /** Both databases, and the policy, as they were. */
  readonly reset: () => Promise<void>;
  /** Sessions of agents that the databases know of. */
  readonly sessions: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

export const startWorld = async (version: PostgresVersion): Promise<World> => {
  const postgres = await startPostgres({ version, settings: { deadlock_timeout: '100ms' } });
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-model-'));
  const superusers: pg.Client[] = [];
  await postgres.sql(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ROLE}'`);
  for (const database of [SUBJECT, REFERENCE]) {
    await postgres.sql(`CREATE DATABASE ${database}`);
    await postgres.sql(schemaSql(database === SUBJECT), database);
    const superuser = new pg.Client({ connectionString: postgres.url('postgres', database, 'postgres') });
    superuser.on('error', () => undefined);
    await superuser.connect();
    superusers.push(superuser);
  }
  for (const [index, object] of manifests(postgres.port).entries())
    await writeFile(join(folder, `${index}.json`), JSON.stringify(object, null, 1));
  const write = (variant: Variant): Promise<void> => writeFile(join(folder, 'policy.json'), JSON.stringify(policy(variant), null, 1));
  await write('Wide');
  const proxy = await startProxy({ manifests: folder, flags: ['--identity', AGENT] });
  let inForce: Variant = 'Wide';
  const reload = async (variant: Variant): Promise<void> => {
    if (variant === inForce) return;
    inForce = variant;
    const applied = (): number => proxy.log().filter(({ msg }) => msg === 'policy in force').length;
    const before = applied();
    await write(variant);
    while (applied() === before) await sleep(5);
    const [act, whom] = variant === 'Wide' ? ['GRANT', 'TO'] : ['REVOKE', 'FROM'];
    await superusers[1]!.query(`${act} SELECT ON other.t ${whom} ${ROLE}`);
  };
  const sessions = async (): Promise<number> => {
    const text = `SELECT FROM pg_stat_activity WHERE usename = '${ROLE}' AND application_name <> 'pg-airlock catalog'`;
    return (await superusers[0]!.query(text)).rowCount ?? 0;
  };
  return {
    postgres,
    proxy,
    reload,
    reset: async () => {
      // Who vanished may still be at it.
      while ((await sessions()) > 0) await sleep(2);
      await reload('Wide');
      await Promise.all(superusers.map((superuser) => superuser.query(RESET)));
    },
    sessions,
    stop: async () => {
      await Promise.all(superusers.map((superuser) => superuser.end()));
      await proxy.stop();
      await postgres.stop('immediate');
      await rm(folder, { recursive: true, force: true });
    },
  };
};
