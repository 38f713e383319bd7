import { beforeAll, describe, expect, it } from 'vitest';
import { grant, grantsOf, policy } from '../../../test/support/small-catalog.ts';
import { catalogWith } from '../../../test/support/small-views.ts';
import { contextWith, oidOf, RELATIONS, viewOf, WHOLE, GRANTS } from '../../../test/support/small-workshop.ts';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import { decide } from '../decide.ts';
import type { SessionState } from '../judgement.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const decisionOf = (sql: string, state?: Partial<SessionState>) =>
  decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), contextWith(state));

/** Why it is refused: what, and the fact. */
const refusals = (sql: string, state?: Partial<SessionState>): readonly string[] =>
  decisionOf(sql, state).reasons.map(({ failure: { message, fields } }) =>
    [message.replace('permission denied to ', ''), ...(fields.detail === undefined ? [] : [fields.detail])].join(': '),
  );

const HIDDEN = 'The policy hides a part of it, or of what it shows: as it is defined now, that stays hidden.';
const UNGRANTED = 'It is not granted to this agent, and this would look at its rows or give it another name.';
const KEY = 'A foreign key would tell which values are in columns that this agent cannot read.';
const CASCADED = 'CASCADE would drop public.narrow_view, of which the policy hides a part.';
const TIED = 'CASCADE would drop policies, functions or columns elsewhere.';
const NEW_NAME = 'The policy grants the new name, and means another relation by it.';
const KEPT = 'It is not granted whole, and the view would keep what the policy says of it today.';
const NO_DELETE = 'Deleting its rows is not granted to this agent.';

describe('a definition of what is hidden in part', () => {
  it.each([
    ['ALTER TABLE users ADD COLUMN more int', [`alter "public.users": ${HIDDEN}`]],
    ['ALTER TABLE users RENAME COLUMN name TO x', [`alter "public.users": ${HIDDEN}`]],
    ['ALTER TABLE users RENAME TO x', [`rename or move "public.users": ${HIDDEN}`]],
    ['ALTER TABLE tickets ADD CHECK (tenant = 1)', [`alter "public.tickets": ${HIDDEN}`]],
    ['ALTER TABLE narrow ADD COLUMN more int', [`alter "public.narrow": ${HIDDEN}`]],
    ['DROP TABLE users', [`drop "public.users": ${HIDDEN}`]],
    ['DROP VIEW user_view', [`drop "public.user_view": ${HIDDEN}`]],
    ['CREATE OR REPLACE VIEW user_view AS SELECT 1 AS id', [`replace "public.user_view": ${HIDDEN}`]],
    ['TRUNCATE users', [`truncate "public.users": ${HIDDEN}`]],
    ['TRUNCATE twice', [`truncate "public.twice": ${HIDDEN}`]],
    ['CREATE INDEX ON users (name)', [`alter "public.users": ${HIDDEN}`]],
    ['CREATE UNIQUE INDEX ON users (name)', [`alter "public.users": ${HIDDEN}`]],
    ['ALTER INDEX users_index RENAME TO x', [`rename or move "public.users_index": ${HIDDEN}`]],
    ['DROP INDEX users_index', [`drop "public.users_index": ${HIDDEN}`]],
    ['COMMENT ON TABLE users IS NULL', []],
    ['VACUUM users', []],
    [
      'ALTER TYPE kind RENAME TO x',
      ['rename or move "public.kind": Columns of public.hidden_typed are of this type, of which the policy hides a part.'],
    ],
    ['ALTER TYPE mood RENAME TO x', []],
    [
      "ALTER TYPE kind RENAME VALUE 'a' TO 'b'",
      ['alter "public.kind": Columns of public.hidden_typed are of this type, of which the policy hides a part.'],
    ],
    ["ALTER TYPE kind ADD VALUE 'b'", []],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });
});

