import { beforeAll, describe, expect, it } from 'vitest';
import type { Mask, RelationGrant } from '../../kernel/policy.ts';
import { grant, relation } from '../../test/support/small-catalog.ts';
import { columnsFrom } from '../../test/support/small-views.ts';
import { Grammar } from '../sql/grammar.ts';
import { isOpened, targetScope } from './target.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const NOTES = relation('notes', columnsFrom('id:int4 owner:int4 body secret'));

const scopeWith = (rest: Partial<RelationGrant>, names = ['notes', 'old']) => targetScope(NOTES, grant('notes', rest), names, grammar);

const masked = (...masks: readonly Mask[]): Partial<RelationGrant> => ({
  select: { columns: ['id'], masks: masks.map((mask, index) => ({ column: ['body', 'secret'][index]!, mask })) },
});

/** Columns under each name, masked ones with `!`; the filters; what is so of the whole. */
const told = (rest: Partial<RelationGrant>): unknown => {
  const result = scopeWith(rest);
  if (!result.ok) return result.problem;
  const { views, keyed, mayFail, filtered, masked: names } = result.scope;
  const columns = [...views].map(([name, view]) =>
    [
      name,
      ...[...view.columns].map(([column, each]) => `${column}${each.masked ? '!' : ''}`),
      ...(view.filter === undefined ? [] : [view.filter]),
    ].join(' '),
  );
  return [columns, names, { keyed, mayFail, filtered }];
};

const NOTHING = { keyed: false, mayFail: false, filtered: false };

describe('targetScope()', () => {
  it('has the columns that may be read under each name', () => {
    expect(told({})).toEqual([['notes id owner body secret', 'old id owner body secret'], [], NOTHING]);
    expect(told({ select: undefined })).toEqual([['notes', 'old'], [], NOTHING]);
    expect(told(masked({ type: 'Redact' }))).toEqual([['notes id body!', 'old id body!'], ['body'], NOTHING]);
    expect(told({ where: 'owner = 7' })).toEqual([
      ['notes id owner body secret ("notes".owner = 7)', 'old id owner body secret ("old".owner = 7)'],
      [],
      { ...NOTHING, filtered: true },
    ]);
  });

  it('says where a mask has a key, and where one of the author could fail', () => {
    const [plain, hash, own] = [
      { type: 'Redact' },
      { type: 'Hash', key: Buffer.from('k') },
      { type: 'Expression', expression: 'upper(body)' },
    ] as const;
    const flags = (rest: Partial<RelationGrant>) => (told(rest) as readonly unknown[])[2];
    expect(flags(masked(hash, plain))).toEqual({ ...NOTHING, keyed: true });
    expect(flags(masked(plain, hash))).toEqual({ ...NOTHING, keyed: true });
    expect(flags(masked(own, plain))).toEqual({ ...NOTHING, mayFail: true });
    expect(flags(masked(plain, own))).toEqual({ ...NOTHING, mayFail: true });
    expect(flags({ where: '1 / owner = 7' })).toEqual({ ...NOTHING, mayFail: true, filtered: true });
    expect(flags({ ...masked(own), where: 'owner = 7' })).toEqual({ ...NOTHING, mayFail: true, filtered: true });
  });

  it('writes expressions of the author over the name that the rows have', () => {
    const result = scopeWith(masked({ type: 'Expression', expression: 'upper(body)' }));
    const sql = result.ok ? [...result.scope.views.values()].map(({ columns }) => columns.get('body')?.sql) : [];
    expect(sql).toEqual(['notes', 'old'].map((name) => `((((pg_catalog.upper("${name}".body)))::text) COLLATE pg_catalog."default")`));
  });

  it('says what is wrong with a mask or a filter', () => {
    expect(told(masked({ type: 'Expression', expression: 'upper(nothing)' }))).toContain('column "nothing" does not exist');
    expect(told({ where: 'nothing = 1' })).toContain('column "nothing" does not exist');
    expect(told({ select: { columns: '*', masks: [{ column: 'id', mask: { type: 'Email' } }] } })).toContain(
      'mask Email cannot serve column "id"',
    );
  });

  it('opens by any condition, or by all of them', () => {
    expect([isOpened('All'), isOpened(['a']), isOpened([])]).toEqual([true, true, false]);
  });
});
