/**
 * Where the policies hide nothing of a database, errors and notices arrive as the server has written them, but for what functions are made
 * of; and no longer once anything is hidden.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionTo, policyFor, trusted, writeObjects } from '../support/manifest-objects.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, type RawFrame, responseFields } from '../support/raw-client.ts';

const SCHEMA = `
  CREATE TABLE parents (id int PRIMARY KEY);
  CREATE TABLE notes (id int PRIMARY KEY, note text, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO notes VALUES (1, 'one');
  CREATE VIEW read_notes AS SELECT id, note::int AS number FROM notes;
  CREATE VIEW checked_notes AS SELECT * FROM notes WHERE id < 10 WITH CHECK OPTION;
  CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    RAISE NOTICE 'note is %', NEW.note USING DETAIL = 'told';
    EXECUTE 'SELECT 1 FROM parents WHERE ' || NEW.note;
    RETURN NEW;
  END$$;
  CREATE TRIGGER watch BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION watch()`;

const whole = (name: string): object => ({
  name: `public.${name}`,
  select: { columns: ['*'] },
  insert: { columns: ['*'] },
  update: { columns: ['*'] },
});

const RELATIONS = ['parents', 'notes', 'read_notes', 'checked_notes'].map(whole);

let postgres: TestPostgres;
let proxy: TestProxy;
let manifests: string;
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.sql('CREATE DATABASE open');
  await postgres.sql(SCHEMA, 'open');
  await postgres.sql('CREATE DATABASE partly TEMPLATE open');
  await postgres.sql("CREATE TABLE hidden (secret text); INSERT INTO hidden VALUES ('secret')", 'partly');
  manifests = await mkdtemp(join(tmpdir(), 'pg-airlock-nothing-hidden-'));
  await writeObjects(
    manifests,
    ['open', 'partly'].flatMap((name) => [
      ...connectionTo(name, { port: postgres.port, database: name, login: trusted('postgres') }),
      policyFor(name, name, { subjects: [{ agent: { name: 'agent' } }], relations: RELATIONS }),
    ]),
  );
  proxy = await startProxy({ manifests, flags: ['--identity', 'agent'] });
});
afterAll(async () => {
  await proxy?.stop();
  await postgres?.stop('immediate');
  await rm(manifests, { recursive: true, force: true });
});

const LETTERS = ['M', 'D', 'W', 'q'];

/** What errors and notices say in answer to the statements, one after the other. */
const saidOf = async (port: number, database: string, statements: readonly string[]): Promise<readonly object[]> => {
  const client = await connectRaw(port);
  await client.login({ user: 'postgres', database });
  const frames: RawFrame[] = [];
  for (const text of statements) frames.push(...(await client.query(text)));
  client.destroy();
  const said = frames.filter(({ type }) => type === 'E' || type === 'N').map(responseFields);
  return said.map((fields) =>
    Object.fromEntries(LETTERS.flatMap((letter) => (fields[letter] === undefined ? [] : [[letter, fields[letter]]]))),
  );
};

describe('where the policies hide nothing', () => {
  it.each([
    ['a view', ['SELECT * FROM read_notes']],
    ['CHECK OPTION of a view', ["INSERT INTO checked_notes VALUES (11, 'x')"]],
    ['a constraint that is deferred', ['BEGIN', "INSERT INTO notes VALUES (2, 'x', 5)", 'COMMIT']],
    ['a value that is no JSON', [`SELECT '{"a":'::json`]],
  ])('%s is told of as PostgreSQL does', async (_, statements) => {
    const direct = await saidOf(postgres.port, 'open', statements);
    expect(direct).not.toEqual([]);
    expect(await saidOf(proxy.port, 'open', statements)).toEqual(direct);
    expect(await saidOf(proxy.port, 'partly', statements)).not.toEqual(direct);
  });

  it('a trigger is told of without the texts that it runs', async () => {
    const statements = ["UPDATE notes SET note = 'nothing = 1'"];
    const frame = 'PL/pgSQL function watch() line 3 at EXECUTE';
    const notice = { M: 'note is nothing = 1', D: 'told', W: 'PL/pgSQL function watch() line 2 at RAISE' };
    const error = { M: 'column "nothing" does not exist' };
    const text = 'SELECT 1 FROM parents WHERE nothing = 1';
    expect(await saidOf(postgres.port, 'open', statements)).toEqual([notice, { ...error, W: frame, q: text }]);
    expect(await saidOf(proxy.port, 'open', statements)).toEqual([notice, { ...error, W: frame }]);
    const { M, W } = notice;
    expect(await saidOf(proxy.port, 'partly', statements)).toEqual([
      { M, W },
      { ...error, W: frame },
    ]);
  });
});
