/**
 * Whether there is anything in a database that an agent may not see.
 */
import { type Catalog, relationKey } from '../catalog/catalog.ts';
import { isWhole } from './checks/relations.ts';
import type { GrantedRelation, Grants } from './grants.ts';

const known = new WeakMap<Grants, { readonly catalog: Catalog; readonly hides: boolean }>();

const isShown = ({ grant, narrowing }: GrantedRelation): boolean =>
  isWhole(grant) && (narrowing === undefined || (narrowing.problem === undefined && narrowing.columns.length === 0 && !narrowing.filtered));

const hides = ({ relations }: Grants, catalog: Catalog): boolean => {
  for (const { schema, name, changed } of catalog.relations.values()) {
    // What the open transaction made of it was not traced.
    if (changed === true) return true;
    if (schema === 'pg_catalog' || schema === 'information_schema') continue;
    const granted = relations.get(relationKey(schema, name));
    if (granted === undefined || !isShown(granted)) return true;
  }
  return false;
};

/** Do the policies show the agent every relation whole, sequences and partitions too, and all that views are made of? Found once for a catalog. */
export const hidesNothing = (grants: Grants, catalog: Catalog): boolean => {
  const before = known.get(grants);
  if (before?.catalog === catalog) return !before.hides;
  const found = hides(grants, catalog);
  known.set(grants, { catalog, hides: found });
  return !found;
};
