/**
 * A mask as an SQL expression of the column's own type, over the base relation's alias.
 * Everything in it is schema-qualified: nothing on the agent's search_path can take part.
 */
import { createHash } from 'node:crypto';
import type { DatePrecision, Mask } from '../../kernel/policy.ts';
import type { CatalogColumn } from '../catalog/catalog.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';

/** Alias of the base relation inside a scope. */
export const BASE_ALIAS = 'r';

export type MaskSql =
  | {
      readonly ok: true;
      readonly sql: string;
      /** `sql` without the key. */
      readonly recorded: string;
    }
  | { readonly ok: false; readonly problem: string };

/** Stands for a key wherever a text is shown or recorded. */
const KEY_SHOWN = '<key>';

const TEXT = new Set(['text', 'varchar', 'bpchar', 'name', 'citext']);
const INTEGERS = new Set(['int2', 'int4', 'int8']);

/** What Redact shows for each type: a valid value that says nothing. Types not listed become NULL. */
const REDACTED: Readonly<Record<string, string>> = {
  text: '***',
  varchar: '***',
  bpchar: '***',
  name: '***',
  citext: '***',
  char: '*',
  int2: '0',
  int4: '0',
  int8: '0',
  oid: '0',
  numeric: '0',
  float4: '0',
  float8: '0',
  money: '0',
  bool: 'false',
  date: '1970-01-01',
  timestamp: '1970-01-01 00:00:00',
  timestamptz: '1970-01-01 00:00:00+00',
  time: '00:00:00',
  timetz: '00:00:00+00',
  interval: '0',
  uuid: '00000000-0000-0000-0000-000000000000',
  bytea: '\\x',
  json: '{}',
  jsonb: '{}',
  inet: '0.0.0.0',
  cidr: '0.0.0.0/0',
  macaddr: '00:00:00:00:00:00',
  macaddr8: '00:00:00:00:00:00:00:00',
};

const DATE_UNITS: Readonly<Record<DatePrecision, string>> = {
  Year: 'year',
  Quarter: 'quarter',
  Month: 'month',
  Week: 'week',
  Day: 'day',
  Hour: 'hour',
};

const isText = (column: CatalogColumn): boolean =>
  TEXT.has(column.baseType) && column.category === 'S' && (column.baseTypeSchema === 'pg_catalog' || column.baseType === 'citext');
const isInteger = (column: CatalogColumn): boolean => column.baseTypeSchema === 'pg_catalog' && INTEGERS.has(column.baseType);

const cannot = (mask: string, column: CatalogColumn): MaskSql => ({
  ok: false,
  problem: `mask ${mask} cannot serve column "${column.name}" of type ${column.castTo}`,
});

/** The column as text, compared by bytes so that any collation will do. */
const asText = (raw: string): string => `(${raw})::pg_catalog.text COLLATE pg_catalog."C"`;

/** Casts to the column's type and gives it the column's collation back. */
const typed = (sql: string, column: CatalogColumn): string => {
  const cast = `(${sql})::${column.castTo}`;
  if (!isText(column)) return cast;
  return `(${cast}) COLLATE ${column.collation ?? 'pg_catalog."default"'}`;
};

const literal = (text: string, column: CatalogColumn): string => {
  const constant = `${quoteLiteral(text)}::${column.castTo}`;
  return column.collation === undefined ? constant : `${constant} COLLATE ${column.collation}`;
};

/** NULL stays NULL: whether a value is there is not hidden. */
const unlessNull = (raw: string, sql: string, column: CatalogColumn): string =>
  // The NULL has the type modifier too, or the whole would have none.
  column.notNull ? sql : `CASE WHEN ${raw} IS NULL THEN NULL::${column.castTo} ELSE ${sql} END`;

const both = (sql: string): MaskSql => ({ ok: true, sql, recorded: sql });

const redact = (raw: string, column: CatalogColumn): MaskSql => {
  // int2vector and oidvector are arrays whose text has no braces.
  if (column.category === 'A') return both(unlessNull(raw, literal(column.baseType.endsWith('vector') ? '' : '{}', column), column));
  const value = column.category === 'E' ? undefined : REDACTED[column.baseType];
  const known = value !== undefined && (column.baseTypeSchema === 'pg_catalog' || isText(column));
  if (!known) return both(`NULL::${column.castTo}`);
  return both(unlessNull(raw, literal(value, column), column));
};

