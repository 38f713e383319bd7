/**
 * From a parsed statement to its `Analysis`: which statement kinds there are, and what each may carry.
 * INVARIANT: a statement kind, option or field that is not named here is refused.
 */
import { at, type Failure, invalidStatement, notUnderstood, statementRefused, statementTooComplex } from '../../kernel/failure.ts';
import { SQLSTATE } from '../../kernel/sqlstate.ts';
import type { Analysis, RelationReference, SettingChange, StatementForm, TransactionAction } from './analysis.ts';
import type { ParsedStatement } from './grammar.ts';
import { constantOf, listOf, locationOf, namesOf, stringOf, tagOf, type Tree, treeOf } from './tree.ts';
import { definitionOf, isDefinition } from './definitions.ts';
import { outrightCalls } from './outright-calls.ts';
import { isWrite } from './walk-write.ts';
import { Walker } from './walker.ts';

type Handled = { readonly form: StatementForm; readonly settings?: readonly SettingChange[] };
type Handler = (node: Tree, context: Context) => Handled;

type Context = {
  readonly walker: Walker;
  readonly fail: (failure: Failure, location: number) => never;
};

/** Refuses fields that nobody judged. */
const only = (node: Tree, fields: readonly string[], what: string, { walker, fail }: Context): void => {
  for (const field of Object.keys(node)) if (!fields.includes(field)) fail(notUnderstood(`"${field}" of ${what}`), 0);
  walker.judged.add(node);
};

const QUERY_HINT = 'Use SELECT, INSERT, UPDATE, DELETE or MERGE.';

const queryHandler =
  (tag: string): Handler =>
  (node, { walker }) => {
    walker.query({ [tag]: node });
    return { form: { type: 'Query' } };
  };

/** What EXPLAIN, PREPARE and COPY can be about. */
const isQuery = (tag: string): boolean => tag === 'SelectStmt' || isWrite(tag);

const EXPLAIN_OPTIONS = new Set([
  'analyze',
  'verbose',
  'costs',
  'settings',
  'generic_plan',
  'buffers',
  'wal',
  'timing',
  'summary',
  'memory',
  'serialize',
  'format',
]);

/** Options as constants. @throws when one is not on the list. */
const options = (value: unknown, known: ReadonlySet<string>, what: string, { walker, fail }: Context): ReadonlyMap<string, string> => {
  const result = new Map<string, string>();
  for (const wrapped of listOf(value)) {
    const element = treeOf(wrapped.DefElem);
    const name = stringOf(element.defname) ?? '';
    if (!known.has(name)) fail(notUnderstood(`option "${name}" of ${what}`), locationOf(element));
    walker.judged.addOption(element);
    result.set(name, constantOf(treeOf(element.arg)) ?? '');
  }
  return result;
};

const explain: Handler = (node, context) => {
  only(node, ['query', 'options'], 'EXPLAIN', context);
  const analyze = options(node.options, EXPLAIN_OPTIONS, 'EXPLAIN', context).get('analyze') ?? 'off';
  const analyzed = !['off', 'false', '0'].includes(analyze.toLowerCase());
  const query = treeOf(node.query);
  const tag = tagOf(query);
  if (tag === 'ExecuteStmt') {
    const inner = treeOf(query.ExecuteStmt);
    execute(inner, context);
    return { form: { type: 'Explain', execute: stringOf(inner.name) ?? '', analyzed } };
  }
  if (tag === 'DeclareCursorStmt') {
    declare(treeOf(query.DeclareCursorStmt), context);
    return { form: { type: 'Explain', execute: undefined, analyzed } };
  }
  if (!isQuery(tag)) context.fail(statementRefused(`EXPLAIN of ${labelOf(tag, treeOf(query[tag]))}`, QUERY_HINT), 0);
  context.walker.query(query);
  return { form: { type: 'Explain', execute: undefined, analyzed } };
};

/** Of both directions: PostgreSQL says which of them is for the other one. */
const COPY_OPTIONS = new Set(
  `format freeze delimiter null default header quote escape force_quote force_not_null force_null convert_selectively encoding on_error
  log_verbosity reject_limit`.split(/\s+/),
);

