/**
 * The proxy is killed under load, again and again: the chain goes on, and the server was asked nothing without its record.
 *
 * `KILLS=100` says how often.
 */
import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSegments } from '../../proxy/audit/segment-files.ts';
import { TELLING_SETTINGS, VettedStatements } from '../fuzz/vetted.ts';
import { rowsSql, schemaSql } from '../hunt/database.ts';
import { HUNTER, writeManifests } from '../hunt/manifests.ts';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient, rowValues, send } from '../support/raw-client.ts';
import { readChain } from './read-chain.ts';

const KILLS = countOf(process.env, 'KILLS', 8);
const SEED = seedOf(process.env, 'KILLS');
const DATABASE = 'audited';
const CLIENTS = 6;
const TORN = '{"seq":1000,"time":"2026-01-31T12:00:00.000Z","type":"session-ended","session":"1/1"';
const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

let postgres: TestPostgres;
let folder: string;
let directory: string;
beforeAll(async () => {
  postgres = await startPostgres({ settings: TELLING_SETTINGS });
  await postgres.sql(`CREATE DATABASE ${DATABASE}`);
  await postgres.sql(schemaSql(), DATABASE);
  await postgres.sql(rowsSql(new Random(1)).sql, DATABASE);
  folder = await mkdtemp(join(tmpdir(), 'pg-airlock-manifests-'));
  directory = await mkdtemp(join(tmpdir(), 'pg-airlock-audit-'));
  await writeManifests(folder, { port: postgres.port, databases: [DATABASE], blind: true, durability: 'Fsync' });
});
afterAll(async () => {
  await postgres?.stop('immediate');
  await Promise.all([folder, directory].map((path) => rm(path, { recursive: true, force: true })));
});

/** Asks until the connection is gone; resolves with the texts whose rows came. */
const hammer = async (client: RawClient, name: string): Promise<string[]> => {
  const answered: string[] = [];
  for (let turn = 0; !client.closed; turn += 1) {
    const texts = Array.from(
      { length: name.endsWith('0') ? 1 : 4 },
      (_, index) => `SELECT '${name}/${turn}/${index}', ssn FROM people LIMIT 1`,
    );
    const isExtended = turn % 2 === 1;
    const messages = isExtended
      ? [...texts.flatMap((text) => [send.parse('', text), send.bind('', ''), send.execute()]), send.sync()]
      : texts.map(send.query);
    client.write(...messages);
    for (let ready = isExtended ? 1 : texts.length; ready > 0 && !client.closed; ready -= 1) {
      const frames = await client.until('Z');
      for (const frame of frames.filter(({ type }) => type === 'D')) answered.push(rowValues(frame)[0]?.toString() ?? '');
    }
  }
  return answered;
};

/** What `pg-airlock audit verify` says, and its exit code. */
const verify = (): Promise<{ readonly code: number; readonly output: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'audit', 'verify', directory], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });

/** The sessions that the killed proxy left behind have ended, and said all that they have to say. */
const serverQuiet = async (): Promise<void> => {
  const open = `SELECT 1 FROM pg_stat_activity WHERE datname = '${DATABASE}'`;
  while ((await postgres.sql(open)).length > 0) await setTimeout(10);
  await setTimeout(100);
};

describe(`the audit log of a proxy that is killed under load, seed ${SEED}`, () => {
  it(`is whole after ${KILLS} kills`, { timeout: 3_600_000 }, async () => {
    const random = new Random(SEED);
    const vetted = new VettedStatements({ dataDirectory: postgres.dataDirectory, auditDirectory: directory, database: DATABASE });
    await vetted.unvetted();
    const sums = { answered: 0, torn: 0, tornByUs: 0, records: 0 };
    const answered: string[] = [];
    for (let round = 1; round <= KILLS; round += 1) {
      const proxy = await startProxy({ manifests: folder, audit: directory, flags: ['--identity', HUNTER] });
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(proxy.port)));
      await Promise.all(clients.map((client) => client.login({ user: HUNTER, database: DATABASE })));
      const hammered = clients.map((client, index) => hammer(client, `${round}-${index}`));
      // The first statements wait for the grammar: most of the kills are to come later than that.
      const isEarly = round % 10 === 5;
      while (!isEarly && clients.every(({ frames }) => frames.every(({ type }) => type !== 'D'))) await setTimeout(5);
      await setTimeout(random.whole(0, 500));
      await proxy.kill('SIGKILL');
      const got = (await Promise.all(hammered)).flat();
      answered.push(...got);
      await serverQuiet();
      expect(await vetted.unvetted()).toEqual([]);
      const { code, output } = await verify();
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('intact: ') as string });
      const isTorn = output.includes('Torn');
      if (isTorn) sums.torn += 1;
      // The kernel finishes a small write that it has begun, whoever is killed; a machine that dies does not.
      const isBroken = !isTorn && round % 2 === 0;
      if (isBroken) {
        sums.tornByUs += 1;
        await appendFile((await listSegments(directory)).at(-1)!.path, TORN.slice(0, random.whole(1, TORN.length)));
      }
      const said = isBroken ? (await verify()).output : output;
      expect(said).toMatch(isTorn || isBroken ? /Torn[^]*intact: / : /intact: /);
    }
    const { findings, lines } = await readChain(directory);
    sums.records = lines.length;
    sums.answered = answered.length;
    console.log(
      `seed ${SEED}: ${KILLS} kills, ${JSON.stringify(sums)}; ${vetted.statements} entries of the server's log, ${vetted.texts} texts, each recorded before`,
    );
    expect(findings.filter(({ kind }) => kind !== 'Torn')).toEqual([]);
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.filter(({ type }) => type === 'recovered')).toHaveLength(sums.torn + sums.tornByUs - (findings.length > 0 ? 1 : 0));
    const recorded = new Set(lines.flatMap((line) => (line.type === 'decision' ? [/'([^']+)'/.exec(line.sql)?.[1]] : [])));
    expect(answered.filter((text) => !recorded.has(text))).toEqual([]);
    expect(answered.length).toBeGreaterThan(KILLS * 10);
    expect(vetted.texts).toBeGreaterThanOrEqual(answered.length);
  });
});
