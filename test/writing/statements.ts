/**
 * Random INSERT, UPDATE, DELETE and MERGE on one target; `cases.ts` puts them together with WITH, SELECT and locks.
 *
 * What is written never depends on the order in which rows are found: a target row is met by one source row at most, and rows with
 * numbers of their own are inserted in an order that the statement says.
 */
import { columnOf, conditionOn, type Draw, expression, literal, newAlias, type Source, someTable, tableOf } from './pieces.ts';
import { TABLES, type WorldColumn, type WorldTable } from './world.ts';

/** A relation whose column `k` is unique, with an int column `v`, to join a target with. */
export type Joined = {
  readonly sql: string;
  readonly alias: string;
  readonly source: Source | undefined;
  readonly key: string;
  readonly value: string;
};

const WRITABLE = TABLES.filter(({ columns }) => columns.some((column) => column.insert));

/** One that may be written in that way, nearly always. */
const someTarget = ({ random }: Draw, way: 'insert' | 'change'): WorldTable =>
  random.chance(0.02) ? random.pick(TABLES) : random.pick(WRITABLE.filter((table) => way === 'insert' || table.delete));

const granted = ({ random }: Draw, columns: readonly WorldColumn[], right: 'insert' | 'update'): WorldColumn[] =>
  columns.filter((column) => column[right] || random.chance(0.01));

/** What stands behind a column in VALUES or SET. */
const assigned = (draw: Draw, column: WorldColumn, sources: readonly Source[]): string => {
  if (draw.random.chance(0.06)) return 'DEFAULT';
  // What brings a row out of the filter, or into it, often enough.
  if (column.name === 'tenant' && draw.random.chance(0.8)) return draw.random.pick(['1', '1', '1', '2']);
  return draw.random.chance(0.6) ? literal(draw, column.kind, true) : expression(draw, column.kind, sources, 1);
};

/** `more`: entries about other relations; without them, columns need no qualifier. */
const returning = (draw: Draw, table: WorldTable, alias: string, more?: readonly string[]): string => {
  const { random, version } = draw;
  const readable = table.columns.some(({ read }) => read === true);
  if (random.chance(readable ? 0.35 : 0.9)) return '';
  const qualifiers = [alias, alias, alias, ...(version >= 18 ? ['old', 'new'] : [])];
  const items = Array.from({ length: random.whole(1, 3) }, (_, index) => {
    const qualifier = random.pick(qualifiers);
    if (more === undefined && readable && random.chance(0.1)) return `⟪star ${alias} ${table.name}⟫`;
    if (readable && random.chance(0.2)) return `⟪all ${qualifier} ${table.name}⟫`;
    if (readable && random.chance(0.08)) return `⟪row ${qualifier} ${table.name}⟫ AS r${index}`;
    const source = { alias: more === undefined && random.chance(0.5) ? undefined : qualifier, table };
    const column = columnOf(draw, source, random.pick(['int', 'digits', 'word'] as const)) ?? columnOf(draw, source, 'word') ?? '0';
    return `${random.chance(0.7) ? column : expression(draw, 'int', [source], 1)} AS r${index}`;
  });
  return ` RETURNING ${[...items, ...(more ?? [])].join(', ')}`;
};

const conflict = (draw: Draw, table: WorldTable, alias: string): string => {
  const { random } = draw;
  if (random.chance(0.55) || table.keys.length === 0) return random.chance(0.1) ? ' ON CONFLICT DO NOTHING' : '';
  const key = random.pick(table.keys);
  const constraint = `${table.name}_${key === table.keys[0] ? 'pkey' : `${key.join('_')}_key`}`;
  const target = ` ON CONFLICT ${random.chance(0.1) ? `ON CONSTRAINT ${constraint}` : `(${key.join(', ')})`}`;
  if (random.chance(0.35)) return `${random.chance(0.5) ? target : ' ON CONFLICT'} DO NOTHING`;
  const sources = [
    { alias, table },
    { alias: 'excluded', table },
  ];
  const where = random.chance(0.3) ? ` WHERE ${conditionOn(draw, sources, 1)}` : '';
  return `${target} DO UPDATE SET ${assignments(draw, table, sources)}${where}`;
};

