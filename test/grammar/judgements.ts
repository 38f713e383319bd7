/** Every node of a grammar: judged by the proxy, refused by it, or never a part of a statement that was only parsed. */
import { NODE_SHAPES } from '../../proxy/sql/nodes.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Statements, and parts of them, whose handlers look at each field themselves. */
export const JUDGED_ELSEWHERE: readonly string[] = words(`
  ExplainStmt CopyStmt PrepareStmt ExecuteStmt DeallocateStmt DeclareCursorStmt FetchStmt ClosePortalStmt TransactionStmt VariableSetStmt
  VariableShowStmt DiscardStmt ConstraintsSetStmt UnlistenStmt LockStmt
  CreateStmt IndexStmt AlterTableStmt RenameStmt AlterObjectSchemaStmt DropStmt CreateSchemaStmt CreateSeqStmt AlterSeqStmt CreateEnumStmt
  AlterEnumStmt CompositeTypeStmt CreateDomainStmt ViewStmt CreateTableAsStmt CommentStmt TruncateStmt VacuumStmt ReindexStmt ClusterStmt
  RefreshMatViewStmt
  DefElem Constraint PartitionElem PartitionSpec PartitionBoundSpec IntoClause AlterTableCmd ATAlterConstraint VacuumRelation
`);

/** Statements that no rule can open, and parts that only they have. */
const REFUSED: readonly string[] = words(`
  AlterCollationStmt AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterDatabaseStmt AlterDefaultPrivilegesStmt AlterDomainStmt
  AlterEventTrigStmt AlterExtensionContentsStmt AlterExtensionStmt AlterFdwStmt AlterForeignServerStmt AlterFunctionStmt
  AlterObjectDependsStmt AlterOpFamilyStmt AlterOperatorStmt AlterOwnerStmt AlterPolicyStmt AlterPublicationStmt AlterRoleSetStmt
  AlterRoleStmt AlterStatsStmt AlterSubscriptionStmt AlterSystemStmt AlterTSConfigurationStmt AlterTSDictionaryStmt
  AlterTableMoveAllStmt AlterTableSpaceOptionsStmt AlterTypeStmt AlterUserMappingStmt CallStmt CheckPointStmt CreateAmStmt CreateCastStmt
  CreateConversionStmt CreateEventTrigStmt CreateExtensionStmt CreateFdwStmt CreateForeignServerStmt CreateForeignTableStmt
  CreateFunctionStmt CreateOpClassStmt CreateOpFamilyStmt CreatePLangStmt CreatePolicyStmt CreatePublicationStmt CreateRangeStmt
  CreateRoleStmt CreateStatsStmt CreateSubscriptionStmt CreateTableSpaceStmt CreateTransformStmt CreateTrigStmt CreateUserMappingStmt
  CreatedbStmt DefineStmt DoStmt DropOwnedStmt DropRoleStmt DropSubscriptionStmt DropTableSpaceStmt DropUserMappingStmt DropdbStmt
  GrantRoleStmt GrantStmt ImportForeignSchemaStmt ListenStmt LoadStmt NotifyStmt PLAssignStmt ReassignOwnedStmt ReplicaIdentityStmt
  ReturnStmt RuleStmt SecLabelStmt
  AccessPriv CreateOpClassItem FunctionParameter ObjectWithArgs PartitionCmd PartitionRangeDatum PublicationObjSpec PublicationTable
  RoleSpec SinglePartitionSpec StatsElem TableLikeClause TriggerTransition
`);

/** What PostgreSQL's analysis and planning make of a statement: no text is parsed into it. */
const ANALYZED: readonly string[] = words(`
  Aggref AlternativeSubPlan ArrayCoerceExpr ArrayExpr CallContext CaseTestExpr CoerceToDomain CoerceToDomainValue CoerceViaIO CollateExpr
  ConvertRowtypeExpr DistinctExpr FieldSelect FieldStore FromExpr FuncExpr InferenceElem InlineCodeBlock IntList JsonConstructorExpr
  JsonExpr JsonItemCoercions JsonTableParent JsonTablePath JsonTablePathScan JsonTablePlan JsonTableSibling JsonTableSiblingJoin
  MergeAction NextValueExpr NullIfExpr OidList OnConflictExpr OpExpr Param Query RTEPermissionInfo RangeTblEntry RangeTblFunction
  RangeTblRef RelabelType ReturningExpr RowCompareExpr RowMarkClause ScalarArrayOpExpr SetOperationStmt SortGroupClause SubPlan
  SubscriptingRef TableFunc TableSampleClause TargetEntry Var WindowClause WindowFunc WindowFuncRunCondition WithCheckOption
`);

/** What libpg_query puts around statements, and what its other calls answer. */
const AROUND: readonly string[] = words(`
  FilterColumn Function ParseResult RawStmt ScanResult ScanToken SummaryResult Table
`);

export type Judgement = 'Judged' | 'Refused';

/** Undefined: nobody has looked at it. */
export const judgementOf = (tag: string): Judgement | undefined => {
  if (Object.hasOwn(NODE_SHAPES, tag) || JUDGED_ELSEWHERE.includes(tag)) return 'Judged';
  return [REFUSED, ANALYZED, AROUND].some((tags) => tags.includes(tag)) ? 'Refused' : undefined;
};
