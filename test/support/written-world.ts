/** Relations with row filters, masks and hidden columns, and what is sent for a statement that writes them. */
import type { RelationGrant } from '../../kernel/policy.ts';
import type { Grammar } from '../../proxy/sql/grammar.ts';
import { grant, relation } from './small-catalog.ts';
import { sentBy } from './small-judge.ts';
import { catalogWith, columnsFrom } from './small-views.ts';

const ALL = { insert: { columns: '*' }, update: { columns: '*' }, delete: true } as const;

const catalog = catalogWith(
  [
    relation('notes', columnsFrom('id:int4 owner:int4 body secret')),
    relation('people', columnsFrom('id:int4 ssn phone pin:int4 hidden')),
    relation('log', columnsFrom('id:int4 line')),
    relation('vault', columnsFrom('id:int4 owner:int4 code')),
    relation('box', columnsFrom('id:int4 owner:int4')),
    relation('cards', columnsFrom('id:int4 number')),
    relation('files', columnsFrom('id:int4 owner:int4 path')),
  ],
  {
    builtinFunctions: new Set(['lower', 'now', 'count', 'overlay']),
    functions: new Map(),
    leakproof: new Set(['int4 = int4', 'int4 > int4', 'int4 < int4', 'text = text']),
    operators: new Map(),
  },
);

const masks = [
  { column: 'ssn', mask: { type: 'Redact' } },
  { column: 'phone', mask: { type: 'Null' } },
  { column: 'pin', mask: { type: 'Constant', value: '0' } },
] as const;

/**
 * `notes` with a filter and a hidden column, `people` with masks of three kinds and a hidden column, `log` whole, `vault` that is not read.
 * `cards` with a mask and nothing hidden, `files` with a mask and a filter.
 */
const relations: readonly RelationGrant[] = [
  grant('notes', { ...ALL, select: { columns: ['id', 'owner', 'body'], masks: [] }, where: 'owner = 7' }),
  grant('people', { ...ALL, select: { columns: ['id'], masks } }),
  grant('log', ALL),
  grant('vault', { ...ALL, select: undefined, where: 'owner = 7' }),
  // A filter that can fail.
  grant('box', { ...ALL, where: 'owner / id = 7' }),
  grant('cards', { ...ALL, select: { columns: '*', masks: [{ column: 'number', mask: { type: 'Null' } }] } }),
  grant('files', { ...ALL, select: { columns: '*', masks: [{ column: 'path', mask: { type: 'Null' } }] }, where: 'owner = 7' }),
];

const SCOPE =
  `SELECT r."id", CASE WHEN r."ssn" IS NULL THEN NULL::text ELSE '***'::text END AS "ssn", NULL::text AS "phone", '0'::int4 AS "pin"` +
  ' FROM "public"."people" AS r';

/** What is sent, with short words for what the policy writes into it. */
export const sentShort = async (sql: string, grammar: Grammar): Promise<string> => {
  const sent = await sentBy(sql, { catalog, relations, grammar });
  return sent
    .replaceAll(SCOPE, '<people>')
    .replaceAll(/pg_catalog\.current_setting\('pg_airlock\.row_filter <public\.(?:notes|files)>'\) IS NULL/g, '<raise>')
    .replaceAll(/\("(\w+)"\.owner = 7\)/g, '<filter $1>')
    .replaceAll(/\(CASE WHEN "(\w+)"\."ssn" IS NULL THEN NULL::text ELSE '\*\*\*'::text END\)/g, '<ssn $1>')
    .replaceAll(/pg_catalog\.current_setting\('pg_airlock\.mask <public\.(?:people|files) (\w+)>'\)/g, '<mask of $1>')
    .replaceAll('::pg_catalog.text COLLATE pg_catalog."C"', '::C')
    .replaceAll('OPERATOR(pg_catalog.=)', '@=');
};
