/**
 * What servers say: no field of any message carries a value that is hidden, what an agent can learn from arrives whole, and what was
 * withheld stands in the audit record.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionTo, policyFor, trusted, writeObjects } from '../support/manifest-objects.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient, type RawFrame, responseFields, send } from '../support/raw-client.ts';
import { CANARY, COPIES, FUNCTIONS, RELATIONS, SCHEMA, TELLING } from './telling.ts';

const ROLE = 'app';
const VERSION = Number(process.env['PG'] || 18) as PostgresVersion;

let postgres: TestPostgres;
let proxy: TestProxy;
let manifests: string;
beforeAll(async () => {
  postgres = await startPostgres({ version: VERSION });
  await postgres.sql(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ROLE}'`);
  await postgres.sql('CREATE DATABASE messages');
  await postgres.sql(`${SCHEMA}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE}`, 'messages');
  await postgres.sql('CREATE DATABASE plain TEMPLATE messages');
  manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-messages-'));
  await writeObjects(manifests, [
    ...connectionTo('db', { port: postgres.port, database: 'messages', login: trusted(ROLE) }),
    policyFor('db', 'messages', {
      subjects: [{ agent: { name: 'agent' } }],
      relations: RELATIONS,
      functions: FUNCTIONS.map((name) => ({ name: `public.${name}` })),
    }),
  ]);
  proxy = await startProxy({ manifests, flags: ['--identity', 'agent'] });
});
afterAll(async () => {
  await proxy?.stop();
  await postgres?.stop('immediate');
  await rm(manifests, { recursive: true, force: true });
});

const open = async (port: number, user: string, database = 'messages'): Promise<RawClient> => {
  const client = await connectRaw(port);
  await client.login({ user, database });
  return client;
};

const SENT = {
  simple: (sql: string) => [send.query(sql)],
  extended: (sql: string) => [send.parse('', sql), send.bind('', ''), send.describe('P'), send.execute(), send.sync()],
};

/** All that came of the statements. */
const answers = async (client: RawClient, texts: readonly string[], how: keyof typeof SENT): Promise<RawFrame[]> => {
  const frames: RawFrame[] = [];
  for (const text of texts) frames.push(...(await client.exchange(...SENT[how](text))));
  await client.query('ROLLBACK');
  await client.query('DISCARD ALL');
  return frames;
};

const canariesIn = (frames: readonly RawFrame[]): string[] =>
  frames.filter(({ body }) => CANARY.test(body.toString())).map(({ type, body }) => `${type}: ${body.toString().replaceAll('\0', ' ')}`);

