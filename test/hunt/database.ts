/**
 * The hunt's database: one table of relations from which schema, rows, canaries, policy and the generator's knowledge are made.
 */
import type { Random } from './random.ts';
import { type Canary, type Family, SECRET, type Value } from './values.ts';

/** A mask as a manifest writes it. */
type MaskDocument = Readonly<Record<string, unknown>> & { readonly type: string };

export type Column = {
  readonly name: string;
  readonly type: string;
  readonly family: Family;
  /** `undefined`: seen as it is. */
  readonly mask?: MaskDocument;
  /** Not granted at all. */
  readonly denied?: boolean;
  /** Some rows have NULL. */
  readonly nulls?: boolean;
  /** How the value of a row is made. */
  readonly value: (row: number, random: Random) => Value;
};

export type Relation = {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly primaryKey: boolean;
  readonly granted: boolean;
  /** The policy's row filter; rows with an odd number are hidden by it. */
  readonly where?: string;
  /** Everything behind the name of a relation that is not a plain table of its own. */
  readonly definition?: string;
  /** Made by `definition`, and holds no rows of its own. */
  readonly derived?: boolean;
};

const plain = (sql: string): Value => ({ sql, secrets: [] });
const clear = (name: string, type: string, family: Family, value: (row: number) => string): Column => ({
  name,
  type,
  family,
  value: (row) => plain(value(row)),
});
const secret = (name: string, type: string, family: Family, kind: string, mask: MaskDocument): Column => ({
  name,
  type,
  family,
  mask,
  value: (_, random) => SECRET[kind]!(random),
});
const denied = (name: string, type: string, family: Family, kind: string): Column => ({
  name,
  type,
  family,
  denied: true,
  value: (_, random) => SECRET[kind]!(random),
});
const nullable = (column: Column): Column => ({ ...column, nulls: true });

const NAMES = ['Ada', 'Bert', 'Cleo', 'Dora', 'Emil', 'Faye'];
const CITIES = ['Bern', 'Oslo', 'Riga'];
const id = clear('id', 'int', 'int', String);
const name = clear('name', 'text', 'text', (row) => `'${NAMES[row % 6]!}'`);
const HASH: MaskDocument = { type: 'Hash', hash: { keySecretRef: { name: 'masking-key' } } };
const REDACT: MaskDocument = { type: 'Redact' };
const NULL: MaskDocument = { type: 'Null' };

const person: readonly Column[] = [
  id,
  name,
  clear('city', 'text', 'text', (row) => `'${CITIES[row % 3]!}'`),
  clear('joined', 'timestamptz', 'time', (row) => `'2024-01-${10 + row} 08:00:00+00'`),
  nullable(secret('ssn', 'text', 'text', 'text', REDACT)),
  secret('nick', 'varchar(40)', 'text', 'text', NULL),
  secret('tag', 'char(30)', 'text', 'framed', { type: 'KeepLast', keepLast: { characters: 4 } }),
  secret('phone', 'text', 'text', 'framed', { type: 'KeepFirst', keepFirst: { characters: 2 } }),
  secret('email', 'text', 'text', 'email', { type: 'Email' }),
  nullable(secret('card', 'varchar(32)', 'text', 'text', HASH)),
  nullable(secret('birth', 'date', 'date', 'date', { type: 'Date', date: { precision: 'Year' } })),
  secret('salary', 'int', 'int', 'int', { type: 'Constant', constant: { value: '0' } }),
  secret('credit', 'bigint', 'int', 'bigint', REDACT),
  secret('worth', 'numeric(14,2)', 'numeric', 'numeric', NULL),
  secret('bonus', 'numeric', 'numeric', 'numeric', REDACT),
  secret('seen', 'timestamptz', 'time', 'time', { type: 'Date', date: { precision: 'Year' } }),
  secret('token', 'uuid', 'uuid', 'uuid', HASH),
  secret('blob', 'bytea', 'bytea', 'bytea', REDACT),
  secret('doc', 'jsonb', 'jsonb', 'json', REDACT),
  secret('memo', 'json', 'json', 'json', NULL),
  secret('ip', 'inet', 'inet', 'inet', REDACT),
  secret('labels', 'text[]', 'texts', 'texts', REDACT),
  secret('nums', 'int[]', 'ints', 'ints', NULL),
  secret('feel', 'public.mood', 'mood', 'mood', REDACT),
  secret('code', 'public.code', 'text', 'text', REDACT),
  secret('home', 'public.address', 'address', 'address', NULL),
  secret('fullname', 'text', 'text', 'initial', { type: 'Expression', expression: { sql: "left(fullname, 1) || '.'" } }),
  denied('secret', 'text', 'text', 'text'),
  denied('score', 'int', 'int', 'int'),
];

