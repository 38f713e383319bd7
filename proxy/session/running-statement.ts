import type {
  DetectedValues,
  AuditParameter,
  AuditReason,
  AuditSession,
  StatementCompleted,
  StatementDecided,
} from '../../kernel/audit-record.ts';
import type { Failure } from '../../kernel/failure.ts';
import { type Allowed, type Judged, NO_TERMS, type PreparedByText } from '../policy/judgement.ts';
import type { Inspection, ResultShape } from '../detect/inspection.ts';
import type { FormatCode } from '../wire/bind.ts';
import type { Outcome } from './outcome.ts';
import type { ResultSize } from './result-limit.ts';

/** A text of the agent and what was made of it: what errors are mapped by, and records are written from. */
export type StatementText = {
  /** As it came, whole. */
  readonly sql: Buffer;
  /** Undefined for what was prepared by SQL, whose judgement is over. */
  readonly judged: Allowed | undefined;
  readonly prepared: PreparedByText;
};

/** How far a statement has come of which only its end tells whether it may stand: see `held-statement.ts`. */
export type Held = {
  /** The server waits for COPY data, so the client has to be heard. */
  copyIn: boolean;
  /** Of a Query: its CommandComplete or error, told when the transaction has ended, as PostgreSQL does. */
  end: Buffer | undefined;
  /** Of a Query: the Sync that ends it is on its way. */
  synced: boolean;
};

/** What is known and counted of a result, for all executions of a portal. */
export type RunningResult = { readonly size: ResultSize; readonly shape: ResultShape };

/** A Query, Parse or Execute between its decision and its last answer. */
export type RunningStatement = {
  readonly text: StatementText;
  readonly decided: StatementDecided;
  /** Milliseconds that deciding took. */
  readonly decisionMs: number;
  /** Set when it is forwarded, by the monotonic clock. */
  startedAt: number;
  rows: number;
  bytes: number;
  /** What its result counts to: that of the portal. */
  readonly size: ResultSize;
  sqlstate: string | undefined;
  serverMessage: string | undefined;
  /** We stopped it, and this is told in place of how it ends. */
  stopped: Failure | undefined;
  /** What is counted for rules, one for each statement of the text; empty where no rule counts. */
  watched: readonly ResultSize[];
  /** How often it told of what is hidden, by constraints. */
  probes: number;
  /** Names of the rules that it met while it ran. */
  rules: readonly string[];
  /** Set where only its end tells whether it may stand. */
  held: Held | undefined;
  /** Looks into its result; undefined where the policy asks for no such thing. */
  readonly inspection: Inspection | undefined;
};

/** What a judgement leaves to be remembered under a name. */
export const preparedBy = (judged: Allowed): PreparedByText => ({
  revision: judged.revision,
  keyed: judged.keyed,
  unfenced: judged.unfenced,
  withholdErrors: judged.withholdErrors,
  withholdInside: judged.withholdInside === true,
  open: judged.open ?? [],
  ...(judged.searchPath === undefined ? {} : { searchPath: judged.searchPath }),
  ...(judged.effects.some(({ type }) => type !== 'None') && { changesSession: true }),
  relations: judged.relations,
  masked: judged.masked,
  filtered: judged.filtered,
  policies: judged.policies,
  terms: judged.terms[0] ?? NO_TERMS,
});

/** The text is copied: a view would keep alive all that arrived with it. */
export const textOf = (sql: Buffer, judged: Allowed): StatementText => ({ sql: Buffer.from(sql), judged, prepared: preparedBy(judged) });

/** Values of a Bind as they are recorded; those compared with masked columns are not. */
export const recordedParameters = (
  values: readonly (Buffer | null)[],
  formats: readonly FormatCode[],
  masked: readonly number[],
): readonly AuditParameter[] =>
  values.map((value, index): AuditParameter => {
    if (value === null) {
      return { null: true };
    }
    if (masked.includes(index + 1)) {
      return { masked: true };
    }
    const format = formats.length === 1 ? formats[0] : formats[index];
    return format === 1 ? { binary: value.toString('base64') } : { text: value.toString('utf8') };
  });

/** About how many bytes recorded parameters take. */
export const weightOfParameters = (parameters: readonly AuditParameter[]): number =>
  parameters.reduce((sum, parameter) => {
    const { length } = 'text' in parameter ? parameter.text : 'binary' in parameter ? parameter.binary : '';
    return sum + 32 + length;
  }, 0);

