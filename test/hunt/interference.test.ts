/**
 * Two databases that differ only in what is hidden give the same answers, byte by byte, to the same random statements.
 *
 * `HUNT=20000` says how many, `SEED=` replays a run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawFrame, responseFields } from '../support/raw-client.ts';
import { type Arena, startArena } from './arena.ts';
import { type Case, nextCase } from './cases.ts';
import { nextWrite } from './writes.ts';
import { countOf, Random, seedOf } from './random.ts';

const COUNT = countOf(process.env, 'HUNT', 1_500);
const SEED = seedOf(process.env, 'HUNT');
const [FIRST, SECOND] = ['hunt_a', 'hunt_b'] as const;

let arena: Arena;
beforeAll(async () => {
  arena = await startArena([FIRST, SECOND], true);
});
afterAll(() => arena?.stop());

const shown = (frame: RawFrame | undefined): string => {
  if (frame === undefined) return 'nothing';
  const text =
    frame.type === 'E' || frame.type === 'N'
      ? JSON.stringify(responseFields(frame))
      : frame.body.toString('latin1').replaceAll(/[^\x20-\x7e]+/g, ' ');
  return `${frame.type} ${text.slice(0, 1_000)}`;
};

/** The first frame in which two answers differ. */
const difference = (one: readonly RawFrame[], other: readonly RawFrame[]): string | undefined => {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const [a, b] = [one[index], other[index]];
    if (a?.type !== b?.type || !a?.body.equals(b?.body ?? Buffer.alloc(0))) return `${shown(a)}\n   ${shown(b)}`;
  }
  return undefined;
};

type Sums = { compared: number; answered: number; differDirectly: number; direct: number };

/** Asks both databases `count` times; every tenth time also without the airlock. */
const compare = async (count: number, seed: number, next: (number: number, random: Random, guesses: readonly string[]) => Case) => {
  const random = new Random(seed);
  const guesses = [FIRST, SECOND].flatMap((database) =>
    (arena.canaries.get(database) ?? []).filter(({ kind }) => kind === 'text').map(({ value }) => value),
  );
  const through = [arena.through(FIRST), arena.through(SECOND)] as const;
  const direct = [arena.direct(FIRST), arena.direct(SECOND)] as const;
  const differences: string[] = [];
  const sums: Sums = { compared: 0, answered: 0, differDirectly: 0, direct: 0 };
  for (let number = 1; number <= count; number += 1) {
    const one = next(number, random, guesses);
    const [a, b] = [await through[0].run(one), await through[1].run(one)];
    if (!one.steady) continue;
    sums.compared += 1;
    if (a.error === undefined) sums.answered += 1;
    const found = difference(a.frames, b.frames);
    if (found !== undefined) differences.push(`case ${number}: ${one.steps.map(({ text }) => text).join('\n   ')}\n   ${found}`);
    // What is not legitimate may change the database.
    if (number % 10 !== 0 || !one.legitimate) continue;
    sums.direct += 1;
    const [c, d] = [await direct[0].run(one), await direct[1].run(one)];
    if (difference(c.frames, d.frames) !== undefined) sums.differDirectly += 1;
  }
  for (const session of [...through, ...direct]) session.close();
  console.log(`seed ${seed}: ${sums.compared} statements compared, ${differences.length} differ, ${sums.answered} answered`);
  console.log(`directly, ${sums.differDirectly} of ${sums.direct} differ`);
  return { differences: differences.map((text) => text.slice(0, 3_000)), sums };
};

describe(`non-interference, seed ${SEED}`, () => {
  it(`gives the same answers to ${COUNT} random statements`, { timeout: 3_600_000 }, async () => {
    const { differences, sums } = await compare(COUNT, SEED, (number, random, guesses) =>
      nextCase({ random, number, guesses, steady: true }),
    );
    expect(differences).toEqual([]);
    // Databases that answer alike without the proxy prove nothing.
    expect(sums.differDirectly).toBeGreaterThan(sums.direct / 10);
  });

  it(`gives the same answers to ${COUNT / 2} random writes`, { timeout: 3_600_000 }, async () => {
    const { differences, sums } = await compare(COUNT / 2, SEED, (number, random, guesses) => nextWrite({ random, number, guesses }));
    expect(differences).toEqual([]);
    expect(sums.answered).toBeGreaterThan(sums.compared / 3);
    expect(sums.differDirectly).toBeGreaterThan(sums.direct / 10);
  });
});
