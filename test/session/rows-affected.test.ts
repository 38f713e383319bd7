import { describe, expect, it } from 'vitest';
import { type RawFrame, send, types } from '../support/raw-client.ts';
import { airlock, completions, errors, eventually, open, postgres, status, values, useAirlock } from './use-airlock.ts';
import { AFFECTED, changed, extended, outcomes, tags, update, useWatches } from './use-watches.ts';

useAirlock();
useWatches();

describe('rows affected, by a simple Query of its own transaction', () => {
  it('lets pass what keeps to the figure, and the client notices nothing', async () => {
    const client = await open();
    const frames = await client.query(update(10));
    expect([types(frames), tags(frames), status(frames), await changed()]).toEqual(['C Z', ['UPDATE 10'], 'I', 10]);
    const returning = await client.query(update(2, ' RETURNING id, 1.5 AS x'));
    expect([types(returning), tags(returning), values(returning)]).toEqual(['T D D C Z', ['UPDATE 2'], ['1', '2']]);
    const described = returning[0]?.body as Buffer;
    expect([described.readInt16BE(0), described.readInt16BE(described.length - 2)]).toEqual([2, 0]);
    await eventually(() => completions().length === 2);
    expect(outcomes()).toEqual([
      ['Completed', undefined, undefined],
      ['Completed', undefined, undefined],
    ]);
  });

  it('undoes what is over it', async () => {
    const client = await open();
    const frames = await client.query(update(11));
    expect([types(frames), errors(frames), status(frames), await changed()]).toEqual(['E Z', [AFFECTED], 'I', 0]);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
    await eventually(() => completions().length === 2);
    expect(outcomes()).toEqual([
      ['Failed', '42501', ['few']],
      ['Completed', undefined, undefined],
    ]);
    expect(airlock.outcomes.map(({ result, sqlstate, rules }) => [result, sqlstate, rules])).toEqual([
      ['Failed', '42501', ['few']],
      ['Completed', undefined, []],
    ]);
  });

  it.each([
    ['INSERT', "INSERT INTO t SELECT i, 'w' FROM generate_series(200, 210) i /* w */"],
    [
      'INSERT ... ON CONFLICT',
      "INSERT INTO t SELECT i, 'w' FROM generate_series(1, 11) i ON CONFLICT (id) DO UPDATE SET name = 'w' /* w */",
    ],
    ['UPDATE ... RETURNING', update(11, ' RETURNING id')],
    ['DELETE', 'DELETE FROM t WHERE id < 12 /* w */'],
    ['CREATE TABLE AS', 'CREATE TABLE made AS SELECT * FROM t WHERE id < 12 /* w */'],
    ['SELECT INTO', 'SELECT * INTO made FROM t WHERE id < 12 /* w */'],
  ])('counts %s', async (_what, sql) => {
    const client = await open();
    const frames = await client.query(sql);
    expect([errors(frames), status(frames)]).toEqual([[AFFECTED], 'I']);
    expect(await postgres.sql("SELECT count(*)::int AS n, count(*) FILTER (WHERE name = 'w')::int AS w FROM t")).toEqual([
      { n: 100, w: 0 },
    ]);
    expect(await postgres.sql("SELECT 1 FROM pg_class WHERE relname = 'made'")).toEqual([]);
  });

  it('tells the errors of the server as they are', async () => {
    const client = await open();
    for (const [sql, code] of [
      ['UPDATE t SET nope = 1 /* w */', '42703'],
      ['UPDAT t /* w */', '42601'],
      ["UPDATE t SET name = 'bad' WHERE id = 1 /* w */", '23514'],
      ["INSERT INTO t VALUES (1, 'x') /* w */", '23505'],
    ] as const) {
      const frames = await client.query(sql);
      expect([types(frames), errors(frames)[0]?.['C'], status(frames)]).toEqual(['E Z', code, 'I']);
    }
    expect(values(await client.query('SELECT 1'))).toEqual(['1']);
  });

  it('tells of an error at commit in place of the completion, as PostgreSQL does', async () => {
    await postgres.sql(`CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)`);
    const client = await open();
    const frames = await client.query('INSERT INTO deferred VALUES (1), (1) /* w */');
    expect([types(frames), errors(frames)[0]?.['C'], status(frames)]).toEqual(['E Z', '23505', 'I']);
    await eventually(() => completions().length === 1);
    expect(outcomes()).toEqual([['Failed', '23505', undefined]]);
    await postgres.sql('DROP TABLE deferred');
  });

  it('leaves no unnamed statement or portal behind, as a Query does', async () => {
    const client = await open();
    await client.exchange(send.parse('', 'SELECT 42'), send.sync());
    await client.query('BEGIN');
    await client.query(update(5));
    const bound = await client.exchange(send.bind('', ''), send.execute(), send.sync());
    expect(errors(bound)).toMatchObject([{ C: '26000' }]);
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query(update(5));
    expect(errors(await client.exchange(send.execute(), send.sync()))).toMatchObject([{ C: '34000' }]);
    await client.query('ROLLBACK');
    expect(await changed()).toBe(0);
  });

  it('refuses several statements in one text', async () => {
    const client = await open();
    const frames = await client.query(`SELECT 1; ${update(5)}`);
    expect([types(frames), errors(frames), await changed()]).toEqual([
      'E Z',
      [
        {
          S: 'ERROR',
          C: '42501',
          M: 'permission denied by rule "few"',
          D: 'Affected rows are not counted where one text has several statements. Rule "few" of policy test/p refuses that.',
          H: 'Send the statements one by one, in a transaction if they belong together.',
        },
      ],
      0,
    ]);
  });

  it('goes on with what a pipeline has sent behind it', async () => {
    const client = await open();
    client.write(send.query(update(11)), send.query('SELECT 1'), send.query(update(9)), send.query('SELECT 2'));
    const frames = [...(await client.until('Z')), ...(await client.until('Z')), ...(await client.until('Z')), ...(await client.until('Z'))];
    expect([types(frames), tags(frames), await changed()]).toEqual(['E Z T D C Z C Z T D C Z', ['SELECT 1', 'UPDATE 9', 'SELECT 1'], 9]);
  });
});