const hidden = (column: Column, kind: string): Column => ({
  ...column,
  value: (row, random) => (row % 2 === 1 ? SECRET[kind]!(random) : column.value(row, random)),
});

const order: readonly Column[] = [
  clear('id', 'int', 'int', String),
  hidden(
    clear('person_id', 'int', 'int', (row) => String(row % 12)),
    'small',
  ),
  {
    name: 'region',
    type: 'text',
    family: 'text',
    value: (row, random) => (row % 2 === 1 ? plain(`'${random.pick(['us', 'apac', 'africa'])}'`) : plain("'eu'")),
  },
  hidden(
    clear('amount', 'numeric(12,2)', 'numeric', (row) => `${row}.50`),
    'numeric',
  ),
  hidden(
    clear('note', 'text', 'text', (row) => `'note ${row}'`),
    'text',
  ),
  hidden(
    clear('placed', 'date', 'date', (row) => `'2025-02-${10 + row}'`),
    'date',
  ),
  nullable(secret('voucher', 'text', 'text', 'text', REDACT)),
];

const table = (tableName: string, columns: readonly Column[], rows: number, more: Partial<Relation> = {}): Relation => ({
  schema: 'public',
  name: tableName,
  columns,
  rows,
  primaryKey: true,
  granted: true,
  ...more,
});
const derived = (viewName: string, columns: readonly Column[], definition: string, more: Partial<Relation> = {}): Relation =>
  table(viewName, columns, 0, { definition, derived: true, primaryKey: false, ...more });

const columnsOf = (columns: readonly Column[], ...names: readonly string[]): readonly Column[] =>
  names.map((wanted) => columns.find((column) => column.name === wanted)!);

const EVENT: readonly Column[] = [
  id,
  clear('kind', 'text', 'text', (row) => `'${row % 3 === 0 ? 'open' : 'close'}'`),
  nullable(secret('payload', 'text', 'text', 'text', REDACT)),
  secret('weight', 'bigint', 'int', 'bigint', NULL),
];
const BASE: readonly Column[] = [
  id,
  clear('topic', 'text', 'text', (row) => `'topic ${row % 4}'`),
  secret('body', 'text', 'text', 'text', REDACT),
];
const DENIED: readonly Column[] = [id, denied('word', 'text', 'text', 'text'), denied('number', 'bigint', 'int', 'bigint')];

/** In the order in which they are made. */
export const RELATIONS: readonly Relation[] = [
  table('people', person, 12),
  table('orders', order, 16, { where: "region = 'eu'" }),
  table(
    'items',
    [
      id,
      clear('order_id', 'int', 'int', (row) => String(row % 16)),
      clear('sku', 'text', 'text', (row) => `'sku-${row % 5}'`),
      clear('price', 'numeric(10,2)', 'numeric', (row) => `${row}.25`),
      clear('tags', 'text[]', 'texts', (row) => `ARRAY['x${row % 2}', 'y']`),
      clear('info', 'jsonb', 'jsonb', (row) => `'{"k": ${row}}'`),
    ],
    20,
  ),
  table('Mixed Case', [id, name, { ...secret('Quoted "Name"', 'text', 'text', 'text', REDACT) }], 6),
  table('events', EVENT, 10, { definition: 'PARTITION BY RANGE (id)' }),
  table('notes', BASE, 6),
  table('notes_child', [...BASE, denied('extra', 'text', 'text', 'text')], 5, { definition: 'INHERITS (public.notes)', granted: false }),
  table('secrets', DENIED, 8, { granted: false }),
  { ...table('vault', DENIED, 8, { granted: false }), schema: 'hidden' },
  derived(
    'people_view',
    columnsOf(person, 'id', 'name', 'ssn', 'email', 'credit'),
    'VIEW public.people_view AS SELECT id, name, ssn, email, credit FROM public.people',
  ),
  derived(
    'cities',
    [clear('city', 'text', 'text', String), clear('people', 'bigint', 'int', String)],
    'VIEW public.cities AS SELECT city, count(*) AS people FROM public.people GROUP BY city',
  ),
  derived(
    'open_orders',
    columnsOf(order, 'id', 'region', 'amount', 'note', 'voucher'),
    'VIEW public.open_orders AS SELECT id, region, amount, note, voucher FROM public.orders',
    { where: "region = 'eu'" },
  ),
  derived('broken', [id, clear('ratio', 'int', 'int', String)], 'VIEW public.broken AS SELECT id, ssn::int AS ratio FROM public.people'),
  derived(
    'report',
    columnsOf(person, 'id', 'city', 'ssn', 'bonus'),
    'MATERIALIZED VIEW public.report AS SELECT id, city, ssn, bonus FROM public.people',
  ),
];

