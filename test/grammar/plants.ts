/**
 * What is planted into a parse tree, and how it must show in the analysis if the statement is not refused: a function, a relation that
 * nobody granted, a column of it and a type, alone and within every kind of node that may carry them.
 */
import type { Analysis } from '../../proxy/sql/analysis.ts';
import type { Tree } from '../../proxy/sql/tree.ts';

export type Plant = {
  readonly name: string;
  readonly tree: Tree;
  readonly isSeen: (analysis: Analysis) => boolean;
  /** What the decision then refuses. */
  readonly refused?: string;
};

const string = (sval: string): Tree => ({ String: { sval } });

const call: Tree = {
  FuncCall: { funcname: [string('pg_read_file')], args: [{ A_Const: { sval: { sval: '/etc/passwd' } } }], location: 1 },
};
const relation: Tree = { relname: 'secrets', inh: true, relpersistence: 'p', location: 1 };
const type: Tree = { names: [string('hidden_type')], typemod: -1, location: 1 };
const select: Tree = {
  targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ A_Star: {} }], location: 1 } }, location: 1 } }],
  fromClause: [{ RangeVar: relation }],
  limitOption: 'LIMIT_OPTION_DEFAULT',
  op: 'SETOP_NONE',
};

const callsIt = ({ functions }: Analysis): boolean => functions.some(({ name }) => name === 'pg_read_file');
const defines = ({ form }: Analysis, name: string): boolean =>
  form.type === 'Definition' && form.definition.uses.some((use) => use.name.name === name);
const usesType = (analysis: Analysis): boolean =>
  analysis.types.some(({ name }) => name === 'hidden_type') || defines(analysis, 'hidden_type');
const namesColumn = ({ columns }: Analysis): boolean => columns.some(({ fields }) => fields.join('.') === 'secrets.value');
const namesRelation = (analysis: Analysis): boolean =>
  analysis.relations.some(({ name }) => name === 'secrets') ||
  analysis.writes.some(({ reference }) => reference.name === 'secrets') ||
  defines(analysis, 'secrets');

const never = (): boolean => false;

/** What takes the place of a child that may be of any kind. */
export const PLANTS: readonly Plant[] = [
  { name: 'a node that nobody knows', tree: { Unheard: {} }, isSeen: never },
  { name: 'two nodes in one', tree: { A_Star: {}, ...call }, isSeen: never },
  { name: 'a function', tree: call, isSeen: callsIt, refused: 'pg_read_file' },
  { name: 'a function under a name', tree: { ResTarget: { name: 'a', val: call, location: 1 } }, isSeen: callsIt, refused: 'pg_read_file' },
  { name: 'a function in a list', tree: { List: { items: [call] } }, isSeen: callsIt, refused: 'pg_read_file' },
  {
    name: 'a function in a row',
    tree: { RowExpr: { args: [call], row_format: 'COERCE_EXPLICIT_CALL' } },
    isSeen: callsIt,
    refused: 'pg_read_file',
  },
  { name: 'a function in ORDER BY', tree: { SortBy: { node: call } }, isSeen: callsIt, refused: 'pg_read_file' },
  { name: 'a function in a window', tree: { WindowDef: { partitionClause: [call] } }, isSeen: callsIt, refused: 'pg_read_file' },
  {
    name: 'a function in FROM',
    tree: { RangeFunction: { functions: [{ List: { items: [call] } }] } },
    isSeen: callsIt,
    refused: 'pg_read_file',
  },
  { name: 'a function in an option', tree: { DefElem: { defname: 'fillfactor', arg: call } }, isSeen: callsIt, refused: 'pg_read_file' },
  { name: 'a function in a subscript', tree: { A_Indices: { uidx: call } }, isSeen: callsIt, refused: 'pg_read_file' },
  {
    name: 'a function in a constraint',
    tree: { Constraint: { contype: 'CONSTR_CHECK', raw_expr: call } },
    isSeen: callsIt,
    refused: 'pg_read_file',
  },
  { name: 'a function in an index', tree: { IndexElem: { expr: call } }, isSeen: callsIt, refused: 'pg_read_file' },
  {
    name: 'a function in a type',
    tree: { TypeName: { names: [string('numeric')], typmods: [call], typemod: -1 } },
    isSeen: callsIt,
    refused: 'pg_read_file',
  },
  { name: 'a function in CASE', tree: { CaseWhen: { expr: call, result: call } }, isSeen: callsIt, refused: 'pg_read_file' },
  { name: 'a column', tree: { ColumnRef: { fields: [string('secrets'), string('value')], location: 1 } }, isSeen: namesColumn },
  { name: 'a type', tree: { TypeName: type }, isSeen: usesType },
  {
    name: 'a cast',
    tree: { TypeCast: { arg: { A_Const: { isnull: true } }, typeName: type, location: 1 } },
    isSeen: usesType,
  },
  {
    name: 'a column definition',
    tree: { ColumnDef: { colname: 'a', typeName: type, is_local: true } },
    isSeen: usesType,
  },
  { name: 'a relation', tree: { RangeVar: relation }, isSeen: namesRelation, refused: 'secrets' },
  { name: 'a query', tree: { SelectStmt: select }, isSeen: namesRelation, refused: 'secrets' },
  {
    name: 'a sub-query',
    tree: { SubLink: { subLinkType: 'EXISTS_SUBLINK', subselect: { SelectStmt: select } } },
    isSeen: namesRelation,
    refused: 'secrets',
  },
  {
    name: 'a sub-query in FROM',
    tree: { RangeSubselect: { subquery: { SelectStmt: select } } },
    isSeen: namesRelation,
    refused: 'secrets',
  },
  {
    name: 'a join',
    tree: { JoinExpr: { jointype: 'JOIN_INNER', larg: { RangeVar: relation }, rarg: { RangeVar: relation } } },
    isSeen: namesRelation,
    refused: 'secrets',
  },
  {
    name: 'a query by name',
    tree: { CommonTableExpr: { ctename: 'planted', ctematerialized: 'CTEMaterializeDefault', ctequery: { SelectStmt: select } } },
    isSeen: namesRelation,
    refused: 'secrets',
  },
  { name: 'a change', tree: { DeleteStmt: { relation } }, isSeen: namesRelation, refused: 'secrets' },
  { name: 'a table to maintain', tree: { VacuumRelation: { relation } }, isSeen: namesRelation, refused: 'secrets' },
];

/** What takes the place of a child that can be of one kind only. */
export const PLANTS_OF: Readonly<Record<string, readonly Plant[]>> = {
  RangeVar: [{ name: 'a relation', tree: relation, isSeen: namesRelation, refused: 'secrets' }],
  SelectStmt: [{ name: 'a query', tree: select, isSeen: namesRelation, refused: 'secrets' }],
  TypeName: [{ name: 'a type', tree: type, isSeen: usesType }],
  FuncCall: [{ name: 'a function', tree: call.FuncCall as Tree, isSeen: callsIt, refused: 'pg_read_file' }],
};
