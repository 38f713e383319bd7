/**
 * Random expressions and conditions. Those that can fail do so on hidden rows only: an error would tell of one.
 */
import type { Random } from '../hunt/random.ts';
import { type Kind, type Profile, TABLES, type WorldColumn, type WorldTable } from './world.ts';

/** What a statement is drawn with. */
export type Draw = {
  readonly random: Random;
  readonly profile: Profile;
  readonly version: number;
  /** Whether values may be parameters. */
  readonly parameters: boolean;
  /** Aliases given so far. */
  aliases: number;
};

/** A relation that expressions can name, whose columns stand alone where it has no alias. */
export type Source = { readonly alias: string | undefined; readonly table: WorldTable };

const qualified = (alias: string | undefined, name: string): string => (alias === undefined ? name : `${alias}.${name}`);

export const tableOf = (name: string): WorldTable => {
  const table = TABLES.find((one) => one.name === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
};

const READABLE = TABLES.filter(({ columns }) => columns.some(({ read }) => read === true));

/** One that may be read, nearly always. */
export const someTable = ({ random }: Draw): WorldTable => (random.chance(0.01) ? tableOf('vault') : random.pick(READABLE));

export const newAlias = (draw: Draw): string => {
  draw.aliases += 1;
  return `x${draw.aliases}`;
};

const LITERALS: Record<Kind, (random: Random) => string> = {
  int: (random) => String(random.chance(0.15) ? random.pick([0, 1, 2, 90, 99]) : random.whole(1, 25)),
  digits: (random) => String(random.chance(0.1) ? random.pick([77, 78, 79]) : random.whole(1, 25)),
  word: (random) => `w${random.whole(1, 30)}`,
  region: (random) => random.pick(['eu', 'eu', 'eu', 'us']),
  status: (random) => random.pick(['new', 'new', 'paid', 'sent', 'secret', 'odd']),
};

/** A value as a literal or a parameter, whose type is left to be inferred where the place says which it is. See `numbered`. */
export const literal = ({ random, parameters }: Draw, kind: Kind, inferred = false): string => {
  if (random.chance(0.04)) return 'NULL';
  const value = LITERALS[kind](random);
  if (parameters && random.chance(0.6)) return `⟪$ ${value}⟫${inferred && random.chance(0.7) ? '' : kind === 'int' ? '::int' : '::text'}`;
  return kind === 'int' ? value : `'${value}'`;
};

/** The statement with `$1`, `$2`, ... where its parameters are, and their values. */
export const numbered = (marked: string): { readonly marked: string; readonly values: readonly string[] } => {
  const values: string[] = [];
  const text = marked.replaceAll(/⟪\$ (\S+?)⟫/g, (_, value: string) => `$${values.push(value)}`);
  return { marked: text, values };
};

/** A column as an expression; nearly always one that may be read. */
export const columnOf = ({ random, profile }: Draw, { alias, table }: Source, kind: Kind): string | undefined => {
  const careless = random.chance(0.02);
  const fits = (column: WorldColumn): boolean =>
    column.kind === kind && (careless || column.read === true || (column.read === 'masked' && profile.masks));
  const columns = table.columns.filter(fits);
  if (columns.length === 0) return undefined;
  const column = random.pick(columns);
  return column.read === 'masked' ? `⟪ssn ${alias ?? '-'}⟫` : qualified(alias, column.name);
};

const hot = (sources: readonly Source[], random: Random): string | undefined => {
  const found = sources.filter(({ table }) => table.hot !== undefined);
  if (found.length === 0) return undefined;
  const { alias, table } = random.pick(found);
  return table.hot && qualified(alias, table.hot);
};

/** A sub-query that gives one value of the kind. */
const scalar = (draw: Draw, kind: Kind, sources: readonly Source[]): string => {
  const source = { alias: newAlias(draw), table: someTable(draw) };
  const column = columnOf(draw, source, kind);
  const condition = conditionOn(draw, draw.random.chance(0.3) ? [source, ...sources] : [source], 1);
  return column === undefined
    ? literal(draw, kind)
    : `(SELECT max(${column}) FROM ${source.table.name} AS ${source.alias} WHERE ${condition})`;
};

/** An expression of the kind over these relations. */
export const expression = (draw: Draw, kind: Kind, sources: readonly Source[], depth = 2): string => {
  const { random } = draw;
  const source = sources.length > 0 ? random.pick(sources) : undefined;
  const column = source && columnOf(draw, source, kind);
  if (depth === 0 || column === undefined || random.chance(0.3))
    return random.chance(0.6) && column !== undefined ? column : literal(draw, kind);
  if (random.chance(0.15)) return scalar(draw, kind, sources);
  if (random.chance(0.1))
    return `CASE WHEN ${conditionOn(draw, sources, depth - 1)} THEN ${column} ELSE ${expression(draw, kind, sources, depth - 1)} END`;
  if (random.chance(0.1)) return `coalesce(${column}, ${expression(draw, kind, sources, depth - 1)})`;
  const danger = hot(sources, random);
  if (kind === 'int' && danger !== undefined && random.chance(0.25)) return `(${column} + 1 / (${danger} - 666)) % 60`;
  const note = source && columnOf(draw, source, 'digits');
  if (kind === 'int' && note !== undefined && random.chance(0.15)) return `${note}::int % 60`;
  if (kind === 'int') return `(${column} ${random.pick(['+', '*'])} ${expression(draw, kind, sources, depth - 1)}) % 60`;
  return column;
};

const simpleCondition = (draw: Draw, sources: readonly Source[]): string => {
  const { random } = draw;
  const source = random.pick(sources);
  const kind = random.pick(['int', 'int', 'int', 'digits', 'word', 'region', 'status'] as const);
  const column = columnOf(draw, source, kind) ?? columnOf(draw, source, 'int') ?? columnOf(draw, source, 'word');
  if (column === undefined) return 'true';
  const of: Kind =
    columnOf(draw, source, kind) === undefined
      ? source.table.columns.some((one) => one.kind === 'int' && one.read)
        ? 'int'
        : 'word'
      : kind;
  const operators = of === 'int' ? ['=', '<', '>', '<=', '>=', '<>'] : ['=', '<>', '<', '>='];
  return random.pick([
    () => `${column} ${random.pick(operators)} ${literal(draw, of, true)}`,
    () => `${column} IN (${literal(draw, of, true)}, ${literal(draw, of)}, ${literal(draw, of)})`,
    () => `${column} IS ${random.chance(0.5) ? 'NOT ' : ''}NULL`,
    () => `${column} ${random.pick(operators)} ${expression(draw, of, sources, 1)}`,
  ])();
};

/** Told from hidden rows it fails, or is true of them. */
const probe = (draw: Draw, sources: readonly Source[]): string => {
  const { random } = draw;
  const { alias, table } = random.pick(sources);
  const danger = table.hot && qualified(alias, table.hot);
  const digits = columnOf(draw, { alias, table }, 'digits');
  if (danger !== undefined && random.chance(0.6)) return random.pick([`1 / (${danger} - 666) < 5`, `${danger} = 666`, `${danger} > 600`]);
  if (digits !== undefined) return random.pick([`${digits}::int >= 0`, `${digits} LIKE 'C%'`, `${digits}::int < 15`]);
  return 'true';
};

const subQuery = (draw: Draw, sources: readonly Source[], depth: number): string => {
  const { random } = draw;
  const inner = { alias: newAlias(draw), table: someTable(draw) };
  const outer = columnOf(draw, random.pick(sources), 'int');
  const column = columnOf(draw, inner, 'int');
  const from = `FROM ${inner.table.name} AS ${inner.alias}`;
  const condition = conditionOn(draw, [inner, ...sources], depth - 1);
  if (outer === undefined || column === undefined) return `EXISTS (SELECT 1 ${from} WHERE ${condition})`;
  return random.pick([
    `EXISTS (SELECT 1 ${from} WHERE ${column} = ${outer} AND ${condition})`,
    `${outer} IN (SELECT ${column} ${from} WHERE ${condition})`,
    `${outer} <= ALL (SELECT ${column} ${from} WHERE ${condition})`,
    `${outer} < (SELECT count(*) ${from} WHERE ${condition})`,
  ]);
};

/** A condition over these relations. */
export const conditionOn = (draw: Draw, sources: readonly Source[], depth = 2): string => {
  const { random } = draw;
  if (sources.length === 0) return random.pick(['true', '1 = 1', 'true', 'false']);
  if (random.chance(0.2)) return random.pick(['true', '1 = 1']);
  if (depth > 0 && random.chance(0.3)) {
    const [one, other] = [conditionOn(draw, sources, depth - 1), conditionOn(draw, sources, depth - 1)];
    return random.pick([`(${one} AND ${other})`, `(${one} OR ${other})`, `NOT (${one})`]);
  }
  if (depth > 0 && random.chance(0.2)) return subQuery(draw, sources, depth);
  if (random.chance(0.25)) return probe(draw, sources);
  return simpleCondition(draw, sources);
};
