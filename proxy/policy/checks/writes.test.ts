import { beforeAll, describe, expect, it } from 'vitest';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import { contextOf, grant, grantsOf, policy } from '../../../test/support/small-catalog.ts';
import { decide } from '../decide.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const insertOnly = { ...grant('orders'), select: undefined, insert: { columns: '*' } } as const;

describe('a relation that is granted for writing alone', () => {
  it.each(['INSERT INTO orders (id) VALUES (1)', 'COPY orders FROM STDIN'])('is written by %s', (sql) => {
    const [statement] = grammar.parse(sql);
    const grants = grantsOf(policy({ relations: [insertOnly] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    expect(decide(analyze(statement, Buffer.from(sql)), contextOf({ grants })).reasons).toEqual([]);
  });
});

describe('a relation of which some columns are granted for insert', () => {
  const refused = 'permission denied to insert column "total" of relation "orders"';
  it.each([
    ['INSERT INTO orders VALUES (1, 2)', []],
    ['INSERT INTO orders VALUES (1, 2, 3)', [refused]],
    ['INSERT INTO orders VALUES ((ROW(1, 2, 3)).*)', [refused]],
    ['INSERT INTO orders VALUES (1, 2), ((ROW(1, 2)).*)', [refused]],
    ['INSERT INTO orders (id, user_id, total) VALUES (1, 2, DEFAULT)', []],
    ['INSERT INTO orders (id, total, user_id) VALUES ((ROW(1, 2)).*, DEFAULT)', [refused]],
    ['INSERT INTO orders SELECT 1, (ROW(2, 3)).*', [refused]],
    ['MERGE INTO orders o USING (SELECT 1, 2, 3) s ON false WHEN NOT MATCHED THEN INSERT VALUES (s.*)', [refused]],
    ['MERGE INTO orders o USING (SELECT 1, 2, 3) s ON false WHEN NOT MATCHED THEN INSERT VALUES ((s).*)', [refused]],
  ])('%s', (sql, expected) => {
    const [statement] = grammar.parse(sql);
    const orders = { ...grant('orders'), insert: { columns: ['id', 'user_id'] } };
    const grants = grantsOf(policy({ relations: [orders] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    const { reasons } = decide(analyze(statement, Buffer.from(sql)), contextOf({ grants }));
    expect(reasons.map(({ failure: { message } }) => message)).toEqual(expected);
  });
});

describe('WHERE of COPY FROM, where a column is masked and another one not granted', () => {
  const users = {
    ...grant('users', { select: { columns: ['id', 'name'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
    insert: { columns: '*' },
  } as const;
  const hidden = (column: string): string => `permission denied for column "${column}" of relation "public.users"`;
  const whole = 'permission denied for a whole row of relation "public.users"';
  it.each([
    ["id > 1 AND lower(users.name) = 'x'", []],
    ["ssn = 'x'", [hidden('ssn')]],
    ["public.users.ssn = 'x'", [hidden('ssn')]],
    ['settings IS NULL', [hidden('settings')]],
    ['users IS NULL', [whole]],
    ['(users).ssn IS NULL', [whole]],
    ['users.* IS NULL', [whole]],
    ['pg_sleep(1) IS NULL', ['permission denied for function pg_sleep']],
    ['EXISTS (SELECT FROM orders WHERE total > id)', []],
    ["EXISTS (SELECT FROM orders WHERE ssn = 'x')", [hidden('ssn')]],
    ['EXISTS (SELECT FROM secrets)', ['permission denied for relation "secrets"']],
  ])('%s', (condition, expected) => {
    const sql = `COPY users FROM STDIN WHERE ${condition}`;
    const [statement] = grammar.parse(sql);
    const grants = grantsOf(policy({ relations: [users, grant('orders')] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    const { reasons } = decide(analyze(statement, Buffer.from(sql)), contextOf({ grants }));
    expect(reasons.map(({ failure: { message } }) => message)).toEqual(expected);
  });
});
