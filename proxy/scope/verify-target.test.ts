import { beforeAll, describe, expect, it } from 'vitest';
import { grant, RELATIONS } from '../../test/support/small-catalog.ts';
import { analyze } from '../sql/analyze.ts';
import { Grammar } from '../sql/grammar.ts';
import { type TargetScope, targetScope } from './target.ts';
import { targetFault } from './verify-target.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const orders = RELATIONS.find(({ name }) => name === 'orders')!;

const scopeOf = (): TargetScope => {
  const result = targetScope(orders, grant('orders', { where: 'user_id = 7' }), ['o', 'excluded'], grammar);
  if (!result.ok) throw new Error(result.problem);
  return result.scope;
};

const faultOf = (sql: string, scope = scopeOf()): string | undefined =>
  targetFault(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)).writes[0]!, scope);

const CHECKED = 'RETURNING CASE WHEN o.user_id = 7 THEN 1 END';

describe('targetFault() takes a write whose row filter stands where it belongs', () => {
  it.each([
    'DELETE FROM orders o WHERE o.user_id = 7',
    'DELETE FROM orders o WHERE o.user_id = 7 AND total > 1',
    'DELETE FROM orders WHERE orders.user_id = 7',
    `UPDATE orders o SET total = 1 WHERE o.user_id = 7 ${CHECKED}`,
    `INSERT INTO orders AS o (id) VALUES (1) ${CHECKED}`,
    `INSERT INTO orders AS o (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1 WHERE CASE WHEN o.user_id = 7 AND excluded.user_id = 7 THEN true END ${CHECKED}`,
  ])('%s', (sql) => {
    expect(faultOf(sql)).toBeUndefined();
  });
});

describe('targetFault() finds', () => {
  it.each([
    ['no filter', 'DELETE FROM orders o', 'a row filter does not stand first'],
    ['another filter', 'DELETE FROM orders o WHERE o.user_id = 8', 'a row filter does not stand first'],
    ['the filter of another relation', 'DELETE FROM orders o USING users u WHERE u.user_id = 7', 'a row filter does not stand first'],
    ['a filter that comes second', 'DELETE FROM orders o WHERE total > 1 AND o.user_id = 7', 'a row filter does not stand first'],
    ['a filter that is an alternative', 'DELETE FROM orders o WHERE o.user_id = 7 OR true', 'a row filter does not stand first'],
    ['an unfiltered update', `UPDATE orders o SET total = 1 ${CHECKED}`, 'a row filter does not stand first'],
    ['no check of an update', 'UPDATE orders o SET total = 1 WHERE o.user_id = 7', 'new rows are not checked'],
    ['no check of new rows', 'INSERT INTO orders AS o (id) VALUES (1)', 'new rows are not checked'],
    ['a check of nothing', 'INSERT INTO orders AS o (id) VALUES (1) RETURNING 1', 'new rows are not checked'],
    [
      'a check of something else',
      'INSERT INTO orders AS o (id) VALUES (1) RETURNING CASE WHEN o.user_id = 8 THEN 1 END',
      'new rows are not checked',
    ],
    [
      'a check that asks something else first',
      'INSERT INTO orders AS o (id) VALUES (1) RETURNING CASE WHEN true THEN 1 WHEN o.user_id = 7 THEN 1 END',
      'new rows are not checked',
    ],
    [
      'a check that compares',
      'INSERT INTO orders AS o (id) VALUES (1) RETURNING CASE true WHEN o.user_id = 7 THEN 1 END',
      'new rows are not checked',
    ],
    [
      'a conflict without a filter',
      `INSERT INTO orders AS o (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1 ${CHECKED}`,
      'a row filter of a conflict is missing',
    ],
    [
      'a conflict that filters what is found only',
      `INSERT INTO orders AS o (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1 WHERE CASE WHEN o.user_id = 7 THEN true END ${CHECKED}`,
      'a row filter of a conflict is missing',
    ],
    [
      'a conflict that filters what is new only',
      `INSERT INTO orders AS o (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1 WHERE CASE WHEN excluded.user_id = 7 THEN true END ${CHECKED}`,
      'a row filter of a conflict is missing',
    ],
    [
      'what no row of the source meets',
      'MERGE INTO orders o USING users u ON o.user_id = 7 AND o.id = u.id WHEN NOT MATCHED BY SOURCE THEN DELETE',
      'a row filter of WHEN is missing',
    ],
    [
      'one of two that no row of the source meets',
      'MERGE INTO orders o USING users u ON o.user_id = 7 AND o.id = u.id WHEN NOT MATCHED BY SOURCE AND o.user_id = 7 THEN DELETE WHEN NOT MATCHED BY SOURCE THEN DELETE',
      'a row filter of WHEN is missing',
    ],
    ['a copy', 'COPY orders FROM STDIN', 'a copy is not filtered'],
  ])('%s', (_, sql, fault) => {
    expect(faultOf(sql)).toBe(fault);
  });

  it('a filter that is not known', () => {
    const sql = 'DELETE FROM orders o WHERE o.user_id = 7';
    expect(faultOf(sql, { ...scopeOf(), filter: undefined })).toBe('a row filter is not known');
    expect(faultOf(sql, { ...scopeOf(), filter: undefined, filtered: false })).toBeUndefined();
  });
});
