/**
 * The two databases: one behind the airlock, whose role may do everything, and one under row-level security.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startProxy } from '../support/proxy.ts';
import { type Side, render } from './render.ts';
import type { WriteCase } from './cases.ts';
import { policyFiles } from './policy.ts';
import { OWNER, PROFILES, type Profile, SCHEMA_SQL, securitySql, SEED_SQL, stateSql, unlockedSql } from './world.ts';

export type Answer =
  | {
      readonly type: 'Done';
      readonly command: string;
      readonly count: number | null;
      readonly columns: readonly string[];
      readonly rows: readonly string[];
    }
  | { readonly type: 'Failed'; readonly code: string; readonly message: string; readonly more: string };

export type State = Readonly<Record<string, string>>;

/** How the client sends the statement. */
export type Sending = {
  readonly text: string;
  readonly parameters: readonly string[] | undefined;
  readonly extended: boolean;
  readonly data?: string | undefined;
};

const asText = { getTypeParser: () => (value: unknown) => value };

/** One database as the agents use it, each in a session of its own. */
export class Database {
  readonly #side: Side;
  readonly #sessions: ReadonlyMap<string, pg.Client>;
  readonly #superuser: pg.Client;

  private constructor(side: Side, sessions: ReadonlyMap<string, pg.Client>, superuser: pg.Client) {
    this.#side = side;
    this.#sessions = sessions;
    this.#superuser = superuser;
  }

  static async open(side: Side, superuserUrl: string, urlOf: (profile: Profile) => string): Promise<Database> {
    const connect = async (connectionString: string): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    };
    const sessions = new Map<string, pg.Client>();
    for (const profile of PROFILES) sessions.set(profile.agent, await connect(urlOf(profile)));
    return new Database(side, sessions, await connect(superuserUrl));
  }

  textOf({ marked, profile }: WriteCase): string {
    return render(marked, profile, this.#side);
  }

  async run({ agent }: Profile, { text, parameters, extended, data }: Sending): Promise<Answer> {
    const config = {
      text,
      rowMode: 'array' as const,
      types: asText,
      ...(parameters && { values: [...parameters] }),
      ...(extended && { queryMode: 'extended' }),
    };
    try {
      if (data !== undefined) {
        const stream = this.#session(agent).query(copyFrom(text));
        await pipeline(Readable.from([data]), stream);
        return { type: 'Done', command: 'COPY', count: stream.rowCount, columns: [], rows: [] };
      }
      const { command, rowCount, fields, rows } = await this.#session(agent).query<(string | null)[]>(config);
      const columns = fields.map(({ name, dataTypeID }) => `${name}:${dataTypeID}`);
      return { type: 'Done', command, count: rowCount, columns, rows: rows.map((row) => JSON.stringify(row)).sort() };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      const { code = '', message, detail = '', hint = '', where = '' } = error;
      return { type: 'Failed', code, message, more: [detail, hint, where].join(' ') };
    }
  }

  /** All rows of all tables; sequences go on at `next`. */
  async state(next: number): Promise<State> {
    const { rows } = await this.#superuser.query<State>(stateSql(next));
    return rows[0] ?? {};
  }

  /** The rows that are free, by strength of lock and table. */
  async unlocked(): Promise<State> {
    const strengths = ['UPDATE', 'NO KEY UPDATE', 'SHARE'] as const;
    const found: Record<string, string> = {};
    await this.#superuser.query('BEGIN');
    for (const strength of strengths) {
      const { rows } = await this.#superuser.query<State>(unlockedSql(strength));
      for (const [table, free] of Object.entries(rows[0] ?? {})) found[`${table} for ${strength}`] = free;
    }
    await this.#superuser.query('ROLLBACK');
    return found;
  }

  async seed(): Promise<void> {
    await this.#superuser.query(SEED_SQL);
  }

  async close(): Promise<void> {
    for (const client of [...this.#sessions.values(), this.#superuser]) await client.end();
  }

  #session(agent: string): pg.Client {
    const client = this.#sessions.get(agent);
    if (client === undefined) throw new Error(`no session of ${agent}`);
    return client;
  }
}

export type Sides = {
  readonly postgres: TestPostgres;
  readonly subject: Database;
  readonly reference: Database;
  readonly stop: () => Promise<void>;
};

/** The subject is behind the airlock, or another database under row-level security: then nothing may differ at all. */
export const startSides = async (version: PostgresVersion, subjectSide: Side = 'airlock'): Promise<Sides> => {
  const postgres = await startPostgres({ version, settings: { statement_timeout: '8s' } });
  const manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-writes-'));
  const release = async (): Promise<void> => {
    await postgres.stop('immediate');
    await rm(manifests, { recursive: true, force: true });
  };
  try {
    await postgres.sql(`CREATE ROLE ${OWNER} LOGIN; ${PROFILES.map(({ agent }) => `CREATE ROLE ${agent} LOGIN`).join('; ')}`);
    for (const database of ['subject', 'reference']) {
      await postgres.sql(`CREATE DATABASE ${database} OWNER ${OWNER}`);
      await postgres.sql(`ALTER SCHEMA public OWNER TO ${OWNER}; SET ROLE ${OWNER}; ${SCHEMA_SQL}`, database);
      const secured = database === 'reference' || subjectSide === 'security';
      if (secured) await postgres.sql(`SET ROLE ${OWNER}; ${PROFILES.map(securitySql).join('; ')}`, database);
    }
    for (const [name, object] of Object.entries(policyFiles(postgres.port)))
      await writeFile(join(manifests, name), JSON.stringify(object, null, 1));
    const proxy = subjectSide === 'airlock' ? await startProxy({ manifests }) : undefined;
    const direct = (database: string) => (profile: Profile) => postgres.url(profile.agent, database);
    const through = (profile: Profile): string => proxy?.url(profile.agent, 'subject', 'agent password') ?? direct('subject')(profile);
    const subject = await Database.open(subjectSide, postgres.url('postgres', 'subject'), through);
    const reference = await Database.open('security', postgres.url('postgres', 'reference'), direct('reference'));
    const stop = async (): Promise<void> => {
      await Promise.all([subject.close(), reference.close()]);
      await proxy?.stop();
      await release();
    };
    return { postgres, subject, reference, stop };
  } catch (error) {
    await release();
    throw error;
  }
};
