/**
 * What a statement makes, changes or drops, by its syntax alone: DDL, TRUNCATE, COMMENT and maintenance.
 */

/** As in a rule's `match.statements`. */
export type DefinitionVerb =
  | 'Create'
  | 'Alter'
  | 'Drop'
  | 'Comment'
  | 'Truncate'
  | 'Vacuum'
  | 'Analyze'
  | 'Reindex'
  | 'Cluster'
  | 'Refresh'
  | 'Lock';

/** As in a rule's `match.objects`. `Relation`: whatever the name stands for, a table, view, index or sequence. */
export type DefinedObject = 'Table' | 'View' | 'MaterializedView' | 'Index' | 'Sequence' | 'Type' | 'Schema' | 'Relation';

/**
 * What is done with an object. The later ones ask for less: `Examine` looks at rows (constraints, types, indexes that can fail),
 * `Extend` does not, `Refer` makes others depend on it, `Maintain` and `Describe` leave it as it is.
 */
export type Act = 'Make' | 'Replace' | 'Move' | 'Examine' | 'Extend' | 'Drop' | 'Empty' | 'Refer' | 'Maintain' | 'Describe';

export type WrittenName = { readonly schema: string | undefined; readonly name: string };

export type ObjectUse = {
  readonly object: DefinedObject;
  readonly name: WrittenName;
  /** Byte offset of the name; undefined where the grammar gives none. */
  readonly location: number | undefined;
  readonly act: Act;
  /** IF EXISTS, IF NOT EXISTS. */
  readonly missingOk: boolean;
  /** CASCADE; of `Refer`: ON DELETE CASCADE. */
  readonly cascade: boolean;
  /** Of `Refer`: the columns that a foreign key compares with; undefined: the primary key. */
  readonly columns: readonly string[] | undefined;
};

export type NewColumn = { readonly name: string; readonly type: string; readonly notNull: boolean };

/** What the catalog is afterwards; `use`: index of the object's use. */
export type DefinitionEffect =
  | {
      readonly type: 'Make';
      readonly use: number;
      readonly columns: readonly NewColumn[];
      readonly primaryKey: readonly string[];
      /** A temporary table that goes with its transaction. */
      readonly onCommitDrop?: true;
    }
  | { readonly type: 'Drop'; readonly use: number }
  | { readonly type: 'Rename'; readonly use: number; readonly to: string }
  | { readonly type: 'SetSchema'; readonly use: number; readonly to: string }
  | { readonly type: 'AddColumn'; readonly use: number; readonly column: NewColumn }
  | { readonly type: 'DropColumn'; readonly use: number; readonly column: string }
  | { readonly type: 'RenameColumn'; readonly use: number; readonly column: string; readonly to: string }
  | { readonly type: 'PrimaryKey'; readonly use: number; readonly columns: readonly string[] }
  /** An index of a table: it stands in the table's schema. */
  | { readonly type: 'MakeIndex'; readonly use: number; readonly name: string };

export type Definition = {
  readonly verb: DefinitionVerb;
  readonly uses: readonly ObjectUse[];
  readonly effects: readonly DefinitionEffect[];
  /** Its query is kept, as a view's, or only its rows are. */
  readonly query: 'None' | 'Rows' | 'Kept';
  /** Names of the indexes of its constraints, where they are given. */
  readonly named?: readonly string[];
  /** DROP is written anew with the names that it was judged by; `words`: what stands before and behind them. */
  readonly rewritten: { readonly before: string; readonly behind: string } | undefined;
};
