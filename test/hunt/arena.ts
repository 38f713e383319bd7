/**
 * What a hunt needs: a server with the database (twice, if asked), and the proxy in front of it as its superuser.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { rowsSql, schemaSql } from './database.ts';
import { HUNTER, writeManifests } from './manifests.ts';
import { Random } from './random.ts';
import { HuntSession } from './sessions.ts';
import type { Canary } from './values.ts';

export type Arena = {
  readonly postgres: TestPostgres;
  readonly proxy: TestProxy;
  readonly canaries: ReadonlyMap<string, readonly Canary[]>;
  readonly through: (database: string) => HuntSession;
  readonly direct: (database: string) => HuntSession;
  readonly stop: () => Promise<void>;
};

/** The databases have the same schema, with the same oids, and differ in what is hidden. `blind`: see `writeManifests`. */
export const startArena = async (databases: readonly string[], blind: boolean): Promise<Arena> => {
  const postgres = await startPostgres({ settings: { statement_timeout: '4s', enable_seqscan: 'off' } });
  const manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-hunt-'));
  const release = async (): Promise<void> => {
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
  };
  try {
    const canaries = new Map<string, readonly Canary[]>();
    await postgres.sql('CREATE DATABASE hunt_template');
    await postgres.sql(schemaSql(), 'hunt_template');
    for (const [index, database] of databases.entries()) {
      await postgres.sql(`CREATE DATABASE ${database} TEMPLATE hunt_template`);
      const rows = rowsSql(new Random(index + 1));
      await postgres.sql(rows.sql, database);
      canaries.set(database, rows.canaries);
    }
    await writeManifests(manifests, { port: postgres.port, databases, blind });
    const proxy = await startProxy({ manifests, flags: ['--identity', HUNTER] });
    const stop = async (): Promise<void> => {
      await proxy.stop();
      await release();
    };
    const through = (database: string): HuntSession => new HuntSession({ port: proxy.port, user: HUNTER, database });
    const direct = (database: string): HuntSession => new HuntSession({ port: postgres.port, user: 'postgres', database });
    return { postgres, proxy, canaries, through, direct, stop };
  } catch (error) {
    await release();
    throw error;
  }
};
