import { beforeAll, describe, expect, it } from 'vitest';
import { grant, RELATIONS } from '../../test/support/small-catalog.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Edit } from '../policy/judgement.ts';
import type { Analysis } from '../sql/analysis.ts';
import { analyze } from '../sql/analyze.ts';
import { Grammar } from '../sql/grammar.ts';
import { applyEdits } from './apply-edits.ts';
import { targetScope } from './target.ts';
import { type Rewriting, verifyRewritten } from './verify.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const analysisOf = (sql: string): Analysis => analyze(grammar.parse(sql)[0]!, Buffer.from(sql));

/** What is wrong with `text`, sent for the agent's `sql`. */
const faultOf = (sql: string, text: string, rest: Partial<Rewriting> = {}): string | undefined => {
  const rewriting = { analyses: [analysisOf(sql)], edits: [], anchors: [], guards: [], guarded: new Set<never>(), defined: [] };
  return verifyRewritten(text, { ...rewriting, ...rest }, grammar);
};

describe('verifyRewritten() finds a statement that does something else', () => {
  const MERGE = 'MERGE INTO orders USING users ON true WHEN MATCHED THEN';
  it.each([
    ['UPDATE orders SET id = 1', 'UPDATE orders SET total = 1'],
    ['UPDATE orders SET id = 1', 'UPDATE orders SET id = 1, total = 1'],
    ['UPDATE orders SET id = 1', 'UPDATE orders SET id[1] = 1'],
    ['UPDATE orders SET id = 1', 'DELETE FROM orders'],
    ['DELETE FROM orders', 'DELETE FROM ONLY orders'],
    ['DELETE FROM orders o', 'DELETE FROM orders p'],
    ['INSERT INTO orders (id) VALUES (1)', 'INSERT INTO orders (total) VALUES (1)'],
    ['INSERT INTO orders (id) VALUES (1)', 'INSERT INTO orders (id) SELECT 1'],
    ['INSERT INTO orders (id) VALUES (1)', 'INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING'],
    ['INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING', 'INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO NOTHING'],
    [
      'INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING',
      'INSERT INTO orders (id) VALUES (1) ON CONFLICT ON CONSTRAINT c DO NOTHING',
    ],
    [`${MERGE} DELETE`, `${MERGE} DO NOTHING`],
    [`${MERGE} DO NOTHING`, 'MERGE INTO orders USING users ON true WHEN NOT MATCHED THEN DO NOTHING'],
    ['SELECT FROM orders FOR UPDATE', 'SELECT FROM orders FOR SHARE'],
    ['SELECT FROM orders, users FOR UPDATE OF orders', 'SELECT FROM orders, users FOR UPDATE OF users'],
    ['SELECT FROM orders', 'SELECT FROM orders FOR UPDATE'],
    ['SET jit = on', 'SET jit = off'],
    ['SET jit = on', 'SET LOCAL jit = on'],
  ])('%s; %s', (sql, text) => {
    expect(faultOf(sql, text)).toBe('the statements are not the same ones');
    expect(faultOf(sql, sql)).not.toBe('the statements are not the same ones');
  });
});

describe('verifyRewritten() finds', () => {
  const sql = 'DELETE FROM orders WHERE id = 1';
  const edit: Edit = { start: 12, end: 18, text: '"public"."orders"' };
  const targetOf = (where: string | undefined) => {
    const target = targetScope(RELATIONS.find(({ name }) => name === 'orders')!, grant('orders', { where }), ['orders'], grammar);
    if (!target.ok) throw new Error(target.problem);
    return target.scope;
  };
  const rest = (where?: string): Partial<Rewriting> => ({
    edits: [edit],
    anchors: [{ edit, offset: 0, schema: 'public', name: 'orders', target: targetOf(where) }],
  });
  const sent = applyEdits(Buffer.from(sql), [edit]);

  it('nothing in a right one', () => {
    expect(faultOf(sql, sent, rest())).toBeUndefined();
  });

  it('a name that means another column of what is written', () => {
    expect(faultOf(sql, sent.replace('id', 'no'), rest())).toBe('a call is not where the agent wrote it');
  });

  it('a target without its row filter', () => {
    expect(faultOf(sql, sent, rest('user_id = 7'))).toBe('a row filter does not stand first');
  });

  it('a relation that is read where one is written', () => {
    const read: Partial<Rewriting> = {
      edits: [edit],
      anchors: [{ edit, offset: 0, schema: 'public', name: 'orders' }],
    };
    expect(faultOf(sql, sent, read)).toBe('relation "orders" is not one of ours');
  });

  it('a relation of a database', () => {
    const named = 'SELECT FROM shop.public.orders';
    const text: Edit = { start: 12, end: 30, text: 'shop.public.orders' };
    const anchors = [{ edit: text, offset: 0, schema: 'public', name: 'orders' }];
    expect(faultOf(named, named, { edits: [text], anchors })).toBe('relation "orders" is not one of ours');
  });

  it('a definition that was not judged', () => {
    expect(faultOf('SELECT 1', 'SELECT 1', { defined: [['public.v']] })).toBe('what is defined is not what was judged');
  });

  it.each([
    ['f(2)', 'f', 'a call has lost its guard'],
    ["current_setting('a')", 'current_setting', 'a call is not where the agent wrote it'],
    ['current_setting($1)', 'current_setting', 'a call has lost its guard'],
    ['g(2)', 'f', 'a call is not where the agent wrote it'],
  ])('a call that we wrote without its guard: %s', (call, name, fault) => {
    const judged = analysisOf(`SELECT ${name}(1), 2`);
    const start = `SELECT ${name}(1), `.length;
    const edits = [{ start, end: start + 1, text: call }];
    const text = `SELECT ${name}(1), ${call}`;
    expect(faultOf(text, text, { analyses: [judged], edits, guarded: new Set(judged.functions) })).toBe(fault);
  });

  it('one of two operators that an edit took away', () => {
    const two = 'SELECT 1 = 2, 1 = 2';
    const once = { start: 7, end: two.length, text: '1 = 2' };
    const twice = { ...once, text: '2 = 3, 3 = 4' };
    expect(faultOf(two, 'SELECT 1 = 2', { edits: [once] })).toBe('operator .= is gone');
    expect(faultOf(two, 'SELECT 2 = 3, 3 = 4', { edits: [twice] })).toBeUndefined();
  });

  it('an operator of another schema', () => {
    expect(faultOf('SELECT 1 OPERATOR(pg_catalog.=) 2', 'SELECT 1 OPERATOR(hr.=) 2')).toBe('a call is not where the agent wrote it');
  });

  it('no fault in what is too complex, and says so', () => {
    const text = `SELECT 1${' + 1'.repeat(6500)}`;
    expect(() => faultOf('SELECT 1', text)).toThrow(Failure);
  });
});
