/**
 * Row filters and masks with operators that mean something else under another search_path: a schema that the agent sets may have one that
 * fits a column better than PostgreSQL's own, as `varchar = varchar` does.
 */
import { statementRefused } from '../../kernel/failure.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Reason } from '../policy/decision.ts';
import { isOfPath } from '../policy/judgement.ts';
import type { Scope } from '../scope/scope.ts';
import type { TargetScope } from '../scope/target.ts';

type Standing = Scope | TargetScope;

/** Could the database have another operator for one of these, of types that the expressions have? */
export const dependsOnPath = (scope: Standing, { operators, columnTypes }: Catalog): boolean => {
  if ((scope.type !== 'Scoped' && scope.type !== 'Target') || scope.lookedUp === undefined) return false;
  const types = new Set([...(columnTypes.get(scope.relation.oid) ?? []), ...scope.lookedUp.types]);
  return scope.lookedUp.operators.some(
    (name) => operators.get(name)?.some(({ operandTypes }) => operandTypes.every((type) => types.has(type))) === true,
  );
};

/**
 * Under the role's own search_path they mean what the policy's author could try.
 * INVARIANT: under another one nothing is shown by them.
 */
export const refusedByPath = (scopes: readonly Standing[], path: readonly string[], catalog: Catalog): readonly Reason[] => {
  if (isOfPath({ searchPath: catalog.defaultSearchPath }, path, catalog.schemas)) return [];
  return scopes
    .filter((scope) => dependsOnPath(scope, catalog))
    .map(({ relation }) => ({
      failure: statementRefused(
        `relation "${relation.schema}.${relation.name}" under this search_path`,
        'RESET search_path: operators of its row filter or masks, which the policy does not qualify, may be other ones here.',
      ),
      location: 0,
      auditable: false,
    }));
};
