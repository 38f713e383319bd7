import { beforeEach, describe, expect, it } from 'vitest';
import { send, types } from '../support/raw-client.ts';
import { airlock, codes, completions, errors, eventually, open, status, useAirlock, values } from './use-airlock.ts';

useAirlock();

describe('a limit on results', () => {
  beforeEach(() => {
    airlock.knobs.limits = { ...airlock.knobs.limits, rowsPerStatement: 10 };
  });

  it('lets pass what keeps to it', async () => {
    const client = await open();
    expect(values(await client.query('SELECT id FROM t LIMIT 10')).length).toBe(10);
  });

  it('ends what exceeds it with an error, and the session goes on', async () => {
    const client = await open();
    const frames = await client.query('SELECT id FROM t LIMIT 11');
    expect([types(frames), status(frames)]).toEqual(['T E Z', 'I']);
    expect(errors(frames)).toEqual([
      {
        S: 'ERROR',
        C: '53400',
        M: 'result is too large',
        D: 'The policy allows 10 rows for one statement (limits.rowsPerStatement), and the result has more.',
        H: 'Add a LIMIT, a narrower WHERE or an aggregate.',
      },
    ]);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
    await eventually(() => completions().length === 2);
    expect(completions().map(({ outcome, rows, sqlstate }) => [outcome, rows, sqlstate])).toEqual([
      ['Failed', 0, '53400'],
      ['Completed', 1, undefined],
    ]);
  });

  it('cancels what would go on', async () => {
    const client = await open();
    const frames = await client.query("SELECT repeat('x', 5000) FROM generate_series(1, 500000)");
    expect(codes(frames)).toEqual(['53400']);
    expect(frames.filter(({ type }) => type === 'D').length).toBeLessThanOrEqual(10);
  });

  it('counts rows that are longer than what arrives at once', async () => {
    airlock.knobs.limits = { ...airlock.knobs.limits, rowsPerStatement: undefined, bytesPerStatement: 300_000 };
    const client = await open();
    const frames = await client.query("SELECT repeat('x', 200000) FROM generate_series(1, 5)");
    expect(codes(frames)).toEqual(['53400']);
    expect(frames.filter(({ type }) => type === 'D').every(({ body }) => body.length === 200_006)).toBe(true);
    expect(values(await client.query('SELECT 1'))).toEqual(['1']);
  });

  it('adds up the portions of a portal', async () => {
    const client = await open();
    await client.query('BEGIN');
    await client.exchange(send.parse('', 'SELECT id FROM t'), send.bind('p', ''), send.execute('p', 6), send.sync());
    expect(types(await client.exchange(send.execute('p', 4), send.sync()))).toBe('D D D D s Z');
    expect(codes(await client.exchange(send.execute('p', 1), send.sync()))).toEqual(['53400']);
  });

  it('ends the session where more was sent that depends on the statement', async () => {
    const client = await open();
    client.write(send.query('SELECT id FROM t LIMIT 11; SELECT 1'));
    await client.waitClosed();
    expect(errors(client.frames).at(-1)).toMatchObject({ S: 'FATAL', C: '53400' });
  });
});
