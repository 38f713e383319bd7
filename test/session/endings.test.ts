import { describe, expect, it } from 'vitest';
import { sessionRevoked, shuttingDown } from '../../kernel/failure.ts';
import { type RawClient, send, types } from '../support/raw-client.ts';
import { airlock, decisions, errors, eventually, open, postgres, running, useAirlock, values } from './use-airlock.ts';

useAirlock();

describe('the end', () => {
  const ended = async (client: RawClient): Promise<Record<string, string> | undefined> => {
    await client.waitClosed();
    return errors(client.frames).at(-1);
  };

  it('of access ends the session, mid-query if need be', async () => {
    const client = await open();
    client.write(send.query("SELECT pg_sleep(60), 'revoke'"));
    await eventually(() => running('revoke'));
    airlock.revoke.abort(sessionRevoked('The policy was deleted.'));
    expect(await ended(client)).toMatchObject({ S: 'FATAL', C: '57P01', D: 'The policy was deleted.' });
    await eventually(async () => !(await running('revoke')));
  });

  it.each([
    ['a row', "SELECT repeat('x', 60000000)", 'TD'],
    ['a row of COPY', "COPY (SELECT repeat('x', 60000000)) TO STDOUT", 'Hd'],
  ])('says nothing in the middle of %s, which would take it for its rest', async (_what, sql, begins) => {
    const client = await open();
    const chunks: Buffer[] = [];
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    client.write(send.query(sql));
    await eventually(() => chunks.reduce((sum, { length }) => sum + length, 0) > 1_000_000);
    airlock.revoke.abort(sessionRevoked('The policy was deleted.'));
    await client.waitClosed();
    const bytes = Buffer.concat(chunks);
    expect(bytes.toString('latin1', 0, 1)).toBe(begins[0]);
    expect(bytes.length).toBeLessThan(60_000_000);
    expect(/^x{100}$/.test(bytes.toString('latin1', bytes.length - 100))).toBe(true);
  });

  it('of the process waits for transactions, up to the grace', async () => {
    const [idle, busy, open1] = [await open(), await open(), await open()];
    await open1.query('BEGIN');
    busy.write(send.query('SELECT pg_sleep(0.3), 1 AS done'));
    await eventually(() => running('done'));
    const drained = airlock.sessions.drain(600, shuttingDown());
    expect(await ended(idle)).toMatchObject({ S: 'FATAL', C: '57P01' });
    expect(types(await busy.until('Z'))).toBe('T D C Z');
    expect(await ended(busy)).toMatchObject({ C: '57P01' });
    expect(await ended(open1)).toMatchObject({ C: '57P01' });
    await drained;
  });

  it('of the server session is told in its own words', async () => {
    const client = await open();
    const pid = values(await client.query('SELECT pg_backend_pid()'))[0];
    await postgres.sql(`SELECT pg_terminate_backend(${pid})`);
    expect(await ended(client)).toMatchObject({ S: 'FATAL', C: '57P01', M: 'terminating connection due to administrator command' });
  });

  it('comes with a protocol violation', async () => {
    const client = await open();
    client.write(Buffer.from('?????'));
    expect(await ended(client)).toEqual({ S: 'FATAL', C: '08P01', M: 'invalid frontend message type 63' });
  });

  it('records what was refused before a message that ends the session came with it', async () => {
    airlock.knobs.refused.push('secret');
    const client = await open();
    client.write(send.query('SELECT secret'), send.query('SELECT 1'), Buffer.from('?????'));
    await ended(client);
    await eventually(() => airlock.records.some(({ type }) => type === 'session-ended'));
    expect(decisions().map(({ decision, sql }) => [decision, sql])).toEqual([['Deny', 'SELECT secret']]);
  });

  it('comes after what was sent before Terminate', async () => {
    const client = await open();
    client.write(send.query('SELECT pg_sleep(0.2)'), send.terminate());
    expect(types(await client.until('Z'))).toBe('T D C Z');
    await client.waitClosed();
  });

  it('comes when the policy limits idleness', async () => {
    airlock.knobs.limits = { ...airlock.knobs.limits, idleTimeout: 100 };
    const client = await open();
    expect(await ended(client)).toMatchObject({ S: 'FATAL', C: '57P05' });
  });
});
