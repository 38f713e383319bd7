/**
 * A condition within the statement that is sent: the views that it reads are those that were traced. A definition may be replaced, dropped and made
 * anew, or take another's name, at any time before the statement runs; while it runs, its own locks keep that away.
 */
import type { Catalog, CatalogRelation } from '../catalog/catalog.ts';
import { raiseSql } from '../policy/raise.ts';
import { quoteLiteral, quoteName } from './quote.ts';

export type Witness = {
  readonly sql: string;
  /** Where in it the relation is named that it reads, in bytes. */
  readonly offset: number;
};

/** The relation that a witness reads. */
export const WITNESS_RELATION = { schema: 'pg_catalog', name: 'pg_rewrite' } as const;

/** The view and the views that it shows. */
const viewsOf = (relation: CatalogRelation, catalog: Catalog): readonly CatalogRelation[] => {
  const found = new Map<number, CatalogRelation>();
  const pending = [relation];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.definition === undefined || found.has(next.oid)) continue;
    found.set(next.oid, next);
    pending.push(...next.reaches.flatMap((oid) => catalog.relationsByOid.get(oid) ?? []));
  }
  return [...found.values()];
};

/** The condition for a view, as an expression that fails where it does not hold; undefined for what is no view. */
export const witnessOf = (relation: CatalogRelation, catalog: Catalog): Witness | undefined => {
  const views = viewsOf(relation, catalog);
  // What the open transaction changed keeps its locks, and is known as it was before.
  if (views.length === 0 || views.some(({ changed }) => changed === true)) return undefined;
  const name = quoteLiteral(quoteName(relation.schema, relation.name));
  const equal = 'OPERATOR(pg_catalog.=)';
  const rules = views.map(
    ({ oid, definitionVersion }) =>
      `w.ev_class ${equal} ${oid}::pg_catalog.oid AND w.xmin::pg_catalog.text ${equal} ${quoteLiteral(definitionVersion ?? '')}`,
  );
  const before = `CASE WHEN pg_catalog.to_regclass(${name})::pg_catalog.oid ${equal} ${relation.oid}::pg_catalog.oid AND (SELECT pg_catalog.count(*) FROM `;
  const read = `${quoteName(WITNESS_RELATION.schema, WITNESS_RELATION.name)} AS w WHERE w.rulename ${equal} '_RETURN'::pg_catalog.name AND (${rules.join(' OR ')})`;
  const raise = raiseSql({ type: 'View', relation: `${relation.schema}.${relation.name}` });
  const sql = `${before}${read}) ${equal} ${views.length} THEN true ELSE ${raise}::pg_catalog.bool END`;
  return { sql, offset: Buffer.byteLength(before) };
};
