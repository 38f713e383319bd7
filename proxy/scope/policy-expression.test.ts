import { beforeAll, describe, expect, it } from 'vitest';
import { column, relation } from '../../test/support/small-catalog.ts';
import { Grammar } from '../sql/grammar.ts';
import { policyExpression } from './policy-expression.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const users = relation('users', [column('id', 'int4'), column('name'), column('Odd name')]);
const read = (text: string): unknown => {
  const result = policyExpression(text, users, grammar);
  return result.ok ? { sql: result.sql, mayFail: result.mayFail } : result.problem.replace(`expression "${text}": `, '');
};

describe('policyExpression() qualifies columns and functions', () => {
  it.each([
    ['id = 1', '(r.id = 1)', false],
    [`"Odd name" || name LIKE 'a%'`, `(r."Odd name" || r.name LIKE 'a%')`, false],
    ['lower(name) = public.f(id)', '(pg_catalog.lower(r.name) = public.f(r.id))', true],
    ['id / 0 = 1', '(r.id / 0 = 1)', true],
    [`id::text = '1'`, `(r.id::text = '1')`, true],
    ['extract(year FROM now()) > id', '(extract(year FROM pg_catalog.now()) > r.id)', true],
    ['id = 1 -- only one', '(r.id = 1 -- only one\n)', false],
    ['id = 1 /* é */ OR name IS NULL', '(r.id = 1 /* é */ OR r.name IS NULL)', false],
    [`name = $$) OR ($$`, '(r.name = $$) OR ($$)', false],
  ])('%s', (text, sql, mayFail) => {
    expect(read(text)).toEqual({ sql, mayFail });
  });
});

describe('policyExpression() refuses', () => {
  const shape = 'it has to be one expression';
  it.each([
    ['', 'syntax error at or near ")"'],
    ['id = 1;', 'syntax error at or near ";"'],
    ['1); SELECT (2', shape],
    ['id = 1) OR (id = 2', shape],
    ['1), (2', shape],
    ['1) AS x, (2', shape],
    ['1) FROM pg_authid WHERE (true', shape],
    ['1) UNION (SELECT 2', shape],
    ['1) LIMIT (2', shape],
    ['id = 1 /*', 'unterminated /* comment at or near "/*)"'],
    [`id = '`, `unterminated quoted string at or near "')"`],
    ['id = $1', 'parameters are not supported'],
    ['EXISTS (SELECT 1)', 'sub-queries are not supported'],
    ['id IN (SELECT id FROM users)', 'sub-queries are not supported'],
    ['users.id = 1', 'name columns without a qualifier'],
    ['users IS NULL', 'column "users" does not exist in public.users'],
    ['r.id = 1', 'name columns without a qualifier'],
    ['*', 'syntax error at or near "*"'],
    ['ctid IS NULL', 'column "ctid" does not exist in public.users'],
    ['"Name" = 1', 'column "Name" does not exist in public.users'],
    ['DEFAULT', 'DEFAULT is not allowed in this context'],
  ])('%s', (text, problem) => {
    expect(read(text)).toBe(problem);
  });
});
