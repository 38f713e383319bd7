/** A catalog and grants made by hand: what judging needs, without a server. */
import { type AccessPolicy, NO_LIMITS, type RelationGrant } from '../../kernel/policy.ts';
import { type Catalog, type CatalogColumn, type CatalogFunction, type CatalogRelation, relationKey } from '../../proxy/catalog/catalog.ts';
import { type Grants, grantsFor } from '../../proxy/policy/grants.ts';
import type { DecisionContext } from '../../proxy/policy/decision.ts';

export const NOW = Date.parse('2026-01-01T00:00:00Z');

export const column = (name: string, type = 'text', rest: Partial<CatalogColumn> = {}): CatalogColumn => ({
  name,
  notNull: false,
  baseType: type,
  baseTypeSchema: 'pg_catalog',
  castTo: type,
  category: type === 'text' ? 'S' : 'N',
  length: undefined,
  collation: undefined,
  firstLabel: undefined,
  virtual: false,
  ...rest,
});

let oid = 16384;

export const relation = (name: string, columns: readonly CatalogColumn[], rest: Partial<CatalogRelation> = {}): CatalogRelation => ({
  oid: oid++,
  schema: 'public',
  name,
  kind: 'r',
  columns,
  primaryKey: ['id'],
  reaches: [],
  ...rest,
});

/** `users` and `orders` in public and hr, `secrets`, a view, and two relations of pg_catalog. */
export const RELATIONS: readonly CatalogRelation[] = [
  relation('users', [column('id', 'int4'), column('name'), column('ssn'), column('settings', 'json')]),
  relation('orders', [column('id', 'int4'), column('user_id', 'int4'), column('total', 'int4')]),
  relation('users', [column('id', 'int4'), column('name')], { schema: 'hr' }),
  relation('secrets', [column('id', 'int4'), column('value')]),
  relation('pg_class', [column('oid', 'int4'), column('relname')], { schema: 'pg_catalog', primaryKey: ['oid'] }),
  relation('pg_authid', [column('rolname')], { schema: 'pg_catalog', primaryKey: [] }),
];

const ownFunction = (name: string, rest: Partial<CatalogFunction> = {}): CatalogFunction => ({
  schema: 'public',
  name,
  unary: true,
  takesRow: false,
  returnsSet: false,
  extension: undefined,
  ...rest,
});

const byName = <Item extends { readonly name: string }>(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> =>
  Map.groupBy(items, (item) => item.name);

export const catalogOf = (rest: Partial<Catalog> = {}): Catalog => ({
  version: 'v1',
  serverMajor: 18,
  database: 'shop',
  role: 'agent',
  encoding: 'UTF8',
  defaultSearchPath: ['public'],
  readOnlyByDefault: false,
  schemas: new Set(['pg_catalog', 'public', 'hr']),
  relations: new Map(RELATIONS.map((each) => [relationKey(each.schema, each.name), each])),
  relationsByOid: new Map(RELATIONS.map((each) => [each.oid, each])),
  indexes: new Map(),
  builtinFunctions: new Set(['lower', 'count', 'pg_sleep', 'set_config', 'current_setting', 'query_to_xml', 'overlay']),
  builtinTypes: new Set(['text', 'int4', 'bool']),
  functions: byName([
    ownFunction('lower'),
    ownFunction('purge'),
    ownFunction('contact'),
    ownFunction('anything', { takesRow: true }),
    ownFunction('similarity', { extension: 'pg_trgm' }),
    ownFunction('several', { returnsSet: true }),
    ownFunction('granted'),
    ownFunction('granted', { schema: 'hr' }),
  ]),
  operators: byName([
    { schema: 'public', name: '<<<', extension: undefined, function: { schema: 'public', name: 'purge' }, operandTypes: [], operands: 2 },
    {
      schema: 'public',
      name: '=',
      extension: undefined,
      function: { schema: 'public', name: 'purge' },
      operandTypes: ['public.mood'],
      operands: 2,
    },
  ]),
  columnTypes: new Map(),
  constraints: new Map(),
  leakproof: new Set(['int4 = int4', 'text = text']),
  ordinaryCasts: true,
  mentioned: new Set(),
  userTypes: new Map([['mood', [{ schema: 'public', reach: ['public.mood'] }]]]),
  conversions: new Map(),
  ties: new Set(),
  ...rest,
});

export const grant = (name: string, rest: Partial<RelationGrant> = {}): RelationGrant => ({
  schema: 'public',
  name,
  select: { columns: '*', masks: [] },
  insert: undefined,
  update: undefined,
  delete: false,
  where: undefined,
  ...rest,
});

/** `users` with a masked `ssn`, `orders` whole. */
export const policy = (rest: Partial<AccessPolicy> = {}): AccessPolicy => ({
  key: 'shop/readers',
  connection: 'shop/main',
  mode: 'Enforce',
  agents: [{ agent: 'reader', password: undefined }],
  notBefore: undefined,
  notAfter: undefined,
  relations: [
    grant('users', { select: { columns: ['id', 'name', 'settings'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
    grant('orders'),
  ],
  functions: [{ schema: 'public', name: 'granted' }],
  extensions: ['pg_trgm'],
  settings: ['app.tenant'],
  detect: [],
  rules: [],
  limits: { ...NO_LIMITS, statementTimeout: 3000 },
  notices: 'Forward',
  ...rest,
});

export const grantsOf = (...policies: readonly AccessPolicy[]): Grants | undefined =>
  grantsFor({ revision: 'r1', connections: new Map(), policies }, 'reader', 'shop/main', NOW);

export const contextOf = (rest: Partial<DecisionContext> = {}): DecisionContext => ({
  catalog: catalogOf(),
  grants: grantsOf(policy())!,
  state: { searchPath: ['public'], prepared: () => undefined, cursor: () => undefined },
  revision: 'r1',
  ...rest,
});
