/**
 * A granted function, or a trigger, that changes the session's search_path: whatever the path is then, names stand for what was judged.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CANARY, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { responseFields, rowValues, send } from '../support/raw-client.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { closeSessions, openSession } from './sessions.ts';

const SETUP = `
  CREATE SCHEMA dark;
  CREATE TABLE dark.orders (id int, customer_id int, region text, amount numeric(10, 2), token text);
  CREATE VIEW dark.pg_class AS SELECT '${CANARY}'::name AS relname, 'r'::"char" AS relkind;
  INSERT INTO dark.orders VALUES (1, 1, '${CANARY}', 1, '${CANARY}');
  CREATE TABLE dark.notes (id int, text text); CREATE TABLE public.notes (id int, text text);
  INSERT INTO public.notes VALUES (1, 'note');
  CREATE FUNCTION dark.lower(text) RETURNS text LANGUAGE sql AS $$SELECT '${CANARY}'$$;
  CREATE FUNCTION dark.length(unknown) RETURNS text LANGUAGE internal AS 'unknownout' STRICT;
  CREATE FUNCTION dark.mine() RETURNS text LANGUAGE sql AS $$SELECT '${CANARY}'$$;
  CREATE FUNCTION public.mine() RETURNS text LANGUAGE sql AS $$SELECT 'mine'::text$$;
  CREATE FUNCTION dark.tells(int, int) RETURNS text LANGUAGE sql AS $$SELECT '${CANARY}'::text$$;
  CREATE DOMAIN dark.mood AS text CHECK (dark.mine() IS NOT NULL); CREATE TYPE public.mood AS ENUM ('glad');
  CREATE SEQUENCE dark.numbers START 1000; CREATE SEQUENCE public.numbers;
  CREATE FUNCTION public.use_path(path text) RETURNS text LANGUAGE sql VOLATILE AS $$SELECT set_config('search_path', path, false)$$;
  CREATE FUNCTION public.turn() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM set_config('search_path', 'dark, pg_catalog', false); RETURN NULL; END$$;
  CREATE TABLE public.turning (id int);
  CREATE TRIGGER turning AFTER INSERT ON public.turning FOR EACH STATEMENT EXECUTE FUNCTION public.turn();
  GRANT USAGE ON SCHEMA dark TO ${ROLE.name}; GRANT CREATE ON SCHEMA dark, public TO ${ROLE.name};
  GRANT ALL ON ALL TABLES IN SCHEMA dark, public TO ${ROLE.name};
  GRANT ALL ON ALL SEQUENCES IN SCHEMA dark, public TO ${ROLE.name};`;

const RELATIONS = `
    - name: public.notes
      select: { columns: ['*'] }
      insert: { columns: ['*'] }
      update: { columns: ['*'] }
      delete: {}
    - name: public.turning
      insert: { columns: ['*'] }`;

/** Each with a name that would be another one's in the schema that is not granted. */
const STATEMENTS = [
  'SELECT count(*) FROM orders',
  'SELECT id, region FROM orders ORDER BY id LIMIT 1',
  'TABLE notes',
  'SELECT mine()',
  "SELECT lower('X')",
  "SELECT length('four')",
  "SELECT relname FROM pg_class WHERE relname = 'notes' LIMIT 1",
  "SELECT '1'::int + 1",
  "SELECT CAST('1' AS int)",
  "INSERT INTO notes VALUES (2, 'new') RETURNING id, text",
  "UPDATE notes SET text = 'newer' WHERE id = 2 RETURNING text",
  'DELETE FROM notes WHERE id = 2 RETURNING id',
  'WITH n AS (SELECT * FROM notes) SELECT n::text FROM n',
  'COPY notes TO STDOUT',
  'COPY (SELECT id, text FROM notes) TO STDOUT',
  'PREPARE p AS SELECT text FROM notes',
  'EXECUTE p',
  'BEGIN',
  'DECLARE c CURSOR FOR SELECT region FROM orders ORDER BY id LIMIT 1',
  'FETCH 1 FROM c',
  'COMMIT',
  'DEALLOCATE p',
  "SELECT nextval('numbers')",
  "SELECT 'orders'::regclass::oid < 0",
  'EXPLAIN (COSTS OFF) SELECT text FROM notes',
];

