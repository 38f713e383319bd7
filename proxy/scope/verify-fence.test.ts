import { beforeAll, describe, expect, it } from 'vitest';
import { relation } from '../../test/support/small-catalog.ts';
import { columnsFrom } from '../../test/support/small-views.ts';
import { Grammar } from '../sql/grammar.ts';
import { treeOf } from '../sql/tree.ts';
import { rebased, withoutPlaces } from './condition-text.ts';
import { scopeOf, type ScopedRelation } from './scope.ts';
import { type FencedRelation, isFenceBroken } from './verify-fence.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const USERS = relation('users', columnsFrom('id:int4 name tenant:int4'));

const scopeWith = (where: string, rest: Partial<ScopedRelation> = {}): FencedRelation => {
  const scope = scopeOf(
    USERS,
    { schema: 'public', name: 'users', select: { columns: '*', masks: [] }, insert: undefined, update: undefined, delete: false, where },
    grammar,
  );
  if (scope.type !== 'Scoped' || scope.fence === undefined) throw new Error('it has no filter');
  return { ...scope, ...rest, fence: scope.fence };
};

const condition = (sql: string) =>
  withoutPlaces(
    rebased(treeOf(treeOf(grammar.parse(`SELECT 1 WHERE ${sql}`)[0]!.node.SelectStmt).whereClause), (fields) => fields.at(-1)!),
  );

/** Is the scope of the first `public.users` broken in the text? */
const isBroken = (text: string, scope: FencedRelation): boolean =>
  isFenceBroken(grammar.parse(text), new Map([[text.indexOf('public.users'), scope]]));

describe('isFenceBroken() of a scope', () => {
  const of = (rest: string): string => `SELECT name FROM (SELECT r.id FROM public.users AS r ${rest}) AS users`;

  it.each([
    ['WHERE (r.tenant = 1) OFFSET 0', false],
    ['TABLESAMPLE bernoulli (10) WHERE (r.tenant = 1) OFFSET 0', false],
    ['WHERE r.tenant = 1 OFFSET 0 ROWS', false],
    ['WHERE (r.tenant = 1)', true],
    ['WHERE (r.tenant = 1) OFFSET 1', true],
    ['WHERE (r.tenant = 1) OFFSET NULL', true],
    ["WHERE (r.tenant = 1) OFFSET ''", true],
    ['WHERE (r.tenant = 1) OFFSET false', true],
    ['WHERE (r.tenant = 1) OFFSET 0.0', true],
    ['WHERE (r.tenant = 1) OFFSET $1', true],
    ['WHERE (r.tenant = 1) OFFSET 0::int8', true],
    ['WHERE (r.tenant = 1) LIMIT 1', true],
    ['WHERE (r.tenant = 1) OFFSET 0 LIMIT 1', true],
    ['OFFSET 0', true],
    ['WHERE (r.tenant = 2) OFFSET 0', true],
    ['WHERE (r.tenant = 1 AND r.id = 2) OFFSET 0', true],
    ['WHERE (r.tenant = 1 OR true) OFFSET 0', true],
    ['WHERE NOT (r.tenant = 1) OFFSET 0', true],
    ['WHERE (users.tenant = 1) OFFSET 0', true],
    [', public.orders WHERE (r.tenant = 1) OFFSET 0', true],
    ['JOIN public.orders ON true WHERE (r.tenant = 1) OFFSET 0', true],
  ])('%s: %s', (rest, broken) => {
    expect(isBroken(of(rest), scopeWith('tenant = 1'))).toBe(broken);
  });

  it('without a fence where none is to be, and with one where one is', () => {
    const open = scopeWith('tenant = 1', { unfenced: true });
    expect(isBroken(of('WHERE (r.tenant = 1)'), open)).toBe(false);
    expect(isBroken(of('WHERE (r.tenant = 1) OFFSET 0'), open)).toBe(true);
    expect(isBroken(of('WHERE (r.tenant = 1) OFFSET 0'), scopeWith('tenant = 1', { unfenced: false }))).toBe(false);
  });

  it('with what is repeated behind the filter, in order and no more', () => {
    const repeated = scopeWith('tenant = 1', { repeated: [condition('id > 5'), condition("name = 'a'")] });
    expect(isBroken(of("WHERE (r.tenant = 1) AND (r.id > 5) AND (r.name = 'a') OFFSET 0"), repeated)).toBe(false);
    expect(isBroken(of("WHERE (r.tenant = 1) AND (r.name = 'a') AND (r.id > 5) OFFSET 0"), repeated)).toBe(true);
    expect(isBroken(of('WHERE (r.tenant = 1) AND (r.id > 5) OFFSET 0'), repeated)).toBe(true);
    expect(isBroken(of("WHERE (r.id > 5) AND (r.name = 'a') OFFSET 0"), repeated)).toBe(true);
  });

  it('wherever in a statement it stands', () => {
    const scope = scopeWith('tenant = 1');
    const right = '(SELECT r.id FROM public.users AS r WHERE (r.tenant = 1) OFFSET 0)';
    const wrong = right.replace(' OFFSET 0', '');
    for (const around of [
      `WITH x AS ${right} SELECT 1`,
      `SELECT 1 WHERE EXISTS ${right}`,
      `DELETE FROM public.orders USING ${right} u`,
      `SELECT 1 UNION ALL ${right}`,
      `UPDATE public.orders SET (id, total) = ${right}`,
    ]) {
      expect(isBroken(around, scope)).toBe(false);
      expect(isBroken(around.replace(right, wrong), scope)).toBe(true);
    }
  });

  it('that is not there, or of which one is not', () => {
    const scope = scopeWith('tenant = 1');
    expect(isFenceBroken(grammar.parse('SELECT 1'), new Map([[5, scope]]))).toBe(true);
    const table = `SELECT 1 FROM XMLTABLE('a' PASSING 'b' COLUMNS c text) AS r WHERE (r.tenant = 1) OFFSET 0`;
    expect(isFenceBroken(grammar.parse(table), new Map([[table.indexOf('XMLTABLE'), scope]]))).toBe(true);
    expect(isFenceBroken(grammar.parse('SELECT 1'), new Map())).toBe(false);
    const text = of('WHERE (r.tenant = 1) OFFSET 0');
    const place = text.indexOf('public.users');
    expect(
      isFenceBroken(
        grammar.parse(text),
        new Map([
          [place, scope],
          [place + 1, scope],
        ]),
      ),
    ).toBe(true);
    const two = `${text}; ${text}`;
    const both = new Map([
      [place, scope],
      [two.lastIndexOf('public.users'), scope],
    ]);
    expect(isFenceBroken(grammar.parse(two), both)).toBe(false);
    expect(isFenceBroken(grammar.parse(two.replace('OFFSET 0', '')), both)).toBe(true);
    expect(isFenceBroken(grammar.parse(two.replace(/OFFSET 0(?!.*OFFSET)/, '')), both)).toBe(true);
  });
});
