/**
 * Judging in a session that has defined something which only it sees: in its open transaction, or temporary relations.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { changedCatalog, type CatalogChange } from '../catalog/catalog-change.ts';
import type { Grants } from '../policy/grants.ts';
import { withTemporary } from '../policy/temporary-grants.ts';
import { revisionWith } from '../policy/uncommitted.ts';
import type { JudgeContext } from './judge-context.ts';

const NOT_YET = 'it was made or changed by this transaction, which has to be committed before masks and row filters can be checked';

type Seen = { readonly catalog: Catalog; readonly grants: Grants };

/** What a session sees is the same for all its statements until it defines something more. */
const known = new WeakMap<readonly CatalogChange[], { readonly outside: Seen; readonly inside: Seen }>();

const seenAfter = (outside: Seen, changes: readonly CatalogChange[]): Seen => {
  const before = known.get(changes);
  if (before?.outside.catalog === outside.catalog && before.outside.grants === outside.grants) return before.inside;
  const catalog = changedCatalog(outside.catalog, changes);
  const inside = { catalog, grants: withTemporary(outside.grants, catalog) };
  known.set(changes, { outside: { catalog: outside.catalog, grants: outside.grants }, inside });
  return inside;
};

/** The context after these changes. The server cannot be asked about what they touch: another session does not see it, or would wait. */
export const contextAfter = (context: JudgeContext, changes: readonly CatalogChange[]): JudgeContext => {
  if (changes.length === 0) return context;
  const { catalog, grants } = seenAfter(context, changes);
  return {
    ...context,
    catalog,
    grants,
    revision: revisionWith(context.revision, changes),
    scopeOf: context.freshScopes(catalog),
    probe: async (scope) => {
      if (scope.relation.changed !== true) return await context.probe(scope);
      return scope.type === 'Scoped' && (scope.masked.length > 0 || scope.filtered) ? NOT_YET : undefined;
    },
  };
};
