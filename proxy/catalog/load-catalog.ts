/**
 * Reads a `Catalog` from the server, in one round trip.
 */
import { createHash } from 'node:crypto';
import {
  type Catalog,
  type CatalogConstraint,
  type CatalogColumn,
  type CatalogFunction,
  type CatalogOperator,
  type CatalogRelation,
  type CatalogConversion,
  relationKey,
} from './catalog.ts';
import {
  BODIES_SQL,
  BUILTINS_SQL,
  COLUMNS_SQL,
  CONVERSIONS_SQL,
  DEFINITIONS_SQL,
  DIVERSIONS_SQL,
  type ColumnRow,
  type ConversionRow,
  FINGERPRINT_SQL,
  FUNCTIONS_SQL,
  IMPLICIT_CASTS_SQL,
  type FunctionRow,
  INDEXES_SQL,
  KEYS_SQL,
  LEAKPROOF_SQL,
  MADE_OF_SQL,
  OPERATORS_SQL,
  type OperatorRow,
  PARENTS_SQL,
  PARTS_SQL,
  REACHES_SQL,
  TIES_SQL,
  SCHEMAS_SQL,
  SESSION_SQL,
  TYPES_SQL,
  type TypeRow,
  VIEW_CALLS_SQL,
} from './catalog-queries.ts';
import { mentionedNames } from './mentioned-names.ts';
import { CONSTRAINTS_SQL, type ConstraintRow } from './constraint-queries.ts';

/** Runs several statements under the proxy's role, in one session and one round trip: the rows of each, as objects. */
export type CatalogRead = (texts: readonly string[]) => Promise<readonly (readonly object[])[]>;

/** Runs one query under the proxy's role, rows as objects. */
export type CatalogQuery = <Row extends object>(sql: string) => Promise<readonly Row[]>;

const groupBy = <Row, Value, Key = string>(rows: readonly Row[], key: (row: Row) => Key, value: (row: Row) => Value): Map<Key, Value[]> => {
  const groups = new Map<Key, Value[]>();
  for (const row of rows) {
    const list = groups.get(key(row));
    if (list === undefined) groups.set(key(row), [value(row)]);
    else list.push(value(row));
  }
  return groups;
};

const columnOf = (row: ColumnRow, types: ReadonlyMap<string, TypeRow>, madeOf: readonly string[] | undefined): CatalogColumn => {
  let type = types.get(row.type ?? '');
  let castTo = row.formatted ?? 'text';
  let typmod = row.typmod ?? -1;
  while (type?.kind === 'd') {
    castTo = type.base_formatted;
    typmod = type.base_typmod;
    type = types.get(type.base);
  }
  const sized = type?.schema === 'pg_catalog' && (type.name === 'varchar' || type.name === 'bpchar') && typmod > 4;
  return {
    name: row.column ?? '',
    notNull: row.not_null === true,
    baseType: type?.name ?? 'unknown',
    baseTypeSchema: type?.schema ?? 'pg_catalog',
    castTo,
    category: type?.category ?? 'X',
    length: sized ? typmod - 4 : undefined,
    collation: row.collation ?? undefined,
    firstLabel: type?.label ?? undefined,
    virtual: row.virtual === true,
    ...(row.number !== null && { number: Number(row.number) }),
    ...(madeOf !== undefined && { madeOf }),
  };
};

/** How many implicit casts PostgreSQL gives the types that its operators widen. */
const IMPLICIT_CASTS: ReadonlyMap<string, number> = new Map([
  ['int2', 17],
  ['int4', 16],
  ['int8', 15],
  ['float4', 1],
  ['numeric', 3],
  ['varchar', 5],
]);

const nameOf = (type: TypeRow | undefined): string => (type === undefined ? '' : `${type.schema}.${type.name}`);

/** Types outside of pg_catalog that a value of a type holds, itself included, by the type's oid. */
const ownTypesOf = (types: ReadonlyMap<string, TypeRow>, parts: ReadonlyMap<string, readonly string[]>) => {
  const known = new Map<string, readonly string[]>();
  return (oid: string): readonly string[] => {
    const found = known.get(oid);
    if (found !== undefined) return found;
    const seen = new Set<string>();
    const pending = [oid];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      pending.push(...(parts.get(next) ?? []));
    }
    const own = [...seen].flatMap((each) => types.get(each) ?? []).filter((type) => type.schema !== 'pg_catalog');
    const names = own.map(nameOf);
    known.set(oid, names);
    return names;
  };
};

const namesIn = (json: string | null): readonly string[] => (json === null ? [] : (JSON.parse(json) as string[]));

