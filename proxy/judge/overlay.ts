/**
 * Judging inside of a transaction that has defined something: by the catalog that only its session sees.
 */
import { changedCatalog, type CatalogChange } from '../catalog/catalog-change.ts';
import { revisionWith } from '../policy/uncommitted.ts';
import type { JudgeContext } from './judge-context.ts';

const NOT_YET = 'it was made or changed by this transaction, which has to be committed before masks and row filters can be checked';

/** The context after these changes. The server cannot be asked about what they touch: another session does not see it, or would wait. */
export const contextAfter = (context: JudgeContext, changes: readonly CatalogChange[]): JudgeContext => {
  if (changes.length === 0) return context;
  const catalog = changedCatalog(context.catalog, changes);
  return {
    ...context,
    catalog,
    revision: revisionWith(context.revision, changes),
    scopeOf: context.freshScopes(catalog),
    probe: async (scope) => {
      if (scope.relation.changed !== true) return await context.probe(scope);
      return scope.type === 'Scoped' && (scope.masked.length > 0 || scope.filtered) ? NOT_YET : undefined;
    },
  };
};
