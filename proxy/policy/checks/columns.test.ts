import { beforeAll, describe, expect, it } from 'vitest';
import { contextOf, grant, grantsOf, policy } from '../../../test/support/small-catalog.ts';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import { decide } from '../decide.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const narrow = policy({
  relations: [grant('users', { select: { columns: ['id', 'name'], masks: [] } }), grant('orders', { select: { columns: '*', masks: [] } })],
});
const context = contextOf({ grants: grantsOf(narrow)! });

const refused = (sql: string): readonly string[] =>
  decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), context)
    .reasons.filter(({ failure }) => failure.fields.code === 'column-refused')
    .map(({ failure, location }) => `${failure.message} at ${sql.slice(location, location + 8)}`);

const SSN = 'permission denied for column "ssn" of relation "public.users"';

describe('a column that is not granted is refused by name', () => {
  it.each([
    ['SELECT ssn FROM users', [`${SSN} at ssn FROM`]],
    ['SELECT u.id FROM users u WHERE u.ssn = $1', [`${SSN} at u.ssn = `]],
    ['SELECT total FROM orders, users WHERE ssn IS NULL', [`${SSN} at ssn IS N`]],
    ['SELECT (SELECT ssn) FROM users', [`${SSN} at ssn) FRO`]],
    ['SELECT 1 FROM users u WHERE EXISTS (SELECT 1 FROM orders WHERE user_id = u.ssn)', [`${SSN} at u.ssn)`]],
    ['COPY users (id, ssn) TO STDOUT', [`${SSN} at users (i`]],
  ])('%s', (sql, expected) => {
    expect(refused(sql)).toEqual(expected);
  });

  it('tells which columns there are', () => {
    const { reasons } = decide(analyze(grammar.parse('SELECT ssn FROM users')[0]!, Buffer.from('SELECT ssn FROM users')), context);
    expect(reasons.map(({ failure, auditable }) => [failure.fields.sqlstate, failure.fields.hint, auditable])).toEqual([
      ['42501', 'Columns that may be read: id, name.', true],
    ]);
  });
});

describe('what could be another column is left to PostgreSQL', () => {
  it.each([
    'SELECT nonsense FROM users',
    'SELECT name FROM users',
    'SELECT ssn FROM users, (SELECT 1 AS ssn) t',
    'WITH t AS (SELECT 1 AS ssn) SELECT ssn FROM users, t',
    'SELECT ssn FROM users u (a, ssn)',
    'SELECT id AS ssn FROM users ORDER BY ssn',
    'SELECT x.ssn FROM users u JOIN LATERAL (SELECT u.id AS ssn) x ON true',
    'SELECT ssn FROM users JOIN unnest(ARRAY[1]) ssn ON true',
    'SELECT (SELECT users.ssn FROM (SELECT 1 AS ssn) users) FROM users',
  ])('%s', (sql) => {
    expect(refused(sql)).toEqual([]);
  });
});
