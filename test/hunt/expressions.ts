/**
 * Random expressions, by family.
 */
import { quoteName } from './database.ts';
import { deeper, literal, type Place, someField } from './scope-of-names.ts';
import type { Family } from './values.ts';

/** How a sub-query is made; given by the queries' file, so that the two need not import each other. */
export type SubQueries = {
  readonly scalar: (place: Place, family: Family) => string;
  readonly any: (place: Place) => string;
};

const CASTS: Readonly<Record<Family, string>> = {
  text: 'text',
  int: 'int',
  numeric: 'numeric',
  bool: 'boolean',
  date: 'date',
  time: 'timestamptz',
  uuid: 'uuid',
  bytea: 'bytea',
  json: 'json',
  jsonb: 'jsonb',
  inet: 'inet',
  texts: 'text[]',
  ints: 'int[]',
  mood: 'public.mood',
  address: 'public.address',
};

export const FAMILIES = Object.keys(CASTS) as Family[];

const LITERALS: Readonly<Record<Family, readonly string[]>> = {
  text: ["'a'", "'Ada'", "''", "'12'", "'***'", "'eu'", "'%a%'"],
  int: ['0', '1', '7', '-3', '1000'],
  numeric: ['0', '1.5', '2.25', '-7'],
  bool: ['true', 'false'],
  date: ["date '1970-01-01'", "date '2025-02-14'"],
  time: ["timestamptz '2024-01-15 00:00:00+00'"],
  uuid: ["uuid '00000000-0000-0000-0000-000000000000'"],
  bytea: ["'\\x'::bytea", "'\\xdead'::bytea"],
  json: [`json '{"k": 1}'`],
  jsonb: [`jsonb '{"name": 1}'`, "jsonb '[]'"],
  inet: ["inet '10.0.0.1'"],
  texts: ["ARRAY['a', 'b']", "'{}'::text[]"],
  ints: ['ARRAY[1, 2]', "'{}'::int[]"],
  mood: ["'calm'::public.mood"],
  address: ["ROW('a', 'b')::public.address"],
};

const PLAIN = new Set<Family>(['text', 'int', 'numeric', 'date', 'time', 'uuid']);

export class Expressions {
  readonly #queries: SubQueries;

  constructor(queries: SubQueries) {
    this.#queries = queries;
  }

  /** An expression of that family. */
  of(place: Place, family: Family): string {
    const { random } = place;
    const field = someField(place, family);
    if (place.depth <= 0 || random.chance(0.4)) return field !== undefined && random.chance(0.85) ? field : this.#constant(place, family);
    const below = deeper(place);
    if (random.chance(0.12)) return this.#general(below, family);
    return this.#made(below, family) ?? field ?? this.#constant(place, family);
  }

  /** Plain comparisons of columns, as most conditions are: indexes serve them. */
  plain(place: Place): string {
    const { random } = place;
    const fields = place.items.flatMap(({ alias, fields: own }) => own.map((field) => ({ ...field, alias })));
    const usable = fields.filter(({ family }) => PLAIN.has(family));
    if (usable.length === 0) return 'true';
    const one = (): string => {
      const { alias, name, family } = random.pick(usable);
      const column = `${quoteName(alias)}.${quoteName(name)}`;
      const value = (): string => this.#constant(place, family);
      const other = random.pick(usable.filter((field) => field.family === family));
      return random.pick<() => string>([
        () => `${column} = ${value()}`,
        () => `${column} ${random.pick(['<', '>=', '<>'])} ${value()}`,
        () => `${column} IN (${value()}, ${value()})`,
        () => `${column} BETWEEN ${value()} AND ${value()}`,
        () => `${column} IS NOT NULL`,
        () => `${column} = ${quoteName(other.alias)}.${quoteName(other.name)}`,
      ])();
    };
    return Array.from({ length: random.whole(1, 3) }, one).join(random.pick([' AND ', ' AND ', ' OR ']));
  }

