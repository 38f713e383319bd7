import { beforeAll, describe, expect, it } from 'vitest';
import { catalogOf } from '../../test/support/small-catalog.ts';
import { Grammar } from '../sql/grammar.ts';
import { mayFailOnSamples } from './estimates.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const CATALOG = catalogOf({ operators: new Map(), functions: new Map() });
const told = (sql: string, catalog = CATALOG): boolean => mayFailOnSamples(grammar.parse(sql)[0]!.node, catalog);

describe('mayFailOnSamples()', () => {
  it.each([
    'SELECT lower(a) FROM t WHERE a = 1 AND b BETWEEN 1 AND 2 AND c IN (SELECT 1) AND (d->>1) <> $1',
    "SELECT a FROM t WHERE a LIKE 'a%' AND b NOT ILIKE '%b_'",
    'SELECT (a, b) < (c, d), a || b, CASE a WHEN b THEN c END FROM t',
  ])('has nothing against %s', (sql) => {
    expect(told(sql)).toBe(false);
  });

  it.each([
    "SELECT 1 FROM t WHERE a LIKE 'a\\'",
    'SELECT 1 FROM t WHERE a LIKE $1',
    "SELECT 1 FROM t WHERE a LIKE 'a' ESCAPE 'x'",
    `SELECT 1 FROM t WHERE a LIKE '${'%'.repeat(201)}'`,
    "SELECT 1 FROM t WHERE a LIKE ANY ('{a}')",
    "SELECT 1 FROM t WHERE a ~ 'a'",
    "SELECT 1 FROM t WHERE a SIMILAR TO 'a'",
    "SELECT 1 FROM t WHERE a @> '{}'",
    "SELECT 1 FROM t WHERE a OPERATOR(public.=) 'x'",
    "SELECT 1 FROM t WHERE textlike(a, 'a')",
    'WITH w AS (SELECT 1 FROM t WHERE a LIKE b) SELECT 1',
    "EXPLAIN SELECT 1 FROM t WHERE a ~~ ALL (ARRAY['x'])",
    'SELECT 1 FROM t WHERE a LIKE ANY (SELECT b FROM t)',
  ])('has doubts about %s', (sql) => {
    expect(told(sql)).toBe(true);
  });

  it("has doubts about the database's own functions, and whatever it says of =", () => {
    const { operators, functions } = catalogOf();
    expect(told('SELECT granted(1)', catalogOf({ operators: new Map(), functions }))).toBe(true);
    expect(told('SELECT 1 FROM t', catalogOf({ operators }))).toBe(true);
  });
});
