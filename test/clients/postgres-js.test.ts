import postgresJs, { type Sql } from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { CANARY, type Shop, sqlstateOf, startShop } from './shop.ts';

describe.for(POSTGRES_VERSIONS)('postgres.js, PostgreSQL %i', (version) => {
  let shop: Shop;
  const open: Sql[] = [];
  const connect = (url: string, options: Parameters<typeof postgresJs>[1] = {}): Sql => {
    const sql = postgresJs(url, { max: 1, ...options });
    open.push(sql);
    return sql;
  };
  beforeAll(async () => {
    shop = await startShop({ postgres: { version } });
  });
  afterEach(() => Promise.all(open.splice(0).map((sql) => sql.end())));
  afterAll(() => shop.stop());

  it('gets what is granted as it gets it without the airlock', async () => {
    const ask = async (sql: Sql, arrays: boolean): Promise<unknown[]> => [
      await sql`SELECT id, name, city, born, tags, profile, photo, balance, joined FROM customers WHERE id < ${4} ORDER BY id`,
      // Without the server's types it cannot send arrays.
      arrays && (await sql`SELECT id, ${sql.array(['x', 'y'])}::text[] AS a FROM customers WHERE id = ANY(${[1, 5]}) ORDER BY id`),
      await sql`SELECT id FROM customers WHERE id IN ${sql([7, 9])} ORDER BY id`,
      await sql`SELECT ${sql(['id', 'name'])} FROM customers WHERE born < ${new Date('1980-01-04')} ORDER BY id`,
      await sql`SELECT ${sql.json({ a: [1] })}::jsonb AS j, ${Buffer.from([1])}::bytea AS b`,
      await sql`SELECT city, count(*) FROM customers GROUP BY city ORDER BY city`.values(),
      await sql`SELECT id, tags FROM customers WHERE id < 3 ORDER BY id`.raw(),
      await sql`SELECT 1 AS a; SELECT 2 AS b`.simple(),
      (await sql`SELECT id, balance FROM customers`.describe()).types,
      await sql.unsafe('SELECT name FROM customers WHERE id = $1', [2], { prepare: true }),
    ];
    for (const options of [{ fetch_types: true }, { fetch_types: false }, { fetch_types: true, prepare: false }]) {
      const [through, direct] = [connect(shop.url, options), connect(shop.directUrl, options)];
      // Twice, so that prepared statements are used again.
      for (const _ of [1, 2]) expect(await ask(through, options.fetch_types)).toEqual(await ask(direct, options.fetch_types));
    }
  });

  it.for([true, false])('pipelines, with refused statements in between (prepare: %s)', async (prepare) => {
    const sql = connect(shop.url, { prepare });
    const ends = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        (index % 3 === 0
          ? sql`SELECT token FROM secrets WHERE id = ${index}`
          : index % 3 === 1
            ? sql`SELECT ssn FROM customers WHERE id = ${1 + (index % 9)}`
            : sql`SELECT ${index}::int AS n`
        ).then(([row]) => Object.values(row ?? {})[0] as unknown, sqlstateOf),
      ),
    );
    expect(ends).toEqual(ends.map((_, index) => (index % 3 === 0 ? '42501' : index % 3 === 1 ? `***${1 + (index % 9)}` : index)));
  });

  it('reads with cursors, and copies out', async () => {
    const sql = connect(shop.url);
    const seen: number[] = [];
    let text = '';
    for await (const rows of sql`SELECT id, ssn FROM customers ORDER BY id`.cursor(30)) {
      seen.push(rows.length);
      text += JSON.stringify(rows);
    }
    expect([seen, text.includes('***7'), text.includes(CANARY)]).toEqual([[30, 30, 30, 10], true, false]);
    const counted: number[] = [];
    await sql`SELECT id FROM orders ORDER BY id`.forEach(({ id }) => void counted.push(id as number));
    expect([counted.length, counted[0]]).toEqual([100, 2]);
    let copied = '';
    for await (const chunk of await sql`COPY (SELECT id, ssn FROM customers ORDER BY id LIMIT 2) TO STDOUT`.readable())
      copied += String(chunk);
    expect(copied).toBe('1\t***1\n2\t***2\n');
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });

  it('rolls back what is refused, to the savepoint or as a whole', async () => {
    const sql = connect(shop.url);
    const [before, inside, after] = await sql.begin(async (transaction) => {
      const [first] = await transaction`SELECT count(*)::int AS n FROM orders`;
      const refused = await transaction
        .savepoint(async (savepoint) => {
          await savepoint`SELECT id FROM bonn`;
          return savepoint`SELECT * FROM secrets`;
        })
        .catch(sqlstateOf);
      const [last] = await transaction`SELECT 2 AS n`;
      return [first?.['n'] as number, refused, last?.['n'] as number];
    });
    expect([before, inside, after]).toEqual([100, '42501', 2]);
    const whole = sql.begin(async (transaction) => {
      await transaction`SELECT * FROM secrets`.catch(() => undefined);
      return transaction`SELECT 1`;
    });
    await expect(whole).rejects.toMatchObject({ code: expect.stringMatching(/42501|25P02/) as string });
    expect(await sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });
});