describe('rows affected, in a transaction block', () => {
  it('fails the block by a simple Query that is over, and by nothing else', async () => {
    const client = await open();
    await client.query('BEGIN');
    const first = await client.query(update(10));
    expect([types(first), status(first)]).toEqual(['C Z', 'T']);
    const frames = await client.query(update(11));
    expect([types(frames), errors(frames), status(frames)]).toEqual(['E Z', [AFFECTED], 'E']);
    expect(errors(await client.query('SELECT 1'))).toMatchObject([{ C: '25P02' }]);
    expect(tags(await client.query('COMMIT'))).toEqual(['ROLLBACK']);
    expect(await changed()).toBe(0);
  });

  it('goes back to a savepoint', async () => {
    const client = await open();
    await client.query('BEGIN');
    await client.query(update(10));
    await client.query('SAVEPOINT a');
    expect(errors(await client.query(update(11)))).toEqual([AFFECTED]);
    expect(types(await client.query('ROLLBACK TO a'))).toBe('C Z');
    expect(tags(await client.query('COMMIT'))).toEqual(['COMMIT']);
    expect(await changed()).toBe(10);
  });

  it('fails a block of the extended protocol, and the rest up to Sync is skipped', async () => {
    const client = await open();
    const frames = await client.exchange(...extended('BEGIN'), ...extended(update(11)), ...extended('COMMIT'), send.sync());
    expect([types(frames), errors(frames), status(frames)]).toEqual(['1 2 n C 1 2 n E Z', [AFFECTED], 'E']);
    expect(tags(await client.query('COMMIT'))).toEqual(['ROLLBACK']);
    expect(await changed()).toBe(0);
  });
});

