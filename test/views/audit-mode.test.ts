/** Mode Audit shows what is not granted, and never what masks and row filters keep, by whatever other name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

const SCHEMA = `
CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, loud text GENERATED ALWAYS AS (upper(ssn)) STORED, city text);
INSERT INTO customers (id, name, ssn, city) VALUES (1, 'Ann', 'secret', 'Ulm');
CREATE TABLE moved (id int, ssn text); INSERT INTO moved VALUES (1, 'secret');
CREATE TABLE twice (id int, ssn text); INSERT INTO twice VALUES (1, 'secret');
CREATE TABLE plain (id int, city text); INSERT INTO plain VALUES (1, 'Ulm');
CREATE TABLE visits (id int, tenant int, ip text) PARTITION BY LIST (tenant);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1);
INSERT INTO visits VALUES (1, 1, 'secret');
CREATE FUNCTION all_ssn() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT ssn FROM public.customers; END';
CREATE VIEW by_function AS SELECT x FROM all_ssn() AS x;
CREATE VIEW of_twice AS SELECT ssn FROM twice;
CREATE VIEW granted_in_part AS SELECT id, ssn, loud, city FROM customers;
CREATE VIEW of_plain AS SELECT city FROM plain;
`;

const MASK = `masks: [{ column: ssn, mask: { type: Redact } }]`;
const POLICY = `
    - { name: public.customers, select: { columns: [id, name], ${MASK} } }
    - { name: public.moved, select: { columns: [id], ${MASK} } }
    - { name: public.twice, select: { columns: [id], ${MASK} } }
    - { name: public.granted_in_part, select: { columns: [id] } }
    - { name: public.visits, select: { columns: [id, tenant], masks: [{ column: ip, mask: { type: Redact } }] } }
    - { name: public.visits_1, select: { columns: [id] } }
  mode: Audit
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: another }
spec:
  connectionRef: { name: db }
  subjects: [{ agent: { name: trial } }]
  mode: Audit
  relations:
    - { name: public.twice, select: { columns: [id], ${MASK} } }
`;

describe.each([18, 14] as const)('mode Audit on PostgreSQL %i', (version) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ version, schema: SCHEMA, policies: { trial: POLICY } });
  }, 120_000);
  afterAll(() => world.stop());

  it.each<readonly [string, unknown]>([
    ['SELECT * FROM plain', [['1', 'Ulm']]],
    ['SELECT * FROM of_plain', [['Ulm']]],
    ['SELECT city FROM customers', [['Ulm']]],
    ['SELECT id, city FROM granted_in_part', [['1', 'Ulm']]],
    ['SELECT ssn, loud FROM customers', [['***', null]]],
    ['SELECT * FROM customers', [['1', 'Ann', '***', null, 'Ulm']]],
    ['SELECT ssn, loud FROM granted_in_part', [['***', null]]],
    ['SELECT ip FROM visits_1', [['***']]],
    ['SELECT x FROM by_function', expect.stringContaining('permission denied for relation "by_function"')],
    ['SELECT ssn FROM of_twice', expect.stringContaining('permission denied for relation "of_twice"')],
    ['SELECT ssn FROM twice', expect.stringContaining('More than one policy grants it')],
  ])('answers %s', async (sql, answer) => {
    expect(await world.ask('trial', sql)).toEqual(answer);
  });

  it('keeps a mask on a table that was renamed', async () => {
    await world.postgres.sql('ALTER TABLE moved RENAME TO moved_away');
    await expect
      .poll(async () => await world.ask('trial', 'SELECT ssn FROM moved_away'), { timeout: 20_000 })
      .toEqual(expect.stringContaining('permission denied for relation "moved_away"'));
  });
});
