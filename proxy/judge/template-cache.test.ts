import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogOf, contextOf, grant, grantsOf, policy } from '../../test/support/small-catalog.ts';
import type { Judged } from '../policy/judgement.ts';
import { scopeOf } from '../scope/scope.ts';
import { Grammar } from '../sql/grammar.ts';
import { readTokens } from '../sql/tokens.ts';
import type { JudgeContext } from './judge-context.ts';
import { judgeText, type TextJudgement } from './judge-text.ts';
import { JudgementMemory } from './judgement-memory.ts';
import { TemplateCache } from './template-cache.ts';
import { templateOf } from './template.ts';

const grammar = new Grammar(18);

const judgeContext: JudgeContext = {
  catalog: catalogOf(),
  grants: grantsOf(
    policy({
      relations: [
        grant('users', { select: { columns: ['id', 'name', 'settings'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
        grant('orders', { where: 'id > 100', update: { columns: ['id'] }, delete: true }),
      ],
    }),
  )!,
  grammar,
  revision: 'r1',
  scopeOf: ({ relation, access }) =>
    access.type === 'Granted' ? scopeOf(relation, access.granted.grant, grammar) : { type: 'Bare', relation },
  freshScopes: () => judgeContext.scopeOf,
  probe: async () => undefined,
  estimate: () => Promise.reject(new Error('nothing is estimated')),
  onFault: () => undefined,
};

const judge = (sql: string): Promise<TextJudgement> => judgeText(Buffer.from(sql), 'Query', contextOf().state, judgeContext);

const learn = async (cache: TemplateCache, sql: string): Promise<Judged> => {
  const { judged, lesson } = await judge(sql);
  if (lesson !== undefined) cache.learn('', lesson, Buffer.from(sql));
  return judged;
};

const find = (cache: TemplateCache, sql: string): Judged | undefined => {
  const bytes = Buffer.from(sql);
  const template = templateOf(bytes, readTokens(bytes));
  return template === undefined ? undefined : cache.find('', template, bytes);
};

/** `#` is a number and `?` a string. */
const known: readonly string[] = [
  'SELECT name FROM users WHERE id = #',
  'SELECT name, ssn FROM users u WHERE u.id = # AND u.name = ?',
  'SELECT ssn FROM users WHERE id IN (#, #, #) OR name <> ?',
  'SELECT # AS a, ssn AS "7" FROM users /* 7 \'7\' */ WHERE name = ? -- 5',
  'SELECT u.ssn, ? FROM users u JOIN users v ON u.id = v.id WHERE v.id BETWEEN # AND #',
];

const any: readonly string[] = [
  ...known,
  'SELECT name FROM users ORDER BY # LIMIT # OFFSET #',
  'SELECT name, count(*) FROM users GROUP BY # HAVING count(*) > #',
  'SELECT id FROM orders WHERE id = #',
  'SELECT id FROM orders WHERE id = # AND id = #',
  'SELECT id FROM orders WHERE # = # OR id = #',
  'SELECT id FROM orders WHERE id / # = #',
  'SELECT # ::float(#) FROM users',
  'SELECT ?::varchar(#), ?::regclass FROM users',
  'SELECT -#, - #, +#, #.#, #e# FROM users',
  'SELECT id FROM users TABLESAMPLE SYSTEM (#)',
  'SELECT set_config(?, ?, true)',
  'SELECT current_setting(?)',
  'SELECT lower(?), granted(#) FROM users WHERE name = lower(?)',
  "SELECT E?, U&?, B?, N?, X? FROM users WHERE name = 'a' ?",
  'SELECT interval ?, date ?, interval(#) ? FROM users',
  'SET app.tenant = ?',
  'SET app.tenant = #',
  'UPDATE orders SET id = # WHERE id = #',
  'UPDATE orders SET id = id + # WHERE id = #',
  'DELETE FROM orders WHERE id = #',
  'DELETE FROM orders WHERE # = #',
  'SELECT * FROM (VALUES (#, ?), (#, ?)) AS v (id, name) JOIN users USING (id)',
  'SELECT settings->>? FROM users WHERE settings->? IS NOT NULL',
  'FETCH # FROM c',
  'SELECT 1; SELECT ssn FROM users WHERE id = #',
  'PREPARE p AS SELECT # FROM users',
];

const numbers = fc.oneof(
  fc.constantFrom('0', '1', '2', '007', '999999999'),
  fc.nat(999_999_999).map(String),
  fc.bigInt(0n, 10n ** 20n).map(String),
);
const strings = fc
  .oneof(
    fc.constantFrom('', 'public', 'ssn', 'search_path', 'app.tenant', "it''s", 'a\\', '$1', '--', '/*', 'é', '#?'),
    fc.string({ unit: 'grapheme' }),
  )
  .map((text) => `'${text.replaceAll('\0', '').replaceAll("'", "''")}'`);

const filled = (shape: string): fc.Arbitrary<string> =>
  fc.tuple(fc.array(numbers, { minLength: 6, maxLength: 6 }), fc.array(strings, { minLength: 6, maxLength: 6 })).map(([ns, ss]) => {
    let number = 0;
    let string = 0;
    return shape.replaceAll(/[#?]/g, (slot) => (slot === '#' ? ns[number++ % 6]! : ss[string++ % 6]!));
  });

describe('TemplateCache', () => {
  it.each(any)('answers as the judge does, or not at all: %s', async (shape) => {
    await grammar.load();
    await fc.assert(
      fc.asyncProperty(fc.array(filled(shape), { minLength: 4, maxLength: 8 }), async (texts) => {
        const cache = new TemplateCache(new JudgementMemory(1024 * 1024));
        for (const text of texts) {
          const found = find(cache, text);
          const judged = await learn(cache, text);
          expect(found ?? judged).toEqual(judged);
        }
      }),
      { numRuns: 40 },
    );
  });

  it.each(known)('knows other literals after two of them: %s', async (shape) => {
    await grammar.load();
    const fill = (turn: number): string => {
      let slot = 0;
      return shape.replaceAll(/[#?]/g, (kind) => (kind === '#' ? String(turn * 10 + slot++) : `'text ${turn} ${slot++}'`));
    };
    const cache = new TemplateCache(new JudgementMemory(1024 * 1024));
    await learn(cache, fill(1));
    expect(find(cache, fill(2))).toBe(undefined);
    await learn(cache, fill(2));
    expect(find(cache, fill(300))).toEqual((await judge(fill(300))).judged);
    expect(find(cache, fill(300))?.decision).toBe('Allow');
  });

  it.each([
    [
      'a setting that is read',
      ["SELECT current_setting('search_path')", "SELECT current_setting('app.tenant')"],
      "SELECT current_setting('data_directory')",
    ],
    [
      'a setting that is set',
      ["SELECT set_config('app.tenant', '1', true)", "SELECT set_config('work_mem', '2', true)"],
      "SELECT set_config('role', '3', true)",
    ],
    [
      'the precision of a type',
      ['SELECT name::float(1) FROM users', 'SELECT name::float(2) FROM users'],
      'SELECT name::float(53) FROM users',
    ],
    ['a statement that is not allowed', ["SET app.tenant = '1'", "SET app.tenant = '2'"], "SET app.tenant = '3'"],
  ])('never takes %s for any other', async (_what, texts, other) => {
    await grammar.load();
    const cache = new TemplateCache(new JudgementMemory(1024 * 1024));
    for (const text of texts) await learn(cache, text);
    expect(find(cache, other)).toBe(undefined);
  });
});
