/**
 * The values of the hunt's database: those that the agent must not see are unique.
 */
import type { Random } from './random.ts';

/** What an expression yields, as far as the generator tells values apart. */
export type Family =
  | 'text'
  | 'int'
  | 'numeric'
  | 'bool'
  | 'date'
  | 'time'
  | 'uuid'
  | 'bytea'
  | 'json'
  | 'jsonb'
  | 'inet'
  | 'texts'
  | 'ints'
  | 'mood'
  | 'address';

/** What the scanner of the corpus looks for; `core` is the part of the value that no mask shows. */
export type Canary = { readonly id: string; readonly kind: CanaryKind; readonly core: string; readonly value: string };
export type CanaryKind = 'text' | 'digits' | 'int' | 'bigint' | 'numeric' | 'date' | 'time' | 'uuid' | 'bytea' | 'inet';

/** A value as an SQL literal, with what is secret of it. */
export type Value = { readonly sql: string; readonly secrets: readonly Omit<Canary, 'id'>[] };

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const secret = (kind: CanaryKind, core: string, value = core): Omit<Canary, 'id'> => ({ kind, core, value });
const both = (number: number): string => String(number).padStart(2, '0');

const day = (random: Random): string => `${random.whole(1931, 1989)}-${both(random.whole(2, 12))}-${both(random.whole(2, 28))}`;
const address = (random: Random): string => `10.${random.whole(100, 250)}.${random.whole(100, 250)}.${random.whole(100, 250)}`;
const identifier = (random: Random): string => {
  const hex = random.bytes(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

const words = (random: Random, shape: (word: string) => string, slice = 0): Value => {
  const word = random.word(11, 15);
  return { sql: quoted(shape(word)), secrets: [secret('text', word.slice(slice))] };
};

/** Makes a secret value of each kind of column. */
export const SECRET: Readonly<Record<string, (random: Random) => Value>> = {
  text: (random) => words(random, (word) => word),
  email: (random) => words(random, (word) => `${word}@example.com`),
  /** The first two characters and the last four may be seen. */
  framed: (random) => words(random, (word) => `+4${word}7711`),
  /** Its first character may be seen. */
  initial: (random) => words(random, (word) => word, 1),
  int: (random) => {
    const value = String(random.whole(1_100_000_000, 2_100_000_000));
    return { sql: value, secrets: [secret('int', value)] };
  },
  bigint: (random) => {
    const value = random.digits(17);
    return { sql: value, secrets: [secret('bigint', value)] };
  },
  numeric: (random) => {
    const value = `${random.digits(8)}.${random.digits(2)}`;
    return { sql: value, secrets: [secret('numeric', value)] };
  },
  date: (random) => {
    const value = day(random);
    return { sql: quoted(value), secrets: [secret('date', value)] };
  },
  time: (random) => {
    const value = `${day(random)} ${both(random.whole(1, 22))}:${both(random.whole(1, 58))}:${both(random.whole(1, 58))}`;
    return { sql: `${quoted(value)}::timestamp AT TIME ZONE 'UTC'`, secrets: [secret('time', value)] };
  },
  uuid: (random) => {
    const value = identifier(random);
    return { sql: quoted(value), secrets: [secret('uuid', value)] };
  },
  bytea: (random) => {
    const value = random.bytes(random.whole(12, 16)).toString('hex');
    return { sql: quoted(`\\x${value}`), secrets: [secret('bytea', value)] };
  },
  inet: (random) => {
    const value = address(random);
    return { sql: quoted(value), secrets: [secret('inet', value)] };
  },
  json: (random) => {
    const [inner, number] = [random.word(12), random.digits(12)];
    return {
      sql: quoted(JSON.stringify({ name: inner, number: Number(number) })),
      secrets: [secret('text', inner), secret('digits', number)],
    };
  },
  texts: (random) => {
    const parts = [random.word(11), random.word(13)];
    return { sql: `ARRAY[${parts.map(quoted).join(', ')}]`, secrets: parts.map((part) => secret('text', part)) };
  },
  ints: (random) => {
    const parts = [random.whole(1_100_000_000, 2_100_000_000), random.whole(1_100_000_000, 2_100_000_000)].map(String);
    return { sql: `ARRAY[${parts.join(', ')}]`, secrets: parts.map((part) => secret('int', part)) };
  },
  /** A value of few: nothing to search for, but two databases can differ in it. */
  mood: (random) => ({ sql: quoted(random.pick(['sad', 'calm', 'glad'])), secrets: [] }),
  small: (random) => ({ sql: String(random.whole(1, 99)), secrets: [] }),
  address: (random) => {
    const parts = [random.word(12), random.word(12)];
    return { sql: `ROW(${parts.map(quoted).join(', ')})::public.address`, secrets: parts.map((part) => secret('text', part)) };
  },
};
