import { beforeAll, describe, expect, it } from 'vitest';
import { analyze } from '../sql/analyze.ts';
import { Grammar } from '../sql/grammar.ts';
import type { Watch } from './judgement.ts';
import { type Counted, countWatches, severalUncounted } from './uncounted.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const affected: Watch = { rule: 'few', policy: 'shop/p', action: 'Deny', counts: 'RowsAffected', over: 10 };
const noted: Watch = { ...affected, rule: 'noted', action: 'Audit' };
const returned: Watch = { ...affected, rule: 'rows', counts: 'RowsReturned' };
const held: Watch = { ...returned, counts: 'RowsAffected', over: Number.POSITIVE_INFINITY };

const count = (sql: string, watches: readonly Watch[], named?: readonly Watch[]): Counted => {
  const [statement] = grammar.parse(sql);
  if (statement === undefined) throw new Error(`no statement in ${sql}`);
  return countWatches(watches, analyze(statement, Buffer.from(sql)), named);
};
const nothing = { watches: [], refusals: [], rules: [] };

describe('countWatches()', () => {
  it.each([
    'UPDATE t SET a = 1',
    'INSERT INTO t VALUES (1)',
    'DELETE FROM t',
    'MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE',
    'COPY t FROM STDIN',
    'PREPARE p AS UPDATE t SET a = 1',
    'WITH s AS (SELECT 1) UPDATE t SET a = 1',
    'COPY (DELETE FROM t RETURNING a) TO STDOUT',
  ])('has %s counted by its tag', (sql) => {
    expect(count(sql, [affected, noted])).toEqual({ ...nothing, watches: [affected, noted] });
  });

  it.each([
    'SELECT 1',
    'SELECT * FROM t FOR UPDATE',
    'COPY t TO STDOUT',
    'EXPLAIN DELETE FROM t',
    'BEGIN',
    'EXECUTE p',
    'FETCH ALL FROM c',
  ])('has nothing to count of %s', (sql) => {
    expect(count(sql, [affected, returned])).toEqual({ ...nothing, watches: [returned] });
  });

  it.each([
    'WITH d AS (DELETE FROM t RETURNING a) SELECT * FROM d',
    'WITH d AS (DELETE FROM t RETURNING a) INSERT INTO s SELECT * FROM d',
    'WITH d AS (INSERT INTO t VALUES (1)) UPDATE t SET a = 1',
    'PREPARE p AS WITH d AS (DELETE FROM t RETURNING a) SELECT * FROM d',
    'COPY (WITH d AS (DELETE FROM t RETURNING a) SELECT * FROM d) TO STDOUT',
  ])('refuses %s, whose tag does not tell', (sql) => {
    const { refusals, ...rest } = count(sql, [affected, noted]);
    expect(rest).toEqual({ watches: [], rules: ['noted'] });
    expect(refusals.map(({ fields }) => fields)).toEqual([
      {
        severity: 'ERROR',
        sqlstate: '42501',
        code: 'rule-refused',
        message: 'permission denied by rule "few"',
        detail: 'Rows that are affected within WITH are not counted. Rule "few" of policy shop/p refuses that.',
        hint: 'Send each INSERT, UPDATE, DELETE and MERGE as a statement of its own, in a transaction if they belong together.',
      },
    ]);
  });

  it('refuses EXPLAIN ANALYZE of a write, also of one that was prepared', () => {
    expect(count('EXPLAIN (ANALYZE) DELETE FROM t', [affected]).refusals.map(({ fields }) => fields.hint)).toEqual(['Leave ANALYZE out.']);
    expect(count('EXPLAIN ANALYZE EXECUTE p', [], [affected]).refusals.length).toBe(1);
    expect(count('EXPLAIN EXECUTE p', [], [affected])).toEqual(nothing);
    expect(count('EXPLAIN ANALYZE EXECUTE p', [affected], [])).toEqual(nothing);
    expect(count('EXPLAIN (ANALYZE false) DELETE FROM t', [affected])).toEqual(nothing);
  });

  it('holds a write that may end for what it returns, also where its rows are not counted', () => {
    expect(count('UPDATE t SET a = 1 RETURNING a', [returned])).toEqual({ ...nothing, watches: [returned, held] });
    const inWith = count('WITH d AS (DELETE FROM t RETURNING a) SELECT * FROM d', [returned]);
    expect(inWith).toEqual({ ...nothing, watches: [returned, held] });
    expect(count('UPDATE t SET a = 1 RETURNING a', [{ ...returned, action: 'Audit' }]).watches.length).toBe(1);
    expect(count('SELECT 1', [returned])).toEqual({ ...nothing, watches: [returned] });
  });
});

describe('severalUncounted()', () => {
  const terms = (...watches: Watch[]) => ({ watches, hidesResult: false });

  it('refuses a text of several statements of which one is counted', () => {
    expect(severalUncounted([terms(), terms(affected)])[0]?.fields.detail).toBe(
      'Affected rows are not counted where one text has several statements. Rule "few" of policy shop/p refuses that.',
    );
    expect(severalUncounted([terms({ ...affected, action: 'RequireApproval' }), terms()])[0]?.fields.code).toBe('approval-required');
  });

  it('lets pass one statement, and what nobody ends', () => {
    expect([severalUncounted([terms(affected)]), severalUncounted([terms(noted, returned, held), terms()])]).toEqual([[], []]);
  });
});
