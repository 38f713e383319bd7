/**
 * What became of one statement: the same, the same but for what no two runs have in common, or different for a reason.
 */
import { differenceOf, isAlike } from './compare.ts';
import { REASONS, type Reason } from './reasons.ts';
import type { Step } from './record-suite.ts';
import type { Replayed } from './replay-suite.ts';

/** A step, and how it was answered directly once more, and through the proxy. */
export type Compared = { readonly step: Step; readonly again: Replayed | undefined; readonly through: Replayed | undefined };

export type Outcome =
  | { readonly type: 'NotCompared'; readonly scope: Step['scope'] | 'Beside' }
  | { readonly type: 'Same' | 'Unsteady' }
  | { readonly type: 'Different'; readonly reason: Reason };

export const outcomeOf = ({ step, again, through }: Compared): Outcome => {
  const direct = step.answer;
  if (step.scope !== 'Compared' || direct === undefined || through === undefined) return { type: 'NotCompared', scope: step.scope };
  if (through.beside) return { type: 'NotCompared', scope: 'Beside' };
  const { answer, refusal } = through;
  const aspect = differenceOf(direct, answer);
  if (aspect === undefined) return { type: 'Same' };
  const isSteady = again === undefined || differenceOf(direct, again.answer) === undefined;
  if (!isSteady && isAlike(direct, answer)) return { type: 'Unsteady' };
  const reason = REASONS.find(({ applies }) => applies({ step, direct, answer, aspect, refusal, temporary: through.temporary }));
  if (reason === undefined) throw new Error('there is a reason for everything');
  return { type: 'Different', reason };
};
