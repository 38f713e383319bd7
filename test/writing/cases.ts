/**
 * A random statement as a whole.
 */
import type { Random } from '../hunt/random.ts';
import { columnOf, conditionOn, type Draw, expression, newAlias, numbered, someTable, tableOf } from './pieces.ts';
import { deletion, insert, type Joined, joined, merge, update } from './statements.ts';
import { type Kind, PROFILES, type Profile } from './world.ts';

export type WriteCase = {
  readonly profile: Profile;
  /** With marks: see `render.ts`. */
  readonly marked: string;
  readonly parameters: readonly string[] | undefined;
  /** What COPY FROM STDIN is given. */
  readonly data: string | undefined;
};

type Writing = (draw: Draw, from?: Joined) => string;

const WRITINGS: readonly Writing[] = [insert, insert, insert, update, update, update, deletion, merge];

const writing = (draw: Draw): Writing => {
  const picked = draw.random.pick(WRITINGS);
  return picked === merge && draw.version < 15 ? update : picked;
};

/** SELECT with a lock on what it reads. */
const locking = (draw: Draw): string => {
  const { random } = draw;
  const found = someTable(draw);
  const table = found.name === 'lookups' && random.chance(0.8) ? tableOf('orders') : found;
  const alias = newAlias(draw);
  const other = random.chance(0.3) ? { alias: newAlias(draw), table: tableOf('orders') } : undefined;
  const source = { alias: other === undefined && random.chance(0.6) ? undefined : alias, table };
  const columns = [expression(draw, 'int', [source], 1), columnOf(draw, source, 'digits') ?? '1'].map(
    (sql, index) => `${sql} AS c${index}`,
  );
  const join = other === undefined ? '' : ` JOIN orders AS ${other.alias} ON ${other.alias}.id = ${columnOf(draw, source, 'int') ?? '1'}`;
  const strength = random.pick(['UPDATE', 'UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE']);
  const of = random.chance(0.4) ? ` OF ${alias}` : '';
  const wait = random.pick(['', '', ' NOWAIT', ' SKIP LOCKED']);
  const sources = other === undefined ? [source] : [source, other];
  const order = table.keys[0]?.map((name) => `${alias}.${name}`).join(', ');
  const limit = order !== undefined && random.chance(0.4) ? ` ORDER BY ${order} LIMIT ${random.whole(1, 3)}` : '';
  return `SELECT ${columns.join(', ')} FROM ${table.name} AS ${alias}${join} WHERE ${conditionOn(draw, sources)}${limit} FOR ${strength}${of}${wait}`;
};

/** A statement that writes, and says which number it wrote. */
const withReturning = (draw: Draw, first: Writing): string => {
  const writes = draw.version < 17 && first === merge ? update : first;
  const [sql = ''] = writes(draw).split(' RETURNING ');
  return `${sql} RETURNING 1 AS k, 2 AS v`;
};

/** WITH on top: a query, or another statement that writes, whose rows the main one uses. */
const combined = (draw: Draw): string => {
  const { random } = draw;
  const name = random.pick(['w', 'w', 'moved', 'vault']);
  if (random.chance(0.35)) {
    const source = joined(draw);
    const alias = newAlias(draw);
    const from: Joined = { sql: `${name} AS ${alias}`, alias, source: undefined, key: 'k', value: 'v' };
    const query = `SELECT ${source.alias}.${source.key} AS k, ${source.alias}.${source.value} AS v FROM ${source.sql}`;
    return `WITH ${name}${random.chance(0.3) ? ' (k, v)' : ''} AS (${query}) ${writing(draw)(draw, from)}`;
  }
  const first = withReturning(draw, writing(draw));
  if (random.chance(0.4)) return `WITH ${name} AS (${first}) SELECT count(*) AS n, max(k) AS k FROM ${name}`;
  if (random.chance(0.3))
    return `WITH ${name} AS (${first}) SELECT ${expression(draw, 'int', [{ alias: 'a', table: tableOf('accounts') }], 1)} AS c FROM accounts AS a WHERE EXISTS (SELECT 1 FROM ${name})`;
  return `WITH ${name} AS (${first}) INSERT INTO "Log Book" ("Who", entry) SELECT 'w' || count(*), 'x' FROM ${name}`;
};

/** Row-level security knows no COPY FROM: into tables without a filter. */
const copy = ({ random, profile }: Draw): WriteCase => {
  const table = tableOf(random.pick(['tags', 'tags', '"Log Book"', 'vault']));
  const candidates = table.columns.filter(({ insert }) => insert || random.chance(0.1));
  const columns = random.some(candidates, random.whole(1, 4));
  const isCsv = random.chance(0.4);
  const value = (kind: Kind): string =>
    random.chance(0.05) ? (isCsv ? '' : '\\N') : kind === 'int' ? String(random.whole(1, 40)) : `w${random.whole(1, 40)}`;
  const rows = Array.from({ length: random.whole(0, 4) }, () => columns.map(({ kind }) => value(kind)).join(isCsv ? ',' : '\t'));
  const list = columns.length > 0 ? ` (${columns.map(({ name }) => name).join(', ')})` : '';
  const data = rows.map((row) => `${row}\n`).join('');
  return { profile, marked: `COPY ${table.name}${list} FROM STDIN${isCsv ? ' (FORMAT csv)' : ''}`, parameters: undefined, data };
};

export const nextCase = (random: Random, version: number): WriteCase => {
  const profile = random.pick(PROFILES);
  const draw: Draw = { random, profile, version, parameters: random.chance(0.4), aliases: 0 };
  if (random.chance(0.03)) return copy(draw);
  const drawn = random.chance(0.1) ? locking(draw) : random.chance(0.15) ? combined(draw) : writing(draw)(draw);
  const { marked, values } = numbered(drawn);
  return { profile, marked, parameters: values.length > 0 ? values : undefined, data: undefined };
};