describe('a definition of what is not granted', () => {
  it.each([
    ['ALTER TABLE secrets RENAME TO x', [`rename or move "public.secrets": ${UNGRANTED}`]],
    ['ALTER TABLE secrets SET SCHEMA hr', [`rename or move "public.secrets": ${UNGRANTED}`]],
    ['ALTER TABLE secrets ADD CHECK (pin = 1)', [`alter "public.secrets": ${UNGRANTED}`]],
    ['ALTER TABLE secrets ADD COLUMN x int', []],
    [
      'ALTER TABLE secrets ADD COLUMN x code',
      [`alter "public.secrets": It is not granted to this agent, and type code may look at its rows.`],
    ],
    ['ALTER TABLE whole ADD COLUMN x code', []],
    ['ALTER TABLE mine ADD COLUMN x code', []],
    ['CREATE TABLE x (a code)', []],
    ['TRUNCATE secrets', [`truncate "public.secrets": ${UNGRANTED}`]],
    ['DROP TABLE secrets', []],
    ['CREATE INDEX ON secrets (pin)', []],
    ['CREATE UNIQUE INDEX ON secrets (pin)', [`alter "public.secrets": ${UNGRANTED}`]],
    ['ALTER INDEX secrets_index RENAME TO x', []],
    ['ALTER SEQUENCE numbers RENAME TO x', []],
    ['ALTER TABLE foreign_table RENAME TO x', [`rename or move "public.foreign_table": ${UNGRANTED}`]],
    ['ALTER VIEW whole_view RENAME TO x', [`rename or move "public.whole_view": ${UNGRANTED}`]],
    ['COMMENT ON TABLE secrets IS NULL', []],
    ['ANALYZE secrets', []],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });
});

describe('a definition of what is granted whole, or made by the transaction', () => {
  it.each([
    ['ALTER TABLE orders ADD CHECK (total > 1)', []],
    ['ALTER TABLE mine ADD CHECK (id > 1)', []],
    ['ALTER TABLE mine RENAME TO x', []],
    ['CREATE UNIQUE INDEX ON orders (total)', []],
    ['TRUNCATE orders', []],
    ['TRUNCATE mine', []],
    ['TRUNCATE whole', [`truncate "public.whole": ${NO_DELETE}`]],
    ['TRUNCATE orders, whole', [`truncate "public.whole": ${NO_DELETE}`]],
    ['ALTER TABLE orders RENAME TO later', [`rename or move "public.orders": ${NEW_NAME}`]],
    ['ALTER TABLE orders RENAME TO twice_later', [`rename or move "public.orders": ${NEW_NAME}`]],
    ['ALTER TABLE mine RENAME TO later', []],
    ['ALTER TABLE mine RENAME TO masked_later', [`rename or move "public.mine": ${NEW_NAME}`]],
    ['ALTER TABLE mine RENAME TO twice_later', [`rename or move "public.mine": ${NEW_NAME}`]],
    ['ALTER TABLE hr.shared SET SCHEMA public', [`rename or move "hr.shared": ${UNGRANTED}`]],
    ['ALTER TABLE orders SET SCHEMA pg_catalog', [`alter "pg_catalog.pg_catalog": Schema pg_catalog is PostgreSQL's own.`]],
    ['ALTER TABLE orders SET SCHEMA pg_anything', [`alter "pg_anything.pg_anything": Schema pg_anything is PostgreSQL's own.`]],
    [
      'ALTER TABLE orders SET SCHEMA information_schema',
      [`alter "information_schema.information_schema": Schema information_schema is PostgreSQL's own.`],
    ],
    ['ALTER TABLE orders SET SCHEMA pga', []],
    ['ALTER TABLE orders SET SCHEMA my_information_schema', []],
    ['ALTER TABLE orders RENAME COLUMN total TO later', []],
    ['DROP TABLE orders', []],
    ['DROP TABLE orders CASCADE', []],
    ['DROP TABLE narrow CASCADE', [`drop "public.narrow": ${HIDDEN}`]],
    ['DROP TABLE tied', []],
    ['DROP TABLE tied CASCADE', [`drop "public.tied": ${TIED}`]],
    ['ALTER TABLE tied DROP COLUMN id CASCADE', [`alter "public.tied": ${TIED}`]],
    ['ALTER TABLE tied DROP COLUMN id', []],
    ['DROP TABLE pg_catalog.pg_class', [`drop "pg_catalog.pg_class": Schema pg_catalog is PostgreSQL's own.`]],
    ['COMMENT ON TABLE pg_class IS NULL', [`comment on "pg_catalog.pg_class": Schema pg_catalog is PostgreSQL's own.`]],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });

  it('lets nothing fall with it of which the policy hides a part', () => {
    const view = viewOf('narrow_view', WHOLE);
    const relations = [...RELATIONS.filter(({ name }) => name !== 'narrow_view'), view];
    const catalog = catalogWith(relations, { ties: new Set([oidOf('whole_view')]) });
    const of = (sql: string, ...more: readonly ReturnType<typeof grant>[]) => {
      const context = { ...contextWith(), catalog, grants: grantsOf(policy({ relations: [...GRANTS, ...more] }))! };
      return decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), context).reasons.map(({ failure }) => failure.fields.detail);
    };
    const narrow = grant('narrow_view', { select: { columns: [], masks: [] } });
    expect(of('DROP TABLE whole', narrow)).toEqual([]);
    expect(of('DROP TABLE whole CASCADE', narrow)).toEqual([CASCADED]);
    expect(of('DROP TABLE whole CASCADE')).toEqual([TIED]);
    expect(of('ALTER TABLE whole DROP COLUMN id CASCADE', narrow)).toEqual([CASCADED]);
  });
});