/** The rows come from the client: `COPY ... FROM STDIN`. */
const copyFrom: Handler = (node, context) => {
  only(node, ['relation', 'attlist', 'options', 'is_from', 'whereClause'], 'COPY', context);
  options(node.options, COPY_OPTIONS, 'COPY FROM', context);
  context.walker.copyFrom(node, node.attlist === undefined ? undefined : namesOf(node.attlist));
  return { form: { type: 'CopyIn' } };
};

const copy: Handler = (node, context) => {
  const { walker, fail } = context;
  if (node.filename !== undefined) {
    const hint = 'Use COPY ... TO STDOUT or COPY ... FROM STDIN.';
    fail(statementRefused('COPY to or from a file or program of the server', hint), 0);
  }
  if (node.is_from === true) return copyFrom(node, context);
  only(node, ['relation', 'query', 'attlist', 'options'], 'COPY', context);
  const encoding = options(node.options, COPY_OPTIONS, 'COPY', context).get('encoding');
  // Detectors read UTF-8.
  if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) fail(notUnderstood(`encoding "${encoding}"`), 0);
  let relation: RelationReference | undefined;
  if (node.relation !== undefined) relation = walker.relation(treeOf(node.relation));
  else {
    const query = treeOf(node.query);
    const tag = tagOf(query);
    if (treeOf(query[tag]).intoClause !== undefined) {
      fail(invalidStatement(SQLSTATE.featureNotSupported, 'COPY (SELECT INTO) is not supported'), 0);
    }
    walker.query(query);
    // What we write into a statement could be its only RETURNING.
    if (walker.writes.some((write) => write.outermost && write.returning === undefined)) {
      fail(invalidStatement(SQLSTATE.featureNotSupported, 'COPY query must have a RETURNING clause'), 0);
    }
  }
  const columns = node.attlist === undefined ? undefined : namesOf(node.attlist);
  return { form: { type: 'CopyOut', relation, columns } };
};

const prepare: Handler = (node, context) => {
  only(node, ['name', 'argtypes', 'query'], 'PREPARE', context);
  context.walker.expressions(node.argtypes);
  context.walker.query(treeOf(node.query));
  return { form: { type: 'Prepare', name: stringOf(node.name) ?? '' } };
};

const execute: Handler = (node, context) => {
  only(node, ['name', 'params'], 'EXECUTE', context);
  context.walker.expressions(node.params);
  return { form: { type: 'Execute', name: stringOf(node.name) ?? '' } };
};

const deallocate: Handler = (node, context) => {
  only(node, ['name', 'isall', 'location'], 'DEALLOCATE', context);
  return { form: { type: 'Deallocate', name: stringOf(node.name) } };
};

const declare: Handler = (node, context) => {
  only(node, ['portalname', 'options', 'query'], 'DECLARE', context);
  const query = treeOf(node.query);
  const tag = tagOf(query);
  if (tag !== 'SelectStmt') context.fail(statementRefused(`DECLARE CURSOR for ${labelOf(tag, treeOf(query[tag]))}`, 'Use SELECT.'), 0);
  context.walker.query(query);
  return { form: { type: 'Declare', name: stringOf(node.portalname) ?? '' } };
};

const fetch: Handler = (node, context) => {
  only(node, ['direction', 'howMany', 'portalname', 'ismove', 'location', 'direction_keyword'], 'FETCH', context);
  return { form: { type: 'Fetch', name: stringOf(node.portalname) ?? '' } };
};

const close: Handler = (node, context) => {
  only(node, ['portalname'], 'CLOSE', context);
  return { form: { type: 'Close', name: stringOf(node.portalname) } };
};

const TRANSACTIONS: Readonly<Record<string, TransactionAction>> = {
  TRANS_STMT_BEGIN: 'Begin',
  TRANS_STMT_START: 'Begin',
  TRANS_STMT_COMMIT: 'Commit',
  TRANS_STMT_ROLLBACK: 'Rollback',
  TRANS_STMT_SAVEPOINT: 'Savepoint',
  TRANS_STMT_RELEASE: 'Release',
  TRANS_STMT_ROLLBACK_TO: 'RollbackTo',
};

const TRANSACTION_MODES = new Set(['transaction_isolation', 'transaction_read_only', 'transaction_deferrable']);

