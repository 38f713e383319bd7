/**
 * What a session is given: everything that does I/O, decides, or remembers beyond one connection. `main.ts` fills it in.
 */
import type { AuditReceipt, AuditRecord } from '../../kernel/audit-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { Identity } from '../../kernel/identity.ts';
import type { Limits } from '../../kernel/policy.ts';
import type { Detectors } from '../detect/detectors.ts';
import type { Judge } from '../policy/judgement.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Outcome } from './outcome.ts';
import type { MemoryPool } from './session-memory.ts';

/** The server session of this client session. */
export type SessionUpstream = Omit<Upstream, 'backendPid' | 'localPort'>;

/** Makes records durable: resolves when they are, rejects with `Failure` (audit unavailable) and has then kept none of them. */
export type SessionAudit = { readonly append: (records: readonly AuditRecord[]) => Promise<AuditReceipt> };

/** Probes of one agent over all of its sessions: see `probes.ts`. */
export type AgentProbes = { readonly left: () => number; readonly spend: (count: number) => void };

/** What an identity may use: one connection under the policies in force. */
export type Access = {
  /** `namespace/name` of the DatabaseConnection. */
  readonly connection: string;
  readonly judge: Judge;
  readonly audit: SessionAudit;
  /** Asked at each notice: policies change while a session lives. */
  readonly notices: () => 'Forward' | 'Withhold';
  readonly limits: () => Limits;
  /** Asked for each statement; undefined: its values are not looked into. */
  readonly detectors?: () => Detectors | undefined;
  /** Asked for each statement, also one that will be refused: a quota may be used up. Absent: there is none. */
  readonly admit?: () => Failure | undefined;
  readonly probes: AgentProbes;
  /** Judges one setting of the startup packet or of its `options`; undefined: passed on to the server. */
  readonly startupSetting: (name: string, value: string) => Failure | undefined;
  /** The schemas that a search_path given at startup means: resolves `$user`. */
  readonly resolveSearchPath: (names: readonly string[]) => readonly string[];
  /** Rejects with `Failure` only. */
  readonly openUpstream: (parameters: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<SessionUpstream>;
  /** Aborted with a `Failure` as reason when the access ends: revoked, expired. */
  readonly ended: AbortSignal;
};

/** One step of finding out who connects; `proxy/identity` makes it. */
export type AuthenticationStep =
  | { readonly type: 'Continue'; readonly messages: readonly Buffer[] }
  /** The last of `messages` is AuthenticationOk. */
  | { readonly type: 'Done'; readonly messages: readonly Buffer[]; readonly identity: Identity };

export type Authenticator = {
  readonly start: () => AuthenticationStep;
  /** `body` of the client's 'p' message. Rejects with `Failure`. */
  readonly respond: (body: Buffer) => Promise<AuthenticationStep>;
};

/** A line for the operator's log; never SQL. */
export type SessionLog = (event: string, details: Readonly<Record<string, unknown>>) => void;

export type SessionDependencies = {
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  readonly log: SessionLog;
  readonly observe: (outcome: Outcome) => void;
  /** Told of each statement and session that a limit refused or ended; undefined: it was none. */
  readonly limited: (limit: string | undefined) => void;
  /** Why nobody is let in at present; undefined: that depends on who it is. */
  readonly refusal?: () => Failure | undefined;
  /** Who connects: SCRAM, or an authenticator that is done at its start. */
  readonly authenticate: (user: string, encrypted: boolean) => Authenticator;
  /** Told where a login failed, for the record. */
  readonly authenticationFailed: (user: string, clientAddress: string, reason: string) => void;
  readonly openAccess: (identity: Identity, database: string, user: string) => Access | Failure | Promise<Access | Failure>;
  /** Largest message of a client, in bytes. */
  readonly messageLimit: number;
  /** Bytes that any session may hold, whatever its policy says. */
  readonly sessionMemory: number;
  /** Bytes that all sessions may hold together. */
  readonly memory: MemoryPool;
  /** Milliseconds that a client may leave results waiting; 0: for ever. */
  readonly sendTimeout: number;
};
