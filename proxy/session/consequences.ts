import type { StatementEffect } from '../policy/judgement.ts';
import type { Consequence } from './expectations.ts';
import { termsOf } from './hidden-result.ts';
import type { ResultSize } from './result-limit.ts';
import type { RunningStatement } from './running-statement.ts';
import type { ServerState } from './session-state.ts';

/** What SQL prepared does to the session, seen from a message that runs it. */
const NO_EFFECT: readonly StatementEffect[] = [{ type: 'None' }];

/**
 * What comes true when the statements of a text are confirmed. Sets what rules count of them: `own` where there is but one, and a
 * cursor that is fetched in portions is counted whole.
 */
export const consequencesOf = (running: RunningStatement, own: ResultSize, state: ServerState): readonly Consequence[] => {
  const { text } = running;
  const effects = text.judged?.effects ?? NO_EFFECT;
  const counted = effects.some((_effect, index) => termsOf(text, index).watches.length > 0);
  const sizes: ResultSize[] = [];
  const consequences: Consequence[] = [];
  for (const effect of effects) {
    if (counted) {
      // In the order of the text: it may declare the cursor that it fetches from.
      const cursor = effect.type === 'Fetch' ? state.portals.lookup(effect.name, state.segment).value : undefined;
      sizes.push(cursor?.watched ?? (effects.length === 1 ? own : { rows: 0, bytes: 0 }));
    }
    consequences.push(state.effect(effect, text.sql, effects.length === 1 ? text.judged?.sent : undefined));
  }
  running.watched = sizes;
  return consequences;
};
