/**
 * Which relations a message of PostgreSQL's may print rows and keys of: those that the statement writes, and their partitions.
 */
import { type Catalog, type CatalogRelation, relationKey } from '../catalog/catalog.ts';
import { isWhole } from '../policy/checks/relations.ts';
import type { Grants } from '../policy/grants.ts';
import type { Allowed } from '../policy/judgement.ts';
import type { TargetScope } from '../scope/target.ts';

type Context = { readonly catalog: Catalog; readonly grants: Grants };

/** Names that are kept with a judgement; of the partitions beyond, no rows are printed. */
const MOST_PARTITIONS = 200;

/** Rows are stored in them, and errors name them; their columns are those of the relation. */
const partitionsOf = (relation: CatalogRelation, { catalog, grants }: Context): readonly CatalogRelation[] => {
  const found: CatalogRelation[] = [];
  const pending = [relation];
  for (let parent = pending.pop(); parent !== undefined && found.length < MOST_PARTITIONS; parent = pending.pop()) {
    const { oid, kind, reaches } = parent;
    // INVARIANT: only partitions have all columns of their parent and no others.
    if (kind !== 'p') continue;
    for (const reached of reaches) {
      const child = catalog.relationsByOid.get(reached);
      if (child?.parents?.includes(oid) !== true || child.changed === true) continue;
      const own = grants.relations.get(relationKey(child.schema, child.name))?.grant;
      // What is said of the partition itself holds for it.
      if (own?.select !== undefined && !isWhole(own)) continue;
      found.push(child);
      pending.push(child);
    }
  }
  return found;
};

const printed = ({ schema, name }: CatalogRelation): string => relationKey(schema, name);

/** INVARIANT: granted whole, so that no row of it holds what the agent may not see. */
export const openTargets = (targets: readonly TargetScope[], context: Context): readonly string[] =>
  targets.flatMap(({ relation, grant }) => (isWhole(grant) ? [relation, ...partitionsOf(relation, context)].map(printed) : []));

/** Of targets that are granted in part: the columns that a message about a key of theirs may print. */
export const shownColumns = (targets: readonly TargetScope[], context: Context): Pick<Allowed, 'shown'> => {
  const parts = targets.filter(({ grant }) => !isWhole(grant));
  if (parts.length === 0) return {};
  const entries = parts.flatMap(({ relation, grant: { select }, masked }) => {
    const listed = select?.columns ?? [];
    const all = listed === '*' ? relation.columns.map(({ name }) => name) : listed;
    const columns = all.filter((name) => !masked.includes(name));
    return [relation, ...partitionsOf(relation, context)].map((each) => [printed(each), columns] as const);
  });
  return { shown: Object.fromEntries(entries) };
};
