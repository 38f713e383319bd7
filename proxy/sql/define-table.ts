/**
 * Columns and constraints of CREATE TABLE and ALTER TABLE.
 * INVARIANT: a field, constraint or command that is not named here is refused.
 */
import { notUnderstood, statementRefused } from '../../kernel/failure.ts';
import type { Definer } from './definer.ts';
import type { Act, DefinitionEffect, NewColumn } from './definition.ts';
import { listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from './tree.ts';

const CONSTRAINT_FIELDS = [
  'contype',
  'conname',
  'deferrable',
  'initdeferred',
  'is_enforced',
  'skip_validation',
  'initially_valid',
  'is_no_inherit',
  'raw_expr',
  'generated_when',
  'generated_kind',
  'nulls_not_distinct',
  'keys',
  'including',
  'indexname',
  'options',
  'pktable',
  'fk_attrs',
  'pk_attrs',
  'fk_matchtype',
  'fk_upd_action',
  'fk_del_action',
  'fk_del_set_cols',
  'location',
];

export const STORAGE_OPTIONS: ReadonlySet<string> = new Set(
  'fillfactor autovacuum_enabled deduplicate_items fastupdate pages_per_range buffering lists m ef_construction'.split(' '),
);

const SEQUENCE_OPTIONS: ReadonlySet<string> = new Set(
  'as increment minvalue maxvalue start restart cache cycle generated owned_by'.split(' '),
);

/** Kinds of constraints, and whether adding one looks at rows that are there. */
const CONSTRAINTS: Readonly<Record<string, 'Looks' | 'Blind'>> = {
  CONSTR_NULL: 'Blind',
  CONSTR_NOTNULL: 'Looks',
  CONSTR_DEFAULT: 'Blind',
  CONSTR_IDENTITY: 'Blind',
  CONSTR_GENERATED: 'Looks',
  CONSTR_CHECK: 'Looks',
  CONSTR_PRIMARY: 'Looks',
  CONSTR_UNIQUE: 'Looks',
  CONSTR_FOREIGN: 'Looks',
  CONSTR_ATTR_DEFERRABLE: 'Blind',
  CONSTR_ATTR_NOT_DEFERRABLE: 'Blind',
  CONSTR_ATTR_DEFERRED: 'Blind',
  CONSTR_ATTR_IMMEDIATE: 'Blind',
};

/** Constraints that are kept by an index of the same name. */
const INDEXED = new Set(['CONSTR_PRIMARY', 'CONSTR_UNIQUE']);

/** Whether there are rows, and how many, shows in what counts up, and in a default that is computed for each. */
const COUNTING_TYPE = /^(small|big)?serial[248]?$/;

const isConstant = (wrapped: Tree): boolean =>
  wrapped.A_Const !== undefined || (wrapped.TypeCast !== undefined && isConstant(treeOf(treeOf(wrapped.TypeCast).arg)));

/** Functions that are computed once, rows or not. */
const NOW = new Set(['now', 'transaction_timestamp', 'statement_timestamp']);

/** One value for all rows: should it not fit, that shows without any. */
const isOneValue = (wrapped: Tree): boolean =>
  isConstant(wrapped) ||
  wrapped.SQLValueFunction !== undefined ||
  (wrapped.FuncCall !== undefined && NOW.has(namesOf(treeOf(wrapped.FuncCall).funcname).at(-1) ?? ''));

const isNullConstant = (wrapped: Tree): boolean =>
  treeOf(wrapped.A_Const).isnull === true || (wrapped.TypeCast !== undefined && isNullConstant(treeOf(treeOf(wrapped.TypeCast).arg)));

export const sequenceOptions = (value: unknown, definer: Definer): void => {
  for (const [name, option] of definer.options(value, SEQUENCE_OPTIONS, 'a sequence')) {
    if (name === 'as') definer.type(treeOf(treeOf(option.arg).TypeName));
    if (name !== 'owned_by') continue;
    const names = namesOf(treeOf(treeOf(option.arg).List).items);
    // OWNED BY NONE.
    if (names.length < 2) continue;
    if (names.length > 3) definer.fail(notUnderstood('OWNED BY with a database'), 0);
    definer.use('Relation', { schema: names.at(-3), name: names.at(-2) ?? '' }, 'Extend');
  }
};

/** A constraint: what it says of rows that are there. */
export const constraint = (node: Tree, definer: Definer): 'Looks' | 'Blind' => {
  definer.only(node, CONSTRAINT_FIELDS, 'a constraint');
  const kind = String(node.contype);
  const looks = Object.hasOwn(CONSTRAINTS, kind) ? CONSTRAINTS[kind] : undefined;
  if (looks === undefined) return definer.fail(notUnderstood(`a constraint of kind "${kind.replace('CONSTR_', '')}"`), 0);
  const name = INDEXED.has(kind) ? stringOf(node.conname) : undefined;
  if (name !== undefined) definer.named.push(name);
  if (node.raw_expr !== undefined) definer.expression(treeOf(node.raw_expr));
  if (kind === 'CONSTR_IDENTITY') sequenceOptions(node.options, definer);
  else definer.options(node.options, STORAGE_OPTIONS, 'a constraint');
  if (node.pktable !== undefined) {
    definer.relation(treeOf(node.pktable), 'Table', 'Refer', {
      columns: node.pk_attrs === undefined ? undefined : namesOf(node.pk_attrs),
      cascade: node.fk_del_action === 'c',
    });
  }
  return looks;
};

const typeOf = (node: Tree): string => namesOf(treeOf(node.typeName).names).at(-1) ?? '';

type Column = { readonly column: NewColumn; readonly looks: boolean; readonly isKey: boolean };

/** A new column: its definition, and whether it looks at others. */
export const columnDefinition = (node: Tree, definer: Definer): Column => {
  definer.only(node, ['colname', 'typeName', 'is_local', 'collClause', 'constraints', 'location'], 'a column');
  definer.type(treeOf(node.typeName));
  if (node.collClause !== undefined) definer.expression({ CollateClause: treeOf(node.collClause) });
  const constraints = listOf(node.constraints).map((wrapped) => {
    const [tag, inner] = unwrap(wrapped);
    if (tag !== 'Constraint') definer.fail(notUnderstood(`"${tag}" of a column`), 0);
    const looks = constraint(inner, definer);
    return { kind: String(inner.contype), looks: looks === 'Looks', value: treeOf(inner.raw_expr) };
  });
  const given = constraints.find(({ kind }) => kind === 'CONSTR_DEFAULT')?.value;
  const hasValue = given !== undefined && !isNullConstant(given);
  const computed = given !== undefined && !isOneValue(given);
  const counts = COUNTING_TYPE.test(typeOf(node)) || constraints.some(({ kind }) => kind === 'CONSTR_IDENTITY');
  const sees = constraints.some(({ kind, looks }) => looks && !(kind === 'CONSTR_NOTNULL' && hasValue));
  const isKey = constraints.some(({ kind }) => kind === 'CONSTR_PRIMARY');
  const notNull = isKey || constraints.some(({ kind }) => kind === 'CONSTR_NOTNULL' || kind === 'CONSTR_IDENTITY');
  const column = { name: stringOf(node.colname) ?? '', type: typeOf(node), notNull };
  return { column, looks: sees || computed || counts, isKey };
};

/** Columns and constraints of CREATE TABLE. */
export const tableElements = (
  elements: unknown,
  definer: Definer,
): { readonly columns: readonly NewColumn[]; readonly primaryKey: readonly string[] } => {
  const columns: NewColumn[] = [];
  const primaryKey: string[] = [];
  for (const wrapped of listOf(elements)) {
    const [tag, node] = unwrap(wrapped);
    if (tag === 'ColumnDef') {
      const { column, isKey } = columnDefinition(node, definer);
      columns.push(column);
      if (isKey) primaryKey.push(column.name);
    } else if (tag === 'Constraint') {
      constraint(node, definer);
      if (node.contype === 'CONSTR_PRIMARY') primaryKey.push(...namesOf(node.keys));
    } else if (tag === 'TableLikeClause')
      definer.fail(statementRefused('CREATE TABLE ... LIKE', 'List the columns, or use CREATE TABLE ... AS SELECT ... WITH NO DATA.'), 0);
    else definer.fail(notUnderstood(`"${tag}" of a table`), 0);
  }
  return { columns, primaryKey };
};

type Altered = { readonly act: Act; readonly effects: readonly DefinitionEffect[]; readonly cascade: boolean };

const extended: Altered = { act: 'Extend', effects: [], cascade: false };
const examined: Altered = { act: 'Examine', effects: [], cascade: false };

type Command = (node: Tree, use: number, definer: Definer) => Altered;

const addColumn: Command = (node, use, definer) => {
  const { column, looks, isKey } = columnDefinition(treeOf(treeOf(node.def).ColumnDef), definer);
  const effects: DefinitionEffect[] = [{ type: 'AddColumn', use, column }];
  if (isKey) effects.push({ type: 'PrimaryKey', use, columns: [column.name] });
  return { act: looks ? 'Examine' : 'Extend', effects, cascade: false };
};

const changeType: Command = (node, _, definer) => {
  const column = treeOf(treeOf(node.def).ColumnDef);
  definer.only(column, ['typeName', 'collClause', 'raw_default', 'location'], 'ALTER COLUMN TYPE');
  definer.type(treeOf(column.typeName));
  if (column.collClause !== undefined) definer.expression({ CollateClause: treeOf(column.collClause) });
  if (column.raw_default !== undefined) definer.expression(treeOf(column.raw_default));
  return examined;
};

const addConstraint: Command = (node, use, definer) => {
  const inner = treeOf(treeOf(node.def).Constraint);
  constraint(inner, definer);
  if (inner.contype !== 'CONSTR_PRIMARY' || inner.keys === undefined) return examined;
  return { act: 'Examine', effects: [{ type: 'PrimaryKey', use, columns: namesOf(inner.keys) }], cascade: false };
};

const expression =
  (result: Altered): Command =>
  (node, _, definer) => {
    if (node.def !== undefined) definer.expression(treeOf(node.def));
    return result;
  };

const named =
  (result: Altered): Command =>
  (node, _, definer) => {
    if (node.def !== undefined) definer.fail(notUnderstood('this form of ALTER TABLE'), 0);
    return result;
  };

const COMMANDS: Readonly<Record<string, Command>> = {
  AT_AddColumn: addColumn,
  AT_DropColumn: (node, use) => ({
    act: 'Extend',
    effects: [{ type: 'DropColumn', use, column: stringOf(node.name) ?? '' }],
    cascade: node.behavior === 'DROP_CASCADE',
  }),
  AT_AlterColumnType: changeType,
  AT_ColumnDefault: expression(extended),
  AT_SetExpression: expression(examined),
  AT_DropExpression: named(extended),
  AT_SetNotNull: named(examined),
  AT_DropNotNull: named(extended),
  AT_AddConstraint: addConstraint,
  AT_DropConstraint: (node) => ({ ...extended, cascade: node.behavior === 'DROP_CASCADE' }),
  AT_ValidateConstraint: named(examined),
  AT_AlterConstraint: (node, _, definer) => {
    const inner = treeOf(treeOf(node.def).ATAlterConstraint ?? treeOf(node.def).Constraint);
    const fields = [
      'contype',
      'conname',
      'is_enforced',
      'alterEnforceability',
      'alterDeferrability',
      'deferrable',
      'initdeferred',
      'location',
    ];
    definer.only(inner, fields, 'ALTER CONSTRAINT');
    return examined;
  },
  AT_AddIdentity: (node, _, definer) => {
    constraint(treeOf(treeOf(node.def).Constraint), definer);
    return extended;
  },
  AT_SetIdentity: (node, _, definer) => {
    sequenceOptions(treeOf(treeOf(node.def).List).items, definer);
    return extended;
  },
  AT_DropIdentity: named(extended),
};

/** One command of ALTER TABLE on the relation of a use. */
export const alterCommand = (node: Tree, use: number, definer: Definer): Altered => {
  const kind = String(node.subtype);
  const command = Object.hasOwn(COMMANDS, kind) ? COMMANDS[kind] : undefined;
  if (command === undefined) {
    const words = kind
      .replace('AT_', '')
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toUpperCase();
    return definer.fail(statementRefused(`ALTER TABLE ... ${words}`, 'Leave it to the owner of the database.'), 0);
  }
  definer.only(node, ['subtype', 'name', 'def', 'behavior', 'missing_ok'], 'ALTER TABLE');
  return command(node, use, definer);
};
