import { describe, expect, it } from 'vitest';
import { type RawFrame, responseFields, send, types } from '../support/raw-client.ts';
import { airlock, completions, decisions, errors, eventually, open, postgres, useAirlock, values } from './use-airlock.ts';

useAirlock();

describe('a session', () => {
  it('passes a simple query, and records it before and after', async () => {
    const client = await open({ application_name: 'psql' });
    const frames = await client.query('SELECT id FROM t ORDER BY id LIMIT 2');
    expect(types(frames)).toBe('T D D C Z');
    expect(values(frames)).toEqual(['1', '2']);
    await eventually(() => completions().length === 1);
    client.write(send.terminate());
    await client.waitClosed();
    await eventually(() => airlock.records.at(-1)?.type === 'session-ended');
    expect(airlock.records).toEqual([
      {
        type: 'session-started',
        session: {
          id: expect.stringMatching(/^[0-9a-f]{32}$/),
          identity: { agent: 'ann', method: 'Fixed' },
          connection: 'test/c',
          database: 'shop',
          clientAddress: '127.0.0.1',
          applicationName: 'psql',
        },
        revision: '1',
      },
      {
        type: 'decision',
        session: expect.any(String),
        agent: 'ann',
        connection: 'test/c',
        statement: 1,
        via: 'Query',
        decision: 'Allow',
        kinds: ['Any'],
        reasons: [],
        policies: ['test/p'],
        revision: '1',
        sql: 'SELECT id FROM t ORDER BY id LIMIT 2',
        relations: [],
        masked: [],
        filtered: [],
      },
      {
        type: 'completion',
        session: expect.any(String),
        statement: 1,
        outcome: 'Completed',
        rows: 2,
        bytes: 24,
        duration: expect.any(Number),
      },
      { type: 'session-ended', session: expect.any(String), reason: 'client-terminated' },
    ]);
    expect(airlock.outcomes).toEqual([
      {
        agent: 'ann',
        connection: 'test/c',
        via: 'Query',
        decision: 'Allow',
        result: 'Completed',
        kinds: ['Any'],
        reasons: [],
        policies: ['test/p'],
        masked: [],
        filtered: [],
        rules: [],
        detected: [],
        rows: 2,
        bytes: 24,
        decisionMs: expect.any(Number),
        upstreamMs: expect.any(Number),
      },
    ]);
  });

  it('sends what the judge made of the text, and maps positions back', async () => {
    airlock.knobs.replaced.set('t', '(SELECT id FROM public.t) AS t');
    const client = await open();
    expect(values(await client.query('SELECT * FROM t WHERE id = 7'))).toEqual(['7']);
    expect(errors(await client.query('SELECT * FROM t WHERE name = 7'))).toEqual([
      { S: 'ERROR', C: '42703', M: 'column "name" does not exist', P: '23' },
    ]);
    expect(decisions().map(({ sql, sent }) => [sql, sent])).toContainEqual([
      'SELECT * FROM t WHERE id = 7',
      'SELECT * FROM (SELECT id FROM public.t) AS t WHERE id = 7',
    ]);
  });

  it('answers pipelines of the extended protocol', async () => {
    const client = await open();
    const one = (value: string): Buffer[] => [
      send.parse('', 'SELECT name FROM t WHERE id = $1'),
      send.bind('', '', [value]),
      send.describe('P'),
      send.execute(),
      send.sync(),
    ];
    const count = 500;
    client.write(...Array.from({ length: count }, (_, index) => one(String((index % 100) + 1))).flat());
    const frames: RawFrame[] = [];
    for (let index = 0; index < count; index += 1) frames.push(...(await client.until('Z')));
    expect(types(frames)).toBe(Array.from({ length: count }, () => '1 2 T D C Z').join(' '));
    expect(values(frames)).toEqual(Array.from({ length: count }, (_, index) => `n${(index % 100) + 1}`));
  });

  it('records the parameters of each execution, and not those that meet a masked column', async () => {
    airlock.knobs.maskedParameters = [2];
    const client = await open();
    await client.exchange(
      send.parse('s', 'SELECT $1::int, $2::text, $3::text'),
      send.bind('', 's', [Buffer.from([0, 0, 0, 5]), 'secret', null], { formats: [1, 0, 0] }),
      send.execute(),
      send.sync(),
    );
    expect(decisions().map(({ via, parameters }) => [via, parameters])).toEqual([
      ['Parse', undefined],
      ['Execute', [{ binary: 'AAAABQ==' }, { masked: true }, { null: true }]],
    ]);
    expect(JSON.stringify(airlock.records)).not.toContain('secret');
  });

  it('records a portal that is suspended, and its end', async () => {
    const client = await open();
    const frames = await client.exchange(
      send.parse('', 'SELECT id FROM t'),
      send.bind('', ''),
      send.execute('', 60),
      send.execute('', 60),
      send.sync(),
    );
    expect(types(frames.filter(({ type }) => type !== 'D'))).toBe('1 2 s C Z');
    await eventually(() => completions().length === 2);
    expect(completions().map(({ outcome, rows }) => [outcome, rows])).toEqual([
      ['Suspended', 60],
      ['Completed', 40],
    ]);
  });

  it('forwards large results whole to a client that reads slowly', async () => {
    const client = await open();
    client.write(send.query("SELECT repeat('x', 1000) FROM generate_series(1, 30000)"));
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.socket.resume();
    const frames = await client.until('Z');
    expect(frames.filter(({ type, body }) => type === 'D' && body.length === 1006).length).toBe(30_000);
    await eventually(() => completions().length === 1);
    expect(completions()[0]?.rows).toBe(30_000);
  });

  it('takes the data of a COPY while the catalog is read again', async () => {
    await postgres.sql('CREATE TABLE renewed (id int)');
    const client = await open();
    client.write(send.query('COPY renewed FROM STDIN'));
    await client.until('G');
    airlock.knobs.renewing = new Promise(() => undefined);
    expect(types(await client.exchange(send.copyData('1\n'), send.copyDone()))).toBe('C Z');
  });

  it('passes COPY in and out', async () => {
    const client = await open();
    client.write(send.query('CREATE TEMP TABLE c (a int, b text)'));
    await client.until('Z');
    client.write(send.query('COPY c FROM STDIN'));
    await client.until('G');
    expect(types(await client.exchange(send.copyData('1\tx\n2\ty\n'), send.copyDone()))).toBe('C Z');
    expect(types(await client.query('COPY c TO STDOUT'))).toBe('H d d c C Z');
    client.write(send.parse('', 'COPY c FROM STDIN'), send.bind('', ''), send.execute(), send.sync());
    await client.until('G');
    expect(types(await client.exchange(send.copyData('3\tz\n'), send.copyDone(), send.sync()))).toBe('C Z');
    expect(values(await client.query('SELECT count(*) FROM c'))).toEqual(['3']);
    expect(types(await client.exchange(send.copyData('stray'), send.copyDone(), send.query('SELECT 1')))).toBe('T D C Z');
  });
});

