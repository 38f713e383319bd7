/**
 * Mixed load for minutes: what grows, grows here.
 */
import { rm } from 'node:fs/promises';
import pg from 'pg';
import { AGENT, DATABASE, writeManifests } from './database.ts';
import { residentMemory } from './process-usage.ts';
import { startAirlock } from './start-airlock.ts';

/** Different texts that come again and again: what the cache of judgements holds. */
const TEXTS = 10_000;
const CLIENTS = 8;
/** A session ends and another one begins after so many statements. */
const STATEMENTS_PER_SESSION = 2_000;

/** What was in use at one moment. */
type Sample = { readonly minute: number; readonly resident: number; readonly statements: number };

const textOf = (number: number): string => `SELECT abalance AS "c${number}" FROM pgbench_accounts WHERE aid = ${number + 1}`;

const TURNS: readonly ((client: pg.Client, number: number) => Promise<unknown>)[] = [
  (client, number) => client.query(textOf(number % TEXTS)),
  (client, number) => client.query({ name: 'point', text: 'SELECT abalance FROM pgbench_accounts WHERE aid = $1', values: [number] }),
  (client, number) => client.query(`SELECT name, email FROM people WHERE id = ${number % 2_000}`),
  (client, number) => client.query('SELECT email, phone FROM people WHERE id < $1', [number % 200]),
  (client, number) => client.query(`SELECT ssn FROM nobody_${number % 50}`).catch(() => undefined),
  (client) => client.query('BEGIN; SELECT 1; COMMIT'),
];

const work = async (port: number, until: number, count: () => number): Promise<void> => {
  while (Date.now() < until) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: AGENT, database: DATABASE });
    await client.connect();
    for (let turn = 0; turn < STATEMENTS_PER_SESSION && Date.now() < until; turn += 1) {
      const number = count();
      await TURNS[number % TURNS.length]?.(client, Math.floor(number / TURNS.length));
    }
    await client.end();
  }
};

/** Runs for `minutes`, and prints what was in use as it went. */
export const soak = async (postgresPort: number, minutes: number, print: (line: string) => void): Promise<void> => {
  const manifests = await writeManifests(postgresPort, 'Write');
  const airlock = await startAirlock(manifests);
  const { pid } = airlock.process;
  if (pid === undefined) throw new Error('pg-airlock has no process');
  const began = Date.now();
  const until = began + minutes * 60_000;
  const samples: Sample[] = [];
  let statements = 0;
  const sample = (): void => {
    const minute = (Date.now() - began) / 60_000;
    const taken = { minute, resident: residentMemory(pid).now, statements };
    samples.push(taken);
    const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
    print(`${minute.toFixed(1)} min: ${statements} statements, ${megabytes(taken.resident)} resident`);
  };
  const timer = setInterval(sample, Math.max(5_000, (minutes * 60_000) / 20));
  try {
    await Promise.all(Array.from({ length: CLIENTS }, () => work(airlock.port, until, () => statements++)));
    sample();
  } finally {
    clearInterval(timer);
    await airlock.stop();
    await rm(manifests, { recursive: true, force: true });
  }
  const half = samples.filter(({ minute }) => minute > minutes / 2);
  const [first, last] = [half[0], half.at(-1)];
  if (first === undefined || last === undefined) return;
  const growth = (last.resident - first.resident) / 1024;
  print(
    `second half: ${last.statements - first.statements} statements, ${growth.toFixed(0)} KB more resident; ${TEXTS} texts came again and again`,
  );
};
