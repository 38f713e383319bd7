import { beforeAll, describe, expect, it } from 'vitest';
import { catalogOf, column, contextOf, grant, grantsOf, policy, relation } from '../../test/support/small-catalog.ts';
import { type Catalog, relationKey } from '../catalog/catalog.ts';
import { watchLiterals } from '../judge/literal-watch.ts';
import { templateOf } from '../judge/template.ts';
import { decide } from '../policy/decide.ts';
import { analyze } from '../sql/analyze.ts';
import { Grammar } from '../sql/grammar.ts';
import { readTokens } from '../sql/tokens.ts';
import { applyEdits } from './apply-edits.ts';
import { fenced } from './fence.ts';
import { rewrite } from './rewrite.ts';
import { type Scope, type ScopedRelation, scopeOf } from './scope.ts';
import { verifyRewritten } from './verify.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const RELATIONS = [
  relation('orders', [
    column('id', 'int4'),
    column('person', 'int4'),
    column('total', 'numeric'),
    column('note'),
    column('day', 'date'),
    column('voucher'),
    column('region'),
    column('big', 'int8'),
    column('half', 'int4', { virtual: true }),
  ]),
  relation('people', [column('id', 'int4'), column('name'), column('ssn')]),
  relation('recent', [column('id', 'int4'), column('ratio', 'int4')], { kind: 'v' }),
];

const NAMES = ['=', '<>', '<', '>', '<=', '>='];
const TYPES = ['int4', 'int8', 'text', 'date'];
const CATALOG: Catalog = catalogOf({
  relations: new Map(RELATIONS.map((each) => [relationKey(each.schema, each.name), each])),
  relationsByOid: new Map(RELATIONS.map((each) => [each.oid, each])),
  operators: new Map(),
  functions: new Map([['own', [{ schema: 'public', name: 'own', unary: true, takesRow: false, returnsSet: false, extension: undefined }]]]),
  builtinFunctions: new Set('lower count sum now generate_series row_number length max current_setting textlike'.split(' ')),
  leakproof: new Set(['text = name', ...TYPES.flatMap((type) => NAMES.map((name) => `${type} ${name} ${type}`))]),
});

