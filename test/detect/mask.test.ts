import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Shop } from '../clients/shop.ts';
import { closeSessions, openSession } from '../life/sessions.ts';
import { rowValues, send, types } from '../support/raw-client.ts';
import { CARD, cellsOf, EVERY_COLUMN, MASKED_CARD, recorded, startNotes } from './notes.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startNotes('[{ kind: PaymentCard, action: Mask }, { kind: EmailAddress, action: Mask }, { kind: IpAddress, action: Mask }]');
});
afterAll(() => shop.stop());
const drivers: pg.Client[] = [];
const connected = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  drivers.push(client);
  return client;
};
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.end();
  await closeSessions(shop);
});

/** The row as text, masked. */
const MASKED: readonly string[] = [
  `pay ${MASKED_CARD} now`,
  MASKED_CARD,
  `${MASKED_CARD}     `,
  `to ${MASKED_CARD}`,
  MASKED_CARD,
  `{"c": "${MASKED_CARD}", "n": 1111111111111111}`,
  `{"c": "${MASKED_CARD}", "n": 1111111111111111}`,
  `<c>${MASKED_CARD}</c>`,
  `{x,"${MASKED_CARD}",NULL}`,
  `(7,"${MASKED_CARD}")`,
  `"c"=>"${MASKED_CARD}"`,
  '1111111111111111',
  '1111111111111111',
  `\\x${Buffer.from(`pay ${MASKED_CARD}`).toString('hex')}`,
  '111.1.111.11',
  `{"(7,\\"${MASKED_CARD}\\")"}`,
  '{1111111111111111,5}',
];

const ROW = `SELECT ${EVERY_COLUMN} FROM notes WHERE id = 1`;

