/** Row filters and masks under a search_path that the agent sets, where a schema has operators of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const SCHEMA = `
CREATE SCHEMA extra; CREATE SCHEMA plain; CREATE EXTENSION citext;
CREATE TABLE tickets (id int PRIMARY KEY, kind varchar(9), state citext, secret varchar(9));
INSERT INTO tickets VALUES (1, 'mine', 'open', 'zs1'), (2, 'theirs', 'HIDDEN', 'zs2');
CREATE TABLE extra.things (id int); CREATE TABLE plain.things (id int);
CREATE FUNCTION extra.always(varchar, varchar) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR extra.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = extra.always);
CREATE TABLE numbers (id int, n int); INSERT INTO numbers VALUES (1, 1), (2, 2);
CREATE VIEW of_tickets AS SELECT id, kind, secret FROM tickets;
`;

const policy = (where: string, mask = `'*'`): string => `
    - name: public.tickets
      where: ${where}
      select: { columns: [id], masks: [{ column: secret, mask: { type: Expression, expression: { sql: "${mask}" } } }] }
      update: { columns: [state] }
      delete: {}
    - { name: public.numbers, where: 'n < 2', select: { columns: ['*'] } }
    - { name: extra.things, select: { columns: ['*'] } }
    - { name: plain.things, select: { columns: ['*'] } }
`;

const POLICIES = {
  equal: policy(`kind = 'mine'`),
  listed: policy(`kind IN ('mine')`),
  masked: policy('id = 1', `CASE kind WHEN 'mine2' THEN secret ELSE '*' END`),
  folded: policy(`state <> 'hidden'`),
  qualified: policy(`kind OPERATOR(pg_catalog.=) 'mine'`),
};

const OTHER = expect.stringContaining('permission denied for relation "public.tickets" under this search_path');

describe('a search_path that the agent sets', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ schema: SCHEMA, policies: POLICIES });
  }, 120_000);
  afterAll(() => world.stop());

  it.each(['equal', 'listed', 'masked', 'folded'])('changes nothing of what the policy says: %s', async (agent) => {
    const session = await world.session(agent);
    const ask = session.ask;
    const statements = [
      'SELECT id, secret FROM public.tickets',
      `UPDATE public.tickets SET state = 'open' RETURNING id, secret`,
      'DELETE FROM public.tickets RETURNING id, secret',
    ];
    for (const path of ['extra, public', 'plain', 'public, extra']) {
      expect(await ask(`SET search_path = ${path}`)).toEqual([]);
      for (const sql of statements) expect([path, sql, await ask(sql)]).toEqual([path, sql, OTHER]);
      expect(await ask('SELECT * FROM public.numbers')).toEqual([['1', '1']]);
    }
    expect(await ask('RESET search_path')).toEqual([]);
    await ask('BEGIN');
    for (const sql of statements) expect(await ask(sql)).toEqual([['1', '*']]);
    await ask('ROLLBACK');
    await session.end();
  });

  it('nor for what was prepared before, and by views', async () => {
    const session = await world.session('equal');
    expect(await session.ask('SELECT id FROM public.tickets', 'kept')).toEqual([['1']]);
    expect(await session.ask('PREPARE p AS SELECT id FROM public.tickets')).toEqual([]);
    await session.ask('SET search_path = extra, public');
    expect(await session.ask('SELECT id FROM public.tickets', 'kept')).not.toEqual(expect.arrayContaining([['2']]));
    expect(await session.ask('EXECUTE p')).not.toEqual(expect.arrayContaining([['2']]));
    expect(await session.ask('BEGIN; SET LOCAL search_path = extra; SELECT id FROM public.tickets')).toEqual(OTHER);
    await session.end();
  });

  it('is free where the policy qualifies its operators', async () => {
    const session = await world.session('qualified');
    await session.ask('SET search_path = extra, public');
    expect(await session.ask('SELECT id, secret FROM public.tickets')).toEqual([['1', '*']]);
    await session.end();
  });
});
