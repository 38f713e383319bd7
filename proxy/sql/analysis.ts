/**
 * What a statement touches, by its syntax alone: every relation that is not a CTE, every function, operator, type and
 * column reference, and what the statement does to the session. Locations are UTF-8 byte offsets in the whole text.
 */

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
};

/** One name in a query's FROM clause. `Query`: a row of no named type, as of a sub-query, a CTE or a join. */
export type FromItem = {
  readonly type: 'Relation' | 'Query' | 'Function';
  readonly name: string | undefined;
  readonly reference: RelationReference | undefined;
  readonly columnAliases: boolean;
};

export type ColumnUse = {
  /** `['u', 'ssn']`; without the star. */
  readonly fields: readonly string[];
  readonly star: boolean;
  readonly location: number;
  readonly level: QueryLevel;
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
  readonly location: number;
};

export type NameUse = { readonly schema: string | undefined; readonly name: string; readonly location: number };

/** `(expression).field`, which may call a function. */
export type FieldUse = { readonly name: string; readonly location: number };

/** A bound parameter and the columns it stands in one operator with. */
export type ParameterUse = { readonly parameter: number; readonly columns: readonly string[] };

export type TransactionAction = 'Begin' | 'Commit' | 'Rollback' | 'Savepoint' | 'Release' | 'RollbackTo';

/** What the statement is, beyond the objects it touches. */
export type StatementForm =
  | { readonly type: 'Query' }
  | { readonly type: 'Explain'; readonly execute: string | undefined }
  | { readonly type: 'CopyOut'; readonly relation: RelationReference | undefined; readonly columns: readonly string[] | undefined }
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
  | { readonly type: 'Unlisten' };

/** A setting that the statement changes. `values` undefined: DEFAULT or RESET. */
export type SettingChange = { readonly name: string; readonly values: readonly string[] | undefined; readonly local: boolean };

export type Analysis = {
  /** PostgreSQL's node name without `Stmt`: `Select`, `Explain`, `VariableSet`, ... */
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly form: StatementForm;
  readonly relations: readonly RelationReference[];
  readonly functions: readonly FunctionUse[];
  readonly operators: readonly NameUse[];
  readonly types: readonly NameUse[];
  readonly columns: readonly ColumnUse[];
  readonly fields: readonly FieldUse[];
  readonly levels: readonly QueryLevel[];
  readonly parameters: readonly ParameterUse[];
  readonly settings: readonly SettingChange[];
};
