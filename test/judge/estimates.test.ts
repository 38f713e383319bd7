import { describe, expect, it } from 'vitest';
import type { Rule } from '../../kernel/policy.ts';
import { grant } from '../support/small-catalog.ts';
import { type UsedJudge, useJudge } from './use-judge.ts';

const SCHEMA = `
  CREATE TABLE few (id int PRIMARY KEY, kind text);
  INSERT INTO few SELECT i, 'k' FROM generate_series(1, 100) i;
  CREATE TABLE many (id int PRIMARY KEY, few_id int, kind text);
  INSERT INTO many SELECT i, i % 100, 'k' || i % 10 FROM generate_series(1, 20000) i;
  ANALYZE`;

const plan = (rest: Partial<Rule> & { readonly over: number }): Rule => ({
  name: 'no-large-plans',
  match: {
    statements: undefined,
    relations: undefined,
    withoutWhere: undefined,
    rowsEstimatedOver: rest.over,
    rowsReturnedOver: undefined,
  },
  action: 'Deny',
  ...rest,
});
const relations = [grant('few'), grant('many')];
const RULES = { relations, rules: [plan({ over: 5000 }), plan({ name: 'note', over: 1000, action: 'Audit' })] };

const failureOf = async ({ judge }: UsedJudge, sql: string, via?: 'Query' | 'Parse'): Promise<unknown> => {
  const judged = await judge(sql, via);
  return judged.decision === 'Deny' ? judged.failure.fields : judged.rules;
};
const OVER = {
  severity: 'ERROR',
  sqlstate: '42501',
  code: 'rule-refused',
  message: 'permission denied by rule "no-large-plans"',
  detail: 'The planner expects it to handle more than 5000 rows. Rule "no-large-plans" of policy shop/readers refuses that.',
  hint: 'Add a narrower WHERE or a LIMIT, or join the relations by their keys.',
};
const refusedFor = (fact: string): object => ({ code: 'rule-refused', detail: expect.stringContaining(fact) });