describe('a foreign key', () => {
  it.each([
    ['CREATE TABLE x (a int REFERENCES orders)', []],
    ['CREATE TABLE x (a int REFERENCES mine)', []],
    ['CREATE TABLE x (a int REFERENCES users)', []],
    ['CREATE TABLE x (a int REFERENCES users (id))', []],
    ['CREATE TABLE x (a text REFERENCES users (name))', []],
    ['CREATE TABLE x (a text REFERENCES users (ssn))', [`refer to "public.users": ${KEY}`]],
    ['CREATE TABLE x (a int, b text, FOREIGN KEY (a, b) REFERENCES users (id, ssn))', [`refer to "public.users": ${KEY}`]],
    ['CREATE TABLE x (a int REFERENCES tickets)', [`refer to "public.tickets": ${KEY}`]],
    ['CREATE TABLE x (a int REFERENCES secrets)', [`refer to "public.secrets": ${KEY}`]],
    ['CREATE TABLE x (a int REFERENCES keyless)', [`refer to "public.keyless": ${KEY}`]],
    ['CREATE TABLE x (a int REFERENCES keyless (id))', []],
    ['CREATE TABLE x (a int REFERENCES user_view (id))', [`refer to "public.user_view": ${KEY}`]],
    ['CREATE TABLE x (a int REFERENCES nothing)', ['relation "nothing" does not exist']],
    ['CREATE TABLE x (a int REFERENCES x)', []],
    ['CREATE TABLE x (a int REFERENCES public.x)', []],
    ['CREATE TABLE x (a int REFERENCES hr.x)', ['relation "hr.x" does not exist']],
    ['CREATE TABLE hr.x (a int REFERENCES x)', ['relation "x" does not exist']],
    ['ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES secrets', [`refer to "public.secrets": ${KEY}`]],
    ['ALTER TABLE whole ADD FOREIGN KEY (id) REFERENCES orders', []],
    ['ALTER TABLE whole ADD FOREIGN KEY (id) REFERENCES orders ON DELETE CASCADE', [`alter "public.whole": ${NO_DELETE}`]],
    ['ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES whole ON DELETE CASCADE', []],
    ['CREATE TABLE x (a int REFERENCES whole ON DELETE CASCADE)', []],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });

  it('to a view that is granted in part is none to what it shows', () => {
    const grants = grantsOf(policy({ relations: [grant('whole_view', { select: { columns: ['id'], masks: [] } })] }))!;
    const sql = 'CREATE TABLE x (a int REFERENCES whole_view (id))';
    const { reasons } = decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), { ...contextWith(), grants });
    expect(reasons.map(({ failure }) => failure.fields.detail)).toEqual([KEY]);
  });
});

