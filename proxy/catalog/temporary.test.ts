import { describe, expect, it } from 'vitest';
import { catalogOf } from '../../test/support/small-catalog.ts';
import type { CatalogChange } from './catalog-change.ts';
import { committed, lasting, otherOfName, withoutTemporary } from './temporary.ts';

const name = (each: string, schema = 'pg_temp') => ({ schema, name: each });
const column = (each: string) => ({ name: each, type: 'int4', notNull: false });
const made = (each: string, columns: readonly string[] = [], more: object = {}): CatalogChange => ({
  type: 'Made',
  name: name(each),
  kind: 'r',
  columns: columns.map(column),
  primaryKey: [],
  reaches: [],
  ...more,
});
const dropped = (each: string): CatalogChange => ({ type: 'Dropped', name: name(each) });
const moved = (from: string, to: string): CatalogChange => ({ type: 'Moved', name: name(from), to: name(to) });
const index = (each: string, table: string): CatalogChange => ({ type: 'IndexMade', name: name(each), table: name(table) });
const altered = (each: string, more: object): CatalogChange =>
  ({ type: 'Altered', name: name(each), added: [], dropped: [], renamed: [], primaryKey: undefined, ...more }) as CatalogChange;
const PERMANENT: CatalogChange = { ...made('kept'), name: name('kept', 'app') } as CatalogChange;

describe('lasting()', () => {
  it.each<[string, readonly CatalogChange[], readonly CatalogChange[]]>([
    ['leaves what all see to the catalog', [PERMANENT, { type: 'SchemaMade', schema: 'pg_temp' }, made('a')], [made('a')]],
    ['forgets what was dropped, with its indexes', [made('a'), index('i', 'a'), dropped('a'), made('b')], [made('b')]],
    ['takes the newest of a name', [made('a', ['x']), dropped('a'), made('a', ['y'])], [made('a', ['y'])]],
    ['follows names, also of indexes', [made('a'), index('i', 'a'), moved('a', 'b'), moved('i', 'j')], [made('b'), index('j', 'b')]],
    ['forgets an index', [made('a'), index('i', 'a'), { type: 'IndexDropped', name: name('i') }], [made('a')]],
    [
      'has the columns as they are by now',
      [made('a', ['x', 'y'], { primaryKey: ['x', 'y'] }), altered('a', { added: [column('z')], dropped: ['y'], renamed: [['x', 'w']] })],
      [made('a', ['w', 'z'], { primaryKey: ['w'] })],
    ],
    ['leaves out what went with its transaction', [made('a', [], { onCommitDrop: true }), made('b')], [made('b')]],
    ['has nothing for what it does not know', [altered('a', {}), moved('b', 'c'), dropped('d')], []],
  ])('%s', (_what, changes, expected) => {
    expect(lasting(changes)).toEqual(expected);
  });

  it('says by being the same that nothing has changed', () => {
    const changes = [made('a'), index('i', 'a')];
    expect([lasting(changes) === changes, committed(changes) === changes, withoutTemporary([PERMANENT])]).toEqual([
      true,
      true,
      [PERMANENT],
    ]);
  });
});

it('committed() keeps what others do not see yet', () => {
  expect(committed([made('a', [], { onCommitDrop: true }), PERMANENT, made('b')])).toEqual([PERMANENT, made('b')]);
});

it('withoutTemporary() keeps the rest', () => {
  expect(withoutTemporary([made('a'), PERMANENT, index('i', 'a')])).toEqual([PERMANENT]);
});

describe('otherOfName()', () => {
  const catalog = catalogOf({ mentioned: new Set(['staged']) });

  it.each([
    ['orders', 'A relation of the database has this name'],
    ['mood', 'A type of the database has this name'],
    ['int4', 'A type of the database has this name'],
    ['Staged', 'A function of the database may mean it by this name'],
    ['scratch', undefined],
  ])('%s', (each, expected) => {
    expect(otherOfName(each, catalog)).toBe(expected);
  });
});