const PRELUDE = `
CREATE SCHEMA hidden;
CREATE TYPE public.mood AS ENUM ('sad', 'calm', 'glad');
CREATE DOMAIN public.code AS text CHECK (VALUE <> '');
CREATE TYPE public.address AS (street text, zip text);
`;

export const quoteName = (text: string): string => (/^[a-z_][a-z_0-9]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`);

/** The whole schema, without rows. */
export const schemaSql = (): string => {
  const parts = [PRELUDE];
  for (const relation of RELATIONS) {
    const qualified = `${relation.schema}.${quoteName(relation.name)}`;
    if (relation.derived) {
      parts.push(`CREATE ${relation.definition};`);
      continue;
    }
    const inherited = relation.definition?.startsWith('INHERITS') ? BASE.length : 0;
    const columns = relation.columns.slice(inherited).map((column) => `${quoteName(column.name)} ${column.type}`);
    const key = relation.primaryKey ? [`PRIMARY KEY (${quoteName(relation.columns[0]!.name)})`] : [];
    parts.push(`CREATE TABLE ${qualified} (${[...columns, ...key].join(', ')}) ${relation.definition ?? ''};`);
  }
  parts.push(`
    CREATE TABLE public.events_low PARTITION OF public.events FOR VALUES FROM (0) TO (5);
    CREATE TABLE public.events_high PARTITION OF public.events FOR VALUES FROM (5) TO (100);
    CREATE INDEX ON public.people (ssn); CREATE INDEX ON public.people (lower(email)); CREATE INDEX ON public.orders (note);
    CREATE INDEX ON public.orders (person_id); CREATE INDEX ON public.orders (amount); CREATE INDEX ON public.orders (placed);
    CREATE INDEX ON public.items (order_id);
    CREATE UNIQUE INDEX ON public.people (card);
    CREATE STATISTICS public.people_stats ON city, ssn FROM public.people;
    CREATE SEQUENCE public.ticket_seq;
    CREATE FUNCTION public.leak() RETURNS text LANGUAGE sql STABLE AS 'SELECT string_agg(word, '','') FROM public.secrets';
    CREATE FUNCTION public.leak(anyelement) RETURNS text LANGUAGE sql STABLE AS 'SELECT string_agg(ssn, '','') FROM public.people';`);
  return parts.join('\n');
};

/** Rows for one database, and what is secret in them. */
export const rowsSql = (random: Random): { readonly sql: string; readonly canaries: readonly Canary[] } => {
  const canaries: Canary[] = [];
  const parts: string[] = [];
  for (const relation of RELATIONS) {
    if (relation.derived) continue;
    const tuples = Array.from({ length: relation.rows }, (_, row) => {
      const isNull = (column: Column): boolean => column.nulls === true && row % 5 === 3;
      const values = relation.columns.map((column) => {
        const { sql, secrets } = column.value(row, random);
        if (isNull(column)) return 'NULL';
        secrets.forEach((entry, index) => canaries.push({ id: `${relation.name}.${column.name}.${row}.${index}`, ...entry }));
        return sql;
      });
      return `(${values.join(', ')})`;
    });
    parts.push(`INSERT INTO ${relation.schema}.${quoteName(relation.name)} VALUES ${tuples.join(',\n')};`);
  }
  const ticket = random.digits(12);
  canaries.push({ id: 'ticket_seq', kind: 'bigint', core: ticket, value: ticket });
  parts.push(`SELECT setval('public.ticket_seq', ${ticket}); REFRESH MATERIALIZED VIEW public.report; ANALYZE;`);
  return { sql: parts.join('\n'), canaries };
};
