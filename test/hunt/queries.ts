/**
 * Random SELECT statements: things start here with `query`.
 */
import { quoteName } from './database.ts';
import { Expressions, FAMILIES } from './expressions.ts';
import { deeper, type Field, freshName, type Item, type Place, someTable } from './scope-of-names.ts';
import type { Family } from './values.ts';

export type Query = { readonly sql: string; readonly fields: readonly Field[] };

/** Expressions, with sub-queries. */
export const expressions = new Expressions({
  scalar: (place, family) => query(deeper(place), { families: [family], most: 1 }).sql,
  any: (place) => query(deeper(place), {}).sql,
});

type Wanted = {
  /** Families of the columns; any columns unless told. */
  readonly families?: readonly Family[];
  /** LIMIT. */
  readonly most?: number;
};

/** A whole query, in any of its forms. */
export const query = (place: Place, wanted: Wanted): Query => {
  const { random } = place;
  if (place.depth <= 0) return simple(place, wanted);
  const form = random.next();
  if (form < 0.1) return withQueries(place, wanted);
  if (form < 0.2) return setOperation(place, wanted);
  if (form < 0.24) return values(place, wanted);
  if (form < 0.27 && wanted.families === undefined) return tableCommand(place);
  if (form < 0.3) return recursive(place, wanted);
  return select(place, wanted);
};

const simple = (place: Place, { families = [place.random.pick(FAMILIES)] }: Wanted): Query => {
  const { sql, fields, name } = someTable(place);
  const [alias] = place.random.chance(0.5) ? [name] : [freshName(place, 's')];
  const inner: Place = { ...place, items: [...place.items, { alias, fields }] };
  const columns = families.map((family) => expressions.of(inner, family));
  return {
    sql: `SELECT ${columns.map((column, index) => `${column} AS c${index}`).join(', ')} FROM ${sql}${alias === name ? '' : ` ${alias}`} LIMIT 1`,
    fields: families.map((family, index) => ({ name: `c${index}`, family })),
  };
};

const values = (place: Place, { families = place.random.some(FAMILIES, place.random.whole(1, 3)) }: Wanted): Query => {
  const row = (): string => `(${families.map((family) => expressions.of(deeper(place), family)).join(', ')})`;
  return {
    sql: `VALUES ${Array.from({ length: place.random.whole(1, 2) }, row).join(', ')}`,
    fields: families.map((family, index) => ({ name: `column${index + 1}`, family })),
  };
};

const tableCommand = (place: Place): Query => {
  const { sql, fields } = someTable(place);
  return { sql: `TABLE ${place.random.chance(0.2) ? 'ONLY ' : ''}${sql}`, fields };
};

const setOperation = (place: Place, { families = place.random.some(FAMILIES, place.random.whole(1, 3)), most }: Wanted): Query => {
  const { random } = place;
  const side = (): string => `(${query(deeper(place), { families }).sql})`;
  const operator = random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'EXCEPT ALL', 'INTERSECT ALL']);
  const order = random.chance(0.4) ? ` ORDER BY ${random.whole(1, families.length)}` : '';
  return {
    sql: `SELECT * FROM (${side()} ${operator} ${side()}${order}) ${freshName(place, 'u')}${limit(place, most)}`,
    fields: families.map((family, index) => ({ name: `c${index}`, family })),
  };
};

/** WITH, now and then under the name of a table. */
const withQueries = (place: Place, wanted: Wanted): Query => {
  const { random } = place;
  const queries = new Map(place.queries);
  const parts: string[] = [];
  for (let count = random.whole(1, 2); count > 0; count -= 1) {
    const name = random.chance(0.4) ? random.pick(['people', 'orders', 'secrets', 'notes']) : freshName(place, 'w');
    if (parts.some((part) => part.startsWith(`${name} `))) continue;
    const families = random.some(FAMILIES, random.whole(1, 3));
    const body = query({ ...deeper(place), queries: new Map(queries) }, { families });
    parts.push(
      `${name} (${families.map((_, index) => `c${index}`).join(', ')}) AS ${random.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(${body.sql})`,
    );
    queries.set(
      name,
      families.map((family, index) => ({ name: `c${index}`, family })),
    );
  }
  const main = select({ ...deeper(place), queries }, wanted);
  return { sql: `WITH ${parts.join(', ')} ${main.sql}`, fields: main.fields };
};

