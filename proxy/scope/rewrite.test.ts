import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { contextOf, grant, grantsOf, policy } from '../../test/support/small-catalog.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, DecisionContext } from '../policy/decision.ts';
import type { Edit } from '../policy/judgement.ts';
import type { RelationReference } from '../sql/analysis.ts';
import { analyze } from '../sql/analyze.ts';
import { Grammar } from '../sql/grammar.ts';
import { readTokens } from '../sql/tokens.ts';
import { applyEdits } from './apply-edits.ts';
import { type Rewritten, rewrite } from './rewrite.ts';
import { namesOfTarget } from './rewrite-write.ts';
import { type Scope, scopeOf } from './scope.ts';
import { type TargetScope, targetScope } from './target.ts';
import { type Rewriting, verifyRewritten } from './verify.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const targetsOf = ({ targets }: Decision): ReadonlyMap<RelationReference, TargetScope> =>
  new Map(
    targets.map(({ relation, granted, write }) => {
      const result = targetScope(relation, granted.grant, namesOfTarget(write), grammar);
      if (!result.ok) throw new Error(result.problem);
      return [write.reference, result.scope];
    }),
  );

const rewritingOf = (sql: string, context: DecisionContext = contextOf()): Rewriting & { readonly rewritten: Rewritten } => {
  const bytes = Buffer.from(sql);
  const analysis = analyze(grammar.parse(sql)[0]!, bytes);
  const decision = decide(analysis, context);
  expect(decision.reasons.map(({ failure }) => failure.message)).toEqual([]);
  const scopes = new Map(
    decision.relations.map(({ reference, relation, access }): [typeof reference, Scope] => [
      reference,
      access.type === 'Granted' ? scopeOf(relation, access.granted.grant, grammar) : { type: 'Bare', relation },
    ]),
  );
  const rewritten = rewrite(analysis, readTokens(bytes), decision, { scopes, targets: targetsOf(decision) });
  const guarded = new Set(decision.guards.map(({ use }) => use));
  const { sent, anchors, guards } = rewritten;
  return { analyses: [analysis], edits: sent, anchors, guards, guarded, defined: [], rewritten };
};

const USERS = `(SELECT r."id", r."name", CASE WHEN r."ssn" IS NULL THEN NULL::text ELSE '***'::text END AS "ssn", r."settings" FROM "public"."users" AS r)`;

/** The text that is sent, with `<users>` for the scope of users; verified. */
const sent = (sql: string, context?: DecisionContext): string => {
  const rewriting = rewritingOf(sql, context);
  const text = applyEdits(Buffer.from(sql), rewriting.edits);
  expect(verifyRewritten(text, rewriting, grammar)).toBeUndefined();
  return text.replaceAll(USERS, '<users>');
};