describe('action Mask', () => {
  it('masks in every type as text, by a simple query and by the extended protocol', async () => {
    const { client } = await openSession(shop);
    expect(cellsOf(await client.query(ROW))).toEqual(MASKED);
    const frames = await client.exchange(send.parse('', ROW), send.bind('', ''), send.describe('P'), send.execute(), send.sync());
    expect([types(frames), cellsOf(frames)]).toEqual(['1 2 T D C Z', MASKED]);
  });

  it('masks a prepared statement that runs again without a Describe, as text and in binary', async () => {
    const { client } = await openSession(shop);
    await client.exchange(send.parse('s', ROW), send.describe('S', 's'), send.sync());
    for (const format of [0, 1, 0, 1]) {
      const frames = await client.exchange(send.bind('', 's', [], { resultFormats: [format] }), send.execute(), send.sync());
      expect(types(frames)).toBe('2 D C Z');
      const row = frames.find(({ type }) => type === 'D');
      expect(row?.body.includes('4111')).toBe(false);
      expect(rowValues(row ?? { type: '', body: Buffer.alloc(2) }).length).toBe(MASKED.length);
    }
  });

  it('leaves what a driver reads in binary well-formed', async () => {
    const client = await connected(shop.url);
    const text = `SELECT t, v, num FROM notes WHERE id = $1`;
    for (const binary of [false, true]) {
      const { rows } = await client.query({ text, values: [1], binary } as pg.QueryConfig);
      expect(rows.map(({ t, v, num }) => [t, v, String(num)])).toEqual([[`pay ${MASKED_CARD} now`, MASKED_CARD, '1111111111111111']]);
    }
    // The server reads back what it was: every binary value is one of its type.
    const { client: raw } = await openSession(shop);
    const [row] = (
      await raw.exchange(send.parse('', ROW), send.bind('', '', [], { resultFormats: [1] }), send.execute(), send.sync())
    ).filter(({ type }) => type === 'D');
    const casts =
      'text, varchar, char(24), memo, name, json, jsonb, xml, text[], pair, hstore, bigint, numeric, bytea, inet, pair[], bigint[]';
    const direct = await connected(shop.directUrl);
    for (const [index, type] of casts.split(', ').entries()) {
      const value = rowValues(row ?? { type: '', body: Buffer.alloc(2) })[index];
      const { rows } = await direct.query(`SELECT ($1::${type})::text AS back`, [value]);
      const expected = MASKED[index] as string;
      expect([type, rows[0]?.back]).toEqual([type, type === 'inet' ? '1.1.1.1/32' : expected.trimEnd()]);
    }
  });

  it.each([
    `SELECT string_agg(t, ';') AS x FROM notes WHERE id < 3`,
    `SELECT t AS harmless FROM notes WHERE id = 1`,
    `SELECT row_to_json(notes) FROM notes WHERE id = 1`,
    `SELECT jsonb_build_object('a', jsonb_build_array(t, v)) FROM notes WHERE id = 1`,
    `SELECT notes FROM notes WHERE id = 1`,
    `SELECT array_agg(v::name) FROM notes WHERE id = 1`,
    `SELECT upper(t), t::varchar(500), t::bytea, to_tsvector('simple', i8::text) FROM notes WHERE id = 1`,
    `SELECT replace(v, ' ', '')::numeric, replace(v, ' ', '')::bigint::text FROM notes WHERE id = 1`,
    `SELECT textrange FROM (SELECT ARRAY[ARRAY[t], ARRAY[v]] AS textrange FROM notes WHERE id = 1) q`,
    `WITH w AS MATERIALIZED (SELECT t FROM notes WHERE id = 1) SELECT * FROM w UNION ALL SELECT v FROM notes WHERE id = 1`,
    `EXPLAIN (COSTS OFF) SELECT 1 FROM notes WHERE t = '${CARD}'`,
    `COPY (SELECT ${EVERY_COLUMN} FROM notes WHERE id = 1) TO STDOUT`,
    `COPY (SELECT ${EVERY_COLUMN.replace('by, ', '')} FROM notes WHERE id = 1) TO STDOUT (FORMAT csv, HEADER)`,
    `COPY (SELECT ${EVERY_COLUMN.replace('i8, num, ', '')} FROM notes WHERE id = 1) TO STDOUT (FORMAT binary)`,
    `INSERT INTO log VALUES ((SELECT count(*) FROM log), '${CARD}') RETURNING t`,
    `PREPARE e AS SELECT t FROM notes WHERE id = 1; EXECUTE e`,
    `BEGIN; DECLARE k CURSOR FOR SELECT t, a FROM notes WHERE id = 1; FETCH ALL FROM k; COMMIT`,
    `BEGIN; DECLARE k BINARY CURSOR FOR SELECT t, a, j, b FROM notes WHERE id = 1; FETCH ALL FROM k; COMMIT`,
  ])('shows no card in %s', async (sql) => {
    const { client } = await openSession(shop);
    const frames = (await client.query(sql)).filter(({ type }) => 'Dd'.includes(type));
    expect(frames.length).toBeGreaterThan(0);
    const shown = Buffer.concat(frames.map(({ body }) => body));
    expect(shown.toString('latin1')).not.toMatch(/4111 ?1111/);
    expect(shown.toString('latin1')).not.toContain(Buffer.from(CARD).toString('hex'));
  });

  it('masks portals that are fetched in portions, and cursors that are run by name', async () => {
    const { client } = await openSession(shop);
    const text = `SELECT t FROM notes WHERE id < 4 ORDER BY id`;
    const frames = await client.exchange(send.parse('', text), send.bind('p', ''), send.execute('p', 1), send.execute('p', 2), send.sync());
    expect([types(frames), cellsOf(frames)]).toEqual([
      '1 2 D s D D s Z',
      [`pay ${MASKED_CARD} now`, 'nothing to see 2', 'nothing to see 3'],
    ]);
    await client.query(`BEGIN; DECLARE k CURSOR FOR ${text}`);
    expect(cellsOf(await client.exchange(send.execute('k', 1), send.sync()))).toEqual([`pay ${MASKED_CARD} now`]);
    const fetched = await client.exchange(send.parse('', 'FETCH BACKWARD ALL FROM k'), send.bind('', ''), send.execute(), send.sync());
    expect(types(fetched)).toBe('1 2 C Z');
    await client.query('COMMIT');
  });

  it('masks what the server says in notices and errors', async () => {
    const { client } = await openSession(shop);
    const [notice] = await client.query(`SELECT tell(t) FROM notes WHERE id = 1`);
    expect([notice?.type, notice?.body.includes('4111'), notice?.body.includes(MASKED_CARD)]).toEqual(['T', false, false]);
    const frames = await client.query(`SELECT tell(t) FROM notes WHERE id = 1`);
    expect(frames.find(({ type }) => type === 'N')?.body.toString()).toContain(`told pay ${MASKED_CARD} now`);
    const [error] = await client.query(`SELECT fail(t) FROM notes WHERE id = 1`);
    const told = (error?.type === 'T' ? await client.query(`SELECT fail(t) FROM notes WHERE id = 1`) : [error]).find(
      (f) => f?.type === 'E',
    );
    expect(told?.body.toString() ?? '').toContain(`failed pay ${MASKED_CARD} now`);
    const [cast] = await client.query(`SELECT t::int FROM notes WHERE id = 1`);
    expect([cast?.type, cast?.body.includes('4111')]).toEqual(['T', false]);
  });

  it('masks rows that arrive in many pieces, and leaves what is next to them', async () => {
    const { client } = await openSession(shop);
    const filler = 300_000;
    const frames = await client.query(
      `SELECT repeat('x', ${filler}) || t || repeat('y', ${filler}), id FROM notes WHERE id = 1 UNION ALL SELECT v, 2 FROM notes WHERE id = 1`,
    );
    expect(cellsOf(frames)).toEqual([`${'x'.repeat(filler)}pay ${MASKED_CARD} now${'y'.repeat(filler)}`, '1', MASKED_CARD, '2']);
  });

  it('says what it found, and never the value', async () => {
    const before = (await recorded(shop)).length;
    const { client } = await openSession(shop);
    await client.query(`SELECT t AS "first", v, ip FROM notes WHERE id < 10`);
    await eventually(async () => (await recorded(shop)).length > before);
    const found = (await recorded(shop)).slice(before);
    const policy = 'default/reading';
    expect(found).toEqual([
      [
        { kind: 'PaymentCard', action: 'Mask', policy, column: 'first', count: 1 },
        { kind: 'PaymentCard', action: 'Mask', policy, column: 'v', count: 1 },
        { kind: 'IpAddress', action: 'Mask', policy, column: 'ip', count: 1 },
      ],
    ]);
    const { body } = await shop.probe('/metrics');
    expect(body).toMatch(/^pg_airlock_detected_total\{kind="IpAddress",action="Mask",policy="default\/reading"\} [1-9]/m);
    expect(body).not.toContain('4111');
  });
});
