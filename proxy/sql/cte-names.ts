/**
 * Which CTE names are in sight, by SQL's scoping rules: order inside WITH, RECURSIVE, nesting.
 */
import type { RelationReference } from './analysis.ts';

/** CTEs of one WITH by their position; only those before `visible` are in sight. */
export type Environment = {
  readonly positions: ReadonlyMap<string, number>;
  readonly visible: number;
  readonly outer: Environment | undefined;
};

/** No CTE in sight. */
export const EMPTY: Environment = { positions: new Map(), visible: 0, outer: undefined };

/** Does an unqualified name stand for a CTE? */
export const hasName = (environment: Environment, name: string): boolean => {
  for (let scope: Environment | undefined = environment; scope !== undefined; scope = scope.outer) {
    const position = scope.positions.get(name);
    if (position !== undefined && position < scope.visible) return true;
  }
  return false;
};

/** Notes of a relation that a CTE has its name, should that one not be in sight. */
export const noteAhead = (reference: RelationReference, environment: Environment): RelationReference => {
  if (reference.schema !== undefined || hasName(environment, reference.name)) return reference;
  for (let scope: Environment | undefined = environment; scope !== undefined; scope = scope.outer) {
    if (scope.positions.has(reference.name)) return { ...reference, ahead: true };
  }
  return reference;
};
