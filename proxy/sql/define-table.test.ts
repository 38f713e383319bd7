import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { analyze } from './analyze.ts';
import type { Definition } from './definition.ts';
import { Grammar } from './grammar.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

/** Of `ALTER TABLE a ...`: what is done with the table, the effects, and what else is called, named or used. */
const altered = (commands: string): readonly unknown[] => {
  const sql = `ALTER TABLE a ${commands}`;
  try {
    const { form, functions, columns } = analyze(grammar.parse(sql)[0]!, Buffer.from(sql));
    const { uses, effects } = (form as { readonly definition: Definition }).definition;
    const [own, ...others] = uses;
    return [
      `${own?.act}${own?.cascade ? ' cascade' : ''}`,
      ...effects,
      ...others.map(({ act, object, name }) => `${act} ${object} ${name.name}`),
      ...functions.map(({ name }) => `calls ${name}`),
      ...columns.map(({ fields }) => `names ${fields.join('.')}`),
    ];
  } catch (error) {
    if (error instanceof Failure) return [error.fields.sqlstate, error.message];
    throw error;
  }
};

const added = (name: string, type: string, notNull = false): object => ({ type: 'AddColumn', use: 0, column: { name, type, notNull } });

describe('a new column looks at rows that are there', () => {
  it.each<readonly [string, boolean, string?]>([
    ['int', false],
    ['int NULL', false],
    ['int NOT NULL', true],
    ['int DEFAULT 5', false],
    ['int DEFAULT NULL', false],
    ['int NOT NULL DEFAULT 5', false],
    ["int NOT NULL DEFAULT '5'::int", false],
    ['int NOT NULL DEFAULT NULL', true],
    ['int NOT NULL DEFAULT NULL::int', true],
    ['int NOT NULL DEFAULT NULL::text::int', true],
    ['date DEFAULT current_date', false],
    ['date DEFAULT now()', false],
    ['date DEFAULT pg_catalog.transaction_timestamp()', false],
    ['date DEFAULT statement_timestamp()', false],
    ['date DEFAULT clock_timestamp()', true],
    ['int DEFAULT 1 + 1', true],
    ['int DEFAULT (random())::int', true],
    ['int DEFAULT 5 UNIQUE', true],
    ['int DEFAULT 5 CHECK (b > 1)', true],
    ['int DEFAULT 5 PRIMARY KEY', true],
    ['int DEFAULT 5 NOT NULL UNIQUE', true],
    ['int DEFAULT 5 REFERENCES b', true],
    ['int DEFAULT 5 REFERENCES b DEFERRABLE INITIALLY DEFERRED', true],
    ['int GENERATED ALWAYS AS (c) STORED', true],
    ['int GENERATED ALWAYS AS IDENTITY', true],
    ['serial', true],
    ['smallserial', true],
    ['bigserial', true],
    ['serial2', true],
    ['serial4', true],
    ['serial8', true],
    ['pg_catalog.serial8', true],
    ['serials', false],
    ['aserial', false],
  ])('%s: %s', (definition, looks) => {
    expect(altered(`ADD COLUMN x ${definition}`)[0]).toBe(looks ? 'Examine' : 'Extend');
  });

  it.each<readonly [string, boolean]>([
    ['int', false],
    ['int NOT NULL', true],
    ['int PRIMARY KEY', true],
    ['int GENERATED ALWAYS AS IDENTITY', true],
    ['int UNIQUE', false],
    ['int DEFAULT 5', false],
  ])('and is known to be never NULL: %s: %s', (definition, notNull) => {
    expect(altered(`ADD COLUMN x ${definition}`)[1]).toEqual(added('x', 'int4', notNull));
  });
});

