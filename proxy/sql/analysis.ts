/**
 * What a statement touches, by its syntax alone: every relation that is not a CTE, every function, operator, type and
 * column reference, and what the statement does to the session. Locations are UTF-8 byte offsets in the whole text.
 */
import type { Definition } from './definition.ts';
import type { Tree } from './tree.ts';

/** A relation named in FROM (or by COPY), after SQL's scoping rules ruled out a CTE. */
export type RelationReference = {
  readonly database: string | undefined;
  readonly schema: string | undefined;
  readonly name: string;
  readonly location: number;
  /** ONLY: without inheritance children. */
  readonly only: boolean;
  readonly alias: string | undefined;
  /** `AS t(a, b)`. */
  readonly columnAliases: boolean;
  readonly sampled: boolean;
  /** It stands in the text as a call of this function, whose rows are those of the relation. */
  readonly calledAs?: string;
  /** A WITH item of that name cannot be seen from here: a later one, or without RECURSIVE the one that it stands in. */
  readonly ahead?: boolean;
};

/**
 * One name in a query's FROM clause. `Query`: a row of no named type, as of a sub-query, a CTE or a join. `Target`: the relation that a
 * statement writes; `Version`: its rows under another name, as `excluded`, `old` and `new`.
 */
export type FromItem = {
  readonly type: 'Relation' | 'Query' | 'Function' | 'Target' | 'Version';
  readonly name: string | undefined;
  readonly reference: RelationReference | undefined;
  readonly columnAliases: boolean;
  /** Behind the alias of a join, which hides it from the rest of the query. */
  readonly covered?: boolean;
  /** Relations that a sub-query takes its rows from: a locking clause reaches them. */
  readonly within?: readonly RelationReference[];
};

export type ColumnUse = {
  /** `['u', 'ssn']`; without the star. */
  readonly fields: readonly string[];
  readonly star: boolean;
  readonly location: number;
  readonly level: QueryLevel;
  /** Levels in whose FROM clause it stands, where not every item of the level is in sight. */
  readonly partial: readonly QueryLevel[];
};

export type GroupItem =
  | { readonly type: 'Column'; readonly fields: readonly string[]; readonly location: number }
  | { readonly type: 'Ordinal'; readonly ordinal: number; readonly location: number };

/** One SELECT with its own FROM clause. */
export type QueryLevel = {
  readonly parent: QueryLevel | undefined;
  readonly items: FromItem[];
  /** Plain columns and ordinals of GROUP BY; undefined where there is none or it has grouping sets. */
  groupBy: readonly GroupItem[] | undefined;
  /** The select list, as far as GROUP BY can name it. */
  targets: readonly SelectTarget[];
};

/** An entry of a select list: the name it has, and the column that it is, if it is one. */
export type SelectTarget = { readonly name: string | undefined; readonly column: readonly string[] | undefined };

export type FunctionUse = {
  readonly schema: string | undefined;
  readonly name: string;
  /** Constant arguments as text; undefined where an argument is not a constant. */
  readonly constants: readonly (string | undefined)[];
  /** The first argument of a plain call. */
  readonly first?: FirstArgument;
  /** `SELECT f(name) FROM pg_settings WHERE name = 'x'`: what the first argument can only be. */
  readonly settled?: string;
  /** It is the method of TABLESAMPLE. */
  readonly samples?: true;
  readonly location: number;
};

/**
 * What a guard can be put around. `Untyped`: a string or a parameter, which takes its type from where it stands. `Guarded`: it is a
 * CASE, and where that begins. `parameter`: it is one, also as `$1::text`.
 */
export type FirstArgument =
  | { readonly type: 'Untyped' | 'Column' | 'Other'; readonly parameter?: true }
  | { readonly type: 'Guarded'; readonly location: number };

export type NameUse = { readonly schema: string | undefined; readonly name: string; readonly location: number };

/** `(expression).field`, which may call a function. */
export type FieldUse = { readonly name: string; readonly location: number };

/** A bound parameter and the columns it stands in one operator with. */
export type ParameterUse = { readonly parameter: number; readonly columns: readonly string[] };

/** A column of the target that gets a value. */
export type Assignment = {
  readonly column: string;
  /** Of its name. */
  readonly location: number;
  /** `SET a[1] = ...`, `SET a.b = ...`: a part of it. */
  readonly partial: boolean;
  /** Undefined where a sub-query gives several at once. */
  readonly value: Tree | undefined;
  /** Of `(a, b) = ...`: which it is, from 1, and of how many. */
  readonly part: { readonly number: number; readonly of: number } | undefined;
};

/** What new rows are given: names, or the first `count` columns (undefined: all). `parameters`: where the value is one, by name or place. */
export type GivenColumns = (
  | { readonly type: 'Named'; readonly columns: readonly string[] }
  | { readonly type: 'First'; readonly count: number | undefined }
) & { readonly parameters: readonly { readonly column: string | number; readonly parameter: number }[] };

export type ConflictClause = {
  readonly action: 'Nothing' | 'Update';
  /** Of ON. */
  readonly location: number;
  /** Plain columns that the index is inferred from; expressions are in `Analysis.columns`. */
  readonly columns: readonly string[];
  /** ON CONSTRAINT. */
  readonly constraint: string | undefined;
  /** What expressions of the index stand in. */
  readonly level: QueryLevel;
  readonly where: Tree | undefined;
};