describe('rewrite() puts the scope in the place of the relation', () => {
  it.each([
    ['SELECT * FROM users', 'SELECT * FROM <users> AS "users"'],
    ['SELECT u.ssn FROM users u', 'SELECT u.ssn FROM <users> u'],
    ['SELECT * FROM users AS u (a, b)', 'SELECT * FROM <users> AS u (a, b)'],
    ['SELECT * FROM "users"*', 'SELECT * FROM <users> AS "users"'],
    [`SELECT * FROM U&"us!0065rs" UESCAPE '!' x`, 'SELECT * FROM <users> x'],
    ['SELECT * FROM public /* a */ . users -- b\n', 'SELECT * FROM <users> AS "users" -- b\n'],
    ['TABLE users', 'SELECT * FROM <users> AS "users"'],
    ['SELECT * FROM (users JOIN orders USING (id)) j', 'SELECT * FROM (<users> AS "users" JOIN "public"."orders" USING (id)) j'],
    ['SELECT é, (SELECT 1 FROM users) FROM orders', 'SELECT é, (SELECT 1 FROM <users> AS "users") FROM "public"."orders"'],
    ['WITH users AS (SELECT * FROM users) SELECT * FROM users', 'WITH users AS (SELECT * FROM <users> AS "users") SELECT * FROM users'],
    ['EXPLAIN SELECT * FROM users', 'EXPLAIN (COSTS OFF) SELECT * FROM <users> AS "users"'],
    ['EXPLAIN analyze verbose SELECT * FROM users', 'EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) SELECT * FROM <users> AS "users"'],
    ['EXPLAIN (costs, format json) SELECT * FROM users', 'EXPLAIN (costs, format json, COSTS OFF) SELECT * FROM <users> AS "users"'],
    ['EXPLAIN (SELECT * FROM users)', 'EXPLAIN (COSTS OFF) (SELECT * FROM <users> AS "users")'],
    ['EXPLAIN SELECT * FROM orders', 'EXPLAIN SELECT * FROM "public"."orders"'],
    ['COPY users TO STDOUT', `COPY (SELECT * FROM ${USERS.replace('FROM ', 'FROM ONLY ')} AS "users") TO STDOUT`],
    [
      'COPY users (ssn, "id") TO STDOUT CSV',
      `COPY (SELECT "ssn", "id" FROM ${USERS.replace('FROM ', 'FROM ONLY ')} AS "users") TO STDOUT CSV`,
    ],
    ['COPY orders (id) TO STDOUT', 'COPY "public"."orders" (id) TO STDOUT'],
    ['COPY (TABLE users) TO STDOUT', 'COPY (SELECT * FROM <users> AS "users") TO STDOUT'],
  ])('%s', (sql, expected) => {
    expect(sent(sql)).toBe(expected);
  });

  it.each([
    ['SELECT * FROM ONLY users', `${USERS.replace('FROM ', 'FROM ONLY ')} AS "users"`],
    ['SELECT * FROM ONLY (users) u', `${USERS.replace('FROM ', 'FROM ONLY ')} u`],
    [
      'SELECT * FROM users u TABLESAMPLE bernoulli (lower(1)) REPEATABLE (2)',
      `${USERS.slice(0, -1)} TABLESAMPLE bernoulli (lower(1)) REPEATABLE (2)) u `,
    ],
    ['SELECT ctid, users.tableoid FROM users', `${USERS.replace(' FROM ', ', r.ctid AS ctid, r.tableoid AS tableoid FROM ')} AS "users"`],
  ])('%s', (sql, scope) => {
    const builtinFunctions = new Set(['bernoulli', 'lower']);
    const context = contextOf({ catalog: { ...contextOf().catalog, builtinFunctions, functions: new Map() } });
    expect(sent(sql, context)).toBe(`${sql.slice(0, sql.indexOf(' FROM ') + 6)}${scope}`);
  });

  it.each([
    ['SELECT public.users.ssn FROM public.users', 'SELECT "users".ssn FROM <users> AS "users"'],
    ['SELECT shop.public.users.* FROM users', 'SELECT "users".* FROM <users> AS "users"'],
    [`SELECT U&"public" UESCAPE '!' . "users" . ssn FROM users`, 'SELECT "users" . ssn FROM <users> AS "users"'],
    ['SELECT public.orders.id FROM orders, users', 'SELECT public.orders.id FROM "public"."orders", <users> AS "users"'],
    ['SELECT (SELECT public.users.ssn) FROM users', 'SELECT (SELECT "users".ssn) FROM <users> AS "users"'],
  ])('%s', (sql, expected) => {
    expect(sent(sql)).toBe(expected);
  });

  it('tells relations of one name apart by their schemas', () => {
    const context = contextOf({ grants: grantsOf(policy({ relations: [...policy().relations, grant('users', { schema: 'hr' })] }))! });
    expect(sent('SELECT public.users.ssn, hr.users.id FROM public.users, hr.users', context)).toBe(
      'SELECT "public.users".ssn, hr.users.id FROM <users> AS "public.users", "hr"."users"',
    );
  });

  it('ends the scope of a filtered relation in a fence', () => {
    const context = contextOf({ grants: grantsOf(policy({ relations: [grant('orders', { where: 'user_id = 1 -- mine' })] }))! });
    expect(sent('SELECT total FROM orders WHERE 1 / total > 0', context)).toBe(
      'SELECT total FROM (SELECT r."id", r."user_id", r."total" FROM "public"."orders" AS r WHERE (r.user_id = 1 -- mine\n) OFFSET 0) AS "orders" WHERE 1 / total > 0',
    );
  });

  it('pins functions', () => {
    expect(sent('SELECT lower(name), granted(1) FROM users')).toBe(
      'SELECT "pg_catalog".lower(name), "public".granted(1) FROM <users> AS "users"',
    );
  });

  it('keeps the key of a hash out of EXPLAIN and of what is recorded', () => {
    const key = Buffer.from('a secret key');
    const select = { columns: [], masks: [{ column: 'ssn', mask: { type: 'Hash', key } as const }] };
    const context = contextOf({ grants: grantsOf(policy({ relations: [grant('users', { select })] }))! });
    const padded = (byte: number): string => Buffer.from([...key].map((each) => each ^ byte)).toString('hex');
    const shows = (edits: readonly Edit[]): boolean => edits.some(({ text }) => text.includes(padded(0x36)) || text.includes(padded(0x5c)));
    const of = (sql: string): readonly boolean[] => {
      const { rewritten } = rewritingOf(sql, context);
      return [shows(rewritten.sent), shows(rewritten.recorded)];
    };
    expect(of('SELECT ssn FROM users')).toEqual([true, false]);
    expect(of('EXPLAIN VERBOSE SELECT ssn FROM users')).toEqual([false, false]);
    expect(of('EXPLAIN VERBOSE DECLARE c CURSOR FOR SELECT ssn FROM users')).toEqual([false, false]);
  });

  it.each([
    ['SELECT ctid, * FROM users', 'column "ctid" together with * is not supported through pg-airlock'],
    ['COPY BINARY users TO STDOUT', 'COPY BINARY is not supported through pg-airlock'],
    [`COPY users TO STDOUT USING DELIMITERS '|'`, 'DELIMITERS of COPY is not supported through pg-airlock'],
  ])('refuses %s', (sql, message) => {
    expect(() => rewritingOf(sql)).toThrow(message);
  });
});

