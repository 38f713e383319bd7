/**
 * Random conversations, the same with the proxy and with a plain server: whatever a client can see is the same.
 *
 * `MODEL=20000` says how many (`make session-model`), `SEED=` replays a run; what is found is shrunk and printed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countOf, seedOf } from '../hunt/random.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { conversation } from './commands.ts';
import type { Model } from './comparison.ts';
import { Side } from './side.ts';
import { AGENT, REFERENCE, ROLE, startWorld, SUBJECT, type World } from './world.ts';

const COUNT = countOf(process.env, 'MODEL', 120);
const SEED = seedOf(process.env, 'MODEL');
const VERSION = Number(process.env['PG'] || 18) as PostgresVersion;

let world: World;
beforeAll(async () => {
  world = await startWorld(VERSION);
});
afterAll(() => world?.stop());

describe(`a session, seed ${SEED}`, () => {
  it(`is the same in ${COUNT} random conversations with the proxy and with a plain server`, { timeout: 36_000_000 }, async () => {
    let commands = 0;
    const converse = async (all: Iterable<unknown>): Promise<void> => {
      await world.reset();
      const proxy = await Side.open(world.proxy.port, AGENT, SUBJECT);
      const plain = await Side.open(world.postgres.port, ROLE, REFERENCE);
      const texts = (lines: readonly { readonly text: string }[]): string[] => lines.map(({ text }) => text).sort();
      expect(texts(proxy.greeting)).toEqual(texts(plain.greeting));
      const model: Model = { skipping: false, open: false, over: false, variant: 'Wide', reloaded: false };
      try {
        await fc.asyncModelRun(
          () => Promise.resolve({ model, real: { proxy: proxy.side, plain: plain.side, reload: world.reload } }),
          all as never,
        );
        commands += 1;
      } finally {
        proxy.side.vanish();
        plain.side.vanish();
      }
    };
    await fc.assert(fc.asyncProperty(conversation(12), converse), { numRuns: COUNT, seed: SEED, endOnFailure: false });
    console.log(`seed ${SEED}: ${commands} conversations`);
    await expect.poll(() => world.sessions()).toBe(0);
    expect(world.proxy.log().filter(({ level }) => Number(level) >= 50 || level === 'error')).toEqual([]);
  });
});
