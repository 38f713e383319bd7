/** Relations of every standing that definitions are judged by, without a server. */
import { relationKey } from '../../proxy/catalog/catalog.ts';
import type { DecisionContext } from '../../proxy/policy/decision.ts';
import type { SessionState } from '../../proxy/policy/judgement.ts';
import { column, contextOf, grant, grantsOf, policy, relation } from './small-catalog.ts';
import { catalogWith, columnsFrom } from './small-views.ts';

const USERS = relation('users', columnsFrom('id:int4 name ssn'));
const TICKETS = relation('tickets', columnsFrom('id:int4 tenant:int4'));
const SECRETS = relation('secrets', columnsFrom('id:int4 pin:int4'));
const ORDERS = relation('orders', columnsFrom('id:int4 total:int4'));
export const WHOLE = relation('whole', columnsFrom('id:int4'));
const NARROW = relation('narrow', columnsFrom('id:int4'));
const KEYLESS = relation('keyless', columnsFrom('id:int4'), { primaryKey: [] });
export const viewOf = (name: string, ...behind: readonly (typeof USERS)[]) =>
  relation(name, columnsFrom('id:int4'), { kind: 'v', reaches: behind.map(({ oid }) => oid) });
export const RELATIONS = [
  USERS,
  TICKETS,
  SECRETS,
  ORDERS,
  WHOLE,
  NARROW,
  KEYLESS,
  relation('mine', columnsFrom('id:int4'), { own: true }),
  relation('twice', columnsFrom('id:int4')),
  relation('tied', columnsFrom('id:int4')),
  relation('shared', columnsFrom('id:int4'), { schema: 'hr' }),
  relation('numbers', columnsFrom('last_value:int8'), { kind: 'S' }),
  relation('foreign_table', columnsFrom('id:int4'), { kind: 'f' }),
  viewOf('user_view', USERS),
  viewOf('whole_view', WHOLE),
  viewOf('order_view', ORDERS),
  viewOf('narrow_view', NARROW),
  relation('order_copy', columnsFrom('id:int4'), { kind: 'm', reaches: [ORDERS.oid] }),
  relation('typed', [column('id', 'int4'), column('mood', 'mood', { baseTypeSchema: 'public' })]),
  relation('hidden_typed', [column('id', 'int4'), column('kind', 'kind', { baseTypeSchema: 'public' })]),
  relation('pg_class', columnsFrom('oid:int4'), { schema: 'pg_catalog' }),
];
export const oidOf = (name: string): number => RELATIONS.find((each) => each.name === name)!.oid;

export const CATALOG = catalogWith(RELATIONS, {
  schemas: new Set(['pg_catalog', 'public', 'hr']),
  indexes: new Map([
    [relationKey('public', 'users_index'), USERS.oid],
    [relationKey('public', 'orders_index'), ORDERS.oid],
    [relationKey('public', 'secrets_index'), SECRETS.oid],
    [relationKey('hr', 'shared_index'), oidOf('shared')],
    [relationKey('public', 'lost_index'), 7],
  ]),
  ties: new Set([oidOf('tied')]),
  columnTypes: new Map([
    [oidOf('typed'), ['public.mood']],
    [oidOf('hidden_typed'), ['public.kind']],
    [8, ['public.mood']],
  ]),
  userTypes: new Map(['mood', 'kind', 'code'].map((name) => [name, [{ schema: 'public', reach: [`public.${name}`] }]])),
});

export const GRANTS = [
  grant('users', { select: { columns: ['id', 'name'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
  grant('tickets', { where: 'tenant = 1' }),
  grant('orders', { delete: true }),
  grant('whole'),
  grant('narrow', { select: { columns: ['id'], masks: [] } }),
  grant('keyless', { select: { columns: ['id'], masks: [] } }),
  grant('order_view'),
  grant('order_copy'),
  grant('later'),
  grant('masked_later', { select: { columns: ['id'], masks: [] } }),
  grant('twice'),
  grant('typed'),
  grant('hidden_typed', { where: 'id = 1' }),
  grant('numbers'),
];

/** What judging definitions takes. */
export const contextWith = (state: Partial<SessionState> = {}): DecisionContext =>
  contextOf({
    catalog: CATALOG,
    grants: grantsOf(
      policy({ relations: GRANTS }),
      policy({ key: 'b', relations: [grant('twice'), grant('twice_later')] }),
      policy({ key: 'c', relations: [grant('twice_later')] }),
    )!,
    state: { ...contextOf().state, ...state },
  });
