/**
 * The budget of probes: writes that told something of rows or columns that the agent may not see.
 */
import type { Failure } from '../../kernel/failure.ts';
import { probesExhausted } from '../../kernel/limit-failure.ts';
import { type Limits, PROBES } from '../../kernel/policy.ts';
import type { RunningTerms, Telling } from '../policy/judgement.ts';
import { raisedFailure } from '../policy/raise.ts';
import type { ResponseFields } from '../wire/error-response.ts';
import type { AgentProbes } from './dependencies.ts';
import type { Expectation } from './expectations.ts';
import type { StatementText } from './running-statement.ts';
import { rowsAffected } from './watches.ts';

/** Integrity constraints, but for NOT NULL: it looks at what was given and nothing else. */
const VIOLATION = /^23(?!502)/;
/** Errors of what is computed: data exceptions, limits, and NULL where a generated column may not be. */
const COMPUTATION = /^(22|54|23502)/;
/** What deferred constraints are checked by. */
const DEFERRED_ENDS = new Set(['Transaction', 'ConstraintsSet']);

/** Counts those of one session, and asks the agent's own count. */
export class Probes {
  readonly #limits: () => Limits;
  readonly #agent: AgentProbes;
  #spent = 0;

  constructor(limits: () => Limits, agent: AgentProbes) {
    this.#limits = limits;
    this.#agent = agent;
  }

  /** Why a statement that could tell may not run; what is counted whatever its end is counted here. */
  admit(terms: readonly RunningTerms[]): Failure | undefined {
    const tellings = terms.flatMap(({ telling }) => telling ?? []);
    if (tellings.length === 0) {
      return undefined;
    }
    const upfront = tellings.reduce((sum, telling) => sum + telling.upfront, 0);
    const proposed = tellings.reduce((sum, telling) => sum + telling.proposed, 0);
    const needed = Math.max(1, upfront + proposed);
    const failure = this.#lacking(needed);
    if (failure === undefined && upfront > 0) {
      this.spend(upfront);
    }
    return failure;
  }

  /** Counts what has been told; the failure that ends the session where that is too much. */
  spend(count: number): Failure | undefined {
    const failure = this.#lacking(count);
    this.#spent += count;
    this.#agent.spend(count);
    return failure;
  }

  #lacking(needed: number): Failure | undefined {
    const { probesPerSession = PROBES.probesPerSession, probesPerHour = PROBES.probesPerHour } = this.#limits();
    if (this.#spent + needed > probesPerSession) {
      return probesExhausted('probesPerSession', probesPerSession, needed);
    }
    return this.#agent.left() < needed ? probesExhausted('probesPerHour', probesPerHour, needed) : undefined;
  }
}

const tellingsOf = (text: StatementText | undefined): readonly Telling[] =>
  text === undefined ? [] : (text.judged?.terms ?? [text.prepared.terms]).flatMap(({ telling }) => telling ?? []);

/** May violations of deferred constraints, which come later, tell of what this text has written? */
export const tellsLater = (text: StatementText | undefined): boolean => tellingsOf(text).some(({ constraints }) => constraints.length > 0);

/** Did the error tell? `later`: so did an earlier statement of the transaction, by constraints that may have been deferred. */
export const toldByError = (fields: ResponseFields, { sent, text, running }: Expectation, later: boolean): number => {
  const sqlstate = fields.get('C') ?? '';
  const tellings = tellingsOf(text);
  if (tellings.some(({ computes }) => computes) && COMPUTATION.test(sqlstate)) {
    return 1;
  }
  // ON CONFLICT DO UPDATE has met a hidden row.
  const isConflict = raisedFailure(sqlstate, fields.get('M'))?.fields.code === 'row-filter-violated';
  if (!isConflict && !VIOLATION.test(sqlstate)) {
    return 0;
  }
  const name = fields.get('n');
  if (tellings.some(({ constraints }) => (name === undefined ? constraints.length > 0 : constraints.includes(name)))) {
    return 1;
  }
  const ends = sent === 'Sync' || (running?.decided.kinds.some((kind) => DEFERRED_ENDS.has(kind)) ?? false);
  return later && ends && !isConflict ? 1 : 0;
};

/** How many rows ON CONFLICT DO NOTHING has left out, by the tag. */
export const toldByTag = ({ telling }: RunningTerms, tag: string): number =>
  telling === undefined || telling.proposed === 0 ? 0 : Math.max(0, telling.proposed - rowsAffected(tag));
