/**
 * What oracles are asked about: a database with one canary in all kinds of hidden places, and the proxy in front of it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionTo, policyFor, secret, trusted, writeObjects } from '../support/manifest-objects.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

/** Neither the first nor the last letter of the alphabet that guesses are made of. */
export const CANARY = 'dbgcfeec';

export const AGENT = 'oracle';

const SCHEMA = `
  CREATE TABLE people (id int PRIMARY KEY, name text, secret text, hashed text, initial text, gone text, doc jsonb, list text[], num int);
  INSERT INTO people SELECT i, 'name ' || i, s, s, s, s, jsonb_build_object('k', s), ARRAY[s], i
    FROM (SELECT i, CASE i WHEN 1 THEN '${CANARY}' ELSE 'zz' || i END AS s FROM generate_series(1, 20) i) x;
  CREATE INDEX ON people (secret);
  CREATE VIEW people_view AS SELECT id, name, secret FROM people;
  CREATE TABLE letters (id int PRIMARY KEY, open bool, body text);
  INSERT INTO letters SELECT i, i <> 1, CASE i WHEN 1 THEN '${CANARY}' ELSE 'zz' || i END FROM generate_series(1, 20) i;
  CREATE INDEX ON letters (body);
  CREATE TABLE popular (id int PRIMARY KEY, open bool, secret text, body text);
  INSERT INTO popular SELECT i, i % 3 = 0, v, CASE WHEN i % 3 = 0 THEN 'zz' || i ELSE v END
    FROM (SELECT i, CASE WHEN i % 2 = 0 THEN '${CANARY}' ELSE 'zz' || i END AS v FROM generate_series(1, 600) i) x;
  CREATE INDEX ON popular (secret); CREATE INDEX ON popular (body); ANALYZE popular;
  CREATE TABLE shut AS SELECT * FROM popular; CREATE INDEX ON shut (body); ANALYZE shut;
  CREATE TABLE marks (id int PRIMARY KEY, mark int); INSERT INTO marks SELECT i, 0 FROM generate_series(1, 20) i;
  CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 5);
  CREATE SEQUENCE tickets;
  CREATE TABLE stubs (id int DEFAULT nextval('tickets'), note text);
  ANALYZE people; ANALYZE letters`;

const mask = (column: string, type: string, more: object = {}): object => ({ column, mask: { type, ...more } });

const RELATIONS: readonly object[] = [
  {
    name: 'public.people',
    select: {
      columns: ['id', 'name', 'num'],
      masks: [
        mask('secret', 'Redact'),
        mask('hashed', 'Hash', { hash: { keySecretRef: { name: 'masking-key' } } }),
        mask('initial', 'Expression', { expression: { sql: "left(initial, 0) || '.'" } }),
        mask('doc', 'Redact'),
        mask('list', 'Null'),
      ],
    },
    update: { columns: ['name'] },
  },
  { name: 'public.people_view', select: { columns: ['id', 'name'], masks: [mask('secret', 'Redact')] } },
  { name: 'public.letters', where: 'open', select: { columns: ['*'] }, update: { columns: ['body'] }, delete: {} },
  { name: 'public.popular', select: { columns: ['id'], masks: [mask('secret', 'Redact'), mask('body', 'Null')] } },
  { name: 'public.shut', where: 'open', select: { columns: ['id', 'body'] } },
  { name: 'public.marks', select: { columns: ['*'] }, insert: { columns: ['*'] }, update: { columns: ['mark'] }, delete: {} },
  { name: 'public.numbers', select: { columns: ['*'] } },
  { name: 'public.stubs', select: { columns: ['*'] }, insert: { columns: ['note'] } },
];

export type World = {
  readonly postgres: TestPostgres;
  readonly proxy: TestProxy;
  readonly stop: () => Promise<void>;
};

/** What a world is made of where it is not that of the oracles that read. */
export type Contents = { readonly schema: string; readonly relations: readonly object[]; readonly limits?: object };

export const READING: Contents = { schema: SCHEMA, relations: RELATIONS };

/** Starts a server and a proxy; everybody is the agent `oracle`. */
export const startWorld = async (version: PostgresVersion, { schema, relations, limits }: Contents): Promise<World> => {
  const postgres = await startPostgres({ version });
  await postgres.sql(schema);
  const manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-inference-'));
  await writeObjects(manifests, [
    secret('masking-key', { key: 'a key of masks that nobody knows' }),
    ...connectionTo('world', { port: postgres.port, database: 'postgres', login: trusted('postgres') }),
    policyFor('world', 'world', {
      subjects: [{ agent: { name: AGENT } }],
      relations,
      settings: ['statement_timeout'],
      ...(limits === undefined ? {} : { limits }),
    }),
  ]);
  const proxy = await startProxy({ manifests, flags: ['--identity', AGENT] });
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
  };
  return { postgres, proxy, stop };
};