type Decided = { readonly session: AuditSession; readonly statement: number; readonly via: StatementDecided['via'] };

const about = ({ session, statement, via }: Decided) =>
  ({ type: 'decision', session: session.id, agent: session.identity.agent, connection: session.connection, statement, via }) as const;

/** The record of a judgement, fresh or that of the statement which is executed. */
export const decisionRecord = (
  decided: Decided,
  sql: Buffer,
  judged: Judged,
  parameters?: readonly AuditParameter[],
): StatementDecided => ({
  ...about(decided),
  decision: judged.decision,
  kinds: judged.kinds,
  reasons: judged.reasons,
  policies: judged.policies,
  rules: judged.rules.length === 0 ? undefined : judged.rules,
  revision: judged.revision,
  sql: sql.toString('utf8'),
  sent: judged.decision === 'Deny' ? undefined : judged.recorded,
  relations: judged.relations,
  masked: judged.masked,
  filtered: judged.filtered,
  parameters,
});

/** The record of running what was prepared, or declared, by SQL text. */
export const preparedRecord = (decided: Decided, text: StatementText, parameters: readonly AuditParameter[]): StatementDecided => ({
  ...about(decided),
  decision: 'Allow',
  kinds: ['Execute'],
  reasons: [],
  policies: text.prepared.policies,
  revision: text.prepared.revision,
  sql: text.sql.toString('utf8'),
  relations: text.prepared.relations,
  masked: text.prepared.masked,
  filtered: text.prepared.filtered,
  parameters,
});

type Refusal = { readonly kind: string; readonly failure: Failure; readonly sql: Buffer; readonly revision: string };

/** The record of a refusal that no judgement of a text made. */
export const refusalRecord = (decided: Decided, refusal: Refusal): StatementDecided => ({
  ...about(decided),
  decision: 'Deny',
  kinds: [refusal.kind],
  reasons: [reasonOf(refusal.failure)],
  policies: [],
  revision: refusal.revision,
  sql: refusal.sql.toString('utf8'),
  relations: [],
  masked: [],
  filtered: [],
});

/** A decision that could not stand: the quota is used up, the record cannot be written. */
export const overruled = (decided: StatementDecided, failure: Failure): StatementDecided => ({
  ...decided,
  decision: 'Deny',
  reasons: [reasonOf(failure)],
});

const reasonOf = (failure: Failure): AuditReason => ({ code: failure.fields.code, message: failure.message });

const detectedBy = ({ inspection }: RunningStatement): readonly DetectedValues[] | undefined => {
  const detected = inspection?.detected;
  return detected === undefined || detected.length === 0 ? undefined : detected;
};

export const completionRecord = (
  session: AuditSession,
  running: RunningStatement,
  outcome: StatementCompleted['outcome'],
  now: number,
): StatementCompleted => ({
  type: 'completion',
  session: session.id,
  statement: running.decided.statement,
  outcome,
  rows: running.rows,
  bytes: running.bytes,
  duration: Math.max(0, now - running.startedAt),
  sqlstate: running.sqlstate,
  rules: running.rules.length === 0 ? undefined : running.rules,
  probes: running.probes === 0 ? undefined : running.probes,
  detected: detectedBy(running),
  serverMessage: running.serverMessage,
});

/** The outcome of a statement from its two records; `completed` undefined: it was refused. */
export const outcomeOf = (decided: StatementDecided, completed: StatementCompleted | undefined, decisionMs: number): Outcome => ({
  agent: decided.agent,
  connection: decided.connection,
  via: decided.via,
  decision: decided.decision,
  result: completed?.outcome ?? 'Refused',
  kinds: decided.kinds,
  reasons: decided.reasons,
  policies: decided.policies,
  masked: decided.masked,
  filtered: decided.filtered,
  detected: completed?.detected ?? NO_FINDS,
  rows: completed?.rows ?? 0,
  bytes: completed?.bytes ?? 0,
  rules: rulesMet(decided.rules, completed?.rules),
  decisionMs,
  upstreamMs: completed?.duration,
  sqlstate: completed?.sqlstate,
  probes: completed?.probes,
});

const NO_FINDS: readonly DetectedValues[] = [];

const NO_RULES: readonly string[] = [];

const rulesMet = (before = NO_RULES, meanwhile = NO_RULES): readonly string[] =>
  meanwhile.length === 0 ? before : [...new Set([...before, ...meanwhile])];
