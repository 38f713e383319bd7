import { beforeAll, describe, expect, it } from 'vitest';
import { contextWith, oidOf } from '../../test/support/small-workshop.ts';
import { analyze } from '../sql/analyze.ts';
import { Grammar } from '../sql/grammar.ts';
import { decide } from './decide.ts';
import { definitionChanges } from './definition-changes.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const decisionOf = (sql: string) => decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), contextWith());

describe('definitionChanges() of', () => {
  const changes = (sql: string): readonly string[] => {
    const { definition, relations } = decisionOf(sql);
    return definitionChanges(definition!, relations).map((change) => JSON.stringify(change));
  };
  const name = (each: string, schema = 'public') => `{"schema":"${schema}","name":"${each}"}`;
  const made = (each: string, kind: string, columns: string, key: string, reaches = ''): string =>
    `{"type":"Made","name":${name(each)},"kind":"${kind}","columns":[${columns}],"primaryKey":[${key}],"reaches":[${reaches}]}`;
  const altered = (each: string, rest: Partial<Record<'added' | 'dropped' | 'renamed' | 'key', string>> = {}): string =>
    `{"type":"Altered","name":${name(each)},"added":[${rest.added ?? ''}],"dropped":[${rest.dropped ?? ''}],"renamed":[${rest.renamed ?? ''}]${rest.key === undefined ? '' : `,"primaryKey":[${rest.key}]`}}`;
  const A = '{"name":"a","type":"int4","notNull":false}';

  it.each([
    ['CREATE TABLE x (a int)', [made('x', 'r', A, '')]],
    ['CREATE TABLE x (a int PRIMARY KEY)', [made('x', 'r', A.replace('false', 'true'), '"a"')]],
    ['CREATE TABLE IF NOT EXISTS x (a int)', [made('x', 'r', A, '')]],
    ['CREATE TABLE IF NOT EXISTS orders (a int)', []],
    ['CREATE SEQUENCE x', [made('x', 'S', '', '')]],
    ['CREATE SCHEMA x', ['{"type":"SchemaMade","schema":"x"}']],
    ['CREATE SCHEMA IF NOT EXISTS hr', []],
    ["CREATE TYPE x AS ENUM ('a')", [`{"type":"TypeMade","name":${name('x')}}`]],
    ['DROP TABLE orders', [`{"type":"Dropped","name":${name('orders')}}`]],
    ['DROP TABLE orders CASCADE', ['orders', 'order_view', 'order_copy'].map((each) => `{"type":"Dropped","name":${name(each)}}`)],
    ['DROP TABLE IF EXISTS nothing', []],
    ['DROP SCHEMA hr', ['{"type":"SchemaDropped","schema":"hr"}']],
    ['DROP SCHEMA nothing', []],
    ['DROP TYPE mood', [`{"type":"TypeDropped","name":${name('mood')}}`]],
    ['DROP INDEX orders_index', [`{"type":"IndexDropped","name":${name('orders_index')}}`]],
    ['ALTER TABLE orders RENAME TO x', [`{"type":"Moved","name":${name('orders')},"to":${name('x')}}`]],
    ['ALTER TABLE orders SET SCHEMA hr', [`{"type":"Moved","name":${name('orders')},"to":${name('orders', 'hr')}}`]],
    ['ALTER TYPE mood RENAME TO x', [`{"type":"TypeDropped","name":${name('mood')}}`, `{"type":"TypeMade","name":${name('x')}}`]],
    ['ALTER TABLE orders ADD COLUMN a int', [altered('orders'), altered('orders', { added: A })]],
    ['ALTER TABLE orders ADD COLUMN IF NOT EXISTS total int', [altered('orders')]],
    ['ALTER TABLE orders DROP COLUMN total', [altered('orders'), altered('orders', { dropped: '"total"' })]],
    ['ALTER TABLE orders RENAME COLUMN total TO a', [altered('orders'), altered('orders', { renamed: '["total","a"]' })]],
    ['ALTER TABLE orders ADD PRIMARY KEY (total)', [altered('orders'), altered('orders', { key: '"total"' })]],
    ['ALTER TABLE orders ALTER COLUMN total TYPE text', [altered('orders')]],
    ['ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES whole', [altered('orders')]],
    ['ALTER TABLE IF EXISTS nothing ADD COLUMN a int', []],
    ['ALTER INDEX orders_index RENAME TO x', [`{"type":"Moved","name":${name('orders_index')},"to":${name('x')}}`]],
    ['CREATE INDEX x ON orders (total)', [`{"type":"IndexMade","name":${name('x')},"table":${name('orders')}}`]],
    ['CREATE INDEX ON orders (total)', []],
    ['COMMENT ON TABLE orders IS NULL', []],
    ['TRUNCATE orders', []],
  ])('%s', (sql, expected) => {
    expect(changes(sql)).toEqual(expected);
  });

  it('views and tables made of queries: a view shows what it reads', () => {
    const ofQuery = (each: string, kind: string, reaches = ''): readonly string[] => [
      made(each, kind, '', '', reaches).replace(/}$/, ',"unlisted":true}'),
    ];
    expect(changes('CREATE VIEW x AS SELECT id FROM orders')).toEqual(ofQuery('x', 'v', String(oidOf('orders'))));
    expect(changes('CREATE OR REPLACE VIEW order_view AS SELECT id FROM whole')).toEqual(
      ofQuery('order_view', 'v', String(oidOf('whole'))),
    );
    expect(changes('CREATE MATERIALIZED VIEW x AS SELECT id FROM orders')).toEqual(ofQuery('x', 'm', String(oidOf('orders'))));
    expect(changes('CREATE TABLE x AS SELECT id FROM orders')).toEqual(ofQuery('x', 'r'));
  });

  it('temporary tables: which types their columns can have, where that is known', () => {
    const temporary = (rest: string): string => made('x', 'r', A, '').replace('public', 'pg_temp').replace(/}$/, `${rest}}`);
    expect(changes('CREATE TEMP TABLE x (a int)')).toEqual([temporary(',"types":[]')]);
    expect(changes('CREATE TEMP TABLE x (a int) ON COMMIT DROP')).toEqual([temporary(',"onCommitDrop":true,"types":[]')]);
    expect(changes('CREATE TEMP TABLE x (a int DEFAULT public.granted())')).toEqual([temporary('')]);
  });
});