/** Transaction modes as the settings that they are. */
const modes = (value: unknown, local: boolean, context: Context): readonly SettingChange[] =>
  [...options(value, TRANSACTION_MODES, 'a transaction', context)].map(([name, text]) => ({
    name,
    values: [name === 'transaction_isolation' ? text : text === '0' ? 'off' : 'on'],
    local,
  }));

const transaction: Handler = (node, context) => {
  const kind = String(node.kind);
  const action = Object.hasOwn(TRANSACTIONS, kind) ? TRANSACTIONS[kind] : undefined;
  if (action === undefined) return context.fail(statementRefused('two-phase commit', 'Use COMMIT or ROLLBACK.'), 0);
  only(node, ['kind', 'options', 'savepoint_name', 'chain', 'location'], 'a transaction statement', context);
  return {
    form: { type: 'Transaction', action, name: stringOf(node.savepoint_name), chain: node.chain === true },
    settings: modes(node.options, true, context),
  };
};

const set: Handler = (node, context) => {
  const { fail } = context;
  only(node, ['kind', 'name', 'args', 'is_local', 'location', 'jumble_args'], 'SET', context);
  const name = (stringOf(node.name) ?? '').toLowerCase();
  const local = node.is_local === true;
  switch (node.kind) {
    case 'VAR_RESET_ALL':
      return { form: { type: 'ResetAll' } };
    case 'VAR_RESET':
    case 'VAR_SET_DEFAULT':
      return { form: { type: 'Set' }, settings: [{ name, values: undefined, local }] };
    case 'VAR_SET_VALUE': {
      context.walker.expressions(node.args);
      // SET TIME ZONE takes an INTERVAL constant.
      const plain = (item: Tree): Tree => (name === 'timezone' && item.TypeCast !== undefined ? treeOf(treeOf(item.TypeCast).arg) : item);
      const values = listOf(node.args).map(
        (item) => constantOf(plain(item)) ?? fail(notUnderstood('SET to a value that is not a constant'), 0),
      );
      return { form: { type: 'Set' }, settings: [{ name, values, local }] };
    }
    case 'VAR_SET_MULTI':
      if (name === 'transaction' || name === 'session characteristics') {
        return { form: { type: 'Set' }, settings: modes(node.args, name === 'transaction', context) };
      }
      return fail(statementRefused(`SET ${name.toUpperCase()}`, 'Leave it out.'), 0);
    default:
      return fail(notUnderstood('this form of SET'), 0);
  }
};

const show: Handler = (node, context) => {
  only(node, ['name'], 'SHOW', context);
  return { form: { type: 'Show', name: (stringOf(node.name) ?? '').toLowerCase() } };
};

/** `AccessShareLock` of PostgreSQL's `lockdefs.h`. */
const ACCESS_SHARE = 1;

const DISCARDS = { DISCARD_ALL: 'All', DISCARD_PLANS: 'Plans', DISCARD_SEQUENCES: 'Sequences', DISCARD_TEMP: 'Temp' } as const;

const discard: Handler = (node, context) => {
  only(node, ['target'], 'DISCARD', context);
  const target = DISCARDS[String(node.target) as keyof typeof DISCARDS] ?? context.fail(notUnderstood('this form of DISCARD'), 0);
  return { form: { type: 'Discard', target } };
};

const constraints: Handler = (node, context) => {
  only(node, ['constraints', 'deferred'], 'SET CONSTRAINTS', context);
  for (const item of listOf(node.constraints)) {
    only(treeOf(item.RangeVar), ['catalogname', 'schemaname', 'relname', 'inh', 'relpersistence', 'location'], 'SET CONSTRAINTS', context);
  }
  return { form: { type: 'Set' } };
};

const unlisten: Handler = (node, context) => {
  only(node, ['conditionname'], 'UNLISTEN', context);
  return { form: { type: 'Unlisten' } };
};

const define =
  (tag: string): Handler =>
  (node, { walker, fail }) => ({
    form: { type: 'Definition', definition: definitionOf(tag, node, walker, fail), label: labelOf(tag, node) },
  });

/** A lock that any SELECT takes needs no rule. */
const lock: Handler = (node, context) => {
  if (node.mode !== ACCESS_SHARE) return define('LockStmt')(node, context);
  only(node, ['relations', 'mode', 'nowait'], 'LOCK', context);
  for (const item of listOf(node.relations)) context.walker.relation(treeOf(item.RangeVar));
  return { form: { type: 'LockForReading' } };
};

