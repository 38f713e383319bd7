import { expect, it } from 'vitest';
import { withoutTemporary } from './temporary.ts';

it.each([
  ['CREATE TEMP TABLE t (a int)', 'CREATE TABLE t (a int)', 'DROP TABLE IF EXISTS t CASCADE'],
  [
    'create local temporary table if not exists "T u" as select 1',
    'create table if not exists "T u" as select 1',
    'DROP TABLE IF EXISTS "T u" CASCADE',
  ],
  ['CREATE OR REPLACE TEMP VIEW s.v AS SELECT 1', 'CREATE OR REPLACE VIEW s.v AS SELECT 1', 'DROP VIEW IF EXISTS s.v CASCADE'],
  ['CREATE TEMP SEQUENCE q', 'CREATE SEQUENCE q', 'DROP SEQUENCE IF EXISTS q CASCADE'],
  ['SELECT 1 AS a INTO TEMP TABLE t', 'SELECT 1 AS a INTO t', 'DROP TABLE IF EXISTS t CASCADE'],
  ['CREATE TEMP TABLE t (a int) ON COMMIT DROP', 'CREATE TEMP TABLE t (a int) ON COMMIT DROP', undefined],
  ['CREATE TABLE t (temp int)', 'CREATE TABLE t (temp int)', undefined],
])('makes an ordinary relation of %s', (text, expected, drop) => {
  expect(withoutTemporary(text)).toEqual({ text: expected, drop });
});