const MASKED = { columns: '*' as const, masks: [{ column: 'voucher', mask: { type: 'Redact' as const } }] };
const granted = (where: string) => [
  grant('orders', { where, select: MASKED, update: { columns: '*' } }),
  grant('people', { select: { columns: '*', masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
  grant('recent', { where: 'id > 0' }),
];

type Options = { readonly where?: string; readonly declared?: readonly number[] | undefined };

type Change = (scope: ScopedRelation) => ScopedRelation;

/** The scopes of a statement, and what is wrong with the text once `change` has been at those of orders. */
const judged = (sql: string, options: Options, change: Change, statement = grammar.parse(sql)[0]!) => {
  const where = options.where ?? "region = 'eu'";
  const bytes = Buffer.from(sql);
  const analysis = analyze(statement, bytes);
  const grants = grantsOf(policy({ relations: granted(where), functions: [{ schema: 'public', name: 'own' }] }))!;
  const decision = decide(analysis, contextOf({ catalog: CATALOG, grants }));
  expect(decision.reasons.map(({ failure }) => failure.message)).toEqual([]);
  const scopes = new Map(
    decision.relations.map(({ reference, relation: found, access }): [typeof reference, Scope] => [
      reference,
      access.type === 'Granted' ? scopeOf(found, access.granted.grant, grammar) : { type: 'Bare', relation: found },
    ]),
  );
  const declared = 'declared' in options ? options.declared : [];
  const written = fenced(scopes, analysis, statement.node, { catalog: CATALOG, declared });
  const changed = new Map([...written].map(([reference, scope]) => [reference, scope.type === 'Scoped' ? change(scope) : scope]));
  const rewritten = rewrite(analysis, readTokens(bytes), decision, { scopes: changed, targets: new Map() });
  const text = applyEdits(bytes, rewritten.sent);
  const { sent, anchors, guards } = rewritten;
  const fault = verifyRewritten(text, { analyses: [analysis], edits: sent, anchors, guards, guarded: new Set(), defined: [] }, grammar);
  return { scopes: [...written.values()], fault };
};

const faultOf = (sql: string, change: Change): string | undefined => judged(sql, {}, change).fault;

const repetition = (tail: string): string => (tail.includes(') AND ') ? tail.slice(tail.indexOf(') AND ') + 6, -9) : '');

/** For each scope of orders: `open` where it has no fence, else what is repeated behind it. */
const fences = (sql: string, options: Options = {}): readonly string[] => {
  const { scopes, fault } = judged(sql, options, (scope) => scope);
  expect(fault).toBeUndefined();
  return scopes
    .filter((scope): scope is ScopedRelation => scope.type === 'Scoped' && scope.relation.name === 'orders')
    .map(({ tail }) => (tail.endsWith(' OFFSET 0') ? repetition(tail) : 'open'));
};

describe('fenced() leaves the fence out of', () => {
  it.each([
    'SELECT * FROM orders',
    'TABLE orders',
    'COPY orders TO STDOUT',
    'COPY (SELECT id FROM orders WHERE id = 1) TO STDOUT',
    'DECLARE c CURSOR FOR SELECT * FROM orders WHERE id = 1',
    'PREPARE p (int) AS SELECT * FROM orders WHERE id = $1',
    'SELECT 1 / (total - 5), lower(note), own(note) FROM orders WHERE id = $1 ORDER BY length(note) LIMIT 1 / 1',
    'SELECT o.id FROM orders o WHERE o.id IN (1, 2) AND (o.day > now() OR o.note IS NULL) AND NOT o.total < 5',
    'SELECT count(*) FROM orders GROUP BY length(note) HAVING sum(total) > 5 AND count(*) <> 1',
    'SELECT p.name FROM people p JOIN orders o ON o.person = p.id WHERE p.id = 5',
    'SELECT id FROM people JOIN orders USING (id) WHERE id = 5',
    'SELECT x FROM (SELECT note AS x, lower(note) FROM orders) s WHERE x = $1',
    'SELECT x FROM (SELECT note FROM orders) AS s (x) WHERE x = $1',
    'WITH w (x) AS (SELECT note FROM orders) SELECT x FROM w WHERE w.x = $1',
    'SELECT * FROM (SELECT id FROM people UNION SELECT id FROM orders) s WHERE id = 4',
    'SELECT * FROM (SELECT * FROM orders) s WHERE id = 4',
    'SELECT name FROM people p WHERE EXISTS (SELECT * FROM orders o WHERE o.person = p.id LIMIT 1) OR p.id IN (SELECT person FROM orders)',
    'SELECT (SELECT max(1 / total) FROM orders o WHERE o.person = p.id) FROM people p',
    'SELECT o.id, l.x FROM orders o, LATERAL (SELECT 1 / o.total AS x) l WHERE o.id = 1',
    'SELECT o.id FROM orders o, generate_series(1, length(o.note)) g WHERE o.id = 1',
    'SELECT count(*) FILTER (WHERE 1 / total > 0) FROM orders',
    'SELECT 1 FROM people WHERE 1 / id = (SELECT id FROM orders WHERE note = $1 ORDER BY 1 / total LIMIT 1 FOR UPDATE SKIP LOCKED)',
    'SELECT 1 FROM people, (SELECT id FROM orders WHERE day < now() LIMIT $1 FOR UPDATE) o WHERE 1 / o.id = 1',
    'WITH w AS (SELECT id FROM orders WHERE total > 5 FOR NO KEY UPDATE) SELECT 1 FROM w WHERE 1 / id = 1',
  ])('%s', (sql) => {
    expect(new Set(fences(sql))).toEqual(new Set(['open']));
  });

  it.each([
    "region IN ('eu', 'us') AND total > 5",
    'note = current_user',
    "person = current_setting('app.person')::int",
    "person = NULLIF(current_setting('app.person', true), '')::int",
    "person = ANY (current_setting('app.persons')::int[])",
    "note = current_setting('app.note')",
  ])('a scope with the filter %s', (where) => {
    expect(fences('SELECT * FROM orders WHERE id = 1', { where })).toEqual(['open']);
  });
});

describe('rows that are locked behind a fence are refused in', () => {
  it.each([
    'SELECT 1 FROM people WHERE 1 / id = (SELECT id FROM orders WHERE 1 / total = 1 LIMIT 1 FOR UPDATE)',
    'SELECT 1 FROM people p, LATERAL (SELECT id FROM orders o WHERE o.id = 1 / p.id LIMIT 1 FOR UPDATE) o',
    'SELECT 1 FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE own(p.id) = 1 LIMIT 1 FOR UPDATE)',
    'SELECT 1 FROM (SELECT id FROM orders FOR UPDATE) o WHERE 1 / o.id = 1',
    'WITH w AS (SELECT id FROM orders WHERE note = $1 LIMIT 1) SELECT 1 FROM orders o JOIN w ON 1 / o.total = 1 FOR UPDATE OF o',
  ])('%s', (sql) => {
    expect(() => fences(sql)).toThrow('locking rows of "orders", which has a row filter');
  });
});

describe('verifyRewritten() catches a row filter', () => {
  it.each<[string, (scope: ScopedRelation) => ScopedRelation]>([
    ['without the fence', (scope) => ({ ...scope, tail: scope.tail.replace(' OFFSET 0', '') })],
    ['with another limit', (scope) => ({ ...scope, tail: `${scope.tail} LIMIT 5` })],
    ['with a fence that was to be left out', (scope) => ({ ...scope, unfenced: true })],
    ['that is gone', (scope) => ({ ...scope, tail: ' OFFSET 0' })],
    ['with something else', (scope) => ({ ...scope, tail: scope.tail.replace('eu', 'us') })],
    ['with a condition that the agent did not write', (scope) => ({ ...scope, tail: scope.tail.replace('"id" = 5', '"id" = 6') })],
    ['with a condition of another column', (scope) => ({ ...scope, tail: scope.tail.replace('"id" = 5', '"person" = 5') })],
    ['with one condition too many', (scope) => ({ ...scope, tail: scope.tail.replace(' OFFSET', ' AND r."id" = 5 OFFSET') })],
    ['that is weakened', (scope) => ({ ...scope, tail: scope.tail.replace(' AND ', ' OR ') })],
    ['without what was to be repeated', (scope) => ({ ...scope, tail: scope.tail.replace(/ AND .* OFFSET/, ' OFFSET') })],
  ])('%s', (_, change) => {
    const sql = 'SELECT id FROM orders WHERE id = 5 AND 1 / total > 0';
    expect(faultOf(sql, (scope) => scope)).toBeUndefined();
    expect(faultOf(sql, change)).toBe('a row filter is not as it should be');
  });
});

describe('fenced() leaves unread', () => {
  const unread = (sql: string): readonly boolean[] => {
    const bytes = Buffer.from(sql);
    const statement = grammar.parse(sql)[0]!;
    const watch = watchLiterals([statement.node], bytes, templateOf(bytes, readTokens(bytes))!);
    judged(sql, {}, (scope) => scope, statement);
    return watch.unread();
  };

  it('literals that do not matter, so that a judgement holds for others', () => {
    expect(unread("SELECT * FROM orders WHERE id = 5 AND note = 'x'")).toEqual([true, true]);
    expect(unread("SELECT * FROM orders WHERE id = 5 AND note LIKE 'x'")).toEqual([true, false]);
    // What is repeated is read.
    expect(unread('SELECT * FROM orders WHERE id = 5 AND 1 / total > 3')).toEqual([false, true, true]);
  });
});

describe('fenced() keeps the fence, and repeats', () => {
  it.each<[string, readonly string[]]>([
    ['SELECT id FROM orders WHERE 1 / total > 0', ['']],
    ['SELECT id FROM orders WHERE id = 5 AND 1 / total > 0', ['(r."id" = 5)']],
    [
      'SELECT o.id FROM orders AS o (a, b) WHERE o.a IN (1, -2) AND o.b = $1 AND length(note) > 1',
      ['(r."id" IN (1, -2)) AND (r."person" = $1)'],
    ],
    [
      "SELECT id FROM orders WHERE (id = 1 OR note LIKE 'it''s') AND day BETWEEN '2024-01-01' AND current_date - 3 AND own(note) = 'x'",
      [`((r."id" = 1) OR (r."note" LIKE 'it''s')) AND (r."day" BETWEEN '2024-01-01' AND (CURRENT_DATE - 3))`],
    ],
    [
      'SELECT id FROM orders WHERE day > now() - interval $$1 day$$ AND id = ANY (ARRAY[1, 2]) AND id OPERATOR(pg_catalog.<) (-5)::int4 AND own(note) = note',
      [
        `(r."day" > (pg_catalog.now() - ('1 day')::"pg_catalog"."interval")) AND (r."id" = ANY (ARRAY[1, 2])) AND (r."id" OPERATOR("pg_catalog".<) (-5)::"int4")`,
      ],
    ],
    // What is masked is another value than the one that is stored.
    ["SELECT id FROM orders WHERE voucher = 'x' AND id = 5", ['(r."id" = 5)']],
    ['SELECT id FROM orders WHERE total::float8 = 5 AND voucher IS NULL', ['']],
    // A row that does not meet what NULL meets may still matter.
    ['SELECT 1 FROM people p LEFT JOIN orders o ON o.person = p.id WHERE o.id IS NULL AND length(p.name) = 1', ['']],
    ['SELECT 1 FROM people p LEFT JOIN orders o ON o.person = p.id WHERE o.id = 5 AND length(p.name) = 1', ['(r."id" = 5)']],
    ['SELECT 1 FROM people p LEFT JOIN orders o ON o.id = 5 AND length(p.name) = 1', ['(r."id" = 5)']],
    ['SELECT 1 FROM orders o LEFT JOIN people p ON o.id = 5 AND length(p.name) = 1', ['']],
    ['SELECT 1 FROM people p FULL JOIN orders o ON o.id = p.id AND o.id = 5 AND p.name = lower($1)', ['']],
    ['SELECT 1 FROM people p RIGHT JOIN orders o ON o.id = 5 AND p.name = lower($1)', ['']],
    ['SELECT 1 FROM orders o RIGHT JOIN people p ON o.id = 5 AND p.name = lower($1)', ['(r."id" = 5)']],
    ['SELECT id FROM orders WHERE NOT (id = 5) AND id <> ALL ($1) AND own(note) = note', ['']],
    // Each for itself.
    [
      'SELECT 1 FROM orders a, orders b WHERE a.id = 1 AND b.id = 2 AND a.id = b.person AND own(a.note) = b.note',
      ['(r."id" = 1)', '(r."id" = 2)'],
    ],
    [
      'SELECT 1 FROM people p WHERE EXISTS (SELECT FROM orders o WHERE o.id = 5 AND o.person = p.id AND own(note) = p.name)',
      ['(r."id" = 5)'],
    ],
    // The name is another one's.
    ['SELECT 1 FROM orders o, LATERAL (SELECT 1 FROM people p WHERE o.id = 5 AND own(p.name) = o.note) l', ['']],
    ['SELECT 1 FROM orders o JOIN people p USING (id) WHERE id = 5 AND own(note) = name', ['']],
    ['SELECT 1 FROM orders o, (SELECT 5) AS s (id) WHERE id = 5 AND own(note) = note', ['']],
    ['SELECT 1 FROM (orders o JOIN people p ON own(note) = name) j WHERE j.id = 5', ['']],
    // A parameter that stands elsewhere may have another type there.
    ['SELECT own($1::text) FROM orders WHERE note = $1 AND own(note) = note', ['']],
    ['WITH w AS (SELECT lower(note) AS x FROM orders) SELECT 1 FROM w WHERE x = $1', ['']],
    ['SELECT 1 FROM (SELECT total / 0 AS x FROM orders) s JOIN people p ON p.id = s.x', ['']],
    ['SELECT 1 FROM (SELECT id FROM orders UNION SELECT length(name) FROM people) s WHERE id = 4', ['']],
    ['SELECT 1 FROM (SELECT id, row_number() OVER () AS n FROM orders) s WHERE n = 4', ['']],
    ['SELECT 1 FROM orders o, LATERAL (SELECT 1 / o.total AS x) l WHERE l.x = 1', ['']],
    ['SELECT note FROM orders GROUP BY note HAVING 1 / count(*) > 0', ['']],
    ['SELECT note FROM orders GROUP BY note HAVING length(note) > 0', ['']],
    ['SELECT note FROM orders WHERE id = (SELECT max(id) FROM people)', ['']],
    ['SELECT 1 FROM people p WHERE p.id IN (SELECT 1 / total FROM orders)', ['']],
    ['SELECT 1 FROM people p WHERE EXISTS (SELECT generate_series(1, 1 / total) FROM orders)', ['']],
    ['SELECT 1 FROM people p WHERE EXISTS (SELECT id FROM orders ORDER BY 1 / total LIMIT 1)', ['']],
    // A query in WITH is run only where a row asks for it, and fails only then.
    [
      'WITH w AS (SELECT person, 1 / total AS x FROM orders) SELECT 1 FROM people p WHERE EXISTS (SELECT FROM w WHERE w.person = p.id) OR p.id = 1',
      [''],
    ],
    ['SELECT 1 FROM orders o WHERE EXISTS (SELECT FROM recent v) OR o.id = 1', ['']],
    ['SELECT 1 FROM orders o WHERE o.id IN (SELECT id FROM recent)', ['']],
    ['SELECT 1 FROM orders o WHERE half = 5 AND id = 1', ['(r."id" = 1)']],
    ['SELECT 1 FROM orders o WHERE half IS NOT NULL', ['']],
    ['SELECT 1 FROM orders NATURAL JOIN recent', ['']],
    ['SELECT 1 FROM recent JOIN orders USING (id) WHERE id = 5 AND ratio = 4', ['']],
    ['SELECT 1 FROM orders o JOIN recent v ON v.ratio = o.id', ['']],
    ['SELECT 1 FROM people p JOIN orders o ON p.ssn = o.note', ['']],
    ['SELECT 1 FROM orders o, own(o.note) f WHERE o.id = 1', ['(r."id" = 1)']],
    ['WITH RECURSIVE w AS (SELECT id FROM orders UNION ALL SELECT id + 1 FROM w WHERE id < 5) SELECT 1 FROM w', ['']],
    ['SELECT (SELECT 1 FROM people p WHERE 1 / p.id > o.id) FROM orders o WHERE o.id = 1', ['(r."id" = 1)']],
  ])('%s', (sql, expected) => {
    expect(fences(sql)).toEqual(expected);
  });

  it.each([
    'lower(region) = note',
    'half = 5',
    '1 / total > 0',
    'total = 1.5::float8',
    "note LIKE 'a\\'",
    'total::int = 5',
    'own(note) = note',
  ])('nothing where the filter itself could fail: %s', (where) => {
    expect(fences('SELECT id FROM orders WHERE id = 5', { where })).toEqual(['']);
  });

  it('nothing where EXPLAIN would tell how many rows were expected, or ANALYZE how many the filter removes', () => {
    expect(fences('EXPLAIN ANALYZE SELECT id FROM orders WHERE id = 5')).toEqual(['']);
    expect(fences('EXPLAIN (ANALYZE off, VERBOSE) SELECT id FROM orders WHERE id = 5')).toEqual(['']);
  });

  it('nothing of a parameter that the client declares as a type that does not fit', () => {
    const types = (...declared: readonly number[]): readonly string[] => fences('SELECT id FROM orders WHERE big = $1', { declared });
    expect([types(0), types(20), types(26), types(90_000)]).toEqual([['open'], ['open'], [''], ['']]);
    expect(fences('SELECT id FROM orders WHERE big = $1', { declared: undefined })).toEqual(['']);
    // The types of PREPARE are its own.
    expect(fences('PREPARE p (oid) AS SELECT id FROM orders WHERE big = $1')).toEqual(['']);
    expect(fences('PREPARE p AS SELECT id FROM orders WHERE big = $1', { declared: [26] })).toEqual(['open']);
  });
});