describe('rewrite() adds what depends on a grouped key', () => {
  const U = '<users> u GROUP BY';
  it.each([
    ['SELECT u.id, u.name FROM users u GROUP BY u.id', `SELECT u.id, u.name FROM ${U} u.id, "u"."name"`],
    ['SELECT id, name FROM users u GROUP BY id', `SELECT id, name FROM ${U} id, "u"."name"`],
    ['SELECT id AS k, name FROM users u GROUP BY k', `SELECT id AS k, name FROM ${U} k, "u"."name"`],
    ['SELECT u.id, name FROM users u GROUP BY 1', `SELECT u.id, name FROM ${U} 1, "u"."name"`],
    ['SELECT u.id, name FROM users u GROUP BY (u.id)', `SELECT u.id, name FROM ${U} (u.id, "u"."name")`],
    [
      'SELECT u.id FROM users u GROUP BY u.id HAVING u.name > 1 ORDER BY ssn',
      `SELECT u.id FROM ${U} u.id, "u"."ssn", "u"."name" HAVING u.name > 1 ORDER BY ssn`,
    ],
    ['SELECT u.*, count(*) FROM users u GROUP BY u.id', `SELECT u.*, count(*) FROM ${U} u.id, "u"."name", "u"."ssn"`],
    ['SELECT u, count(*) FROM users u GROUP BY u.id', `SELECT u, count(*) FROM ${U} u.id, "u".*`],
    [
      'SELECT u.id, (SELECT total FROM orders o WHERE o.id = u.name) FROM users u GROUP BY u.id',
      `SELECT u.id, (SELECT total FROM "public"."orders" o WHERE o.id = u.name) FROM ${U} u.id, "u"."name"`,
    ],
    // A json has no equality: it cannot be grouped by, and inside of an aggregate it need not be.
    ['SELECT u.id, count(u.settings) FROM users u GROUP BY u.id', `SELECT u.id, count(u.settings) FROM ${U} u.id`],
    // The name of a select list entry counts only where no column has it.
    ['SELECT name AS id FROM users u GROUP BY id, name', `SELECT name AS id FROM ${U} id, name`],
    ['SELECT u.name FROM users u GROUP BY u.name', `SELECT u.name FROM ${U} u.name`],
    [
      'SELECT u.id, u.name FROM users u GROUP BY GROUPING SETS ((u.id), (u.name))',
      `SELECT u.id, u.name FROM ${U} GROUPING SETS ((u.id), (u.name))`,
    ],
    ['SELECT u.id FROM users u GROUP BY u.id', `SELECT u.id FROM ${U} u.id`],
  ])('%s', (sql, expected) => {
    expect(sent(sql)).toBe(expected);
  });

  it('but not where a mask makes the key say less', () => {
    const grouped = (mask: 'Redact' | 'Hash'): string => {
      const select = {
        columns: ['name'],
        masks: [{ column: 'id', mask: mask === 'Hash' ? { type: mask, key: Buffer.from('k') } : { type: mask } }],
      };
      return sent(
        'SELECT name FROM users u GROUP BY u.id',
        contextOf({ grants: grantsOf(policy({ relations: [grant('users', { select })] }))! }),
      ).replace(/.* u GROUP/s, 'GROUP');
    };
    expect([grouped('Redact'), grouped('Hash')]).toEqual(['GROUP BY u.id', 'GROUP BY u.id, "u"."name"']);
  });
});

