/**
 * What a decision is made of and made with. Pure data: see `decide.ts`.
 */
import type { Failure } from '../../kernel/failure.ts';
import type { Catalog, CatalogRelation } from '../catalog/catalog.ts';
import type { SystemRelation } from '../catalog/builtin/relations.ts';
import type { ColumnUse, FunctionUse, RelationReference, Write } from '../sql/analysis.ts';
import type { DefinedObject, Definition, ObjectUse } from '../sql/definition.ts';
import type { Grants, GrantedRelation } from './grants.ts';
import type { SessionState, StatementEffect } from './judgement.ts';

/** Why a statement is refused. */
export type Reason = {
  readonly failure: Failure;
  /** Byte offset in the agent's text; 0 where there is none. */
  readonly location: number;
  /** May `mode: Audit` let it through? Never where a mask could slip. */
  readonly auditable: boolean;
};

/** An object of a definition as it is called in full. */
export type ResolvedUse = {
  readonly use: ObjectUse;
  readonly object: Exclude<DefinedObject, 'Relation'>;
  readonly schema: string;
  readonly name: string;
  /** Of an index: its table. Undefined where there is none yet. */
  readonly relation: CatalogRelation | undefined;
  /** It is there already, or made by this transaction. */
  readonly exists: boolean;
  /** Relations that CASCADE drops as well. */
  readonly dependents: readonly CatalogRelation[];
};

/** How a reference may be read. */
export type Access =
  | { readonly type: 'Granted'; readonly granted: GrantedRelation }
  | { readonly type: 'System'; readonly system: Extract<SystemRelation, { type: 'Open' | 'Scoped' }> }
  /** Let through by `mode: Audit`. */
  | { readonly type: 'Ungranted' };

export type ResolvedRelation = { readonly reference: RelationReference; readonly relation: CatalogRelation; readonly access: Access };

/** A relation that the statement writes, and what allows that. */
export type ResolvedTarget = { readonly write: Write; readonly relation: CatalogRelation; readonly granted: GrantedRelation };

/** A use of a masked column of a target, or of all its columns: it is replaced where it stands. */
export type TargetRead = {
  readonly target: ResolvedTarget;
  readonly use: ColumnUse;
  /** The name that its rows have there: the target's own, `excluded`, `old` or `new`. */
  readonly item: string;
  /** `All`: each of them, in RETURNING. `Row`: all of them as one value. */
  readonly column: string | { readonly whole: 'All' | 'Row' };
};

/** A function name to be written out with its schema. */
export type Pin = { readonly location: number; readonly schema: string };

/**
 * A call that is run behind a guard around its first argument. `Silent`: with NULL, whatever is written there. `ShownSettings`: the
 * argument is a column or a parameter, and NULL where it does not name a setting that may be shown; `settings` are those that the policy adds.
 */
export type Guard =
  | { readonly use: FunctionUse; readonly type: 'Silent' }
  | { readonly use: FunctionUse; readonly type: 'ShownSettings'; readonly settings: readonly string[] };

export type DecisionContext = {
  readonly catalog: Catalog;
  readonly grants: Grants;
  readonly state: SessionState;
  readonly revision: string;
};

export type Decision = {
  readonly reasons: readonly Reason[];
  readonly relations: readonly ResolvedRelation[];
  readonly targets: readonly ResolvedTarget[];
  readonly targetReads: readonly TargetRead[];
  readonly pins: readonly Pin[];
  readonly guards: readonly Guard[];
  readonly effect:
    | Exclude<StatementEffect, { type: 'Prepare' } | { type: 'Declare' }>
    | { readonly type: 'Prepare'; readonly name: string }
    | { readonly type: 'Declare'; readonly name: string };
  /** `SET search_path` through set_config. */
  readonly pathChange: Extract<StatementEffect, { type: 'SetSearchPath' }> | undefined;
  /** Of a definition: the objects that it is about. INVARIANT: the grants say nothing for it, so that a rule has to open it. */
  readonly definition:
    | {
        readonly definition: Definition;
        readonly label: string;
        readonly uses: readonly ResolvedUse[];
        /** Types outside of pg_catalog that columns which it makes can have; undefined: any. */
        readonly types: readonly string[] | undefined;
      }
    | undefined;
  /** EXPLAIN: keys stay out of the text that is sent. */
  readonly explain: boolean;
};