describe('ALTER TABLE tells what is done with the table', () => {
  it.each<readonly [string, readonly unknown[]]>([
    ['ADD b int PRIMARY KEY', ['Examine', added('b', 'int4', true), { type: 'PrimaryKey', use: 0, columns: ['b'] }]],
    ['ADD b int, ADD c text', ['Extend', added('b', 'int4'), added('c', 'text')]],
    ['ADD b int, ALTER c SET NOT NULL, DROP d', ['Examine', added('b', 'int4'), { type: 'DropColumn', use: 0, column: 'd' }]],
    ['DROP b', ['Extend', { type: 'DropColumn', use: 0, column: 'b' }]],
    [
      'DROP COLUMN IF EXISTS b CASCADE, DROP c',
      ['Extend cascade', ...['b', 'c'].map((column) => ({ type: 'DropColumn', use: 0, column }))],
    ],
    ['ALTER b TYPE text', ['Examine']],
    ['ALTER b TYPE text COLLATE "C" USING x(c)', ['Examine', 'calls x', 'names c']],
    ['ALTER b SET DEFAULT x()', ['Extend', 'calls x']],
    ['ALTER b DROP DEFAULT', ['Extend']],
    ['ALTER b SET EXPRESSION AS (x(c))', ['Examine', 'calls x', 'names c']],
    ['ALTER b DROP EXPRESSION', ['Extend']],
    ['ALTER b SET NOT NULL', ['Examine']],
    ['ALTER b DROP NOT NULL', ['Extend']],
    ['ADD CHECK (x(c))', ['Examine', 'calls x', 'names c']],
    ['ADD UNIQUE (b)', ['Examine']],
    ['ADD PRIMARY KEY (b, c)', ['Examine', { type: 'PrimaryKey', use: 0, columns: ['b', 'c'] }]],
    ['ADD PRIMARY KEY USING INDEX i', ['Examine']],
    ['ADD FOREIGN KEY (b) REFERENCES c', ['Examine', 'Refer Table c']],
    ['DROP CONSTRAINT b', ['Extend']],
    ['DROP CONSTRAINT b CASCADE', ['Extend cascade']],
    ['VALIDATE CONSTRAINT b', ['Examine']],
    ['ALTER CONSTRAINT b NOT DEFERRABLE', ['Examine']],
    ['ALTER CONSTRAINT b NOT ENFORCED', ['Examine']],
    ['ALTER b ADD GENERATED ALWAYS AS IDENTITY (OWNED BY c.d)', ['Extend', 'Extend Relation c']],
    ['ALTER b SET INCREMENT 2', ['Extend']],
    ['ALTER b DROP IDENTITY IF EXISTS', ['Extend']],
  ])('%s', (commands, expected) => {
    expect(altered(commands)).toEqual(expected);
  });

  it.each(['ATTACH PARTITION b DEFAULT', 'DETACH PARTITION b'])('%s is refused', (command) => {
    expect(altered(command)).toEqual(['42501', `permission denied for ALTER TABLE ... ${command.slice(0, 16)}`]);
  });

  it.each([
    ['OWNER TO b', 'ALTER TABLE ... CHANGE OWNER'],
    ['INHERIT b', 'ALTER TABLE ... ADD INHERIT'],
    ['NO INHERIT b', 'ALTER TABLE ... DROP INHERIT'],
    ['ENABLE ALWAYS TRIGGER b', 'ALTER TABLE ... ENABLE ALWAYS TRIG'],
    ['ENABLE ROW LEVEL SECURITY', 'ALTER TABLE ... ENABLE ROW SECURITY'],
    ['DISABLE ROW LEVEL SECURITY', 'ALTER TABLE ... DISABLE ROW SECURITY'],
    ['NO FORCE ROW LEVEL SECURITY', 'ALTER TABLE ... NO FORCE ROW SECURITY'],
    ['DISABLE TRIGGER ALL', 'ALTER TABLE ... DISABLE TRIG ALL'],
    ['ENABLE RULE b', 'ALTER TABLE ... ENABLE RULE'],
    ['SET (fillfactor = 70)', 'ALTER TABLE ... SET REL OPTIONS'],
    ['SET TABLESPACE b', 'ALTER TABLE ... SET TABLE SPACE'],
    ['SET ACCESS METHOD b', 'ALTER TABLE ... SET ACCESS METHOD'],
    ['SET UNLOGGED', 'ALTER TABLE ... SET UN LOGGED'],
    ['CLUSTER ON b', 'ALTER TABLE ... CLUSTER ON'],
    ['REPLICA IDENTITY FULL', 'ALTER TABLE ... REPLICA IDENTITY'],
    ['OF b', 'ALTER TABLE ... ADD OF'],
    ['ALTER b SET STATISTICS 5', 'ALTER TABLE ... SET STATISTICS'],
    ['ALTER b SET STORAGE plain', 'ALTER TABLE ... SET STORAGE'],
    ['ALTER b SET COMPRESSION lz4', 'ALTER TABLE ... SET COMPRESSION'],
    ['ALTER b SET (n_distinct = 5)', 'ALTER TABLE ... SET OPTIONS'],
  ])('%s is refused, alone and after others', (command, what) => {
    expect(altered(command)).toEqual(['42501', `permission denied for ${what}`]);
    expect(altered(`ADD x int, ${command}`)).toEqual(['42501', `permission denied for ${what}`]);
  });
});