describe('verifyRewritten() catches', () => {
  const SQL = 'SELECT lower(name), id::text FROM users WHERE name = $1';
  const faultOf = (change: (edit: Edit) => Edit, sql = SQL): string | undefined => {
    const rewriting = rewritingOf(sql);
    const edits = rewriting.edits.map((edit) => (edit.start === edit.end ? edit : change(edit)));
    const anchors = rewriting.anchors.map((anchor) => ({ ...anchor, edit: edits[rewriting.edits.indexOf(anchor.edit)]! }));
    return verifyRewritten(applyEdits(Buffer.from(sql), edits), { ...rewriting, edits, anchors }, grammar);
  };

  it.each<[string, (edit: Edit) => Edit, string | undefined]>([
    ['nothing in a right one', (edit) => edit, undefined],
    ['a relation that was left as it was', (edit) => ({ ...edit, text: 'users' }), 'relation "users" is not one of ours'],
    ['another relation', (edit) => ({ ...edit, text: edit.text.replace('"users"', '"staff"') }), 'relation "staff" is not one of ours'],
    ['another schema', (edit) => ({ ...edit, text: edit.text.replace('"public"', '"hr"') }), 'relation "users" is not one of ours'],
    ['a relation too many', (edit) => ({ ...edit, text: `${edit.text}, secrets` }), 'relation "secrets" is not one of ours'],
    ['a relation that is gone', (edit) => ({ ...edit, text: '(SELECT 1) x' }), 'a relation is missing'],
    ['a comment that swallows the rest', (edit) => ({ ...edit, text: `${edit.text} --` }), 'a call is not where the agent wrote it'],
    ['an edit that replaces too much', (edit) => ({ ...edit, end: edit.end + ' WHERE name = $1'.length }), 'operator .= is gone'],
    ['an edit that replaces too little', (edit) => ({ ...edit, end: edit.end - 1 }), 'syntax error at or near "s"'],
    ['a second statement', (edit) => ({ ...edit, text: `${edit.text}; SELECT 1 FROM x` }), 'the statements are not the same ones'],
    ['text that does not parse', (edit) => ({ ...edit, text: '(' }), 'syntax error at or near "WHERE"'],
  ])('%s', (_, change, expected) => {
    expect(faultOf(change)).toBe(expected);
  });

  it('a call that a broken edit brings out of a string', () => {
    const sql = `SELECT 'a' FROM users WHERE name = ' or pg_sleep(1) = 1 or name = '`;
    expect(faultOf((edit) => ({ ...edit, end: edit.end + ` WHERE name = '`.length, text: `${edit.text} WHERE true` }), sql)).toBe(
      'unterminated quoted string at or near "\'"',
    );
    expect(faultOf((edit) => ({ ...edit, text: `${edit.text} WHERE name = ''` }), sql)).toBe('syntax error at or near "WHERE"');
  });
});

describe('a rewritten query', () => {
  it('verifies, and reads nothing but scopes, whatever the query', () => {
    const name = fc.constantFrom('users', 'public.users', 'ONLY users', '"users"', 'orders', 'public . orders', 'users *');
    const alias = fc.constantFrom('', ' a', ' AS "b"', ' c (x, y)');
    const item = fc.tuple(name, alias).map((parts) => parts.join(''));
    const { query } = fc.letrec<{ query: string; source: string }>((tie) => ({
      source: fc.oneof(
        { maxDepth: 3 },
        item,
        tie('query').map((inner) => `(${inner}) q`),
        fc.tuple(tie('source'), item).map(([left, right]) => `${left} CROSS JOIN ${right}`),
      ),
      query: fc.oneof(
        { maxDepth: 3 },
        fc
          .tuple(fc.constantFrom('*', '1', 'lower(id)', 'public.users.id', 'count(*)', `'é'`), tie('source'))
          .map(([list, source]) => `SELECT ${list} FROM ${source}`),
        fc.tuple(tie('query'), tie('query')).map(([left, right]) => `(${left}) UNION ALL (${right})`),
        fc.tuple(tie('query'), tie('query')).map(([cte, body]) => `WITH users AS (${cte}) SELECT * FROM (${body}) w, users`),
        fc.tuple(tie('source'), tie('query')).map(([source, inner]) => `SELECT 1 FROM ${source} WHERE EXISTS (${inner}) GROUP BY id`),
        item.map((each) => `SELECT 1 FROM ${each}`),
        fc.constantFrom('TABLE users', 'VALUES (1, (SELECT 1 FROM users))'),
      ),
    }));
    fc.assert(
      fc.property(query, (sql) => {
        const rewriting = rewritingOf(sql);
        const text = applyEdits(Buffer.from(sql), rewriting.edits);
        expect(verifyRewritten(text, rewriting, grammar)).toBeUndefined();
        // What is left of the agent's own text names no relation of the catalog but those that are granted whole.
        const bare = text.replaceAll(/\(SELECT r\."id".*? AS r\)/g, '(s)');
        expect(bare).not.toContain('"public"."users"');
      }),
      { numRuns: 200 },
    );
  });
});

