/** The database changes while sessions live: nothing that the policy hides is seen for a moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Session, startWorld, type World } from './world.ts';

const TABLES = ['replaced', 'nested', 'swapped', 'recreated', 'prepared', 'cursor', 'renamed', 'stored'];

const SCHEMA = `
CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text);
INSERT INTO customers VALUES (1, 'Ann', 'SECRET');
${TABLES.map((name) => `CREATE VIEW ${name}_view AS SELECT id, name FROM customers;`).join('\n')}
CREATE VIEW outer_view AS SELECT * FROM nested_view;
CREATE TABLE moved (id int PRIMARY KEY, ssn text); INSERT INTO moved VALUES (1, 'SECRET');
CREATE VIEW over_moved AS SELECT * FROM moved;
CREATE TABLE wide (id int PRIMARY KEY, name text); INSERT INTO wide VALUES (1, 'Ann');
CREATE TABLE listed (id int PRIMARY KEY, name text); INSERT INTO listed VALUES (1, 'Ann');
CREATE TABLE starred (id int PRIMARY KEY, ssn text); INSERT INTO starred VALUES (1, 'SECRET');
CREATE TABLE parent (id int, ssn text) PARTITION BY LIST (id);
CREATE TABLE part (id int, ssn text); INSERT INTO part VALUES (1, 'SECRET');
CREATE MATERIALIZED VIEW snapshot AS SELECT id, name FROM customers;
CREATE TABLE typed (id int PRIMARY KEY, ssn text, code text); INSERT INTO typed VALUES (1, '4711', '7');
CREATE TABLE parents (id int, name text); INSERT INTO parents VALUES (1, 'Ann'); CREATE TABLE heirs (id int, name text, ssn text) ; INSERT INTO heirs VALUES (2, 'Bob', 'SECRET');
CREATE TABLE chosen (id int, name text); INSERT INTO chosen VALUES (1, 'Ann');
CREATE SCHEMA shadow; GRANT USAGE ON SCHEMA shadow TO public;
CREATE TABLE shadow.hidden (ssn text);
`;

const MASKED = `select: { columns: [id, name], masks: [{ column: ssn, mask: { type: Redact } }] }`;

const POLICY = `
    - { name: public.customers, ${MASKED} }
${[...TABLES.map((name) => `${name}_view`), 'outer_view', 'over_moved', 'wide', 'snapshot', 'part'].map((name) => `    - { name: public.${name}, select: { columns: ['*'] } }`).join('\n')}
    - { name: public.moved, select: { columns: [id], masks: [{ column: ssn, mask: { type: Redact } }] } }
    - { name: public.starred, select: { columns: ['*'], masks: [{ column: ssn, mask: { type: Redact } }] } }
    - { name: public.typed, select: { columns: ['*'], masks: [{ column: ssn, mask: { type: Redact } }] } }
    - { name: public.parents, select: { columns: ['*'] } }
    - { name: public.heirs, select: { columns: [id], masks: [{ column: name, mask: { type: Redact } }] } }
    - { name: public.chosen, select: { columns: ['*'] } }
    - { name: public.listed, select: { columns: [id, name] } }
    - { name: late.items, select: { columns: ['*'] } }
    - { name: public.parent, select: { columns: [id], masks: [{ column: ssn, mask: { type: Redact } }] } }
`;

const SHOWS_SSN = (view: string): string => `CREATE OR REPLACE VIEW ${view} AS SELECT id, ssn AS name FROM customers`;
const CHANGED = /^definition of relation "public\.\w+" has changed/;

describe('while the database changes', () => {
  let world: World;
  let session: Session;
  beforeAll(async () => {
    world = await startWorld({ schema: SCHEMA, policies: { ann: POLICY } });
    session = await world.session('ann');
  }, 120_000);
  afterAll(async () => {
    await session.end();
    await world.stop();
  });

  /** A name that is not known makes the proxy look at the catalog, at most once a second. */
  const reread = async (): Promise<void> => {
    await sleep(1000);
    await world.ask('ann', 'SELECT FROM nothing_of_that_name');
  };
  const settled = async (sql: string, fits: (answer: unknown) => boolean): Promise<unknown> => {
    for (let tries = 0; tries < 20; tries++) {
      const answer = await world.ask('ann', sql);
      if (fits(answer)) return answer;
      await reread();
    }
    throw new Error(`it stays as it is: ${sql}`);
  };
  const isRows = (answer: unknown): boolean => Array.isArray(answer);

  it('shows nothing of a view that was replaced until it is traced again', async () => {
    const sql = 'SELECT * FROM replaced_view';
    expect(await session.ask(sql)).toEqual([['1', 'Ann']]);
    await world.postgres.sql(SHOWS_SSN('replaced_view'));
    expect(await session.ask(sql)).toMatch(CHANGED);
    expect(await settled(sql, isRows)).toEqual([['1', '***']]);
  });

  it('nor of a view beneath it', async () => {
    const sql = 'SELECT name FROM outer_view WHERE id = 1';
    expect(await session.ask(sql)).toEqual([['Ann']]);
    await world.postgres.sql(SHOWS_SSN('nested_view'));
    expect(await session.ask(sql)).toMatch(CHANGED);
    expect(await settled(sql, isRows)).toEqual([['***']]);
  });

  it('nor of a view that took the name, or was made anew, also a materialized one', async () => {
    const statements = ['SELECT * FROM swapped_view', 'SELECT * FROM recreated_view', 'SELECT * FROM snapshot'];
    for (const sql of statements) expect(await session.ask(sql)).toEqual([['1', 'Ann']]);
    await world.postgres.sql(`BEGIN; CREATE VIEW new_view AS SELECT id, ssn AS name FROM customers;
      ALTER VIEW swapped_view RENAME TO old_view; ALTER VIEW new_view RENAME TO swapped_view;
      DROP VIEW recreated_view; CREATE VIEW recreated_view AS SELECT id, ssn AS name FROM customers;
      DROP MATERIALIZED VIEW snapshot; CREATE MATERIALIZED VIEW snapshot AS SELECT id, ssn AS name FROM customers; COMMIT`);
    for (const sql of statements) expect(await session.ask(sql)).toMatch(CHANGED);
    for (const sql of statements) expect(await settled(sql, isRows)).toEqual([['1', '***']]);
  });

  it('nor by a statement that was prepared, and in a transaction under way', async () => {
    const sql = 'SELECT name FROM prepared_view';
    expect(await session.ask(sql, 'kept')).toEqual([['Ann']]);
    await session.ask('BEGIN');
    await world.postgres.sql(SHOWS_SSN('prepared_view'));
    expect(await session.ask(sql, 'kept')).toMatch(CHANGED);
    await session.ask('ROLLBACK');
    await settled(sql, isRows);
    expect(await session.ask(sql, 'kept')).not.toEqual([['SECRET']]);
  });

  it('and a cursor that is open keeps what it was opened on', async () => {
    await session.ask('BEGIN');
    await session.ask('DECLARE c CURSOR FOR SELECT * FROM cursor_view');
    const replaced = world.postgres.sql(SHOWS_SSN('cursor_view'));
    expect(await session.ask('FETCH 1 FROM c')).toEqual([['1', 'Ann']]);
    await session.ask('COMMIT');
    await replaced;
    expect(await session.ask('SELECT * FROM cursor_view')).not.toEqual([['1', 'SECRET']]);
  });

  it('a table that is swapped by its name keeps what was said of it, as far as views show it', async () => {
    const sql = 'SELECT * FROM over_moved';
    expect(await session.ask(sql)).toEqual([['1', '***']]);
    await world.postgres.sql(`BEGIN; ALTER TABLE moved RENAME TO moved_old; CREATE TABLE moved (id int PRIMARY KEY, ssn text); COMMIT`);
    expect(await session.ask(sql)).toEqual([['1', '***']]);
    expect(await settled('SELECT * FROM moved', (answer) => JSON.stringify(answer) === '[]')).toEqual([]);
    await reread();
    await reread();
    expect(await session.ask(sql)).toEqual([['1', '***']]);
  });

  it('a new column is seen where a star said so, and a column that is gone or renamed only by its new name', async () => {
    expect(await session.ask('SELECT * FROM listed')).toEqual([['1', 'Ann']]);
    await world.postgres.sql(`ALTER TABLE listed ADD extra text DEFAULT 'SECRET'; ALTER TABLE wide ADD extra text DEFAULT 'more'`);
    expect(await session.ask('SELECT * FROM listed')).toEqual([['1', 'Ann']]);
    expect(await session.ask('SELECT extra FROM listed')).toContain('extra');
    expect(await settled('SELECT * FROM wide', (answer) => JSON.stringify(answer).includes('more'))).toEqual([['1', 'Ann', 'more']]);
    await world.postgres.sql(`ALTER TABLE listed RENAME name TO other; ALTER TABLE listed RENAME extra TO another`);
    expect(await session.ask('SELECT * FROM listed')).not.toContainEqual(expect.arrayContaining(['SECRET']));
  });

  it('a masked column that is renamed beside a star stays masked', async () => {
    expect(await session.ask('SELECT * FROM starred')).toEqual([['1', '***']]);
    await world.postgres.sql(`BEGIN; ALTER TABLE starred RENAME ssn TO legacy; ALTER TABLE starred ADD ssn text DEFAULT 'new'; COMMIT`);
    expect(await session.ask('SELECT * FROM starred')).toEqual([['1', '***']]);
    expect(await settled('SELECT legacy FROM starred', isRows)).toEqual([[null]]);
    expect(await session.ask('SELECT * FROM starred')).toEqual([['1', null, '***']]);
  });

  it('a schema that is made after it was set in the search_path is looked in', async () => {
    await session.ask('SET search_path = late, public');
    await world.postgres.sql(`CREATE SCHEMA late CREATE TABLE items (id int); GRANT USAGE ON SCHEMA late TO public;
      GRANT SELECT ON late.items TO public; INSERT INTO late.items VALUES (7)`);
    await reread();
    expect(await session.ask('SELECT id FROM items')).toEqual([['7']]);
    await session.ask('RESET search_path');
    expect(await session.ask('SELECT id FROM items')).toBe('relation "items" does not exist');
  });

  it('a relation that is made in front of another one on the search_path takes no part', async () => {
    await session.ask('SET search_path = shadow, public');
    expect(await session.ask('SELECT name FROM renamed_view')).toEqual([['Ann']]);
    await world.postgres.sql(`CREATE VIEW shadow.renamed_view AS SELECT ssn AS name FROM public.customers`);
    expect(await session.ask('SELECT name FROM renamed_view')).toEqual([['Ann']]);
    await session.ask('RESET search_path');
  });

  it('a table that is attached takes its parent’s masks', async () => {
    expect(await session.ask('SELECT * FROM part')).toEqual([['1', 'SECRET']]);
    await world.postgres.sql('ALTER TABLE parent ATTACH PARTITION part FOR VALUES IN (1)');
    expect(await session.ask('SELECT * FROM parent')).toEqual([['1', '***']]);
    expect(await settled('SELECT * FROM part', (answer) => !JSON.stringify(answer).includes('SECRET'))).toEqual([['1', '***']]);
  });

  it('a masked column of another type is masked, or not shown', async () => {
    const sql = 'SELECT ssn FROM typed';
    expect(await session.ask(sql, 'typed')).toEqual([['***']]);
    for (const type of [
      'varchar(20)',
      'int USING ssn::int',
      'jsonb USING to_jsonb(ssn)',
      'text[] USING ARRAY[ssn]::text[]',
      'bytea USING ssn::text::bytea',
    ]) {
      await world.postgres.sql(`ALTER TABLE typed ALTER ssn TYPE ${type}`);
      for (const answer of [await session.ask(sql), await session.ask(sql, 'typed'), await session.ask('SELECT t::text FROM typed t')]) {
        expect([type, JSON.stringify(answer)]).toEqual([type, expect.not.stringMatching(/4711|34373131/)]);
      }
      await reread();
      expect([type, JSON.stringify(await session.ask(sql))]).toEqual([type, expect.not.stringMatching(/4711|34373131/)]);
    }
  }, 60_000);

  it('a masked column that is dropped and made anew is masked', async () => {
    await world.postgres.sql(`ALTER TABLE typed DROP ssn; ALTER TABLE typed ADD ssn text DEFAULT 'SECRET'`);
    expect(JSON.stringify(await session.ask('SELECT * FROM typed'))).not.toContain('SECRET');
    await reread();
    expect(await settled('SELECT ssn FROM typed', isRows)).toEqual([['***']]);
  });

  it('a child that is added with more columns shows what the parent has, under its own masks', async () => {
    await world.postgres.sql('ALTER TABLE heirs INHERIT parents');
    const masked = [
      ['1', '***'],
      ['2', '***'],
    ];
    expect(await settled('SELECT * FROM parents ORDER BY id', (answer) => JSON.stringify(answer).includes('***'))).toEqual(masked);
    await world.postgres.sql(`CREATE TABLE later (ssn text) INHERITS (parents); INSERT INTO later VALUES (3, 'Cid', 'SECRET')`);
    expect(await session.ask('SELECT * FROM parents ORDER BY id')).toEqual([...masked, ['3', '***']]);
    expect(await session.ask('SELECT p FROM parents p ORDER BY id')).toEqual([['(1,***)'], ['(2,***)'], ['(3,***)']]);
    expect(await settled('SELECT * FROM later', (answer) => String(answer).includes('permission denied'))).toContain('later');
  });

  it('a search_path of the role counts for sessions that begin afterwards, whose names it changes', async () => {
    await world.postgres.sql(`CREATE TABLE shadow.chosen (id int, name text); INSERT INTO shadow.chosen VALUES (1, 'SECRET')`);
    await world.postgres.sql('ALTER ROLE postgres SET search_path = shadow, public');
    expect(await session.ask('SELECT name FROM chosen')).toEqual([['Ann']]);
    const early = await world.session('ann');
    expect(await early.ask('SELECT name FROM chosen')).not.toEqual([['SECRET']]);
    await reread();
    await reread();
    const late = await world.session('ann');
    expect(await late.ask('SELECT name FROM chosen')).toContain('permission denied');
    expect(await late.ask('SELECT name FROM public.chosen')).toEqual([['Ann']]);
    // Of the older session the server would still say Ann.
    expect(await session.ask('SELECT name FROM chosen')).not.toEqual([['SECRET']]);
    await world.postgres.sql('ALTER ROLE postgres RESET search_path');
    for (const each of [early, late]) await each.end();
  });
});
