/**
 * What a condition without columns is said to be for certain, PostgreSQL says too.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soleExpression } from '../../proxy/sql/check-condition.ts';
import { Grammar } from '../../proxy/sql/grammar.ts';
import { knownTruth } from '../../proxy/sql/known-truth.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const grammar = new Grammar(18);
let server: TestPostgres;

beforeAll(async () => {
  await grammar.load();
  server = await startPostgres({ version: 18 });
});
afterAll(() => server.stop());

const WORDS = [
  "''",
  "'a'",
  "'A'",
  "'b'",
  "'t'",
  "'f'",
  "'0'",
  "'1'",
  "'1.0'",
  "'9'",
  "'10'",
  "'0x9'",
  "' 9'",
  '0',
  '1',
  '-1',
  '9',
  '10',
  '1.0',
  '1e1',
  '0.1',
  '0.10000000000000001',
  '9007199254740992',
  '9007199254740993',
  '1e400',
  '10e399',
  'true',
  'false',
  'NULL',
];
const CASTS = ['::text', '::varchar(1)', '::bool', '::int', '::name', '::"char"::int::bool', '::text::bool', '::numeric'];
const OPERATORS = ['=', '<>', '<', '<=', '>', '>=', 'OPERATOR(pg_catalog.=)', 'IS DISTINCT FROM'];

const word = fc.constantFrom(...WORDS);
const constant = fc.oneof(
  { weight: 4, arbitrary: word },
  fc.tuple(word, fc.constantFrom(...CASTS)).map((parts) => parts.join('')),
);
const condition = fc.oneof(constant, {
  weight: 4,
  arbitrary: fc.tuple(constant, fc.constantFrom(...OPERATORS), constant).map((parts) => parts.join(' ')),
});

describe('knownTruth()', () => {
  it('is what PostgreSQL says, where it says anything', { timeout: 120_000 }, async () => {
    const wrong: string[] = [];
    let certain = 0;
    for (const sql of fc.sample(condition, { seed: 2026, numRuns: 1_500 })) {
      const known = knownTruth(soleExpression(grammar.parse(`SELECT ${sql}`)[0]!.node));
      if (known === undefined) continue;
      certain += 1;
      const said = await server.sql(`SELECT count(*) FROM (VALUES (1)) v WHERE ${sql}`).catch(() => 'an error');
      const isTrue = Array.isArray(said) ? String(Object.values(said[0] as object)[0]) === '1' : undefined;
      if (isTrue !== undefined && isTrue !== known) wrong.push(`${sql}: ${known}`);
    }
    expect(wrong).toEqual([]);
    expect(certain).toBeGreaterThan(100);
  });
});