const recursive = (place: Place, wanted: Wanted): Query => {
  const name = freshName(place, 'r');
  const start = query(deeper(place), { families: ['int', 'text'], most: 2 });
  const fields: Field[] = [
    { name: 'c0', family: 'int' },
    { name: 'c1', family: 'text' },
  ];
  const self: Place = { ...deeper(place), items: [{ alias: name, fields }] };
  const step = `SELECT ${name}.c0 + 1, left((${expressions.of(self, 'text')})::text, 40) FROM ${name} WHERE ${name}.c0 < 3 LIMIT 5`;
  const main = select({ ...deeper(place), queries: new Map([...place.queries, [name, fields]]) }, wanted);
  return { sql: `WITH RECURSIVE ${name} (c0, c1) AS ((${start.sql}) UNION ALL (${step})) ${main.sql}`, fields: main.fields };
};

const limit = (place: Place, most = 15): string =>
  place.random.pick([
    ` LIMIT ${most}`,
    ` LIMIT ${most} OFFSET ${most === 1 ? 0 : place.random.whole(0, 3)}`,
    ` FETCH FIRST ${most} ROWS ONLY`,
  ]);

/** An entry of FROM: its text and what it brings. */
const fromItem = (place: Place, lateral: readonly Item[]): { readonly sql: string; readonly item: Item } => {
  const { random } = place;
  const form = random.next();
  if (form < 0.16 && place.depth > 0) {
    const isLateral = random.chance(0.4) && lateral.length > 0;
    const inner = query(
      { ...deeper(place), items: isLateral ? [...place.items, ...lateral] : place.items },
      { families: random.some(FAMILIES, 3), most: 4 },
    );
    const alias = freshName(place, 'q');
    const fields = inner.fields.map((field, index) => ({ name: `k${index}`, family: field.family }));
    return {
      sql: `${isLateral ? 'LATERAL ' : ''}(${inner.sql}) AS ${alias} (${fields.map(({ name }) => name).join(', ')})`,
      item: { alias, fields },
    };
  }
  const known = [...place.queries];
  if (form < 0.34 && known.length > 0) {
    const [name, fields] = random.pick(known);
    const alias = freshName(place, 'n');
    return { sql: `${name} AS ${alias}`, item: { alias, fields } };
  }
  if (form < 0.4) {
    const alias = freshName(place, 'f');
    const sql = random.pick([
      `generate_series(1, ${random.whole(1, 3)}) AS ${alias} (v)`,
      `unnest(ARRAY[1, 2]) AS ${alias} (v)`,
      `(VALUES (1), (2)) AS ${alias} (v)`,
    ]);
    return { sql, item: { alias, fields: [{ name: 'v', family: 'int' }] } };
  }
  const { sql, name, fields, relation } = someTable(place);
  const alias =
    random.chance(0.6) || lateral.some((item) => item.alias === name) || place.items.some((item) => item.alias === name)
      ? freshName(place, 't')
      : name;
  const only = random.chance(0.05) ? 'ONLY ' : '';
  const renamed = random.chance(0.05) && alias !== name && fields.length > 1;
  const suffix = alias === name ? '' : random.pick([` ${alias}`, ` AS ${alias}`]);
  if (renamed)
    return { sql: `${only}${sql} AS ${alias} (z0)`, item: { alias, fields: [{ ...fields[0]!, name: 'z0' }, ...fields.slice(1)] } };
  const sample = random.chance(0.03) && relation.derived !== true ? ` TABLESAMPLE BERNOULLI (90) REPEATABLE (${random.whole(1, 9)})` : '';
  return { sql: `${only}${sql}${suffix}${sample}`, item: { alias, fields } };
};

const from = (place: Place): { readonly sql: string; readonly items: readonly Item[] } => {
  const { random } = place;
  const first = fromItem(place, []);
  let sql = first.sql;
  const items: Item[] = [first.item];
  for (let more = random.pick([0, 0, 0, 1, 1, 2]); more > 0; more -= 1) {
    const next = fromItem(place, items);
    const inner: Place = { ...deeper(place), items: [...place.items, ...items, next.item] };
    const common = next.item.fields.filter((field) =>
      items.some((item) => item.fields.some((other) => other.name === field.name && other.family === field.family)),
    );
    const form = random.next();
    const needsOn = random.pick([
      'JOIN',
      'LEFT JOIN',
      'INNER JOIN',
      ...(next.sql.startsWith('LATERAL') ? [] : ['RIGHT JOIN', 'FULL JOIN']),
    ]);
    if (form < 0.15) sql += `, ${next.sql}`;
    else if (form < 0.25) sql += ` CROSS JOIN ${next.sql}`;
    else if (form < 0.4 && common.length > 0 && items.length === 1)
      sql += ` ${needsOn} ${next.sql} USING (${quoteName(random.pick(common).name)})`;
    else if (form < 0.45 && items.length === 1) sql += ` NATURAL JOIN ${next.sql}`;
    else {
      const [family] = random.pick(items).fields.length > 0 ? [random.pick(random.pick(items).fields).family] : ['int' as const];
      sql += ` ${needsOn} ${next.sql} ON ${random.chance(0.3) ? expressions.plain(inner) : random.chance(0.5) ? `${expressions.of(inner, family)} = ${expressions.of(inner, family)}` : expressions.of(inner, 'bool')}`;
    }
    items.push(next.item);
  }
  return { sql, items };
};

