import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { type ProgramEnd, programVersion, runProgram } from './program.ts';
import { CANARY, type Shop, startShop } from './shop.ts';

/** PG_DUMP names another one than the PATH's. */
const program = process.env['PG_DUMP'] ?? 'pg_dump';
const installed = programVersion(program);
/** It dumps no newer server than itself. */
const servers = POSTGRES_VERSIONS.filter((version) => version <= (installed ?? 0)).slice(-1);

const SETUP = `
  CREATE TABLE notes (id serial PRIMARY KEY, title text NOT NULL, body text DEFAULT 'ü', score numeric, tags text[]);
  INSERT INTO notes (title, score, tags) SELECT 'note ' || i, i / 3.0, ARRAY['a', NULL, '"b"'] FROM generate_series(1, 5) i;
  CREATE INDEX ON notes (lower(title)); COMMENT ON TABLE notes IS 'What was written.';
  GRANT ALL ON notes, notes_id_seq TO shop_app; GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_app`;
const RELATIONS = `
    - name: public.notes
      select: { columns: ['*'] }
    - name: public.notes_id_seq
      select: { columns: ['*'] }`;
/** pg_dump turns row_security off, which an agent may not, unless it is told to leave it on. */
const ALWAYS = ['--enable-row-security', '--no-owner', '--no-privileges'];
const TABLES = ['-t', 'notes', '-t', 'orders', '-t', 'customers'];

describe.skipIf(installed === undefined).for(servers)('pg_dump, PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({ postgres: { version }, setup: SETUP, manifests: { relations: RELATIONS } });
  });
  afterAll(() => shop.stop());
  const dump = (url: string, ...parameters: readonly string[]): Promise<ProgramEnd> => runProgram(program, [...ALWAYS, ...parameters, url]);
  /** Without the key that psql's \restrict has, another one each time. */
  const textOf = ({ code, stdout, stderr }: ProgramEnd): string => {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
  };

  it.for([
    ['--schema-only', ...TABLES],
    ['-t', 'notes'],
    ['--data-only', '-t', 'notes'],
    ['--inserts', '-t', 'notes'],
    ['--column-inserts', '--rows-per-insert=3', '--data-only', '-t', 'notes'],
    ['--clean', '--if-exists', '-t', 'notes'],
  ])('dumps what is granted in the clear as it does without the airlock: %s', async (parameters) => {
    const direct = textOf(await dump(shop.directUrl, ...parameters));
    expect(direct).toContain('notes');
    expect(textOf(await dump(shop.url, ...parameters))).toBe(direct);
  });

  it.for([[], ['--inserts']])('dumps masks and the rows that may be seen, which can be restored: %s', async (parameters) => {
    const text = textOf(await dump(shop.url, ...TABLES, ...parameters));
    expect(text).not.toContain(CANARY);
    await shop.postgres.sql('DROP DATABASE IF EXISTS restored');
    await shop.postgres.sql('CREATE DATABASE restored');
    const restored = await runProgram('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', shop.postgres.url('postgres', 'restored')], {
      input: text,
    });
    expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 0, stderr: '' });
    const counted = await shop.postgres.sql(
      `SELECT (SELECT count(*)::int FROM notes) AS notes, (SELECT count(*)::int FROM orders) AS orders,
        (SELECT string_agg(DISTINCT region, ',') FROM orders) AS regions, (SELECT ssn || email FROM customers WHERE id = 7) AS masked`,
      'restored',
    );
    expect(counted).toEqual([{ notes: 5, orders: 100, regions: 'eu', masked: '***7***@example.com' }]);
  });

  it.for([
    [['-t', 'secrets'], 'permission denied for relation "public.secrets"'],
    [[], 'permission denied for relation "public.secrets"'],
    [['-t', 'bonn'], 'definition of view "bonn" appears to be empty (length zero)'],
  ] as const)('says what it may not dump: %s', async ([parameters, reason]) => {
    const { code, stdout, stderr } = await dump(shop.url, ...parameters);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
    expect(stdout).not.toContain(CANARY);
  });
});
