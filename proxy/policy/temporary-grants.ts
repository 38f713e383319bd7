/**
 * What an agent may do with the temporary tables of its session: everything, since they hold only what it could see, as long as a rule
 * still opens them and nothing else in the database is called like them.
 */
import { type RelationGrant, type RuleMatch, TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { otherOfName } from '../catalog/temporary.ts';
import type { GrantedRelation, GrantedRule, Grants } from './grants.ts';

/** INVARIANT: only a rule that names the schema speaks of temporary relations: one about tables in general does not. */
export const namesTemporary = ({ schemas, relations }: RuleMatch): boolean =>
  schemas?.includes(TEMPORARY_SCHEMA) === true || relations?.some(({ schema }) => schema === TEMPORARY_SCHEMA) === true;

const opensTemporary = ({ rule: { action, match } }: GrantedRule): boolean =>
  action === 'Allow' && match.statements?.includes('Create') === true && namesTemporary(match);

const ALL = { columns: '*' } as const;

const wholeGrant = (name: string): RelationGrant => ({
  schema: TEMPORARY_SCHEMA,
  name,
  select: { ...ALL, masks: [] },
  insert: ALL,
  update: ALL,
  delete: true,
  where: undefined,
});

/** The grants with the session's temporary tables, which are in the catalog. */
export const withTemporary = (grants: Grants, catalog: Catalog): Grants => {
  const opening = grants.rules.find(opensTemporary);
  if (opening === undefined) return grants;
  const found: [string, GrantedRelation][] = [];
  for (const [key, { schema, name, own }] of catalog.relations) {
    if (schema !== TEMPORARY_SCHEMA || own !== true || otherOfName(name, catalog) !== undefined) continue;
    if (grants.relations.has(key) || grants.conflicts.has(key)) continue;
    found.push([key, { grant: wholeGrant(name), policy: opening.policy }]);
  }
  return found.length === 0 ? grants : { ...grants, relations: new Map([...grants.relations, ...found]) };
};