const AGGREGATES: readonly (readonly [Family, (place: Place) => string])[] = [
  ['int', () => 'count(*)'],
  ['int', (p) => `count(DISTINCT ${expressions.any(p).sql})`],
  ['text', (p) => `min(${expressions.of(p, 'text')})`],
  ['text', (p) => `string_agg(${expressions.of(p, 'text')}, ',' ORDER BY ${expressions.any(p).sql})`],
  ['numeric', (p) => `sum(${expressions.of(p, p.random.pick(['int', 'numeric']))})`],
  ['numeric', (p) => `avg(${expressions.of(p, 'numeric')}) FILTER (WHERE ${expressions.of(p, 'bool')})`],
  ['numeric', (p) => `percentile_cont(0.5) WITHIN GROUP (ORDER BY ${expressions.of(p, 'int')})::numeric`],
  ['text', (p) => `mode() WITHIN GROUP (ORDER BY ${expressions.of(p, 'text')})`],
  ['json', (p) => `json_agg(${p.items.length > 0 ? quoteName(p.random.pick(p.items).alias) : '1'})`],
  ['jsonb', (p) => `jsonb_agg(${expressions.any(p).sql})`],
  ['jsonb', (p) => `jsonb_object_agg(${expressions.of(p, 'int')}, ${expressions.any(p).sql})`],
  ['texts', (p) => `array_agg(${expressions.of(p, 'text')})`],
  ['bool', (p) => `bool_or(${expressions.of(p, 'bool')})`],
  ['numeric', (p) => `stddev(${expressions.of(p, 'int')})`],
  ['date', (p) => `max(${expressions.of(p, 'date')})`],
  ['text', (p) => `xmlagg(xmlelement(name e, ${expressions.of(p, 'text')}))::text`],
];

const WINDOWS: readonly (readonly [Family, (place: Place) => string])[] = [
  ['int', () => 'row_number()'],
  ['int', () => 'rank()'],
  ['text', (p) => `lag(${expressions.of(p, 'text')})`],
  ['text', (p) => `first_value(${expressions.of(p, 'text')})`],
  ['int', () => 'count(*)'],
  ['numeric', (p) => `sum(${expressions.of(p, 'numeric')})`],
  ['int', () => 'ntile(3)'],
  ['numeric', () => 'cume_dist()::numeric'],
  ['int', () => 'dense_rank()'],
  ['text', (p) => `nth_value(${expressions.of(p, 'text')}, 2)`],
  ['text', (p) => `max(${expressions.of(p, 'text')}) FILTER (WHERE ${expressions.of(p, 'bool')})`],
];

const windowed = (place: Place): { readonly sql: string; readonly family: Family } => {
  const [family, make] = place.random.pick(WINDOWS);
  const flat: Place = { ...place, depth: Math.min(place.depth, 1) };
  const frame = place.random.pick([
    '',
    '',
    ' ROWS BETWEEN 1 PRECEDING AND CURRENT ROW',
    ' GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES',
    ' RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP',
  ]);
  return { sql: `${make(flat)} OVER (PARTITION BY ${expressions.any(flat).sql} ORDER BY ${expressions.any(flat).sql}${frame})`, family };
};

const cast = (sql: string, family: Family, wanted: Family | undefined): string =>
  wanted === undefined || wanted === family ? sql : `(${sql})::text`;