describe('rewrite() guards calls that could reveal', () => {
  it.each([
    ['SELECT pg_catalog.pg_get_viewdef(1)', 'SELECT pg_catalog.pg_get_viewdef(CASE WHEN false THEN (1) END)'],
    [
      "SELECT pg_catalog.pg_get_viewdef( 'v' , true)",
      "SELECT pg_catalog.pg_get_viewdef(CASE WHEN false THEN ( 'v' )::pg_catalog.text END, true)",
    ],
    [
      'SELECT pg_catalog.pg_tablespace_location($1)',
      'SELECT pg_catalog.pg_tablespace_location(CASE WHEN false THEN ($1)::pg_catalog.oid END)',
    ],
    [
      'SELECT x FROM users u, pg_catalog.pg_get_viewdef((ARRAY[1, 2])[1], (SELECT true)) x',
      'SELECT x FROM <users> u, pg_catalog.pg_get_viewdef(CASE WHEN false THEN ((ARRAY[1, 2])[1]) END, (SELECT true)) x',
    ],
    [
      'SELECT pg_catalog.pg_get_viewdef((SELECT id FROM users)::oid)',
      'SELECT pg_catalog.pg_get_viewdef(CASE WHEN false THEN ((SELECT id FROM <users> AS "users")::oid) END)',
    ],
    [
      'SELECT pg_catalog.pg_get_ruledef(pg_catalog.pg_get_viewdef(2)::oid)',
      'SELECT pg_catalog.pg_get_ruledef(CASE WHEN false THEN (pg_catalog.pg_get_viewdef(CASE WHEN false THEN (2) END)::oid) END)',
    ],
    [
      'SELECT pg_catalog.pg_get_viewdef(CASE WHEN false THEN 1 ELSE 2 END)',
      'SELECT pg_catalog.pg_get_viewdef(CASE WHEN false THEN (CASE WHEN false THEN 1 ELSE 2 END) END)',
    ],
  ])('%s', (sql, expected) => {
    expect(sent(sql)).toBe(expected);
  });

  it('finds a call that lost its guard, or has another', () => {
    const rewriting = rewritingOf('SELECT pg_catalog.pg_get_viewdef(1)');
    const other = rewriting.edits.map((edit) => ({
      ...edit,
      text: edit.text.replace('CASE WHEN false THEN (', 'COALESCE((CASE WHEN false THEN ('),
    }));
    const closed = other.map((edit, index) => (index === 1 ? { ...edit, text: `${edit.text}), 1)` } : edit));
    for (const edits of [[], closed]) {
      const text = applyEdits(Buffer.from('SELECT pg_catalog.pg_get_viewdef(1)'), edits);
      expect(verifyRewritten(text, { ...rewriting, edits, guards: edits.slice(0, 1) }, grammar)).toBe(
        'a call is not where the agent wrote it',
      );
    }
  });

  it.each([
    'SELECT pg_catalog.pg_get_viewdef(VARIADIC ARRAY[1])',
    'SELECT pg_catalog.pg_get_viewdef(view_oid => 1)',
    'SELECT pg_catalog.pg_get_viewdef(DISTINCT 1)',
    'SELECT pg_catalog.pg_get_viewdef(1) OVER ()',
    'SELECT pg_catalog.pg_get_viewdef()',
    'CREATE VIEW public.v AS SELECT pg_catalog.pg_get_viewdef(1)',
  ])('refuses %s', (sql) => {
    const bytes = Buffer.from(sql);
    const { reasons } = decide(analyze(grammar.parse(sql)[0]!, bytes), contextOf());
    expect(reasons.map(({ failure }) => failure.message)).toContain('permission denied for function pg_get_viewdef');
  });
});