const constraintOf = (row: ConstraintRow): CatalogConstraint => ({
  type: row.type,
  name: row.name,
  columns: namesIn(row.columns),
  compared: namesIn(row.compared),
  expression: row.expression ?? undefined,
  other:
    row.other === null
      ? undefined
      : {
          relation: Number(row.other),
          columns: namesIn(row.other_columns),
          deletes: row.deletes === true,
          updates: row.updates === true,
        },
});

/** `fingerprint` stands for the catalog's content: another one whenever that has changed. `settings`: for what a new session starts with. */
export type Fingerprint = { readonly fingerprint: string; readonly settings: string };

export const readFingerprint = async (query: CatalogQuery): Promise<Fingerprint> => {
  const [found] = await query<Fingerprint>(FINGERPRINT_SQL);
  if (found === undefined) throw new Error('the server gave no answer to a catalog query');
  return found;
};

/** In the role's own search_path, and with none: names and types then come out qualified. */
const TEXTS = [
  'RESET search_path',
  SESSION_SQL,
  `SET search_path = ''`,
  COLUMNS_SQL,
  TYPES_SQL,
  KEYS_SQL,
  REACHES_SQL,
  DEFINITIONS_SQL,
  DIVERSIONS_SQL,
  PARENTS_SQL,
  MADE_OF_SQL,
  VIEW_CALLS_SQL,
  TIES_SQL,
  INDEXES_SQL,
  FUNCTIONS_SQL,
  BUILTINS_SQL,
  OPERATORS_SQL,
  BODIES_SQL,
  SCHEMAS_SQL,
  PARTS_SQL,
  LEAKPROOF_SQL,
  IMPLICIT_CASTS_SQL,
  CONVERSIONS_SQL,
  CONSTRAINTS_SQL,
];

type SessionRow = { major: number; database: string; role: string; encoding: string; path: string; readOnly: boolean };

