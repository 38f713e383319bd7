/**
 * Statements that fail on hidden rows, in all shapes and with all kinds of plans: two databases that differ only in hidden rows give
 * the same answers.
 *
 * `HUNT=20000` says how many, `SEED=` replays a run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countOf, Random, seedOf } from '../hunt/random.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { grant } from '../support/small-catalog.ts';
import { openRewriting, type Rewriting } from './rewriting.ts';
import { randomStatement } from './telling-statements.ts';

const COUNT = countOf(process.env, 'HUNT', 200);
const SEED = seedOf(process.env, 'HUNT');

/** Hidden are the odd ones: `hidden` makes their values. */
const rows = (hidden: { readonly amount: string; readonly note: string; readonly big: string }): string => `
  CREATE TABLE people (id int PRIMARY KEY, name text, ssn text);
  INSERT INTO people SELECT i, 'name ' || i, 'secret ' || i FROM generate_series(1, 40) i;
  CREATE TABLE orders (id int PRIMARY KEY, person int, amount int, note text, big int8, day date, region text, voucher text);
  INSERT INTO orders SELECT i, i % 40 + 1, 100 + i % 7, '1' || i % 9, i, date '2024-01-01' + i, 'eu', 'v' FROM generate_series(2, 400, 2) i;
  INSERT INTO orders SELECT i, i % 40 + 1, ${hidden.amount}, ${hidden.note}, ${hidden.big}, date '2024-01-01' + i, 'us', 'v' FROM generate_series(1, 399, 2) i;
  CREATE INDEX ON orders (person); CREATE INDEX ON orders (amount); CREATE INDEX ON orders (note); CREATE INDEX ON orders (big);
  CREATE INDEX ON orders (day); CREATE INDEX ON orders (region); CREATE INDEX ON orders (length(note)); ANALYZE`;

const ONE = rows({ amount: '500 + i % 3', note: `'hidden' || i % 4`, big: '5000000000 + i' });
const OTHER = rows({ amount: '100 + i % 5', note: `'1' || i % 5`, big: 'i' });

const SWITCHES = 'seqscan indexscan bitmapscan hashjoin mergejoin nestloop material sort hashagg'.split(' ');

type Answer = { readonly rows: readonly string[] } | { readonly code: string };

const answer = async ({ client }: Rewriting, sql: string): Promise<Answer> => {
  try {
    const result = await client.query({ text: sql, rowMode: 'array' });
    return { rows: result.rows.map((row) => JSON.stringify(row)).sort() };
  } catch (error) {
    return { code: `${(error as { code?: string }).code} ${(error as Error).message}` };
  }
};

describe.each(POSTGRES_VERSIONS)('on PostgreSQL %i', (version) => {
  let server: TestPostgres;
  let one: Rewriting;
  let other: Rewriting;
  beforeAll(async () => {
    server = await startPostgres({ version, settings: { statement_timeout: '10s' } });
    const policy = [
      grant('orders', { where: "region = 'eu'", select: { columns: '*', masks: [{ column: 'voucher', mask: { type: 'Redact' } }] } }),
      grant('people', { select: { columns: '*', masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
    ];
    const open = async (name: string, schema: string): Promise<Rewriting> => {
      await server.sql(`CREATE DATABASE ${name}`);
      await server.sql(schema, name);
      return openRewriting(server, name, policy);
    };
    one = await open('one', ONE);
    other = await open('other', OTHER);
  });
  afterAll(async () => {
    await one.end();
    await other.end();
    await server.stop('immediate');
  });

  it(`hidden rows change no answer to ${COUNT} statements, seed ${SEED}`, { timeout: 3_600_000 }, async () => {
    const random = new Random(SEED + version);
    const differences: string[] = [];
    const sums = { unfenced: 0, repeated: 0, answered: 0, differWithoutFence: 0 };
    for (let number = 1; number <= COUNT; number += 1) {
      const sql = randomStatement(random);
      const sent = await one.sent(sql);
      if (!sent.includes('OFFSET 0')) sums.unfenced += 1;
      else if (/'eu'\) AND /.test(sent)) sums.repeated += 1;
      const settings = SWITCHES.map((name) => `SET enable_${name} = ${random.chance(0.6)}`).join('; ');
      for (const { client } of [one, other]) await client.query(settings);
      const [a, b] = [await answer(one, sent), await answer(other, sent)];
      if ('rows' in a) sums.answered += 1;
      if (JSON.stringify(a) !== JSON.stringify(b))
        differences.push(`${settings}\n${sql}\n${sent}\n${JSON.stringify([a, b]).slice(0, 800)}`);
      // What would be told without the fence, the repetition and the care for samples.
      const naive = sent.replaceAll(' OFFSET 0', '').replaceAll(/CASE WHEN CURRENT_TIMESTAMP IS NULL THEN (r\."\w+") ELSE \1 END/g, '$1');
      if (naive === sent) continue;
      if (JSON.stringify(await answer(one, naive)) !== JSON.stringify(await answer(other, naive))) sums.differWithoutFence += 1;
    }
    console.log(`PostgreSQL ${version}, seed ${SEED}: ${differences.length} of ${COUNT} differ; ${JSON.stringify(sums)}`);
    expect(differences).toEqual([]);
    expect(sums.unfenced).toBeGreaterThan(COUNT / 20);
    expect(sums.repeated).toBeGreaterThan(COUNT / 20);
    expect(sums.answered).toBeGreaterThan(COUNT / 2);
    expect(sums.differWithoutFence).toBeGreaterThan(0);
  });
});