/** An INSERT of values, a query's rows, or nothing but defaults. */
export const insert = (draw: Draw, from?: Joined): string => {
  const { random } = draw;
  const table = someTarget(draw, 'insert');
  const alias = random.chance(0.3) ? newAlias(draw) : undefined;
  const into = `INSERT INTO ${table.name}${alias === undefined ? '' : ` AS ${alias}`}`;
  const end = (): string => {
    const name = alias ?? table.name;
    return `${conflict(draw, table, name)}${returning(draw, table, name)}`;
  };
  if (from === undefined && random.chance(0.05)) return `${into} DEFAULT VALUES${end()}`;
  const named = granted(draw, table.columns, 'insert').filter(({ name }) => (name === 'id' ? random.chance(0.3) : random.chance(0.85)));
  const positional = random.chance(0.08);
  const columns = positional ? table.columns.slice(0, random.whole(1, 4)) : named.length > 0 ? named : table.columns.slice(0, 2);
  const list = positional ? '' : ` (${columns.map(({ name }) => name).join(', ')})`;
  const overriding = random.chance(0.05) ? ' OVERRIDING SYSTEM VALUE' : '';
  if (from !== undefined || random.chance(0.3)) return `${into}${list}${overriding} ${insertedQuery(draw, columns, from)}${end()}`;
  const rows = Array.from({ length: random.whole(1, 3) }, () => `(${columns.map((column) => assigned(draw, column, [])).join(', ')})`);
  return `${into}${list}${overriding} VALUES ${rows.join(', ')}${end()}`;
};

const insertedQuery = (draw: Draw, columns: readonly WorldColumn[], from: Joined | undefined): string => {
  const table = someTable(draw);
  const source = from === undefined ? { alias: newAlias(draw), table } : undefined;
  const bare = draw.random.chance(0.5) ? undefined : source?.alias;
  const sources = source === undefined ? [] : [{ alias: bare, table }];
  const output = columns.map(({ kind }) =>
    from !== undefined && kind === 'int' && draw.random.chance(0.5)
      ? `${from.alias}.${from.value} % 60`
      : expression(draw, kind, sources, 1),
  );
  // Numbers, not names: the order of a parameter or a constant is none.
  const order = ` ORDER BY ${source === undefined ? `${from?.alias}.${from?.key}` : (table.keys[0] ?? ['1']).map((name) => `${source.alias}.${name}`).join(', ')}`;
  const relation = source === undefined ? from?.sql : `${table.name} AS ${source.alias}`;
  const limit = draw.random.chance(0.6) ? ` LIMIT ${draw.random.whole(1, 3)}` : '';
  return `SELECT ${output.join(', ')} FROM ${relation} WHERE ${conditionOn(draw, sources, 1)}${order}${limit}`;
};

/** The list of SET. */
export const assignments = (draw: Draw, table: WorldTable, sources: readonly Source[]): string => {
  const { random } = draw;
  const candidates = granted(draw, table.columns, 'update');
  const columns = random.some(candidates.length > 0 ? candidates : table.columns.slice(0, 2), random.whole(1, 3));
  const [first, second, third] = columns;
  if (first !== undefined && second !== undefined && random.chance(0.25)) {
    const pair = `(${first.name}, ${second.name})`;
    const rest = third === undefined ? '' : `, ${third.name} = ${assigned(draw, third, sources)}`;
    const values = [expression(draw, first.kind, sources, 1), expression(draw, second.kind, sources, 1)].join(', ');
    const query = `${pair} = (SELECT ${values} FROM lookups AS q WHERE q.id = ${literal(draw, 'int')})`;
    return random.pick([`${pair} = (${values})`, `${pair} = ROW(${values})`, query]) + rest;
  }
  return columns.map((column) => `${column.name} = ${assigned(draw, column, sources)}`).join(', ');
};

/** A source that meets each target row once at most. */
export const joined = (draw: Draw): Joined => {
  const { random } = draw;
  const alias = newAlias(draw);
  const name = random.pick(['lookups', 'accounts', 'tags', 'orders']);
  const value = { lookups: 'weight', accounts: 'n', tags: 'n', orders: 'amount' }[name] ?? 'id';
  const source = { alias, table: tableOf(name) };
  return random.pick([
    (): Joined => ({ sql: `${name} AS ${alias}`, alias, source, key: 'id', value }),
    (): Joined => ({ sql: `${name} AS ${alias}`, alias, source, key: 'id', value }),
    (): Joined => ({
      sql: `(SELECT id AS k, ${value} AS v FROM ${name} WHERE ${conditionOn(draw, [{ ...source, alias: name }], 1)}) AS ${alias}`,
      alias,
      source: undefined,
      key: 'k',
      value: 'v',
    }),
    (): Joined => ({
      sql: `(VALUES (${random.whole(1, 5)}, 3), (${random.whole(6, 12)}, 4), (${random.whole(13, 40)}, 5)) AS ${alias} (k, v)`,
      alias,
      source: undefined,
      key: 'k',
      value: 'v',
    }),
    (): Joined => ({ sql: `generate_series(1, 12) AS ${alias} (k)`, alias, source: undefined, key: 'k', value: 'k' }),
  ])();
};

const restriction = (draw: Draw, conditions: readonly string[]): string =>
  conditions.length === 0 || draw.random.chance(0.03) ? '' : ` WHERE ${conditions.join(' AND ')}`;

