/**
 * Which functions the values of INSERT call: one that returns a set makes many rows of one.
 */
import type { CalledName } from './analysis.ts';
import { isTree, listOf, namesOf, stringOf, type Tree, treeOf } from './tree.ts';

/** `rows`: of VALUES. What a sub-query calls is its own: it gives one value. */
export const callsIn = (rows: readonly Tree[]): readonly CalledName[] => {
  const found: CalledName[] = [];
  const pending: unknown[] = [...rows];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) for (const each of next) pending.push(each);
    else if (isTree(next)) {
      if (next.funcname !== undefined) {
        const names = namesOf(next.funcname);
        found.push({ schema: names.length > 1 ? names.at(-2) : undefined, name: names.at(-1) ?? '' });
      }
      // `(value).name` calls a function, too.
      for (const step of listOf(next.indirection)) {
        const name = stringOf(treeOf(step.String).sval);
        if (name !== undefined) found.push({ schema: undefined, name });
      }
      for (const key of Object.keys(next)) if (key !== 'SelectStmt' && key !== 'A_Const') pending.push(next[key]);
    }
  }
  return found;
};