  /** An expression of any family, and which. */
  any(place: Place): { readonly sql: string; readonly family: Family } {
    const fields = place.items.flatMap((item) => item.fields);
    const family = fields.length > 0 && place.random.chance(0.75) ? place.random.pick(fields).family : place.random.pick(FAMILIES);
    return { sql: this.of(place, family), family };
  }

  #constant(place: Place, family: Family): string {
    const { random, notes, parameters, guesses } = place;
    if (guesses.length > 0 && (family === 'text' || family === 'int') && random.chance(0.3)) {
      const guess = random.pick(guesses);
      if (family === 'text') return literal(random.chance(0.2) ? `${guess.slice(0, 4)}%` : guess);
    }
    const written = random.pick(LITERALS[family]);
    if (!parameters || notes.parameters.length >= 5 || !random.chance(0.2)) return written;
    const plain = /^'([^'\\]*)'$|^(-?[\d.]+)$/.exec(written);
    if (plain === null) return written;
    notes.parameters.push(plain[1] ?? plain[2]!);
    return `$${notes.parameters.length}::${CASTS[family]}`;
  }

  /** What works for every family. */
  #general(place: Place, family: Family): string {
    const { random } = place;
    const of = (): string => this.of(place, family);
    return random.pick<() => string>([
      () => `COALESCE(${of()}, ${of()})`,
      () => `CASE WHEN ${this.of(place, 'bool')} THEN ${of()} ELSE ${of()} END`,
      () => `CASE ${this.of(place, 'text')} WHEN ${this.of(place, 'text')} THEN ${of()} END`,
      () => `NULLIF(${of()}, ${of()})`,
      () => `(${this.#queries.scalar(place, family)})`,
      () => `(ARRAY[${of()}, ${of()}])[${random.whole(1, 2)}]`,
      () => `GREATEST(${of()}, ${of()})`,
      () => `(${this.of(place, 'text')})::${CASTS[family]}`,
      () => `CAST(${this.of(place, 'text')} AS ${CASTS[family]})`,
      () => `(${of()})`,
    ])();
  }

  #row(place: Place): string | undefined {
    const { random, items } = place;
    return items.length === 0 ? undefined : quoteName(random.pick(items).alias);
  }

  #made(place: Place, family: Family): string | undefined {
    const make = this.#makers(place)[family];
    return make === undefined ? undefined : place.random.pick(make)();
  }

  #makers(place: Place): Partial<Record<Family, readonly (() => string)[]>> {
    const { random } = place;
    const e = (family: Family): string => this.of(place, family);
    const any = (): string => this.any(place).sql;
    const row = (): string => this.#row(place) ?? `ROW(${any()}, ${any()})`;
    const n = (most: number): number => random.whole(0, most);
    return {
      text: [
        () => `left(${e('text')}, ${n(9)})`,
        () => `right(${e('text')}, ${n(9)})`,
        () => `substring(${e('text')} FROM ${n(4)} FOR ${n(9)})`,
        () => `substring(${e('text')} from '${random.pick(['.', '[a-z]+', '(\\d+)', '^.{3}'])}')`,
        () => `reverse(${e('text')})`,
        () => `upper(${e('text')})`,
        () => `initcap(${e('text')})`,
        () => `(${e('text')} || ${e('text')})`,
        () => `encode(${e('bytea')}, '${random.pick(['hex', 'base64', 'escape'])}')`,
        () => `encode(convert_to(${e('text')}, 'UTF8'), '${random.pick(['hex', 'base64'])}')`,
        () => `md5(${e('text')})`,
        () => `replace(${e('text')}, ${e('text')}, '')`,
        () => `regexp_replace(${e('text')}, '.', 'x', 'g')`,
        () => `translate(${e('text')}, 'abc', 'xyz')`,
        () => `overlay(${e('text')} PLACING 'Z' FROM ${1 + n(4)})`,
        () => `lpad(${e('text')}, ${n(20)}, '-')`,
        () => `split_part(${e('text')}, '-', ${1 + n(2)})`,
        () => `quote_literal(${e('text')})`,
        () => `quote_nullable(${any()})`,
        () => `concat(${any()}, ${any()})`,
        () => `concat_ws(',', ${any()}, ${any()}, ${any()})`,
        () => `format('%s %L %I', ${any()}, ${any()}, ${e('text')})`,
        () => `(${any()})::text`,
        () => `${row()}::text`,
        () => `ROW(${any()}, ${any()})::text`,
        () => `row_to_json(${row()})::text`,
        () => `to_jsonb(${row()})::text`,
        () => `xmlforest(${any()} AS a, ${any()} AS b)::text`,
        () => `xmlelement(name x, xmlattributes(${e('text')} AS y), ${any()})::text`,
        () => `array_to_string(${e('texts')}, ',')`,
        () => `jsonb_pretty(${e('jsonb')})`,
        () => `(${e('jsonb')} ->> 'name')`,
        () => `to_char(${e(random.pick(['numeric', 'int']))}, '999999999D99')`,
        () => `to_char(${e('time')}, 'YYYY-MM-DD HH24:MI')`,
        () => `host(${e('inet')})`,
        () => `pg_typeof(${any()})::text`,
        () => `chr(64 + ${n(20)})`,
        () => `trim(both 'x' from ${e('text')})`,
        () => `(${e('address')}).street`,
        () => `(${e('text')} COLLATE "C")`,
        () => `normalize(${e('text')})`,
        () => `(${e('texts')})[1]`,
      ],
      int: [
        () => `length(${e('text')})`,
        () => `ascii(${e('text')})`,
        () => `position(${e('text')} in ${e('text')})`,
        () => `(${e('int')} + ${e('int')})`,
        () => `(${e('int')} % ${e('int')})`,
        () => `(1 / (${e('int')} - ${e('int')}))`,
        () => `(${e('text')})::int`,
        () => `octet_length(${e('bytea')})`,
        () => `get_byte(${e('bytea')}, 0)`,
        () => `extract(year from ${e('date')})::int`,
        () => `extract(epoch from ${e('time')})::bigint`,
        () => `array_length(${e('texts')}, 1)`,
        () => `cardinality(${e('ints')})`,
        () => `(${e('ints')})[1]`,
        () => `(${e('date')} - ${e('date')})`,
        () => `width_bucket(${e('numeric')}, 0, 100, 5)`,
        () => `pg_column_size(${any()})`,
        () => `num_nulls(${any()}, ${any()})`,
        () => `sign(${e('int')})::int`,
        () => `jsonb_array_length(${e('jsonb')})`,
        () => `abs(${e('int')})`,
        () => `hashtext(${e('text')})`,
        () => `strpos(${e('text')}, ${e('text')})`,
      ],
      numeric: [
        () => `(${e('numeric')} * ${e('numeric')})`,
        () => `(${e('numeric')} / ${e('numeric')})`,
        () => `round(${e('numeric')}, 1)`,
        () => `sqrt(${e('numeric')})`,
        () => `ln(${e('numeric')})`,
        () => `(${e('text')})::numeric`,
        () => `(${e('int')})::numeric`,
        () => `trunc(${e('numeric')})`,
        () => `extract(epoch from ${e('date')})`,
      ],
      bool: [
        () => {
          const family = random.pick<Family>(['text', 'int', 'date', 'uuid', 'numeric', 'inet', 'bytea', 'texts', 'mood', 'jsonb']);
          return `(${e(family)} ${random.pick(['=', '<', '>', '<>', '<=', 'IS DISTINCT FROM'])} ${e(family)})`;
        },
        () => `(${e('text')} LIKE ${e('text')})`,
        () => `(${e('text')} ILIKE '${random.pick(['a%', '%1%', '_%'])}')`,
        () => `(${e('text')} ~ '${random.pick(['^a', '[0-9]', 'x$'])}')`,
        () => `(${e('text')} SIMILAR TO '%(a|b)%')`,
        () => `(${any()} IS NULL)`,
        () => `(${e('int')} BETWEEN ${e('int')} AND ${e('int')})`,
        () => `(${e('text')} IN (${e('text')}, ${e('text')}))`,
        () => `(${e('text')} IN (${this.#queries.scalar(place, 'text')}))`,
        () => `(${e('int')} = ANY (${e('ints')}))`,
        () => `(${e('text')} = ANY (${e('texts')}))`,
        () => `(${e('int')} > ALL (${this.#queries.scalar(place, 'int')}))`,
        () => `EXISTS (${this.#queries.any(place)})`,
        () => `(NOT ${e('bool')})`,
        () => `(${e('bool')} AND ${e('bool')})`,
        () => `(${e('bool')} OR ${e('bool')})`,
        () => `((${e('text')}, ${e('int')}) < (${e('text')}, ${e('int')}))`,
        () => `(${e('jsonb')} @> ${e('jsonb')})`,
        () => `(${e('jsonb')} ? 'name')`,
        () => `(${e('inet')} << ${e('inet')})`,
        () => `starts_with(${e('text')}, ${e('text')})`,
        () => `(${row()} IS NOT NULL)`,
        () => `(${e('texts')} && ${e('texts')})`,
      ],
      date: [
        () => `(${e('date')} + ${n(30)})`,
        () => `(${e('time')})::date`,
        () => `(${e('text')})::date`,
        () => `make_date(2020, ${1 + n(11)}, ${e('int')})`,
        () => `to_date(${e('text')}, 'YYYY')`,
      ],
      time: [
        () => `date_trunc('month', ${e('time')})`,
        () => `(${e('time')} + interval '1 day')`,
        () => `(${e('date')})::timestamptz`,
        () => `to_timestamp(${e('int')})`,
      ],
      uuid: [() => `(${e('text')})::uuid`, () => `md5(${e('text')})::uuid`],
      bytea: [
        () => `convert_to(${e('text')}, 'UTF8')`,
        () => `decode(${e('text')}, 'hex')`,
        () => `sha256(${e('bytea')})`,
        () => `substring(${e('bytea')} from 1 for 4)`,
        () => `(${e('bytea')} || ${e('bytea')})`,
        () => `set_byte(${e('bytea')}, 0, 7)`,
        () => `int8send(${e('int')})`,
      ],
      json: [
        () => `row_to_json(${row()})`,
        () => `to_json(${any()})`,
        () => `json_build_object('a', ${any()}, 'b', ${any()})`,
        () => `(${e('json')} -> 'name')`,
      ],
      jsonb: [
        () => `to_jsonb(${row()})`,
        () => `to_jsonb(${any()})`,
        () => `jsonb_build_array(${any()}, ${any()})`,
        () => `(${e('jsonb')} -> 'name')`,
        () => `(${e('jsonb')} || ${e('jsonb')})`,
        () => `jsonb_set(${e('jsonb')}, '{name}', '1')`,
        () => `jsonb_path_query_first(${e('jsonb')}, '$.name')`,
        () => `(${e('text')})::jsonb`,
        () => `json_object(${e('texts')})::jsonb`,
      ],
      inet: [() => `network(${e('inet')})::inet`, () => `(${e('text')})::inet`, () => `(${e('inet')} + 1)`],
      texts: [
        () => `ARRAY[${e('text')}, ${e('text')}]`,
        () => `ARRAY(${this.#queries.scalar(place, 'text')})`,
        () => `string_to_array(${e('text')}, ${random.pick(["','", 'NULL', "'-'"])})`,
        () => `array_append(${e('texts')}, ${e('text')})`,
        () => `regexp_split_to_array(${e('text')}, '')`,
        () => `(${e('texts')} || ${e('texts')})`,
      ],
      ints: [() => `ARRAY[${e('int')}, ${e('int')}]`, () => `ARRAY(${this.#queries.scalar(place, 'int')})`],
      mood: [() => `(${e('text')})::public.mood`],
      address: [() => `ROW(${e('text')}, ${e('text')})::public.address`],
    };
  }
}