const grouped = (
  place: Place,
  source: { readonly sql: string; readonly items: readonly Item[] },
  where: string,
  { families, most }: Wanted,
): Query => {
  const { random } = place;
  const keyed = source.items.find(({ fields }) => fields[0]?.name === 'id' && fields.length > 3);
  const byKey = keyed !== undefined && random.chance(0.4);
  const keys = byKey
    ? [`${quoteName(keyed.alias)}.id`]
    : Array.from({ length: random.whole(1, 2) }, () => expressions.any({ ...place, depth: Math.min(1, place.depth) }).sql);
  const usable = keys.filter((key) => !/^[-\d.'$]|^\(?ARRAY\[|^(true|false)/.test(key));
  const keySql = usable.length === 0 ? [] : usable;
  const columns: { sql: string; family: Family }[] = [];
  const flat: Place = { ...place, depth: Math.min(1, place.depth), items: source.items };
  for (const family of families ?? Array.from({ length: random.whole(1, 3) }, () => undefined)) {
    const fitting = AGGREGATES.filter(([kind]) => family === undefined || kind === family);
    if (byKey && random.chance(0.5) && family === undefined) {
      const field = random.pick(keyed.fields);
      columns.push({ sql: `${quoteName(keyed.alias)}.${quoteName(field.name)}`, family: field.family });
    } else if (fitting.length > 0) {
      const [kind, make] = random.pick(fitting);
      columns.push({ sql: make(flat), family: kind });
    } else columns.push({ sql: `min((${expressions.of(flat, family!)})::text)`, family: 'text' });
  }
  const form = random.pick(['plain', 'plain', 'plain', 'ROLLUP', 'CUBE', 'SETS', 'DISTINCT']);
  const by =
    keySql.length === 0
      ? ''
      : form === 'plain' || byKey
        ? ` GROUP BY ${keySql.join(', ')}`
        : form === 'SETS'
          ? ` GROUP BY GROUPING SETS ((${keySql.join(', ')}), (${keySql[0]}), ())`
          : form === 'DISTINCT'
            ? ` GROUP BY DISTINCT ROLLUP (${keySql.join(', ')}), CUBE (${keySql[0]})`
            : ` GROUP BY ${form} (${keySql.join(', ')})`;
  const having = random.chance(0.2)
    ? ` HAVING ${random.chance(0.5) ? `count(*) > ${random.whole(0, 1)}` : `bool_or(${expressions.of(flat, 'bool')})`}`
    : '';
  const order = random.chance(0.3) ? ' ORDER BY 1' : '';
  const list = columns.map((column, index) => `${cast(column.sql, column.family, families?.[index])} AS c${index}`).join(', ');
  return {
    sql: `SELECT ${list} FROM ${source.sql}${where}${by}${having}${order}${limit(place, most)}`,
    fields: columns.map(({ family }, index) => ({ name: `c${index}`, family: families?.[index] ?? family })),
  };
};

const select = (place: Place, wanted: Wanted): Query => {
  const { random } = place;
  const { families, most } = wanted;
  const source = from(place);
  const inner: Place = { ...deeper(place), items: [...place.items, ...source.items] };
  const plain = random.chance(0.35) ? expressions.plain(inner) : undefined;
  const told = plain === undefined || random.chance(0.2) ? expressions.of(inner, 'bool') : undefined;
  const where = random.chance(0.6) ? ` WHERE ${[plain, told].filter((part) => part !== undefined).join(' AND ')}` : '';
  if (random.chance(0.18)) return grouped(inner, source, where, wanted);
  if (families === undefined && random.chance(0.2)) {
    const item = random.pick(source.items);
    const star = random.pick(['*', `${quoteName(item.alias)}.*`, quoteName(item.alias), `(${quoteName(item.alias)}).*`]);
    const order = random.chance(0.3) ? ` ORDER BY ${expressions.any(inner).sql}` : '';
    return { sql: `SELECT ${star} FROM ${source.sql}${where}${order}${limit(place, most)}`, fields: [] };
  }
  const own: Place = { ...inner, items: random.chance(0.8) ? source.items : inner.items };
  const columns = (families ?? Array.from({ length: random.whole(1, 4) }, () => undefined)).map((family) => {
    if (family !== undefined) return { sql: expressions.of(own, family), family };
    return random.chance(0.1) ? windowed(own) : expressions.any(own);
  });
  const list = columns.map(({ sql }, index) => `${sql} AS c${index}`).join(', ');
  const key = columns[0]!.sql;
  const distinct = random.pick(['', '', '', '', 'DISTINCT ', `DISTINCT ON (${key}) `]);
  const order = distinct.startsWith('DISTINCT ON')
    ? ` ORDER BY ${key}`
    : random.chance(0.35)
      ? ` ORDER BY ${distinct === '' ? expressions.any(own).sql : '1'}${random.pick(['', ' DESC', ' NULLS FIRST'])}`
      : '';
  return {
    sql: `SELECT ${distinct}${list} FROM ${source.sql}${where}${order}${limit(place, most)}`,
    fields: columns.map(({ family }, index) => ({ name: `c${index}`, family })),
  };
};
