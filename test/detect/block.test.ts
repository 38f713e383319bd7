import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Shop } from '../clients/shop.ts';
import { closeSessions, openSession } from '../life/sessions.ts';
import { type RawFrame, responseFields, send, types } from '../support/raw-client.ts';
import { CARD, cellsOf, detecting, recorded, startNotes } from './notes.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startNotes('[{ kind: PaymentCard, action: Block }, { kind: EmailAddress, action: Report }]');
});
afterAll(() => shop.stop());
afterEach(() => closeSessions(shop));

const told = (frames: readonly RawFrame[]): Record<string, string> => responseFields(frames.find(({ type }) => type === 'E') as RawFrame);

const status = (frames: readonly RawFrame[]): string | undefined => frames.findLast(({ type }) => type === 'Z')?.body.toString();

const BLOCKED = {
  S: 'ERROR',
  V: 'ERROR',
  C: '42501',
  M: 'permission denied for a value of column "t"',
  D: 'It looks like a value of kind PaymentCard, which policy default/reading does not let through.',
  H: 'Leave the column out, or choose rows and expressions that do not show such values.',
};

describe('action Block', () => {
  it('ends a simple query with an error that names column and kind, and the session goes on', async () => {
    const { client } = await openSession(shop);
    const frames = await client.query('SELECT id, t FROM notes ORDER BY id DESC');
    expect(told(frames)).toMatchObject(BLOCKED);
    expect(Buffer.concat(frames.map(({ body }) => body)).includes('4111')).toBe(false);
    expect([cellsOf(frames).includes('nothing to see 2'), cellsOf(frames).includes('1'), status(frames)]).toEqual([true, false, 'I']);
    expect(types(await client.query('SELECT t FROM notes WHERE id = 2'))).toBe('T D C Z');
  });

  it('aborts the transaction, as a statement does that fails', async () => {
    const { client } = await openSession(shop);
    await client.query('BEGIN');
    expect(status(await client.query('SELECT t FROM notes WHERE id = 1'))).toBe('E');
    expect(told(await client.query('SELECT 1'))['C']).toBe('25P02');
    expect(types(await client.query('ROLLBACK'))).toBe('C Z');
    await client.query('BEGIN');
    const frames = await client.exchange(
      send.parse('', 'SELECT t FROM notes WHERE id = 1'),
      send.bind('', ''),
      send.execute(),
      send.sync(),
    );
    expect([types(frames), status(frames)]).toEqual(['1 2 E Z', 'E']);
    expect(types(await client.query('ROLLBACK'))).toBe('C Z');
  });

  it('tells no text of the server that is too long to be looked into whole', async () => {
    const { client } = await openSession(shop);
    const frames = await client.query(`SELECT (repeat(' ', 262144 - 60) || '${CARD}' || repeat('x', 100))::int`);
    expect(told(frames)).toMatchObject({ C: '22P02', M: 'the text is too long to be looked into' });
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it('undoes what returned the value', async () => {
    const { client } = await openSession(shop);
    expect(told(await client.query(`INSERT INTO log VALUES (1, '${CARD}') RETURNING t`))).toMatchObject(BLOCKED);
    const insert = [send.parse('', `INSERT INTO log VALUES (2, '${CARD}') RETURNING t`), send.bind('', ''), send.execute(), send.sync()];
    expect(told(await client.exchange(...insert))).toMatchObject(BLOCKED);
    // A number of rows below one means all of them, too.
    expect(told(await client.exchange(...insert.slice(0, 2), send.execute('', -1), send.sync()))).toMatchObject(BLOCKED);
    expect(cellsOf(await client.query('SELECT count(*) FROM log'))).toEqual(['0']);
  });

  it('skips what a pipeline has behind it, up to its Sync', async () => {
    const { client } = await openSession(shop);
    const one = (sql: string): Buffer[] => [send.parse('', sql), send.bind('', ''), send.execute()];
    client.write(...one('SELECT 1'), ...one('SELECT t FROM notes WHERE id = 1'), ...one(`INSERT INTO log VALUES (3, 'x')`), send.sync());
    client.write(...one('SELECT count(*) FROM log'), send.close('P'), send.sync());
    expect(types(await client.until('Z'))).toBe('1 2 D C 1 2 E Z');
    const frames = await client.until('Z');
    expect([types(frames), cellsOf(frames)]).toEqual(['1 2 D C 3 Z', ['0']]);
  });

  it.each([
    'COPY (SELECT t FROM notes ORDER BY id) TO STDOUT',
    'COPY (SELECT t FROM notes ORDER BY id) TO STDOUT (FORMAT csv)',
    'COPY (SELECT t FROM notes ORDER BY id) TO STDOUT (FORMAT binary)',
    'SELECT a FROM notes WHERE id = 1',
    'SELECT i8 FROM notes WHERE id = 1',
    `SELECT tell('x'), t FROM notes WHERE id = 1`,
  ])('ends %s, and the session goes on', async (sql) => {
    const { client } = await openSession(shop);
    const frames = await client.query(sql);
    expect(told(frames)['C']).toBe('42501');
    expect(Buffer.concat(frames.map(({ body }) => body)).includes('4111')).toBe(false);
    expect(types(await client.query('SELECT t FROM notes WHERE id = 2'))).toBe('T D C Z');
  });

  it('ends a FETCH and what runs in portions', async () => {
    const { client } = await openSession(shop);
    await client.query('BEGIN');
    await client.query('DECLARE k CURSOR FOR SELECT t FROM notes ORDER BY id');
    expect(told(await client.query('FETCH 10 FROM k'))).toMatchObject(BLOCKED);
    await client.query('ROLLBACK');
    const frames = await client.exchange(
      send.parse('', 'SELECT t FROM notes ORDER BY id DESC'),
      send.bind('p', ''),
      send.execute('p', 499),
      send.sync(),
    );
    expect([types(frames).slice(0, 7), cellsOf(frames).length]).toEqual(['1 2 D D', 499]);
    const last = await client.exchange(
      send.parse('', 'SELECT t FROM notes WHERE id = 1'),
      send.bind('p', ''),
      send.execute('p', 5),
      send.sync(),
    );
    expect([types(last), told(last)['M']]).toEqual(['1 2 E Z', BLOCKED.M]);
    expect(types(await client.query('SELECT 1'))).toBe('T D C Z');
  });

  it('masks what is said in a notice, where a statement cannot end for it', async () => {
    const { client } = await openSession(shop);
    const notice = (await client.query(`SELECT tell('${CARD}')`)).find(({ type }) => type === 'N');
    expect(notice?.body.toString()).toContain('told **** **** **** ****');
  });

  it('reports what is only to be reported, and shows it', async () => {
    const before = (await recorded(shop)).length;
    const { client } = await openSession(shop);
    expect(cellsOf(await client.query(`SELECT 'a@b.example, c@d.example' AS mail`))).toEqual(['a@b.example, c@d.example']);
    await client.query('SELECT t FROM notes ORDER BY id');
    await eventually(async () => (await recorded(shop)).length >= before + 2);
    const policy = 'default/reading';
    expect((await recorded(shop)).slice(before)).toEqual([
      [{ kind: 'EmailAddress', action: 'Report', policy, column: 'mail', count: 2 }],
      [{ kind: 'PaymentCard', action: 'Block', policy, column: 't', count: 1 }],
    ]);
  });

  it('follows the policy while the session lives', async () => {
    const { client } = await openSession(shop);
    const parsed = [send.parse('s', 'SELECT t FROM notes WHERE id = 1'), send.bind('p', 's'), send.flush()];
    client.write(send.query('BEGIN'), ...parsed);
    await client.until('2');
    await shop.change(detecting('[{ kind: PaymentCard, action: Mask }]'));
    expect(cellsOf(await client.exchange(send.bind('', 's'), send.execute(), send.sync()))).toEqual(['pay **** **** **** **** now']);
    await shop.change({ ...detecting('[]') });
    expect(cellsOf(await client.exchange(send.bind('p2', 's'), send.execute('p2', 0), send.sync()))).toEqual([`pay ${CARD} now`]);
    client.write(send.bind('p3', 's'), send.flush());
    await client.until('2');
    await shop.change(detecting('[{ kind: PaymentCard, action: Mask }]'));
    const frames = await client.exchange(send.execute('p3'), send.sync());
    expect(cellsOf(frames).filter((value) => value?.includes(CARD))).toEqual([]);
  });
});
