import { beforeAll, describe, expect, it } from 'vitest';
import type { RelationGrant } from '../../kernel/policy.ts';
import { column, contextOf, grant, grantsOf, policy, relation } from '../../test/support/small-catalog.ts';
import { catalogWith, columnsFrom } from '../../test/support/small-views.ts';
import type { CatalogConstraint, CatalogRelation } from '../catalog/catalog.ts';
import { analyze } from '../sql/analyze.ts';
import { soleExpression } from '../sql/check-condition.ts';
import { Grammar } from '../sql/grammar.ts';
import { decide } from './decide.ts';
import type { Telling } from './judgement.ts';
import { tellingOf } from './telling.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const USERS = relation('users', columnsFrom('id:int4 name ssn tenant:int4'));
const ORDERS = relation('orders', columnsFrom('id:int4 user_id:int4'));
const MADE = relation('made', [...columnsFrom('a b'), column('c', 'text', { madeOf: ['a', 'b'] }), column('d', 'text', { madeOf: ['b'] })]);
const VIEW = relation('user_view', columnsFrom('id:int4 ssn'), { kind: 'v', reaches: [USERS.oid] });
const PART = relation('part', columnsFrom('id:int4 name ssn tenant:int4'), { reaches: [USERS.oid] });
const FOREIGN = relation('far', columnsFrom('id:int4'), { kind: 'f' });
const RELATIONS: readonly CatalogRelation[] = [USERS, ORDERS, MADE, VIEW, PART, FOREIGN];

type Rest = Partial<CatalogConstraint>;
const constraint = (type: CatalogConstraint['type'], columns: readonly string[], rest: Rest = {}): CatalogConstraint => ({
  type,
  name: `${type}_${columns.join('_')}`,
  columns,
  compared: [],
  expression: undefined,
  other: undefined,
  ...rest,
});
const unique = (...columns: readonly string[]) => constraint('Unique', columns);
const check = (expression: string, ...columns: readonly string[]) => constraint('Check', columns, { expression, name: 'check' });

const ALL = { insert: { columns: '*' }, update: { columns: '*' }, delete: true } as const;
const SOME: RelationGrant = grant('users', {
  ...ALL,
  select: { columns: ['id', 'name', 'tenant'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] },
});
const FILTERED: RelationGrant = grant('users', { ...ALL, where: 'tenant = 1' });
const WHOLE: RelationGrant = grant('users', ALL);

type Told = { readonly telling: Telling | undefined; readonly refused: readonly string[] };

const toldBy = (
  sql: string,
  grants: readonly RelationGrant[],
  constraints: readonly (readonly [CatalogRelation, readonly CatalogConstraint[]])[],
  untagged = false,
): Told => {
  const catalog = catalogWith(RELATIONS, {
    constraints: new Map(constraints.map(([{ oid }, each]) => [oid, each])),
    builtinFunctions: new Set(['unnest', 'lower', 'several']),
  });
  const context = contextOf({ catalog, grants: grantsOf(policy({ relations: grants }))! });
  const { targets, reasons } = decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), context);
  expect(reasons.map(({ failure }) => failure.message)).toEqual([]);
  const parse = (text: string) => (text.includes('!!') ? undefined : soleExpression(grammar.parse(`SELECT (${text})`)[0]!.node));
  const found = tellingOf(targets, {
    catalog,
    relations: context.grants.relations,
    parse,
    filterOf: ({
      granted: {
        grant: { where },
      },
    }) => (where === undefined ? undefined : parse(where)),
    untagged,
  });
  return { telling: found.telling, refused: found.reasons.map(({ failure }) => `${failure.message}: ${failure.fields.detail}`) };
};

/** `names of constraints; proposed, upfront`, with `computed` and the refusals behind it; nothing where it tells nothing. */
const told = (sql: string, own: RelationGrant, ...constraints: readonly CatalogConstraint[]): string =>
  textOf(toldBy(sql, [own], [[USERS, constraints]]));

