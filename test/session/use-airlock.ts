/**
 * What the session tests share: a server, an airlock for each test, and ways to look at what came back.
 */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { StatementCompleted, StatementDecided } from '../../kernel/audit-record.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { connectRaw, type RawClient, type RawFrame, responseFields, rowValues } from '../support/raw-client.ts';
import { type Airlock, startAirlock } from './airlock.ts';

export let postgres: TestPostgres;
export let airlock: Airlock;
const clients: RawClient[] = [];

/** Starts one server for the file and one airlock for each test. */
export const useAirlock = (): void => {
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.sql(`CREATE TABLE t (id int PRIMARY KEY, name text CHECK (name <> 'bad'));
      INSERT INTO t SELECT i, 'n' || i FROM generate_series(1, 100) i;
      CREATE SCHEMA other; CREATE TABLE other.t (id int)`);
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    airlock = await startAirlock(postgres);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await airlock.close();
  });
};

export const open = async (parameters: Record<string, string> = {}): Promise<RawClient> => {
  const client = await connectRaw(airlock.port);
  clients.push(client);
  await client.login({ user: 'ann', database: 'shop', parameters });
  return client;
};
export const codes = (frames: readonly RawFrame[]): (string | undefined)[] =>
  frames.filter(({ type }) => type === 'E').map((frame) => responseFields(frame)['C']);
export const errors = (frames: readonly RawFrame[]): Record<string, string>[] =>
  frames
    .filter(({ type }) => type === 'E')
    .map((frame) => {
      const { S, C, M, D, H, P } = responseFields(frame);
      return Object.fromEntries(Object.entries({ S, C, M, D, H, P }).filter((entry): entry is [string, string] => entry[1] !== undefined));
    });
export const values = (frames: readonly RawFrame[]): (string | undefined)[] =>
  frames.filter(({ type }) => type === 'D').map((frame) => rowValues(frame)[0]?.toString());
export const status = (frames: readonly RawFrame[]): string | undefined => frames.findLast(({ type }) => type === 'Z')?.body.toString();
export const decisions = (): StatementDecided[] =>
  airlock.records.filter((record): record is StatementDecided => record.type === 'decision');
export const completions = (): StatementCompleted[] =>
  airlock.records.filter((record): record is StatementCompleted => record.type === 'completion');
export const eventually = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
};
export const running = async (marker: string): Promise<boolean> => {
  const rows = await postgres.sql(
    `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%${marker}%' AND pid <> pg_backend_pid()`,
  );
  return rows.length > 0;
};

/** What the client is told of a refused statement. */
export const REFUSAL = {
  S: 'ERROR',
  C: '42501',
  M: 'permission denied for this',
  D: 'pg-airlock does not let this kind of statement through.',
  H: 'Try something else.',
};