/** Reads the whole catalog, which `fingerprint` stands for. */
export const loadCatalog = async (read: CatalogRead, fingerprint: string): Promise<Catalog> => {
  const answers = await read(TEXTS);
  const rowsOf = <Row extends object>(text: string): readonly Row[] => {
    const rows = answers[TEXTS.indexOf(text)];
    if (rows === undefined) throw new Error('the server gave no answer to a catalog query');
    return rows as readonly Row[];
  };
  const [session] = rowsOf<SessionRow>(SESSION_SQL);
  if (session === undefined) throw new Error('the server gave no answer to a catalog query');
  const columnRows = rowsOf<ColumnRow>(COLUMNS_SQL);
  const types = new Map(rowsOf<TypeRow>(TYPES_SQL).map((row) => [row.oid, row]));
  const keys = groupBy(
    rowsOf<{ oid: string; column: string }>(KEYS_SQL),
    (row) => row.oid,
    (row) => row.column,
  );
  const reaches = groupBy(
    rowsOf<{ oid: string; target: string }>(REACHES_SQL),
    (row) => row.oid,
    (row) => Number(row.target),
  );
  const definitions = new Map(
    rowsOf<{ oid: string; definition: string | null; version: string | null }>(DEFINITIONS_SQL).map(({ oid, definition, version }) => [
      oid,
      { definition: definition ?? '', definitionVersion: version ?? '' },
    ]),
  );
  const diversions = new Set(rowsOf<{ oid: string }>(DIVERSIONS_SQL).map(({ oid }) => oid));
  const parents = groupBy(
    rowsOf<{ oid: string; parent: string }>(PARENTS_SQL),
    (row) => row.oid,
    (row) => Number(row.parent),
  );
  const madeOf = groupBy(
    rowsOf<{ oid: string; column: string; source: string }>(MADE_OF_SQL),
    (row) => `${row.oid}.${row.column}`,
    (row) => row.source,
  );
  const calls = groupBy(
    rowsOf<{ oid: string; schema: string; name: string }>(VIEW_CALLS_SQL),
    (row) => row.oid,
    ({ schema, name }) => ({ schema, name }),
  );
  const ties = new Set(rowsOf<{ oid: string }>(TIES_SQL).map((row) => Number(row.oid)));
  const indexRows = rowsOf<{ schema: string; name: string; table: string }>(INDEXES_SQL);
  const functionRows = rowsOf<FunctionRow>(FUNCTIONS_SQL);
  const builtinRows = rowsOf<{ name: string }>(BUILTINS_SQL);
  const operatorRows = rowsOf<OperatorRow>(OPERATORS_SQL);
  const bodyRows = rowsOf<{ body: string }>(BODIES_SQL);
  const schemaRows = rowsOf<{ name: string }>(SCHEMAS_SQL);
  const partRows = rowsOf<{ oid: string; part: string }>(PARTS_SQL);
  const leakproofRows = rowsOf<{ operator: string }>(LEAKPROOF_SQL);
  const castRows = rowsOf<{ source: string; casts: number }>(IMPLICIT_CASTS_SQL);
  const conversionRows = rowsOf<ConversionRow>(CONVERSIONS_SQL);
  const constraintRows = rowsOf<ConstraintRow>(CONSTRAINTS_SQL);

  const ownTypes = ownTypesOf(
    types,
    groupBy(
      partRows,
      (row) => row.oid,
      (row) => row.part,
    ),
  );

  const relations = new Map<string, CatalogRelation>();
  const relationsByOid = new Map<number, CatalogRelation>();
  const columnTypes = new Map<number, readonly string[]>();
  for (const [oid, rows] of groupBy(
    columnRows,
    (row) => row.oid,
    (row) => row,
  )) {
    const first = rows[0]!;
    const columns = rows.filter((row) => row.column !== null).map((row) => columnOf(row, types, madeOf.get(`${oid}.${row.column}`)));
    const relation: CatalogRelation = {
      oid: Number(oid),
      schema: first.schema,
      name: first.relation,
      kind: first.kind,
      columns,
      primaryKey: keys.get(oid) ?? [],
      reaches: reaches.get(oid) ?? [],
      ...(parents.has(oid) && { parents: parents.get(oid)! }),
      ...definitions.get(oid),
      ...(calls.has(oid) && { calls: calls.get(oid)! }),
      ...(diversions.has(oid) && { diverts: true }),
    };
    relations.set(relationKey(relation.schema, relation.name), relation);
    relationsByOid.set(relation.oid, relation);
    const own = new Set(rows.flatMap((row) => ownTypes(row.type ?? '')));
    if (own.size > 0) columnTypes.set(relation.oid, [...own]);
  }
  const path = JSON.parse(session.path) as readonly string[];
  const content = JSON.stringify([fingerprint, session, columnRows.length]);
  return {
    version: createHash('sha256').update(content).digest('hex').slice(0, 16),
    serverMajor: session.major,
    database: session.database,
    role: session.role,
    encoding: session.encoding,
    defaultSearchPath: path,
    readOnlyByDefault: session.readOnly,
    schemas: new Set(schemaRows.map((row) => row.name)),
    relations,
    relationsByOid,
    indexes: new Map(indexRows.map((row) => [relationKey(row.schema, row.name), Number(row.table)])),
    constraints: groupBy(constraintRows, (row) => Number(row.oid), constraintOf),
    columnTypes,
    ties,
    mentioned: await mentionedNames(bodyRows.map(({ body }) => body)),
    leakproof: new Set(leakproofRows.map((row) => row.operator)),
    ordinaryCasts: castRows.length === IMPLICIT_CASTS.size && castRows.every((row) => IMPLICIT_CASTS.get(row.source) === row.casts),
    builtinTypes: new Set([...types.values()].filter((type) => type.schema === 'pg_catalog').map((type) => type.name)),
    builtinFunctions: new Set(builtinRows.map((row) => row.name)),
    functions: groupBy(
      functionRows,
      (row) => row.name,
      (row): CatalogFunction => ({
        schema: row.schema,
        name: row.name,
        unary: row.unary,
        takesRow: row.takes_row,
        returnsSet: row.returns_set,
        extension: row.extension ?? undefined,
      }),
    ),
    userTypes: groupBy(
      [...types.values()].filter((type) => type.schema !== 'pg_catalog'),
      (type) => type.name,
      (type) => ({ schema: type.schema, reach: ownTypes(type.oid) }),
    ),
    conversions: groupBy(
      conversionRows,
      (row) => nameOf(types.get(row.target)),
      (row): CatalogConversion => {
        const source = types.get(row.source);
        return {
          source: source === undefined || source.schema === 'pg_catalog' ? undefined : nameOf(source),
          function: { schema: row.schema, name: row.name },
          extension: row.extension ?? undefined,
        };
      },
    ),
    operators: groupBy(
      operatorRows,
      (row) => row.name,
      (row): CatalogOperator => ({
        schema: row.schema,
        name: row.name,
        extension: row.extension ?? undefined,
        function: { schema: row.function_schema, name: row.function },
        operandTypes: [row.left_type, row.right_type].filter((type) => type !== null),
        operands: row.operands,
      }),
    ),
  };
};
