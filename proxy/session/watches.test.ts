import { describe, expect, it } from 'vitest';
import type { Watch } from '../policy/judgement.ts';
import { countAffected, countReturned, mayBeUndone, rowsAffected } from './watches.ts';

const watch = (changes: Partial<Watch>): Watch => ({
  rule: 'few',
  policy: 'shop/p',
  action: 'Deny',
  counts: 'RowsAffected',
  over: 10,
  ...changes,
});

describe('rowsAffected()', () => {
  it.each([
    ['INSERT 0 12', 12],
    ['INSERT 16384 1', 1],
    ['UPDATE 3', 3],
    ['DELETE 0', 0],
    ['MERGE 7', 7],
    ['COPY 1000000', 1_000_000],
    ['SELECT 5', 5],
    ['CREATE TABLE', 0],
    ['FETCH 5', 0],
    ['MOVE 5', 0],
    ['TRUNCATE TABLE', 0],
    ['', 0],
  ])('reads %j as %d', (tag, rows) => {
    expect(rowsAffected(tag)).toBe(rows);
  });
});

describe('countAffected()', () => {
  it('lets pass what is not over the figure', () => {
    expect(countAffected([watch({})], 'UPDATE 10')).toEqual({ rules: [], failure: undefined });
  });

  it('names every rule, and fails by the first that ends the statement', () => {
    const crossed = countAffected(
      [watch({ rule: 'note', action: 'Audit', over: 1 }), watch({ rule: 'ask', action: 'RequireApproval', over: 2 }), watch({ over: 3 })],
      'UPDATE 4',
    );
    expect(crossed.rules).toEqual(['note', 'ask', 'few']);
    expect(crossed.failure?.fields).toMatchObject({
      sqlstate: '42501',
      code: 'approval-required',
      message: 'rule "ask" requires an approval',
      detail:
        'The statement affected more than 2 rows, and was undone. Rule "ask" of policy shop/p lets that through only after a person has approved it.',
    });
  });

  it('marks and does not end what a rule only audits', () => {
    expect(countAffected([watch({ action: 'Audit' })], 'UPDATE 11')).toEqual({ rules: ['few'], failure: undefined });
  });
});

describe('countReturned()', () => {
  it('adds up what comes', () => {
    const size = { rows: 0, bytes: 0 };
    const watches = [watch({ rule: 'rows', counts: 'RowsReturned' }), watch({ rule: 'bytes', counts: 'BytesReturned', over: 1 })];
    expect(countReturned(watches, size, 10, 1).rules).toEqual([]);
    const crossed = countReturned(watches, size, 1, 1);
    expect(crossed.rules).toEqual(['rows', 'bytes']);
    expect(crossed.failure?.fields).toMatchObject({
      sqlstate: '42501',
      code: 'rule-refused',
      message: 'permission denied by rule "rows"',
      detail: 'The statement returned more than 10 rows. Rule "rows" of policy shop/p refuses that.',
      hint: 'Add a LIMIT, a narrower WHERE or an aggregate.',
    });
    expect(size).toEqual({ rows: 11, bytes: 2 });
  });
});

describe('mayBeUndone()', () => {
  it.each<[boolean, Partial<Watch>]>([
    [true, {}],
    [true, { action: 'RequireApproval' }],
    [false, { action: 'Audit' }],
    [false, { counts: 'RowsReturned' }],
  ])('is %s of %j', (expected, changes) => {
    expect(mayBeUndone({ watches: [watch(changes)], hidesResult: false })).toBe(expected);
  });
});