/**
 * Shows some characters of a text or digits of an integer; a value of which less would stay hidden than is shown is hidden whole.
 */
const keep = (side: 'left' | 'right', characters: number, raw: string, column: CatalogColumn): MaskSql => {
  const length = (text: string): string => `pg_catalog.char_length(${text})`;
  if (isInteger(column)) {
    const digits = `pg_catalog.ltrim((${raw})::pg_catalog.text, '-')`;
    const kept = `pg_catalog.${side}(${digits}, ${characters})`;
    const shown = side === 'right' ? kept : `pg_catalog.rpad(${kept}, ${length(digits)}, '0')`;
    return both(
      typed(
        `CASE WHEN ${raw} IS NULL THEN NULL WHEN ${length(digits)} OPERATOR(pg_catalog.>=) ${characters * 2} THEN (${shown})::${column.castTo} ELSE 0 END`,
        column,
      ),
    );
  }
  if (!isText(column)) return cannot(side === 'right' ? 'KeepLast' : 'KeepFirst', column);
  const text = asText(raw);
  const kept = `pg_catalog.${side}(${text}, ${characters})`;
  const shown =
    side === 'right' ? `'***'::pg_catalog.text OPERATOR(pg_catalog.||) ${kept}` : `${kept} OPERATOR(pg_catalog.||) '***'::pg_catalog.text`;
  return both(
    typed(
      `CASE WHEN ${raw} IS NULL THEN NULL WHEN ${length(text)} OPERATOR(pg_catalog.>=) ${characters * 2} THEN ${shown} ELSE '***'::pg_catalog.text END`,
      column,
    ),
  );
};

/** Shows the domain of what looks like one address, and nothing of anything else. */
const email = (raw: string, column: CatalogColumn): MaskSql => {
  if (!isText(column)) return cannot('Email', column);
  const text = asText(raw);
  return both(
    typed(
      `CASE WHEN ${raw} IS NULL THEN NULL WHEN ${text} OPERATOR(pg_catalog.~) '^[^@[:space:]]+@[A-Za-z0-9.-]+$' ` +
        `THEN pg_catalog.regexp_replace(${text}, '^[^@]+@', '***@') ELSE '***'::pg_catalog.text END`,
      column,
    ),
  );
};

/** What is hashed: bytes that do not depend on session settings, equal for equal values. */
const hashInput = (raw: string, column: CatalogColumn): string | undefined => {
  if (column.baseType === 'citext' && isText(column)) return `pg_catalog.convert_to(pg_catalog.lower((${raw})::pg_catalog.text), 'UTF8')`;
  if (isText(column)) return `pg_catalog.convert_to((${raw})::pg_catalog.text, 'UTF8')`;
  if (column.baseTypeSchema !== 'pg_catalog') return undefined;
  if (isInteger(column) || column.baseType === 'uuid') return `pg_catalog.convert_to((${raw})::pg_catalog.text, 'UTF8')`;
  if (column.baseType === 'numeric') return `pg_catalog.convert_to(pg_catalog.trim_scale(${raw})::pg_catalog.text, 'UTF8')`;
  if (column.baseType === 'bytea') return raw;
  return undefined;
};

/**
 * What of a number `numeric(precision, scale)` keeps where that limits a hash of 60 bits: digits that count, and zeros behind them, which a
 * negative scale has. Rounded to them, a number could become too large.
 */
