/**
 * What relations and columns were called before, as far as this process has seen it. A policy speaks of names: what it says of one holds for what
 * bears it, and goes on to hold for what bore it where that is shown by other ways.
 */
import { type Catalog, type CatalogColumn, type CatalogRelation, relationKey } from './catalog.ts';

/** Names remembered of one thing. */
const MOST = 8;

const names = (before: readonly string[] | undefined, last: string, now: string): readonly string[] =>
  [...new Set([...(before ?? []), last])].filter((name) => name !== now).slice(-MOST);

const columnAfter = (column: CatalogColumn, before: CatalogColumn | undefined): CatalogColumn => {
  if (before === undefined || (before.name === column.name && before.formerly === undefined)) return column;
  const formerly = names(before.formerly, before.name, column.name);
  return formerly.length === 0 ? column : { ...column, formerly };
};

const relationAfter = (relation: CatalogRelation, before: CatalogRelation | undefined): CatalogRelation => {
  if (before === undefined) return relation;
  const numbered = new Map(before.columns.map((column) => [column.number, column]));
  const columns = relation.columns.map((column) =>
    column.number === undefined ? column : columnAfter(column, numbered.get(column.number)),
  );
  const formerly = names(before.formerly, relationKey(before.schema, before.name), relationKey(relation.schema, relation.name));
  const isSame = formerly.length === 0 && columns.every((column, index) => column === relation.columns[index]);
  return isSame ? relation : { ...relation, columns, ...(formerly.length > 0 && { formerly }) };
};

/** The catalog with the names that its things had in the one before it. */
export const withFormerNames = (catalog: Catalog, before: Catalog | undefined): Catalog => {
  if (before === undefined) return catalog;
  const relations = new Map<string, CatalogRelation>();
  const relationsByOid = new Map<number, CatalogRelation>();
  for (const [key, each] of catalog.relations) {
    const relation = relationAfter(each, before.relationsByOid.get(each.oid));
    relations.set(key, relation);
    relationsByOid.set(relation.oid, relation);
  }
  return { ...catalog, relations, relationsByOid };
};
