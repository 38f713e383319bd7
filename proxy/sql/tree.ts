/**
 * Reading the parse tree: small total functions over `Tree`, which never throw.
 */

/** A node of the parse tree as libpg_query's JSON says it: `{ Tag: { field: ... } }`. */
export type Tree = { readonly [field: string]: unknown };

export const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
export const treeOf = (value: unknown): Tree => (isTree(value) ? value : {});
export const listOf = (value: unknown): readonly Tree[] => (Array.isArray(value) ? value.map(treeOf) : []);
export const stringOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
export const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
/** Byte offset in the text; 0 where the grammar gives none. */
export const locationOf = (node: Tree): number => Math.max(0, numberOf(node.location));
export const tagOf = (wrapped: Tree): string => Object.keys(wrapped)[0] ?? '';

/** Strings of a list of String nodes. */
export const namesOf = (value: unknown): readonly string[] => listOf(value).map((item) => stringOf(treeOf(item.String).sval) ?? '');

/** Tag and content of a wrapped node. */
export const unwrap = (wrapped: Tree): readonly [string, Tree] => {
  const tags = Object.keys(wrapped);
  return tags.length === 1 ? [tags[0]!, treeOf(wrapped[tags[0]!])] : ['', {}];
};

/** Types that a constant can be cast to without becoming another text. */
const PLAIN = new Set(['text', 'varchar', 'bool']);

/** A cast may cut or reformat its constant (`'search_path'::varchar(6)`): only those that keep the text are looked through. */
export const isPlainCast = (node: Tree): boolean => {
  const type = treeOf(node.typeName);
  const names = namesOf(type.names);
  const builtin = names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog');
  return builtin && PLAIN.has(names.at(-1) ?? '') && type.typmods === undefined && type.arrayBounds === undefined;
};

/** A constant as text: strings as they are, numbers and booleans in PostgreSQL's spelling; undefined where it is none. */
export const constantOf = (wrapped: Tree): string | undefined => {
  const [tag, node] = unwrap(wrapped);
  switch (tag) {
    case 'Integer':
      return String(numberOf(node.ival));
    case 'Float':
      return stringOf(node.fval);
    case 'String':
      return typeof node.sval === 'string' ? node.sval : '';
    case 'TypeCast': {
      const inner = treeOf(node.arg);
      return tagOf(inner) === 'A_Const' && isPlainCast(node) ? constantOf(inner) : undefined;
    }
    case 'A_Const':
      if (isTree(node.sval)) return typeof node.sval.sval === 'string' ? node.sval.sval : '';
      if (isTree(node.ival)) return String(numberOf(node.ival.ival));
      if (isTree(node.fval)) return stringOf(node.fval.fval);
      return isTree(node.boolval) ? (node.boolval.boolval === true ? 'on' : 'off') : undefined;
    default:
      return undefined;
  }
};