describe('what is made', () => {
  it.each([
    ['CREATE TABLE x (a int)', []],
    ['CREATE TABLE public.x (a int)', []],
    ['CREATE TABLE later (a int)', []],
    ['CREATE TABLE twice_later (a int)', ['create "public.twice_later": More than one policy grants this name.']],
    ['CREATE TABLE nowhere.x (a int)', ['create "nowhere.x": There is no schema nowhere.']],
    ['CREATE TABLE pg_catalog.x (a int)', [`create "pg_catalog.x": Schema pg_catalog is PostgreSQL's own.`]],
    ['CREATE TABLE orders (a int)', []],
    ['CREATE TABLE IF NOT EXISTS twice_later (a int)', ['create "public.twice_later": More than one policy grants this name.']],
    ['CREATE TABLE IF NOT EXISTS twice (a int)', ['create "public.twice": More than one policy grants this name.']],
    ['CREATE TABLE twice (a int)', []],
    ['CREATE SCHEMA x', []],
    ['CREATE SCHEMA pg_x', ['create "pg_x.pg_x": The prefix pg_ is for PostgreSQL.']],
    ['CREATE SEQUENCE twice_later', []],
    ['CREATE SEQUENCE nowhere.x', ['create "nowhere.x": There is no schema nowhere.']],
    ["CREATE TYPE twice_later AS ENUM ('a')", []],
    ["CREATE TYPE nowhere.x AS ENUM ('a')", ['create "nowhere.x": There is no schema nowhere.']],
    ['CREATE VIEW x AS SELECT * FROM orders', []],
    ['CREATE VIEW x AS SELECT * FROM mine', ['permission denied for relation "mine": No policy in force grants it to this agent.']],
    ['CREATE VIEW x AS SELECT * FROM users', [`define a view on "public.users": ${KEPT}`]],
    ['CREATE VIEW x AS SELECT relname FROM pg_class', ['define a view on "pg_catalog.pg_class": ' + KEPT, 'permission denied'].slice(0, 1)],
    ['CREATE MATERIALIZED VIEW x AS SELECT * FROM users', [`define a view on "public.users": ${KEPT}`]],
    ['CREATE TABLE x AS SELECT * FROM users', []],
    ['CREATE OR REPLACE VIEW x AS SELECT 1 AS a', []],
    ['CREATE OR REPLACE VIEW order_view AS SELECT * FROM orders', []],
    [
      'CREATE OR REPLACE VIEW twice_later AS SELECT 1 AS a',
      ['create "public.twice_later": More than one policy grants this name.'.replace('create', 'replace')],
    ],
    ['CREATE TABLE x (u users)', ['use the row type of "public.users": It would follow the relation.']],
    ['CREATE TABLE x (u users[])', ['use the row type of "public.users": It would follow the relation.']],
    ['CREATE TABLE x (u _users)', ['use the row type of "public.users": It would follow the relation.']],
    ['CREATE TABLE x (u public.users)', ['use the row type of "public.users": It would follow the relation.']],
    ['CREATE TABLE x (u pg_class)', []],
    ['CREATE TABLE x (u text)', []],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });

  it.each([
    ['CREATE TABLE x (a int)', ['create "x": The search_path names no schema to make it in.']],
    ['CREATE OR REPLACE VIEW x AS SELECT 1', ['replace "x": The search_path names no schema to make it in.']],
    ["CREATE TYPE x AS ENUM ('a')", ['create "x": The search_path names no schema to make it in.']],
    ['CREATE TABLE public.x (a int)', []],
    ['CREATE SCHEMA x', []],
    ['DROP TABLE IF EXISTS x', []],
  ])('without a schema in the search_path: %s', (sql, expected) => {
    expect(refusals(sql, { searchPath: ['nowhere'] })).toEqual(expected);
  });

  it('stands in the first schema of the search_path that is there', () => {
    const schemasOf = (sql: string, searchPath: readonly string[]) =>
      decisionOf(sql, { searchPath }).definition?.uses.map(({ schema }) => schema);
    expect(schemasOf('CREATE TABLE x (a int)', ['nowhere', 'hr', 'public'])).toEqual(['hr']);
    expect(schemasOf('CREATE TABLE public.x (a int)', ['hr'])).toEqual(['public']);
    expect(schemasOf('DROP INDEX shared_index', ['public', 'hr'])).toEqual(['hr']);
    expect(schemasOf('DROP TYPE mood', ['hr', 'public'])).toEqual(['public']);
    expect(schemasOf('DROP TABLE IF EXISTS x, orders', ['nowhere', 'hr', 'public'])).toEqual(['hr', 'public']);
    expect(schemasOf('DROP TABLE IF EXISTS x', ['nowhere'])).toEqual(['']);
  });
});

describe('what is not there', () => {
  it.each([
    ['DROP TABLE nothing', ['relation "nothing" does not exist']],
    ['DROP TABLE hr.nothing', ['relation "hr.nothing" does not exist']],
    ['DROP TABLE IF EXISTS nothing', []],
    ['ALTER TABLE nothing ADD COLUMN a int', ['relation "nothing" does not exist']],
    ['ALTER TABLE IF EXISTS nothing ADD COLUMN a int', []],
    ['DROP INDEX nothing', ['relation "nothing" does not exist']],
    ['DROP INDEX hr.users_index', ['relation "hr.users_index" does not exist']],
    ['DROP INDEX lost_index', ['relation "lost_index" does not exist']],
    ['CREATE INDEX ON nothing (a)', ['relation "nothing" does not exist']],
    ['CREATE INDEX ON users_index (a)', ['relation "users_index" does not exist']],
    ['DROP TYPE nothing', ['relation "nothing" does not exist']],
    ['DROP TYPE hr.mood', ['relation "hr.mood" does not exist']],
    ['DROP SCHEMA nothing', []],
  ])('%s', (sql, expected) => {
    expect(refusals(sql)).toEqual(expected);
  });
});