/** WHEN ... THEN of MERGE. */
export type MergeAction = {
  readonly when: 'Matched' | 'NotMatchedByTarget' | 'NotMatchedBySource';
  readonly action: 'Insert' | 'Update' | 'Delete' | 'Nothing';
  readonly condition: Tree | undefined;
};

/** A relation that the statement, or a part of it in WITH, writes. */
/** A function as it is called. */
export type CalledName = { readonly schema: string | undefined; readonly name: string };

export type Write = {
  readonly command: 'Insert' | 'Update' | 'Delete' | 'Merge' | 'CopyIn';
  readonly reference: RelationReference;
  /** One for each way in which rows are made: INSERT, each INSERT of MERGE, COPY. */
  readonly inserts: readonly GivenColumns[];
  /** SET of UPDATE, of ON CONFLICT DO UPDATE, and of MERGE. */
  readonly updates: readonly Assignment[];
  readonly deletes: boolean;
  /** Of UPDATE and DELETE. */
  readonly where: Tree | undefined;
  /** What finds rows of the target: WHERE of UPDATE and DELETE, ON of MERGE, and the names in sight of it. */
  readonly reach: { readonly condition: Tree | undefined; readonly level: QueryLevel } | undefined;
  /** INSERT takes its rows from a query other than VALUES. */
  readonly fromQuery: boolean;
  /** Of INSERT: rows of VALUES, or DEFAULT VALUES. */
  readonly rows: number;
  /** What those of VALUES call. */
  readonly calls: readonly CalledName[];
  /** ON CONFLICT DO UPDATE. */
  readonly upsert: boolean;
  readonly conflict: ConflictClause | undefined;
  readonly merge: readonly MergeAction[];
  /** ResTarget nodes. */
  readonly returning: readonly Tree[] | undefined;
  /** Names in sight of RETURNING. */
  readonly returningLevel: QueryLevel | undefined;
  /** The statement itself, not a part of it in WITH. */
  readonly outermost: boolean;
};

/** FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE or FOR KEY SHARE of one query, and what it locks. */
export type Lock = {
  readonly strength: 'Update' | 'NoKeyUpdate' | 'Share' | 'KeyShare';
  /** Names after OF. */
  readonly of: readonly string[];
  readonly references: readonly RelationReference[];
};

/** Columns that a write assigns, once each; undefined where it gives whole rows without naming columns. */
export const assignedColumns = ({ inserts, updates }: Write): readonly string[] | undefined => {
  const columns = new Set(updates.map(({ column }) => column));
  for (const given of inserts) {
    if (given.type === 'First') return undefined;
    for (const column of given.columns) columns.add(column);
  }
  return [...columns];
};

export type TransactionAction = 'Begin' | 'Commit' | 'Rollback' | 'Savepoint' | 'Release' | 'RollbackTo';

/** What the statement is, beyond the objects it touches. */
export type StatementForm =
  | { readonly type: 'Query' }
  /** `analyzed`: what it explains is run. */
  | { readonly type: 'Explain'; readonly execute: string | undefined; readonly analyzed: boolean }
  | { readonly type: 'CopyOut'; readonly relation: RelationReference | undefined; readonly columns: readonly string[] | undefined }
  | { readonly type: 'CopyIn' }
  /** In ACCESS SHARE MODE: what reading takes as well. Any other is a definition. */
  | { readonly type: 'LockForReading' }
  | { readonly type: 'Prepare'; readonly name: string }
  | { readonly type: 'Execute'; readonly name: string }
  | { readonly type: 'Deallocate'; readonly name: string | undefined }
  | { readonly type: 'Declare'; readonly name: string }
  | { readonly type: 'Fetch'; readonly name: string }
  | { readonly type: 'Close'; readonly name: string | undefined }
  | { readonly type: 'Transaction'; readonly action: TransactionAction; readonly name: string | undefined; readonly chain: boolean }
  /** SET, RESET, `SET TRANSACTION`, `SET SESSION CHARACTERISTICS`: see `settings`. Also `SET CONSTRAINTS`. */
  | { readonly type: 'Set' }
  | { readonly type: 'ResetAll' }
  | { readonly type: 'Show'; readonly name: string }
  | { readonly type: 'Discard'; readonly target: 'All' | 'Plans' | 'Sequences' | 'Temp' }
  | { readonly type: 'Unlisten' }
  /** Opened by rules alone. */
  | { readonly type: 'Definition'; readonly definition: Definition; readonly label: string };

/** A setting that the statement changes. `values` undefined: DEFAULT or RESET. */
export type SettingChange = { readonly name: string; readonly values: readonly string[] | undefined; readonly local: boolean };

export type Analysis = {
  /** PostgreSQL's node name without `Stmt`: `Select`, `Explain`, `VariableSet`, ... */
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly form: StatementForm;
  /** Read; what is written is in `writes`. */
  readonly relations: readonly RelationReference[];
  readonly writes: readonly Write[];
  readonly locks: readonly Lock[];
  readonly functions: readonly FunctionUse[];
  /** Locations of those that the statement is sure to call, and once. */
  readonly outright: readonly number[];
  readonly operators: readonly NameUse[];
  readonly types: readonly NameUse[];
  readonly columns: readonly ColumnUse[];
  readonly fields: readonly FieldUse[];
  readonly levels: readonly QueryLevel[];
  readonly parameters: readonly ParameterUse[];
  /** Columns that JOIN ... USING names; `*` for those of NATURAL. */
  readonly joined: readonly string[];
  readonly settings: readonly SettingChange[];
};
