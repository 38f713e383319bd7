/** Relations with row filters and masks, and how they stand in what is sent for a statement that reads them. */
import type { RelationGrant } from '../../kernel/policy.ts';
import type { Grammar } from '../../proxy/sql/grammar.ts';
import { grant, relation } from './small-catalog.ts';
import { sentBy } from './small-judge.ts';
import { catalogWith, columnsFrom } from './small-views.ts';

const INTEGERS = ['int4 = int4', 'int4 <> int4', 'int4 > int4', 'int4 < int4', 'int4 >= int4', 'int4 <= int4'];

const catalog = catalogWith(
  [
    relation('tasks', columnsFrom('id:int4 owner:int4 title done:bool price:numeric')),
    relation('log', columnsFrom('id:int4 line')),
    relation('words', columnsFrom('id line owner:int4')),
    relation('people', columnsFrom('id:int4 ssn')),
    relation('box', columnsFrom('id:int4 owner:int4')),
    relation('pairs', columnsFrom('a:int4 b:int4 c d'), { primaryKey: ['a', 'b'] }),
  ],
  {
    builtinFunctions: new Set('lower now count max unnest generate_series json_each bernoulli system'.split(' ')),
    builtinTypes: new Set(['int4', 'text', 'bool']),
    functions: new Map(),
    leakproof: new Set([...INTEGERS, 'text = text', 'text > text', 'bool = bool']),
    operators: new Map(),
  },
);

/** `tasks` and `box` have a row filter, that of `box` can fail; `people` and `pairs` have a mask; the others are whole. */
const relations: readonly RelationGrant[] = [
  grant('tasks', { where: 'owner = 7', update: { columns: '*' } }),
  grant('log', { update: { columns: '*' }, delete: true }),
  grant('words'),
  grant('people', { select: { columns: ['id'], masks: [{ column: 'ssn', mask: { type: 'Redact' } }] } }),
  grant('box', { where: 'owner / id = 7' }),
  grant('pairs', { select: { columns: ['a', 'b', 'd'], masks: [{ column: 'c', mask: { type: 'Null' } }] } }),
];

/** As `"public"."tasks"` stands with its filter, up to what is asked beside it. */
const FILTERED = ' FROM "public"."tasks" AS r WHERE (r.owner = 7)';
const PLAIN = `(SELECT r."id", r."owner", r."title", r."done", r."price"${FILTERED}`;
const BLIND = /\(SELECT CASE WHEN CURRENT_TIMESTAMP IS NULL [^()]* AS "price" FROM "public"\."tasks" AS r WHERE \(r\.owner = 7\)/g;
const MASKED = `(SELECT r."id", CASE WHEN r."ssn" IS NULL THEN NULL::text ELSE '***'::text END AS "ssn" FROM "public"."people" AS r)`;

/**
 * What is sent, with short words for scopes: `<open>` is the filter of `tasks` alone, `<fenced>` with what keeps the statement's conditions
 * from hidden rows, `<fenced AND ...>` what is asked beside it; in a `<blind>` one the planner has no samples of the columns.
 */
export const sentRead = async (sql: string, grammar: Grammar): Promise<string> => {
  const sent = await sentBy(sql, { catalog, relations, grammar });
  return sent
    .replaceAll(`${PLAIN})`, '<open>')
    .replaceAll(PLAIN, '<fenced')
    .replaceAll(BLIND, '<blind')
    .replaceAll(/(<(?:fenced|blind).*?) OFFSET 0\)/g, '$1>')
    .replaceAll('(SELECT r."id", r."owner" FROM "public"."box" AS r WHERE (r.owner / r.id = 7) OFFSET 0)', '<box>')
    .replaceAll(MASKED, '<people>')
    .replaceAll('(SELECT r."a", r."b", NULL::text AS "c", r."d" FROM "public"."pairs" AS r)', '<pairs>')
    .replaceAll(/"public"\."(log|words)"/g, '$1');
};
