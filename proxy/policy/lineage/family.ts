/**
 * Partitions and inheritance: a child takes the restrictions of its parents, a parent those of the children whose rows it shows.
 */
import type { ColumnList, RelationGrant } from '../../../kernel/policy.ts';
import { type Catalog, type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import type { Grants } from '../grants.ts';
import { bothConditions, CLEAR, type ColumnSight, displayName, grantProblem, isClear, type Seen, sightByGrant, stricter } from './seen.ts';

export type Family = {
  readonly ancestors: readonly CatalogRelation[];
  /** Descendants, and those from whom these inherit as well. */
  readonly others: readonly CatalogRelation[];
};

/** The families of all relations of a catalog, by oid; without those that have none. */
export class Families {
  readonly #catalog: Catalog;
  readonly #children = new Map<number, number[]>();
  readonly #known = new Map<number, Family>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    for (const { oid, parents } of catalog.relationsByOid.values()) {
      for (const parent of parents ?? []) {
        const children = this.#children.get(parent) ?? [];
        this.#children.set(parent, children);
        children.push(oid);
      }
    }
  }

  of({ oid, parents }: CatalogRelation): Family | undefined {
    if ((parents ?? []).length === 0 && !this.#children.has(oid)) return undefined;
    const family = this.#known.get(oid) ?? this.#around(oid);
    this.#known.set(oid, family);
    return family;
  }

  #around(oid: number): Family {
    const ancestors = this.#reach([oid], (each) => this.#catalog.relationsByOid.get(each)?.parents ?? []);
    const descendants = this.#reach([oid], (each) => this.#children.get(each) ?? []);
    const around = this.#reach([...descendants], (each) => this.#catalog.relationsByOid.get(each)?.parents ?? []);
    const others = new Set([...descendants, ...around]);
    others.delete(oid);
    for (const each of ancestors) others.delete(each);
    return { ancestors: this.#relations(ancestors), others: this.#relations(others) };
  }

  #reach(from: readonly number[], next: (oid: number) => readonly number[]): ReadonlySet<number> {
    const found = new Set<number>();
    const pending = from.flatMap(next);
    for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
      if (found.has(each)) continue;
      found.add(each);
      for (const after of next(each)) pending.push(after);
    }
    return found;
  }

  #relations(oids: ReadonlySet<number>): readonly CatalogRelation[] {
    return [...oids].flatMap((oid) => this.#catalog.relationsByOid.get(oid) ?? []);
  }
}

const grantOf = ({ relations }: Grants, { schema, name }: CatalogRelation): RelationGrant | undefined =>
  relations.get(relationKey(schema, name))?.grant;

const isThere = (relation: CatalogRelation, name: string): boolean => relation.columns.some((column) => column.name === name);

/** What is seen of a table, its own grant included. */
export const seenOfTable = (relation: CatalogRelation, family: Family | undefined, grants: Grants): Seen => {
  const own = grantOf(grants, relation);
  const granted = (relations: readonly CatalogRelation[]) =>
    relations.flatMap((each) => {
      const grant = grantOf(grants, each);
      return grant === undefined ? [] : [{ relation: each, grant }];
    });
  // A table that lost its name to another one, and that a view still shows.
  const former = own !== undefined ? [] : (relation.formerly ?? []).flatMap((key) => grants.relations.get(key)?.grant ?? []);
  const above = [...granted(family?.ancestors ?? []), ...former.map((grant) => ({ relation, grant }))];
  const beside = own?.beneath === 'Ignore' ? [] : granted(family?.others ?? []);
  const all = [...(own === undefined ? [] : [{ relation, grant: own }]), ...above, ...beside];
  const conflict = [relation, ...(family?.ancestors ?? []), ...(family?.others ?? [])].find(({ schema, name }) =>
    grants.conflicts.has(relationKey(schema, name)),
  );
  const columns = new Map<string, ColumnSight>();
  for (const { name } of relation.columns) {
    let sight = own === undefined ? CLEAR : sightByGrant(own, relation, name);
    for (const each of above) if (isThere(each.relation, name)) sight = stricter(sight, sightByGrant(each.grant, each.relation, name));
    const named = own?.select !== undefined && own.select.columns !== '*' && own.select.columns.includes(name);
    for (const each of beside) {
      if (!isThere(each.relation, name)) continue;
      const other = sightByGrant(each.grant, each.relation, name);
      sight = stricter(sight, named ? { ...other, hidden: false } : other);
    }
    if (!isClear(sight)) columns.set(name, sight);
  }
  const conditions = [own?.where, ...above.map(({ grant }) => grant.where)].filter((where) => where !== undefined);
  const uncovered = beside.find(({ grant }) => grant.where !== undefined && !conditions.includes(grant.where));
  const problems = [
    conflict && `more than one policy grants ${displayName(conflict)}, and which masks hold would be a guess`,
    uncovered && `it shows rows of ${displayName(uncovered.relation)}, which has a row filter: give it the same one`,
    ...all.map((each) => grantProblem(each.grant, each.relation)),
  ].filter((problem) => problem !== undefined);
  const where = bothConditions(conditions);
  return { columns, where, ...(problems[0] !== undefined && { problem: problems[0] }) };
};

const common = (one: ColumnList, other: ColumnList, outside: readonly string[]): ColumnList => {
  if (other === '*') return one;
  return one === '*' ? [...other, ...outside] : one.filter((column) => other.includes(column) || outside.includes(column));
};

/** What a grant for writing comes to under those of the ancestors. */
export const writesWithin = (
  grant: RelationGrant,
  relation: CatalogRelation,
  family: Family | undefined,
  grants: Grants,
): RelationGrant => {
  let result = grant;
  for (const ancestor of family?.ancestors ?? []) {
    const above = grantOf(grants, ancestor);
    if (above === undefined) continue;
    const outside = relation.columns.map(({ name }) => name).filter((name) => !isThere(ancestor, name));
    const within = (verb: 'insert' | 'update'): RelationGrant['insert'] => {
      const [own, other] = [result[verb], above[verb]];
      return own === undefined || other === undefined ? undefined : { columns: common(own.columns, other.columns, outside) };
    };
    result = { ...result, insert: within('insert'), update: within('update'), delete: result.delete && above.delete };
  }
  return result;
};
