/**
 * What judging a text yields: the one value that everything after the decision works with. Nothing later looks at SQL or policy again.
 */
import type { Failure } from '../../kernel/failure.ts';
import type { AuditReason } from '../../kernel/audit-record.ts';
import type { CatalogChange } from '../catalog/catalog-change.ts';

/** What a session has defined and others do not see: what it has not committed, and its temporary relations. */
export type Uncommitted = {
  /** In force, in order. */
  readonly changes: readonly CatalogChange[];
  /** Those that a ROLLBACK leaves. */
  readonly kept: readonly CatalogChange[];
  /** Those made since the first definition: any other goes back to what was before it. */
  readonly savepoints: readonly { readonly name: string; readonly changes: readonly CatalogChange[] }[];
  /** The transaction failed: COMMIT will roll back. */
  readonly failed: boolean;
};

/** One replacement in the agent's text: bytes `start` to `end` (exclusive, UTF-8) became `text`. Sorted, never overlapping. */
export type Edit = { readonly start: number; readonly end: number; readonly text: string };

/** What a statement does to the session, apart from its rows. The session applies it when the server confirms the statement. */
export type StatementEffect =
  | { readonly type: 'None' }
  | { readonly type: 'Prepare'; readonly name: string; readonly prepared: PreparedByText }
  /** EXECUTE, and EXPLAIN of it. */
  | { readonly type: 'Execute'; readonly name: string }
  /** `name` undefined: ALL. */
  | { readonly type: 'Deallocate'; readonly name: string | undefined }
  | { readonly type: 'Declare'; readonly name: string; readonly prepared: PreparedByText }
  | { readonly type: 'Fetch'; readonly name: string }
  | { readonly type: 'CloseCursor'; readonly name: string | undefined }
  /** `path` undefined: back to the session's default. `local`: until the end of the transaction. */
  | { readonly type: 'SetSearchPath'; readonly path: readonly string[] | undefined; readonly local: boolean }
  | { readonly type: 'ResetAll' }
  /** The catalog is another one afterwards, for the session alone until it commits. */
  | { readonly type: 'Define'; readonly changes: readonly CatalogChange[] }
  | { readonly type: 'DiscardAll' }
  | { readonly type: 'DiscardTemporary' }
  | {
      readonly type: 'Transaction';
      readonly action: 'Begin' | 'Commit' | 'Rollback' | 'Savepoint' | 'Release' | 'RollbackTo';
      readonly name: string | undefined;
      /** COMMIT/ROLLBACK AND CHAIN. */
      readonly chain: boolean;
    };

/**
 * What the session counts while the statement runs, by a rule whose other conditions hold. Over the figure, `Deny` ends the statement
 * and has it undone; `Audit` marks its record.
 */
export type Watch = {
  readonly rule: string;
  /** Key of the rule's policy. */
  readonly policy: string;
  readonly action: 'Deny' | 'Audit' | 'RequireApproval';
  readonly counts: 'RowsReturned' | 'BytesReturned' | 'RowsAffected';
  readonly over: number;
};

/**
 * What a write tells of rows and columns that the agent may not see, by whether a constraint lets it through: each time that it does is
 * a probe, and `limits` has a budget of them.
 */
export type Telling = {
  /** Names of the constraints whose violation tells. */
  readonly constraints: readonly string[];
  /** Rows that ON CONFLICT DO NOTHING may leave out for them; the tag says how many it did not. */
  readonly proposed: number;
  /** Probes whatever its end: it tells by succeeding as well, or the tag does not say what it has left out. */
  readonly upfront: number;
  /** Something is computed of hidden columns and written ones, whose errors tell. */
  readonly computes: boolean;
};

/** What of a statement lasts until it runs, wherever it is run from. */
export type RunningTerms = {
  readonly telling?: Telling;
  readonly watches: readonly Watch[];
  /**
   * The statement returns rows for our own sake (a RETURNING that checks the row filter): the client gets neither them nor their
   * description.
   */
  readonly hidesResult: boolean;
};

/** What is remembered of a statement prepared, or a cursor declared, by SQL text. */
export type PreparedByText = {
  /** Revision it was judged under; another revision means it has to be made again. */
  readonly revision: string;
  /** A keyed mask is inside: EXPLAIN EXECUTE would show the key. */
  readonly keyed: boolean;
  /** Hidden rows meet a condition of the agent's, or hidden columns may lie in a node's memory: EXPLAIN ANALYZE EXECUTE would measure them. */
  readonly unfenced: boolean;
  readonly withholdErrors: boolean;
  /** It writes a relation of which the policy hides columns: errors from inside of triggers and functions may print them. */
  readonly withholdInside?: boolean;
  /** `schema.name` of what it writes and the agent may see whole: an error may print rows of these. */
  readonly open?: readonly string[];
  /** The search_path that it was judged under, where that says what its names stand for. */
  readonly searchPath?: readonly string[];
  /** It changes what is followed of the session. Parse prepares what PREPARE does not. */
  readonly changesSession?: boolean;
  readonly relations: readonly string[];
  readonly masked: readonly string[];
  readonly filtered: readonly string[];
  readonly policies: readonly string[];
  readonly terms: RunningTerms;
};

