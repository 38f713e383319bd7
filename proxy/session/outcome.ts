import type { DetectedValues, StatementDecided } from '../../kernel/audit-record.ts';

/**
 * One statement from its arrival to its last answer, for metrics and log. No text and no value of it.
 */
export type Outcome = {
  readonly agent: string;
  readonly connection: string;
  readonly via: StatementDecided['via'];
  readonly decision: StatementDecided['decision'];
  /** `Refused`: by us, before it ran. */
  readonly result: 'Completed' | 'Failed' | 'Suspended' | 'Lost' | 'Refused';
  readonly kinds: readonly string[];
  /** Codes of the failures that refused it, or would have. */
  readonly reasons: readonly { readonly code: string }[];
  /** `namespace/name` of the policies that decided. */
  readonly policies: readonly string[];
  readonly masked: readonly string[];
  readonly filtered: readonly string[];
  /** Names of the rules that it met, before it ran or meanwhile. */
  readonly rules: readonly string[];
  /** What detectors found in its result. */
  readonly detected: readonly DetectedValues[];
  readonly rows: number;
  readonly bytes: number;
  /** Milliseconds from the message to the decision. */
  readonly decisionMs: number;
  /** Milliseconds from forwarding to the last answer; absent where nothing was forwarded. */
  readonly upstreamMs?: number | undefined;
  readonly sqlstate?: string | undefined;
  /** How often it told of what is hidden, by constraints. */
  readonly probes?: number | undefined;
};
