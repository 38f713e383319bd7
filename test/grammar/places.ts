/** Every place of a parse tree where a node can stand, whether or not one does. */
import { isTree, type Tree } from '../../proxy/sql/tree.ts';
import type { Declarations } from './declarations.ts';

type Mutable = { [field: string]: unknown };

export type Place = {
  /** `Tag.field` of the child. */
  readonly slot: string;
  /** Its place in the statement, as far as handlers can tell it from others. */
  readonly key: string;
  /** `Node`, or the one kind of node that can stand there. */
  readonly type: string;
  /** Puts something there, as often as there are ways to; `undo` before the next. */
  readonly ways: readonly ((tree: Tree) => () => void)[];
};

const put =
  (node: Mutable, field: string, value: (tree: Tree) => unknown) =>
  (tree: Tree): (() => void) => {
    const had = Object.hasOwn(node, field);
    const before = node[field];
    node[field] = value(tree);
    return () => {
      if (had) node[field] = before;
      else delete node[field];
    };
  };

const waysOf = (node: Mutable, field: string, isList: boolean): Place['ways'] => {
  if (!isList) return [put(node, field, (tree) => tree)];
  const items: readonly unknown[] = Array.isArray(node[field]) ? (node[field] as readonly unknown[]) : [];
  return [
    put(node, field, (tree) => [...items, tree]),
    ...items.map((_, index) => put(node, field, (tree) => items.map((item, at) => (at === index ? tree : item)))),
  ];
};

const isTag = (key: string): boolean => /^[A-Z]/.test(key);

export class Places {
  readonly found: Place[] = [];
  /** Every node, with the slots that it fills. */
  readonly nodes: { readonly tag: string; readonly node: Mutable; readonly key: string }[] = [];
  readonly #declared: Declarations;

  constructor(declared: Declarations) {
    this.#declared = declared;
  }

  /** `wrapped` is `{ Tag: { ... } }`; `way`: the slots that lead to it, outermost first. */
  collect(wrapped: unknown, way: readonly string[] = []): void {
    if (!isTree(wrapped)) return;
    for (const tag of Object.keys(wrapped)) if (isTag(tag)) this.#node(tag, wrapped[tag] as Mutable, way);
  }

  #node(tag: string, node: Mutable, way: readonly string[]): void {
    const fields = this.#declared.get(tag);
    if (fields === undefined || !isTree(node)) return;
    this.nodes.push({ tag, node, key: [...way, tag].join(' ') });
    for (const [field, type] of fields) {
      const slot = `${tag}.${field}`;
      const isList = type.endsWith('[]');
      const kind = type.replace('[]', '');
      if (kind !== 'Node' && (isList || !this.#declared.has(kind))) continue;
      // The statement, and the two slots above: further off nothing tells one place from another.
      const key = [...way.slice(0, 1), ...way.slice(1).slice(-2), slot].join(' ');
      this.found.push({ slot, key, type: kind, ways: waysOf(node, field, isList) });
      if (kind !== 'Node') this.#node(kind, node[field] as Mutable, [...way, slot]);
      else for (const item of isList ? ((node[field] ?? []) as readonly unknown[]) : [node[field]]) this.collect(item, [...way, slot]);
    }
  }
}
