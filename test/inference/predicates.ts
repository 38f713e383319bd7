/**
 * Where hidden values lie, and ways to ask of one whether it begins with a guess.
 */
import type { Technique } from './oracle.ts';

/** A hidden value: `row` finds it in `from`. */
export type Place = { readonly name: string; readonly from: string; readonly row: string; readonly value: string };

const inPeople = (name: string, value: string): Place => ({ name, from: 'people p', row: 'p.id = 1', value });

export const PLACES: readonly Place[] = [
  inPeople('a redacted text', 'p.secret'),
  inPeople('a keyed hash', 'p.hashed'),
  inPeople('an expression', 'p.initial'),
  inPeople('a jsonb', "(p.doc ->> 'k')"),
  inPeople('an array', 'p.list[1]'),
  inPeople('a column that is not granted', 'p.gone'),
  inPeople('a whole row', "(to_jsonb(p) ->> 'secret')"),
  { name: 'a view', from: 'people_view p', row: 'p.id = 1', value: 'p.secret' },
  { name: 'a hidden row', from: 'letters p', row: 'p.id = 1', value: 'p.body' },
  { name: 'a hidden row, as text', from: 'letters p', row: 'p.id + 0 = 1', value: 'substr(p::text, 6)' },
];

/** Values that many rows have, so that the planner's statistics know of them. */
export const POPULAR: readonly Place[] = [
  { name: 'a popular value', from: 'popular p', row: 'p.id > 0', value: 'p.secret' },
  { name: 'a popular value of hidden rows', from: 'shut p', row: 'p.id > 0', value: 'p.body' },
];

/** Predicates that the planner estimates by statistics. */
export const ESTIMATED: ReadonlySet<string> = new Set(['LIKE', '~', '^@', '>=', 'BETWEEN']);

export type Predicate = {
  readonly name: string;
  readonly finds: Technique['finds'];
  readonly sql: (value: string, guess: string) => string;
};

const equal = (name: string, sql: Predicate['sql']): Predicate => ({ name, finds: 'Equal', sql });

export const PREDICATES: readonly Predicate[] = [
  equal('LIKE', (value, guess) => `${value} LIKE '${guess}%'`),
  equal('NOT ILIKE', (value, guess) => `${value} NOT ILIKE '${guess.toUpperCase()}%'`),
  equal('~', (value, guess) => `${value} ~ '^${guess}'`),
  equal('SIMILAR TO', (value, guess) => `${value} SIMILAR TO '${guess}%'`),
  equal('^@', (value, guess) => `${value} ^@ '${guess}'`),
  equal('left', (value, guess) => `left(${value}, ${guess.length}) = '${guess}'`),
  equal('substring FROM', (value, guess) => `substring(${value} FROM 1 FOR ${guess.length}) IN ('${guess}', '-')`),
  equal('= ANY', (value, guess) => `substr(${value}, 1, ${guess.length}) = ANY (ARRAY['${guess}', '-'])`),
  equal('position', (value, guess) => `position('${guess}' IN ${value}) = 1`),
  equal('ascii', (value, guess) => `ascii(substr(${value}, ${guess.length}, 1)) = ascii(substr('${guess}', ${guess.length}, 1))`),
  equal(
    'IS NOT DISTINCT FROM',
    (value, guess) => `overlay(${value} placing '' from ${guess.length + 1} for 9) IS NOT DISTINCT FROM '${guess}'`,
  ),
  equal('regexp_count', (value, guess) => `array_length(regexp_split_to_array(${value}, '^${guess}'), 1) = 2`),
  equal('jsonb path', (value, guess) => `to_jsonb(${value}) @@ '$ starts with "${guess}"'`),
  equal('text search', (value, guess) => `to_tsvector('simple', ${value}) @@ to_tsquery('simple', '${guess}:*')`),
  equal(
    'bytes',
    (value, guess) => `get_byte(convert_to(${value}, 'UTF8'), ${guess.length - 1}) = get_byte('${guess}', ${guess.length - 1})`,
  ),
  equal('row', (value, guess) => `(left(${value}, ${guess.length}), 1) = ('${guess}', 1)`),
  { name: '>=', finds: 'Order', sql: (value, guess) => `${value} >= '${guess}'` },
  { name: 'BETWEEN', finds: 'Order', sql: (value, guess) => `${value} BETWEEN '${guess}' AND 'z'` },
  { name: 'greatest', finds: 'Order', sql: (value, guess) => `greatest(${value}, '${guess}') = ${value}` },
  { name: '>= ALL', finds: 'Order', sql: (value, guess) => `${value} >= ALL (ARRAY['${guess}', 'a'])` },
  {
    name: 'range',
    finds: 'Order',
    sql: (value, guess) =>
      `('[' || ascii(substr('${guess}', ${guess.length}, 1)) || ',200)')::int4range @> ascii(substr(${value}, ${guess.length}, 1))`,
  },
];
