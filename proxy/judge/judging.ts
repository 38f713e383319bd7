/**
 * What is gathered while a text is judged, and the refusal that it may come to.
 */
import { at, type Failure } from '../../kernel/failure.ts';
import type { Reason } from '../policy/decision.ts';
import type { Grants } from '../policy/grants.ts';
import type { Judged } from '../policy/judgement.ts';
import { characterAt } from '../sql/analyze.ts';

/** Of all statements of a text. */
export type Judging = {
  readonly kinds: readonly string[];
  readonly relations: Set<string>;
  readonly masked: Set<string>;
  readonly filtered: Set<string>;
  readonly policies: Set<string>;
  readonly reasons: Reason[];
  readonly rules: Set<string>;
};

/** What of the judge's surroundings a judgement names. */
export type JudgingContext = { readonly grants: Pick<Grants, 'policies'>; readonly revision: string };

/** What every judgement says. */
export const commonOf = (judging: Judging, context: JudgingContext) => ({
  kinds: judging.kinds,
  relations: [...judging.relations],
  masked: [...judging.masked],
  filtered: [...judging.filtered],
  policies: judging.policies.size > 0 ? [...judging.policies] : context.grants.policies,
  reasons: judging.reasons.map(({ failure }) => ({ code: failure.fields.code, message: failure.message })),
  rules: [...judging.rules],
  revision: context.revision,
});

/** The refusal of a text, for `failure`. */
export const refused = (failure: Failure, judging: Judging, context: JudgingContext): Judged => {
  const common = commonOf(judging, context);
  const own = { code: failure.fields.code, message: failure.message };
  return { ...common, reasons: common.reasons.length > 0 ? common.reasons : [own], decision: 'Deny', failure };
};

/** The first reason is the one that the agent is told; the record has all of them. */
export const refusedFor = (judging: Judging, bytes: Buffer, context: JudgingContext): Judged => {
  const first = judging.reasons.find((reason) => !reason.auditable) ?? judging.reasons[0]!;
  const position = first.location > 0 ? characterAt(bytes, first.location) : first.failure.fields.position;
  return refused(at(first.failure, position), judging, context);
};
