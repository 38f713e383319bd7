import { beforeEach, describe, expect, it } from 'vitest';
import { send, types } from '../support/raw-client.ts';
import {
  airlock,
  codes,
  completions,
  decisions,
  errors,
  eventually,
  open,
  postgres,
  REFUSAL,
  running,
  status,
  useAirlock,
  values,
} from './use-airlock.ts';

useAirlock();

describe('a refused statement', () => {
  beforeEach(() => {
    airlock.knobs.refused.push('NO');
  });

  it('fails as a statement does, and nothing of it reaches the server', async () => {
    const client = await open();
    const frames = await client.query('SELECT 1 /* NO */');
    expect(types(frames)).toBe('E Z');
    expect(errors(frames)).toEqual([REFUSAL]);
    expect(status(frames)).toBe('I');
    expect(postgres.logTail()).not.toContain('/* NO */');
    expect(decisions().map(({ decision, reasons }) => [decision, reasons])).toEqual([
      ['Deny', [{ code: 'statement-refused', message: 'permission denied for this' }]],
    ]);
    expect(airlock.outcomes.map(({ result, decision }) => [result, decision])).toEqual([['Refused', 'Deny']]);
  });

  it('aborts the transaction that it is in', async () => {
    const client = await open();
    expect(status(await client.query('BEGIN'))).toBe('T');
    expect(status(await client.query('INSERT INTO t VALUES (1000)'))).toBe('T');
    expect(status(await client.query('NO'))).toBe('E');
    expect(codes(await client.query('SELECT 1'))).toEqual(['25P02']);
    const ended = await client.query('COMMIT');
    expect([ended.find(({ type }) => type === 'C')?.body.toString(), status(ended)]).toEqual(['ROLLBACK\0', 'I']);
    expect(values(await client.query('SELECT count(*) FROM t'))).toEqual(['100']);
  });

  it('skips the rest of its pipeline up to Sync', async () => {
    const client = await open();
    client.write(
      send.parse('', 'INSERT INTO t VALUES (1001)'),
      send.bind('', ''),
      send.execute(),
      send.parse('', 'NO'),
      send.bind('', ''),
      send.describe('P'),
      send.execute(),
      send.query('SELECT 1'),
      send.sync(),
      send.parse('', 'SELECT count(*) FROM t'),
      send.bind('', ''),
      send.execute(),
      send.sync(),
    );
    const first = await client.until('Z');
    expect([types(first), errors(first)]).toEqual(['1 2 C E Z', [REFUSAL]]);
    const second = await client.until('Z');
    expect([types(second), values(second)]).toEqual(['1 2 D C Z', ['100']]);
    await eventually(() => completions().length >= 2);
    expect(completions().map(({ outcome, sqlstate }) => [outcome, sqlstate])).toEqual(expect.arrayContaining([['Failed', undefined]]));
  });

  it('leaves no statement behind when it is prepared', async () => {
    const client = await open();
    expect(errors(await client.exchange(send.parse('s', 'NO'), send.sync()))).toEqual([REFUSAL]);
    expect(errors(await client.exchange(send.bind('', 's'), send.execute(), send.sync()))).toEqual([
      { S: 'ERROR', C: '26000', M: 'prepared statement "s" does not exist' },
    ]);
    expect(types(await client.exchange(send.parse('s', 'SELECT 1'), send.bind('', 's'), send.execute(), send.sync()))).toBe('1 2 D C Z');
  });

  it('is the function-call message, whatever it calls', async () => {
    const client = await open();
    const call = Buffer.from([0x46, 0, 0, 0, 16, 0, 0, 7, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0]);
    const frames = await client.exchange(call);
    expect([types(frames), codes(frames)]).toEqual(['E Z', ['0A000']]);
    expect(values(await client.query('SELECT 1'))).toEqual(['1']);
  });

  it('names what PostgreSQL would name where a portal is unknown', async () => {
    const client = await open();
    expect(errors(await client.exchange(send.execute('p'), send.sync()))).toEqual([
      { S: 'ERROR', C: '34000', M: 'portal "p" does not exist' },
    ]);
    expect(errors(await client.exchange(send.describe('S'), send.sync()))).toEqual([
      { S: 'ERROR', C: '26000', M: 'unnamed prepared statement does not exist' },
    ]);
    expect(types(await client.exchange(send.close('S', 'x'), send.close('P', 'x'), send.sync()))).toBe('3 3 Z');
  });
});

describe('the audit store', () => {
  it('stops statements when it cannot be written, and the session stays in order', async () => {
    const client = await open();
    await client.query('BEGIN');
    airlock.knobs.auditFails = true;
    const refused = await client.query('INSERT INTO t VALUES (2000)');
    expect([types(refused), codes(refused), status(refused)]).toEqual(['E Z', ['58030'], 'E']);
    airlock.knobs.auditFails = false;
    expect(status(await client.query('ROLLBACK'))).toBe('I');
    airlock.knobs.auditFails = true;
    client.write(
      send.parse('s', 'SELECT 1'),
      send.bind('', 's'),
      send.execute(),
      send.sync(),
      send.query('SELECT 2'),
      send.parse('', 'SELECT 3'),
      send.sync(),
    );
    expect(types(await client.until('Z'))).toBe('E Z');
    expect(types(await client.until('Z'))).toBe('E Z');
    expect(types(await client.until('Z'))).toBe('E Z');
    airlock.knobs.auditFails = false;
    expect(codes(await client.exchange(send.bind('', 's'), send.sync()))).toEqual(['26000']);
    expect(values(await client.query('SELECT count(*) FROM t'))).toEqual(['100']);
    expect(decisions().map(({ sql }) => sql)).not.toContain('SELECT 2');
    await eventually(() => completions().length === 3);
    expect(
      decisions()
        .filter(({ decision }) => decision === 'Allow')
        .map(({ sql }) => sql),
    ).toEqual(['BEGIN', 'ROLLBACK', 'SELECT count(*) FROM t']);
  });

  it('hears of a statement whose client vanished, and the server is told to stop', async () => {
    const client = await open();
    client.write(send.query("SELECT pg_sleep(60), 'vanish'"));
    await eventually(() => running('vanish'));
    client.destroy();
    await eventually(async () => !(await running('vanish')));
    await eventually(() => airlock.records.at(-1)?.type === 'session-ended');
    expect(completions().map(({ outcome }) => outcome)).toEqual(['Lost']);
  });
});
