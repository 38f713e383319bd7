/** Partitions, inheritance and whatever else a relation can be, of which the policy hides a part. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const schema = (version: number): string => `
CREATE TABLE events (id int, tenant int, secret text, note text) PARTITION BY LIST (tenant);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE events_2_low PARTITION OF events_2 FOR VALUES FROM (0) TO (100);
INSERT INTO events VALUES (1, 1, 'AAA', 'a'), (2, 2, 'BBB', 'b');
CREATE VIEW low AS SELECT id, secret FROM events_2_low;
CREATE TABLE people (id int, ssn text, hidden text);
CREATE TABLE staff (badge text) INHERITS (people);
CREATE TABLE bosses (car text) INHERITS (staff);
INSERT INTO people VALUES (1, 'P-SSN', 'P-HID'); INSERT INTO staff VALUES (2, 'S-SSN', 'S-HID', 'S-BADGE'); INSERT INTO bosses VALUES (3, 'B-SSN', 'B-HID', 'B-BADGE', 'B-CAR');
CREATE TABLE other (id int, ssn text);
CREATE TABLE mongrel () INHERITS (people, other);
INSERT INTO mongrel VALUES (4, 'M-SSN', 'M-HID');
CREATE TABLE logs (id int, line text);
CREATE TABLE logs_old () INHERITS (logs);
INSERT INTO logs_old VALUES (1, 'L-OLD');
CREATE TABLE cards (id int, number text, tail text GENERATED ALWAYS AS (right(number, 4)) STORED, double int GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO cards (id, number) VALUES (1, '4111111111111234');
${version >= 18 ? "CREATE TABLE virtual_cards (id int, number text, tail text GENERATED ALWAYS AS (right(number, 4)) VIRTUAL); INSERT INTO virtual_cards (id, number) VALUES (1, '4111111111111234');" : ''}
CREATE TYPE address AS (street text, zip text);
CREATE DOMAIN code AS varchar(10) CHECK (VALUE <> '');
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE types (id int, home address, homes address[], c code, m mood, tags text[]);
INSERT INTO types VALUES (1, ('Main', 'ZIP1'), ARRAY[('Side', 'ZIP2')::address], 'CODE1', 'glad', ARRAY['TAG1']);
CREATE VIEW typed AS SELECT id, (home).zip, homes[1] AS first, home, c::text AS c, c AS d, m, tags FROM types;
CREATE TABLE "Müller ""x"" $1" ("Größe" text, "a""b" text, ${'"' + 'n'.repeat(63) + '"'} text, id int);
INSERT INTO "Müller ""x"" $1" VALUES ('GROSS', 'QUOTE', 'LONG', 1);
CREATE VIEW "Sicht von ""x""" AS SELECT "Größe" AS "größe", "a""b" AS "A", ${'n'.repeat(63)} AS "${'m'.repeat(63)}", id FROM "Müller ""x"" $1";
CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE passwords (line text) SERVER files OPTIONS (program 'echo FOREIGN');
CREATE VIEW over_foreign AS SELECT line FROM passwords;
CREATE SEQUENCE numbers; SELECT nextval('numbers');
CREATE TABLE rls (id int, owner text, secret text); INSERT INTO rls VALUES (1, 'app', 'R1'), (2, 'other', 'R2');
CREATE VIEW rls_view AS SELECT id, secret FROM rls;
`;

const mask = (column: string): string => `{ column: ${column}, mask: { type: Redact } }`;

const POLICY = `
    - { name: public.events, where: tenant = 1, select: { columns: [id, tenant], masks: [${mask('secret')}] }, update: { columns: [note] } }
    - { name: public.events_1, select: { columns: ['*'] }, update: { columns: ['*'] } }
    - { name: public.events_2_low, select: { columns: [id, tenant, secret, note] }, delete: {} }
    - { name: public.low, select: { columns: ['*'] } }
    - { name: public.people, select: { columns: [id], masks: [${mask('ssn')}] } }
    - { name: public.staff, select: { columns: [id, ssn, hidden, badge] } }
    - { name: public.bosses, select: { columns: ['*'] } }
    - { name: public.other, select: { columns: ['*'] } }
    - { name: public.logs, select: { columns: ['*'] } }
    - { name: public.logs_old, where: id > 1, select: { columns: ['*'] } }
    - { name: public.cards, select: { columns: ['*'], masks: [${mask('number')}] } }
    - { name: public.types, select: { columns: [id], masks: [${['home', 'homes', 'c', 'm', 'tags'].map(mask).join(', ')}] } }
    - { name: public.typed, select: { columns: ['*'] } }
    - name: 'public."Müller ""x"" $1"'
      select:
        columns: [id]
        masks: [{ column: '"Größe"', mask: { type: KeepLast, keepLast: { characters: 2 } } }, { column: '"a""b"', mask: { type: Expression, expression: { sql: '"a""b" || ''!''' } } }, { column: ${'n'.repeat(63)}, mask: { type: Redact } }]
    - { name: 'public."Sicht von ""x"""', select: { columns: ['*'] } }
    - { name: public.passwords, select: { masks: [${mask('line')}] } }
    - { name: public.over_foreign, select: { columns: ['*'] } }
    - { name: public.numbers, select: { columns: [last_value] } }
    - { name: public.rls, select: { columns: [id, owner], masks: [${mask('secret')}] } }
    - { name: public.rls_view, select: { columns: ['*'] } }
`;

describe.each([18, 14] as const)('relations on PostgreSQL %i', (version) => {
  let world: World;
  beforeAll(async () => {
    const virtual = `    - { name: public.virtual_cards, select: { columns: ['*'], masks: [${mask('number')}] } }\n`;
    world = await startWorld({ version, schema: schema(version), policies: { ann: POLICY + (version >= 18 ? virtual : '') } });
  }, 120_000);
  afterAll(() => world.stop());

  it.each<readonly [string, readonly (readonly (string | null)[])[]]>([
    ['SELECT * FROM events', [['1', '1', '***']]],
    ['SELECT * FROM ONLY events_1', [['1', '1', '***']]],
    ['SELECT * FROM events_1', [['1', '1', '***']]],
    ['SELECT * FROM events_2_low', []],
    [
      'SELECT * FROM people ORDER BY id',
      [
        ['1', '***'],
        ['2', '***'],
        ['3', '***'],
        ['4', '***'],
      ],
    ],
    [
      'SELECT * FROM staff ORDER BY id',
      [
        ['2', '***', 'S-BADGE'],
        ['3', '***', 'B-BADGE'],
      ],
    ],
    ['SELECT * FROM ONLY staff', [['2', '***', 'S-BADGE']]],
    ['SELECT * FROM bosses', [['3', '***', 'B-BADGE', 'B-CAR']]],
    ['SELECT * FROM other', [['4', '***']]],
    ['SELECT * FROM cards', [['1', '***', null, '2']]],
    ['SELECT * FROM types', [['1', null, '{}', '***', null, '{}']]],
    ['SELECT (t.home).zip, t.homes[1] FROM types t', [[null, null]]],
    ['SELECT * FROM typed', [['1', null, null, null, '***', '***', null, '{}']]],
    [`SELECT "größe", "A", ${'m'.repeat(63)}, id FROM "Sicht von ""x"""`, [['***SS', 'QUOTE!', '***', '1']]],
    ['SELECT * FROM over_foreign', [['***']]],
    ['SELECT * FROM numbers', [['1']]],
    [
      'SELECT * FROM rls_view ORDER BY id',
      [
        ['1', '***'],
        ['2', '***'],
      ],
    ],
  ])('shows %s', async (sql, rows) => {
    expect(await world.ask('ann', sql)).toEqual(rows);
  });

  it('shows a virtual column no more than what it is made of', async () => {
    if (version < 18) return;
    expect(await world.ask('ann', 'SELECT * FROM virtual_cards')).toEqual([['1', '***', null]]);
  });

  it('refuses what has no grant, and a parent or view that cannot be filtered like its rows', async () => {
    expect(await world.ask('ann', 'SELECT * FROM events_2')).toContain('permission denied');
    expect(await world.ask('ann', 'SELECT * FROM mongrel')).toContain('permission denied');
    expect(await world.ask('ann', 'SELECT * FROM low')).toContain('public.events_2_low, which has a row filter');
    expect(await world.ask('ann', 'SELECT * FROM logs')).toContain('public.logs_old, which has a row filter');
    expect(await world.ask('ann', `SELECT nextval('numbers')`)).toContain('permission denied for function');
  });

  it('writes a child by no more than its parent may be written', async () => {
    expect(await world.ask('ann', `UPDATE events_1 SET secret = 'x'`)).toContain('secret');
    expect(await world.ask('ann', `UPDATE events_1 SET note = 'n' RETURNING id`)).toEqual([['1']]);
    expect(await world.ask('ann', `DELETE FROM events_2_low`)).toContain('permission denied');
  });
});
