/** Conditions of a write beside the row filter of its target: none that could be asked of a hidden row in other words. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { grant } from '../support/small-catalog.ts';
import { openRewriting, type Rewriting } from './rewriting.ts';

let server: TestPostgres;
let rewriting: Rewriting;
beforeAll(async () => {
  server = await startPostgres();
  await server.sql(`
    CREATE TABLE people (id int PRIMARY KEY, name text);
    CREATE TABLE letters (id int PRIMARY KEY, amount int, open bool)`);
  const update = { columns: ['amount'] };
  rewriting = await openRewriting(server, 'postgres', [grant('letters', { where: 'open', update }), grant('people')]);
});
afterAll(async () => {
  await rewriting.end();
  await server.stop('immediate');
});

const UPDATE = 'UPDATE letters l SET amount = 6';

describe('a write of a filtered relation', () => {
  it.each([
    ['WHERE l.id = 5 AND l.amount > 2', false, []],
    ['FROM people p WHERE l.id = p.id', false, []],
    ['FROM people p WHERE l.id = p.id AND l.amount = 3 AND 1 / p.id > 0', true, ['(l."id" = "p"."id")', '(l."amount" = 3)']],
    ['FROM people a JOIN people b ON a.id = 1 / b.id WHERE l.id = a.id AND l.amount = 3', true, ['(l."amount" = 3)']],
    [
      'FROM people a, LATERAL (SELECT FROM people b WHERE a.id = 1 / b.id) s WHERE l.id = a.id AND l.amount = 3',
      true,
      ['(l."amount" = 3)'],
    ],
    ['FROM people a, generate_series(1, a.id) g WHERE l.id = a.id AND l.amount = 3', true, ['(l."amount" = 3)']],
  ])('%s', async (rest, isGuarded, beside) => {
    const sent = await rewriting.sent(`${UPDATE} ${rest}`);
    const found = /WHERE \("l"\.open\)(.*?) AND CASE/.exec(sent)?.[1] ?? '';
    expect([sent.includes('ELSE false END'), found.replaceAll('"l".', 'l.').replaceAll('"a".', 'a.')]).toEqual([
      isGuarded,
      beside.map((condition) => ` AND ${condition}`).join(''),
    ]);
  });
});
