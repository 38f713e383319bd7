/**
 * The operator's word on masks and types, held to what the proxy renders for every type that a column can have.
 */
import { expect, it } from 'vitest';
import type { Mask } from '../../kernel/policy.ts';
import { maskFits } from '../../operator/specs/mask-fit.ts';
import type { CatalogColumn } from '../../proxy/catalog/catalog.ts';
import { maskSql } from '../../proxy/scope/mask.ts';

const MASKS: readonly Mask[] = [
  { type: 'Redact' },
  { type: 'Null' },
  { type: 'KeepLast', characters: 4 },
  { type: 'KeepFirst', characters: 4 },
  { type: 'Email' },
  { type: 'Hash', key: new Uint8Array(32) },
  { type: 'Date', precision: 'Day' },
  { type: 'Date', precision: 'Hour' },
  { type: 'Constant', value: 'x' },
];

/** Name, category, how it is written, its length. */
const TYPES: readonly (readonly [name: string, category: string, written: string, length?: number])[] = [
  ['text', 'S', 'text'],
  ['name', 'S', 'name'],
  ['varchar', 'S', 'character varying'],
  ['varchar', 'S', 'character varying(15)', 15],
  ['varchar', 'S', 'character varying(16)', 16],
  ['bpchar', 'S', 'character(8)', 8],
  ['int2', 'N', 'smallint'],
  ['int4', 'N', 'integer'],
  ['int8', 'N', 'bigint'],
  ['numeric', 'N', 'numeric'],
  ['numeric', 'N', 'numeric(4,2)'],
  ['numeric', 'N', 'numeric(5,2)'],
  ['numeric', 'N', 'numeric(30,2)'],
  ['numeric', 'N', 'numeric(2,-1)'],
  ['numeric', 'N', 'numeric(2,-20)'],
  ['numeric', 'N', 'numeric(4,-20)'],
  ['float8', 'N', 'double precision'],
  ['money', 'N', 'money'],
  ['bool', 'B', 'boolean'],
  ['date', 'D', 'date'],
  ['time', 'D', 'time without time zone'],
  ['timestamp', 'D', 'timestamp without time zone'],
  ['timestamptz', 'D', 'timestamp with time zone'],
  ['interval', 'T', 'interval'],
  ['uuid', 'U', 'uuid'],
  ['bytea', 'U', 'bytea'],
  ['jsonb', 'U', 'jsonb'],
  ['inet', 'I', 'inet'],
  ['_text', 'A', 'text[]'],
  ['char', 'Z', '"char"'],
  ['mood', 'E', 'public.mood'],
  ['citext', 'S', 'public.citext'],
  ['email', 'S', 'public.email'],
];

const SYSTEM = new Set(['mood', 'citext', 'email']);

it.each(TYPES.map(([name, category, written, length]) => ({ name, category, written, length })))(
  'maskFits() says of $written what the proxy does',
  ({ name, category, written, length }) => {
    const schema = SYSTEM.has(name) ? 'public' : 'pg_catalog';
    const column: CatalogColumn = {
      name: 'c',
      notNull: false,
      baseType: name,
      baseTypeSchema: schema,
      castTo: written,
      category,
      length,
      collation: undefined,
      firstLabel: undefined,
      virtual: false,
    };
    const rendered = MASKS.map((mask) => maskSql(mask, column, () => ({ ok: false, problem: '' })).ok);
    expect(MASKS.map((mask) => maskFits(mask, { name, schema, category, written }))).toEqual(rendered);
  },
);
