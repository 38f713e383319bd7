/**
 * A harmless condition over a relation of FROM, said once more over the base relation of its scope.
 */
import { isTree, listOf, namesOf, numberOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { BASE_ALIAS } from './mask.ts';
import { quoteIdentifier } from './quote.ts';
import { fieldsOf } from './sight.ts';

const PLACES = new Set(['location', 'rexpr_list_start', 'rexpr_list_end', 'list_start', 'list_end']);

/** The tree without places in the text: what two spellings of one expression have in common. */
export const withoutPlaces = (tree: Tree): Tree => {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (!isTree(value)) return value;
    return Object.fromEntries(
      Object.keys(value)
        .filter((key) => !PLACES.has(key))
        .sort()
        .map((key) => [key, strip(value[key])]),
    );
  };
  return strip(tree) as Tree;
};

const name = (...parts: readonly string[]): readonly Tree[] => parts.map((sval) => ({ String: { sval } }));

/** The condition with its columns, which `columnName` tells the stored names of, and its functions qualified. */
export const rebased = (condition: Tree, columnName: (fields: readonly string[]) => string): Tree =>
  qualified(condition, (fields) => [BASE_ALIAS, columnName(fields)]);

/** The condition with its functions qualified, and its columns as `partsOf` tells: an alias, quoted where it has to be, and a name. */
export const qualified = (condition: Tree, partsOf: (fields: readonly string[]) => readonly string[]): Tree => {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isTree(value)) return value;
    if (isTree(value.ColumnRef)) return { ColumnRef: { fields: name(...partsOf(fieldsOf(value.ColumnRef))) } };
    const called = isTree(value.FuncCall) ? namesOf(value.FuncCall.funcname) : [];
    if (called.length === 1) {
      const call = visit(value.FuncCall) as Tree;
      return { FuncCall: { ...call, funcname: name('pg_catalog', ...called) } };
    }
    return Object.fromEntries(Object.keys(value).map((key) => [key, visit(value[key])]));
  };
  return withoutPlaces(visit(condition) as Tree);
};

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const constant = (node: Tree): string => {
  if (isTree(node.sval)) return literal(stringOf(node.sval.sval) ?? '');
  if (isTree(node.ival)) return String(numberOf(node.ival.ival));
  if (isTree(node.fval)) return stringOf(node.fval.fval) ?? '';
  if (isTree(node.boolval)) return node.boolval.boolval === true ? 'true' : 'false';
  return 'NULL';
};

const typeName = (node: Tree): string =>
  `${namesOf(node.names).map(quoteIdentifier).join('.')}${listOf(node.arrayBounds)
    .map(() => '[]')
    .join('')}`;

const operator = (node: Tree): string => {
  const names = namesOf(node.name);
  return names.length === 1 ? (names[0] ?? '') : `OPERATOR(${quoteIdentifier(names[0] ?? '')}.${names.at(-1)})`;
};

const list = (value: unknown): string =>
  listOf(value)
    .map((item) => conditionText(item))
    .join(', ');

const VALUE_FUNCTIONS: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_DATE: 'CURRENT_DATE',
  SVFOP_CURRENT_TIMESTAMP: 'CURRENT_TIMESTAMP',
  SVFOP_LOCALTIMESTAMP: 'LOCALTIMESTAMP',
};

const RANGES: Readonly<Record<string, string>> = {
  AEXPR_BETWEEN: 'BETWEEN',
  AEXPR_NOT_BETWEEN: 'NOT BETWEEN',
  AEXPR_BETWEEN_SYM: 'BETWEEN SYMMETRIC',
  AEXPR_NOT_BETWEEN_SYM: 'NOT BETWEEN SYMMETRIC',
};

const comparison = (node: Tree): string => {
  const left = conditionText(treeOf(node.lexpr));
  const right = treeOf(node.rexpr);
  const kind = stringOf(node.kind) ?? '';
  const range = RANGES[kind];
  if (range !== undefined) {
    const [from, to] = listOf(treeOf(right.List).items);
    return `(${left} ${range} ${conditionText(from ?? {})} AND ${conditionText(to ?? {})})`;
  }
  const symbol = operator(node);
  switch (kind) {
    case 'AEXPR_IN':
      return `(${left} ${symbol === '<>' ? 'NOT IN' : 'IN'} (${list(treeOf(right.List).items)}))`;
    case 'AEXPR_OP_ANY':
      return `(${left} ${symbol} ANY (${conditionText(right)}))`;
    case 'AEXPR_LIKE':
      return `(${left} ${symbol === '!~~' ? 'NOT LIKE' : 'LIKE'} ${conditionText(right)})`;
    default:
      return `(${left} ${symbol} ${conditionText(right)})`;
  }
};

/** The text of a harmless condition. What it says is compared with what it was made of once it is parsed again. */
export const conditionText = (expression: Tree): string => {
  const [tag, node] = unwrap(expression);
  switch (tag) {
    case 'BoolExpr': {
      const word = node.boolop === 'OR_EXPR' ? ' OR ' : ' AND ';
      return `(${listOf(node.args)
        .map((each) => conditionText(each))
        .join(word)})`;
    }
    case 'A_Expr':
      return comparison(node);
    case 'ColumnRef':
      return namesOf(node.fields)
        .map((part, index) => (index === 0 ? part : quoteIdentifier(part)))
        .join('.');
    case 'A_Const':
      return constant(node);
    case 'ParamRef':
      return `$${numberOf(node.number)}`;
    case 'TypeCast':
      return `(${conditionText(treeOf(node.arg))})::${typeName(treeOf(node.typeName))}`;
    case 'A_ArrayExpr':
      return `ARRAY[${list(node.elements)}]`;
    case 'SQLValueFunction':
      return VALUE_FUNCTIONS[stringOf(node.op) ?? ''] ?? '';
    case 'FuncCall':
      return `${namesOf(node.funcname).join('.')}()`;
    default:
      return '';
  }
};