const HANDLERS: Readonly<Record<string, Handler>> = {
  SelectStmt: queryHandler('SelectStmt'),
  InsertStmt: queryHandler('InsertStmt'),
  UpdateStmt: queryHandler('UpdateStmt'),
  DeleteStmt: queryHandler('DeleteStmt'),
  MergeStmt: queryHandler('MergeStmt'),
  ExplainStmt: explain,
  CopyStmt: copy,
  PrepareStmt: prepare,
  ExecuteStmt: execute,
  DeallocateStmt: deallocate,
  DeclareCursorStmt: declare,
  FetchStmt: fetch,
  ClosePortalStmt: close,
  TransactionStmt: transaction,
  VariableSetStmt: set,
  VariableShowStmt: show,
  DiscardStmt: discard,
  ConstraintsSetStmt: constraints,
  UnlistenStmt: unlisten,
  LockStmt: lock,
};

/** Words of nodes whose names say less. */
const LABELS: Readonly<Record<string, string>> = {
  CreateStmt: 'CREATE TABLE',
  IndexStmt: 'CREATE INDEX',
  ViewStmt: 'CREATE VIEW',
  CreateSeqStmt: 'CREATE SEQUENCE',
  CreateEnumStmt: 'CREATE TYPE',
  CompositeTypeStmt: 'CREATE TYPE',
  AlterEnumStmt: 'ALTER TYPE',
  AlterSeqStmt: 'ALTER SEQUENCE',
  AlterObjectSchemaStmt: 'ALTER ... SET SCHEMA',
};

/** A statement kind in words: `DropStmt` of a table is `DROP TABLE`. */
const labelOf = (tag: string, node: Tree): string => {
  if (node.is_select_into === true) return 'SELECT INTO';
  if (Object.hasOwn(LABELS, tag)) return LABELS[tag] ?? '';
  const words = tag
    .replace('Stmt', '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase();
  const object = stringOf(node.removeType) ?? stringOf(node.renameType) ?? '';
  return object.startsWith('OBJECT_') ? `${words} ${object.slice('OBJECT_'.length).replaceAll('_', ' ')}` : words;
};

/** PostgreSQL's node name without `Stmt`. */
export const kindOf = (statement: ParsedStatement): string => tagOf(statement.node).replace('Stmt', '');

/** 1-based position in characters of a byte offset. */
export const characterAt = (bytes: Buffer, offset: number): number => {
  let characters = 1;
  for (const byte of bytes.subarray(0, offset)) if ((byte & 0xc0) !== 0x80) characters++;
  return characters;
};

/** The walk is bounded by depth; where less stack is left than usual, its end is a refusal like any other. */
const handled = (handle: () => Handled): Handled => {
  try {
    return handle();
  } catch (error) {
    throw error instanceof RangeError ? statementTooComplex('Its expressions are nested too deeply.') : error;
  }
};

/**
 * What one statement of `bytes` touches.
 * @throws Failure when the statement is not allowed by its form, or holds something that nobody judged.
 */
export const analyze = (statement: ParsedStatement, bytes: Buffer): Analysis => {
  const tag = tagOf(statement.node);
  const node = treeOf(statement.node[tag]);
  const fail = (failure: Failure, location: number): never => {
    throw at(failure, location > 0 ? characterAt(bytes, location) : undefined);
  };
  const handler = Object.hasOwn(HANDLERS, tag) ? HANDLERS[tag] : isDefinition(tag) ? define(tag) : undefined;
  if (handler === undefined) return fail(statementRefused(labelOf(tag, node), QUERY_HINT), 0);
  const walker = new Walker(fail);
  const { form, settings } = handled(() => handler(node, { walker, fail }));
  const rest = walker.judged.rest(statement.node);
  if (rest !== undefined) fail(notUnderstood(rest), 0);
  return {
    kind: kindOf(statement),
    start: statement.start,
    end: statement.end,
    form,
    relations: walker.relations,
    writes: walker.writes,
    locks: walker.locks,
    functions: walker.functions,
    outright: outrightCalls(tag, node),
    operators: walker.operators,
    types: walker.types,
    columns: walker.columns,
    fields: walker.fields,
    levels: walker.levels,
    parameters: walker.parameters,
    joined: walker.joined,
    settings: settings ?? [],
  };
};
