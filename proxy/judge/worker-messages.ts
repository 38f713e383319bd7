/**
 * What the main thread and the thread that judges large texts tell each other. All of it is data that can be copied.
 */
import type { FailureFields } from '../../kernel/failure.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Estimable } from '../catalog/row-estimator.ts';
import type { Grants } from '../policy/grants.ts';
import type { Allowed, PreparedByText, Refused, Uncommitted } from '../policy/judgement.ts';

/** `SessionState` with the names that have been asked for so far. */
export type CopiedState = {
  readonly searchPath: readonly string[];
  readonly uncommitted: Uncommitted | undefined;
  readonly parameterTypes: readonly number[] | undefined;
  readonly prepared: ReadonlyMap<string, PreparedByText | undefined>;
  readonly cursors: ReadonlyMap<string, PreparedByText | undefined>;
};

export type ToWorker =
  | {
      readonly type: 'Judge';
      readonly bytes: Uint8Array;
      readonly via: 'Query' | 'Parse';
      readonly state: CopiedState;
      /** Undefined: the one of the last time. */
      readonly catalog: Catalog | undefined;
      readonly grants: Grants;
      readonly revision: string;
    }
  | { readonly type: 'Answer'; readonly question: number; readonly answer: unknown }
  /** The question could not be answered; `failure` undefined: a fault, which has been reported. */
  | { readonly type: 'NoAnswer'; readonly question: number; readonly failure: FailureFields | undefined };

/** A judgement whose failure is data. */
export type CopiedJudgement = {
  readonly judged: Allowed | (Omit<Refused, 'failure'> & { readonly failure: FailureFields });
  readonly cacheable: boolean;
  readonly unknownNames: boolean;
  readonly defines: boolean;
};

export type FromWorker =
  | { readonly type: 'Judged'; readonly judgement: CopiedJudgement }
  /** It depends on what these names stand for: to be asked again with them. */
  | { readonly type: 'NamesWanted'; readonly prepared: readonly string[]; readonly cursors: readonly string[] }
  | { readonly type: 'Probe'; readonly question: number; readonly sql: string }
  | { readonly type: 'Estimate'; readonly question: number; readonly statement: Estimable }
  | { readonly type: 'Fault'; readonly stack: string };
