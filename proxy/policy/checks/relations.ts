/**
 * Resolves each relation as PostgreSQL would, and asks whether the agent may read it.
 */
import { grantUnusable, notUnderstood, relationRefused, relationUnknown } from '../../../kernel/failure.ts';
import { definitionRefused } from '../../../kernel/policy-failure.ts';
import { type RelationGrant, TEMPORARY_SCHEMA } from '../../../kernel/policy.ts';
import { systemRelation } from '../../catalog/builtin/relations.ts';
import { type Catalog, type CatalogRelation, reachesAny, relationKey } from '../../catalog/catalog.ts';
import { otherOfName } from '../../catalog/temporary.ts';
import type { RelationReference } from '../../sql/analysis.ts';
import type { DecisionContext, Reason, ResolvedRelation } from '../decision.ts';
import type { GrantedRelation, Grants } from '../grants.ts';

export type RelationVerdict =
  | { readonly type: 'Resolved'; readonly resolved: ResolvedRelation }
  | { readonly type: 'Audited'; readonly resolved: ResolvedRelation; readonly reason: Reason }
  | { readonly type: 'Refused'; readonly reason: Reason };

/** The relation that a name means under a search_path: a temporary one first, then pg_catalog's unless the path lists it. */
export const resolveRelation = (
  reference: Pick<RelationReference, 'schema' | 'name'>,
  catalog: Catalog,
  path: readonly string[],
): CatalogRelation | undefined => {
  if (reference.schema !== undefined) return catalog.relations.get(relationKey(reference.schema, reference.name));
  const schemas = path.includes('pg_catalog') ? path : ['pg_catalog', ...path];
  for (const schema of [TEMPORARY_SCHEMA, ...schemas]) {
    const found = catalog.relations.get(relationKey(schema, reference.name));
    if (found !== undefined) return found;
  }
  return undefined;
};

const isGuarded = ({ select, where }: RelationGrant): boolean => where !== undefined || (select?.masks.length ?? 0) > 0;

/** Seen whole and as it is, whatever columns it gets. */
export const isWhole = ({ select, where }: RelationGrant): boolean =>
  select?.columns === '*' && select.masks.length === 0 && where === undefined;

/** Oids of the granted relations that the policy hides in part. */
export const hiddenInPart = (grants: Grants, catalog: Catalog, hides: (grant: RelationGrant) => boolean): ReadonlySet<number> => {
  const oids = new Set<number>();
  for (const [key, { grant }] of grants.relations) {
    const relation = catalog.relations.get(key);
    if (relation !== undefined && hides(grant)) oids.add(relation.oid);
  }
  return oids;
};

/** The relation, hidden in part, that would be seen or written whole through this one; not this one itself. */
export const shownThrough = (relation: CatalogRelation, { grants, catalog }: DecisionContext): CatalogRelation | undefined => {
  const hidden = hiddenInPart(grants, catalog, (grant) => !isWhole(grant));
  for (const oid of hidden)
    if (oid !== relation.oid && reachesAny(catalog, relation.oid, new Set([oid]))) return catalog.relationsByOid.get(oid);
  return undefined;
};

export const displayed = (reference: RelationReference): string =>
  reference.schema === undefined ? reference.name : `${reference.schema}.${reference.name}`;

/** As it can be written in SQL. */
const asWritten = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/** Names of the relations that may be read, for the hint. */
export const readableRelations = (grants: Grants): readonly string[] => {
  const names = [...grants.relations.values()]
    .filter(({ grant }) => grant.select !== undefined)
    .map(({ grant }) => `${asWritten(grant.schema)}.${asWritten(grant.name)}`);
  return names.length <= 12 ? names : [...names.slice(0, 12), `and ${names.length - 12} more`];
};

/** Why what the relation shows cannot be shown; undefined where it can. */
export const narrowingProblem = (relation: CatalogRelation, granted: GrantedRelation, context: DecisionContext): string | undefined => {
  const problem = granted.narrowing?.problem;
  if (problem !== undefined) return `The grant cannot be applied: ${problem}.`;
  // What the open transaction made of it was not traced.
  const behind = relation.changed === true ? shownThrough(relation, context) : undefined;
  return (
    behind && `It was made or changed by this transaction, and shows ${behind.schema}.${behind.name}, of which the policy hides a part.`
  );
};

/** Why a temporary relation cannot be used any more. */
export const shadowingFailure = ({ schema, name }: CatalogRelation, catalog: Catalog): Reason['failure'] | undefined => {
  const other = schema === TEMPORARY_SCHEMA ? otherOfName(name, catalog) : undefined;
  return other === undefined
    ? undefined
    : definitionRefused('use', name, `${other} by now.`, 'Drop the temporary table, and make one with another name.');
};

export const checkRelation = (reference: RelationReference, context: DecisionContext): RelationVerdict => {
  const { catalog, grants } = context;
  const refuse = (failure: Reason['failure'], auditable = false): RelationVerdict => ({
    type: 'Refused',
    reason: { failure, location: reference.location, auditable },
  });
  const name = displayed(reference);
  if (reference.database !== undefined && reference.database !== catalog.database) {
    return refuse(notUnderstood(`a reference to database "${reference.database}"`));
  }
  const relation = resolveRelation(reference, catalog, context.state.searchPath);
  if (relation === undefined) return refuse(relationUnknown(name, reference.ahead));
  const shadowing = shadowingFailure(relation, catalog);
  if (shadowing !== undefined) return refuse(shadowing);
  const key = relationKey(relation.schema, relation.name);
  const granted = grants.relations.get(key);
  if (granted?.grant.select !== undefined) {
    const problem = narrowingProblem(relation, granted, context);
    if (problem !== undefined) return refuse(grantUnusable(name, problem));
    return { type: 'Resolved', resolved: { reference, relation, access: { type: 'Granted', granted } } };
  }
  const conflict = grants.conflicts.get(key);
  if (conflict !== undefined) {
    return refuse(grantUnusable(name, `More than one policy grants it, and which masks hold would be a guess: ${conflict.join(', ')}.`));
  }
  const system = systemRelation(relation.schema, relation.name);
  if (system !== undefined && system.type !== 'Refused') {
    return { type: 'Resolved', resolved: { reference, relation, access: { type: 'System', system } } };
  }
  const failure = relationRefused(name, readableRelations(grants));
  const isSystem = relation.schema === 'pg_catalog' || relation.schema === 'information_schema';
  if (
    grants.mode === 'Audit' &&
    !isSystem &&
    grants.kept?.has(key) !== true &&
    !reachesAny(catalog, relation.oid, hiddenInPart(grants, catalog, isGuarded))
  ) {
    const reason: Reason = { failure, location: reference.location, auditable: true };
    return { type: 'Audited', resolved: { reference, relation, access: { type: 'Ungranted' } }, reason };
  }
  return refuse(failure);
};
