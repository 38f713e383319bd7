/**
 * Random bytes and mutated conversations: the proxy stays up, every session ends in an answer or a close, and the server is asked
 * nothing that was not decided before.
 *
 * `FUZZ=100000` says how many, `SEED=` replays a run (as far as eight sessions at a time can be replayed).
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextCase } from '../hunt/cases.ts';
import { rowsSql, schemaSql } from '../hunt/database.ts';
import { HUNTER, writeManifests } from '../hunt/manifests.ts';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/raw-client.ts';
import { beforeLogIn, mutate, pieces } from './mutate.ts';
import { TELLING_SETTINGS, VettedStatements } from './vetted.ts';

const COUNT = countOf(process.env, 'FUZZ', 4_000);
const SEED = seedOf(process.env, 'FUZZ');
const SESSIONS = 8;
const DATABASE = 'fuzz';
/** Much longer than any statement may run. */
const PATIENCE = 30_000;

let postgres: TestPostgres;
let proxy: TestProxy;
let manifests: string;
beforeAll(async () => {
  postgres = await startPostgres({ settings: { ...TELLING_SETTINGS, statement_timeout: '4s' } });
  await postgres.sql(`CREATE DATABASE ${DATABASE}`);
  await postgres.sql(schemaSql(), DATABASE);
  await postgres.sql(rowsSql(new Random(1)).sql, DATABASE);
  manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-fuzz-'));
  await writeManifests(manifests, { port: postgres.port, databases: [DATABASE], blind: true });
  proxy = await startProxy({ manifests, flags: ['--identity', HUNTER], logLevel: 'info' });
});
afterAll(async () => {
  await proxy?.stop();
  await postgres?.stop('immediate');
  await rm(manifests, { recursive: true, force: true });
});

/** One connection, of which is kept what came since the last conversation began. */
class Peer {
  readonly socket: Socket;
  #received: Buffer[] = [];
  closed = false;
  #wake = (): void => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async open(): Promise<Peer> {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Peer(socket);
  }

  async write(parts: readonly Buffer[]): Promise<void> {
    for (const part of parts) {
      if (this.socket.writable) this.socket.write(part);
      if (parts.length > 1) await setImmediate();
    }
  }

  /** Waits for this text, or the end. `false`: neither came. */
  async answered(text: string): Promise<boolean> {
    const deadline = Date.now() + PATIENCE;
    while (!this.closed) {
      const all = Buffer.concat(this.#received);
      if (text !== '' && all.includes(text)) {
        this.#received = [];
        return true;
      }
      this.#received = [all];
      if (Date.now() > deadline) return false;
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), setTimeout(1_000)]);
    }
    return true;
  }
}

const READY = 'Z\0\0\0\x05';

const sums = { conversations: 0, connections: 0, answered: 0, closed: 0, beforeLogIn: 0 };
const hangs: string[] = [];

/** Takes conversations until `next` has none left, over as many connections as it needs. */
const converse = async (random: Random, next: () => number | undefined): Promise<void> => {
  let peer: Peer | undefined;
  for (let number = next(); number !== undefined; number = next()) {
    sums.conversations += 1;
    if (random.chance(0.2)) {
      sums.beforeLogIn += 1;
      sums.connections += 1;
      const stranger = await Peer.open();
      await stranger.write(pieces(random, beforeLogIn(random, HUNTER, DATABASE)));
      stranger.socket.end();
      if (!(await stranger.answered(''))) hangs.push(`before the log-in, ${number}`);
      stranger.socket.destroy();
      continue;
    }
    if (peer === undefined || peer.closed) {
      sums.connections += 1;
      peer = await Peer.open();
      await peer.write([send.startup({ user: HUNTER, database: DATABASE })]);
      if (!(await peer.answered(READY))) hangs.push(`the log-in, ${number}`);
    }
    const { steps } = nextCase({ random, number, most: 2 });
    const mutated = mutate(random, Buffer.concat(steps.map(({ bytes }) => bytes)));
    await peer.write(pieces(random, mutated.bytes));
    const marker = `here after ${number}`;
    if (mutated.framed)
      await peer.write([Buffer.concat([send.copyFail(''), send.sync(), send.query('ROLLBACK'), send.query(`SELECT '${marker}' || '.'`)])]);
    else peer.socket.end();
    if (!(await peer.answered(mutated.framed ? `${marker}.` : ''))) {
      hangs.push(`${number}: ${steps.map(({ text }) => text).join(' | ')}: ${mutated.bytes.toString('latin1').slice(0, 2_000)}`);
      peer.socket.destroy();
    }
    if (peer.closed) sums.closed += 1;
    else sums.answered += 1;
    if (!mutated.framed) peer = undefined;
  }
  peer?.socket.destroy();
};

describe(`the wire, seed ${SEED}`, () => {
  it(`stands ${COUNT} conversations`, { timeout: 7_200_000 }, async () => {
    const vetted = new VettedStatements({
      dataDirectory: postgres.dataDirectory,
      auditDirectory: proxy.auditDirectory,
      database: DATABASE,
    });
    const ended = once(proxy.process, 'exit').then(([code, signal]) => `${code} ${signal}`);
    const bystander = new pg.Client({ connectionString: proxy.url(HUNTER, DATABASE) });
    let left = COUNT;
    let done = false;
    const next = (): number | undefined => (left > 0 && hangs.length < 5 ? left-- : undefined);
    // What was done so far was not done through the proxy.
    await vetted.unvetted();
    // What ends it shows at its next query.
    bystander.on('error', () => undefined);
    await bystander.connect();
    const unvetted: string[] = [];
    const watch = (async () => {
      while (!done) {
        await setTimeout(1_000);
        // The server finishes lines in its own time, and what was decided earlier stays decided.
        unvetted.push(...(await vetted.unvetted()));
        expect((await bystander.query('SELECT count(*)::int AS people FROM people')).rows).toEqual([{ people: 12 }]);
      }
    })();
    const work = Promise.all(Array.from({ length: SESSIONS }, (_, index) => converse(new Random(SEED + index), next)));
    const outcome = await Promise.race([work.then(() => 'alive'), ended, watch]);
    done = true;
    await watch;
    await bystander.end();
    await setTimeout(500);
    unvetted.push(...(await vetted.unvetted()));
    console.log(
      `seed ${SEED}: ${JSON.stringify(sums)}; ${vetted.statements} entries of the server's log, ${vetted.texts} texts, ${unvetted.length} not decided before`,
    );
    expect(outcome).toBe('alive');
    expect(hangs).toEqual([]);
    expect([...new Set(unvetted)].slice(0, 20)).toEqual([]);
    // What had passed by the proxy would have been seen.
    await postgres.sql("SELECT 'beside the proxy'", DATABASE);
    await setTimeout(500);
    expect(await vetted.unvetted()).toEqual(["statement: SELECT 'beside the proxy'"]);
    expect(vetted.texts).toBeGreaterThan(COUNT / 4);
    expect(sums.answered).toBeGreaterThan(COUNT / 10);
    expect(proxy.log().filter(({ level }) => Number(level) >= 50 || level === 'error' || level === 'fatal')).toEqual([]);
  });
});
