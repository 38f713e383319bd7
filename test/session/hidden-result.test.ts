import { beforeEach, describe, expect, it } from 'vitest';
import type { RunningTerms } from '../../proxy/policy/judgement.ts';
import { raiseSql } from '../../proxy/policy/raise.ts';
import { type RawFrame, send, types } from '../support/raw-client.ts';
import { airlock, completions, errors, eventually, open, postgres, useAirlock, values } from './use-airlock.ts';

useAirlock();

const HIDDEN: RunningTerms = { watches: [], hidesResult: true };
/** As the rewriter writes it: the check raises an error for a row that is outside of the filter. */
const CHECKED = `RETURNING CASE WHEN id < 1000 THEN NULL ELSE ${raiseSql({ type: 'RowFilter', relation: 'public.t' })} END`;
const VIOLATED = {
  S: 'ERROR',
  C: '42501',
  M: 'new row violates the row filter of relation "public.t"',
  D: 'This agent may only write rows that it may also see.',
  H: 'Give the columns that the row filter looks at values of your own rows.',
};

beforeEach(async () => {
  await postgres.sql('DELETE FROM t WHERE id > 100');
  airlock.knobs.terms.set('/* check */', HIDDEN);
  airlock.knobs.replaced.set('/* check */', `/* check */ ${CHECKED}`);
});

const tags = (frames: readonly RawFrame[]): string[] =>
  frames.filter(({ type }) => type === 'C').map(({ body }) => body.toString('utf8', 0, body.length - 1));
const INSERT = "INSERT INTO t VALUES (201, 'a'), (202, 'b') /* check */";
const UPDATE = "UPDATE t SET name = 'u' WHERE id < 50 /* check */";

