/**
 * DDL, TRUNCATE, COMMENT and maintenance: which statements a rule can open, and what each may carry.
 * INVARIANT: a statement, option or field that is not named here is refused, whatever the rules say. So is what runs code later or
 * changes rights: functions, triggers, rules, policies, extensions, owners, roles.
 */
import { type Failure, notUnderstood, statementRefused } from '../../kernel/failure.ts';
import { TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import { alterCommand, columnDefinition, constraint, sequenceOptions, STORAGE_OPTIONS, tableElements } from './define-table.ts';
import { Definer } from './definer.ts';
import type { Act, DefinedObject, Definition, DefinitionVerb, WrittenName } from './definition.ts';
import { listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from './tree.ts';
import type { Walker } from './walker.ts';

type Made = { readonly verb: DefinitionVerb; readonly query?: Definition['query']; readonly rewritten?: Definition['rewritten'] };
type Define = (node: Tree, definer: Definer) => Made;

const OWNER_HINT = 'Leave it to the owner of the database.';

const refused = (what: string, definer: Definer, hint = OWNER_HINT): never => definer.fail(statementRefused(what, hint), 0);

/** Of an object that is named by a list, by one word, or as a type. */
const objectNames = (wrapped: Tree, definer: Definer): readonly string[] => {
  const [tag, item] = unwrap(wrapped);
  if (tag === 'List') return namesOf(item.items);
  if (tag !== 'TypeName') return [stringOf(item.sval) ?? ''];
  definer.only(item, ['names', 'typemod', 'location'], 'a name');
  return namesOf(item.names);
};

const nameOf = (names: readonly string[], definer: Definer): WrittenName => {
  if (names.length > 2) definer.fail(notUnderstood('a name with a database'), 0);
  return { schema: names.length > 1 ? names[0] : undefined, name: names.at(-1) ?? '' };
};

const partitioning = (value: unknown, definer: Definer): void => {
  const spec = treeOf(value);
  definer.only(spec, ['strategy', 'partParams', 'location'], 'PARTITION BY');
  for (const item of listOf(spec.partParams)) {
    const element = treeOf(item.PartitionElem);
    definer.only(element, ['name', 'expr', 'collation', 'opclass', 'location'], 'PARTITION BY');
    if (element.expr !== undefined) definer.expression(treeOf(element.expr));
  }
};

const createTable: Define = (node, definer) => {
  if (node.inhRelations !== undefined && node.partbound === undefined) refused('INHERITS', definer, 'List the columns.');
  if (node.ofTypename !== undefined) refused('CREATE TABLE ... OF', definer, 'List the columns.');
  const fields = ['relation', 'tableElts', 'inhRelations', 'partbound', 'partspec', 'constraints', 'options', 'oncommit', 'if_not_exists'];
  definer.only(node, fields, 'CREATE TABLE');
  definer.options(node.options, STORAGE_OPTIONS, 'CREATE TABLE');
  const use = definer.relation(treeOf(node.relation), 'Table', 'Make', { missingOk: node.if_not_exists === true });
  const onCommit = definer.onCommit(node.oncommit, use);
  if ((node.partbound ?? node.partspec) !== undefined && definer.uses[use]?.name.schema === TEMPORARY_SCHEMA)
    refused('a temporary table with partitions', definer, 'Make one table.');
  for (const parent of listOf(node.inhRelations)) definer.relation(treeOf(parent.RangeVar), 'Table', 'Examine');
  if (node.partbound !== undefined) {
    const bound = treeOf(node.partbound);
    definer.only(
      bound,
      ['strategy', 'is_default', 'modulus', 'remainder', 'listdatums', 'lowerdatums', 'upperdatums', 'location'],
      'a partition',
    );
    for (const field of ['listdatums', 'lowerdatums', 'upperdatums'] as const)
      for (const datum of listOf(bound[field])) definer.expression(datum);
  }
  if (node.partspec !== undefined) partitioning(node.partspec, definer);
  for (const item of listOf(node.constraints)) constraint(treeOf(item.Constraint), definer);
  const { columns, primaryKey } = tableElements(node.tableElts, definer);
  definer.effects.push({ type: 'Make', use, columns, primaryKey, ...onCommit });
  return { verb: 'Create' };
};

const INDEX_FIELDS = [
  'idxname',
  'relation',
  'accessMethod',
  'indexParams',
  'indexIncludingParams',
  'options',
  'whereClause',
  'unique',
  'nulls_not_distinct',
  'concurrent',
  'if_not_exists',
];

const createIndex: Define = (node, definer) => {
  definer.only(node, INDEX_FIELDS, 'CREATE INDEX');
  definer.options(node.options, STORAGE_OPTIONS, 'CREATE INDEX');
  let isPlain = node.unique !== true && node.whereClause === undefined;
  for (const wrapped of [...listOf(node.indexParams), ...listOf(node.indexIncludingParams)]) {
    const element = treeOf(wrapped.IndexElem);
    definer.only(element, ['name', 'expr', 'collation', 'opclass', 'opclassopts', 'ordering', 'nulls_ordering', 'location'], 'an index');
    definer.options(element.opclassopts, new Set(['siglen']), 'an operator class');
    if (element.expr === undefined) continue;
    definer.expression(treeOf(element.expr));
    isPlain = false;
  }
  if (node.whereClause !== undefined) definer.expression(treeOf(node.whereClause));
  const use = definer.relation(treeOf(node.relation), 'Index', isPlain ? 'Extend' : 'Examine');
  if (stringOf(node.idxname) !== undefined) definer.effects.push({ type: 'MakeIndex', use, name: stringOf(node.idxname) ?? '' });
  return { verb: 'Create' };
};

/** ALTER TABLE, ALTER INDEX and the like: the name decides which it is. */
const alterTable: Define = (node, definer) => {
  definer.only(node, ['relation', 'cmds', 'objtype', 'missing_ok'], 'ALTER TABLE');
  if (node.objtype !== 'OBJECT_TABLE') refused(`ALTER ${String(node.objtype).replace('OBJECT_', '').replaceAll('_', ' ')}`, definer);
  const use = definer.relation(treeOf(node.relation), 'Relation', 'Extend', { missingOk: node.missing_ok === true });
  let act: Act = 'Extend';
  let cascade = false;
  for (const wrapped of listOf(node.cmds)) {
    const altered = alterCommand(treeOf(wrapped.AlterTableCmd), use, definer);
    if (altered.act === 'Examine') act = 'Examine';
    cascade ||= altered.cascade;
    definer.effects.push(...altered.effects);
  }
  definer.uses[use] = { ...definer.uses[use]!, act, cascade };
  return { verb: 'Alter' };
};

const RENAMED_RELATIONS = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_INDEX', 'OBJECT_SEQUENCE']);

const rename: Define = (node, definer) => {
  definer.only(
    node,
    ['renameType', 'relationType', 'relation', 'object', 'subname', 'newname', 'behavior', 'missing_ok'],
    'ALTER ... RENAME',
  );
  const kind = String(node.renameType);
  const to = stringOf(node.newname) ?? '';
  const missingOk = node.missing_ok === true;
  if (node.behavior === 'DROP_CASCADE') refused('RENAME ... CASCADE', definer);
  if (RENAMED_RELATIONS.has(kind)) {
    definer.effects.push({ type: 'Rename', use: definer.relation(treeOf(node.relation), 'Relation', 'Move', { missingOk }), to });
  } else if (kind === 'OBJECT_COLUMN') {
    const use = definer.relation(treeOf(node.relation), 'Relation', 'Examine', { missingOk });
    definer.effects.push({ type: 'RenameColumn', use, column: stringOf(node.subname) ?? '', to });
  } else if (kind === 'OBJECT_TABCONSTRAINT') {
    definer.relation(treeOf(node.relation), 'Relation', 'Extend', { missingOk });
    definer.named.push(to);
  } else if (kind === 'OBJECT_TYPE' || kind === 'OBJECT_DOMAIN') {
    const use = definer.use('Type', nameOf(namesOf(treeOf(treeOf(node.object).List).items), definer), 'Move');
    definer.effects.push({ type: 'Rename', use, to });
  } else refused(`ALTER ${kind.replace('OBJECT_', '').replaceAll('_', ' ')} ... RENAME`, definer);
  return { verb: 'Alter' };
};

const setSchema: Define = (node, definer) => {
  if (!RENAMED_RELATIONS.has(String(node.objectType))) refused('SET SCHEMA of what is not a relation', definer);
  definer.only(node, ['objectType', 'relation', 'newschema', 'missing_ok'], 'SET SCHEMA');
  const use = definer.relation(treeOf(node.relation), 'Relation', 'Move', { missingOk: node.missing_ok === true });
  const to = stringOf(node.newschema) ?? '';
  definer.use('Schema', { schema: undefined, name: to }, 'Extend');
  definer.effects.push({ type: 'SetSchema', use, to });
  return { verb: 'Alter' };
};

const DROPPED: Readonly<Record<string, readonly [DefinedObject, string]>> = {
  OBJECT_TABLE: ['Table', 'TABLE'],
  OBJECT_VIEW: ['View', 'VIEW'],
  OBJECT_MATVIEW: ['MaterializedView', 'MATERIALIZED VIEW'],
  OBJECT_INDEX: ['Index', 'INDEX'],
  OBJECT_SEQUENCE: ['Sequence', 'SEQUENCE'],
  OBJECT_TYPE: ['Type', 'TYPE'],
  OBJECT_DOMAIN: ['Type', 'DOMAIN'],
  OBJECT_SCHEMA: ['Schema', 'SCHEMA'],
};

/** What CASCADE drops with these is known: views. */
const CASCADING = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW']);

const drop: Define = (node, definer) => {
  definer.only(node, ['objects', 'removeType', 'behavior', 'missing_ok', 'concurrent'], 'DROP');
  const kind = String(node.removeType);
  const [object, words] = DROPPED[kind] ?? refused(`DROP ${kind.replace('OBJECT_', '').replaceAll('_', ' ')}`, definer);
  const cascade = node.behavior === 'DROP_CASCADE';
  if (cascade && !CASCADING.has(kind)) refused(`DROP ${words} ... CASCADE`, definer, 'Drop what depends on it first.');
  for (const wrapped of listOf(node.objects)) {
    const use = definer.use(object, nameOf(objectNames(wrapped, definer), definer), 'Drop', {
      missingOk: node.missing_ok === true,
      cascade,
    });
    definer.effects.push({ type: 'Drop', use });
  }
  const before = `DROP ${words}${node.concurrent === true ? ' CONCURRENTLY' : ''}${node.missing_ok === true ? ' IF EXISTS' : ''}`;
  return { verb: 'Drop', rewritten: { before, behind: cascade ? ' CASCADE' : '' } };
};

const createSchema: Define = (node, definer) => {
  if (node.authrole !== undefined) refused('CREATE SCHEMA ... AUTHORIZATION', definer);
  definer.only(node, ['schemaname', 'if_not_exists'], 'CREATE SCHEMA');
  const use = definer.use('Schema', { schema: undefined, name: stringOf(node.schemaname) ?? '' }, 'Make', {
    missingOk: node.if_not_exists === true,
  });
  definer.effects.push({ type: 'Make', use, columns: [], primaryKey: [] });
  return { verb: 'Create' };
};

const createSequence: Define = (node, definer) => {
  definer.only(node, ['sequence', 'options', 'if_not_exists'], 'CREATE SEQUENCE');
  const use = definer.relation(treeOf(node.sequence), 'Sequence', 'Make', { missingOk: node.if_not_exists === true });
  sequenceOptions(node.options, definer);
  definer.effects.push({ type: 'Make', use, columns: [], primaryKey: [] });
  return { verb: 'Create' };
};

const alterSequence: Define = (node, definer) => {
  definer.only(node, ['sequence', 'options', 'missing_ok'], 'ALTER SEQUENCE');
  definer.relation(treeOf(node.sequence), 'Sequence', 'Extend', { missingOk: node.missing_ok === true });
  sequenceOptions(node.options, definer);
  return { verb: 'Alter' };
};

const makeType = (name: WrittenName, definer: Definer): Made => {
  definer.effects.push({ type: 'Make', use: definer.use('Type', name, 'Make'), columns: [], primaryKey: [] });
  return { verb: 'Create' };
};

const createEnum: Define = (node, definer) => {
  definer.only(node, ['typeName', 'vals'], 'CREATE TYPE');
  return makeType(nameOf(namesOf(node.typeName), definer), definer);
};

const alterEnum: Define = (node, definer) => {
  definer.only(node, ['typeName', 'oldVal', 'newVal', 'newValNeighbor', 'newValIsAfter', 'skipIfNewValExists'], 'ALTER TYPE');
  // A label of another name is another value, in every row that has it.
  definer.use('Type', nameOf(namesOf(node.typeName), definer), node.oldVal === undefined ? 'Extend' : 'Examine');
  return { verb: 'Alter' };
};

const createComposite: Define = (node, definer) => {
  definer.only(node, ['typevar', 'coldeflist'], 'CREATE TYPE');
  for (const item of listOf(node.coldeflist)) columnDefinition(treeOf(item.ColumnDef), definer);
  const named = treeOf(node.typevar);
  definer.only(named, ['catalogname', 'schemaname', 'relname', 'inh', 'relpersistence', 'location'], 'a type name');
  if (named.catalogname !== undefined) definer.fail(notUnderstood('a name with a database'), 0);
  return makeType({ schema: stringOf(named.schemaname), name: stringOf(named.relname) ?? '' }, definer);
};

const createDomain: Define = (node, definer) => {
  definer.only(node, ['domainname', 'typeName', 'collClause', 'constraints'], 'CREATE DOMAIN');
  definer.type(treeOf(node.typeName));
  if (node.collClause !== undefined) definer.expression({ CollateClause: treeOf(node.collClause) });
  for (const item of listOf(node.constraints)) constraint(treeOf(item.Constraint), definer);
  return makeType(nameOf(namesOf(node.domainname), definer), definer);
};

const query = (value: unknown, definer: Definer): void => {
  const wrapped = treeOf(value);
  if (wrapped.SelectStmt === undefined) refused('a definition by anything but a query', definer, 'Use SELECT.');
  definer.walker.query(wrapped);
};

const createView: Define = (node, definer) => {
  definer.only(node, ['view', 'aliases', 'query', 'replace', 'options', 'withCheckOption'], 'CREATE VIEW');
  definer.options(node.options, new Set(['security_barrier', 'security_invoker']), 'CREATE VIEW');
  const use = definer.relation(treeOf(node.view), 'View', node.replace === true ? 'Replace' : 'Make');
  query(node.query, definer);
  definer.effects.push({ type: 'Make', use, columns: [], primaryKey: [] });
  return { verb: 'Create', query: 'Kept' };
};

const createTableAs: Define = (node, definer) => {
  definer.only(node, ['query', 'into', 'objtype', 'if_not_exists', 'is_select_into'], 'CREATE TABLE AS');
  const into = treeOf(node.into);
  definer.only(into, ['rel', 'colNames', 'options', 'onCommit', 'skipData'], 'CREATE TABLE AS');
  definer.options(into.options, STORAGE_OPTIONS, 'CREATE TABLE AS');
  const isView = node.objtype === 'OBJECT_MATVIEW';
  const use = definer.relation(treeOf(into.rel), isView ? 'MaterializedView' : 'Table', 'Make', { missingOk: node.if_not_exists === true });
  const onCommit = definer.onCommit(into.onCommit, use);
  query(node.query, definer);
  definer.effects.push({ type: 'Make', use, columns: [], primaryKey: [], ...onCommit });
  return { verb: 'Create', query: isView ? 'Kept' : 'Rows' };
};

const COMMENTED: Readonly<Record<string, DefinedObject>> = {
  OBJECT_TABLE: 'Table',
  OBJECT_VIEW: 'View',
  OBJECT_MATVIEW: 'MaterializedView',
  OBJECT_INDEX: 'Index',
  OBJECT_SEQUENCE: 'Sequence',
  OBJECT_COLUMN: 'Relation',
  OBJECT_TABCONSTRAINT: 'Relation',
  OBJECT_TYPE: 'Type',
  OBJECT_DOMAIN: 'Type',
  OBJECT_SCHEMA: 'Schema',
};

const comment: Define = (node, definer) => {
  definer.only(node, ['objtype', 'object', 'comment'], 'COMMENT');
  const kind = String(node.objtype);
  const object = COMMENTED[kind] ?? refused(`COMMENT ON ${kind.replace('OBJECT_', '').replaceAll('_', ' ')}`, definer);
  const names = objectNames(treeOf(node.object), definer);
  const inner = kind === 'OBJECT_COLUMN' || kind === 'OBJECT_TABCONSTRAINT';
  definer.use(object, nameOf(inner ? names.slice(0, -1) : names, definer), 'Describe');
  return { verb: 'Comment' };
};

const truncate: Define = (node, definer) => {
  definer.only(node, ['relations', 'restart_seqs', 'behavior'], 'TRUNCATE');
  if (node.behavior === 'DROP_CASCADE') refused('TRUNCATE ... CASCADE', definer, 'Name every table that is meant.');
  for (const item of listOf(node.relations)) definer.relation(treeOf(item.RangeVar), 'Table', 'Empty');
  return { verb: 'Truncate' };
};

const VACUUM_OPTIONS = new Set('analyze full freeze skip_locked truncate index_cleanup parallel process_toast process_main'.split(' '));

const vacuum: Define = (node, definer) => {
  definer.only(node, ['options', 'rels', 'is_vacuumcmd'], 'VACUUM');
  definer.options(node.options, VACUUM_OPTIONS, 'VACUUM');
  const relations = listOf(node.rels);
  if (relations.length === 0) refused('VACUUM or ANALYZE of the whole database', definer, 'Name the tables.');
  for (const item of relations) {
    const relation = treeOf(item.VacuumRelation);
    definer.only(relation, ['relation', 'va_cols'], 'VACUUM');
    definer.relation(treeOf(relation.relation), 'Table', 'Maintain');
  }
  return { verb: node.is_vacuumcmd === true ? 'Vacuum' : 'Analyze' };
};

const reindex: Define = (node, definer) => {
  if (node.relation === undefined) refused('REINDEX of a schema or database', definer, 'Name the table or index.');
  definer.only(node, ['kind', 'relation', 'params'], 'REINDEX');
  definer.options(node.params, new Set(['concurrently']), 'REINDEX');
  definer.relation(treeOf(node.relation), 'Relation', 'Maintain');
  return { verb: 'Reindex' };
};

const cluster: Define = (node, definer) => {
  definer.only(node, ['relation', 'indexname'], 'CLUSTER');
  if (node.relation === undefined) refused('CLUSTER of the whole database', definer, 'Name the table.');
  definer.relation(treeOf(node.relation), 'Table', 'Maintain');
  return { verb: 'Cluster' };
};

const refresh: Define = (node, definer) => {
  definer.only(node, ['relation', 'concurrent', 'skipData'], 'REFRESH MATERIALIZED VIEW');
  definer.relation(treeOf(node.relation), 'MaterializedView', 'Maintain');
  return { verb: 'Refresh' };
};

const lock: Define = (node, definer) => {
  definer.only(node, ['relations', 'mode', 'nowait'], 'LOCK');
  for (const item of listOf(node.relations)) definer.relation(treeOf(item.RangeVar), 'Relation', 'Maintain');
  return { verb: 'Lock' };
};

const DEFINITIONS: Readonly<Record<string, Define>> = {
  CreateStmt: createTable,
  IndexStmt: createIndex,
  AlterTableStmt: alterTable,
  RenameStmt: rename,
  AlterObjectSchemaStmt: setSchema,
  DropStmt: drop,
  CreateSchemaStmt: createSchema,
  CreateSeqStmt: createSequence,
  AlterSeqStmt: alterSequence,
  CreateEnumStmt: createEnum,
  AlterEnumStmt: alterEnum,
  CompositeTypeStmt: createComposite,
  CreateDomainStmt: createDomain,
  ViewStmt: createView,
  CreateTableAsStmt: createTableAs,
  CommentStmt: comment,
  TruncateStmt: truncate,
  VacuumStmt: vacuum,
  ReindexStmt: reindex,
  ClusterStmt: cluster,
  RefreshMatViewStmt: refresh,
  LockStmt: lock,
};

/** Can a rule open statements of this node? */
export const isDefinition = (tag: string): boolean => Object.hasOwn(DEFINITIONS, tag);

/** What the statement defines. @throws Failure where it holds what no rule can open, or nobody judged. */
export const definitionOf = (tag: string, node: Tree, walker: Walker, fail: (failure: Failure, location: number) => never): Definition => {
  const definer = new Definer(walker, fail);
  const define = DEFINITIONS[tag] ?? fail(notUnderstood(`"${tag}"`), 0);
  const { verb, query: kept, rewritten } = define(node, definer);
  const { uses, effects, named } = definer;
  return { verb, uses, effects, query: kept ?? 'None', ...(named.length > 0 && { named }), rewritten };
};
