/**
 * Tells which literals a judgement did not depend on: those whose values nobody read in the parse tree while it was made.
 */
import { isTree, type Tree } from '../sql/tree.ts';
import type { Template } from './template.ts';

/** For each slot of the template: nobody has read its value so far. */
export type LiteralWatch = { readonly unread: () => readonly boolean[] };

type Watched = { found: number; read: boolean };

const valueOf = (text: string): string | number => (text.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : Number(text));

/** What any look at the value, or at whether there is one, reports. */
const spied = (value: Tree, watched: Watched): Tree => {
  const seen =
    <Args extends unknown[], Result>(look: (...args: Args) => Result) =>
    (...args: Args): Result => {
      watched.read = true;
      return look(...args);
    };
  return new Proxy<{ readonly [field: string]: unknown }>(value, {
    get: seen(Reflect.get),
    has: seen(Reflect.has),
    ownKeys: seen(Reflect.ownKeys),
    getOwnPropertyDescriptor: seen(Reflect.getOwnPropertyDescriptor),
  });
};

/** Watches the constants of parse trees, which have to be as the grammar made them; `bytes` is their text. */
export const watchLiterals = (trees: readonly Tree[], bytes: Buffer, template: Template): LiteralWatch => {
  const slots = new Map(template.slots.map(({ start, end }) => [start, { end, watched: { found: 0, read: false } as Watched }]));
  const pending: unknown[] = [...trees];
  while (pending.length > 0) {
    const node = pending.pop();
    if (Array.isArray(node)) {
      for (const item of node) pending.push(item);
    } else if (isTree(node)) {
      const constant = node.A_Const;
      if (isTree(constant)) watchConstant(constant, bytes, slots);
      else for (const field in node) if (typeof node[field] === 'object') pending.push(node[field]);
    }
  }
  return { unread: () => [...slots.values()].map(({ watched }) => watched.found === 1 && !watched.read) };
};

const watchConstant = (
  constant: { readonly [field: string]: unknown },
  bytes: Buffer,
  slots: ReadonlyMap<number, { readonly end: number; readonly watched: Watched }>,
): void => {
  const start = constant.location;
  const slot = typeof start === 'number' ? slots.get(start) : undefined;
  if (slot === undefined || typeof start !== 'number') return;
  const value = isTree(constant.ival) ? constant.ival : isTree(constant.sval) ? constant.sval : undefined;
  if (value === undefined) return;
  // INVARIANT: the grammar has read the very literal that stands there, or another text's would mean something else.
  const meant = isTree(constant.ival) ? (value.ival ?? 0) : (value.sval ?? '');
  if (meant !== valueOf(bytes.toString('utf8', start, slot.end))) return;
  slot.watched.found += 1;
  (constant as Record<string, unknown>)[isTree(constant.ival) ? 'ival' : 'sval'] = spied(value, slot.watched);
};
