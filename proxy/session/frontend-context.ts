import type { AuditSession, StatementDecided } from '../../kernel/audit-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { Detectors } from '../detect/detectors.ts';
import type { Judge, RunningTerms } from '../policy/judgement.ts';
import type { ServerState } from './session-state.ts';

/** What reading the client needs of its session. */
export type FrontendContext = {
  readonly session: AuditSession;
  readonly judge: Judge;
  readonly state: ServerState;
  readonly clock: Clock;
  /** Sends what the batch holds, and resolves when everything before the segment at hand is answered. */
  readonly settle: () => Promise<void>;
  /** Sends what the batch holds, and resolves when all that was sent is answered, or once `until` is true. */
  readonly answered: (until: () => boolean) => Promise<void>;
  /** What is looked for in the results of what is let through now. */
  readonly detectors: () => Detectors | undefined;
  /** Counts a statement; why it is one too many. */
  readonly admit: () => Failure | undefined;
  /** Why a statement on these terms could tell too much. */
  readonly admitTelling: (terms: readonly RunningTerms[]) => Failure | undefined;
  /** Why nothing more can be remembered for the session. */
  readonly full: () => Failure | undefined;
  /** Told of each refusal: nothing of it will be answered by a completion. */
  readonly refused: (decided: StatementDecided, decisionMs: number, refusal: Failure) => void;
};
