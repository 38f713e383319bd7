import { beforeAll, describe, expect, it } from 'vitest';
import { column, relation } from '../../test/support/small-catalog.ts';
import type { CatalogColumn } from '../catalog/catalog.ts';
import type { RelationReference } from '../sql/analysis.ts';
import { Grammar } from '../sql/grammar.ts';
import { listOf, treeOf } from '../sql/tree.ts';
import type { ScopedRelation } from './scope.ts';
import {
  detached,
  fieldsOf,
  isStored,
  type Meaning,
  meaningOf,
  type Output,
  renamed,
  type Row,
  rowOf,
  selected,
  type Sight,
  UNKNOWN_ROW,
  united,
} from './sight.ts';

const ID = column('id', 'int4');
const NAME = column('name');
const reference = (name: string): RelationReference => ({ name, location: 0 }) as RelationReference;
const USERS = reference('users');
const ORDERS = reference('orders');

const of = (stored: CatalogColumn, from: RelationReference | undefined = USERS): Meaning => ({ column: stored, reference: from });
const row = (...outputs: readonly [string | undefined, Meaning][]): Row => ({
  outputs: outputs.map(([name, meaning]): Output => ({ name, meaning })),
  exact: true,
});
const sight = (items: readonly [string | undefined, Row][], rest: Partial<Sight> = {}): Sight => ({
  items: items.map(([name, each]) => ({ name, row: each })),
  merged: new Set(),
  outer: undefined,
  ...rest,
});

describe('meaningOf() knows a name', () => {
  const users = row(['id', of(ID)], ['name', of(NAME)]);
  const orders = row(['id', of(ID, ORDERS)], ['total', of(column('total', 'int4'), ORDERS)]);

  it('where one column has it, and with its qualifier', () => {
    const both = sight([
      ['users', users],
      ['orders', orders],
    ]);
    expect(meaningOf(['name'], both)).toEqual(of(NAME));
    expect(meaningOf(['orders', 'id'], both)).toEqual(of(ID, ORDERS));
  });

  it('not where two have it, or two rows have the name, or one row has it twice', () => {
    const both = sight([
      ['users', users],
      ['orders', orders],
    ]);
    expect(meaningOf(['id'], both)).toBeUndefined();
    expect(
      meaningOf(
        ['users', 'id'],
        sight([
          ['users', users],
          ['users', orders],
        ]),
      ),
    ).toBeUndefined();
    expect(meaningOf(['t', 'a'], sight([['t', row(['a', of(ID)], ['a', of(NAME)])]]))).toBeUndefined();
  });

  it('not without a name, and not with the schema or more before it', () => {
    expect(meaningOf([], sight([['users', users]]))).toBeUndefined();
    expect(meaningOf([], sight([['f', row([undefined, of(ID)])]]))).toBeUndefined();
    expect(
      meaningOf(
        ['public', 'users', 'id'],
        sight([
          ['users', users],
          ['public', row(['users', of(NAME)])],
        ]),
      ),
    ).toBeUndefined();
  });

  it('of a query around it only where nothing nearer can have it', () => {
    const outer = sight([['users', users]]);
    expect(meaningOf(['name'], sight([['orders', orders]], { outer }))).toEqual(of(NAME));
    expect(meaningOf(['users', 'name'], sight([['orders', orders]], { outer }))).toEqual(of(NAME));
    expect(
      meaningOf(
        ['name'],
        sight(
          [
            ['f', UNKNOWN_ROW],
            ['orders', orders],
          ],
          { outer },
        ),
      ),
    ).toBeUndefined();
    expect(meaningOf(['name'], sight([['f', row([undefined, 'Other'])]], { outer }))).toBeUndefined();
    expect(meaningOf(['name'], sight([['f', row(['other', 'Other'], [undefined, 'Other'])]], { outer }))).toBeUndefined();
    expect(meaningOf(['users', 'name'], sight([['users', orders]], { outer }))).toBeUndefined();
  });

  it('of a row whose columns are known in part, where it is among them', () => {
    expect(meaningOf(['id'], sight([['t', { ...users, exact: false }]]))).toEqual(of(ID));
    expect(meaningOf(['other'], sight([['t', { ...users, exact: false }]]))).toBeUndefined();
  });

  it('that USING made one of two, of like columns only, and of no relation', () => {
    const merged = new Set(['id']);
    const two = (other: Meaning) =>
      meaningOf(
        ['id'],
        sight(
          [
            ['users', users],
            ['orders', row(['id', other])],
          ],
          { merged },
        ),
      );
    expect(two(of(ID, ORDERS))).toEqual({ column: ID, reference: undefined });
    expect(two(of(column('id', 'int8'), ORDERS))).toBe('Other');
    expect(two('Other')).toBe('Other');
    expect(
      meaningOf(
        ['id'],
        sight(
          [
            ['x', row(['id', 'Other'])],
            ['users', users],
          ],
          { merged },
        ),
      ),
    ).toBe('Other');
    expect(meaningOf(['id'], sight([['users', users]], { merged }))).toBeUndefined();
  });
});

describe('united() keeps what both rows mean alike', () => {
  const one = row(['a', of(NAME)]);
  it.each<[string, Meaning, Meaning]>([
    ['the same type', of(column('b')), { column: NAME, reference: undefined }],
    ['another type', of(column('b', 'int4')), 'Other'],
    ['a type of this name in another schema', of(column('b', 'text', { baseTypeSchema: 'public' })), 'Other'],
    ['another collation', of(column('b', 'text', { collation: 'public.loose' })), 'Other'],
    ['something else', 'Other', 'Other'],
  ])('%s', (_, other, expected) => {
    expect(united(one, row(['b', other]))).toEqual(row(['a', expected]));
    expect(united(row(['a', other]), one).outputs[0]?.meaning === 'Other').toBe(expected === 'Other');
  });

  it('nothing where the columns of one are not known, or there are more of them', () => {
    const loose = { ...one, exact: false };
    expect(united(loose, one)).toEqual(UNKNOWN_ROW);
    expect(united(one, loose)).toEqual(UNKNOWN_ROW);
    expect(united(one, row(['a', of(NAME)], ['b', of(NAME)]))).toEqual(UNKNOWN_ROW);
    expect(united(row(['a', of(NAME)], ['b', of(NAME)]), one)).toEqual(UNKNOWN_ROW);
  });
});

