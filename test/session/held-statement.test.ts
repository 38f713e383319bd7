import { describe, expect, it } from 'vitest';
import { send, types } from '../support/raw-client.ts';
import { airlock, completions, errors, eventually, open, postgres, running, status, useAirlock } from './use-airlock.ts';
import { extended, AFFECTED, changed, outcomes, update, useWatches } from './use-watches.ts';

useAirlock();
useWatches();

describe('rows affected, by COPY FROM STDIN', () => {
  const rows = (count: number): Buffer => send.copyData(Array.from({ length: count }, (_, index) => `${1000 + index}\tw\n`).join(''));
  const COPY = 'COPY t FROM STDIN /* w */';

  it.each([
    [10, 'C Z', 10],
    [11, 'E Z', 0],
  ])('counts %d rows of a simple Query', async (count, answer, stored) => {
    const client = await open();
    client.write(send.query(COPY));
    expect(types(await client.until('GE'))).toBe('G');
    expect(types(await client.exchange(rows(count), send.copyDone()))).toBe(answer);
    expect(await changed()).toBe(stored);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it.each([
    [10, 'C Z', 10],
    [11, 'E Z', 0],
  ])('counts %d rows of an Execute, whose Sync comes before the data as libpq sends it', async (count, answer, stored) => {
    const client = await open();
    client.write(send.parse('', COPY), send.bind('', ''), send.describe('P'), send.execute(), send.sync());
    expect(types(await client.until('GE'))).toBe('1 2 n G');
    expect(types(await client.exchange(rows(count), send.copyDone(), send.sync()))).toBe(answer);
    expect(await changed()).toBe(stored);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it('fails as PostgreSQL does where the data is wrong, or the client gives up', async () => {
    const client = await open();
    client.write(send.query(COPY));
    await client.until('G');
    const wrong = await client.exchange(send.copyData('no number\tx\n'), send.copyDone());
    expect([types(wrong), errors(wrong)[0]?.['C']]).toEqual(['E Z', '22P02']);
    client.write(send.query(COPY));
    await client.until('G');
    const given = await client.exchange(rows(2), send.copyFail('enough'));
    expect([types(given), errors(given)[0]?.['C']]).toEqual(['E Z', '57014']);
    client.write(...extended(COPY));
    await client.until('G');
    const extendedFailure = await client.exchange(send.copyData('no number\tx\n'), send.copyDone(), send.sync());
    expect([types(extendedFailure), errors(extendedFailure)[0]?.['C']]).toEqual(['E Z', '22P02']);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
    expect(await changed()).toBe(0);
  });

  it('takes what a client sends at once', async () => {
    const client = await open();
    const frames = await client.exchange(send.query(COPY), rows(3), send.copyDone());
    expect(types(frames)).toBe('G C Z');
    client.write(send.query(COPY), rows(12), send.copyDone(), send.query('SELECT 1'));
    expect(types([...(await client.until('Z')), ...(await client.until('Z'))])).toBe('G E Z T D C Z');
    expect(await changed()).toBe(3);
  });

  it('ends the session where anything but COPY comes', async () => {
    const client = await open();
    client.write(send.query(COPY));
    await client.until('G');
    client.write(send.query('SELECT 1'));
    await client.waitClosed();
    expect(errors(client.frames).at(-1)).toMatchObject({ S: 'FATAL', C: '08P01' });
    expect(await changed()).toBe(0);
  });
});

describe('what is not judged yet', () => {
  it.each([
    ['a simple Query', [send.query("UPDATE t SET name = 'w' FROM pg_sleep(30) WHERE id <= 10 /* w */")]],
    ['an Execute', [...extended("UPDATE t SET name = 'w' FROM pg_sleep(30) WHERE id <= 10 /* w */"), send.sync()]],
  ])('is not committed when the client of %s goes', async (_what, messages) => {
    const client = await open();
    client.write(...messages);
    await eventually(() => running('pg_sleep'));
    client.destroy();
    await eventually(async () => !(await running('pg_sleep')));
    expect(await changed()).toBe(0);
    await eventually(() => completions().length === 1);
    expect(outcomes()).toEqual([['Lost', undefined, undefined]]);
  });

  it('is not committed when the access ends', async () => {
    const client = await open();
    client.write(send.query("UPDATE t SET name = 'w' FROM pg_sleep(30) WHERE id <= 10 /* w */"));
    await eventually(() => running('pg_sleep'));
    airlock.revoke.abort();
    await client.waitClosed();
    await eventually(async () => !(await running('pg_sleep')));
    expect(await changed()).toBe(0);
  });

  it('is cancelled as any other', async () => {
    const client = await open();
    client.write(send.query("UPDATE t SET name = 'w' FROM pg_sleep(30) WHERE id <= 10 /* w */"));
    await eventually(() => running('pg_sleep'));
    await postgres.sql(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
    );
    const frames = await client.until('Z');
    expect([types(frames), errors(frames)[0]?.['C'], status(frames)]).toEqual(['E Z', '57014', 'I']);
    expect(types(await client.query(update(3)))).toBe('C Z');
  });

  it('does not run when its record cannot be written', async () => {
    const client = await open();
    airlock.knobs.auditFails = true;
    const simple = await client.query(update(3));
    expect([types(simple), errors(simple)[0]?.['C']]).toEqual(['E Z', '58030']);
    const execute = await client.exchange(...extended(update(3)), send.sync());
    expect([types(execute), errors(execute)[0]?.['C']]).toEqual(['E Z', '58030']);
    airlock.knobs.auditFails = false;
    expect(await changed()).toBe(0);
    expect(types(await client.query(update(3)))).toBe('C Z');
  });

  it('ends with the client that says goodbye behind it', async () => {
    const client = await open();
    client.write(send.query(update(11)), send.terminate());
    await client.waitClosed();
    expect([types(client.frames.slice(-2)), await changed()]).toEqual(['E Z', 0]);
    const other = await open();
    other.write(send.query(update(10)), send.terminate());
    await other.waitClosed();
    expect([types(other.frames.slice(-2)), await changed()]).toEqual(['C Z', 10]);
  });

  it('is not committed by a client that does not read', async () => {
    const client = await open();
    client.socket.pause();
    client.write(send.query(update(100, " RETURNING repeat('x', 200000)")), send.query('COMMIT'));
    await eventually(() => running('repeat'));
    expect(await changed()).toBe(0);
    client.socket.resume();
    const frames = await client.until('Z');
    expect([errors(frames), await changed()]).toEqual([[AFFECTED], 0]);
  });
});