describe('messages of the server', () => {
  const told = async (sql: string): Promise<Record<string, string>> => {
    const agent = await open(proxy.port, 'agent');
    const frame = (await agent.query(sql)).find(({ type }) => type === 'E');
    agent.destroy();
    const { C, M, D, H, P, W, n } = frame === undefined ? {} : responseFields(frame);
    return Object.fromEntries(Object.entries({ C, M, D, H, P, W, n }).filter((entry): entry is [string, string] => entry[1] !== undefined));
  };

  it.each<[string, Record<string, string>]>([
    ['SELEC 1', { C: '42601', M: 'syntax error at or near "SELEC"', P: '1' }],
    [
      "SELECT 'é', nmae FROM own JOIN accounts a ON a.name = 'é'",
      { C: '42703', M: 'column "nmae" does not exist', H: 'Perhaps you meant to reference the column "a.name".', P: '13' },
    ],
    // Where it was, and not what was run there.
    ['SELECT asks_body()', { C: '22012', M: 'division by zero', W: 'PL/pgSQL function asks_body() line 2 at assignment' }],
    ['SELECT says_body()', { C: '22012', M: 'division by zero', W: 'PL/pgSQL function says_body() line 1 at PERFORM' }],
    ['SELECT asks_lines()', { C: '22012', M: 'division by zero', W: 'PL/pgSQL function asks_lines() line 1 at EXECUTE' }],
    ["SELECT 'x'::int", { C: '22P02', M: 'invalid input syntax for type integer: "x"', P: '8' }],
    ['SELECT 1 / (n - 1) FROM own', { C: '22012', M: 'division by zero' }],
    [
      'SELECT name || 1::text, amount + name FROM accounts',
      {
        C: '42883',
        M: 'operator does not exist: integer + text',
        H: 'No operator matches the given name and argument types. You might need to add explicit type casts.',
        P: '32',
      },
    ],
    [
      "INSERT INTO own VALUES (1, 'b', 1, 1)",
      { C: '23505', M: 'duplicate key value violates unique constraint "own_pkey"', D: 'Key (id)=(1) already exists.', n: 'own_pkey' },
    ],
    [
      "INSERT INTO own VALUES (2, 'a', 1, 1)",
      {
        C: '23505',
        M: 'duplicate key value violates unique constraint "own_code_key"',
        D: 'Key (code)=(a) already exists.',
        n: 'own_code_key',
      },
    ],
    [
      "INSERT INTO own VALUES (2, 'b', 0, 1)",
      {
        C: '23514',
        M: 'new row for relation "own" violates check constraint "own_n_check"',
        D: 'Failing row contains (2, b, 0, 1).',
        n: 'own_n_check',
      },
    ],
    [
      "INSERT INTO own VALUES (2, 'b', NULL, 1)",
      {
        C: '23502',
        M: 'null value in column "n" of relation "own" violates not-null constraint',
        D: 'Failing row contains (2, b, null, 1).',
      },
    ],
    [
      "INSERT INTO own VALUES (2, 'b', 1, 99)",
      {
        C: '23503',
        M: 'insert or update on table "own" violates foreign key constraint "own_account_fkey"',
        D: 'Key (account)=(99) is not present in table "watched".',
        n: 'own_account_fkey',
      },
    ],
    // The key is among the columns that are shown; the rest of the row is not.
    [
      "INSERT INTO accounts (id, name, region, amount) VALUES (2, 'x', 'eu', 1)",
      {
        C: '23505',
        M: 'duplicate key value violates unique constraint "accounts_pkey"',
        D: 'Key (id)=(2) already exists.',
        n: 'accounts_pkey',
      },
    ],
    [
      "UPDATE accounts SET name = 'bad'",
      { C: '23514', M: 'new row for relation "accounts" violates check constraint "accounts_name_check"', n: 'accounts_name_check' },
    ],
    [
      'INSERT INTO own_parts VALUES (2, 2)',
      {
        C: '23514',
        M: 'no partition of relation "own_part" found for row',
        D: 'Partition key of the failing row contains (n) = (2).',
      },
    ],
    [
      'INSERT INTO own_parts VALUES (2, 1)',
      {
        C: '23514',
        M: 'new row for relation "own_leaf" violates check constraint "own_leaf_id_check"',
        D: 'Failing row contains (2, 1).',
        n: 'own_leaf_id_check',
      },
    ],
    [
      'INSERT INTO keyed_parts (id, n) VALUES (1, 1)',
      {
        C: '23505',
        M: 'duplicate key value violates unique constraint "keyed_part_pkey"',
        D: 'Key (id)=(1) already exists.',
        n: 'keyed_part_pkey',
      },
    ],
    [
      'INSERT INTO keyed_parts (id, n) VALUES (2, 0)',
      {
        C: '23514',
        M: 'new row for relation "keyed_part" violates check constraint "keyed_parts_n_check"',
        n: 'keyed_parts_n_check',
      },
    ],
    [
      'UPDATE own_parent SET id = 0',
      {
        C: '23514',
        M: 'new row for relation "wider_child" violates check constraint "own_parent_id_check"',
        n: 'own_parent_id_check',
      },
    ],
  ])('say all of it where nothing is hidden: %s', async (sql, expected) => {
    expect(await told(sql)).toEqual(expected);
  });

  it.each(Object.keys(SENT) as (keyof typeof SENT)[])(
    'print nothing that is hidden, by the %s protocol',
    { timeout: 240_000 },
    async (how) => {
      const agent = await open(proxy.port, 'agent');
      const leaks: string[] = [];
      for (const texts of TELLING) {
        const found = canariesIn(await answers(agent, texts, how));
        if (found.length > 0) leaks.push(`${texts.join('; ')}: ${found.join(' ')}`);
      }
      for (const [text, data] of COPIES) {
        agent.write(...(how === 'simple' ? [send.query(text)] : SENT.extended(text).slice(0, -1)), send.copyData(data), send.copyDone());
        if (how === 'extended') agent.write(send.sync());
        const found = canariesIn(await agent.until('Z'));
        if (found.length > 0) leaks.push(`${text}: ${found.join(' ')}`);
      }
      agent.destroy();
      expect(leaks).toEqual([]);
    },
  );

  it('would print it without the proxy, and print it into the record', async () => {
    const direct = await open(postgres.port, ROLE, 'plain');
    let telling = 0;
    for (const texts of TELLING) telling += canariesIn(await answers(direct, texts, 'simple')).length > 0 ? 1 : 0;
    direct.destroy();
    expect(telling).toBeGreaterThan(150);
    const folder = proxy.auditDirectory;
    const logs = await Promise.all(
      (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(folder, name), 'utf8')),
    );
    const withheld = logs
      .join('')
      .split('\n')
      .filter((line) => CANARY.test(/"serverMessage":.*/.exec(line)?.[0] ?? ''));
    expect(withheld.length).toBeGreaterThan(30);
  });
});