type Common = {
  /** Statement kinds in order, as PostgreSQL's node names without `Stmt`: `Select`, `Transaction`, ... Bounded vocabulary: metrics labels. */
  readonly kinds: readonly string[];
  readonly relations: readonly string[];
  /** `schema.relation.column` of masked columns in reach. */
  readonly masked: readonly string[];
  /** Relations with a row filter. */
  readonly filtered: readonly string[];
  /** Keys of the policies that granted or were asked. */
  readonly policies: readonly string[];
  readonly reasons: readonly AuditReason[];
  /** Names of the rules that refused it, or let it through and mark its record. */
  readonly rules: readonly string[];
  readonly revision: string;
};

export type Allowed = Common & {
  /** `AuditOnly`: would have been refused, let through by `mode: Audit`. */
  readonly decision: 'Allow' | 'AuditOnly';
  /** The text to forward. */
  readonly sent: string;
  /** `sent` without keys of masks, for the audit record; undefined where nothing was rewritten. */
  readonly recorded: string | undefined;
  readonly edits: readonly Edit[];
  /** One per statement of the text, in order. */
  readonly effects: readonly StatementEffect[];
  /** One per statement of the text, in order. */
  readonly terms: readonly RunningTerms[];
  /** Server errors of this text may print raw values (a filter or expression of the policy can raise them). */
  readonly withholdErrors: boolean;
  /** The policies show the agent every relation whole. */
  readonly hidesNothing?: boolean;
  /** Of relations that it writes and the agent sees in part, by `relationKey`: columns that are read as they are. */
  readonly shown?: Readonly<Record<string, readonly string[]>>;
  /** Of a text of several statements: those of which this is so, by their number from 0. */
  readonly withheld?: readonly number[];
  /** It writes a relation of which the policy hides columns: errors from inside of triggers and functions may print them. */
  readonly withholdInside?: boolean;
  /** `schema.name` of what it writes and the agent may see whole: an error may print rows of these. */
  readonly open?: readonly string[];
  /** The search_path that it was judged under, where that says what its names stand for. */
  readonly searchPath?: readonly string[];
  readonly keyed: boolean;
  readonly unfenced: boolean;
  /** 1-based numbers of parameters that meet a masked column: recorded as masked. */
  readonly maskedParameters: readonly number[];
};

export type Refused = Common & { readonly decision: 'Deny'; readonly failure: Failure };

export type Judged = Allowed | Refused;

/** Nothing to count, nothing to hide. */
export const NO_TERMS: RunningTerms = { watches: [], hidesResult: false };

const isSamePath = (one: readonly string[], other: readonly string[]): boolean =>
  one === other || (one.length === other.length && one.every((schema, index) => schema === other[index]));

/** Do its names stand for the same under this search_path? `schemas`: those that are there, of which alone that depends. */
export const isOfPath = (
  { searchPath }: Pick<PreparedByText, 'searchPath'>,
  path: readonly string[],
  schemas?: ReadonlySet<string>,
): boolean => {
  if (searchPath === undefined || isSamePath(searchPath, path)) return true;
  if (schemas === undefined) return false;
  const there = (names: readonly string[]): readonly string[] => names.filter((name) => schemas.has(name));
  return isSamePath(there(searchPath), there(path));
};

/** What judging needs to know of the session. */
export type SessionState = {
  /** The session's search_path as schema names, `$user` already resolved, `pg_catalog` not listed unless the agent listed it. */
  readonly searchPath: readonly string[];
  /** Oids of the types that a Parse message declares for its parameters; 0 where it leaves one open. */
  readonly parameterTypes?: readonly number[];
  /** What its open transaction has defined, and its temporary relations. */
  readonly uncommitted?: Uncommitted;
  /** Statements known by name, both from PREPARE and from Parse messages: PostgreSQL keeps one namespace for both. */
  readonly prepared: (name: string) => PreparedByText | undefined;
  /** Cursors and portals by name: likewise one namespace. */
  readonly cursor: (name: string) => PreparedByText | undefined;
};

/**
 * Judges texts for one agent on one connection. The session asks it for each Query and Parse.
 */
export type Judge = {
  /** Changes whenever a judgement could: bundle, catalog. */
  readonly revision: () => string;
  /** Told that a transaction that defined something has ended. */
  readonly defined?: () => void;
  /** Resolves once the catalog is read again after that; undefined where nothing is waited for. Never rejects. */
  readonly renewing?: () => Promise<void> | undefined;
  /** The search_path a new server session has. */
  readonly defaultSearchPath: () => readonly string[];
  /** `bytes`: the statement as it came, without the closing NUL. Never throws and never rejects: a fault of ours is a refusal. */
  readonly judge: (bytes: Buffer, via: 'Query' | 'Parse', state: SessionState) => Judged | Promise<Judged>;
};
