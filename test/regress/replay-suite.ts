/**
 * Sends what was recorded once more, somewhere else.
 */
import type { Answer } from './answer.ts';
import { differenceOf } from './compare.ts';
import type { Step } from './record-suite.ts';
import type { Target } from './target.ts';

export type Replaying = {
  readonly target: Target;
  readonly settled: () => Promise<void> /** Through the proxy: tells why it refused the last statement, if it did. */;
  readonly refusal?: () => Promise<string | undefined>;
};

/** The set-up has made what only the server session sees. */
export type Unseen = 'transaction' | 'temporary';

export type Replayed = { readonly answer: Answer; readonly refusal: string | undefined; readonly unseen: Unseen | undefined };

/** The answers to the steps of one file, in order. */
export const replayFile = async (
  steps: readonly Step[],
  { target, settled, refusal }: Replaying,
): Promise<readonly (Replayed | undefined)[]> => {
  await target.connect();
  const answers: (Replayed | undefined)[] = [];
  let open = false;
  let temporary = false;
  for (const step of steps) {
    const data = (): string => step.data;
    if (step.scope === 'Connect') {
      temporary = false;
      await target.connect();
    }
    if (step.scope !== 'Compared' && step.scope !== 'SetUp') {
      answers.push(undefined);
      continue;
    }
    if (step.settled) await settled();
    const before = target.status;
    const answer = step.scope === 'SetUp' ? await target.setUp(step.text, data) : await target.run(step.text, data);
    const differs = step.scope === 'Compared' && step.answer !== undefined && differenceOf(step.answer, answer) !== undefined;
    if (step.scope === 'SetUp') {
      open ||= before !== 'I' && target.status !== 'I';
      temporary ||= /\bTEMP(ORARY)?\b|\bpg_temp\b/i.test(step.text);
    } else if (target.status === 'I') open = false;
    const unseen = open ? 'transaction' : temporary ? 'temporary' : undefined;
    answers.push({ answer, unseen, refusal: differs && answer.error !== undefined && !answer.ofServer ? await refusal?.() : undefined });
    // What was refused is done all the same, so that the next statements find the same rows.
    const missed = refusal !== undefined && step.scope === 'Compared' && answer.error !== undefined && step.answer?.error === undefined;
    if (missed && target.status === 'I') await target.setUp(step.text, data);
  }
  return answers;
};
