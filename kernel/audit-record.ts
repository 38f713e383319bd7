/**
 * The audit records, as they stand in the log: one JSON object a line. The store adds `seq`, `time`, `prev` and `hash`.
 */
import type { Identity } from './identity.ts';

export type AuditSession = {
  /** Random, unique per session. */
  readonly id: string;
  readonly identity: Identity;
  /** `namespace/name` of the DatabaseConnection. */
  readonly connection: string;
  readonly database: string;
  readonly clientAddress: string;
  readonly applicationName: string;
};

/** A bound parameter as recorded. `masked`: it was compared with a masked column. */
export type AuditParameter = { readonly text: string } | { readonly binary: string } | { readonly null: true } | { readonly masked: true };

export type AuditReason = { readonly code: string; readonly message: string };

export type SessionStarted = { readonly type: 'session-started'; readonly session: AuditSession; readonly revision: string };

export type SessionEnded = {
  readonly type: 'session-ended';
  readonly session: string;
  readonly reason: string;
};

/** Written, and durable, before anything of the statement is forwarded. */
export type StatementDecided = {
  readonly type: 'decision';
  readonly session: string;
  readonly agent: string;
  readonly connection: string;
  /** Unique within the session; the completion names it. */
  readonly statement: number;
  /** Which message carried it. */
  readonly via: 'Query' | 'Parse' | 'Execute' | 'Other';
  readonly decision: 'Allow' | 'Deny' | 'AuditOnly';
  readonly kinds: readonly string[];
  readonly reasons: readonly AuditReason[];
  readonly policies: readonly string[];
  /** Names of the rules that refused it, or let it through and mark it; absent where there is none. */
  readonly rules?: readonly string[] | undefined;
  readonly revision: string;
  /** The agent's text, whole. */
  readonly sql: string;
  /** The text that was sent instead; absent where nothing was rewritten. Keys of masks are left out. */
  readonly sent?: string | undefined;
  readonly relations: readonly string[];
  /** `schema.relation.column` of each masked column in reach. */
  readonly masked: readonly string[];
  readonly filtered: readonly string[];
  readonly parameters?: readonly AuditParameter[] | undefined;
};

/** What detectors found in one place, and what was done about it. Never a value. */
export type DetectedValues = {
  readonly kind: string;
  readonly action: 'Report' | 'Mask' | 'Block';
  /** Key of the policy that asks for it. */
  readonly policy: string;
  /** Name of a result's column; `error` and `notice` for what the server said. */
  readonly column: string;
  readonly count: number;
};

export type StatementCompleted = {
  readonly type: 'completion';
  readonly session: string;
  readonly statement: number;
  readonly outcome: 'Completed' | 'Failed' | 'Suspended' | 'Lost';
  readonly rows: number;
  readonly bytes: number;
  /** Milliseconds from forwarding to the last answer. */
  readonly duration: number;
  readonly sqlstate?: string | undefined;
  /** Names of the rules that it met while it ran: that ended it, or only mark it. */
  readonly rules?: readonly string[] | undefined;
  /** How often it told of rows or columns that the agent may not see, by constraints: see `limits.probesPerHour`. */
  readonly probes?: number | undefined;
  /** What detectors found in its result; absent where there was nothing. */
  readonly detected?: readonly DetectedValues[] | undefined;
  /** The server's own message, unredacted, where the agent got another one. */
  readonly serverMessage?: string | undefined;
};

export type AuthenticationFailed = {
  readonly type: 'authentication-failed';
  readonly user: string;
  readonly clientAddress: string;
  readonly reason: string;
};

export type AuditRecord = SessionStarted | SessionEnded | StatementDecided | StatementCompleted | AuthenticationFailed;

/** First line of each segment file; its `prev` is the hash of the last line of the segment before. */
export type SegmentStarted = { readonly type: 'segment'; readonly version: 1; readonly segment: number };

/** The store went on after something that it could not write whole; what was dropped had never been acknowledged. */
export type StoreRecovered = {
  readonly type: 'recovered';
  /** `Torn`: found when the store was opened. `WriteFailed`: the disk refused a write while the store was open. */
  readonly cause: 'Torn' | 'WriteFailed';
  /** Bytes cut off the end of the segment. */
  readonly bytes: number;
  /** Appends that were refused meanwhile. */
  readonly refused: number;
};

/** What a line can hold: the records of sessions, and the store's own. */
export type StoredRecord = AuditRecord | SegmentStarted | StoreRecovered;

/**
 * Proof that records are durable. Only the audit store can make one: `upstream.send` asks for it,
 * so forwarding without a record does not compile.
 */
declare const receiptBrand: unique symbol;
export type AuditReceipt = { readonly [receiptBrand]: true; readonly sequence: number };
