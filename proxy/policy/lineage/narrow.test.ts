import { beforeAll, describe, expect, it } from 'vitest';
import type { RelationGrant } from '../../../kernel/policy.ts';
import { grant, relation } from '../../../test/support/small-catalog.ts';
import { catalogWith, columnsFrom, narrowedBy, shownAs, viewOf } from '../../../test/support/small-views.ts';
import { GRANTS, NO_FILTER, NULLED, ORACLE, SAME, SSN, TABLES, traced } from '../../../test/support/traced-view.ts';
import { type CatalogFunction, type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import { Grammar } from '../../sql/grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

describe("a view's own grant", () => {
  const view = {
    columns: 'id:int4 ssn:varchar(11) secret email',
    definition: 'SELECT c.id, c.ssn, c.secret, c.email FROM public.customers c',
  };
  const ssn = { column: 'ssn', mask: { type: 'Redact' } } as const;

  it('that names columns shows hidden ones, and keeps the masks beneath it', () => {
    expect(traced(grammar, view, { select: { columns: ['id', 'ssn', 'secret'], masks: [] } })).toBe(`id, ssn: KeepLast of ${SSN}, secret`);
    expect(traced(grammar, view, { select: { columns: ['id'], masks: [] } })).toBe('id');
  });

  it('has masks of its own, which hold instead of those beneath it', () => {
    expect(traced(grammar, view, { select: { columns: ['id'], masks: [ssn] } })).toBe('id, ssn: Redact');
    expect(traced(grammar, view, { select: { columns: '*', masks: [ssn] } })).toBe(
      'id, ssn: Redact, -secret of public.customers.secret, email: lower("email") of public.customers.email',
    );
  });

  it('adds its row filter to those beneath it', () => {
    const tickets = { columns: 'a:int4', definition: 'SELECT t.tenant FROM public.tickets t' };
    expect(traced(grammar, tickets, { where: 'a > 0 -- some' })).toBe('a; filtered (a > 0 -- some\n) AND ("a" = 1\n)');
    expect(traced(grammar, tickets, { select: undefined, insert: { columns: '*' } })).toBe('; filtered "a" = 1');
    expect(traced(grammar, { ...tickets, definition: 'SELECT o.id FROM public.orders o' }, { where: 'a > 0' })).toBe('a; where a > 0');
  });

  it('may say that nothing beneath it holds', () => {
    expect(traced(grammar, view, { beneath: 'Ignore' })).toBe('id, ssn, secret, email');
    expect(traced(grammar, { columns: 'a', definition: 'SELECT t.nothing FROM public.tickets t' }, { beneath: 'Ignore' })).toBe('a');
  });

  it('that names what is not there is a problem', () => {
    const problem = '! column "nothing" does not exist in public.v';
    expect(traced(grammar, view, { select: { columns: ['id', 'nothing'], masks: [] } })).toBe(`id; ${problem}`);
    expect(traced(grammar, view, { select: { columns: ['id'], masks: [{ ...ssn, column: 'nothing' }] } })).toBe(`id; ${problem}`);
  });

  it('is left as it is where nothing beneath it is hidden', () => {
    const orders = { columns: 'id:int4', definition: 'SELECT o.id FROM public.orders o' };
    expect(traced(grammar, orders)).toBe('id');
    const made = viewOf('v', orders, { relations: TABLES, grammar });
    const own = grant('v');
    const { relations } = narrowedBy([...GRANTS, own], { catalog: catalogWith([...TABLES, made]), grammar });
    expect(relations.get(relationKey('public', 'v'))).toEqual({ grant: own, policy: 'shop/readers' });
    const written = grant('v', { select: undefined, insert: { columns: '*' } });
    const narrowed = narrowedBy([...GRANTS, written], { catalog: catalogWith([...TABLES, made]), grammar });
    expect(narrowed.relations.get(relationKey('public', 'v'))).toEqual({ grant: written, policy: 'shop/readers' });
  });
});

describe('views upon views', () => {
  const through = (definition: string, outer: string, grants: readonly RelationGrant[] = []): string => {
    const inner = viewOf('inner_view', { columns: 'id:int4 ssn:varchar(11) tenant:int4', definition }, { relations: TABLES, grammar });
    const view = viewOf('v', { columns: 'x:varchar(11)', definition: outer }, { relations: [...TABLES, inner], grammar });
    const { relations } = narrowedBy([...GRANTS, ...grants, grant('v')], { catalog: catalogWith([...TABLES, inner, view]), grammar });
    return shownAs(relations.get(relationKey('public', 'v'))!, view);
  };
  const CUSTOMERS = 'SELECT c.id, c.ssn, 1 FROM public.customers c';

  it.each([
    [CUSTOMERS, 'SELECT i.ssn FROM public.inner_view i', SAME],
    [CUSTOMERS, 'SELECT upper(i.ssn) FROM public.inner_view i', NULLED],
    [CUSTOMERS, 'SELECT p.ssn FROM public.payroll p, public.inner_view i WHERE p.ssn = i.ssn', NULLED],
    ['SELECT c.id, c.secret, 1 FROM public.customers c', 'SELECT i.ssn FROM public.inner_view i', '-x of public.customers.secret'],
    [
      'SELECT c.id, c.ssn, 1 FROM public.customers c, public.guesses g WHERE c.ssn = g.guess',
      'SELECT i.id FROM public.inner_view i',
      `x; ! it shows public.inner_view: ${ORACLE('ssn')}`,
    ],
    [
      'SELECT t.id, t.subject, t.tenant FROM public.tickets t',
      'SELECT i.id FROM public.inner_view i',
      `x; ! ${NO_FILTER.replace('tickets', 'inner_view')}`,
    ],
  ])('%s; %s', (inner, outer, expected) => {
    expect(through(inner, outer)).toBe(expected);
  });

  it('are narrowed by the grant of the one beneath', () => {
    const masked = grant('inner_view', { select: { columns: ['id'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } });
    expect(through(CUSTOMERS, 'SELECT i.ssn FROM public.inner_view i', [masked])).toBe('x: Redact of public.inner_view.ssn');
    expect(through(CUSTOMERS, 'SELECT i.ssn FROM public.inner_view i', [{ ...masked, beneath: 'Ignore' }])).toBe(
      'x: Redact of public.inner_view.ssn',
    );
    const named = grant('inner_view', { select: { columns: ['id'], masks: [] } });
    expect(through(CUSTOMERS, 'SELECT i.tenant FROM public.inner_view i', [named])).toBe('-x of public.inner_view.tenant');
    expect(through(CUSTOMERS, 'SELECT i.id FROM public.inner_view i', [named])).toBe('x');
    const open = grant('inner_view', { beneath: 'Ignore' });
    expect(through(CUSTOMERS, 'SELECT i.ssn FROM public.inner_view i', [open])).toBe('x');
  });
});

describe('what the server says that a view depends on', () => {
  const reaching = (definition: string, ...names: readonly string[]): string => {
    const made = viewOf('v', { columns: 'x', definition }, { relations: TABLES, grammar });
    const relations = [...TABLES, relation('numbers', columnsFrom('last_value:int8'), { kind: 'S' })];
    const view = { ...made, reaches: relations.filter(({ name }) => names.includes(name)).map(({ oid }) => oid) };
    const narrowed = narrowedBy([...GRANTS, grant('v')], { catalog: catalogWith([...relations, view]), grammar });
    return shownAs(narrowed.relations.get(relationKey('public', 'v'))!, view);
  };

  it('has to be met by tracing, but for sequences and what functions return', () => {
    const definition = 'SELECT o.id FROM public.orders o';
    expect(reaching(definition, 'orders')).toBe('x');
    expect(reaching('SELECT c.id FROM public.customers c', 'customers', 'numbers')).toBe('x');
    expect(reaching(definition, 'orders', 'customers')).toBe('x; ! its definition could not be traced: it reaches public.customers');
    expect(reaching('SELECT o.id FROM public.orders o, unnest(o.amount) u', 'orders', 'customers')).toBe('x');
  });

  it('counts where nothing can be traced', () => {
    expect(reaching('SELECT o.nothing FROM public.orders o', 'orders', 'tickets')).toContain('! its definition could not be traced');
    expect(reaching('SELECT o.nothing FROM public.orders o', 'orders')).toBe('x');
  });

  it('counts by whatever is between', () => {
    const inner = viewOf(
      'inner_view',
      { columns: 'x', definition: 'SELECT c.name FROM public.customers c' },
      { relations: TABLES, grammar },
    );
    const beneath = { ...relation('beneath', columnsFrom('id:int4')), reaches: [inner.oid] };
    const circle = { ...inner, reaches: [...inner.reaches, beneath.oid, 4711] };
    const of = (behind: CatalogRelation): string => {
      const view = { ...viewOf('v', { columns: 'x', definition: 'nonsense' }, { relations: [], grammar }), reaches: [behind.oid] };
      const catalog = catalogWith([...TABLES, circle, beneath, view]);
      return shownAs(narrowedBy([...GRANTS, grant('v')], { catalog, grammar }).relations.get(relationKey('public', 'v'))!, view);
    };
    expect(of(circle)).toBe('x; ! its definition could not be traced: it cannot be parsed');
    expect(of(beneath)).toBe('x; ! its definition could not be traced: it cannot be parsed');
    expect(of(TABLES.find(({ name }) => name === 'orders')!)).toBe('x');
  });

  it('goes in no circle', () => {
    const other = { ...relation('other', columnsFrom('x')), kind: 'v', definition: 'SELECT v.x FROM public.v v' };
    const view = { ...relation('v', columnsFrom('x')), kind: 'v', definition: 'SELECT o.x FROM public.other o' };
    const catalog = catalogWith([...TABLES, other, view]);
    const { relations } = narrowedBy([...GRANTS, grant('v')], { catalog, grammar });
    expect(shownAs(relations.get(relationKey('public', 'v'))!, view)).toBe(
      'x; ! it shows public.other: it shows public.v: its definition names itself',
    );
  });
});

describe('a function that a view calls', () => {
  const own = { schema: 'public', name: 'f', unary: true, takesRow: false, returnsSet: false, extension: undefined };
  const shows = (call: string, ...functions: readonly CatalogFunction[]): string => {
    const definition = `SELECT ${call}(c.name) FROM public.customers c`;
    const view = viewOf('v', { columns: 'x', definition }, { relations: TABLES, grammar });
    const catalog = catalogWith([...TABLES, view], { functions: Map.groupBy(functions, ({ name }) => name) });
    return shownAs(narrowedBy([...GRANTS, grant('v')], { catalog, grammar }).relations.get(relationKey('public', 'v'))!, view);
  };

  it('shows its arguments alone if it is all of an extension that was reviewed', () => {
    const ready = { ...own, extension: 'pg_trgm' };
    expect(shows('public.f')).toBe('x: Null of function public.f');
    expect(shows('public.f', own)).toBe('x: Null of function public.f');
    expect(shows('public.f', ready)).toBe('x');
    expect(shows('public.f', ready, own)).toBe('x: Null of function public.f');
    expect(shows('public.f', ready, { ...own, schema: 'hr' })).toBe('x');
    expect(shows('hr.f', ready)).toBe('x: Null of function hr.f');
    expect(shows('public.f', { ...own, extension: 'unheard_of' })).toBe('x: Null of function public.f');
    expect(shows('public.set_limit', { ...ready, name: 'set_limit' })).toBe('x: Null of function public.set_limit');
  });
});

describe('what a view calls without naming a function', () => {
  const called = (
    definition: string,
    functions: readonly string[] = [],
    calls: CatalogRelation['calls'] = [{ schema: 'public', name: 'purge' }],
  ): string => {
    const view = { ...viewOf('v', { columns: 'x', definition }, { relations: TABLES, grammar }), calls };
    const conversion = { source: undefined, function: { schema: 'public', name: 'purge' }, extension: undefined };
    const catalog = catalogWith([...TABLES, view], { conversions: new Map([['public.text', [conversion]]]) });
    const { relations } = narrowedBy([...GRANTS, grant('v')], { catalog, grammar, functions });
    return shownAs(relations.get(relationKey('public', 'v'))!, view);
  };
  const OPAQUE = 'x: Null of function public.purge';

  it.each([
    ['SELECT c.name OPERATOR(public.<<<) c.region AS x FROM public.customers c', OPAQUE],
    ['SELECT c.name OPERATOR(public.<<<) ANY (SELECT d.region FROM public.customers d) AS x FROM public.customers c', OPAQUE],
    ['SELECT c.name::public.text AS x FROM public.customers c', OPAQUE],
    ['SELECT COALESCE(c.name, c.region::public.text) AS x FROM public.customers c', OPAQUE],
    ["SELECT 'a'::public.text AS x FROM public.customers c", OPAQUE],
    // Where it is called is not known.
    ['SELECT c.name AS x FROM public.customers c', OPAQUE],
    ['SELECT c.name = c.region AS x FROM public.customers c', OPAQUE],
    ['SELECT p.ssn AS x FROM public.payroll p, public.customers c WHERE c.name OPERATOR(public.<<<) c.region = p.ssn', OPAQUE],
    ['SELECT c.region AS x FROM public.customers c WHERE c.name OPERATOR(public.<<<) c.name', 'x'],
  ])('is as masked: %s', (definition, expected) => {
    expect(called(definition)).toBe(expected);
    expect(called(definition, ['public.purge'])).toBe('x');
    expect(called(definition, [], [])).toBe('x');
  });

  it('is said once where it names it as well', () => {
    const definition = 'SELECT public.purge(c.name) AS x FROM public.customers c';
    expect([called(definition), called(definition, ['public.purge']), called(definition, [], [])]).toEqual([OPAQUE, 'x', OPAQUE]);
  });
});
