/**
 * Runs statements in both databases and compares answers, then all rows of all tables.
 */
import type { Random } from '../hunt/random.ts';
import { nextCase, type WriteCase } from './cases.ts';
import type { Answer, Sending, Sides } from './sides.ts';
import { judge, judgeLocks, stateDifference } from './verdict.ts';

export type Run = { readonly random: Random; readonly count: number; readonly version: number };

export type Sums = {
  readonly count: number;
  /** Done by both. */
  readonly done: number;
  /** Done by both, and rows are others than before. */
  readonly changed: number;
  /** Refused by both, with the same SQLSTATE. */
  readonly refused: number;
  /** Reasons, with how often they were met, and the first statement that met them. */
  readonly otherReason: Reasons;
  readonly overBlocked: Reasons;
  readonly wrong: readonly string[];
};

type Reasons = Readonly<Record<string, { readonly times: number; readonly first: string }>>;

/** Statements between two seedings. */
const PERIOD = 60;
/** More of them say nothing new. */
const ENOUGH = 25;

const count = (reasons: Record<string, { times: number; first: string }>, reason: string, text: string): void => {
  const known = reasons[reason];
  reasons[reason] = { times: (known?.times ?? 0) + 1, first: known?.first ?? text };
};

/** Each statement in a transaction of its own, which is committed where both databases did it. */
export const compare = async ({ subject, reference }: Sides, { random, count: cases, version }: Run): Promise<Sums> => {
  const sums = { done: 0, changed: 0, refused: 0 };
  const otherReason: Record<string, { times: number; first: string }> = {};
  const overBlocked: Record<string, { times: number; first: string }> = {};
  const wrong: string[] = [];
  let before = '';

  const seed = async (): Promise<void> => {
    await Promise.all([subject.seed(), reference.seed()]);
    before = JSON.stringify((await settled(1_000)).security);
  };
  const settled = async (next: number) => {
    const [airlock, security] = await Promise.all([subject.state(next), reference.state(next)]);
    return { airlock, security };
  };
  const both = async (write: WriteCase, sendings: readonly [Sending, Sending]): Promise<readonly [Answer, Answer]> => [
    await subject.run(write.profile, sendings[0]),
    await reference.run(write.profile, sendings[1]),
  ];
  const command = (text: string): readonly [Sending, Sending] => {
    const sending = { text, parameters: undefined, extended: false };
    return [sending, sending];
  };

  for (let number = 0; number < cases && wrong.length < ENOUGH; number += 1) {
    if (number % PERIOD === 0) await seed();
    const write = nextCase(random, version);
    const extended = random.chance(0.4);
    const sending = (text: string): Sending => ({ text, parameters: write.parameters, extended, data: write.data });
    const texts = [subject.textOf(write), reference.textOf(write)] as const;
    await both(write, command('BEGIN'));
    const answers = await both(write, [sending(texts[0]), sending(texts[1])]);
    const verdict = judge(texts[0], ...answers);
    const locks =
      verdict.type === 'Same' && texts[0].startsWith('SELECT') ? [await subject.unlocked(), await reference.unlocked()] : [{}, {}];
    const ends = await both(write, command(verdict.type === 'Same' && !verdict.refused ? 'COMMIT' : 'ROLLBACK'));
    const { airlock, security } = await settled(2_000 + number * 20);
    const difference = stateDifference(airlock, security);
    const lockVerdict = judgeLocks(locks[0] ?? {}, locks[1] ?? {});
    const after = JSON.stringify(security);
    const inputs = [...(write.parameters ?? []), ...(write.data === undefined ? [] : [write.data])];
    const story = (what: string): string =>
      [
        `case ${number}, ${write.profile.agent}${inputs.length > 0 ? `, ${JSON.stringify(inputs)}` : ''}: ${texts[0]}`,
        ...(texts[0] === texts[1] ? [] : [`under row-level security: ${texts[1]}`]),
        what,
      ]
        .join('\n     ')
        .slice(0, 4_000);
    if (verdict.type === 'Wrong') wrong.push(story(verdict.reason));
    else if (difference !== undefined) wrong.push(story(difference));
    else if (lockVerdict.type === 'Wrong') wrong.push(story(lockVerdict.reason));
    else if (judge('COMMIT', ...ends).type !== 'Same') wrong.push(story(`ends differ: ${JSON.stringify(ends)}`));
    else if (verdict.type === 'OtherReason') count(otherReason, verdict.reason, texts[0]);
    else if (verdict.type === 'OverBlocked') count(overBlocked, verdict.reason, texts[0]);
    else if (verdict.refused) sums.refused += 1;
    else {
      sums.done += 1;
      if (after !== before) sums.changed += 1;
    }
    before = after;
    if (difference !== undefined) await seed();
  }
  return { count: cases, ...sums, otherReason, overBlocked, wrong };
};
