/**
 * Proof that each scope with a row filter stands in the parsed text as it was meant: the filter, then what is repeated of the agent's
 * conditions and nothing else, then the fence unless it was left out.
 */
import type { ParsedStatement } from '../sql/grammar.ts';
import { isTree, listOf, locationOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { conjuncts } from './condition-forms.ts';
import { rebased, withoutPlaces } from './condition-text.ts';
import type { Fence, ScopedRelation } from './scope.ts';

/** A relation with a row filter. */
export type FencedRelation = ScopedRelation & { readonly fence: Fence };

const isZero = (value: unknown): boolean => isTree(value) && JSON.stringify(withoutPlaces(value)) === '{"A_Const":{"ival":{}}}';

const conditionsOf = ({ fence, repeated }: FencedRelation): readonly Tree[] => [
  ...conjuncts(rebased(fence.condition, (fields) => fields.at(-1) ?? '')),
  ...(repeated ?? []),
];

const isAsMeant = (select: Tree, scope: FencedRelation): boolean => {
  const found = conjuncts(withoutPlaces(treeOf(select.whereClause)));
  const isFenced = isZero(select.limitOffset) && select.limitCount === undefined;
  return JSON.stringify(found) === JSON.stringify(conditionsOf(scope)) && isFenced === (scope.unfenced !== true);
};

/** The relation that is all that a query's FROM clause has. */
const onlyRelation = (select: Tree): Tree | undefined => {
  const [item = {}, other] = listOf(select.fromClause);
  if (other !== undefined) return undefined;
  const [tag, node] = unwrap(item);
  const [inner, relation] = tag === 'RangeTableSample' ? unwrap(treeOf(node.relation)) : [tag, node];
  return inner === 'RangeVar' ? relation : undefined;
};

/** Is there a scope that is not as it was meant? `scopes`: by the place of their relation in the text. */
export const isFenceBroken = (statements: readonly ParsedStatement[], scopes: ReadonlyMap<number, FencedRelation>): boolean => {
  if (scopes.size === 0) return false;
  // The sub-query of `SET (a, b) = (SELECT ...)` stands in the tree once for each column.
  const found = new Set<number>();
  let broken = false;
  const pending: unknown[] = statements.map(({ node }) => node);
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) for (const each of value) pending.push(each);
    if (!isTree(value)) continue;
    for (const key of Object.keys(value)) {
      const inner = value[key];
      pending.push(inner);
      const relation = isTree(inner) && 'fromClause' in inner ? onlyRelation(inner) : undefined;
      const scope = relation === undefined ? undefined : scopes.get(locationOf(relation));
      if (scope === undefined) continue;
      found.add(locationOf(relation ?? {}));
      broken ||= !isAsMeant(treeOf(inner), scope);
    }
  }
  return broken || found.size !== scopes.size;
};
