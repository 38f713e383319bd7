/**
 * Random queries over masked, filtered and denied relations, through the proxy as a superuser: nothing hidden reaches the client.
 *
 * `HUNT=20000` says how many, `SEED=` replays a run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Arena, startArena } from './arena.ts';
import { type Case, nextCase } from './cases.ts';
import { countOf, Random, seedOf } from './random.ts';
import { Scanner } from './scanner.ts';
import type { Answer } from './sessions.ts';

const COUNT = countOf(process.env, 'HUNT', 1_500);
const SEED = seedOf(process.env, 'HUNT');
const DATABASE = 'hunt_a';

let arena: Arena;
beforeAll(async () => {
  arena = await startArena([DATABASE], false);
});
afterAll(() => arena?.stop());

/** Errors by which the proxy, or what it made of the statement, would refuse what works without it. */
const isRefusal = ({ error }: Answer): boolean => error !== undefined && /^(42|0A|54|XX|08|26|34)/.test(error['C'] ?? '');

const textOf = ({ steps }: Case): string => steps.map(({ text }) => text).join('\n   ');

describe(`the hunt for canaries, seed ${SEED}`, () => {
  it(`finds none in ${COUNT} random statements`, { timeout: 3_600_000 }, async () => {
    const scanner = await Scanner.of(arena.canaries.get(DATABASE) ?? []);
    const random = new Random(SEED);
    const proxied = arena.through(DATABASE);
    const direct = arena.direct(DATABASE);
    const sums = { legitimate: 0, refused: 0, answered: 0, exposedDirectly: 0 };
    const leaks: string[] = [];
    const refusals = new Map<string, string[]>();
    for (let number = 1; number <= COUNT; number += 1) {
      const one = nextCase({ random, number });
      const answer = await proxied.run(one);
      const found = scanner.find(answer.frames, answer.received);
      if (found.size > 0) leaks.push(`case ${number}: ${JSON.stringify([...found].slice(0, 3))} in the answer to ${textOf(one)}`);
      if (answer.error === undefined) sums.answered += 1;
      // What is not legitimate may change the database.
      if (!one.legitimate) continue;
      const control = await direct.run(one);
      if (number % 10 === 0 && scanner.find(control.frames, control.received).size > 0) sums.exposedDirectly += 1;
      if (control.error !== undefined) continue;
      sums.legitimate += 1;
      if (!isRefusal(answer)) continue;
      sums.refused += 1;
      const reason = `${answer.error?.['C']} ${(answer.error?.['M'] ?? '').replaceAll(/"[^"]*"|\d+/g, '…')}`;
      refusals.set(reason, [...(refusals.get(reason) ?? []), `case ${number}: ${answer.error?.['M']}: ${textOf(one)}`]);
    }
    proxied.close();
    direct.close();
    const share = ((100 * sums.refused) / sums.legitimate).toFixed(2);
    console.log(
      `seed ${SEED}: ${COUNT} statements, ${leaks.length} leaks, ${sums.answered} answered; of ${sums.legitimate} legitimate ones ${sums.refused} refused (${share} %)`,
    );
    console.log(`directly, ${sums.exposedDirectly} of ${Math.floor(COUNT / 10)} answers show canaries`);
    for (const [reason, cases] of [...refusals].sort((a, b) => b[1].length - a[1].length).slice(0, 12)) {
      console.log(`${cases.length} × ${reason}\n   e.g. ${cases.sort((a, b) => a.length - b.length)[0]!.slice(0, 1_500)}`);
    }
    expect(leaks).toEqual([]);
    // A hunt that would find nothing without the proxy either proves nothing.
    expect(sums.exposedDirectly).toBeGreaterThan(COUNT / 100);
    expect(sums.legitimate).toBeGreaterThan(COUNT / 5);
    expect(arena.proxy.log().filter(({ level }) => Number(level) >= 50 || level === 'error')).toEqual([]);
  });
});
