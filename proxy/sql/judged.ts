/**
 * Which nodes of a statement somebody judged. Whoever looks at a node adds it; what is left at the end was looked at by nobody.
 * INVARIANT: a handler that reads a child as a name, or passes over it, cannot let anything else through in its place.
 */
import { type Tree, treeOf } from './tree.ts';

/** Nodes that are their value. */
const VALUES: ReadonlyMap<string, string | undefined> = new Map([
  ['String', 'sval'],
  ['Integer', 'ival'],
  ['Float', 'fval'],
  ['Boolean', 'boolval'],
  ['BitString', 'bsval'],
  ['A_Star', undefined],
]);

/** Its children are values, never nodes. */
const CONSTANT = '"A_Const"';

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** Tags begin with a capital letter, fields do not. */
const isTag = (key: string): boolean => key < 'a';

const OPTION_FIELDS: readonly string[] = ['defname', 'arg', 'defaction', 'location'];
const CONSTANT_FIELDS: readonly string[] = ['ival', 'fval', 'boolval', 'sval', 'bsval', 'isnull', 'location'];
const WORD_FIELDS: readonly string[] = ['names', 'typemod', 'location'];

const hasOnly = (node: Tree, fields: readonly string[]): boolean => Object.keys(node).every((field) => fields.includes(field));

export class Judged {
  readonly #nodes = new Set<unknown>();
  readonly #copies = new Set<unknown>();

  add(node: Tree): void {
    this.#nodes.add(node);
  }

  /** A node that stands for another one which is judged, and is the same. */
  addCopy(node: Tree): void {
    this.#copies.add(node);
  }

  /** An option, and what it is set to where that is a constant or a word, which the grammar takes for a type. */
  addOption(element: Tree): void {
    if (hasOnly(element, OPTION_FIELDS)) this.#nodes.add(element);
    const { A_Const: constant, TypeName: word } = treeOf(element.arg);
    if (hasOnly(treeOf(constant), CONSTANT_FIELDS)) this.#nodes.add(constant);
    if (hasOnly(treeOf(word), WORD_FIELDS)) this.#nodes.add(word);
  }

  /** A node that nobody judged, in words; undefined where there is none. */
  rest(statement: unknown): string | undefined {
    const pending: unknown[] = [statement];
    while (pending.length > 0) {
      const next = pending.pop();
      if (isScalar(next)) continue;
      if (Array.isArray(next)) {
        for (const item of next) if (!isScalar(item)) pending.push(item);
        continue;
      }
      const left = this.#object(next as Tree, pending);
      if (left !== undefined) return left;
    }
    return undefined;
  }

  #object(wrapped: Tree, pending: unknown[]): string | undefined {
    const keys = Object.keys(wrapped);
    const [tag] = keys;
    // Lists have empty places.
    if (tag === undefined) return undefined;
    if (!isTag(tag)) return this.#node('a part', wrapped, keys, pending);
    const node = wrapped[tag];
    if (keys.length > 1 || isScalar(node)) return `"${tag}" in this form`;
    const fields = Object.keys(node as Tree);
    if (VALUES.has(tag)) {
      const isPlain = fields.every((field) => field === VALUES.get(tag) && isScalar((node as Tree)[field]));
      return isPlain ? undefined : `"${tag}" in this form`;
    }
    if (tag !== 'List') return this.#node(`"${tag}"`, node as Tree, fields, pending);
    pending.push((node as Tree).items);
    return fields.every((field) => field === 'items') ? undefined : '"List" in this form';
  }

  #node(words: string, node: Tree, fields: readonly string[], pending: unknown[]): string | undefined {
    if (this.#copies.has(node)) return undefined;
    if (!this.#nodes.has(node)) return `${words} at this place`;
    // INVARIANT: the value of a constant is not looked at, or no judgement would hold for another (literal-watch.ts of the judge).
    if (words === CONSTANT) return undefined;
    for (const field of fields) if (!isScalar(node[field])) pending.push(node[field]);
    return undefined;
  }
}
