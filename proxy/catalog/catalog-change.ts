/**
 * What definitions of an open transaction make of the catalog, which only the session itself can see until it commits.
 */
import { TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import { type Catalog, type CatalogColumn, type CatalogRelation, relationKey } from './catalog.ts';

export type ChangedName = { readonly schema: string; readonly name: string };

export type CatalogChange =
  | {
      readonly type: 'Made';
      readonly name: ChangedName;
      readonly kind: string;
      readonly columns: readonly { readonly name: string; readonly type: string; readonly notNull: boolean }[];
      readonly primaryKey: readonly string[];
      /** Oids of relations whose rows it shows: a view's. */
      readonly reaches: readonly number[];
      /** Types outside of pg_catalog that its columns can have, as `schema.name`; undefined: any. */
      readonly types?: readonly string[];
      /** Made of a query, whose columns are not known. */
      readonly unlisted?: true;
      /** Temporary, and goes with its transaction. */
      readonly onCommitDrop?: true;
    }
  | { readonly type: 'Dropped'; readonly name: ChangedName }
  | { readonly type: 'Moved'; readonly name: ChangedName; readonly to: ChangedName }
  | {
      readonly type: 'Altered';
      readonly name: ChangedName;
      readonly added: readonly { readonly name: string; readonly type: string; readonly notNull: boolean }[];
      readonly dropped: readonly string[];
      readonly renamed: readonly (readonly [string, string])[];
      readonly primaryKey: readonly string[] | undefined;
      /** Of the columns that are added, or get another type; undefined: any. */
      readonly types?: readonly string[];
    }
  | { readonly type: 'IndexMade'; readonly name: ChangedName; readonly table: ChangedName }
  | { readonly type: 'IndexDropped'; readonly name: ChangedName }
  | { readonly type: 'SchemaMade' | 'SchemaDropped'; readonly schema: string }
  | { readonly type: 'TypeMade' | 'TypeDropped'; readonly name: ChangedName };

/** What is known of a new column is enough for a relation that is granted whole: nothing of it is written into a scope. */
const columnOf = ({ name, type, notNull }: { name: string; type: string; notNull: boolean }): CatalogColumn => ({
  name,
  notNull,
  baseType: type,
  baseTypeSchema: 'pg_catalog',
  castTo: type,
  category: 'X',
  length: undefined,
  collation: undefined,
  firstLabel: undefined,
  virtual: false,
});

type Draft = {
  readonly relations: Map<string, CatalogRelation>;
  readonly relationsByOid: Map<number, CatalogRelation>;
  readonly indexes: Map<string, number>;
  readonly schemas: Set<string>;
  readonly userTypes: Map<string, Catalog['userTypes'] extends ReadonlyMap<string, infer Types> ? Types : never>;
  readonly columnTypes: Map<number, readonly string[]>;
};

const everyType = ({ userTypes }: Draft): readonly string[] => [
  ...new Set([...userTypes.values()].flatMap((types) => types.flatMap(({ reach }) => reach))),
];

const keyOf = ({ schema, name }: ChangedName): string => relationKey(schema, name);

const put = (draft: Draft, relation: CatalogRelation, types: readonly string[] = everyType(draft)): void => {
  draft.relations.set(relationKey(relation.schema, relation.name), relation);
  draft.relationsByOid.set(relation.oid, relation);
  // INVARIANT: where it is not known which types its columns are of, an operator on one that is left out would not be judged.
  draft.columnTypes.set(relation.oid, types);
};

const remove = (draft: Draft, key: string): CatalogRelation | undefined => {
  const relation = draft.relations.get(key);
  draft.relations.delete(key);
  if (relation !== undefined) draft.relationsByOid.delete(relation.oid);
  return relation;
};

const alter = (relation: CatalogRelation, change: Extract<CatalogChange, { type: 'Altered' }>): CatalogRelation => {
  const renamed = new Map(change.renamed);
  const kept = relation.columns.filter(({ name }) => !change.dropped.includes(name));
  const primaryKey = (change.primaryKey ?? relation.primaryKey).filter((name) => !change.dropped.includes(name));
  return {
    ...relation,
    changed: true,
    columns: [...kept.map((column) => ({ ...column, name: renamed.get(column.name) ?? column.name })), ...change.added.map(columnOf)],
    primaryKey: primaryKey.map((name) => renamed.get(name) ?? name),
  };
};

/** Of a temporary table, all its types are known, or any is possible. */
const typesWith = ({ schema, oid }: CatalogRelation, { types }: Extract<CatalogChange, { type: 'Altered' }>, draft: Draft) =>
  schema === TEMPORARY_SCHEMA && types !== undefined ? [...new Set([...(draft.columnTypes.get(oid) ?? []), ...types])] : undefined;

const apply = (draft: Draft, change: CatalogChange, index: number): void => {
  switch (change.type) {
    case 'Made': {
      const { schema, name } = change.name;
      const { kind, primaryKey, reaches } = change;
      // INVARIANT: a relation of a transaction has an oid that no other has, so that nothing known of another is taken for it.
      const made: CatalogRelation = {
        oid: -1 - index,
        schema,
        name,
        kind,
        columns: change.columns.map(columnOf),
        primaryKey,
        reaches,
        changed: true,
        own: true,
        ...(change.unlisted && { unlisted: true }),
      };
      put(draft, made, change.types);
      return;
    }
    case 'Dropped':
      remove(draft, keyOf(change.name));
      return;
    case 'Moved': {
      const index_ = draft.indexes.get(keyOf(change.name));
      const relation = remove(draft, keyOf(change.name));
      const types = draft.columnTypes.get(relation?.oid ?? 0);
      const kept = change.to.schema === TEMPORARY_SCHEMA ? types : undefined;
      if (relation !== undefined) put(draft, { ...relation, ...change.to, changed: true }, kept);
      if (index_ === undefined) return;
      draft.indexes.delete(keyOf(change.name));
      draft.indexes.set(keyOf(change.to), index_);
      return;
    }
    case 'Altered': {
      const relation = draft.relations.get(keyOf(change.name));
      if (relation !== undefined) put(draft, alter(relation, change), typesWith(relation, change, draft));
      return;
    }
    case 'IndexMade': {
      const table = draft.relations.get(keyOf(change.table));
      if (table !== undefined) draft.indexes.set(keyOf(change.name), table.oid);
      return;
    }
    case 'IndexDropped':
      draft.indexes.delete(keyOf(change.name));
      return;
    case 'SchemaMade':
      draft.schemas.add(change.schema);
      return;
    case 'SchemaDropped':
      draft.schemas.delete(change.schema);
      return;
    case 'TypeMade': {
      const { schema, name } = change.name;
      // What it is made of is not known here.
      const reach = [`${schema}.${name}`, ...everyType(draft)];
      draft.userTypes.set(name, [...(draft.userTypes.get(name) ?? []), { schema, reach }]);
      return;
    }
    case 'TypeDropped':
      draft.userTypes.set(
        change.name.name,
        (draft.userTypes.get(change.name.name) ?? []).filter(({ schema }) => schema !== change.name.schema),
      );
      return;
    default:
      change satisfies never;
  }
};

/** The catalog as a session sees it after its own uncommitted definitions. */
export const changedCatalog = (catalog: Catalog, changes: readonly CatalogChange[]): Catalog => {
  if (changes.length === 0) return catalog;
  const draft: Draft = {
    relations: new Map(catalog.relations),
    relationsByOid: new Map(catalog.relationsByOid),
    indexes: new Map(catalog.indexes),
    schemas: new Set(catalog.schemas),
    userTypes: new Map(catalog.userTypes),
    columnTypes: new Map(catalog.columnTypes),
  };
  for (const [index, change] of changes.entries()) apply(draft, change, index);
  return { ...catalog, ...draft };
};
