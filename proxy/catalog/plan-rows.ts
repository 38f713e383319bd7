/**
 * How many rows a plan handles, read from `EXPLAIN (FORMAT JSON)`.
 */

/** A node of the plan, as far as it is read. */
type PlanNode = { readonly [key: string]: unknown };

/**
 * Nodes that pass on each row of their first input as they get it: what needs no more rows than a LIMIT above asks them for. Any
 * other (a sort, an aggregate, a hash) takes all of its input first.
 */
const STREAMING = new Set([
  'Append',
  'Gather',
  'Gather Merge',
  'Hash Join',
  'Limit',
  'LockRows',
  'Merge Append',
  'Merge Join',
  'Nested Loop',
  'ProjectSet',
  'Result',
  'Subquery Scan',
  'Unique',
]);

const isNode = (value: unknown): value is PlanNode => typeof value === 'object' && value !== null && !Array.isArray(value);

const rowsOf = (node: PlanNode): number => {
  const rows = node['Plan Rows'];
  return typeof rows === 'number' ? rows : Number.POSITIVE_INFINITY;
};

const childrenOf = (node: PlanNode): readonly PlanNode[] => {
  const children = node['Plans'];
  return Array.isArray(children) ? children.filter(isNode) : [];
};

/** Which part of its inputs' rows a node asks for, where it is itself asked for `part` of its own. */
const partOfInput = (node: PlanNode, input: PlanNode, part: number): number => {
  const relationship = input['Parent Relationship'];
  const streams =
    STREAMING.has(String(node['Node Type'])) && (relationship === 'Outer' || relationship === 'Member' || relationship === 'Subquery');
  if (!streams) {
    return 1;
  }
  return node['Node Type'] === 'Limit' ? part * Math.min(1, rowsOf(node) / Math.max(1, rowsOf(input))) : part;
};

const largest = (node: PlanNode, part: number): number =>
  childrenOf(node).reduce((most, input) => Math.max(most, largest(input, partOfInput(node, input, part))), rowsOf(node) * part);

/**
 * The largest number of rows that any node of the plan is expected to return: a product of two relations counts although the count(*)
 * above it returns one row. Rows that a LIMIT spares do not count. `explained`: the value of EXPLAIN's only column.
 */
export const planRows = (explained: unknown): number => {
  const [first] = Array.isArray(explained) ? explained : [];
  const plan: unknown = isNode(first) ? first['Plan'] : undefined;
  return isNode(plan) ? Math.ceil(largest(plan, 1)) : Number.POSITIVE_INFINITY;
};
