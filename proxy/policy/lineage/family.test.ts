import { beforeAll, describe, expect, it } from 'vitest';
import type { AccessPolicy, RelationGrant } from '../../../kernel/policy.ts';
import { column, grant, grantsOf, policy, relation } from '../../../test/support/small-catalog.ts';
import { catalogWith, columnsFrom, narrowedBy, narrowedGrants, shownAs, viewOf } from '../../../test/support/small-views.ts';
import { type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import { Grammar } from '../../sql/grammar.ts';
import { viewsInReach } from './narrow.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const PEOPLE = relation('people', columnsFrom('id:int4 ssn hidden'));
const STAFF = relation('staff', columnsFrom('id:int4 ssn hidden badge'), { parents: [PEOPLE.oid] });
const BOSSES = relation('bosses', columnsFrom('id:int4 ssn hidden badge car'), { parents: [STAFF.oid] });
const OTHER = relation('other', columnsFrom('id:int4 ssn'));
const MONGREL = relation('mongrel', columnsFrom('id:int4 ssn hidden'), { parents: [PEOPLE.oid, OTHER.oid] });
const ALONE = relation('alone', columnsFrom('id:int4 ssn'));
const FAMILY = [PEOPLE, STAFF, BOSSES, OTHER, MONGREL, ALONE];

const catalog = catalogWith(FAMILY);
const narrowed = (...grants: readonly RelationGrant[]) => narrowedBy(grants, { catalog, grammar }).relations;
const shown = (of: CatalogRelation, ...grants: readonly RelationGrant[]): string =>
  shownAs(narrowed(...grants).get(relationKey('public', of.name))!, of);

const SSN = { column: 'ssn', mask: { type: 'Redact' } } as const;
/** Made anew each time: nothing may keep it and change it. */
const masked = () => grant('people', { select: { columns: ['id'], masks: [SSN] } });

describe('a child', () => {
  it.each([
    [STAFF, [grant('staff')], 'id, ssn: Redact of public.people.ssn, -hidden of public.people.hidden, badge'],
    [BOSSES, [grant('bosses')], 'id, ssn: Redact of public.people.ssn, -hidden of public.people.hidden, badge, car'],
    [MONGREL, [grant('mongrel')], 'id, ssn: Redact of public.people.ssn, -hidden of public.people.hidden'],
    [ALONE, [grant('alone')], 'id, ssn'],
    // Naming a column is not enough.
    [STAFF, [grant('staff', { select: { columns: ['id', 'hidden'], masks: [] } })], 'id, -hidden of public.people.hidden'],
    // Two masks that differ.
    [
      STAFF,
      [grant('staff', { select: { columns: '*', masks: [{ ...SSN, mask: { type: 'Email' } }] } })],
      'id, ssn: Null of public.staff.ssn, -hidden of public.people.hidden, badge',
    ],
    [STAFF, [grant('staff', { select: { columns: '*', masks: [SSN] } })], 'id, ssn: Redact, -hidden of public.people.hidden, badge'],
    [STAFF, [grant('staff', { beneath: 'Ignore' })], 'id, ssn: Redact of public.people.ssn, -hidden of public.people.hidden, badge'],
  ])('takes what is masked and hidden of its parents: %#', (of, grants, expected) => {
    expect(shown(of, masked(), ...grants)).toBe(expected);
  });

  it('takes the row filters of its parents', () => {
    const filtered = grant('people', { where: 'id = 1' });
    expect(shown(STAFF, filtered, grant('staff'))).toBe('id, ssn, hidden, badge; filtered id = 1');
    expect(shown(STAFF, filtered, grant('staff', { where: 'id = 1' }))).toBe('id, ssn, hidden, badge; where id = 1');
    expect(shown(STAFF, filtered, grant('staff', { where: 'id > 0' }))).toBe('id, ssn, hidden, badge; filtered (id > 0\n) AND (id = 1\n)');
  });

  it('of a parent that is granted for writing alone shows nothing', () => {
    expect(shown(STAFF, grant('people', { select: undefined, insert: { columns: '*' } }), grant('staff'))).toBe(
      '-id of public.people.id, -ssn of public.people.ssn, -hidden of public.people.hidden, badge',
    );
  });
});

describe('a parent', () => {
  it.each([
    [grant('people'), 'id, ssn: Redact of public.staff.ssn, -hidden of public.staff.hidden'],
    [grant('people', { select: { columns: ['id', 'hidden'], masks: [] } }), 'id, hidden'],
    [grant('people', { select: { columns: ['id', 'ssn'], masks: [] } }), 'id, ssn: Redact of public.staff.ssn'],
    [grant('people', { beneath: 'Ignore' }), 'id, ssn, hidden'],
  ])('takes what is masked of its children, and what is hidden where it does not name it: %#', (own, expected) => {
    expect(shown(PEOPLE, own, grant('staff', { select: { columns: ['id', 'badge'], masks: [SSN] } }))).toBe(expected);
  });

  it('takes those of a parent beside it', () => {
    expect(shown(OTHER, masked(), grant('other'))).toBe('id, ssn: Redact of public.people.ssn');
    expect(shown(OTHER, masked(), grant('other', { beneath: 'Ignore' }))).toBe('id, ssn');
    expect(shown(PEOPLE, grant('people'), grant('other', { select: { columns: ['id'], masks: [] } }))).toBe(
      'id, -ssn of public.other.ssn, hidden',
    );
  });

  const uncovered = (name: string): string => `! it shows rows of public.${name}, which has a row filter: give it the same one`;
  it('needs the row filters of its children', () => {
    const filtered = grant('bosses', { where: 'id = 1' });
    expect(shown(PEOPLE, grant('people'), filtered)).toBe(`id, ssn, hidden; ${uncovered('bosses')}`);
    expect(shown(PEOPLE, grant('people', { where: 'id > 1' }), filtered)).toBe(`id, ssn, hidden; where id > 1; ${uncovered('bosses')}`);
    expect(shown(PEOPLE, grant('people', { where: 'id = 1' }), filtered)).toBe('id, ssn, hidden; where id = 1');
    expect(shown(PEOPLE, grant('people', { beneath: 'Ignore' }), filtered)).toBe('id, ssn, hidden');
  });
});

describe('a relation of a family', () => {
  it('cannot be shown where two policies grant one of it, or a grant of it does not fit', () => {
    const twice = grantsOf(
      policy({ relations: [grant('staff'), grant('people'), grant('alone')] }),
      policy({ key: 'b', relations: [grant('people')] }),
    )!;
    const { relations } = narrowedGrants(twice, catalog, grammar);
    expect(relations.get(relationKey('public', 'staff'))?.narrowing?.problem).toBe(
      'more than one policy grants public.people, and which masks hold would be a guess',
    );
    expect(relations.get(relationKey('public', 'alone'))?.narrowing).toBeUndefined();
    const unfit = grant('people', { select: { columns: ['nothing'], masks: [] } });
    expect(narrowed(unfit, grant('staff')).get(relationKey('public', 'staff'))?.narrowing?.problem).toBe(
      'column "nothing" does not exist in public.people',
    );
  });

  it('that two policies grant is kept where a view of it cannot be traced', () => {
    const view = viewOf('v', { columns: 'x', definition: 'SELECT a.nothing FROM public.alone a' }, { relations: FAMILY, grammar });
    const grants = grantsOf(policy({ relations: [grant('alone'), grant('v')] }), policy({ key: 'b', relations: [grant('alone')] }))!;
    const { relations } = narrowedGrants(grants, catalogWith([...FAMILY, view]), grammar);
    expect(relations.get(relationKey('public', 'v'))?.narrowing?.problem).toContain('could not be traced');
  });

  it('is written as all of its parents may be', () => {
    const writes = (parent: Partial<RelationGrant>, own: Partial<RelationGrant>) => {
      const granted = narrowed(grant('people', parent), grant('staff', own)).get(relationKey('public', 'staff'))!.grant;
      return [granted.insert?.columns, granted.update?.columns, granted.delete];
    };
    const ALL = { insert: { columns: '*' }, update: { columns: '*' }, delete: true } as const;
    expect(writes({}, ALL)).toEqual([undefined, undefined, false]);
    expect(writes(ALL, {})).toEqual([undefined, undefined, false]);
    expect(writes(ALL, ALL)).toEqual(['*', '*', true]);
    expect(writes({ insert: { columns: ['id'] } }, ALL)).toEqual([['id', 'badge'], undefined, false]);
    expect(writes({ update: { columns: ['id'] }, delete: true }, { ...ALL, update: { columns: ['id', 'ssn', 'badge'] } })).toEqual([
      undefined,
      ['id', 'badge'],
      true,
    ]);
    expect(writes(ALL, { insert: { columns: ['ssn'] } })).toEqual([['ssn'], undefined, false]);
    expect(writes({ insert: { columns: ['id'] } }, { insert: { columns: ['ssn', 'id'] } })).toEqual([['id'], undefined, false]);
    const unmentioned = narrowed(grant('staff', ALL)).get(relationKey('public', 'staff'))!.grant;
    expect([unmentioned.insert?.columns, unmentioned.delete]).toEqual(['*', true]);
  });
});

describe('a column', () => {
  const of = (rest: Parameters<typeof column>[2]) => [column('id', 'int4'), column('number'), column('tail', 'text', rest)];
  const table = (rest: Parameters<typeof column>[2], own: Partial<RelationGrant>): string => {
    const cards = relation('cards', of(rest));
    const grants = narrowedBy([grant('cards', own)], { catalog: catalogWith([cards]), grammar });
    return shownAs(grants.relations.get(relationKey('public', 'cards'))!, cards);
  };
  const mask = { column: 'number', mask: { type: 'Redact' } } as const;

  it.each([
    [{ madeOf: ['number'] }, { select: { columns: '*', masks: [mask] } }, 'id, number: Redact, tail: Null of public.cards.number'],
    [{ madeOf: ['id'] }, { select: { columns: '*', masks: [mask] } }, 'id, number: Redact, tail'],
    [{ formerly: ['number'] }, { select: { columns: '*', masks: [mask] } }, 'id, number: Redact, tail: Null of public.cards.number'],
    [{}, { select: { columns: '*', masks: [mask] } }, 'id, number: Redact, tail'],
    // By its name it is meant as it is.
    [{ madeOf: ['number'] }, { select: { columns: ['id', 'tail'], masks: [mask] } }, 'id, number: Redact, tail'],
    [
      { madeOf: ['number'] },
      { select: { columns: '*', masks: [mask, { column: 'tail', mask: { type: 'Email' } }] } },
      'id, number: Redact, tail: Email',
    ],
  ] as const)('made of a masked one, or that was one before: %#', (rest, own, expected) => {
    expect(table(rest, own)).toBe(expected);
  });
});

describe('a table that lost its name to another', () => {
  const moved = relation('moved_away', columnsFrom('id:int4 ssn'), { formerly: [relationKey('public', 'moved')] });
  const relations = [moved];

  it('is seen by a view as its former name is granted', () => {
    const view = viewOf('v', { columns: 'x', definition: 'SELECT m.ssn FROM public.moved_away m' }, { relations, grammar });
    const grants = narrowedBy([grant('moved', { select: { columns: ['id'], masks: [SSN] } }), grant('v')], {
      catalog: catalogWith([moved, view]),
      grammar,
    });
    expect(shownAs(grants.relations.get(relationKey('public', 'v'))!, view)).toBe('x: Redact of public.moved_away.ssn');
  });

  it('but as it is granted by its own name where it is', () => {
    const view = viewOf('v', { columns: 'x', definition: 'SELECT m.ssn FROM public.moved_away m' }, { relations, grammar });
    const former = grant('moved', { select: { columns: ['id'], masks: [SSN] } });
    const grants = narrowedBy([former, grant('moved_away'), grant('v')], { catalog: catalogWith([moved, view]), grammar });
    expect(shownAs(grants.relations.get(relationKey('public', 'v'))!, view)).toBe('x');
  });
});

describe('mode Audit', () => {
  const view = (name: string, definition: string): CatalogRelation =>
    viewOf(name, { columns: 'x', definition }, { relations: FAMILY, grammar });
  const audited = (...grants: readonly RelationGrant[]) => {
    const relations = [
      ...FAMILY,
      view('of_ssn', 'SELECT p.ssn FROM public.people p'),
      view('of_alone', 'SELECT a.ssn FROM public.alone a'),
    ];
    const all = grantsOf(policy({ mode: 'Audit', relations: grants }))!;
    return narrowedGrants(all, catalogWith(relations), grammar);
  };
  const names = (keys: Iterable<string> = []) => [...keys].map((key) => key.replace('public\u0000', ''));

  it('keeps what shows something that is masked, and nothing that is only not granted', () => {
    expect(names(audited(masked()).kept)).toEqual(['staff', 'bosses', 'other', 'mongrel', 'of_ssn']);
    expect(names(audited(grant('people', { select: { columns: ['id'], masks: [] } })).kept)).toEqual([]);
    expect(audited(grant('people', { select: { columns: ['id'], masks: [] } })).kept).toBeUndefined();
    expect(names(audited(grant('alone', { where: 'id = 1' })).kept)).toEqual(['of_alone']);
    expect(names(audited(grant('alone', { where: "ssn = 'a'" })).kept)).toEqual(['of_alone']);
    expect(names(audited(masked(), grant('alone')).kept)).toEqual(['staff', 'bosses', 'other', 'mongrel', 'of_ssn']);
    const unread = { select: undefined, insert: { columns: '*' } } as const;
    expect(names(audited(grant('people', unread), grant('alone', { where: 'id = 1' })).kept)).toEqual(['of_alone']);
    expect(names(audited(grant('alone', unread)).kept)).toEqual([]);
  });

  it('reads all columns of what is granted, as if they were', () => {
    const { relations } = audited(masked(), grant('of_alone', { select: { columns: [], masks: [] } }));
    expect(relations.get(relationKey('public', 'people'))?.audited).toEqual({ columns: '*', masks: [SSN] });
    expect(relations.get(relationKey('public', 'of_alone'))?.audited).toEqual({ columns: '*', masks: [] });
    expect(relations.get(relationKey('public', 'people'))?.grant.select).toEqual(masked().select);
  });

  it('keeps what two policies grant', () => {
    const twice = grantsOf(
      policy({ mode: 'Audit', relations: [grant('alone')] }),
      policy({ key: 'b', mode: 'Audit', relations: [grant('alone')] }),
    )!;
    const relations = [ALONE, view('of_alone', 'SELECT a.ssn FROM public.alone a'), PEOPLE];
    expect(names(narrowedGrants(twice, catalogWith(relations), grammar).kept)).toEqual(['alone', 'of_alone']);
  });

  it('needs the definitions of all views, and otherwise those in reach', () => {
    const relations = [
      ...FAMILY,
      view('of_ssn', 'SELECT p.ssn FROM public.people p'),
      view('of_alone', 'SELECT a.ssn FROM public.alone a'),
    ];
    const upon = viewOf('upon', { columns: 'x', definition: 'SELECT o.x FROM public.of_alone o' }, { relations, grammar });
    const reach = (of: AccessPolicy): readonly string[] =>
      viewsInReach(grantsOf(of)!, catalogWith([...relations, upon])).map(({ name }) => name);
    expect(reach(policy({ relations: [masked()] }))).toEqual([]);
    expect(reach(policy({ relations: [masked(), grant('upon'), grant('nothing')] }))).toEqual(['upon', 'of_alone']);
    expect(reach(policy({ mode: 'Audit', relations: [masked()] }))).toEqual(['of_ssn', 'of_alone', 'upon']);
    expect(reach(policy({ mode: 'Audit', relations: [grant('people', { where: 'id = 1' })] }))).toHaveLength(3);
    expect(reach(policy({ mode: 'Audit', relations: [grant('people')] }))).toEqual([]);
    expect(reach(policy({ mode: 'Audit', relations: [grant('people', { select: undefined, insert: { columns: '*' } })] }))).toEqual([]);
    const circle = relation('circle', columnsFrom('id:int4'), { reaches: [4711, PEOPLE.oid] });
    const back = { ...PEOPLE, reaches: [circle.oid] };
    expect(viewsInReach(grantsOf(policy({ relations: [grant('circle')] }))!, catalogWith([circle, back]))).toEqual([]);
  });
});

describe('an oracle of rows', () => {
  const guesses = relation('guesses', columnsFrom('id:int4 guess'));
  const child = relation('more_guesses', columnsFrom('id:int4 guess'), { parents: [guesses.oid] });
  const other = relation('other_guesses', columnsFrom('id:int4 guess'));
  const grandchild = relation('last_guesses', columnsFrom('id:int4 guess'), { parents: [child.oid, other.oid] });
  const relations = [PEOPLE, guesses, child, other, grandchild];
  const view = { columns: 'x:int4', definition: 'SELECT p.id FROM public.people p, public.more_guesses g WHERE p.ssn = g.guess' };
  const problem = (...grants: readonly RelationGrant[]): boolean => {
    const v = viewOf('v', view, { relations, grammar });
    const catalog = catalogWith([...relations, v]);
    const narrowedTo = narrowedBy([masked(), grant('v'), ...grants], { catalog, grammar }).relations.get(relationKey('public', 'v'))!;
    return narrowedTo.narrowing?.problem?.includes('compares with what the agent may write') === true;
  };

  it('is one by what may be written to it, its parents, its children and their parents', () => {
    expect(problem()).toBe(false);
    for (const name of ['guesses', 'more_guesses', 'other_guesses', 'last_guesses']) {
      expect(problem(grant(name, { insert: { columns: '*' } }))).toBe(true);
      expect(problem(grant(name, { update: { columns: ['guess'] } }))).toBe(true);
      expect(problem(grant(name, { update: { columns: ['id'] } }))).toBe(false);
    }
    expect(problem(grant('people', { insert: { columns: '*' } }))).toBe(false);
  });

  it('is one where a masked column may be written, and rows or other masked ones are compared with it', () => {
    const of = (definition: string, update: readonly string[]): boolean => {
      const people = { ...masked(), update: { columns: update }, select: { columns: ['id'], masks: [SSN, { ...SSN, column: 'hidden' }] } };
      const v = viewOf('v', { columns: 'x:int8', definition }, { relations: FAMILY, grammar });
      const { relations: all } = narrowedBy([people, grant('v')], { catalog: catalogWith([...FAMILY, v]), grammar });
      return all.get(relationKey('public', 'v'))?.narrowing?.problem?.includes('compares') === true;
    };
    const GROUPED = 'SELECT count(*) FROM public.people p GROUP BY p.ssn';
    expect([of(GROUPED, ['ssn']), of(GROUPED, ['id'])]).toEqual([true, false]);
    const CONSTANT = "SELECT p.id FROM public.people p WHERE p.ssn = 'a'";
    expect(of(CONSTANT, ['ssn'])).toBe(false);
    const BOTH = 'SELECT p.id FROM public.people p WHERE p.ssn = p.hidden';
    expect([of(BOTH, ['ssn']), of(BOTH, ['hidden']), of(BOTH, ['id'])]).toEqual([true, true, false]);
  });
});