describe.each<PostgresVersion>([14, 18])('on PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({
      postgres: { version },
      setup: SETUP,
      manifests: { relations: RELATIONS, functions: ['public.use_path', 'public.mine'] },
    });
  });
  afterAll(async () => {
    await closeSessions(shop);
    await shop.stop();
  });

  const answersOf = async (before: readonly string[], how: 'Query' | 'Extended'): Promise<string[][]> => {
    const { client } = await openSession(shop);
    for (const text of before) await client.query(text);
    const answers: string[][] = [];
    for (const text of STATEMENTS) {
      const frames =
        how === 'Query'
          ? await client.query(text)
          : await client.exchange(send.parse('', text), send.bind('', ''), send.execute(), send.sync());
      answers.push([
        text,
        ...frames.map((frame) => {
          if (frame.type === 'D') return rowValues(frame).map(String).join();
          if (frame.type === 'E') return `${responseFields(frame)['C']} ${responseFields(frame)['M']}`;
          return `${frame.type} ${frame.type === 'd' || frame.type === 'C' ? frame.body.toString() : ''}`;
        }),
      ]);
    }
    client.destroy();
    return answers;
  };

  it.each(['Query', 'Extended'] as const)('says and does the same as without it, by %s', async (how) => {
    const usual = await answersOf([], how);
    expect(usual.flat().filter((line) => /^\w{5} /.test(line)).length).toBeLessThan(6);
    const turned = [
      ["SELECT use_path('dark')"],
      ["SELECT use_path('dark, pg_catalog')"],
      ["SELECT use_path('dark, public, pg_catalog')"],
      ['INSERT INTO turning VALUES (1)'],
    ];
    for (const before of turned) {
      const answers = await answersOf(before, how);
      expect(JSON.stringify(answers)).not.toContain(CANARY);
      expect(answers).toEqual(usual);
    }
  });

  it('judges a type by all that its name may stand for, for it stays as it is written', async () => {
    const { client } = await openSession(shop);
    for (const before of ["SELECT use_path('public')", "SELECT use_path('dark, pg_catalog')"]) {
      await client.query(before);
      const refused = (await client.query("SELECT 'glad'::mood")).find(({ type }) => type === 'E');
      expect(refused && responseFields(refused)['M']).toBe('permission denied for function dark.mine');
    }
  });

  it('is not changed by what is run by a name, which nobody would follow', async () => {
    const { client } = await openSession(shop);
    const setting = "SELECT set_config('search_path', 'pg_catalog', false)";
    await client.exchange(
      send.parse('u', 'SET search_path = pg_catalog'),
      send.parse('v', setting),
      send.parse('d', 'DEALLOCATE u'),
      send.sync(),
    );
    await client.query('BEGIN');
    await client.exchange(send.bind('p', 'v'), send.sync());
    await client.query('SAVEPOINT s');
    const codes: (string | undefined)[] = [];
    for (const text of ['EXECUTE u', 'EXECUTE v', 'EXECUTE d', 'FETCH 1 FROM p', 'EXPLAIN ANALYZE EXECUTE v']) {
      const refused = (await client.query(text)).find(({ type }) => type === 'E');
      codes.push(refused && responseFields(refused)['C']);
      await client.query('ROLLBACK TO s');
    }
    expect(codes).toEqual(['0A000', '0A000', '0A000', '0A000', '0A000']);
    const shown = await client.query("SELECT current_setting('search_path')");
    expect(shown.flatMap((frame) => (frame.type === 'D' ? rowValues(frame).map(String) : []))).toEqual(['"$user", public']);
    client.destroy();
  });
});