describe('rows affected, by the extended protocol', () => {
  it('lets pass what keeps to the figure', async () => {
    const client = await open();
    const frames = await client.exchange(...extended(update(10)), send.sync());
    expect([types(frames), tags(frames), status(frames), await changed()]).toEqual(['1 2 n C Z', ['UPDATE 10'], 'I', 10]);
  });

  it('undoes what is over it, with all of its implicit transaction', async () => {
    const client = await open();
    const frames = await client.exchange(...extended(update(5)), ...extended(update(11)), ...extended('SELECT 1'), send.sync());
    expect([types(frames), errors(frames), status(frames), await changed()]).toEqual(['1 2 n C 1 2 n E Z', [AFFECTED], 'I', 0]);
    await eventually(() => completions().length === 3);
    expect(outcomes()).toEqual([
      ['Completed', undefined, undefined],
      ['Failed', '42501', ['few']],
      ['Failed', undefined, undefined],
    ]);
  });

  it('goes on behind the next Sync of a pipeline', async () => {
    const client = await open();
    const pipeline = [update(11), 'SELECT 1', update(10), update(11)].flatMap((sql) => [...extended(sql), send.sync()]);
    client.write(...pipeline);
    const frames: RawFrame[] = [];
    for (let left = 4; left > 0; left -= 1) frames.push(...(await client.until('Z')));
    expect([types(frames), await changed()]).toEqual(['1 2 n E Z 1 2 T D C Z 1 2 n C Z 1 2 n E Z', 10]);
  });

  it('lets no row limit suspend a portal that has changed all its rows', async () => {
    const client = await open();
    const over = await client.exchange(...extended(update(11, ' RETURNING id'), 2), send.sync());
    expect([types(over), errors(over), await changed()]).toEqual(['1 2 T D D D D D D D D D D D E Z', [AFFECTED], 0]);
    const within = await client.exchange(...extended(update(4, ' RETURNING id'), 2), send.sync());
    expect([types(within), await changed()]).toEqual(['1 2 T D D D D C Z', 4]);
  });

  it('counts a prepared statement each time it is run', async () => {
    const client = await open();
    await client.exchange(send.parse('s', "UPDATE t SET name = 'w' WHERE id <= $1::int /* w */"), send.sync());
    const run = (rows: string): Promise<RawFrame[]> => client.exchange(send.bind('', 's', [rows]), send.execute(), send.sync());
    expect(types(await run('10'))).toBe('2 C Z');
    expect(errors(await run('11'))).toEqual([AFFECTED]);
    expect(types(await run('9'))).toBe('2 C Z');
    expect(await changed()).toBe(10);
  });

  it('counts what SQL prepared, however it is run', async () => {
    const client = await open();
    await client.query("PREPARE up(int) AS UPDATE t SET name = 'w' WHERE id <= $1 /* w */");
    expect(errors(await client.query('EXECUTE up(11)'))).toEqual([AFFECTED]);
    expect(errors(await client.exchange(...extended('EXECUTE up(11)'), send.sync()))).toEqual([AFFECTED]);
    expect(errors(await client.exchange(send.bind('', 'up', ['11']), send.execute(), send.sync()))).toEqual([AFFECTED]);
    expect(await changed()).toBe(0);
    expect(tags(await client.query('EXECUTE up(10)'))).toEqual(['UPDATE 10']);
    expect(await changed()).toBe(10);
  });

  it('answers an error before the statement as before', async () => {
    const client = await open();
    const frames = await client.exchange(send.parse('', 'nonsense'), send.bind('', ''), ...extended(update(10)), send.sync());
    expect([types(frames), status(frames), await changed()]).toEqual(['E Z', 'I', 0]);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it('keeps a hundred of them in one pipeline apart', async () => {
    const client = await open();
    const pipeline = Array.from({ length: 100 }, (_, index) => extended(`UPDATE t SET name = 'w' WHERE id = ${index + 1} /* w */`)).flat();
    const frames = await client.exchange(...pipeline, send.sync());
    expect(tags(frames)).toEqual(Array.from({ length: 100 }, () => 'UPDATE 1'));
    expect(await changed()).toBe(100);
  });
});
