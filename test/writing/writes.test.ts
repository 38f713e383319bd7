/**
 * Random statements that write do through the airlock what they do under PostgreSQL's own row-level security and column privileges.
 *
 * `WRITES=5000` says how many, `SEED=` replays a run, `PG=15` is another server.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { compare } from './compare.ts';
import { type Sides, startSides } from './sides.ts';
import { unexplained } from './verdict.ts';
import { PROFILES, TABLES } from './world.ts';

const COUNT = countOf(process.env, 'WRITES', 400);
/**
 * `make test` draws the same statements each time: one in some thousands has an error on a row of the agent's own that PostgreSQL, which may
 * evaluate conditions in any order, never comes to. `make writes` draws others, and its finds are read.
 */
const SEED = seedOf(process.env, 'WRITES');
const VERSION = POSTGRES_VERSIONS.find((version) => version === countOf(process.env, 'PG', 18)) ?? 18;

let sides: Sides | undefined;
afterEach(async () => {
  await sides?.stop();
  sides = undefined;
});

describe(`random statements that write, PostgreSQL ${VERSION}, seed ${SEED}`, () => {
  it('mean the same in two databases under row-level security', { timeout: 3_600_000 }, async () => {
    sides = await startSides(VERSION, 'security');
    const sums = await compare(sides, { random: new Random(SEED), count: Math.min(COUNT, 400), version: VERSION });
    expect({ wrong: sums.wrong, overBlocked: sums.overBlocked, otherReason: sums.otherReason }).toEqual({
      wrong: [],
      overBlocked: {},
      otherReason: {},
    });
    // What nobody may do, or nobody does, proves nothing.
    expect(sums.done).toBeGreaterThan(sums.count / 3);
    expect(sums.changed).toBeGreaterThan(sums.count / 5);
  });

  it.for(['USING (true)', 'WITH CHECK (true)'])('mean something else where policies say %s', { timeout: 3_600_000 }, async (hole) => {
    sides = await startSides(VERSION, 'security');
    const filtered = TABLES.filter(({ where }) => where !== undefined);
    const holes = filtered.flatMap(({ name }) => PROFILES.map(({ agent }) => `ALTER POLICY ${agent} ON ${name} ${hole}`));
    await sides.postgres.sql(holes.join('; '), 'subject');
    const { wrong } = await compare(sides, { random: new Random(SEED), count: 400, version: VERSION });
    expect(wrong.length).toBeGreaterThan(0);
  });

  it('mean through the airlock what they mean there', { timeout: 3_600_000 }, async () => {
    sides = await startSides(VERSION);
    const sums = await compare(sides, { random: new Random(SEED), count: COUNT, version: VERSION });
    console.log(`seed ${SEED}: ${JSON.stringify({ ...sums, wrong: sums.wrong.length }, null, 1)}`);
    expect(sums.wrong).toEqual([]);
    expect(unexplained(Object.keys(sums.overBlocked))).toEqual([]);
    expect(Object.values(sums.overBlocked).reduce((sum, { times }) => sum + times, 0)).toBeLessThan(sums.count / 10);
    expect(sums.done).toBeGreaterThan(sums.count / 3);
  });
});