const wholeDigits = (column: CatalogColumn): { readonly digits: number; readonly zeros: number } | undefined => {
  const [, precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(column.castTo) ?? [];
  const zeros = Math.max(0, -Number(scale));
  const digits = Number(precision) - Math.max(0, Number(scale));
  return precision === undefined || (zeros === 0 && digits > 18) ? undefined : { digits: Math.min(digits, 18), zeros };
};

/** HMAC-SHA-256 (RFC 2104) in built-in functions: needs no extension, and the key never leaves the statement that is sent. */
const hash = (key: Uint8Array, raw: string, column: CatalogColumn): MaskSql => {
  const input = hashInput(raw, column);
  if (input === undefined) return cannot('Hash', column);
  const kept = wholeDigits(column);
  if (kept !== undefined && kept.digits < 3) return cannot('Hash', column);
  const block = new Uint8Array(64);
  block.set(key.length > block.length ? createHash('sha256').update(key).digest() : key);
  const pad = (value: number): string => `'\\x${Buffer.from(block.map((byte) => byte ^ value)).toString('hex')}'::pg_catalog.bytea`;
  const compose = (inner: string, outer: string): string =>
    `pg_catalog.sha256(${outer} OPERATOR(pg_catalog.||) pg_catalog.sha256(${inner} OPERATOR(pg_catalog.||) ${input}))`;
  const shape = (digest: string): string | undefined => {
    const hex = `pg_catalog.encode(${digest}, 'hex')`;
    if (isText(column)) return typed(`pg_catalog.left(${hex}, ${Math.min(32, column.length ?? 32)})`, column);
    if (column.baseType === 'bytea') return digest;
    if (column.baseType === 'uuid') return typed(`pg_catalog.left(${hex}, 32)`, column);
    const bits = column.baseType === 'int2' ? 12 : column.baseType === 'int4' ? 28 : 60;
    const number = `('x' OPERATOR(pg_catalog.||) pg_catalog.left(${hex}, ${bits / 4}))::pg_catalog.bit(${bits})::pg_catalog.${bits === 60 ? 'int8' : 'int4'}`;
    if (kept === undefined) return typed(number, column);
    const times = kept.zeros === 0 ? '' : ` OPERATOR(pg_catalog.*) 1e${kept.zeros}`;
    return typed(`${number} OPERATOR(pg_catalog.%) ${10 ** kept.digits}${times}`, column);
  };
  if (isText(column) && (column.length ?? 32) < 16) return cannot('Hash', column);
  const digest = shape(compose(pad(0x36), pad(0x5c)));
  const recorded = shape(compose(`'${KEY_SHOWN}'`, `'${KEY_SHOWN}'`));
  if (digest === undefined || recorded === undefined) return cannot('Hash', column);
  return { ok: true, sql: unlessNull(raw, digest, column), recorded: unlessNull(raw, recorded, column) };
};

/** Cut down in UTC: in the session's time zone an agent could shift the boundary and learn more. */
const date = (precision: DatePrecision, raw: string, column: CatalogColumn): MaskSql => {
  const unit = DATE_UNITS[precision];
  if (column.baseTypeSchema !== 'pg_catalog') return cannot('Date', column);
  if (column.baseType === 'timestamptz') return both(typed(`pg_catalog.date_trunc('${unit}', ${raw}, 'UTC')`, column));
  if (column.baseType === 'timestamp' || (column.baseType === 'date' && precision !== 'Hour')) {
    return both(typed(`pg_catalog.date_trunc('${unit}', (${raw})::pg_catalog.timestamp)`, column));
  }
  return cannot('Date', column);
};

/**
 * The expression that stands for `column` in a scope.
 * `expression` turns the policy author's SQL into text over `alias`, or a problem. `alias`: of the relation, quoted where it has to be.
 */
export const maskSql = (
  mask: Mask,
  column: CatalogColumn,
  expression: (sql: string) => { readonly ok: true; readonly sql: string } | { readonly ok: false; readonly problem: string },
  alias = BASE_ALIAS,
): MaskSql => {
  const raw = `${alias}.${quoteIdentifier(column.name)}`;
  switch (mask.type) {
    case 'Redact':
      return redact(raw, column);
    case 'Null':
      return both(`NULL::${column.castTo}`);
    case 'KeepLast':
      return keep('right', mask.characters, raw, column);
    case 'KeepFirst':
      return keep('left', mask.characters, raw, column);
    case 'Email':
      return email(raw, column);
    case 'Hash':
      return hash(mask.key, raw, column);
    case 'Date':
      return date(mask.precision, raw, column);
    case 'Constant':
      return both(literal(mask.value, column));
    case 'Expression': {
      const written = expression(mask.expression);
      return written.ok ? both(typed(written.sql, column)) : written;
    }
  }
};