describe.each([14, 15, 18] as const)('a rule on what PostgreSQL %d estimates', (version) => {
  const used = useJudge(SCHEMA, RULES, { version });

  it.each([
    'SELECT * FROM few',
    'SELECT * FROM few a JOIN few b ON a.id = b.id',
    'SELECT * FROM many WHERE id = 5',
    'SELECT * FROM many LIMIT 10',
    'SELECT count(*) FROM few',
    'EXPLAIN SELECT * FROM many',
    'BEGIN',
    'SHOW search_path',
    'COPY few TO STDOUT',
    'COPY (SELECT * FROM few) TO STDOUT',
    'DECLARE c CURSOR FOR SELECT * FROM few',
    'PREPARE p (int) AS SELECT * FROM few WHERE id < $1',
  ])('lets pass %s', async (sql) => {
    expect(await failureOf(used, sql)).toEqual([]);
  });

  it.each([
    'SELECT * FROM many',
    'SELECT count(*) FROM many',
    'SELECT count(*) FROM few a, few b',
    'SELECT * FROM many ORDER BY kind LIMIT 10',
    'SELECT 1; SELECT * FROM many',
    'WITH m AS MATERIALIZED (SELECT * FROM many) SELECT 1 FROM m LIMIT 1',
    'COPY many TO STDOUT',
    'COPY many (id) TO STDOUT',
    'COPY (SELECT count(*) FROM few a, few b) TO STDOUT',
    'DECLARE c CURSOR FOR SELECT * FROM many',
    "PREPARE p (text) AS SELECT * FROM many WHERE kind <> $1 -- ')'",
    'SELECT /* ; */ * FROM "many" -- a',
  ])('refuses %s', async (sql) => {
    expect(await failureOf(used, sql)).toEqual(OVER);
  });

  it('plans parameters for no value in particular', async () => {
    expect(await failureOf(used, 'SELECT * FROM many WHERE id = $1', 'Parse')).toEqual([]);
    expect(await failureOf(used, 'SELECT * FROM few WHERE id = $3 AND kind = $1 AND $2::text IS NULL', 'Parse')).toEqual([]);
    expect(await failureOf(used, 'SELECT * FROM many WHERE id <> $1', 'Parse')).toEqual(OVER);
    expect(await failureOf(used, 'DECLARE "for" NO SCROLL CURSOR WITH HOLD FOR SELECT * FROM few WHERE id = $1', 'Parse')).toEqual([]);
    expect(await failureOf(used, 'DECLARE c CURSOR FOR SELECT * FROM many WHERE id <> $1', 'Parse')).toEqual(OVER);
    expect(await failureOf(used, 'SELECT * FROM few a, few b WHERE a.id > $1::int + $2', 'Parse')).toEqual(['note']);
  });

  it('takes a parameter that limits what is returned for a small one, and no other', async () => {
    const estimate = (sql: string): Promise<unknown> => failureOf(used, sql, 'Parse');
    expect(await estimate('SELECT * FROM many WHERE kind <> $2 LIMIT $1 OFFSET $3')).toEqual([]);
    expect(await estimate('SELECT * FROM many LIMIT $1::bigint')).toEqual([]);
    expect(await estimate('SELECT * FROM many FETCH FIRST $1 ROWS ONLY')).toEqual([]);
    expect(await estimate('(SELECT * FROM many) LIMIT $1')).toEqual([]);
    expect(await estimate('SELECT count(*) FROM (SELECT 1 FROM many a, few b LIMIT $1) x')).toEqual(OVER);
    expect(await estimate('SELECT * FROM many ORDER BY kind LIMIT $1')).toEqual(OVER);
    expect(await estimate('SELECT * FROM many LIMIT $1 + 0')).toEqual(['note']);
  });

  it('marks the record where it only audits', async () => {
    expect(await failureOf(used, 'SELECT * FROM many WHERE id <= 4000')).toEqual(['note']);
  });

  it('refuses what it cannot ask about, and says why as far as names go', async () => {
    expect(await failureOf(used, 'EXPLAIN ANALYZE SELECT * FROM few')).toMatchObject(refusedFor('EXPLAIN ANALYZE runs the statement'));
    expect(await failureOf(used, 'SELECT nope FROM few')).toMatchObject(
      refusedFor('The planner could not say how many rows the statement handles: column "nope" does not exist.'),
    );
    expect(await failureOf(used, "SELECT * FROM few WHERE id = 'CANARY'::int")).toMatchObject(
      refusedFor('The planner could not say how many rows the statement handles.'),
    );
  });

  it('leaves nothing behind in its session', async () => {
    await used.judge('PREPARE p AS SELECT 1');
    await used.judge('DECLARE c CURSOR FOR SELECT 1');
    await used.judge('SELECT nope FROM few');
    expect(await failureOf(used, 'PREPARE p AS SELECT * FROM few')).toEqual([]);
    expect(used.faults).toEqual([]);
  });
});

describe('an estimate', () => {
  const used = useJudge(SCHEMA, RULES);

  it('is asked once a minute for a text', async () => {
    const server = used.server();
    expect(await failureOf(used, 'SELECT * FROM few WHERE id > 0')).toEqual([]);
    await server.sql('INSERT INTO few SELECT i FROM generate_series(101, 30000) i; ANALYZE few');
    expect(await failureOf(used, 'SELECT * FROM few WHERE id > 0')).toEqual([]);
    expect(await failureOf(used, 'SELECT * FROM few WHERE id > -1')).toEqual(OVER);
  });

  it('does not wait for a lock', async () => {
    const server = used.server();
    await server.sql('CREATE TABLE locked (id int)');
    const blocking = server.sql('BEGIN; LOCK TABLE many; SELECT pg_sleep(2); COMMIT');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await failureOf(used, 'SELECT * FROM many WHERE id = 77')).toMatchObject(refusedFor('could not say'));
    await blocking;
    expect(await failureOf(used, 'SELECT * FROM many WHERE id = 77')).toEqual([]);
  });
});
