/** The vocabulary of the label `kind`: PostgreSQL's statement nodes without `Stmt` (`src/include/nodes/parsenodes.h`). */
const KINDS: ReadonlySet<string> = new Set(
  `
    AlterCollation AlterDatabase AlterDatabaseRefreshColl AlterDatabaseSet AlterDefaultPrivileges AlterDomain AlterEnum
    AlterEventTrig AlterExtension AlterExtensionContents AlterFdw AlterForeignServer AlterFunction AlterObjectDepends
    AlterObjectSchema AlterOpFamily AlterOperator AlterOwner AlterPolicy AlterPublication AlterRole AlterRoleSet AlterSeq AlterStats
    AlterSubscription AlterSystem AlterTSConfiguration AlterTSDictionary AlterTable AlterTableMoveAll AlterTableSpaceOptions
    AlterType AlterUserMapping Call CheckPoint ClosePortal Cluster Comment CompositeType ConstraintsSet Copy Create CreateAm
    CreateCast CreateConversion CreateDomain CreateEnum CreateEventTrig CreateExtension CreateFdw CreateForeignServer
    CreateForeignTable CreateFunction CreateOpClass CreateOpFamily CreatePLang CreatePolicy CreatePublication CreateRange CreateRole
    CreateSchema CreateSeq CreateStats CreateSubscription CreateTableAs CreateTableSpace CreateTransform CreateTrig
    CreateUserMapping Createdb Deallocate DeclareCursor Define Delete Discard Do Drop DropOwned DropRole DropSubscription
    DropTableSpace DropUserMapping Dropdb Execute Explain Fetch Grant GrantRole ImportForeignSchema Index Insert Listen Load Lock
    Merge Notify Prepare ReassignOwned RefreshMatView Reindex Rename Rule SecLabel Select Transaction Truncate Unlisten Update
    Vacuum VariableSet VariableShow View
  `.match(/\S+/g),
);

/** A kind as a label: `Other` for what is none, so that no text of an agent can become one. */
export const kindLabel = (kind: string): string => (KINDS.has(kind) ? kind : 'Other');