describe('a row', () => {
  const names = (...each: readonly string[]) => ({ colnames: each.map((sval) => ({ String: { sval } })) });

  it('takes new names from the left, and keeps what is left over', () => {
    const users = row(['id', of(ID)], ['name', of(NAME)]);
    expect(renamed(users, names('a'))).toEqual(row(['a', of(ID)], ['name', of(NAME)]));
    expect(renamed({ ...users, exact: false }, names('a'))).toEqual(UNKNOWN_ROW);
    expect(renamed({ ...users, exact: false }, {})).toEqual({ ...users, exact: false });
  });

  it('that a sub-query hands on comes from no relation', () => {
    expect(detached(row(['a', of(ID)], ['b', 'Other']))).toEqual(row(['a', { column: ID, reference: undefined }], ['b', 'Other']));
  });

  it('of a scope has the columns that are shown; masked ones, and those of a view, mean something else', () => {
    const users = relation('users', [ID, NAME, column('ssn'), column('hidden')]);
    const scope = { type: 'Scoped', relation: users, columns: ['id', 'name', 'ssn'], masked: ['ssn'] } as unknown as ScopedRelation;
    expect(rowOf(scope, USERS)).toEqual(row(['id', of(ID)], ['name', of(NAME)], ['ssn', 'Other']));
    expect(rowOf({ ...scope, relation: { ...users, kind: 'v' } }, USERS)).toEqual(
      row(['id', 'Other'], ['name', 'Other'], ['ssn', 'Other']),
    );
    expect(rowOf({ type: 'Bare', relation: users }, USERS).outputs.map(({ name }) => name)).toEqual(['id', 'name', 'ssn', 'hidden']);
    expect(rowOf({ type: 'Unusable', relation: users, problem: 'none' }, USERS)).toEqual(UNKNOWN_ROW);
  });

  it.each([
    ['r', 'public', true],
    ['p', 'public', true],
    ['m', 'public', true],
    ['v', 'public', false],
    ['f', 'public', false],
    ['r', 'pg_catalog', false],
    ['r', 'information_schema', false],
  ])('is stored in a relation of kind %s in %s: %s', (kind, schema, stored) => {
    expect(isStored(relation('t', [ID], { kind, schema }))).toBe(stored);
  });
});

describe('selected() gives', () => {
  const grammar = new Grammar(18);
  beforeAll(() => grammar.load());
  const targets = (list: string) => listOf(treeOf(grammar.parse(`SELECT ${list}`)[0]!.node.SelectStmt).targetList);
  const users = row(['id', of(ID)], ['name', of(NAME)]);
  const orders = row(['id', of(ID, ORDERS)], ['total', 'Other']);
  const FROM: readonly [string, Row][] = [
    ['users', users],
    ['orders', orders],
  ];
  const given = (list: string, rest: Partial<Sight> = {}, items: readonly [string | undefined, Row][] = FROM): string => {
    const { outputs, exact } = selected(targets(list), sight(items, rest));
    const texts = outputs.map(({ name, meaning }) => {
      if (meaning === 'Other') return `${name}?`;
      return meaning.reference === undefined ? `${name} is ${meaning.column.name}` : 'a reference';
    });
    return `${texts.join(', ')}${exact ? '' : ' and more'}`;
  };

  it.each([
    ['name', 'name is name'],
    ['name AS a', 'a is name'],
    ['users.id', 'id is id'],
    ['users.id AS a, total', 'a is id, total?'],
    ['id', 'id?'],
    ['nothing', 'nothing?'],
    ['public.users.id', 'id?'],
    ['id + 1', 'undefined?'],
    ['lower(name) AS name', 'name?'],
    ['(SELECT 1)', 'undefined?'],
    ['*', 'id is id, name is name, id is id, total?'],
    ['users.*', 'id is id, name is name'],
    ['orders.*, name', 'id is id, total?, name is name'],
    ['other.*', ' and more'],
    ['other.*, name', 'name is name and more'],
    ['public.users.*', ' and more'],
    ['name, *', 'name is name, id is id, name is name, id is id, total?'],
  ])('%s: %s', (list, expected) => {
    expect(given(list)).toBe(expected);
  });

  it('no row for certain where a star brings columns that are not known, or that USING made one of', () => {
    expect(given('*', { merged: new Set(['id']) })).toBe(' and more');
    expect(given('users.*', { merged: new Set(['id']) })).toBe(' and more');
    expect(given('*', {}, [...FROM, ['f', UNKNOWN_ROW]])).toBe(' and more');
    expect(given('users.*', {}, [...FROM, ['f', UNKNOWN_ROW]])).toBe('id is id, name is name');
    expect(given('*', {}, [['users', { ...users, exact: false }]])).toBe(' and more');
    expect(given('*', {}, [])).toBe(' and more');
  });

  it('reads names of a reference, and none of a star', () => {
    const fields = (list: string) => fieldsOf(treeOf(treeOf(treeOf(targets(list)[0]!.ResTarget).val).ColumnRef));
    expect([fields('a.b.c'), fields('a'), fields('a.*'), fields('*')]).toEqual([['a', 'b', 'c'], ['a'], [], []]);
  });
});