const textOf = ({ telling, refused }: Told): string =>
  [
    telling === undefined
      ? ''
      : `${telling.constraints.join(' ')}; ${telling.proposed}, ${telling.upfront}${telling.computes ? ' computed' : ''}`,
    ...refused,
  ].join(' ! ');

const NO_COUNT = ' ! permission denied for ON CONFLICT DO NOTHING with the rows of a query in relation "public.users"';

describe('a unique constraint tells', () => {
  it.each([
    ['INSERT INTO users (id) VALUES (1)', SOME, unique('ssn'), ''],
    ['INSERT INTO users (ssn) VALUES ($1)', SOME, unique('ssn'), 'Unique_ssn; 0, 0'],
    ['INSERT INTO users VALUES (1)', SOME, unique('ssn'), ''],
    ['INSERT INTO users VALUES (1, $1, $2)', SOME, unique('ssn'), 'Unique_ssn; 0, 0'],
    ['UPDATE users SET ssn = $1', SOME, unique('ssn'), 'Unique_ssn; 0, 0'],
    ['UPDATE users SET name = $1', SOME, unique('ssn'), ''],
    ['UPDATE users SET name = $1', SOME, unique('name', 'ssn'), 'Unique_name_ssn; 0, 0'],
    ['UPDATE users SET name = $1', SOME, unique('name'), ''],
    ['DELETE FROM users', SOME, unique('ssn'), ''],
    ['UPDATE users SET ssn = $1', WHOLE, unique('ssn'), ''],
    ['UPDATE users SET ssn = $1', { ...WHOLE, select: undefined }, unique('ssn'), 'Unique_ssn; 0, 0'],
    ['UPDATE users SET ssn = $1', { ...WHOLE, select: { columns: ['id'], masks: [] } }, unique('ssn'), 'Unique_ssn; 0, 0'],
    ['UPDATE users SET ssn = $1', { ...WHOLE, select: { columns: ['ssn'], masks: [] } }, unique('ssn'), ''],
    // Of hidden rows, unless the filter holds one of its columns to one value.
    ['UPDATE users SET ssn = $1', FILTERED, unique('ssn'), 'Unique_ssn; 0, 0'],
    ['UPDATE users SET ssn = $1', FILTERED, unique('ssn', 'tenant'), ''],
    ['UPDATE users SET ssn = $1', { ...FILTERED, where: 'tenant > 1' }, unique('ssn', 'tenant'), 'Unique_ssn_tenant; 0, 0'],
    ['UPDATE users SET ssn = $1', FILTERED, constraint('Exclusion', ['ssn']), 'Exclusion_ssn; 0, 0'],
  ])('%s: %#', (sql, own, of, expected) => {
    expect(told(sql, own, of)).toBe(expected);
  });

  it('more where it compares a hidden column by more than equality', () => {
    const range = constraint('Exclusion', ['name', 'ssn'], { compared: ['ssn', 'name'] });
    const refusal =
      'permission denied to write column "name" of relation "public.users": Constraint "Exclusion_name_ssn" compares it with column "ssn", which this agent may not read, so that its values could be found by trying.';
    expect(told('UPDATE users SET name = $1', SOME, range)).toBe(`Exclusion_name_ssn; 0, 1 ! ${refusal}`);
    expect(told('UPDATE users SET name = $1', { ...SOME, guessable: ['ssn'] }, range)).toBe('Exclusion_name_ssn; 0, 1');
    expect(told('UPDATE users SET name = $1', { ...SOME, guessable: ['name'] }, range)).toBe(`Exclusion_name_ssn; 0, 1 ! ${refusal}`);
  });
});

