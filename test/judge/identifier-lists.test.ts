/**
 * Lists of names, as we read them and as PostgreSQL does: a session whose search_path the two read differently would look names up elsewhere than we think.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitIdentifiers } from '../../proxy/sql/identifier-list.ts';
import { sqlstateOf } from '../clients/shop.ts';
import { Random } from '../hunt/random.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const PIECES = [
  'a',
  'B',
  'é',
  'É',
  '\u212a',
  '"',
  '""',
  ',',
  ' ',
  '\t',
  '\u00a0',
  '\u2003',
  '$user',
  'xyz'.repeat(20),
  '\u{1f600}'.repeat(15),
];

describe.each([14, 16, 18] as const)('splitIdentifiers(), PostgreSQL %i', (version) => {
  let postgres: TestPostgres;
  let client: pg.Client;
  beforeAll(async () => {
    postgres = await startPostgres({ version });
    client = new pg.Client({ connectionString: postgres.url('postgres', 'postgres', 'postgres') });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await postgres?.stop('immediate');
  });

  it('finds the schemas that a search_path finds', async () => {
    const random = new Random(2026);
    let valid = 0;
    for (let count = 0; count < 400; count += 1) {
      const text = Array.from({ length: random.whole(1, 7) }, () => random.pick(PIECES)).join('');
      const names = splitIdentifiers(text);
      await client.query('BEGIN');
      const schemas = [...new Set(names ?? [])].filter((name) => name !== '' && name !== '$user');
      for (const name of schemas) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(name)}`);
      const set = client.query("SELECT set_config('search_path', $1, false)", [text]);
      const found = await set.then(
        async () => (await client.query('SELECT to_json(current_schemas(false)) AS found')).rows[0].found as string[],
        (error: unknown) => sqlstateOf(error),
      );
      await client.query('ROLLBACK');
      expect([text, found]).toEqual([text, names === undefined ? '22023' : schemas]);
      valid += names === undefined ? 0 : 1;
    }
    expect(valid).toBeGreaterThan(50);
  });
});
