/**
 * The fence of a row filter, `OFFSET 0`, keeps the agent's expressions from running on hidden rows. Here it is made whole.
 */
import type { Catalog } from '../catalog/catalog.ts';
import type { RelationReference } from '../sql/analysis.ts';
import type { Tree } from '../sql/tree.ts';
import { mayFailOnSamples } from './estimates.ts';
import type { Scope } from './scope.ts';

/** The scopes of one statement as they stand in it. `statement` is what was parsed. */
export const fenced = (
  scopes: ReadonlyMap<RelationReference, Scope>,
  statement: Tree,
  catalog: Catalog,
): ReadonlyMap<RelationReference, Scope> => {
  const isFenced = [...scopes.values()].some((scope) => scope.type === 'Scoped' && scope.fence !== undefined);
  if (!isFenced || !mayFailOnSamples(statement, catalog)) return scopes;
  return new Map([...scopes].map(([reference, scope]) => [reference, withoutStatistics(scope)]));
};

const withoutStatistics = (scope: Scope): Scope =>
  scope.type !== 'Scoped' || scope.fence === undefined
    ? scope
    : { ...scope, list: scope.fence.blindList, recordedList: scope.fence.blindRecordedList };