describe('a check tells', () => {
  const refusal = (written: string) =>
    ` ! permission denied to write column "${written}" of relation "public.users": Constraint "check" compares it with column "ssn", which this agent may not read, so that its values could be found by trying.`;
  it.each([
    ['UPDATE users SET name = $1', check('name <> ssn', 'name', 'ssn'), `check; 0, 1${refusal('name')}`],
    ['UPDATE users SET name = $1, id = 2', check('name <> ssn AND id > 0', 'name', 'id', 'ssn'), `check; 0, 1${refusal('name')}`],
    ['UPDATE users SET id = 1', check('name <> ssn AND id > 0', 'id', 'name', 'ssn'), ''],
    ['UPDATE users SET name = $1', check('name = $$a$$ OR ssn IS NULL', 'name', 'ssn'), 'check; 0, 0'],
    ['UPDATE users SET name = $1', check('name > $$a$$', 'name'), ''],
    ['UPDATE users SET name = $1, ssn = $2', check('name <> ssn', 'name', 'ssn'), ''],
    ['UPDATE users SET id = 1', check('name <> ssn', 'name', 'ssn'), ''],
    ['INSERT INTO users (name) VALUES ($1)', check('name <> ssn', 'name', 'ssn'), ''],
    ['UPDATE users SET name = $1', constraint('Check', ['name', 'ssn'], { name: 'check' }), ''],
    ['UPDATE users SET name = $1', check('!!', 'name', 'ssn'), `check; 0, 1${refusal('name')}`],
  ])('%s: %#', (sql, of, expected) => {
    expect(told(sql, SOME, of)).toBe(expected);
  });

  it('nothing of visible columns', () => {
    expect(told('UPDATE users SET name = $1', WHOLE, check('name <> ssn', 'name', 'ssn'))).toBe('');
  });
});

describe('a foreign key tells', () => {
  const far = (columns: readonly string[], rest: Partial<NonNullable<CatalogConstraint['other']>> = {}) => ({
    relation: USERS.oid,
    columns,
    deletes: false,
    updates: false,
    ...rest,
  });
  const key = (columns: readonly string[]) => constraint('ForeignKey', ['user_id'], { name: 'fk', other: far(columns) });
  const of = (sql: string, own: readonly RelationGrant[], ...constraints: readonly CatalogConstraint[]): string =>
    textOf(toldBy(sql, [grant('orders', ALL), ...own], [[ORDERS, constraints]]));

  it.each<readonly [string, readonly RelationGrant[], readonly string[], string]>([
    ['INSERT INTO orders VALUES (1, 2)', [], ['id'], 'fk; 0, 0'],
    ['INSERT INTO orders VALUES (1, 2)', [SOME], ['id'], ''],
    ['INSERT INTO orders VALUES (1, 2)', [SOME], ['ssn'], 'fk; 0, 0'],
    ['INSERT INTO orders VALUES (1, 2)', [FILTERED], ['id'], 'fk; 0, 0'],
    ['INSERT INTO orders (id) VALUES (1)', [], ['id'], ''],
    ['UPDATE orders SET user_id = 1', [], ['id'], 'fk; 0, 0'],
    ['UPDATE orders SET id = 1', [], ['id'], ''],
    ['DELETE FROM orders', [], ['id'], ''],
  ])('%s: %#', (sql, own, columns, expected) => {
    expect(of(sql, own, key(columns))).toBe(expected);
  });

  it('nothing where its other end is not known', () => {
    expect(of('UPDATE orders SET user_id = 1', [], constraint('ForeignKey', ['user_id']))).toBe('');
    expect(of('DELETE FROM orders', [], constraint('Referenced', ['id']))).toBe('');
  });

  const referenced = (rest: Partial<NonNullable<CatalogConstraint['other']>>) =>
    constraint('Referenced', ['id'], { name: 'fk', other: far(['id'], rest) });
  it.each<readonly [string, Parameters<typeof referenced>[0], readonly RelationGrant[], string]>([
    ['DELETE FROM orders', { deletes: true }, [], 'fk; 0, 0'],
    ['DELETE FROM orders', { deletes: true }, [WHOLE], ''],
    ['DELETE FROM orders', { deletes: true }, [FILTERED], 'fk; 0, 0'],
    ['DELETE FROM orders', { updates: true }, [], ''],
    ['UPDATE orders SET id = 1', { updates: true }, [], 'fk; 0, 0'],
    ['UPDATE orders SET id = 1', { deletes: true }, [], ''],
    ['UPDATE orders SET user_id = 1', { updates: true, deletes: true }, [], ''],
    ['INSERT INTO orders VALUES (1)', { updates: true, deletes: true }, [], ''],
  ])('by what refers to it: %s %#', (sql, rest, own, expected) => {
    expect(of(sql, own, referenced(rest))).toBe(expected);
  });
});