const targetOf = (draw: Draw): { readonly table: WorldTable; readonly alias: string; readonly sql: string } => {
  const table = someTarget(draw, 'change');
  const only = draw.random.chance(0.05) && table.name !== 'measures' ? 'ONLY ' : '';
  if (draw.random.chance(0.5)) return { table, alias: table.name, sql: `${only}${table.name}` };
  const alias = newAlias(draw);
  return { table, alias, sql: `${only}${table.name}${draw.random.chance(0.5) ? ' AS' : ''} ${alias}` };
};

/** The target's column that a joined relation's key is compared with. */
const keyOf = (draw: Draw, { alias, table }: Source): string => columnOf(draw, { alias, table }, 'int') ?? '1';

export const update = (draw: Draw, from?: Joined): string => {
  const { table, alias, sql } = targetOf(draw);
  const other = from ?? (draw.random.chance(0.35) ? joined(draw) : undefined);
  const own = { alias: other === undefined && draw.random.chance(0.6) ? undefined : alias, table };
  const sources = [own, ...(other?.source === undefined ? [] : [other.source])];
  const set = assignments(draw, table, sources);
  const join = other === undefined ? [] : [`${other.alias}.${other.key} = ${keyOf(draw, { alias, table })}`];
  const where =
    join.length > 0 ? ` WHERE ${[...join, conditionOn(draw, sources)].join(' AND ')}` : restriction(draw, [conditionOn(draw, sources)]);
  const more = other === undefined ? undefined : [`${other.alias}.${other.value} AS v`];
  return `UPDATE ${sql} SET ${set}${other === undefined ? '' : ` FROM ${other.sql}`}${where}${returning(draw, table, alias, more)}`;
};

export const deletion = (draw: Draw, from?: Joined): string => {
  const { table, alias, sql } = targetOf(draw);
  const other = from ?? (draw.random.chance(0.35) ? joined(draw) : undefined);
  const own = { alias: other === undefined && draw.random.chance(0.6) ? undefined : alias, table };
  const sources = [own, ...(other?.source === undefined ? [] : [other.source])];
  const join = other === undefined ? [] : [`${other.alias}.${other.key} = ${keyOf(draw, { alias, table })}`];
  const where = ` WHERE ${[...join, conditionOn(draw, sources)].join(' AND ')}`;
  const more = other === undefined ? undefined : [`${other.alias}.${other.value} AS v`];
  return `DELETE FROM ${sql}${other === undefined ? '' : ` USING ${other.sql}`}${where}${returning(draw, table, alias, more)}`;
};

export const merge = (draw: Draw, from?: Joined): string => {
  const { random, version } = draw;
  const { table, alias, sql } = targetOf(draw);
  const other = from ?? joined(draw);
  const [target, both] = [[{ alias, table }], [{ alias, table }, ...(other.source === undefined ? [] : [other.source])]];
  const right = other.source === undefined ? [] : [other.source];
  const changed = (sources: readonly Source[]): string =>
    random.pick([
      `UPDATE SET ${assignments(draw, table, sources)}`,
      `UPDATE SET ${assignments(draw, table, sources)}`,
      'DELETE',
      'DO NOTHING',
    ]);
  const inserted = (): string => {
    const columns = granted(draw, table.columns, 'insert').filter(({ name }) => name === 'id' || random.chance(0.85));
    if (columns.length === 0 || random.chance(0.05)) return random.pick(['INSERT DEFAULT VALUES', 'DO NOTHING']);
    return `INSERT (${columns.map(({ name }) => name).join(', ')}) VALUES (${columns.map((column) => (column.name === 'id' ? `${other.alias}.${other.key}` : assigned(draw, column, right))).join(', ')})`;
  };
  const kinds = Array.from({ length: random.whole(1, 3) }, () =>
    random.chance(0.5) ? 'MATCHED' : random.chance(version >= 17 ? 0.7 : 1) ? 'NOT MATCHED' : 'NOT MATCHED BY SOURCE',
  );
  const clauses = kinds.map((kind, index) => {
    const seen = kind === 'MATCHED' ? both : kind === 'NOT MATCHED' ? right : target;
    // Nothing may follow one without a condition.
    const condition = kinds.includes(kind, index + 1) || random.chance(0.4) ? ` AND ${conditionOn(draw, seen, 1)}` : '';
    // Its rows take numbers of their own, and no statement says in which order.
    const one = kind === 'NOT MATCHED' && table.name === 'measures' ? ` AND ${other.alias}.${other.key} = ${random.whole(1, 20)}` : '';
    return ` WHEN ${kind}${one}${condition} THEN ${kind === 'NOT MATCHED' ? inserted() : changed(seen)}`;
  });
  const end = version < 17 ? '' : returning(draw, table, alias, ['merge_action() AS action']);
  return `MERGE INTO ${sql} USING ${other.sql} ON ${other.alias}.${other.key} = ${keyOf(draw, { alias, table })}${clauses.join('')}${end}`;
};
