/**
 * What the database contains, as one immutable value: relations with their columns, functions and operators outside of
 * pg_catalog, and the session defaults that name resolution depends on.
 */

export type CatalogColumn = {
  readonly name: string;
  readonly notNull: boolean;
  /** Name of the type below all domains, e.g. `text`, `int4`, `order_status`. */
  readonly baseType: string;
  /** Schema of that type. */
  readonly baseTypeSchema: string;
  /** SQL text of that type with its modifier, schema-qualified where PostgreSQL needs it: what a mask is cast to. */
  readonly castTo: string;
  /** `pg_type.typcategory` of the base type. */
  readonly category: string;
  /** Length limit of varchar(n) and char(n). */
  readonly length: number | undefined;
  /** Qualified and quoted; undefined where the type has none or it is the default. */
  readonly collation: string | undefined;
  readonly firstLabel: string | undefined;
  /** GENERATED ... VIRTUAL: reading it evaluates an expression. */
  readonly virtual: boolean;
  /** `pg_attribute.attnum`. */
  readonly number?: number;
  /** What it was called before, as far as that is known. */
  readonly formerly?: readonly string[];
  /** Columns that a generated one is made of. */
  readonly madeOf?: readonly string[];
};

export type CatalogRelation = {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relkind`. */
  readonly kind: string;
  readonly columns: readonly CatalogColumn[];
  readonly primaryKey: readonly string[];
  /** Relations whose data this one shows: view definitions, inheritance parents and children. */
  readonly reaches: readonly number[];
  /** Keys that it had before, as far as that is known. */
  readonly formerly?: readonly string[];
  /** Whose partition or inheritance child it is. */
  readonly parents?: readonly number[];
  /** Of a view and a materialized view: what `pg_get_viewdef` prints with an empty search_path. */
  readonly definition?: string;
  /** The transaction that made that definition: another one has another. */
  readonly definitionVersion?: string;
  /** Functions that the definition depends on, but for those that come with PostgreSQL: also those of operators and casts. */
  readonly calls?: readonly { readonly schema: string; readonly name: string }[];
  /** Rules or INSTEAD OF triggers make something else of what is written to it. */
  readonly diverts?: boolean;
  /** Made or changed by the session's open transaction: the server tells nobody else of it yet. */
  readonly changed?: boolean;
  /** Made by the session's open transaction, or a temporary one of the session. */
  readonly own?: boolean;
  /** Made of a query: its columns are not known, and `columns` is empty. */
  readonly unlisted?: boolean;
};

export type CatalogFunction = {
  readonly schema: string;
  readonly name: string;
  /** Can it be called with one argument? Then `value.name` calls it. */
  readonly unary: boolean;
  /** Does it take a row of no named type, as a sub-query's? */
  readonly takesRow: boolean;
  /** Does one call make any number of rows? */
  readonly returnsSet: boolean;
  readonly extension: string | undefined;
};

export type CatalogOperator = {
  readonly schema: string;
  readonly name: string;
  readonly extension: string | undefined;
  readonly function: { readonly schema: string; readonly name: string };
  /** Operand types outside of pg_catalog, as `schema.name`; a built-in or polymorphic operand is not listed. */
  readonly operandTypes: readonly string[];
  readonly operands: number;
};

/** A type outside of pg_catalog. `reach`: it and the types inside of it, as `schema.name`. */
export type CatalogType = { readonly schema: string; readonly reach: readonly string[] };

/**
 * A constraint or unique index that a write of the relation meets: by how the write ends, it may tell of other rows and
 * columns. `Referenced`: a foreign key of another relation. `Computed`: no constraint, but an expression that may fail.
 */
export type CatalogConstraint = {
  readonly type: 'Unique' | 'Exclusion' | 'Check' | 'ForeignKey' | 'Referenced' | 'Computed';
  /** As errors name it; of what is computed, the generated column, the index or the partitioned table. */
  readonly name: string;
  /** Columns of the relation that take part in it. */
  readonly columns: readonly string[];
  /** Those of them that are compared by more than equality. */
  readonly compared: readonly string[];
  /** Of a CHECK, and what is computed; several with commas between them. */
  readonly expression: string | undefined;
  /** The relation at the other end of a foreign key. `deletes`, `updates`: does it keep rows from that? */
  readonly other:
    | { readonly relation: number; readonly columns: readonly string[]; readonly deletes: boolean; readonly updates: boolean }
    | undefined;
};

/** A function outside of pg_catalog that a cast to a type calls. `source`: the type cast from, where it is outside of pg_catalog. */
export type CatalogConversion = {
  readonly source: string | undefined;
  readonly function: { readonly schema: string; readonly name: string };
  readonly extension: string | undefined;
};

export type Catalog = {
  /** Changes whenever the content does. */
  readonly version: string;
  readonly serverMajor: number;
  readonly database: string;
  readonly role: string;
  /** Of the database: `UTF8`, `LATIN1`, `SQL_ASCII`, ... */
  readonly encoding: string;
  /** Schemas of a new session's search_path, `$user` resolved, without the implicit ones. */
  readonly defaultSearchPath: readonly string[];
  /** Transactions of a new session are read-only. */
  readonly readOnlyByDefault: boolean;
  readonly schemas: ReadonlySet<string>;
  /** Keyed by `relationKey`. */
  readonly relations: ReadonlyMap<string, CatalogRelation>;
  readonly relationsByOid: ReadonlyMap<number, CatalogRelation>;
  /** Oid of the table, keyed by the `relationKey` of the index. */
  readonly indexes: ReadonlyMap<string, number>;
  /** By the oid of the relation whose writes they meet. */
  readonly constraints: ReadonlyMap<number, readonly CatalogConstraint[]>;
  /** Names in pg_catalog on this server. */
  readonly builtinFunctions: ReadonlySet<string>;
  readonly builtinTypes: ReadonlySet<string>;
  /** Outside of pg_catalog and information_schema, by name. */
  readonly functions: ReadonlyMap<string, readonly CatalogFunction[]>;
  readonly operators: ReadonlyMap<string, readonly CatalogOperator[]>;
  /** PostgreSQL's own comparisons that are marked leakproof, as `int4 = int8`. */
  readonly leakproof: ReadonlySet<string>;
  /** Do numbers and varchar have the implicit casts that PostgreSQL gives them, and no others? */
  readonly ordinaryCasts: boolean;
  /** Types that its columns hold: `oid` of relation to `schema.type` outside of pg_catalog. */
  readonly columnTypes: ReadonlyMap<number, readonly string[]>;
  /** Oids of relations that more than views and foreign keys falls with, should they be dropped with CASCADE. */
  readonly ties: ReadonlySet<number>;
  /** Names of relations, in lower case, that the bodies of functions outside of pg_catalog may mean. */
  readonly mentioned: ReadonlySet<string>;
  /** By name. */
  readonly userTypes: ReadonlyMap<string, readonly CatalogType[]>;
  /** By the `schema.name` of the type cast to. */
  readonly conversions: ReadonlyMap<string, readonly CatalogConversion[]>;
};

export const relationKey = (schema: string, name: string): string => `${schema}\u0000${name}`;

/** Does the relation show rows of one of `targets`, directly or through views and inheritance? */
export const reachesAny = (catalog: Catalog, oid: number, targets: ReadonlySet<number>): boolean => {
  const seen = new Set<number>();
  const pending = [oid];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (targets.has(next)) return true;
    pending.push(...(catalog.relationsByOid.get(next)?.reaches ?? []));
  }
  return false;
};
