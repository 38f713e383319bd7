import { expect, it } from 'vitest';
import { catalogOf, column, grant, grantsOf, policy, relation } from '../../test/support/small-catalog.ts';
import type { RelationGrant } from '../../kernel/policy.ts';
import { type CatalogRelation, relationKey } from '../catalog/catalog.ts';
import type { Narrowing } from './grants.ts';
import { hidesNothing } from './hides-nothing.ts';

const ALL = [grant('users'), grant('orders'), grant('users', { schema: 'hr' }), grant('secrets')];
const masked = {
  select: { columns: '*', masks: [{ column: 'value', mask: { type: 'Redact' } }] },
} as const satisfies Partial<RelationGrant>;

const withOne = (more: CatalogRelation) => {
  const catalog = catalogOf();
  return { ...catalog, relations: new Map([...catalog.relations, [relationKey(more.schema, more.name), more]]) };
};

it.each<[string, readonly RelationGrant[], boolean]>([
  ['every relation is granted whole', ALL, true],
  ['one is not granted', ALL.slice(1), false],
  ['one is granted without reading', [...ALL.slice(0, 3), grant('secrets', { select: undefined })], false],
  [
    'columns are named, though they be all',
    [...ALL.slice(0, 3), grant('secrets', { select: { columns: ['id', 'value'], masks: [] } })],
    false,
  ],
  ['a column is masked', [...ALL.slice(0, 3), grant('secrets', masked)], false],
  ['rows are filtered', [...ALL.slice(0, 3), grant('secrets', { where: 'id > 0' })], false],
])('hidesNothing() where %s', (_, relations, expected) => {
  expect(hidesNothing(grantsOf(policy({ relations }))!, catalogOf())).toBe(expected);
});

it('hidesNothing() finds what comes later, and sequences too', () => {
  const grants = grantsOf(policy({ relations: ALL }))!;
  const sequence = relation('numbers', [column('last_value', 'int8')], { kind: 'S' });
  const made = { ...catalogOf().relations.get(relationKey('public', 'users'))!, changed: true };
  expect(hidesNothing(grants, withOne(made))).toBe(false);
  expect([catalogOf(), withOne(sequence), catalogOf()].map((catalog) => hidesNothing(grants, catalog))).toEqual([true, false, true]);
});

it('hidesNothing() does not count a relation that two policies grant', () => {
  const twice = grantsOf(policy({ relations: ALL }), policy({ key: 'b', relations: [grant('secrets')] }))!;
  expect(hidesNothing(twice, catalogOf())).toBe(false);
});

it('hidesNothing() looks at what a relation shows of others', () => {
  const grants = grantsOf(policy({ relations: ALL }))!;
  const narrowed = (narrowing: Narrowing) => {
    const key = relationKey('public', 'orders');
    const relations = new Map([...grants.relations, [key, { ...grants.relations.get(key)!, narrowing }]]);
    return hidesNothing({ ...grants, relations }, catalogOf());
  };
  const none = { columns: [], filtered: false };
  expect(narrowed(none)).toBe(true);
  expect(narrowed({ ...none, filtered: true })).toBe(false);
  expect(narrowed({ ...none, problem: 'it shows what cannot be traced' })).toBe(false);
  expect(narrowed({ ...none, columns: [{ column: 'id', effect: 'Null', from: 'public.users.id' }] })).toBe(false);
});