describe('ON CONFLICT DO NOTHING tells by the rows that it leaves out', () => {
  const insert = (rest: string, values = '(1, $1, $2), (2, $1, $2)') => `INSERT INTO users VALUES ${values} ${rest}`;
  it.each([
    [insert(''), 'Unique_ssn; 0, 0'],
    [insert('ON CONFLICT DO NOTHING'), 'Unique_ssn; 2, 0'],
    [insert('ON CONFLICT (id) DO NOTHING'), 'Unique_ssn; 0, 0'],
    [insert('ON CONFLICT ON CONSTRAINT "Unique_ssn" DO NOTHING'), 'Unique_ssn; 2, 0'],
    [insert('ON CONFLICT ON CONSTRAINT other DO NOTHING'), 'Unique_ssn; 0, 0'],
    [insert('ON CONFLICT (id) DO UPDATE SET name = $1'), 'Unique_ssn; 0, 0'],
    [`WITH x AS (${insert('ON CONFLICT DO NOTHING')}) SELECT 1`, 'Unique_ssn; 0, 2'],
    ['INSERT INTO users (ssn) SELECT $1 ON CONFLICT DO NOTHING', `Unique_ssn; 0, 0${NO_COUNT}`],
    ['INSERT INTO users (ssn) SELECT $1', 'Unique_ssn; 0, 0'],
    ['INSERT INTO users (ssn) VALUES (unnest(ARRAY[$1])) ON CONFLICT DO NOTHING', `Unique_ssn; 1, 0${NO_COUNT}`],
    ['INSERT INTO users (ssn) VALUES (lower($1)) ON CONFLICT DO NOTHING', 'Unique_ssn; 1, 0'],
    ['INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING', ''],
  ])('%s', (sql, expected) => {
    expect(told(sql, SOME, unique('ssn')).replace(/(?<=public\.users"): .*/, '')).toBe(expected);
  });

  it('if the arbiter may be the one that tells', () => {
    const on = (columns: string, of: CatalogConstraint, own = FILTERED) => told(insert(`ON CONFLICT (${columns}) DO NOTHING`), own, of);
    expect(on('ssn', unique('ssn'))).toBe('Unique_ssn; 2, 0');
    expect(on('ssn, name', unique('ssn'))).toBe('Unique_ssn; 2, 0');
    expect(on('ssn', unique('ssn', 'name'))).toBe('Unique_ssn_name; 2, 0');
    expect(on('id', unique('ssn', 'name'))).toBe('Unique_ssn_name; 0, 0');
    expect(on('id, ssn', unique('ssn', 'name'))).toBe('Unique_ssn_name; 0, 0');
    expect(told(insert('ON CONFLICT DO NOTHING'), { ...SOME, guessable: ['ssn'] }, check('name <> ssn', 'name', 'ssn'))).toBe('');
    const fk = constraint('ForeignKey', ['name'], { name: 'fk', other: { relation: 7, columns: ['a'], deletes: false, updates: false } });
    expect(told(insert('ON CONFLICT DO NOTHING'), SOME, fk)).toBe('fk; 0, 0');
    expect(told(insert('ON CONFLICT DO NOTHING'), SOME, fk, constraint('Exclusion', ['ssn']))).toBe('fk Exclusion_ssn; 2, 0');
  });

  it('and more by the tag of EXPLAIN, which says nothing of them', () => {
    const found = toldBy(insert('ON CONFLICT DO NOTHING'), [SOME], [[USERS, [unique('ssn')]]], true);
    expect(found.telling).toEqual({ constraints: ['Unique_ssn'], proposed: 0, upfront: 2, computes: false });
  });
});

describe('what a write tells', () => {
  it('is summed up over all that the statement writes', () => {
    const sql = `WITH x AS (UPDATE users SET ssn = $1, name = $1), y AS (DELETE FROM orders) INSERT INTO users (ssn) VALUES ($1), ($2) ON CONFLICT DO NOTHING`;
    const other = { relation: 7, columns: ['a'], deletes: true, updates: false };
    const found = toldBy(
      sql,
      [{ ...SOME, guessable: ['ssn'] }, grant('orders', ALL)],
      [
        [USERS, [unique('ssn'), constraint('Exclusion', ['name', 'ssn'], { compared: ['ssn'] }), unique('ssn')]],
        [ORDERS, [constraint('Referenced', ['id'], { name: 'fk', other })]],
      ],
    );
    expect(found).toEqual({
      telling: { constraints: ['Unique_ssn', 'Exclusion_name_ssn', 'fk'], proposed: 2, upfront: 2, computes: false },
      refused: [],
    });
  });

  it('is told by the constraints of the relations that store it', () => {
    const constraints = [[USERS, [unique('ssn')]]] as const;
    const through = (sql: string, ...own: readonly RelationGrant[]) => textOf(toldBy(sql, own, constraints));
    const view = grant('user_view', { ...ALL, beneath: 'Ignore' });
    // Its rows may be hidden, and its columns are seen through the view.
    expect(through('UPDATE user_view SET ssn = $1', view)).toBe('Unique_ssn; 0, 0');
    expect(through('UPDATE user_view SET ssn = $1', view, WHOLE)).toBe('');
    expect(through('UPDATE user_view SET ssn = $1', view, SOME)).toBe('');
    expect(through('UPDATE user_view SET ssn = $1', view, FILTERED)).toBe('Unique_ssn; 0, 0');
    expect(through('UPDATE part SET ssn = $1', grant('part', { ...ALL, beneath: 'Ignore', where: 'id = 1' }))).toBe('Unique_ssn; 0, 0');
    expect(through('UPDATE part SET ssn = $1', grant('part', ALL), WHOLE)).toBe('');
    expect(through('UPDATE far SET id = 1', grant('far', ALL))).toBe('');
  });

  const computed = (expression: string, name = 'made_index') => constraint('Computed', [], { name, expression });
  it.each([
    ['UPDATE made SET a = $1', ['a'], computed('a || b', 'c'), 'c; 0, 0 computed'],
    ['UPDATE made SET b = $1', ['b'], computed('a || b', 'c'), 'c; 0, 0 computed'],
    ['UPDATE made SET a = $1', ['a', 'c'], computed('a || b', 'c'), ''],
    ['UPDATE made SET a = $1', '*', computed('a || b', 'c'), ''],
    ['UPDATE made SET a = $1, b = $2', ['a'], computed('a || b', 'c'), ''],
    ['UPDATE made SET a = $1', ['a'], computed('b || b'), ''],
    ['UPDATE made SET a = $1', ['a'], computed('a || a'), ''],
    ['INSERT INTO made (a) VALUES ($1)', ['a'], computed('a || b', 'c'), ''],
    [
      'UPDATE made SET a = $1',
      ['a'],
      computed('1 / (length(a) - length(b))'),
      'made_index; 0, 1 computed ! permission denied to write column "a" of relation "public.made": "made_index" is computed of it and of column "b", which this agent may not read, so that its values could be found by trying.',
    ],
    [
      'UPDATE made SET a = $1',
      ['a'],
      computed('!!'),
      'made_index; 0, 1 computed ! permission denied to write column "a" of relation "public.made": "made_index" is computed of it and of column "b", which this agent may not read, so that its values could be found by trying.',
    ],
  ] as const)('is told by what is computed of hidden and changed columns: %s %#', (sql, columns, of, expected) => {
    const own = grant('made', { ...ALL, select: { columns, masks: [] } });
    expect(textOf(toldBy(sql, [own], [[MADE, [of]]]))).toBe(expected);
  });
});
