/**
 * Which masks serve a column of which type: what the proxy can render, known before a pod is in need of it. A test holds both together.
 */
import type { Mask } from '../../kernel/policy.ts';

/** A column's type, below all domains. */
export type ColumnType = {
  /** `text`, `int4`, `order_status`. */
  readonly name: string;
  readonly schema: string;
  /** `pg_type.typcategory`. */
  readonly category: string;
  /** As SQL writes it, with its modifier: `numeric(6,2)`. */
  readonly written: string;
};

const TEXT = new Set(['text', 'varchar', 'bpchar', 'name', 'citext']);
const INTEGERS = new Set(['int2', 'int4', 'int8']);
const HASHABLE = new Set(['uuid', 'bytea']);

const isText = ({ name, schema, category }: ColumnType): boolean =>
  TEXT.has(name) && category === 'S' && (schema === 'pg_catalog' || name === 'citext');
const isInteger = ({ name, schema }: ColumnType): boolean => schema === 'pg_catalog' && INTEGERS.has(name);

/** Characters that a text of limited length can have. */
const lengthOf = (type: ColumnType): number => {
  const [, digits] = /^(?:character varying|character)\((\d+)\)$/.exec(type.written) ?? [];
  if (digits !== undefined) return Number(digits);
  return type.name === 'name' ? 63 : Number.POSITIVE_INFINITY;
};

/** Digits of a limited number that count before its point: a negative scale has zeros besides. */
const wholeDigits = ({ written }: ColumnType): number => {
  const [, precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(written) ?? [];
  return precision === undefined ? Number.POSITIVE_INFINITY : Number(precision) - Math.max(0, Number(scale));
};

/** Fewer would make different values equal too often. */
const LEAST_HASH_CHARACTERS = 16;
const LEAST_HASH_DIGITS = 3;

const hashFits = (type: ColumnType): boolean => {
  if (isText(type)) return lengthOf(type) >= LEAST_HASH_CHARACTERS;
  if (type.schema !== 'pg_catalog') return false;
  if (type.name === 'numeric') return wholeDigits(type) >= LEAST_HASH_DIGITS;
  return isInteger(type) || HASHABLE.has(type.name);
};

/** Whether the mask can stand for values of the type. What an expression or a constant makes, the database judges. */
export const maskFits = (mask: Mask, type: ColumnType): boolean => {
  switch (mask.type) {
    case 'KeepLast':
    case 'KeepFirst':
      return isText(type) || isInteger(type);
    case 'Email':
      return isText(type);
    case 'Hash':
      return hashFits(type);
    case 'Date':
      if (type.schema !== 'pg_catalog') return false;
      return type.name === 'timestamptz' || type.name === 'timestamp' || (type.name === 'date' && mask.precision !== 'Hour');
    case 'Redact':
    case 'Null':
    case 'Constant':
    case 'Expression':
      return true;
    default:
      return mask satisfies never;
  }
};
