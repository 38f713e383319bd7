/** Checks of what is granted: relations, columns, and grants that undo each other. */
import { nearestName } from '../kernel/manifest/nearest-name.ts';
import type { AccessPolicy, ColumnList, RelationGrant } from '../kernel/policy.ts';
import { type CatalogRelation, reachesAny, relationKey } from '../proxy/catalog/catalog.ts';
import type { NarrowedColumn } from '../proxy/policy/grants.ts';
import { grantProblem } from '../proxy/policy/lineage/seen.ts';
import { type Check, type Finding, type GrantPlace, grantPlaces, inPolicy, type Severity } from './lint-finding.ts';

/** The relation of a grant; undefined without a database, and where it does not exist. */
export const relationOf = ({ grant, database }: GrantPlace): CatalogRelation | undefined =>
  database?.catalog.relations.get(relationKey(grant.schema, grant.name));

const suggested = (name: string, known: readonly string[]): string => {
  const nearest = nearestName(name, known);
  return nearest === undefined ? 'Correct the name, or remove the grant.' : `Did you mean "${nearest}"?`;
};

/** Relations that the database does not have. */
export const unknownRelations: Check = (input) =>
  grantPlaces(input).flatMap((place) => {
    const { policy, database, name, path } = place;
    if (database === undefined || relationOf(place) !== undefined) return [];
    const known = [...database.catalog.relations.values()]
      .filter(({ schema }) => schema !== 'pg_catalog' && schema !== 'information_schema')
      .map((each) => `${each.schema}.${each.name}`);
    const message = `relation "${name}" does not exist in database "${database.catalog.database}"`;
    return [inPolicy('unknown-relation', policy, { severity: 'Error', path: [...path, 'name'], message, remedy: suggested(name, known) })];
  });

const COLUMN_LISTS = ['select', 'insert', 'update'] as const;

const listOf = (grant: RelationGrant, operation: (typeof COLUMN_LISTS)[number]): ColumnList => grant[operation]?.columns ?? [];

/** Columns that the relation does not have. */
export const unknownColumns: Check = (input) =>
  grantPlaces(input).flatMap((place) => {
    const relation = relationOf(place);
    if (relation === undefined) return [];
    const { policy, grant, path, name } = place;
    const known = relation.columns.map((column) => column.name);
    const named = COLUMN_LISTS.flatMap((operation) => {
      const list = listOf(grant, operation);
      return list === '*' ? [] : list.map((column, index) => ({ column, at: [...path, operation, 'columns', index] }));
    });
    const masked = (grant.select?.masks ?? []).map(({ column }, index) => ({ column, at: [...path, 'select', 'masks', index, 'column'] }));
    return [...named, ...masked]
      .filter(({ column }) => !known.includes(column))
      .map(({ column, at }) => {
        const message = `column "${column}" does not exist in ${name}`;
        return inPolicy('unknown-column', policy, { severity: 'Error', path: at, message, remedy: suggested(column, known) });
      });
  });

/** `'*'`: what is added to the relation later is visible, or can be written, at once. */
export const everyColumn: Check = (input) =>
  grantPlaces(input).flatMap(({ policy, grant, path, name }) =>
    COLUMN_LISTS.filter((operation) => listOf(grant, operation) === '*').map((operation) => {
      const masks = operation === 'select' && (grant.select?.masks.length ?? 0) > 0;
      const what = operation === 'select' ? (masks ? 'shown as it is next to the masks' : 'shown') : 'writable';
      return inPolicy('every-column', policy, {
        severity: 'Warning',
        path: [...path, operation, 'columns'],
        message: `a column that is added to ${name} later is ${what} at once`,
        remedy: 'List the columns.',
      });
    }),
  );

const overlap = (one: AccessPolicy, other: AccessPolicy): boolean =>
  (one.notBefore?.getTime() ?? -Infinity) < (other.notAfter?.getTime() ?? Infinity) &&
  (other.notBefore?.getTime() ?? -Infinity) < (one.notAfter?.getTime() ?? Infinity);

/** A relation that two policies grant to one agent: neither counts. */
export const grantedTwice: Check = (input) => {
  const places = grantPlaces(input);
  return places.flatMap((place, index) =>
    places.slice(0, index).flatMap((earlier): Finding[] => {
      const { policy, name, path } = place;
      if (earlier.policy === policy || earlier.name !== name || earlier.policy.connection !== policy.connection) return [];
      if (!overlap(policy, earlier.policy)) return [];
      const agents = policy.agents
        .map(({ agent }) => agent)
        .filter((agent) => earlier.policy.agents.some((other) => other.agent === agent));
      if (agents.length === 0) return [];
      const message = `${name} is granted to ${agents.join(', ')} by ${earlier.policy.key} too, so that neither grant counts`;
      const remedy = 'Grant it in one of them: which masks and which filter hold would be a guess.';
      return [inPolicy('granted-twice', policy, { severity: 'Error', path: [...path, 'name'], message, remedy })];
    }),
  );
};

const isHidden = ({ select, where }: RelationGrant): boolean => where !== undefined || (select?.masks.length ?? 0) > 0;

const shareAnAgent = (one: AccessPolicy, other: AccessPolicy): boolean =>
  one.connection === other.connection && one.agents.some(({ agent }) => other.agents.some((each) => each.agent === agent));

const EFFECTS = { Masked: 'masked like', Null: 'NULL because of', Hidden: 'hidden like' } as const;

const columnText = ({ column, effect, from }: NarrowedColumn): string => `${column} is ${EFFECTS[effect]} ${from}`;

/** Views, partitions and inheritance parents that show what another grant masks, hides or filters. */
export const shownElsewhere: Check = (input) => {
  const places = grantPlaces(input);
  return places.flatMap((place): Finding[] => {
    const { policy, grant, database, name, path } = place;
    const relation = relationOf(place);
    if (relation === undefined || database === undefined || grantProblem(grant, relation) !== undefined) return [];
    const found = (severity: Severity, message: string, remedy: string): Finding[] => [
      inPolicy('shown-elsewhere', policy, { severity, path: [...path, 'select'], message, remedy }),
    ];
    if (grant.beneath === 'Ignore') {
      const behind = places.filter((other) => isShownBy(relation, other, place)).map((other) => other.name);
      const message = `${name} ignores the masks and row filters of ${behind.join(', ')}`;
      return behind.length === 0 ? [] : found('Warning', message, 'See that its own grant hides as much as is meant.');
    }
    const narrowing = database.narrowing(grant);
    if (narrowing?.problem !== undefined) {
      const remedy = 'Grant what it shows, or set beneath: Ignore, which states that this grant alone hides enough.';
      return found('Error', `${name} cannot be used: ${narrowing.problem}`, remedy);
    }
    const facts = [
      ...(narrowing?.columns ?? []).map(columnText),
      ...(narrowing?.filtered === true ? ['its rows are filtered likewise'] : []),
    ];
    if (facts.length === 0) return [];
    const remedy = 'Give it masks of its own where something else should be shown.';
    return found('Warning', `${name} shows what another grant hides: ${facts.join(', ')}`, remedy);
  });
};

/** Does the relation show what the other grant hides, to the same agent? */
const isShownBy = (relation: CatalogRelation, other: GrantPlace, { policy, database }: GrantPlace): boolean => {
  const hidden = relationOf(other);
  if (hidden === undefined || database === undefined || hidden.oid === relation.oid) return false;
  return isHidden(other.grant) && shareAnAgent(policy, other.policy) && reachesAny(database.catalog, relation.oid, new Set([hidden.oid]));
};