describe('a RETURNING that is not the agent’s', () => {
  it('is not seen by a simple Query', async () => {
    const client = await open();
    const frames = await client.query(INSERT);
    expect([types(frames), tags(frames)]).toEqual(['C Z', ['INSERT 0 2']]);
    expect((await postgres.sql('SELECT id FROM t WHERE id > 200')).length).toBe(2);
    await eventually(() => completions().length === 1);
    expect(completions()[0]).toMatchObject({ outcome: 'Completed', rows: 0, bytes: 0 });
  });

  it('hides the rows of its own statement and of no other', async () => {
    const client = await open();
    const frames = await client.query(`SELECT 1; ${UPDATE}; SELECT id FROM t WHERE id < 3; ${INSERT}`);
    expect([types(frames), tags(frames)]).toEqual(['T D C C T D D C C Z', ['SELECT 1', 'UPDATE 49', 'SELECT 2', 'INSERT 0 2']]);
    await eventually(() => completions().length === 1);
    expect(completions()[0]).toMatchObject({ rows: 3 });
  });

  it('is not described, whether a statement or a portal is asked for', async () => {
    const client = await open();
    const asked = [send.parse('s', 'UPDATE t SET name = $1 WHERE id = $2 /* check */'), send.describe('S', 's')];
    expect(types(await client.exchange(...asked, send.sync()))).toBe('1 t n Z');
    const bound = [send.bind('', 's', ['x', '5']), send.describe('P'), send.execute(), send.sync()];
    expect(types(await client.exchange(...bound))).toBe('2 n C Z');
    expect(await postgres.sql('SELECT name FROM t WHERE id = 5')).toEqual([{ name: 'x' }]);
  });

  it('does not suspend a portal of which some rows are asked for', async () => {
    const client = await open();
    const asked = [send.parse('', UPDATE), send.bind('', ''), send.execute('', 1), send.execute('', 1), send.sync()];
    const frames = await client.exchange(...asked);
    expect(tags(frames)[0]).toBe('UPDATE 49');
    expect(types(frames)).not.toContain('s');
    expect(types(frames)).not.toContain('D');
  });

  it('is not seen in a pipeline, whose other results are', async () => {
    const client = await open();
    const write = [send.parse('', UPDATE), send.bind('', ''), send.describe('P'), send.execute()];
    const read = [send.parse('', 'SELECT id FROM t WHERE id < 3'), send.bind('', ''), send.describe('P'), send.execute()];
    const frames = await client.exchange(...write, ...read, ...write, ...read, send.sync());
    expect(types(frames)).toBe('1 2 n C 1 2 T D D C 1 2 n C 1 2 T D D C Z');
    expect(values(frames)).toEqual(['1', '2', '1', '2']);
  });

  it('is not seen when the statement was prepared by SQL, however it is run', async () => {
    const client = await open();
    expect(types(await client.query(`PREPARE up(int) AS UPDATE t SET name = 'p' WHERE id = $1 /* check */`))).toBe('C Z');
    expect(types(await client.query('EXECUTE up(1)'))).toBe('C Z');
    const bySql = [send.parse('', 'EXECUTE up(2)'), send.bind('', ''), send.describe('P'), send.execute(), send.sync()];
    expect(types(await client.exchange(...bySql))).toBe('1 2 n C Z');
    expect(types(await client.exchange(send.describe('S', 'up'), send.bind('', 'up', ['3']), send.execute(), send.sync()))).toBe(
      't n 2 C Z',
    );
    expect(await postgres.sql("SELECT id FROM t WHERE name = 'p' ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it('hides rows of any size and number, and the session goes on', async () => {
    airlock.knobs.replaced.set('/* check */', "/* check */ RETURNING repeat('x', 100000)");
    const client = await open();
    const frames = await client.query('UPDATE t SET name = name /* check */');
    expect([types(frames), tags(frames)]).toEqual(['C Z', ['UPDATE 100']]);
    expect(values(await client.query('SELECT 1'))).toEqual(['1']);
  });
});

describe('a hidden RETURNING of a statement that may be undone', () => {
  beforeEach(() => {
    const few = { rule: 'few', policy: 'test/p', action: 'Deny', counts: 'RowsAffected', over: 10 } as const;
    airlock.knobs.terms.set('/* check */', { watches: [few], hidesResult: true });
  });

  const change = UPDATE.replace("'u'", "'v'");

  it('is hidden, and counted by what it affects', async () => {
    const client = await open();
    expect(types(await client.query(INSERT))).toBe('C Z');
    expect(types(await client.query(change))).toBe('E Z');
    const asked = [send.parse('', INSERT.replaceAll('20', '30')), send.bind('', ''), send.describe('P'), send.execute('', 1), send.sync()];
    expect(types(await client.exchange(...asked))).toBe('1 2 n C Z');
    const over = [send.parse('', change), send.bind('', ''), send.describe('P'), send.execute('', 1), send.sync()];
    expect(types(await client.exchange(...over))).toBe('1 2 n E Z');
    expect(await postgres.sql("SELECT id FROM t WHERE name = 'v'")).toEqual([]);
    expect((await postgres.sql('SELECT id FROM t WHERE id > 100')).length).toBe(4);
  });
});

describe('the check of a row filter', () => {
  const outside = "INSERT INTO t VALUES (2001, 'a') /* check */";

  it('is told as a violation of the row filter, and nothing is written', async () => {
    const client = await open();
    expect(errors(await client.query(outside))).toEqual([VIOLATED]);
    expect(errors(await client.exchange(send.parse('', outside), send.bind('', ''), send.execute(), send.sync()))).toEqual([VIOLATED]);
    expect(await postgres.sql('SELECT id FROM t WHERE id > 100')).toEqual([]);
    await eventually(() => completions().length === 2);
    expect(completions().map(({ outcome, sqlstate }) => [outcome, sqlstate])).toEqual([
      ['Failed', '42501'],
      ['Failed', '42501'],
    ]);
  });

  it('is told so where the agent has a RETURNING of its own', async () => {
    airlock.knobs.terms.clear();
    const client = await open();
    expect(errors(await client.query(outside))).toEqual([VIOLATED]);
    const frames = await client.query(INSERT);
    expect(types(frames)).toBe('T D D C Z');
  });

  it('leaves other errors of reading a setting as they are', async () => {
    const client = await open();
    expect(errors(await client.query("SELECT current_setting('pg_airlock.row_filter')"))).toMatchObject([{ C: '42704' }]);
  });
});
