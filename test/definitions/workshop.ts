/**
 * A database with something to hide, and agents that may define things in it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const SCHEMA = `
CREATE ROLE owner LOGIN SUPERUSER;
CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE TABLE app.users (id int PRIMARY KEY, name text, ssn text, pin int);
INSERT INTO app.users VALUES (1, 'ann', '123-45-6789', 4711), (2, 'bob', '987-65-4321', 815);
CREATE TABLE app.tickets (id int PRIMARY KEY, tenant int, subject text);
INSERT INTO app.tickets VALUES (1, 1, 'mine'), (2, 2, 'raw-theirs');
CREATE TABLE app.secrets (id int PRIMARY KEY, pin int UNIQUE, note text);
INSERT INTO app.secrets VALUES (1, 4711, 'raw-secret');
CREATE INDEX secrets_note ON app.secrets (note);
CREATE TABLE app.vault (pin int, note text);
INSERT INTO app.vault VALUES (4711, 'raw-vault'), (4711, 'raw-vault');
CREATE TABLE app.orders (id int PRIMARY KEY, user_id int, total int);
INSERT INTO app.orders VALUES (1, 1, 10), (2, 2, 20), (3, 2, 20);
CREATE VIEW app.all_secrets AS SELECT * FROM app.secrets;
CREATE VIEW app.narrow AS SELECT * FROM app.secrets;
CREATE TABLE app.people (id int, kind text, ssn text) PARTITION BY LIST (kind);
CREATE TABLE app.people_a PARTITION OF app.people FOR VALUES IN ('a');
INSERT INTO app.people VALUES (1, 'a', 'raw-ssn');
CREATE TYPE app.kind AS ENUM ('mine', 'theirs');
CREATE TABLE app.kinds (id int, kinds app.kind[], kind app.kind);
INSERT INTO app.kinds VALUES (1, '{}', 'mine'), (2, '{}', 'theirs');
CREATE TYPE app.money AS (cents int);
CREATE FUNCTION app.peek(app.money, app.money) RETURNS text LANGUAGE sql AS 'SELECT note FROM app.secrets';
CREATE OPERATOR app.### (FUNCTION = app.peek, LEFTARG = app.money, RIGHTARG = app.money);
CREATE TABLE app.whole (id int PRIMARY KEY);
CREATE VIEW app.whole_view AS SELECT * FROM app.whole;
CREATE TABLE app.guarded (id int);
CREATE POLICY narrow ON app.guarded AS RESTRICTIVE USING (id IN (SELECT id FROM app.whole_view));
CREATE POLICY wide ON app.guarded USING (id IN (SELECT id FROM app.whole));
CREATE TABLE app.typed (id int);
CREATE TABLE app.holding (rows app.typed[]);
CREATE TABLE app.called (id int);
CREATE FUNCTION app.call(app.called) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE DOMAIN app.present AS int CHECK (VALUE IS NOT NULL);
`;

const POLICY = `
apiVersion: v1
kind: Secret
metadata: { name: role }
stringData: { username: owner, password: owner }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop }
spec: { host: 127.0.0.1, port: PORT, database: postgres, tls: { mode: Disable }, credentials: { secretRef: { name: role } } }
---
apiVersion: v1
kind: Secret
metadata: { name: agent }
stringData: { password: agent }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: builders }
spec:
  connectionRef: { name: shop }
  subjects: [{ agent: { name: builder, passwordSecretRef: { name: agent } } }]
  relations:
    - name: app.users
      select: { columns: [id, name, pin], masks: [{ column: ssn, mask: { type: Redact } }] }
    - name: app.tickets
      where: tenant = 1
      select: { columns: ['*'] }
    - { name: app.orders, select: { columns: ['*'] }, insert: { columns: ['*'] }, update: { columns: ['*'] }, delete: {} }
    - { name: app.notes, select: { columns: ['*'] }, insert: { columns: ['*'] }, update: { columns: ['*'] }, delete: {} }
    - { name: app.whole, select: { columns: ['*'] } }
    - { name: app.whole_view, select: { columns: ['*'] } }
    - { name: app.kinds, where: "kind = 'mine'", select: { columns: ['*'] } }
    - { name: app.narrow, select: { columns: [id] } }
    - { name: app.people, select: { columns: [id, kind], masks: [{ column: ssn, mask: { type: Redact } }] } }
    - { name: app.later, select: { columns: ['*'], masks: [{ column: ssn, mask: { type: Redact } }] } }
  rules:
    - { name: no-matviews, match: { statements: [Create], objects: [MaterializedView] }, action: Deny }
    - name: build
      match: { statements: [Create, Alter, Drop, Comment, Truncate, Vacuum, Analyze, Reindex, Refresh, Lock], schemas: [app] }
      action: Allow
`;

export type Workshop = {
  readonly server: TestPostgres;
  readonly proxy: TestProxy;
  /** Puts other rules in the place of those that were given. */
  readonly become: (rules: string) => Promise<void>;
  /** A session of the agent, with search_path app. */
  readonly session: () => Promise<Session>;
  readonly stop: () => Promise<void>;
};

export type Session = {
  /** Rows of the last statement, or SQLSTATE and message. */
  readonly run: (sql: string) => Promise<unknown>;
  /** The same by a statement that is prepared under a name, once. */
  readonly prepared: (name: string, sql: string) => Promise<unknown>;
  readonly end: () => Promise<void>;
};

const rowsOf = (result: pg.QueryResult | readonly pg.QueryResult[]): unknown => {
  const last = Array.isArray(result) ? (result as readonly pg.QueryResult[]).at(-1) : (result as pg.QueryResult);
  return last?.rows;
};

/** `sql` and `rules`: what there is besides. */
export const startWorkshop = async (version: PostgresVersion = 18, { sql = '', rules = '' } = {}): Promise<Workshop> => {
  const server = await startPostgres({ version });
  await server.sql(SCHEMA + sql);
  const manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-workshop-'));
  const become = (others: string): Promise<void> =>
    writeFile(join(manifests, 'policy.yaml'), POLICY.replace('PORT', String(server.port)) + others);
  await become(rules);
  const proxy = await startProxy({ manifests });
  const session = async (): Promise<Session> => {
    const client = new pg.Client({ connectionString: proxy.url('builder', 'postgres', 'agent') });
    await client.connect();
    await client.query('SET search_path = app');
    const answer = async (query: pg.QueryConfig): Promise<unknown> => {
      try {
        return rowsOf(await client.query(query));
      } catch (error) {
        const { code, message } = error as pg.DatabaseError;
        return `${code}: ${message}`;
      }
    };
    return {
      run: (sql) => answer({ text: sql }),
      prepared: (name, sql) => answer({ name, text: sql }),
      end: () => client.end(),
    };
  };
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await server.stop();
    await rm(manifests, { recursive: true, force: true });
  };
  return { server, proxy, become, session, stop };
};
