/** Views over relations that a policy hides a part of, traced without a server. */
import type { RelationGrant } from '../../kernel/policy.ts';
import { type CatalogRelation, relationKey } from '../../proxy/catalog/catalog.ts';
import type { Grammar } from '../../proxy/sql/grammar.ts';
import { grant, relation } from './small-catalog.ts';
import { catalogWith, columnsFrom, narrowedBy, shownAs, viewOf } from './small-views.ts';

export const TABLES: readonly CatalogRelation[] = [
  relation('customers', columnsFrom('id:int4 name ssn:varchar(11) email salary:int4 secret region age:int4')),
  relation('orders', columnsFrom('id:int4 customer_id:int4 amount:int4')),
  relation('tickets', columnsFrom('id:int4 tenant:int4 subject')),
  relation('guesses', columnsFrom('id:int4 guess')),
  relation('payroll', columnsFrom('ssn:varchar(11) pay:int4')),
  relation('closed', columnsFrom('id:int4')),
  relation('pg_class', columnsFrom('oid:int4 relname'), { schema: 'pg_catalog' }),
  relation('pg_stats', columnsFrom('attname most_common_vals'), { schema: 'pg_catalog' }),
  relation('pg_stat_activity', columnsFrom('pid:int4 query'), { schema: 'pg_catalog' }),
  relation('pg_settings', columnsFrom('name setting'), { schema: 'pg_catalog' }),
  relation('pg_unheard_of', columnsFrom('a'), { schema: 'pg_catalog' }),
  relation('tables', columnsFrom('table_name'), { schema: 'information_schema' }),
  relation('user_mapping_options', columnsFrom('option_value'), { schema: 'information_schema' }),
];

const MASKS = [
  { column: 'ssn', mask: { type: 'KeepLast', characters: 4 } },
  { column: 'email', mask: { type: 'Expression', expression: 'lower(email)' } },
  { column: 'salary', mask: { type: 'Null' } },
  { column: 'age', mask: { type: 'KeepLast', characters: 4 } },
] as const;

export const GRANTS: readonly RelationGrant[] = [
  grant('customers', { select: { columns: ['id', 'name', 'region'], masks: MASKS } }),
  grant('orders'),
  grant('tickets', { where: 'tenant = 1' }),
  grant('closed', { where: 'false' }),
  grant('guesses', { insert: { columns: ['guess'] } }),
];

type View = { readonly columns: string; readonly definition: string };

/** What a view shows that is granted like this, and whole where nothing else is said. */
export const traced = (grammar: Grammar, { columns, definition }: View, own: Partial<RelationGrant> = {}): string => {
  const view = viewOf('v', { columns, definition }, { relations: TABLES, grammar });
  const catalog = catalogWith([...TABLES, view]);
  const { relations } = narrowedBy([...GRANTS, grant('v', own)], { catalog, grammar, functions: ['public.granted'] });
  return shownAs(relations.get(relationKey('public', 'v'))!, view);
};

/** Why nothing of a view can be seen. */
export const NO_FILTER = 'it shows rows of public.tickets, which has a row filter, in a way that the filter cannot be applied to';
export const ORACLE = (column: string): string =>
  `its rows depend on how masked public.customers.${column} compares with what the agent may write or set`;

export const SSN = 'public.customers.ssn';
/** Column x as the column itself is masked, and as NULL. */
export const SAME = `x: KeepLast of ${SSN}`;
export const NULLED = `x: Null of ${SSN}`;