describe('server messages', () => {
  it('lose what may carry hidden values', async () => {
    const client = await open();
    const frames = await client.query("INSERT INTO t VALUES (3000, 'bad')");
    expect(errors(frames)).toEqual([{ S: 'ERROR', C: '23514', M: 'new row for relation "t" violates check constraint "t_name_check"' }]);
    await eventually(() => completions().length === 1);
    expect(completions()[0]).toMatchObject({
      outcome: 'Failed',
      sqlstate: '23514',
      serverMessage: expect.stringContaining('Failing row contains (3000, bad).') as string,
    });
    const notice = "DO $$ BEGIN RAISE NOTICE 'hello' USING DETAIL = 'hidden'; END $$";
    const noticed = await client.query(notice);
    expect(types(noticed)).toBe('N C Z');
    expect([responseFields(noticed[0] as RawFrame)['M'], responseFields(noticed[0] as RawFrame)['D']]).toEqual(['hello', undefined]);
    airlock.knobs.notices = 'Withhold';
    expect(types(await client.query(notice))).toBe('C Z');
  });

  it('say nothing of a value that the policy protects', async () => {
    airlock.knobs.withholdErrors = true;
    const client = await open();
    expect(errors(await client.query("SELECT 'secret'::text::int FROM t"))).toEqual([
      { S: 'ERROR', C: '22P02', M: 'could not compute a value that the policy protects' },
    ]);
    expect(errors(await client.query('SELECT nope'))).toEqual([{ S: 'ERROR', C: '42703', M: 'column "nope" does not exist', P: '8' }]);
  });

  it('do not bring notifications of others', async () => {
    const client = await open();
    await client.query('LISTEN channel');
    await postgres.sql("NOTIFY channel, 'payload'");
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it.each([
    ['SET standard_conforming_strings = off', 'terminating connection because parameter "standard_conforming_strings" became "off"'],
    ['SET client_encoding = LATIN1', 'terminating connection because parameter "client_encoding" became "LATIN1"'],
  ])('end the session where they tell that %s', async (sql, message) => {
    const client = await open();
    client.write(send.query(sql));
    await client.waitClosed();
    expect(client.frames.filter(({ type }) => type === 'E').map((frame) => responseFields(frame)['M'])).toEqual([message]);
  });
});
